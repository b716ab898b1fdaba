//! Servers run in this process and talked to through real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bare_websocket;
mod conformance;
mod http;
mod life;
mod limits;
mod peer;
mod proxies;
mod running;
mod silence;
mod wire;
