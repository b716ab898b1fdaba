//! What an attacker could read.

use anyhow::{Result, ensure};
use serde_json::json;
use swampdragon_tests::deadline::eventually;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{attack, rest};

#[tokio::test]
async fn session_keys_in_the_log() -> Result<()> {
    attack(&[], async |target| {
        const KEY: &str = "secret-key-nobody-may-read";
        for path in ["/data/websocket", "/data/000/s/websocket"] {
            let mut socket = target.websocket(path, &[]).await?;
            let answer = json!({ "heartbeat": "tick", "session": KEY, "ack": true }).to_string();
            socket.send_text(if path.contains("000") { json!([answer]).to_string() } else { answer }).await?;
            while !socket.text().await?.contains("expired") {}
        }
        // So is one in a message that nobody understands.
        let mut socket = target.websocket("/data/websocket", &[]).await?;
        socket.send_text(json!({ "session": KEY }).to_string()).await?;
        socket.close_code().await?;
        let log = target.server.log();
        ensure!(log.contains("opened"), "it does not log: {log}");
        ensure!(!log.contains(&KEY[..6]), "the log tells the key: {log}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn an_operators_pages_on_the_public_port() -> Result<()> {
    attack(&[], async |target| {
        for path in ["/metrics", "/healthz", "/readyz", "/data/metrics"] {
            let answer = target.request(&format!("GET {path}"), "", "").await?;
            ensure!(answer.starts_with("HTTP/1.1 404"), "{path} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn files_of_the_machine() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("page.html"), "public")?;
    let inside = folder.path().join("public");
    std::fs::create_dir(&inside)?;
    std::fs::write(inside.join("index.html"), "hello")?;
    let folder = inside.to_string_lossy().into_owned();
    attack(&["--static-dir", &folder], async |target| {
        for path in ["/../page.html", "/%2e%2e/page.html", "/..%2fpage.html", "//etc/passwd", "/%2fetc%2fpasswd"] {
            let answer = target.request(&format!("GET {path}"), "", "").await?;
            ensure!(!answer.starts_with("HTTP/1.1 200"), "{path} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn pages_on_the_operators_listener() -> Result<()> {
    attack(&["--admin-listen", "127.0.0.1:0"], async |mut target| {
        let admin = target.admin()?;
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
        for (line, headers, status) in [
            ("GET /healthz", "", "200"),
            ("GET /settings.js", "", "404"),
            ("GET /data/info", "", "404"),
            ("GET /data/websocket", upgrade, "404"),
            ("GET /data/000/admin/websocket", upgrade, "404"),
            ("POST /data/000/admin/xhr", "Content-Length: 0\r\n", "404"),
            ("POST /healthz", "Content-Length: 0\r\n", "405"),
        ] {
            let mut tcp = TcpStream::connect(&admin).await?;
            tcp.write_all(format!("{line} HTTP/1.1\r\nHost: {admin}\r\n{headers}\r\n").as_bytes()).await?;
            let answer = rest(&mut tcp).await?;
            ensure!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line} was answered {answer}");
            // A page that makes its visitor's browser ask cannot read the answer.
            ensure!(!answer.to_ascii_lowercase().contains("access-control"), "{line} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn lines_that_an_attacker_writes_into_the_log() -> Result<()> {
    attack(&[], async |target| {
        const FORGED: &str = "\r\n2026-01-01T00:00:00Z ERROR forged";
        for message in [
            json!({ "heartbeat": "tick", "session": FORGED }),
            json!({ "logout": true, "session": FORGED }),
            json!({ "route": FORGED, "verb": FORGED, "callbackname": FORGED, "args": FORGED }),
            json!({ "heartbeat": FORGED, "session": 1 }),
            json!(FORGED),
        ] {
            let mut socket = target.websocket("/data/websocket", &[]).await?;
            socket.send_text(message.to_string()).await?;
            socket.send_text(FORGED).await?;
            let code = socket.close_code().await?;
            ensure!(code == 3000, "{message} was answered with {code}");
        }
        target.request("POST /data/000/x%0d%0a2026%20ERROR%20forged/xhr", "", "").await?;
        let answer = target.request("POST /data/000/x/xhr", "Origin: http://x\u{1b}[2K forged\r\n", "").await?;
        ensure!(answer.starts_with("HTTP/1.1 400"), "a header that paints on terminals was answered {answer}");
        target.request("POST /data/000/x/xhr", "Origin: https://evil.example forged\r\n", "").await?;
        let told = "its page is of the origin https://evil.example forged";
        eventually("the last of it is logged", async || Ok(target.server.log().contains(told).then_some(()))).await?;
        for line in target.server.log().lines().filter(|line| line.contains("forged")) {
            ensure!(line.contains("WARN") && line.contains(told), "an attacker wrote {line}");
        }
        Ok(target)
    })
    .await
}
