//! The browser's half of the SwampDragon client: sockets, timers and JSON for [`swampdragon_client::Client`].
//!
//! JavaScript sees one function, [`attach`]. It gives the page's object a dispatch function and takes from it a host
//! to deliver events to; both speak in numbers, those of [`Command`] and [`Delivery`]. Everything the page keeps (text,
//! payloads, replies) stays a JavaScript value: the client only compares, copies and hands it on.
#![no_std]

extern crate alloc;

mod bridge;
mod classify;
mod page;
#[cfg(all(feature = "page", target_arch = "wasm32"))]
mod runtime;
mod send;
mod shell;
#[cfg(feature = "typed")]
pub mod typed;
mod words;

pub use bridge::{Command, Delivery, Host, attach};
