//! A server that keeps web sessions alive for as long as their pages are open.

pub mod session_store;
pub mod settings;
