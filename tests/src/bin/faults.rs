//! What faults do to the sessions of pages that are in use: see `swampdragon_tests::faults`.
//!
//! `cargo xtask test faults`, which builds the servers first, or
//! `cargo run -p swampdragon-tests --bin faults [CONNECTIONS [WORDS]]`, only those faults with these words in them

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::faults::{Fault, Outcome, suffer, table};

const CONNECTIONS: usize = 2000;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let connections =
        arguments.next().map_or(Ok(CONNECTIONS), |count| count.parse()).context("CONNECTIONS is a number")?;
    let words = arguments.next().unwrap_or_default();
    let faults: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.to_string().contains(&words)).collect();
    ensure!(!faults.is_empty(), "no fault has `{words}` in its name");
    let mut outcomes = Vec::new();
    for (number, fault) in faults.iter().copied().enumerate() {
        eprintln!("[{}/{}] {fault}", number + 1, faults.len());
        outcomes.push(suffer(fault, connections).await.with_context(|| fault.to_string())?);
    }
    print!("{}", table(&outcomes));
    let complaints: Vec<_> = outcomes.iter().filter_map(Outcome::complaint).collect();
    complaints.iter().for_each(|complaint| println!("FAILED  {complaint}"));
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
