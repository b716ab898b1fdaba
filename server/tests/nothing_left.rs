//! Connections that have closed leave no task, no timer and no memory behind. A process of its own, since it counts what
//! the whole process has allocated.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    alloc::System,
    time::{Duration, Instant},
};

use cap::Cap;
use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What a server runs beside its connections: itself, two kinds of heartbeats, publications, the refresher and its watch.
const SERVER_TASKS: usize = 6;

/// Waits until a condition holds that the server brings about on its own.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_thousand_connections() {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().session_store(store).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let connections = server.connection_count();
    tokio::spawn(server.run_until(std::future::pending()));
    let metrics = tokio::runtime::Handle::current().metrics();

    let mut least = usize::MAX;
    for round in 0..4 {
        let mut peers = Vec::new();
        for _ in 0..1000 {
            let socket = TcpStream::connect(address).await.unwrap();
            let url = format!("ws://{address}/data/000/abc/websocket");
            peers.push(client_async(url, socket).await.unwrap().0);
        }
        eventually("not all are connected", || connections() == 1000).await;
        // One task for each connection: no timer and no writer has its own.
        eventually("a connection has more than one task", || metrics.num_alive_tasks() <= 1000 + SERVER_TASKS).await;
        drop(peers);
        eventually("connections are left", || connections() == 0).await;
        eventually("tasks are left", || metrics.num_alive_tasks() <= SERVER_TASKS).await;
        // The first round leaves what is there once for all, such as the runtime's own tables at their size.
        let what = "memory is left of 1,000 connections";
        eventually(what, || round == 0 || ALLOCATOR.allocated() < least.saturating_add(16 * 1024)).await;
        least = least.min(ALLOCATOR.allocated());
        println!("{} bytes allocated after 1,000 connections", ALLOCATOR.allocated());
    }
}
