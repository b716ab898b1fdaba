//! Bytes that no client of good will sends.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use swampdragon_tests::deadline::PATIENCE;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{Target, attack};

/// Sends these bytes on an open WebSocket; the code of the close frame that follows.
async fn code_for(target: &Target, bytes: &[u8]) -> Result<u16> {
    let mut tcp = target.websocket("/data/websocket", &[]).await?.into_tcp();
    tcp.write_all(bytes).await?;
    let mut head = [0; 4];
    timeout(PATIENCE, tcp.read_exact(&mut head)).await??;
    ensure!(head[0] == 0x88, "no close frame: {head:x?}");
    Ok(u16::from_be_bytes([head[2], head[3]]))
}

#[tokio::test]
async fn frames_that_break_the_websocket_protocol() -> Result<()> {
    attack(&[], async |target| {
        for (what, bytes) in [
            ("a frame without a mask", &[0x81, 0x01, b'x'][..]),
            ("a reserved bit", &[0xc1, 0x80, 0, 0, 0, 0]),
            ("an unknown opcode", &[0x83, 0x80, 0, 0, 0, 0]),
            ("a ping in fragments", &[0x09, 0x80, 0, 0, 0, 0]),
            ("a long ping", &[&[0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0][..], &[0; 126]].concat()),
            ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
            ("a close of one byte", &[0x88, 0x81, 0, 0, 0, 0, 3]),
        ] {
            let code = code_for(&target, bytes).await.context(what)?;
            ensure!(code == 1002, "{what} was answered with {code}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn text_that_is_not_utf8() -> Result<()> {
    attack(&[], async |target| {
        let code = code_for(&target, &[0x81, 0x82, 0, 0, 0, 0, 0xc0, 0xaf]).await?;
        ensure!(code == 1007, "it was answered with {code}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_frame_of_two_to_the_sixty_three_bytes() -> Result<()> {
    attack(&[], async |target| {
        let code = code_for(&target, &[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]).await?;
        ensure!(code == 1009, "it was answered with {code}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn sockjs_frames_that_are_none() -> Result<()> {
    attack(&[], async |target| {
        for frame in ["[", "{}", "5", "[1]", "\u{0}", &"[".repeat(10_000)] {
            let mut socket = target.websocket("/data/000/broken/websocket", &[]).await?;
            socket.send_text(frame).await?;
            let code = socket.close_code().await?;
            // What is JSON ends by a SockJS frame, `c[3000,"Go away!"]`, and a WebSocket close frame that adds nothing.
            ensure!([1005, 1007].contains(&code), "{frame:.20} was answered with {code}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn json_nested_without_end() -> Result<()> {
    attack(&[], async |target| {
        for open in ["[", "{\"args\":"] {
            let mut socket = target.websocket("/data/websocket", &[]).await?;
            socket.send_text(format!("{{\"route\":\"x\",\"verb\":\"y\",\"args\":{}", open.repeat(10_000))).await?;
            let code = socket.close_code().await?;
            ensure!(code == 3000, "it was answered with {code}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn two_requests_that_look_like_one() -> Result<()> {
    attack(&[], async |target| {
        let both = "POST /data/000/s/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\
                    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /data/info HTTP/1.1\r\nHost: x\r\n\r\n";
        let answer = target.answer_to(both).await?;
        ensure!(!answer.contains("\"websocket\""), "the second request was served: {answer}");
        for request in [
            "POST /data/000/s/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "GET /data/info HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /data/info HTTP/1.1\r\nHost: x\r\nEvil: a\0b\r\n\r\n",
            "\u{16}\u{3}\u{1}",
        ] {
            let mut tcp = target.tcp().await?;
            tcp.write_all(request.as_bytes()).await?;
            tcp.shutdown().await?;
            let mut answer = String::new();
            timeout(PATIENCE, tcp.read_to_string(&mut answer)).await??;
            ensure!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{request:?} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn compression_that_was_not_agreed() -> Result<()> {
    attack(&[], async |target| {
        let offer = [("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")];
        let socket = target.websocket("/data/websocket", &offer).await?;
        // The bit says that the frame is compressed: a bomb would be so small.
        let mut tcp = socket.into_tcp();
        tcp.write_all(&[0xc1, 0x80, 0, 0, 0, 0]).await?;
        let mut head = [0; 4];
        timeout(PATIENCE, tcp.read_exact(&mut head)).await??;
        ensure!(u16::from_be_bytes([head[2], head[3]]) == 1002, "it was answered with {head:x?}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn names_of_a_languages_internals() -> Result<()> {
    attack(&[], async |target| {
        let call =
            json!({ "route": "__proto__", "verb": "constructor", "args": { "__proto__": {} }, "callbackname": "c" });
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        socket.send_text(call.to_string()).await?;
        let code = socket.close_code().await?;
        ensure!(code == 3000, "it was answered with {code}");
        Ok(target)
    })
    .await
}
