//! What faults do to the sessions of pages that are in use: see `swampdragon_tests::faults`.
//!
//! `cargo xtask test faults`, which builds the servers first, or
//! `cargo run -p swampdragon-tests --bin faults [CONNECTIONS]`

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use swampdragon_tests::faults::{Fault, Outcome, suffer, table};

const CONNECTIONS: usize = 2000;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let connections = match std::env::args().nth(1) {
        Some(count) => count.parse().context("CONNECTIONS is a number")?,
        None => CONNECTIONS,
    };
    let mut outcomes = Vec::new();
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        eprintln!("[{}/{}] {fault}", number + 1, Fault::ALL.len());
        outcomes.push(suffer(fault, connections).await.with_context(|| fault.to_string())?);
    }
    print!("{}", table(&outcomes));
    let complaints: Vec<_> = outcomes.iter().filter_map(Outcome::complaint).collect();
    complaints.iter().for_each(|complaint| println!("FAILED  {complaint}"));
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
