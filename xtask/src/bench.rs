use std::process::Command;

use anyhow::Result;

use crate::step::run_shown;
use crate::{paths, server, tools};

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Small numbers, to see that it works; shows what it measured and changes no document
    #[arg(long)]
    quick: bool,
    /// Measure SwampDragon, the floor and this peer alone, such as ws; likewise
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

impl Bench {
    /// Builds what is measured and what measures, and has it do so.
    pub(crate) fn run(&self) -> Result<()> {
        tools::install(&tools::FOR_BENCH)?;
        server::build()?;
        eprintln!("  Load driver and peers");
        run_shown(Command::new("cargo").current_dir(paths::root()).args([
            "build",
            "--release",
            "-p",
            "swampdragon-bench",
            "-p",
            "swampdragon-tests",
            "--bin",
            "bench",
            "--bin",
            "bench-floor",
            "--bin",
            "bench-tungstenite",
        ]))?;
        let mut bench = Command::new(paths::target().join("release/bench"));
        if self.quick {
            bench.arg("--quick");
        }
        if let Some(name) = &self.only {
            bench.args(["--only", name]);
        }
        run_shown(&mut bench)
    }
}
