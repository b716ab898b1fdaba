//! A page of another site uses a visitor's browser.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{VICTIM, attack};

/// Opens a SockJS WebSocket with this `Origin` and keeps answering with somebody's key: the first frame says no.
async fn refused_over_websockets(origin: &str) -> Result<()> {
    attack(&[], async |target| {
        let headers = [("origin", origin)];
        let mut sockjs = target.websocket("/data/000/page/websocket", &headers).await?;
        // Before the answer, as an attacker would who does not wait for leave.
        let answer = json!({ "heartbeat": "tick", "session": VICTIM, "ack": true }).to_string();
        sockjs.send_text(json!([answer]).to_string()).await?;
        let first = sockjs.text().await?;
        ensure!(first == "o", "the first frame is {first}");
        let second = sockjs.text().await?;
        ensure!(second == "c[4000,\"Invalid origin\"]", "the second frame is {second}");

        let mut raw = target.websocket("/data/websocket", &headers).await?;
        raw.send_text(answer).await?;
        let code = raw.close_code().await?;
        ensure!(code == 4000, "the raw endpoint closed with {code}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_page_of_another_site() -> Result<()> {
    refused_over_websockets("https://evil.example").await
}

#[tokio::test]
async fn a_page_without_an_origin_of_its_own() -> Result<()> {
    refused_over_websockets("null").await
}

#[tokio::test]
async fn a_page_whose_origin_only_looks_like_ours() -> Result<()> {
    refused_over_websockets("http://127.0.0.1.evil.example").await
}

#[tokio::test]
async fn another_sites_page_by_plain_requests() -> Result<()> {
    attack(&[], async |target| {
        for (line, headers) in [
            ("POST /data/000/page1/xhr", "Origin: https://evil.example\r\n"),
            ("POST /data/000/page2/xhr_streaming", "Origin: null\r\n"),
            ("GET /data/000/page3/eventsource", "Origin: https://evil.example\r\n"),
            ("GET /data/000/page4/jsonp?c=callback", "Referer: https://evil.example/page\r\n"),
            ("GET /data/000/page5/jsonp?c=callback", "Sec-Fetch-Site: cross-site\r\n"),
            ("GET /data/000/page6/htmlfile?c=callback", "Sec-Fetch-Site: same-site\r\n"),
        ] {
            let answer = target.request(line, headers, "").await?;
            ensure!(answer.starts_with("HTTP/1.1 403"), "{line} with {headers} was answered {answer}");
            let readable = answer.to_ascii_lowercase().contains("access-control-allow-origin");
            ensure!(!readable, "{line}: the page may read the answer {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn reading_answers_across_origins() -> Result<()> {
    const FRIEND: &str = "https://friend.example";
    attack(&["--allowed-origins", FRIEND], async |target| {
        for (number, origin) in ["", "https://evil.example", "null", FRIEND].into_iter().enumerate() {
            let headers = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
            for line in ["GET /data/info", "GET /data", "GET /settings.js", &format!("POST /data/000/{number}/xhr")] {
                let answer = target.request(line, &headers, "").await?.to_ascii_lowercase();
                let readers: Vec<_> =
                    answer.lines().filter_map(|line| line.strip_prefix("access-control-allow-origin: ")).collect();
                ensure!(readers.is_empty() || readers == [FRIEND] && origin == FRIEND, "{line}: {origin} got {answer}");
                // No cache hands what is for one origin to another.
                ensure!(readers.is_empty() || answer.contains("\r\nvary: origin\r\n"), "{line}: {origin} got {answer}");
                let sniffed = answer.contains("javascript") && !answer.contains("x-content-type-options: nosniff");
                ensure!(!sniffed, "{line}: a browser may take it for something else: {answer}");
            }
        }
        let answer = target.request("GET /data/info", &format!("Origin: {FRIEND}\r\n"), "").await?;
        ensure!(answer.contains(&format!("access-control-allow-origin: {FRIEND}\r\n")), "its friend got {answer}");
        Ok(target)
    })
    .await?;
    // Where every page may connect, none that stays unnamed gets what is a visitor's.
    attack(&["--allowed-origins", "*"], async |target| {
        let answer = target.request("GET /data/info", "", "").await?;
        ensure!(answer.contains("access-control-allow-origin: *\r\n"), "it was answered {answer}");
        ensure!(!answer.contains("access-control-allow-credentials"), "it was answered {answer}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn script_in_a_callbacks_name() -> Result<()> {
    attack(&[], async |target| {
        for callback in ["alert(1)//", "%3Cscript%3E", "a;b", "a%0d%0aSet-Cookie:%20x=y"] {
            for transport in ["jsonp", "htmlfile"] {
                let answer = target.request(&format!("GET /data/000/s/{transport}?c={callback}"), "", "").await?;
                ensure!(answer.starts_with("HTTP/1.1 500"), "{transport} with {callback} was answered {answer}");
                ensure!(!answer.contains("alert") && !answer.contains("<script>"), "it is echoed: {answer}");
                ensure!(!answer.to_ascii_lowercase().contains("set-cookie: x"), "it splits the response: {answer}");
            }
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn the_servers_page_for_frames() -> Result<()> {
    attack(&[], async |target| {
        let answer = target.request("GET /data/iframe.html", "", "").await?;
        ensure!(answer.starts_with("HTTP/1.1 404"), "it is there: {answer}");
        Ok(target)
    })
    .await
}
