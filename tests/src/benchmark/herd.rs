//! Every page comes back at once.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use swampdragon_bench::{
    Load, Plan, Wire,
    report::{Figure, Figures, Scale},
    session_names,
};
use swampdragon_client::Config;
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    peer::own_settings,
    scene::{OPENED, SETTLE, all_open},
};
use crate::{
    deadline::within,
    faults::sessions::{Moment, Sessions},
    redis::Redis,
    server::Server,
};

const INTERVAL: Duration = Duration::from_secs(10);

/// Longer than a page may be away and then waits for its next heartbeat.
const TTL: Duration = Duration::from_secs(60);

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let redis = Redis::start().await?;
    let servers = (0..scale.herd_servers)
        .map(|_| Server::start(own_settings(&redis, INTERVAL, TTL)))
        .collect::<Result<Vec<_>>>()?;
    let addresses = servers.iter().map(|it| Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, it.port()?))));
    let sessions = Sessions::of(session_names(0..scale.herd));
    redis.store_sessions(sessions.keys(), TTL).await?;
    let load = Load::start(Plan {
        servers: addresses.collect::<Result<_>>()?,
        wire: Wire::SockJs,
        prefix: "/data".to_owned(),
        first: 0,
        sessions: sessions.keys().to_vec(),
        // As in a browser.
        config: Config::default(),
        ramp: INTERVAL,
        opening: usize::MAX,
        stay: None,
    });
    all_open(&load, scale.herd).await?;

    let killed = Instant::now();
    // The pages live on meanwhile.
    let _servers = spawn_blocking(|| restart_all(servers)).await.context("restarting failed")??;
    within(OPENED, "all pages are back", || async {
        let counted = load.counted();
        Ok((counted.ended >= scale.herd as u64 && counted.open() >= scale.herd as u64).then_some(()))
    })
    .await?;
    figures.set(Figure::HerdBack, Some(killed.elapsed().as_secs_f64()));

    let back = Moment::now();
    // Every page is asked once more, an interval after it has come.
    sleep(INTERVAL + SETTLE).await;
    let refreshed = sessions.look(vec![redis.connection().await?]).await?.alive_at(back.after(TTL));
    figures.set(Figure::HerdLost, Some((scale.herd - refreshed) as f64));
    Ok(())
}

fn restart_all(mut servers: Vec<Server>) -> Result<Vec<Server>> {
    servers.iter_mut().for_each(Server::kill);
    servers.iter_mut().try_for_each(Server::restart)?;
    Ok(servers)
}
