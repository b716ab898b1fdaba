//! One publication to many pages.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use swampdragon_bench::{
    Listeners, Wire, median, percentile,
    report::{Figure, Figures, Scale},
};
use tokio::time::sleep;

use super::{
    peer::{Peer, built},
    scene::{OPENED, SETTLE, WINDOW, microseconds, milliseconds},
};
use crate::{deadline::within, peer::Peer as Page, redis::Redis, server::Server};

/// What a page says to have what is published.
const SUBSCRIBE: &str = r#"{"route":"news","verb":"subscribe","args":{"channel":"news"},"callbackname":"cb_1"}"#;

/// Between the bare epoll loop's heartbeats.
const INTERVAL: Duration = Duration::from_secs(2);

/// Of a program that embeds the server: a router is an application's.
pub(super) async fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let settings = ["--session-store=memory:", "--max-connections-per-address=0", "--heartbeat-interval=10m"];
    let server = Server::start_program(built("bench-news")?.get_program().as_ref(), settings)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()?));
    let pages = Listeners::open(address, Wire::SockJs, "/data", scale.subscribers, Some(SUBSCRIBE)).await?;
    all_have(&pages, scale, "every page has subscribed").await?;
    let mut publisher = Page::connect(&server).await?;
    sleep(SETTLE).await;

    let cpu = server.group().cpu()?;
    let (mut delays, mut serialized) = (Vec::new(), 0.0);
    for _ in 0..scale.publications {
        pages.take();
        let sent = Instant::now();
        let times = publisher.call("publish", "news", Value::Object(serde_json::Map::new())).await?;
        serialized = times.as_f64().context("the publisher does not say how often the item was serialized")?;
        all_have(&pages, scale, "every page has the publication").await?;
        delays.push(pages.take().into_iter().map(|at| milliseconds(at - sent)).collect::<Vec<_>>());
    }
    let spent = server.group().cpu()?.saturating_sub(cpu);

    let of_each = |share: f64| median(&delays.iter().filter_map(|one| percentile(one, share)).collect::<Vec<_>>());
    let publications = scale.publications as f64;
    figures.set(Figure::Serializations, Some(serialized / publications));
    figures.set(Figure::DeliveryCpu, Some(microseconds(spent) / publications / scale.subscribers as f64));
    figures.set(Figure::DeliveryP50, of_each(0.5));
    figures.set(Figure::DeliveryP99, of_each(0.99));
    figures.set(Figure::DeliveryLast, of_each(1.0));
    Ok(())
}

/// What it costs the bare epoll loop to send a heartbeat to as many.
pub(super) async fn floor(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let redis = Redis::start().await?;
    let server = Peer::Floor.start(&redis, INTERVAL)?;
    let (wire, prefix) = (Peer::Floor.wire(), Peer::Floor.prefix());
    let listeners = Listeners::open(server.address, wire, prefix, scale.subscribers, None).await?;
    sleep(SETTLE).await;
    listeners.take();
    let cpu = server.group().cpu()?;
    sleep(WINDOW).await;
    let (sent, spent) = (listeners.take().len(), server.group().cpu()?.saturating_sub(cpu));
    ensure!(sent > 0, "no heartbeat came");
    figures.set(Figure::DeliveryCpu, Some(microseconds(spent) / sent as f64));
    Ok(())
}

async fn all_have(pages: &Listeners, scale: &Scale, what: &str) -> Result<()> {
    within(OPENED, what, || async { Ok((pages.count() >= scale.subscribers).then_some(())) }).await
}
