//! Whether a server's memory stays as it is while pages come and go: each connects, answers heartbeats and is replaced
//! after some seconds by another; half of them go without a word, by a reset.
//!
//! `cargo xtask build && cargo run --release -p swampdragon-tests --bin churn [MINUTES [CONNECTIONS]]`

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use swampdragon_bench::{Load, Plan, Wire};
use swampdragon_client::Config;
use swampdragon_tests::{limits, redis::Redis, server::Server};

const MINUTES: u64 = 20;
const CONNECTIONS: usize = 2000;

/// How long a page stays on average.
const STAY: Duration = Duration::from_secs(10);

/// Between two looks at the server's memory.
const PAUSE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().map_or(Ok(MINUTES), |minutes| minutes.parse()).context("MINUTES is a number")?;
    let connections =
        arguments.next().map_or(Ok(CONNECTIONS), |count| count.parse()).context("CONNECTIONS is a number")?;
    limits::raise_open_files(connections)?;

    let redis = Redis::start().await?;
    let server = Server::start([
        "--session-store",
        &redis.url(),
        "--session-ttl=60s",
        "--heartbeat-interval=3s",
        "--heartbeat-ack=true",
    ])?;
    let sessions: Vec<_> = (0..connections).map(|number| format!("session-{number:06}")).collect();
    redis.store_sessions(&sessions, Duration::from_secs(60)).await?;
    let load = Load::start(Plan {
        servers: vec![SocketAddr::from(([127, 0, 0, 1], server.port()?))],
        wire: Wire::SockJs,
        prefix: "/data".to_owned(),
        first: 0,
        sessions,
        config: Config { connect_timeout_ms: 5000, ..Config::default() },
        ramp: STAY,
        opening: usize::MAX,
        stay: Some(STAY),
    });

    let looks = minutes * 60 / PAUSE.as_secs();
    let mut resident = Vec::new();
    for look in 1..=looks {
        tokio::time::sleep(PAUSE).await;
        let counted = load.counted();
        let bytes = server.resident_bytes()?;
        println!(
            "{:>5} s: {:>6} KiB resident, {} open, {} came, {} answers",
            look * PAUSE.as_secs(),
            bytes / 1024,
            counted.open(),
            counted.opened,
            counted.answers
        );
        resident.push(bytes as f64 / 1024.0);
    }
    // The first minute brings everything to its size.
    let settled = resident.get(2..).unwrap_or_default();
    let (first, last) = (settled.first().context("at least 2 MINUTES")?, settled.last().unwrap_or(&0.0));
    let slope = slope(settled) * 60.0 / PAUSE.as_secs_f64();
    println!(
        "{connections} connections, {minutes} minutes: {first:.0} KiB after the first minute, {last:.0} KiB at the end, {slope:+.1} KiB a minute"
    );
    Ok(())
}

/// By how much the numbers grow from one to the next: the line that lies closest to all of them.
fn slope(numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, numbers.iter().sum::<f64>() / count);
    let (mut together, mut alone) = (0.0, 0.0);
    for (index, number) in numbers.iter().enumerate() {
        let distance = index as f64 - middle;
        together += distance * (number - mean);
        alone += distance * distance;
    }
    if alone > 0.0 { together / alone } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_has_its_own_slope() {
        assert_eq!(slope(&[5.0, 7.0, 9.0]), 2.0);
        assert_eq!(slope(&[5.0, 6.0, 5.0]), 0.0);
        assert_eq!(slope(&[5.0]), 0.0);
    }
}
