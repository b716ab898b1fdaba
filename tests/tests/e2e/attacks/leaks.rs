//! What an attacker could read.

use anyhow::{Result, ensure};
use serde_json::json;

use super::attack;

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
