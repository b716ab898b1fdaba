//! The client against a scripted server, under virtual time.

mod calls;
mod heartbeats;
mod pair;
mod reconnect;
mod subscriptions;
mod transports;
