//! SIGTERM: everyone is told, then the server ends.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use swampdragon_tests::{peer::Peer, server::Server};

#[tokio::test]
async fn clients_get_a_close_frame_and_the_server_ends_well() -> Result<()> {
    let mut server = Server::start(["--session-store", "memory:"])?;
    let peers = try_join_all((0..20).map(|_| Peer::connect(&server))).await?;

    server.terminate()?;
    let frames = try_join_all(peers.into_iter().map(|peer| peer.closed(Duration::from_secs(10)))).await?;
    for frame in frames {
        let frame = frame.context("a close frame says why")?;
        // 1001 is "going away"; anything else would tell a client not to come back.
        ensure!(u16::from(frame.code) == 1001, "close code {}", frame.code);
    }
    let status = server.ended(Duration::from_secs(10))?;
    ensure!(status.success(), "it ended with {status}:\n{}", server.log());
    Ok(())
}
