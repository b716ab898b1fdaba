//! A Redis server of a test's own: on a Unix socket in a temporary folder, without persistence, gone with the test.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A running `redis-server`, killed when dropped.
pub(crate) struct RedisServer {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments, such as `["--requirepass", "secret"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("redis").tempdir().expect("a temporary folder can be made");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let process = launch(&folder, &arguments);
        let server = Self { folder, arguments, process };
        server.wait_until_it_answers();
        server
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
        self.process = launch(&self.folder, &self.arguments);
        self.wait_until_it_answers();
    }

    /// The server's address for a session store.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    fn wait_until_it_answers(&self) {
        let started = Instant::now();
        while !self.answers().unwrap_or(false) {
            assert!(started.elapsed() < Duration::from_secs(20), "redis-server did not answer within 20 s");
            thread::sleep(Duration::from_millis(5));
        }
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

fn launch(folder: &tempfile::TempDir, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
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
