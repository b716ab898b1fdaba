//! Redis goes away and comes back: connections stand, and answers given meanwhile count.

use std::time::Duration;

use anyhow::{Result, ensure};
use swampdragon_tests::{
    deadline::eventually,
    peer::Peer,
    redis::{Life, Redis},
    server::Server,
};

#[tokio::test]
async fn an_answer_given_during_the_outage_refreshes_after_it() -> Result<()> {
    let mut redis = Redis::start().await?;
    let server =
        Server::start(["--session-store", &redis.url(), "--session-ttl", "30s", "--heartbeat-interval", "1s"])?;
    let mut peer = Peer::connect(&server).await?;

    redis.kill();
    peer.heartbeat().await?;
    peer.answer("k1").await?;
    peer.heartbeat().await?;
    peer.alive().await?;

    redis.restart().await?;
    // A killed Redis comes back empty, so the session is stored again, short: one refresh makes it long.
    redis.store_session("k1", Duration::from_secs(20)).await?;
    eventually("the session has been refreshed by an answer", || async {
        Ok(matches!(redis.session_life("k1").await?, Life::Expires(left) if left > Duration::from_secs(25))
            .then_some(()))
    })
    .await?;
    ensure!(peer.alive().await.is_ok(), "the connection stood all the while");
    Ok(())
}
