//! More connections than a server, or one address, should have, and how to look like many.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use swampdragon_tests::deadline::eventually;

use super::{Target, attack};

/// Where these attacks come from; everybody else is at another address.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const CROWDED: &str = "max_connections_per_address is 2.";

/// The answer to the attacker's request with this header line.
async fn asked(target: &Target, header: &str) -> Result<String> {
    target.request_from(ATTACKER, "GET /data/info", header, "").await
}

#[tokio::test]
async fn more_connections_than_the_server_takes() -> Result<()> {
    attack(&["--max-connections", "3"], async |target| {
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(target.websocket("/data/websocket", &[]).await?);
        }
        let answer = target.request("GET /data/info", "", "").await?;
        ensure!(answer.starts_with("HTTP/1.1 503"), "a fourth connection was answered {answer}");
        drop(held);
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn more_connections_than_an_address_may_have() -> Result<()> {
    attack(&["--max-connections-per-address", "2"], async |target| {
        let held = [target.tcp_from(ATTACKER).await?, target.tcp_from(ATTACKER).await?];
        let answer = asked(&target, "").await?;
        ensure!(answer.starts_with("HTTP/1.1 429") && answer.ends_with(CROWDED), "a third was answered {answer}");
        let elsewhere = target.request("GET /data/info", "", "").await?;
        ensure!(elsewhere.starts_with("HTTP/1.1 200"), "another address was answered {elsewhere}");
        drop(held);
        eventually("the places are free again", async || {
            Ok(asked(&target, "").await?.starts_with("HTTP/1.1 200").then_some(()))
        })
        .await?;
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn an_address_that_a_stranger_makes_up() -> Result<()> {
    // There is a proxy whose word counts, but the attacker is not it.
    attack(&["--max-connections-per-address", "2", "--trusted-proxies", "127.0.0.3"], async |target| {
        let mut held = Vec::new();
        for made_up in ["198.51.100.1", "198.51.100.2"] {
            let forwarded = format!("for={made_up}");
            let headers = [("x-forwarded-for", made_up), ("forwarded", forwarded.as_str())];
            held.push(target.websocket_from(ATTACKER, "/data/websocket", &headers).await?);
        }
        for header in ["X-Forwarded-For: 198.51.100.3\r\n", "Forwarded: for=198.51.100.3\r\n"] {
            let answer = asked(&target, header).await?;
            ensure!(answer.starts_with("HTTP/1.1 429") && answer.ends_with(CROWDED), "{header} brought {answer}");
        }
        eventually("the refusal is logged", async || {
            Ok(target.server.log().contains("127.0.0.2 refused").then_some(()))
        })
        .await?;
        let log = target.server.log();
        ensure!(log.contains("peer=127.0.0.2"), "the log does not tell the attacker's address: {log}");
        ensure!(!log.contains("198.51.100"), "the log tells made up addresses: {log}");
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn an_address_that_a_proxys_client_makes_up() -> Result<()> {
    attack(&["--max-connections-per-address", "2", "--trusted-proxies", "127.0.0.2"], async |target| {
        let mut held = Vec::new();
        for made_up in ["203.0.113.1", "203.0.113.2"] {
            // The proxy appends the address that it sees.
            let header = format!("{made_up}, 198.51.100.9");
            held.push(target.websocket_from(ATTACKER, "/data/websocket", &[("x-forwarded-for", &header)]).await?);
        }
        let answer = asked(&target, "X-Forwarded-For: 203.0.113.3, 198.51.100.9\r\n").await?;
        ensure!(answer.starts_with("HTTP/1.1 429") && answer.ends_with(CROWDED), "it was answered {answer}");
        let neighbour = asked(&target, "X-Forwarded-For: 198.51.100.10\r\n").await?;
        ensure!(neighbour.starts_with("HTTP/1.1 200"), "another client of the proxy was answered {neighbour}");
        drop(held);
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn a_proxys_header_that_cannot_be_read() -> Result<()> {
    attack(&["--trusted-proxies", "127.0.0.2"], async |target| {
        for value in ["somebody", "198.51.100.9,", "198.51.100.9, 1.2.3.4.5", "'; DROP TABLE clients"] {
            let answer = asked(&target, &format!("X-Forwarded-For: {value}\r\n")).await?;
            ensure!(answer.starts_with("HTTP/1.1 400"), "{value} was answered {answer}");
            ensure!(answer.ends_with("cannot be read (proxy_header)."), "{value} was answered {answer}");
        }
        Ok(target)
    })
    .await
}

#[tokio::test]
async fn sockjs_sessions_without_end() -> Result<()> {
    let settings = ["--max-connections-per-address", "5", "--sockjs-disconnect-delay", "500ms"];
    attack(&settings, async |target| {
        // One connection at a time, so what counts are the sessions.
        let opened =
            async |number: u32| target.request_from(ATTACKER, &format!("POST /data/000/{number}/xhr"), "", "").await;
        let mut refused = 0;
        for number in 0..20 {
            let answer = opened(number).await?;
            ensure!(answer.ends_with("o\n") || answer.starts_with("HTTP/1.1 429"), "it was answered {answer}");
            refused += u32::from(answer.starts_with("HTTP/1.1 429"));
        }
        ensure!(refused > 0, "twenty sessions were opened");
        eventually("sessions that nobody receives for have ended", async || {
            Ok(opened(20).await?.ends_with("o\n").then_some(()))
        })
        .await?;
        Ok(target)
    })
    .await
}
