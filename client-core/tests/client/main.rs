//! The client against a scripted server, under virtual time.

mod any_order;
mod calls;
mod heartbeats;
mod logout;
mod page_life;
mod pair;
mod rebind;
mod reconnect;
mod subscriptions;
mod transports;
