//! As many connections as several processes have together, with one Redis.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    time::Duration,
};

use anyhow::{Context as _, Result};
use swampdragon_bench::{
    Counted,
    report::{Figure, Figures, Scale},
    session_names,
};
use tokio::time::sleep;

use super::{
    load_process::LoadProcess,
    peer::own_settings,
    redis_cost::RedisCost,
    scene::{OPENED, SETTLE, microseconds},
};
use crate::{
    deadline::within,
    faults::sessions::{Moment, Sessions},
    redis::Redis,
    server::Server,
};

pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let (interval, ttl) = (Duration::from_secs(scale.crowd_interval), scale.crowd_ttl());
    let redis = Redis::start().await?;
    let mut connection = redis.connection().await?;
    let shares = shares(scale.crowd, scale.crowd_servers);
    let servers =
        shares.iter().map(|_| Server::start(own_settings(&redis, interval, ttl))).collect::<Result<Vec<_>>>()?;
    let sessions = Sessions::of(session_names(0..scale.crowd));
    redis.store_sessions(sessions.keys(), ttl).await?;
    let start = |(server, share): (&Server, &Range<usize>)| {
        LoadProcess::start(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()?)), share, interval)
    };
    let mut loads = servers.iter().zip(&shares).map(start).collect::<Result<Vec<_>>>()?;
    let mut last = Counted::default();
    within(OPENED, "all connections are open", || {
        let counted = counted(&mut loads).inspect(|counted| last = *counted);
        async { Ok((counted?.open() >= scale.crowd as u64).then_some(())) }
    })
    .await
    .with_context(|| format!("of {} pages: {last:?}", scale.crowd))?;
    // Each has been answered for once.
    sleep(interval + SETTLE).await;

    let start = Moment::now();
    let (cpu, before) = (cpu(&servers)?, RedisCost::of(&mut connection).await?);
    sleep(interval).await;
    let spent = self::cpu(&servers)?.saturating_sub(cpu);
    let cost = RedisCost::of(&mut connection).await?.since(before);
    // Those of the last moment are refreshed, too.
    sleep(SETTLE).await;
    let refreshed = sessions.look(vec![connection]).await?.alive_at(start.after(ttl));
    let counted = counted(&mut loads)?;
    let resident: u64 = servers.iter().map(|it| Ok(it.group().memory()?.resident)).sum::<Result<_>>()?;

    // A session is refreshed once for each trip.
    let trips = cost.refreshes as f64;
    figures.set(Figure::CrowdResident, Some(resident as f64 / scale.crowd as f64));
    figures.set(Figure::CrowdTripCpu, Some(microseconds(spent) / trips));
    figures.set(Figure::CrowdRedisCpu, Some(microseconds(cost.cpu) / trips));
    figures.set(Figure::CrowdEnded, Some((counted.ended + counted.failed) as f64));
    figures.set(Figure::CrowdLost, Some((scale.crowd - refreshed) as f64));
    Ok(())
}

/// Which sessions are those of each server's pages.
fn shares(all: usize, servers: usize) -> Vec<Range<usize>> {
    (0..servers).map(|number| all * number / servers..all * (number + 1) / servers).collect()
}

fn counted(loads: &mut [LoadProcess]) -> Result<Counted> {
    loads.iter_mut().map(LoadProcess::counted).sum()
}

fn cpu(servers: &[Server]) -> Result<Duration> {
    servers.iter().map(|server| server.group().cpu()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_has_one_page() {
        assert_eq!(shares(10, 3), [0..3, 3..6, 6..10]);
        let sizes: Vec<usize> = shares(100_000, 6).iter().map(Range::len).collect();
        assert_eq!(sizes, [16_666, 16_667, 16_667, 16_666, 16_667, 16_667]);
    }
}
