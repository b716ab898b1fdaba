//! More than a server should take from one peer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
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
async fn a_request_head_that_is_too_long() -> Result<()> {
    attack(&["--max-request-head", "8KiB"], async |target| {
        let answer = target.request("GET /data/info", &format!("X-Long: {}\r\n", "x".repeat(9000)), "").await?;
        ensure!(answer.starts_with("HTTP/1.1 431"), "it was answered {answer}");
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
        let mut tcp = target.websocket("/data/websocket", &[]).await?.into_tcp();
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
    // Else the pings are too many before they fill anything.
    attack(&["--max-outgoing-bytes", "1KiB", "--max-messages-per-second", "0"], async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        // Each ping is owed a pong, which nobody fetches.
        let flood = async {
            while !target.server.log().contains("max_outgoing_bytes") {
                for _ in 0..1000 {
                    if socket.send(Message::Ping(vec![0; 125].into())).await.is_err() {
                        return;
                    }
                }
            }
        };
        timeout(PATIENCE, flood).await.context("the server buffers without end")?;
        // Who reads again finds what was sent before, and why there is no more.
        let code = socket.close_code().await?;
        ensure!(code == 4008, "it was answered with {code}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn notices_that_nobody_fetches() -> Result<()> {
    attack(&["--max-outgoing-bytes", "1KiB"], async |target| {
        let opened = target.request("POST /data/000/lazy/xhr", "", "").await?;
        ensure!(opened.ends_with("o\n"), "the session does not open: {opened}");
        // To each belongs a notice that it is no key, which is longer than a hundredth of what may wait.
        let answer = json!({ "heartbeat": "tick", "session": "no key", "ack": true }).to_string();
        target.request("POST /data/000/lazy/xhr_send", "", &json!(vec![answer; 100]).to_string()).await?;
        let told = target.request("POST /data/000/lazy/xhr", "", "").await?;
        ensure!(told.ends_with("c[4008,\"Reading too slowly\"]\n"), "it was answered {told}");
        Ok(target)
    })
    .await
}

/// Few messages in a burst, and hardly any after it.
const FEW_MESSAGES: [&str; 4] = ["--max-messages-per-second", "1", "--max-message-burst", "20"];

#[tokio::test]
async fn messages_without_end() -> Result<()> {
    attack(&FEW_MESSAGES, async |target| {
        let message = json!({ "heartbeat": "tick" }).to_string();
        let mut raw = target.websocket("/data/websocket", &[]).await?;
        for _ in 0..100 {
            raw.send_text(message.as_str()).await?;
        }
        let code = raw.close_code().await?;
        ensure!(code == 4029, "messages were answered with {code}");

        let many = json!(vec![message; 100]).to_string();
        let told = "c[4029,\"Too many messages\"]";
        for frames in [vec![many.as_str()], vec!["[]"; 100]] {
            let mut sockjs = target.websocket("/data/000/many/websocket", &[]).await?;
            for frame in frames {
                sockjs.send_text(frame).await?;
            }
            ensure!(sockjs.text().await? == "o", "it does not open");
            let answer = sockjs.text().await?;
            ensure!(answer == told, "a flood was answered {answer}");
        }

        target.request("POST /data/000/polled/xhr", "", "").await?;
        target.request("POST /data/000/polled/xhr_send", "", &many).await?;
        let answer = target.request("POST /data/000/polled/xhr", "", "").await?;
        ensure!(answer.ends_with(&format!("{told}\n")), "without a WebSocket, a flood was answered {answer}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn pings_without_end() -> Result<()> {
    attack(&FEW_MESSAGES, async |target| {
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        for _ in 0..100 {
            socket.send(Message::Ping("x".into())).await?;
        }
        let code = socket.close_code().await?;
        ensure!(code == 4029, "they were answered with {code}");
        Ok(target)
    })
    .await
}
