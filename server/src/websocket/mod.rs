//! WebSocket connections that cost next to nothing while nothing happens.
//!
//! Between messages a connection is its socket, an [`Arc`](std::sync::Arc) and a task of a few words: tungstenite's
//! state is built when bytes arrive and dropped when they end a message. Heartbeats keep most connections idle nearly
//! all the time, so that is what memory goes by.

mod driver;
mod frame_tracker;
mod handshake;
mod link;
mod outgoing;
mod reading;
mod scripted;
mod short_text;

pub(crate) use driver::Driver;
pub(crate) use handshake::{Handshake, accept};
pub(crate) use link::{Framing, HasLink, Link, SendLimits, WireFrame};
pub use scripted::{WebSocketEnd, WebSocketRead, read_websocket};
