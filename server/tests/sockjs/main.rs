//! The SockJS service as its clients see it, through real sockets: every transport, byte by byte.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking; all of it is one program"
)]

mod client;
mod closing;
mod messages;
mod polling;
mod refusals;
mod server;
mod services;
mod streaming;
mod urls;
