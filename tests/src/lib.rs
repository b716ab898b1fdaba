//! What the end-to-end tests stand on: real servers, a real Redis, real browsers and the npm package as users get it.
//!
//! Everything here is a value that owns its process and ends it when dropped, listens on a port of its own choosing and
//! waits for conditions, never for time to pass. What is under test is what `cargo xtask build` made.

pub mod benchmark;
pub mod browser;
pub mod deadline;
pub mod faults;
pub mod framework;
pub mod guide;
pub mod limits;
pub mod npm;
pub mod original;
pub mod original_server;
pub mod packages;
pub mod peer;
mod process;
pub mod redis;
pub mod server;
pub mod site;
pub mod sockjs_client;
