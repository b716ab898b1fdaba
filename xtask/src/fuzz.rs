//! `cargo xtask fuzz`: inputs made up on the spot, by what code they reach.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths;
use crate::step::{run, run_shown, step};

/// The longest input, in bytes. Longer ones take longer and find no more.
const MAX_LENGTH: u32 = 2048;

#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// Only this target, one of the folders in fuzz/corpus
    #[arg(long)]
    target: Option<String>,
    /// How long each target is run
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Fuzz {
    /// Runs one target after the other; the first finding ends it.
    pub(crate) fn run(&self) -> Result<()> {
        let program = cargo_fuzz()?;
        let all = targets()?;
        let chosen: Vec<_> = match &self.target {
            Some(target) if all.contains(target) => vec![target],
            Some(target) => bail!("there is no target `{target}`; there are {}", all.join(", ")),
            None => all.iter().collect(),
        };
        for target in chosen {
            eprintln!("  {target}, {} s", self.seconds);
            self.run_target(&program, target).with_context(|| {
                format!("{target}: the input is in fuzz/artifacts/{target}; with the fault's fix it goes into fuzz/corpus/{target}")
            })?;
        }
        Ok(())
    }

    fn run_target(&self, program: &Path, target: &str) -> Result<()> {
        let grown = paths::target().join("fuzz/corpus").join(target);
        fs::create_dir_all(&grown)?;
        let mut fuzz = Command::new(program);
        fuzz.current_dir(paths::root());
        // Link-time optimisation takes minutes for each target, and hides what code an input reaches.
        fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off");
        // There is no unsafe code to sanitise; without a sanitizer any toolchain will do.
        fuzz.args(["fuzz", "run", "--sanitizer", "none", "--features", "libfuzzer", "--target-dir"]);
        fuzz.arg(paths::target().join("fuzz")).arg(target);
        // What is found to reach new code goes into the first.
        fuzz.arg(grown).arg(corpus().join(target));
        let dictionary = paths::root().join("fuzz/dictionaries").join(target);
        fuzz.arg("--").arg(format!("-max_total_time={}", self.seconds)).arg(format!("-max_len={MAX_LENGTH}"));
        fuzz.arg("-timeout=10");
        if dictionary.exists() {
            fuzz.arg(format!("-dict={}", dictionary.display()));
        }
        run_shown(&mut fuzz)
    }
}

fn corpus() -> PathBuf {
    paths::root().join("fuzz/corpus")
}

fn targets() -> Result<Vec<String>> {
    let folders = fs::read_dir(corpus()).context("fuzz/corpus")?;
    let mut names: Vec<_> =
        folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// The program, installed beside what cargo builds if it is not there at all.
fn cargo_fuzz() -> Result<PathBuf> {
    if Command::new("cargo-fuzz").args(["fuzz", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return Ok("cargo-fuzz".into());
    }
    let folder = paths::target().join("cargo-fuzz");
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        step("Installing cargo-fuzz", || {
            let mut install = Command::new("cargo");
            install.args(["install", "--locked", "cargo-fuzz", "--root"]).arg(&folder);
            run(&mut install, "install Rust from https://rustup.rs")
        })?;
    }
    Ok(program)
}
