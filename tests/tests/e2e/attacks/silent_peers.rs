//! Peers that hold what they have by doing nothing, or little.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use swampdragon_tests::deadline::eventually;
use tokio::io::AsyncWriteExt as _;

use super::{attack, rest, status_of_slow_body};

#[tokio::test]
async fn connections_that_ask_nothing() -> Result<()> {
    attack(&["--handshake-timeout", "500ms"], async |target| {
        for beginning in ["", "G", "GET /data/info HTTP/1.1\r\nHost: x\r\n"] {
            let mut tcp = target.tcp().await?;
            tcp.write_all(beginning.as_bytes()).await?;
            let answer = rest(&mut tcp).await?;
            ensure!(answer.is_empty(), "{beginning:?} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_connection_that_asks_no_more() -> Result<()> {
    attack(&["--handshake-timeout", "500ms", "--keep-alive-timeout", "1s"], async |target| {
        let answer = target.answer_to("GET /data HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        ensure!(answer.ends_with("Welcome to SockJS!\n"), "it was answered {answer}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_body_that_never_ends() -> Result<()> {
    attack(&["--handshake-timeout", "500ms"], async |target| {
        let opened = target.request("POST /data/000/slow/xhr", "", "").await?;
        ensure!(opened.ends_with("o\n"), "the session does not open: {opened}");
        let head = "POST /data/000/slow/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
        let status = status_of_slow_body(target.tcp().await?, head, b'[').await?;
        ensure!(status == "HTTP/1.1 408", "it was answered {status}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn peers_that_vanish_without_a_word() -> Result<()> {
    attack(&["--heartbeat-frame-interval", "500ms", "--peer-timeout", "1500ms"], async |mut target| {
        let mut vanished = Vec::new();
        for path in ["/data/000/vanished/websocket", "/data/websocket"] {
            // To the server this is like a machine without power: the socket is open, and no ping is answered.
            vanished.push(target.websocket(path, &[]).await?.into_tcp());
        }
        let ended = async {
            for tcp in &mut vanished {
                rest(tcp).await?;
            }
            anyhow::Ok(())
        };
        let bystander = async {
            loop {
                target.bystander.alive().await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            ended = ended => ended,
            disturbed = bystander => disturbed,
        }?;
        // The log may be a moment behind.
        eventually("both were found by their silence", || async {
            let gone = target.server.log().matches("peer is gone (peer_timeout)").count();
            Ok((gone == 2).then_some(()))
        })
        .await?;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_peer_that_does_not_close() -> Result<()> {
    attack(&["--close-timeout", "500ms"], async |target| {
        let mut tcp = target.websocket("/data/websocket", &[]).await?.into_tcp();
        // No message of any kind: the server closes, and waits for an answer to that.
        tcp.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'x']).await?;
        let asked = Instant::now();
        rest(&mut tcp).await?;
        let waited = asked.elapsed();
        ensure!(waited >= Duration::from_millis(500), "it ended after {waited:?}, of something else");
        Ok(target)
    })
    .await
}
