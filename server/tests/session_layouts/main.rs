//! Sessions of other frameworks: cookies, keys and values recorded with the real packages, and what is made of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests; clippy.toml reaches only the functions marked so"
)]

mod found;
mod hostile;
mod recording;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod refreshed;
