//! Servers run in this process and talked to through real sockets.

mod http;
mod life;
mod peer;
mod wire;
