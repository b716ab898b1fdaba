use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result};
use swampdragon_bench::{Load, Plan, Wire};

use super::{
    HEARTBEAT, TTL,
    fault::Fault,
    node_arguments,
    outcome::Outcome,
    pages,
    sessions::{Expiries, Moment, Sessions},
    store::{Deployment, Store},
};
use crate::{deadline::within, limits, server::Server};

/// After so long every session has either been refreshed or has expired.
const UNTIL_SETTLED: Duration = Duration::from_secs(2 * TTL.as_secs());

/// A service in use.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) nodes: Vec<Server>,
    pub(super) load: Load,
    sessions: Sessions,
}

/// Lets a fault happen to a service with so many pages, and tells what became of their sessions.
///
/// # Errors
/// When the service does not come up, or does not settle after the fault.
pub async fn suffer(fault: Fault, connections: usize) -> Result<Outcome> {
    let mut stage = Stage::set(fault.deployment(), connections).await.context("the service does not come up")?;
    let before = stage.look().await?;
    let past = fault.happen(&mut stage).await?;

    let recovered_in = if fault.empties_redis() {
        stage.every_page_is_told().await?;
        past.over.elapsed()
    } else {
        stage.refreshed_since(past.over).await?;
        let recovered_in = past.over.elapsed();
        // What was refreshed first may have been answered before the fault. The second time, all is as it was.
        stage.refreshed_since(Moment::now()).await?;
        recovered_in
    };
    let after = stage.look().await?;
    let (should_live, lost) = if fault.empties_redis() {
        (0, 0)
    } else {
        (before.alive_at(past.hopeless_until), before.lost(past.hopeless_until, &after))
    };
    let counted = stage.load.counted();
    Ok(Outcome {
        fault,
        connections,
        should_live,
        lost,
        recovered_in,
        told_expired: usize::try_from(counted.pages_told_expired)?,
        commands_per_answer: match fault.ends_redis() {
            true => None,
            false => Some(stage.store.refresh_commands().await? as f64 / counted.answers as f64),
        },
    })
}

impl Stage {
    /// Starts everything, and waits until every page has had its session refreshed.
    async fn set(deployment: Deployment, connections: usize) -> Result<Self> {
        limits::raise_open_files(connections)?;
        let store = Store::start(deployment).await?;
        let nodes =
            [(); 2].map(|()| Server::start(node_arguments(store.url()))).into_iter().collect::<Result<Vec<_>>>()?;
        let sessions = Sessions::new(connections);
        store.save(sessions.keys(), TTL).await?;
        let saved = Moment::now();
        let servers = nodes.iter().map(|node| Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, node.port()?))));
        let load = Load::start(Plan {
            servers: servers.collect::<Result<_>>()?,
            wire: Wire::SockJs,
            prefix: "/data".to_owned(),
            first: 0,
            sessions: sessions.keys().to_vec(),
            config: pages(),
            ramp: HEARTBEAT,
            opening: usize::MAX,
            stay: None,
        });
        let stage = Self { store, nodes, load, sessions };
        stage.refreshed_since(saved).await?;
        Ok(stage)
    }

    async fn look(&self) -> Result<Expiries> {
        self.sessions.look(self.store.masters().await?).await
    }

    /// Waits until every session that is alive has been refreshed after that moment.
    async fn refreshed_since(&self, moment: Moment) -> Result<()> {
        within(UNTIL_SETTLED, "every session has been refreshed or has expired", || async {
            Ok(self.look().await?.all_refreshed_since(moment, TTL).then_some(()))
        })
        .await
    }

    /// Waits until every page has heard that its session has expired.
    async fn every_page_is_told(&self) -> Result<()> {
        within(UNTIL_SETTLED, "every page has been told that its session has expired", || async {
            let told = usize::try_from(self.load.counted().pages_told_expired)?;
            Ok((told == self.sessions.keys().len()).then_some(()))
        })
        .await
    }
}
