//! `cargo xtask test`: everything that is tested, from a fresh clone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::step::{run, run_shown, step};
use crate::{npm, paths, server, size, tools};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Test {
    /// Leave out the end-to-end tests, which need Redis and Chromium
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    only: Option<Only>,
}

/// A part that takes too long to be among the others.
#[derive(clap::Subcommand)]
#[command(disable_help_subcommand = true)]
enum Only {
    /// Kill and pause Redis and servers under load, and count the sessions that died; 0 is allowed
    Faults(Faults),
}

#[derive(clap::Args)]
struct Faults {
    /// How many pages keep a session while it happens
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Only the faults with these words in their names, such as "Redis"
    #[arg(long, default_value = "")]
    only: String,
}

/// What ran, how long it took and what it found.
#[derive(Default)]
struct Report(Vec<(&'static str, Duration, Found)>);

/// What a part found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// So many tests passed, and none failed.
    Passed(u32),
    /// It did what it had to.
    Done,
}

/// A part of the whole: what it is called, and how to do it.
type Part = (&'static str, fn() -> Result<Found>);

const PARTS: [Part; 6] = [
    ("npm package", || npm::pack().map(|_| Found::Done)),
    ("Server", || server::build().map(|_| Found::Done)),
    // The guide's app is built and run by the end-to-end tests.
    ("Rust tests", || {
        cargo_test(&["--workspace", "--exclude", "swampdragon-tests", "--exclude", "swampdragon-guide-axum"], &[])
    }),
    ("JavaScript tests", javascript_tests),
    ("Page weight", || size::report(false).map(|()| Found::Done)),
    // Most of these wait for a time to live to pass, so more of them than there are cores can do so at once.
    (END_TO_END, || cargo_test(&["-p", "swampdragon-tests"], &["--test-threads", "4"])),
];

const END_TO_END: &str = "End to end";

impl Test {
    /// Prepares, builds and runs; the first failure ends it.
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(Only::Faults(faults)) = &self.only {
            return faults.run();
        }
        let start = Instant::now();
        let mut report = Report::default();
        if !self.quick {
            tools::install(&tools::FOR_TESTS)?;
        }
        // What a former run found must not look like this one's.
        let _ = fs::remove_file(frameworks());
        let parts: Vec<Part> = PARTS.into_iter().filter(|(what, _)| !(self.quick && *what == END_TO_END)).collect();
        for (number, (what, work)) in parts.iter().enumerate() {
            eprintln!("[{}/{}] {what}", number + 1, parts.len());
            report.time(what, work)?;
        }
        print!("{}", report.table());
        if let Ok(table) = fs::read_to_string(frameworks()) {
            println!("{table}");
        }
        println!("Everything passed in {}.", spoken(start.elapsed()));
        println!("{} passed, 0 failed", report.passed());
        Ok(())
    }
}

/// The table that the end-to-end tests write of the sessions of other frameworks' apps.
fn frameworks() -> PathBuf {
    paths::target().join("e2e/frameworks.txt")
}

impl Faults {
    fn run(&self) -> Result<()> {
        tools::install(&tools::FOR_TESTS)?;
        server::build()?;
        let mut faults = Command::new("cargo");
        faults.current_dir(paths::root()).args(["run", "-p", "swampdragon-tests", "--bin", "faults", "--"]);
        run_shown(faults.arg(self.connections.to_string()).arg(&self.only))
    }
}

impl Report {
    fn time(&mut self, what: &'static str, work: impl FnOnce() -> Result<Found>) -> Result<()> {
        let start = Instant::now();
        let found = work().with_context(|| format!("{what} failed"))?;
        self.0.push((what, start.elapsed(), found));
        Ok(())
    }

    fn table(&self) -> String {
        let rows = self.0.iter().map(|(what, took, found)| match found {
            Found::Passed(tests) => format!("  {what:<22}{:>10}   {tests} passed", spoken(*took)),
            Found::Done => format!("  {what:<22}{:>10}", spoken(*took)),
        });
        rows.fold("\n".to_owned(), |table, row| table + &row + "\n") + "\n"
    }

    fn passed(&self) -> u32 {
        self.0.iter().map(|(_, _, found)| if let Found::Passed(tests) = found { *tests } else { 0 }).sum()
    }
}

/// Builds before it runs: the one shows cargo's progress, the other is quiet unless a test fails.
fn cargo_test(what: &[&str], how: &[&str]) -> Result<Found> {
    let cargo = || {
        let mut command = Command::new("cargo");
        command.current_dir(paths::root()).arg("test").args(what);
        command
    };
    run_shown(cargo().arg("--no-run"))?;
    let output = step("cargo test", || run(cargo().arg("--").args(how), "install Rust from https://rustup.rs"))?;
    passed(&output).context("cargo test did not say how many tests passed")
}

/// The package's own tests, and a strict TypeScript program that uses it.
fn javascript_tests() -> Result<Found> {
    let output = step("npm test", || run(Command::new("npm").arg("test").current_dir(paths::js()), npm::NODE_REMEDY))?;
    // Node's summary line: "# pass 31" or, in newer versions, "ℹ pass 31".
    let passed = output.lines().find_map(|line| line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix("pass "));
    let passed = passed.and_then(|count| count.parse().ok()).context("npm test did not say how many tests passed")?;
    Ok(Found::Passed(passed))
}

/// How many tests passed, in all of cargo's test programs together.
fn passed(output: &str) -> Option<Found> {
    let counts = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. ")?.split_once(" passed")?.0.parse::<u32>().ok());
    counts.reduce(|sum, count| sum + count).map(Found::Passed)
}

fn spoken(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f32()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_summed() {
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed\n\ntest result: ok. 4 passed; 0 failed\n";
        assert_eq!(passed(output), Some(Found::Passed(7)));
        assert_eq!(passed("error: could not compile"), None);
    }

    #[test]
    fn minutes_are_told_from_a_minute_on() {
        assert_eq!(spoken(Duration::from_millis(59_940)), "59.9 s");
        assert_eq!(spoken(Duration::from_secs(83)), "1 min 23 s");
    }
}
