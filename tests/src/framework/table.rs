//! The table of what the guides promise and what came of it, printed by the tests.

use std::{
    fmt, fs,
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use anyhow::Result;

use super::Framework;
use crate::server::target_directory;

/// The rows of this run so far.
static ROWS: Mutex<Vec<Row>> = Mutex::new(vec![]);

/// One framework's row.
#[derive(Debug)]
pub struct Row {
    framework: &'static str,
    outcomes: [String; 4],
    versions: String,
}

impl Row {
    /// What came of a framework's sessions: kept by heartbeats, without heartbeats, with a tampered cookie, after a
    /// logout elsewhere.
    ///
    /// # Errors
    /// When the packages do not tell their versions.
    pub fn new(framework: &'static Framework, outcomes: [&Result<&'static str>; 4]) -> Result<Self> {
        let outcomes = outcomes.map(|outcome| outcome.as_ref().map_or("FAILED".to_owned(), |told| (*told).to_owned()));
        let versions = (framework.versions)(&framework.installed()?)?;
        Ok(Self { framework: framework.name, outcomes, versions })
    }

    /// Prints it below those that came before; `e2e/frameworks.txt` in Cargo's target directory has them all.
    ///
    /// # Errors
    /// When that file cannot be written.
    pub fn print(self) -> Result<()> {
        let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
        // Not `print!`, which the test harness withholds when all is well.
        if rows.is_empty() {
            writeln!(io::stdout(), "\n{}", Self::HEAD)?;
        }
        writeln!(io::stdout(), "{self}")?;
        rows.push(self);
        let table: String = rows.iter().map(|row| format!("{row}\n")).collect();
        Ok(fs::write(target_directory()?.join("e2e/frameworks.txt"), format!("{}\n{table}", Self::HEAD))?)
    }

    const HEAD: &'static str = concat!(
        "  framework  heartbeats on  heartbeats off  tampered cookie  logout elsewhere   packages\n",
        "  ---------  -------------  --------------  ---------------  -----------------  --------"
    );
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framework, outcomes: [kept, unkept, tampered, logout], versions } = self;
        write!(f, "  {framework:<9}  {kept:<13}  {unkept:<14}  {tampered:<15}  {logout:<17}  {versions}")
    }
}
