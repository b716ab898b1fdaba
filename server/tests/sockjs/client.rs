//! A client that shows every byte.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Far longer than anything here takes: a client that waits this long waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// One request, sent, and the beginning of its response.
pub struct Exchange {
    pub socket: BufReader<TcpStream>,
    pub status: u16,
    /// The response's headers, in lower case but for their values.
    head: Vec<(String, String)>,
}

/// A whole response.
pub struct Answer {
    pub status: u16,
    head: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.head, name)
    }
}

fn find<'a>(head: &'a [(String, String)], name: &str) -> Option<&'a str> {
    head.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A session's URL below a prefix, with an id that no other test has.
pub fn session(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}/000/session{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub async fn connect_from(address: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::V4(address), 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

/// Sends a request and waits for nothing.
pub async fn send(socket: &mut (impl AsyncWriteExt + Unpin), line: &str, headers: &str, body: &str) {
    let (request, version) = line.split_once(" HTTP/").unwrap_or((line, "1.1"));
    let length =
        if request.starts_with("POST") { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
    let request = format!("{request} HTTP/{version}\r\nHost: example.com\r\n{length}{headers}\r\n{body}");
    socket.write_all(request.as_bytes()).await.unwrap();
}

impl Exchange {
    pub async fn begin(server: SocketAddr, line: &str, headers: &str, body: &str) -> Self {
        let mut socket = TcpStream::connect(server).await.unwrap();
        send(&mut socket, line, headers, body).await;
        Self::answered(socket).await
    }

    pub async fn answered(socket: TcpStream) -> Self {
        let mut socket = BufReader::new(socket);
        let status = line(&mut socket).await;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut head = Vec::new();
        loop {
            let line = line(&mut socket).await;
            let Some((name, value)) = line.split_once(": ") else { break };
            head.push((name.to_lowercase(), value.to_owned()));
        }
        Self { socket, status, head }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.head, name)
    }

    /// The next chunk of the body; empty at its end.
    pub async fn chunk(&mut self) -> String {
        assert_eq!(self.header("transfer-encoding"), Some("chunked"));
        let length = usize::from_str_radix(&line(&mut self.socket).await, 16).unwrap();
        let mut chunk = vec![0; length + 2];
        timeout(PATIENCE, self.socket.read_exact(&mut chunk)).await.expect("the server sends nothing").unwrap();
        chunk.truncate(length);
        String::from_utf8(chunk).unwrap()
    }

    pub async fn rest(self) -> Answer {
        self.rest_and_socket().await.0
    }

    /// The whole response, and the connection for the next request.
    pub async fn rest_and_socket(mut self) -> (Answer, TcpStream) {
        let length = match self.header("content-length") {
            Some(length) => length.parse().unwrap(),
            None => 0,
        };
        let mut body = vec![0; length];
        if self.header("transfer-encoding").is_some() {
            loop {
                let chunk = self.chunk().await;
                if chunk.is_empty() {
                    break;
                }
                body.extend(chunk.into_bytes());
            }
        } else {
            timeout(PATIENCE, self.socket.read_exact(&mut body)).await.expect("the server sends nothing").unwrap();
        }
        let answer = Answer { status: self.status, head: self.head, body: String::from_utf8(body).unwrap() };
        (answer, self.socket.into_inner())
    }
}

async fn line(socket: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    timeout(PATIENCE, socket.read_line(&mut line)).await.expect("the server sends nothing").unwrap();
    line.trim_end().to_owned()
}

pub async fn request(server: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    Exchange::begin(server, line, headers, body).await.rest().await
}

pub async fn get(server: SocketAddr, path: &str) -> Answer {
    request(server, &format!("GET {path}"), "", "").await
}

pub async fn post(server: SocketAddr, path: &str, body: &str) -> Answer {
    request(server, &format!("POST {path}"), "", body).await
}

/// What one poll of a session brings, without the line's end.
pub async fn poll(server: SocketAddr, session: &str) -> String {
    let answer = post(server, &format!("{session}/xhr"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.strip_suffix('\n').unwrap().to_owned()
}

/// Sends one frame of messages, which the server takes.
pub async fn say(server: SocketAddr, session: &str, messages: &str) {
    let answer = post(server, &format!("{session}/xhr_send"), messages).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{messages}");
}
