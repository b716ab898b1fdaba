//! More than a server should take from one peer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::deadline::PATIENCE;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use super::attack;

#[tokio::test]
async fn a_request_that_never_ends() -> Result<()> {
    attack(&["--handshake-timeout", "1s"], async |target| {
        let mut tcp = target.tcp().await?;
        tcp.write_all(b"GET /data/info HTTP/1.1\r\nHost: x\r\n").await?;
        let mut answer = Vec::new();
        let slowly = async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if tcp.write_all(b"X: y\r\n").await.is_err() {
                    return;
                }
            }
        };
        timeout(PATIENCE, slowly).await.context("the server listens for ever")?;
        let _ = tcp.read_to_end(&mut answer).await;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_request_with_too_many_headers() -> Result<()> {
    attack(&[], async |target| {
        let headers = format!("X-Long: {}\r\n", "x".repeat(1000)).repeat(100);
        let answer = target.request("GET /data/info", &headers, "").await?;
        ensure!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "it was answered {answer}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_message_that_is_too_long() -> Result<()> {
    attack(&["--max-message-size", "1KiB"], async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        socket.send_text("x".repeat(1025)).await?;
        let code = socket.close_code().await?;
        ensure!(code == 1009, "it was answered with {code}");
        let answer = target.request("POST /data/000/long/xhr_send", "", &"x".repeat(2000)).await?;
        ensure!(answer.starts_with("HTTP/1.1 4"), "it was answered {answer}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn fragments_without_end() -> Result<()> {
    attack(&["--max-message-size", "10KiB"], async |target| {
        let mut tcp = target.websocket("/data/websocket", &[]).await?.into_tcp()?;
        let mut bytes = vec![0x01, 0xfd, 0, 0, 0, 0];
        bytes.splice(1.., [0x80 | 125, 0, 0, 0, 0]);
        bytes.extend([b'x'; 125]);
        let mut more = bytes.clone();
        more[0] = 0x00;
        tcp.write_all(&bytes).await?;
        for _ in 0..200 {
            if tcp.write_all(&more).await.is_err() {
                break;
            }
        }
        let mut head = [0; 4];
        timeout(PATIENCE, tcp.read_exact(&mut head)).await??;
        ensure!(u16::from_be_bytes([head[2], head[3]]) == 1009, "it was answered with {head:x?}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_peer_that_does_not_read() -> Result<()> {
    attack(&["--max-outgoing-bytes", "10KiB"], async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        // Each ping is owed a pong, which nobody fetches.
        let flood = async {
            loop {
                if socket.send(Message::Ping(vec![0; 125].into())).await.is_err() {
                    return;
                }
            }
        };
        timeout(PATIENCE, flood).await.context("the server buffers without end")?;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn more_connections_than_the_server_takes() -> Result<()> {
    attack(&["--max-connections", "3"], async |target| {
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(target.websocket("/data/websocket", &[]).await?);
        }
        let refused = target.websocket("/data/websocket", &[]).await;
        ensure!(refused.is_err(), "a fourth connection was let in");
        drop(held);
        Ok(target)
    })
    .await
}
