use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use swampdragon_bench::{
    ProcessGroup, Wire,
    report::{FLOOR, OURS, UWEBSOCKETS},
};

use crate::{
    packages,
    process::Process,
    redis::Redis,
    server::{binary, target_directory},
};

const NODE_REDIS: &str = "redis@6.3.1";
const PYTHON_REDIS: [&str; 2] = ["redis==8.1.0", "hiredis==3.5.0"];

/// How long sessions live that peers refresh.
const TTL: Duration = Duration::from_secs(30 * 60);

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// This project's, as `cargo xtask build` makes it.
    SwampDragon,
    /// The least that the work can cost.
    Floor,
    /// uWebSockets, C++.
    UWebSockets,
    /// tokio-tungstenite with default settings.
    Tungstenite,
    /// The npm package ws.
    Ws,
    /// The npm package socket.io.
    SocketIo,
    /// The npm package sockjs.
    SockJs,
    /// sockjs-tornado on Tornado.
    SockJsTornado,
    /// uvicorn with websockets.
    Uvicorn,
}

/// One of them, running.
pub(super) struct Running {
    process: Process,
    pub(super) address: SocketAddr,
}

impl Peer {
    /// Every one, in the order measured.
    pub const ALL: [Self; 9] = [
        Self::SwampDragon,
        Self::Floor,
        Self::UWebSockets,
        Self::Tungstenite,
        Self::Ws,
        Self::SocketIo,
        Self::SockJs,
        Self::SockJsTornado,
        Self::Uvicorn,
    ];

    /// What it is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SwampDragon => OURS,
            Self::Floor => FLOOR,
            Self::UWebSockets => UWEBSOCKETS,
            Self::Tungstenite => "tokio-tungstenite",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::SockJs => "sockjs",
            Self::SockJsTornado => "sockjs-tornado",
            Self::Uvicorn => "uvicorn",
        }
    }

    /// What it consists of, with versions.
    pub(super) fn made_of(self) -> &'static str {
        match self {
            Self::SwampDragon => concat!("this server, ", env!("CARGO_PKG_VERSION"), ", SockJS"),
            Self::Floor => "mio 1, commands to Redis written by hand, WebSocket",
            Self::UWebSockets => {
                "the library in PyPI's socketify 0.0.31, from C, commands to Redis written by hand, WebSocket"
            }
            Self::Tungstenite => "tokio-tungstenite 0.30, redis 1, default settings, WebSocket",
            Self::Ws => "ws 8.23.0, redis 6.3.1, Node.js, WebSocket",
            Self::SocketIo => "socket.io 4.8.4, redis 6.3.1, Node.js, its own protocol on a WebSocket",
            Self::SockJs => "sockjs 0.3.24, redis 6.3.1, Node.js, SockJS",
            Self::SockJsTornado => "sockjs-tornado 1.0.7, tornado 6.6.1, redis 8.1.0 with hiredis, Python, SockJS",
            Self::Uvicorn => {
                "uvicorn 0.54.0, websockets 17.4, uvloop 0.23.0, redis 8.1.0 with hiredis, Python, WebSocket"
            }
        }
    }

    /// What it speaks.
    pub(super) fn wire(self) -> Wire {
        match self {
            Self::SwampDragon | Self::SockJs | Self::SockJsTornado => Wire::SockJs,
            Self::SocketIo => Wire::SocketIo,
            Self::Floor | Self::UWebSockets | Self::Tungstenite | Self::Ws | Self::Uvicorn => Wire::Raw,
        }
    }

    /// Where its endpoint is.
    pub(super) fn prefix(self) -> &'static str {
        match self.wire() {
            Wire::SockJs => "/data",
            Wire::SocketIo => "/socket.io",
            Wire::Raw => "/",
        }
    }

    /// Fetches and builds what it stands on, unless that is there.
    ///
    /// # Errors
    /// When a registry is out of reach, or a tool is missing.
    pub(super) fn prepare(self) -> Result<()> {
        self.program().map(drop)
    }

    /// Starts it on a port of its own, with heartbeat messages every `interval`.
    pub(super) fn start(self, redis: &Redis, interval: Duration) -> Result<Running> {
        let mut command = self.program()?;
        let ms = interval.as_millis().to_string();
        if self == Self::SwampDragon {
            // Settings of whoever runs this must not leak into the server.
            command.env_clear().args(["--host=127.0.0.1", "--port=0"]).args(own_settings(redis, interval, TTL));
        } else {
            command.args([redis.port().to_string(), ms]);
        }
        let mut process = Process::start(command, "`cargo xtask bench` builds it.")?;
        let address = process.line("where it listens", |line| {
            let (_, address) = line.split_once("listens on http://").or_else(|| line.split_once("listening on "))?;
            address.trim().trim_end_matches('/').parse().ok()
        })?;
        Ok(Running { process, address })
    }

    fn program(self) -> Result<Command> {
        match self {
            Self::SwampDragon => Ok(Command::new(binary()?)),
            Self::Floor => built("bench-floor"),
            Self::Tungstenite => built("bench-tungstenite"),
            Self::UWebSockets => Ok(Command::new(uwebsockets()?)),
            Self::Ws => node("ws.mjs", &["ws@8.23.0", NODE_REDIS]),
            Self::SocketIo => node("socket-io.mjs", &["socket.io@4.8.4", NODE_REDIS]),
            Self::SockJs => node("sockjs.mjs", &["sockjs@0.3.24", NODE_REDIS]),
            Self::SockJsTornado => {
                python("sockjs_tornado.py", &["sockjs-tornado==1.0.7", "tornado==6.6.1", "setuptools==80.9.0"])
            }
            Self::Uvicorn => {
                let packages = ["uvicorn==0.54.0", "websockets==17.4", "uvloop==0.23.0", "httptools==0.9.0"];
                python("uvicorn_websockets.py", &packages)
            }
        }
    }
}

