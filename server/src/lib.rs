//! A server that keeps web sessions alive for as long as their pages are open.
//!
//! A page connects by SockJS or a raw WebSocket. On its schedule the server sends a heartbeat message,
//! `{"heartbeat": "tick"}`; the page answers with its session key; the server refreshes that key's time-to-live in the
//! session store.

mod admin;
mod admission;
mod binding;
mod body;
mod channel_filter;
mod connection;
mod drain;
#[doc(hidden)]
pub mod fuzzing;
mod heartbeat;
mod http;
mod http_connection;
mod listener;
mod log_limit;
mod logout;
mod metrics;
mod open_files;
mod origin;
mod peer;
mod proxies;
pub mod pubsub;
mod refusals;
mod router;
mod server;
mod service;
pub mod session_layout;
pub mod session_store;
pub mod settings;
mod shutdown;
mod sockjs;
mod stream;
pub mod testing;
mod tls;
mod websocket;

pub use channel_filter::FilteredChannel;
pub use connection::{Connection, ConnectionHandler, DataConnection, HeartbeatReply, LogoutRequest, Message};
pub use logout::Sessions;
pub use open_files::{OpenFilesError, raise_open_files_limit};
pub use router::{CallError, LoginRequired, ModelRouter, NoArgs, PageOfList, Permission, Router, RouterCall, Verbs};
pub use server::{Server, ServerBuilder, StartError};
pub use shutdown::{hang_up_signals, shutdown_signal, shutdown_signals};
pub use sockjs::SockJsService;
pub use swampdragon_protocol as protocol;
pub use tls::TlsError;
