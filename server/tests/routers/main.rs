//! Routers, channels and publications: without a socket where one is not the point, with real ones where it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod application;
mod calls;
mod channels;
mod dialects;
mod model;
mod notes;
mod over_deployed_redis;
mod over_redis;
mod over_sockets;
#[path = "../connections/peer.rs"]
mod peer;
#[path = "../support/redis_cluster.rs"]
mod redis_cluster_nodes;
#[path = "../support/redis_sentinels.rs"]
mod redis_sentinels;
#[path = "../support/redis_server.rs"]
mod redis_server;