impl Running {
    pub(super) fn group(&self) -> ProcessGroup {
        ProcessGroup::of(self.process.id())
    }
}

/// How ours is told to do what the peers do.
pub(super) fn own_settings(redis: &Redis, interval: Duration, ttl: Duration) -> Vec<String> {
    let store = redis.url();
    let [interval, ttl] = [interval, ttl].map(|time| format!("{}ms", time.as_millis()));
    let settings = [
        ("session-store", store.as_str()),
        ("session-ttl", &ttl),
        ("heartbeat-interval", &interval),
        // As the peers: the first after one interval.
        ("heartbeat-first-delay", &interval),
        ("max-connections-per-address", "0"),
        ("max-messages-per-second", "0"),
        ("min-refresh-interval", "0s"),
    ];
    settings.map(|(name, value)| format!("--{name}={value}")).to_vec()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers")
}

pub(super) fn built(name: &str) -> Result<Command> {
    let program = target_directory()?.join("release").join(name);
    ensure!(program.exists(), "{} is missing: `cargo xtask bench` builds it", program.display());
    Ok(Command::new(program))
}

fn node(script: &str, requirements: &[&str]) -> Result<Command> {
    let folder = packages::node_set(&format!("bench-{script}"), requirements)?;
    // Node looks for packages beside the script.
    let copy = folder.join(script);
    fs::copy(sources().join(script), &copy)?;
    let mut command = Command::new("node");
    command.arg(copy);
    Ok(command)
}

fn python(script: &str, requirements: &[&str]) -> Result<Command> {
    let requirements: Vec<&str> = requirements.iter().copied().chain(PYTHON_REDIS).collect();
    let folder = packages::python_set(&format!("bench-{script}"), &requirements)?;
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder).arg(sources().join(script));
    Ok(command)
}

/// Builds our program against the library that the Python package brings, whose symbols are its C interface.
fn uwebsockets() -> Result<PathBuf> {
    let folder = packages::python("socketify", "0.0.31")?;
    let library = folder.join("socketify/libsocketify_linux_amd64.so");
    let (source, program) = (sources().join("uwebsockets.c"), folder.join("uwebsockets"));
    let made = |path: &Path| fs::metadata(path)?.modified();
    if made(&program).is_ok_and(|program| made(&source).is_ok_and(|source| source < program)) {
        return Ok(program);
    }
    let output = Command::new("cc")
        .args(["-O2", "-Wall", "-Werror", "-o"])
        .args([&program, &source, &library])
        .arg("-l:libuv.so.1")
        .output()
        .context("cc does not start (on Debian: `apt-get install gcc libc6-dev libuv1`)")?;
    ensure!(output.status.success(), "uwebsockets.c does not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(program)
}
