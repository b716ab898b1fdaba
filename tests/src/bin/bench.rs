//! Measures this server and its peers, and writes `docs/benchmarks.md` with its chart: what `cargo xtask bench` runs.
//!
//! `bench [--quick] [--only NAME]`; with either, what it writes goes to standard output and no document changes.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use swampdragon_bench::report::{Scale, chart, markdown};
use swampdragon_tests::{benchmark, limits};

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
    let document = markdown(&run);
    if scale == Scale::FULL && only.is_none() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        fs::write(docs.join("benchmarks.md"), document)?;
        fs::write(docs.join("benchmarks.svg"), chart(&run))?;
        eprintln!("  docs/benchmarks.md, docs/benchmarks.svg");
    } else {
        println!("{document}");
    }
    Ok(())
}
