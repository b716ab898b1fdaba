//! Measures this server and its peers, and writes `docs/benchmarks.md` with its chart: what `cargo xtask bench` runs.
//!
//! `bench [--quick] [--only NAME]`; with either, both are written to `target/bench` and shown instead.
//! `bench --only pages` shows what the client costs a page, and measures no server.
//! `bench --from FILE` writes them from a run that was kept (`target/bench/run.json`), and measures nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use swampdragon_bench::report::{Run, Scale, chart, markdown, pages};
use swampdragon_server::shutdown_signal;
use swampdragon_tests::{
    benchmark::{self, Choice},
    limits,
    server::target_directory,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (mut scale, mut only, mut from) = (Scale::FULL, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => scale = Scale::QUICK,
            "--only" => only = Some(arguments.next().context("--only takes a name")?),
            "--from" => from = Some(PathBuf::from(arguments.next().context("--from takes a file")?)),
            other => bail!("there is no `{other}`; there are --quick, --only NAME and --from FILE"),
        }
    }
    if only.as_deref() == Some("pages") {
        println!("{}", pages::section(&benchmark::pages::measure(scale.rounds).await?));
        return Ok(());
    }
    let run = match from {
        Some(file) => {
            ensure!(scale == Scale::FULL && only.is_none(), "--from measures nothing: --quick and --only do not apply");
            read(&file)?
        }
        None => measure(scale, only.as_deref()).await?,
    };
    write(&run)
}

/// Until all is measured or whoever started it wants no more; either way, nothing that was started is left behind.
async fn measure(scale: Scale, only: Option<&str>) -> Result<Run> {
    let interrupted = shutdown_signal()?;
    let choice = Choice::of(only)?;
    limits::raise_open_files(scale.most_connections())?;
    let file = folder()?.join("run.json");
    tokio::select! {
        run = benchmark::run(scale, &choice, |run| keep(run, &file)) => run,
        () = interrupted => bail!("interrupted; {} has the rounds that were done before", file.display()),
    }
}

/// Where a run is kept.
fn folder() -> Result<PathBuf> {
    let folder = target_directory()?.join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn keep(run: &Run, file: &Path) -> Result<()> {
    // Not half a run in place of a whole one, whenever this ends.
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(run)?)?;
    fs::rename(&new, file).with_context(|| format!("{} cannot be written", file.display()))
}

fn read(file: &Path) -> Result<Run> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no run of this version", file.display()))
}

fn write(run: &Run) -> Result<()> {
    let is_whole = benchmark::is_whole(run);
    let folder = if is_whole { Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs") } else { folder()? };
    let document = markdown(run);
    fs::write(folder.join("benchmarks.md"), &document)?;
    fs::write(folder.join("benchmarks.svg"), chart(run))?;
    if !is_whole {
        println!("{document}");
    }
    eprintln!("  {}", folder.join("benchmarks.md").display());
    Ok(())
}
