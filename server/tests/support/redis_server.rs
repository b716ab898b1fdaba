//! A Redis server of a test's own: in a temporary folder, without persistence, gone with the test.

#![allow(dead_code, reason = "each test crate that has this module uses a part of it")]

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running `redis-server`, killed when dropped. All have a Unix socket; some have a port, too.
pub(crate) struct RedisServer {
    folder: tempfile::TempDir,
    program: OsString,
    arguments: Vec<String>,
    port: u16,
    process: Child,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments, such as `["--requirepass", "secret"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_program("redis-server", arguments)
    }

    /// Starts another program than `redis-server` that is called alike.
    pub(crate) fn start_program(program: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let mut server = Self::launch(program.as_ref(), 0, arguments.iter().map(|&argument| argument.to_owned()));
        assert!(server.comes_up(), "redis-server ended instead of answering");
        server
    }

    /// Starts a server on a free port, too. `arguments` may use the ports `PORT` and `PORT2`.
    pub(crate) fn on_port(arguments: &[&str]) -> Self {
        // Redis cannot choose a free port by itself, and between choosing one and starting, another may take it.
        for _ in 0..10 {
            let (port, second) = (free_port(), free_port());
            let named =
                |argument: &&str| argument.replace("PORT2", &second.to_string()).replace("PORT", &port.to_string());
            let mut server = Self::launch(OsStr::new("redis-server"), port, arguments.iter().map(named));
            if server.comes_up() {
                return server;
            }
        }
        panic!("redis-server found no free port in ten attempts")
    }

    fn launch(program: &OsStr, port: u16, arguments: impl Iterator<Item = String>) -> Self {
        let folder = tempfile::Builder::new().prefix("redis").tempdir().expect("a temporary folder can be made");
        let arguments: Vec<_> = arguments.collect();
        let process = launch(program, &folder, &arguments);
        Self { folder, program: program.to_owned(), arguments, port, process }
    }

    /// Kills the server: connections end at once, its data is gone.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself; either way it is gone then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts the server again, in the same place and with the same arguments.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(&self.program, &self.folder, &self.arguments);
        assert!(self.comes_up(), "redis-server did not start again");
    }

    /// Starts the server again as another program.
    pub(crate) fn restart_as(&mut self, program: impl AsRef<OsStr>) {
        program.as_ref().clone_into(&mut self.program);
        self.restart();
    }

    /// Stops the process where it stands. Its connections stay, and nobody answers on them.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).expect("process ids are small");
        kill(Pid::from_raw(id), signal).expect("the process is there");
    }

    /// The server's address for a session store.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Its port, if it was started on one.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder it runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// Waits until it answers; `false` if it has ended instead.
    fn comes_up(&mut self) -> bool {
        let started = Instant::now();
        while !self.answers().unwrap_or(false) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return false;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "redis-server did not answer within 20 s");
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    fn answers(&self) -> io::Result<bool> {
        let mut connection = UnixStream::connect(self.socket())?;
        connection.set_read_timeout(Some(Duration::from_secs(1)))?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer)?;
        // One with a password asks for it: it is ready, too.
        Ok(&answer == b"+PONG" || &answer == b"-NOAU")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("redis.sock")
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("there are free ports").port()
}

fn launch(program: &OsStr, folder: &tempfile::TempDir, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .arg("--unixsocket")
        .arg(socket(folder))
        .arg("--dir")
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    match command.spawn() {
        Ok(process) => process,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("this test runs a real Redis: install `redis-server` (the Debian package has that name)")
        }
        Err(error) => panic!("redis-server cannot be started: {error}"),
    }
}
