//! Somebody who reaches the operators' listener wants sessions of it.

use anyhow::{Result, ensure};
use swampdragon_tests::deadline::eventually;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{Target, VICTIM, attack, rest, status_of_slow_body};

const TOKEN: &str = "token-that-nobody-guesses";

const ON: [&str; 4] = ["--admin-listen", "127.0.0.1:0", "--admin-token", TOKEN];

/// What an attacker would ask first.
const QUESTIONS: [&str; 5] = [
    "GET /sessions",
    "POST /sessions",
    "GET /sessions/victim-4f6e1c",
    "DELETE /sessions/victim-4f6e1c",
    "POST /sessions/victim-4f6e1c/revoke",
];

async fn ask(target: &mut Target, line: &str, headers: &str, body: &str) -> Result<String> {
    let (admin, length) = (target.admin()?, body.len());
    let mut tcp = TcpStream::connect(&admin).await?;
    let request = format!("{line} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    // Fails where the answer does not wait for all of it.
    let _ = tcp.write_all(request.as_bytes()).await;
    rest(&mut tcp).await
}

/// Asks something and has to get this status.
async fn expect(target: &mut Target, line: &str, headers: &str, status: u16) -> Result<String> {
    let answer = ask(target, line, headers, "").await?;
    ensure!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line} with {headers:?}: {answer}");
    Ok(answer)
}

/// With the token, as a backend that takes keys from whoever asks would.
async fn ask_as_backend(target: &mut Target, line: &str, body: &str) -> Result<String> {
    ask(target, line, &format!("Authorization: Bearer {TOKEN}\r\n"), body).await
}

#[tokio::test]
async fn sessions_without_the_token() -> Result<()> {
    attack(&ON, async |mut target| {
        for line in QUESTIONS {
            let answer = expect(&mut target, line, "", 401).await?;
            ensure!(answer.contains("www-authenticate: Bearer") && !answer.contains("Errol"), "{line}: {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn sessions_where_there_is_no_token() -> Result<()> {
    attack(&ON[..2], async |mut target| {
        for line in QUESTIONS {
            for headers in ["", "Authorization: Bearer \r\n", "Authorization: Bearer null\r\n"] {
                expect(&mut target, line, headers, 404).await?;
            }
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn guesses_at_the_token() -> Result<()> {
    attack(&ON, async |mut target| {
        for length in 1..=TOKEN.len() + 1 {
            let guess: String = TOKEN.chars().chain(['x', 'y']).take(length).collect();
            if guess != TOKEN {
                expect(&mut target, "GET /sessions", &format!("Authorization: Bearer {guess}\r\n"), 401).await?;
            }
        }
        let told = "asks /sessions, and the";
        eventually("it is logged", async || Ok(target.server.log().contains(told).then_some(()))).await?;
        let (log, lines) = (target.server.log(), target.server.log().matches(told).count());
        ensure!(lines < TOKEN.len(), "each guess is a line of the log, {lines} in all");
        ensure!(!log.contains(&TOKEN[..8]), "the log tells the token: {log}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn the_token_by_another_way() -> Result<()> {
    attack(&ON, async |mut target| {
        for headers in [
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("Authorization: {TOKEN}\r\n"),
            format!("Cookie: token={TOKEN}\r\n"),
            format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer other\r\n"),
        ] {
            expect(&mut target, "GET /sessions", &headers, 401).await?;
        }
        expect(&mut target, &format!("GET /sessions?access_token={TOKEN}"), "", 401).await?;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_page_that_has_the_token() -> Result<()> {
    attack(&ON, async |mut target| {
        for header in ["Origin: http://127.0.0.1", "Origin: null", "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"]
        {
            let headers = format!("Authorization: Bearer {TOKEN}\r\n{header}\r\n");
            for line in QUESTIONS.into_iter().chain(["OPTIONS /sessions"]) {
                let answer = expect(&mut target, line, &headers, 403).await?;
                ensure!(!answer.to_ascii_lowercase().contains("access-control"), "{line} with {header}: {answer}");
            }
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn keys_by_which_a_backend_would_reach_elsewhere() -> Result<()> {
    attack(&ON, async |mut target| {
        let long = "k".repeat(500);
        for key in ["..%2f..%2fmetrics", "..%2Fconfig", "%3fage%3a", "*", "a%0d%0aDEL%20config", "%00", "%ff", &long] {
            for line in ["GET", "PUT", "DELETE"] {
                let answer = ask_as_backend(&mut target, &format!("{line} /sessions/{key}"), "mine").await?;
                ensure!(answer.starts_with("HTTP/1.1 400"), "{line} of {key}: {answer}");
            }
        }
        let answer = ask_as_backend(&mut target, "GET /sessions/config", "").await?;
        ensure!(answer.starts_with("HTTP/1.1 404"), "another program's key: {answer}");
        for (query, status) in [("prefix=*", "400"), ("prefix=..%2f", "400"), ("prefix=vict%3fm", "400")] {
            let answer = ask_as_backend(&mut target, &format!("GET /sessions?{query}"), "").await?;
            ensure!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {answer}");
        }
        let answer = ask_as_backend(&mut target, &format!("GET /sessions/{VICTIM}"), "").await?;
        ensure!(answer.contains("Errol"), "the backend itself is refused: {answer}");
        let log = target.server.log();
        ensure!(!log.contains(VICTIM), "the log tells a key: {log}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_value_that_is_too_long() -> Result<()> {
    attack(&[&ON[..], &["--max-session-value", "1KiB"]].concat(), async |mut target| {
        for line in ["POST /sessions", "PUT /sessions/victim-4f6e1c"] {
            let answer = ask_as_backend(&mut target, line, &"v".repeat(1025)).await?;
            ensure!(answer.starts_with("HTTP/1.1 413"), "{line}: {answer}");
            // Nor if it does not say how long it is.
            let headers = format!("Authorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunks = format!("400\r\n{}\r\n", "v".repeat(0x400)).repeat(1000);
            let mut tcp = TcpStream::connect(target.admin()?).await?;
            let sent = tcp.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}{chunks}").as_bytes()).await;
            let answer = rest(&mut tcp).await?;
            // Whoever sends far too much may find the connection reset instead.
            ensure!(answer.starts_with("HTTP/1.1 413") || answer.is_empty() || sent.is_err(), "{line}: {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_value_that_comes_byte_by_byte() -> Result<()> {
    attack(&ON, async |mut target| {
        let head = format!(
            "POST /sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9999\r\n\r\n"
        );
        let status = status_of_slow_body(TcpStream::connect(target.admin()?).await?, &head, b'v').await?;
        ensure!(status == "HTTP/1.1 408", "it was answered {status}");
        Ok(target)
    })
    .await
}
