//! Sessions of other frameworks: cookies, keys and values recorded with the real packages, and what is made of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests; clippy.toml reaches only the functions marked so"
)]

mod app;
mod bound;
mod found;
mod hostile;
#[path = "../support/log.rs"]
mod log;
#[path = "../connections/peer.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod peer;
mod recording;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod refreshed;
mod touch;
