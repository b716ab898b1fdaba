//! What operators see of a server: health, numbers and logs, and that their manual names all of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod backend;
mod binary;
mod health;
#[path = "../support/log.rs"]
mod log;
mod logs;
mod manual;
mod numbers;
#[path = "../connections/peer.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
mod peer;
mod server;
#[cfg(feature = "tls")]
mod tls;
