//! The server as an operator runs it: the `swampdragon` binary.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use swampdragon_bench::ProcessGroup;

use crate::process::Process;

const BANNER: &str = "SwampDragon listens on ";

/// A running server.
pub struct Server {
    process: Process,
    program: PathBuf,
    arguments: Vec<String>,
    url: String,
}

/// How a server ended that could not start.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit code.
    pub status: ExitStatus,
    /// What it said on standard output.
    pub stdout: String,
    /// What it said on standard error.
    pub stderr: String,
}

impl Server {
    /// Starts one on a free port with these arguments besides, and waits until it listens.
    ///
    /// # Errors
    /// When the binary is missing or the server does not come up.
    pub fn start<A: Into<String>>(arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        Self::start_program(&binary()?, arguments)
    }

    /// The same with a program that embeds the server: it takes the same flags and says where it listens.
    ///
    /// # Errors
    /// When the program is missing or does not come up.
    pub fn start_program<A: Into<String>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let (process, url) = launch(program, &arguments, "0")?;
        Ok(Self { process, program: program.to_owned(), arguments, url })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the raw WebSocket endpoint.
    #[must_use]
    pub fn raw_url(&self) -> String {
        format!("{}/data/websocket", self.url.replacen("http", "ws", 1))
    }

    /// `http://HOST:PORT` of the listener for operators.
    ///
    /// # Errors
    /// When it has none.
    pub fn admin_url(&mut self) -> Result<String> {
        self.process.line("where it answers operators", |line| {
            let address = line.strip_prefix("For operators: http://")?.split('/').next()?;
            Some(format!("http://{address}"))
        })
    }

    /// The port it listens on.
    ///
    /// # Errors
    /// When the banner names none.
    pub fn port(&self) -> Result<u16> {
        self.url.rsplit(':').next().context("a URL without a port")?.parse().context("no port in the banner")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the port it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill();
        let port = self.port()?.to_string();
        (self.process, self.url) = launch(&self.program, &self.arguments, &port)?;
        Ok(())
    }

    /// The same with further arguments, from now on.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart_with(&mut self, more: &[&str]) -> Result<()> {
        self.arguments.extend(more.iter().copied().map(str::to_owned));
        self.restart()
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)
    }

    /// Keeps it from doing anything until [`resume`](Self::resume), while its connections stand: SIGSTOP.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Lets it go on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        self.process.ended(within)
    }

    /// What it consists of, to measure.
    #[must_use]
    pub fn group(&self) -> ProcessGroup {
        ProcessGroup::of(self.process.id())
    }

    /// How much memory it has resident, in bytes.
    ///
    /// # Errors
    /// When it has ended, or the system does not tell (`/proc`).
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
        Ok(kilobytes * 1024)
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }
}

/// Runs a server that is expected to refuse its arguments, exactly as given.
///
/// # Errors
/// When it starts after all.
pub fn refusal(arguments: &[&str]) -> Result<Refusal> {
    let mut command = Command::new(binary()?);
    command.args(arguments);
    // Settings of whoever runs the tests must not leak into the servers under test.
    command.env_clear();
    let mut process = Process::start(command, "Run `cargo xtask build`.")?;
    let status = process.ended(Duration::from_secs(15))?;
    // The pipes are read by threads, which may be a moment behind the exit.
    let mut written = (process.stdout(), process.stderr());
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(5));
        let now = (process.stdout(), process.stderr());
        if now == written && !written.1.is_empty() {
            break;
        }
        written = now;
    }
    Ok(Refusal { status, stdout: written.0, stderr: written.1 })
}

fn launch(program: &Path, arguments: &[String], port: &str) -> Result<(Process, String)> {
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", port]).args(arguments);
    // Settings of whoever runs the tests must not leak into the servers under test.
    command.env_clear();
    let mut process = Process::start(command, "Run `cargo xtask build`.")?;
    let url = process.line("where it listens", |line| {
        line.split_once(BANNER).map(|(_, url)| url.trim().trim_end_matches('/').to_owned())
    })?;
    Ok((process, url))
}

/// The release binary that `cargo xtask build` makes.
pub(crate) fn binary() -> Result<PathBuf> {
    let binary = target_directory()?.join("release/swampdragon");
    if !binary.exists() {
        bail!("The server binary {} is missing: run `cargo xtask build` first.", binary.display());
    }
    Ok(binary)
}

/// Cargo's target directory: where this test was built, two levels above its profile's `deps`.
///
/// # Errors
/// When the running program lies elsewhere.
pub fn target_directory() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    this.ancestors()
        .find(|path| path.join("CACHEDIR.TAG").exists())
        .map(PathBuf::from)
        .context("the tests run from Cargo's target directory")
}
