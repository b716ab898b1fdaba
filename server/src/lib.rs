//! A server that keeps web sessions alive for as long as their pages are open.
//!
//! A page connects by SockJS or a raw WebSocket. On its schedule the server sends a heartbeat message,
//! `{"heartbeat": "tick"}`; the page answers with its session key; the server refreshes that key's time-to-live in the
//! session store.

mod admin;
mod channel_filter;
mod connection;
#[doc(hidden)]
pub mod fuzzing;
mod heartbeat;
mod http;
mod listener;
mod metrics;
mod origin;
mod peer;
pub mod pubsub;
mod router;
mod server;
mod service;
pub mod session_store;
pub mod settings;
mod shutdown;
mod sockjs;
pub mod testing;
mod websocket;

pub use channel_filter::FilteredChannel;
pub use connection::{Connection, ConnectionHandler, DataConnection, HeartbeatReply, Message};
pub use router::{CallError, LoginRequired, ModelRouter, NoArgs, PageOfList, Permission, Router, RouterCall, Verbs};
pub use server::{Server, ServerBuilder, StartError};
pub use shutdown::shutdown_signal;
pub use sockjs::SockJsService;
pub use swampdragon_protocol as protocol;
