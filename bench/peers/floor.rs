//! The least that the work can cost: one thread, one epoll loop, no check of anything. Not a server to use.
//!
//! `bench-floor REDIS_PORT INTERVAL_MS`
//!
//! A heartbeat message goes to each connection every so often, on a grid like that of the server it is the floor of. An answer becomes an `EXPIRE`; those
//! of one turn of the loop go to Redis together.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use slab::Slab;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const LISTENER: Token = Token(usize::MAX - 1);
const REDIS: Token = Token(usize::MAX - 2);

/// `{"heartbeat":"tick"}` as a server's text frame.
const HEARTBEAT: &[u8] = b"\x81\x14{\"heartbeat\":\"tick\"}";

struct Connection {
    stream: TcpStream,
    is_open: bool,
    /// The beginning of a request or frame whose end has not come.
    partial: Vec<u8>,
    /// Tells it from one that had the place before.
    serial: u64,
}

struct Floor {
    poll: Poll,
    connections: Slab<Connection>,
    redis: TcpStream,
    commands: Vec<u8>,
    due: VecDeque<(Instant, usize, u64)>,
    start: Instant,
    interval: Duration,
    serials: u64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || -> Result<u64> { Ok(arguments.next().context("REDIS_PORT INTERVAL_MS")?.parse()?) };
    let redis_port = u16::try_from(number()?)?;
    let interval = Duration::from_millis(number()?);

    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let redis = std::net::TcpStream::connect(("127.0.0.1", redis_port)).context("Redis does not answer")?;
    redis.set_nodelay(true)?;
    redis.set_nonblocking(true)?;
    let mut redis = TcpStream::from_std(redis);
    poll.registry().register(&mut redis, REDIS, Interest::READABLE | Interest::WRITABLE)?;
    println!("listening on {}", listener.local_addr()?);

    let mut floor = Floor {
        poll,
        connections: Slab::new(),
        redis,
        commands: Vec::new(),
        due: VecDeque::new(),
        start: Instant::now(),
        interval,
        serials: 0,
    };
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    loop {
        let wait = floor.due.front().map(|(at, ..)| at.saturating_duration_since(Instant::now()));
        match floor.poll.poll(&mut events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            done => done?,
        }
        for event in &events {
            match event.token() {
                LISTENER => floor.accept(&listener)?,
                // What Redis says is counted by nobody.
                REDIS => while floor.redis.read(&mut buffer).is_ok_and(|read| read == buffer.len()) {},
                Token(at) => {
                    if !floor.receive(at, &mut buffer) {
                        floor.connections.try_remove(at);
                    }
                }
            }
        }
        floor.send_due();
        floor.refresh()?;
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            self.serials += 1;
            let entry = self.connections.vacant_entry();
            self.poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
            entry.insert(Connection { stream, is_open: false, partial: Vec::new(), serial: self.serials });
        }
    }

    /// Reads what has come; `false` when the connection has ended.
    fn receive(&mut self, at: usize, buffer: &mut [u8]) -> bool {
        let Some(connection) = self.connections.get_mut(at) else { return true };
        loop {
            let read = match connection.stream.read(buffer) {
                Ok(0) => return false,
                Ok(read) => read,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            };
            if connection.is_open && connection.partial.is_empty() {
                let Some(rest) = frames(&mut connection.stream, &mut self.commands, &mut buffer[..read]) else {
                    return false;
                };
                connection.partial = buffer[rest..read].to_vec();
            } else {
                connection.partial.extend_from_slice(&buffer[..read]);
                let mut bytes = std::mem::take(&mut connection.partial);
                if connection.is_open {
                    let Some(rest) = frames(&mut connection.stream, &mut self.commands, &mut bytes) else {
                        return false;
                    };
                    connection.partial = bytes[rest..].to_vec();
                } else if bytes.ends_with(b"\r\n\r\n") {
                    if !upgrade(&mut connection.stream, &bytes) {
                        return false;
                    }
                    connection.is_open = true;
                    let first = on_grid(self.start, Instant::now() + self.interval, self.interval);
                    self.due.push_back((first, at, connection.serial));
                } else {
                    connection.partial = bytes;
                }
            }
            // A read that leaves room has taken all: epoll tells of what comes after.
            if read < buffer.len() {
                return true;
            }
        }
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        while let Some((at, connection, serial)) = self.due.front().copied().filter(|(at, ..)| *at <= now) {
            self.due.pop_front();
            if let Some(found) = self.connections.get_mut(connection).filter(|it| it.serial == serial) {
                // Who does not read is found out by the read that fails.
                let _ = found.stream.write(HEARTBEAT);
                self.due.push_back((at + self.interval, connection, serial));
            }
        }
    }

    fn refresh(&mut self) -> Result<()> {
        while !self.commands.is_empty() {
            match self.redis.write(&self.commands) {
                Ok(written) => drop(self.commands.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("Redis is gone"),
            }
        }
        Ok(())
    }
}

/// The next point of the grid, which all heartbeats are on: 50 ms, 100, 200, 400 or 800, a fiftieth of the interval.
fn on_grid(start: Instant, at: Instant, interval: Duration) -> Instant {
    let ms = u64::try_from((at - start).as_millis()).unwrap_or(u64::MAX);
    let steps = u64::try_from(interval.as_millis() / 2500).unwrap_or(u64::MAX);
    start + Duration::from_millis(ms.next_multiple_of(50 << steps.clamp(1, 16).ilog2()))
}

fn upgrade(stream: &mut TcpStream, request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let key = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let Some(key) = key else { return false };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(response.as_bytes()).is_ok()
}

/// Deals with all whole frames and returns where the rest begins; `None` when the connection ends.
fn frames(stream: &mut TcpStream, commands: &mut Vec<u8>, bytes: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    // Only short frames come, and a page's are masked: two bytes, four of the mask, the payload.
    while let [first, second, a, b, c, d, rest @ ..] = &mut bytes[at..] {
        let length = usize::from(*second & 0x7f);
        let (opcode, mask) = (*first & 0x0f, [*a, *b, *c, *d]);
        let Some(payload) = rest.get_mut(..length) else { break };
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        match opcode {
            1 => expire(commands, payload),
            8 => return None,
            9 => {
                let mut pong = vec![0x8a, *second & 0x7f];
                pong.extend_from_slice(payload);
                stream.write_all(&pong).ok()?;
            }
            _ => {}
        }
        at += 6 + length;
    }
    Some(at)
}

fn expire(commands: &mut Vec<u8>, answer: &[u8]) {
    const BEFORE: &[u8] = b"\"session\":\"";
    let Some(start) = answer.windows(BEFORE.len()).position(|it| it == BEFORE) else { return };
    let key = &answer[start + BEFORE.len()..];
    let key = &key[..key.iter().position(|byte| *byte == b'"').unwrap_or(key.len())];
    // Writing to a vector does not fail.
    let _ = write!(commands, "*3\r\n$6\r\nEXPIRE\r\n${}\r\nswampdragon:session:", key.len() + 20);
    commands.extend_from_slice(key);
    commands.extend_from_slice(b"\r\n$4\r\n1800\r\n");
}
