//! One suite that every session store passes, and what each kind of store promises beyond it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests; clippy.toml reaches only the functions marked so"
)]

mod conformance;
mod embedded;
mod memory;
#[path = "../support/old_redis.rs"]
mod old_redis;
mod redis;
mod redis_cluster;
#[path = "../support/redis_cluster.rs"]
mod redis_cluster_nodes;
mod redis_faults;
mod redis_sentinel;
#[path = "../support/redis_sentinels.rs"]
mod redis_sentinels;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod redis_tls;
