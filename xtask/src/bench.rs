use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::step::run_shown;
use crate::{npm, paths, server, tools};

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Small numbers, to see that it works; shows what it measured and changes no document
    #[arg(long)]
    quick: bool,
    /// Measure SwampDragon, the floor and this peer alone, such as ws; or one part of what is measured of SwampDragon
    /// alone: growth, crowd, herd, publication; or what the client costs a page: pages; likewise
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the document and the chart again from a run that was kept, such as target/bench/run.json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "only"])]
    from: Option<PathBuf>,
}

impl Bench {
    /// Builds what is measured and what measures, and has it do so.
    pub(crate) fn run(&self) -> Result<()> {
        if self.from.is_none() {
            tools::install(&tools::FOR_BENCH)?;
            server::build()?;
            npm::pack()?;
            build(&["bench", "bench-floor", "bench-load", "bench-news", "bench-tungstenite"])?;
        } else {
            build(&["bench"])?;
        }
        let mut bench = Command::new(paths::target().join("release/bench"));
        if self.quick {
            bench.arg("--quick");
        }
        if let Some(name) = &self.only {
            bench.args(["--only", name]);
        }
        if let Some(file) = &self.from {
            bench.arg("--from").arg(file);
        }
        // In this process's place: what interrupts this command reaches it, and it ends what it has started.
        Err(bench.exec()).context("the benchmark does not start")
    }
}

fn build(programs: &[&str]) -> Result<()> {
    eprintln!("  Load driver and peers");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root()).args(["build", "--release", "-p", "swampdragon-bench", "-p", "swampdragon-tests"]);
    run_shown(cargo.args(programs.iter().flat_map(|name| ["--bin", name])))
}
