//! A child process that ends with the value that owns it.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// A running program with its output.
pub(crate) struct Process {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// What a process has written so far.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<String>>);

impl Output {
    fn read(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A pipe that nobody empties would stop the process, so each has a thread of its own.
    fn follow(&self, pipe: impl Read + Send + 'static) {
        let output = self.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                output.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
    }
}

impl Process {
    /// Starts `command` in a process group of its own, so that what it starts can be ended with it.
    ///
    /// `remedy` says in one sentence what to do when there is no such program.
    pub(crate) fn start(mut command: Command, remedy: &str) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} does not start. {remedy}"))?;
        let (stdout, stderr) = (Output::default(), Output::default());
        if let Some(pipe) = child.stdout.take() {
            stdout.follow(pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            stderr.follow(pipe);
        }
        Ok(Self { name, child, stdout, stderr })
    }

    /// Waits for a line on standard output that `find` makes something of.
    pub(crate) fn line<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let end = Instant::now() + crate::deadline::PATIENCE;
        loop {
            // Only whole lines: half a port number is a port number too.
            let written = self.stdout.read();
            let whole = written.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(found) = whole.lines().find_map(&find) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before it said {what}:\n{}{}", self.name, self.stdout(), self.stderr());
            }
            if Instant::now() > end {
                bail!("{} never said {what}:\n{}{}", self.name, self.stdout(), self.stderr());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it takes connections on `port`; `false` when the port was taken by another.
    fn listens(&mut self, port: u16) -> Result<bool> {
        let end = Instant::now() + crate::deadline::PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                // Its threads may be a moment behind the exit.
                thread::sleep(Duration::from_millis(50));
                let said = self.stdout() + &self.stderr();
                if said.to_lowercase().contains("in use") {
                    return Ok(false);
                }
                bail!("{} ended ({status}) before it listened:\n{said}", self.name);
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(true);
            }
            if Instant::now() > end {
                bail!("{} does not listen on port {port}:\n{}{}", self.name, self.stdout(), self.stderr());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.read()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.read()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        nix::sys::signal::kill(self.pid(), signal).with_context(|| format!("{} cannot be signalled", self.name))
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                bail!("{} still runs after {} s:\n{}{}", self.name, within.as_secs(), self.stdout(), self.stderr());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the process and all that it started, without asking.
    pub(crate) fn kill(&mut self) {
        // An error says that there is nothing left to end.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }

    #[expect(clippy::cast_possible_wrap, reason = "Linux and macOS keep process ids far below 2^31")]
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

/// Starts a program that cannot choose a free port by itself, and waits until it listens on the one it was given.
///
/// Between choosing a port and starting, another may take it; then it is tried again with another.
pub(crate) fn on_free_port(remedy: &str, command: impl Fn(u16) -> Result<Command>) -> Result<(Process, u16)> {
    for _ in 0..5 {
        let port = free_port()?;
        let mut process = Process::start(command(port)?, remedy)?;
        if process.listens(port)? {
            return Ok((process, port));
        }
    }
    bail!("no free port in five attempts")
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
