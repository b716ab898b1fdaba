//! The SwampDragon client as a state machine: no sockets, no clock, no randomness, no JavaScript.
//!
//! A shell tells a [`Client`] what happened (`handle_*`), does what [`Client::poll_action`] asks for, and hands on to
//! the application what [`Client::poll_event`] says, in that order and until both are empty. The same machine runs in
//! a page, in the native tests under virtual time, and in the load driver.
//!
//! Times are whole milliseconds in a `u32`, the unit of a page's timers: `core::time::Duration` would bring 128-bit
//! arithmetic into every page.
#![no_std]

extern crate alloc;

mod action;
mod backoff;
mod calls;
mod channels;
mod choice;
mod client;
mod close_policy;
mod config;
mod event;
mod heartbeat;
mod incoming;
#[cfg(feature = "json")]
mod json;
mod remembered;
mod state;
mod subscriptions;
mod transport;
mod types;

pub use action::{Action, Outgoing};
pub use backoff::reconnect_delay_ms;
pub use calls::{CallFailure, PageCall, Purpose};
pub use client::Client;
pub use close_policy::{AfterClose, after_close};
pub use config::Config;
pub use event::Event;
pub use incoming::{Incoming, IncomingReply};
#[cfg(feature = "json")]
pub use json::{JsonTypes, classify};
pub use remembered::Remembered;
pub use state::{Framing, State};
pub use transport::{Transport, Transports};
pub use types::Types;
