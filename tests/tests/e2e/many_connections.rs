//! Two hundred pages at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use swampdragon_tests::{deadline::eventually, peer::Peer, redis::Redis, server::Server};

const PEERS: usize = 200;
const TTL: Duration = Duration::from_secs(6);

#[tokio::test]
async fn each_keeps_its_own_session() -> Result<()> {
    let redis = Redis::start().await?;
    let server = Server::start(["--session-store", &redis.url(), "--session-ttl", "6s", "--heartbeat-interval", "1s"])?;
    let keys: Vec<String> = (0..PEERS).map(|number| format!("session-{number}")).collect();
    let mut peers = try_join_all(keys.iter().map(|_| Peer::connect(&server))).await?;
    // Stored short: only a refresh lengthens it to the server's own time to live.
    for key in keys.iter().map(String::as_str).chain(["nobody"]) {
        redis.store_session(key, Duration::from_secs(4)).await?;
    }

    try_join_all(peers.iter_mut().zip(&keys).map(|(peer, key)| async {
        peer.heartbeat().await?;
        peer.answer(key.as_str()).await
    }))
    .await?;

    eventually("all sessions have been refreshed", || async {
        let lives = try_join_all(keys.iter().map(|key| redis.session_life(key))).await?;
        let refreshed =
            lives.into_iter().filter(|life| life.left().is_ok_and(|left| left > TTL - Duration::from_secs(2)));
        Ok((refreshed.count() == PEERS).then_some(()))
    })
    .await?;
    redis.expires_unrefreshed("nobody").await?;
    ensure!(try_join_all(peers.iter_mut().map(Peer::alive)).await?.len() == PEERS, "all are still connected");
    Ok(())
}
