//! One suite that every session store passes, and what each kind of store promises beyond it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of it is tests; clippy.toml reaches only the functions marked so"
)]

mod conformance;
mod embedded;
mod memory;
mod redis;
#[path = "../support/redis_server.rs"]
mod redis_server;
