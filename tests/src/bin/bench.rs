//! Measures this server and its peers, and writes `docs/benchmarks.md` with its chart: what `cargo xtask bench` runs.
//!
//! `bench [--quick] [--only NAME]`; with either, both are written to `target/bench` and shown instead.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use swampdragon_bench::report::{Scale, chart, markdown};
use swampdragon_tests::{benchmark, limits, server::target_directory};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (mut scale, mut only) = (Scale::FULL, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => scale = Scale::QUICK,
            "--only" => only = Some(arguments.next().context("--only takes a name")?),
            other => bail!("there is no `{other}`; there are --quick and --only NAME"),
        }
    }
    let peers = benchmark::choose(only.as_deref())?;
    limits::raise_open_files(scale.most_connections())?;
    let run = benchmark::run(scale, &peers).await?;
    let is_whole = scale == Scale::FULL && only.is_none();
    let folder = match is_whole {
        true => Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs"),
        false => target_directory()?.join("bench"),
    };
    fs::create_dir_all(&folder)?;
    let document = markdown(&run);
    fs::write(folder.join("benchmarks.md"), &document)?;
    fs::write(folder.join("benchmarks.svg"), chart(&run))?;
    if !is_whole {
        println!("{document}");
    }
    eprintln!("  {}", folder.join("benchmarks.md").display());
    Ok(())
}
