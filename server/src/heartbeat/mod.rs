//! The two heartbeats: when each connection's next one is due, and what becomes of the replies.

mod log_limit;
mod notice;
mod pending;
mod refresher;
mod schedule;

pub(crate) use notice::{Refusal, refused};
pub(crate) use refresher::{Refresher, RefresherSettings};
pub(crate) use schedule::{Schedule, Slot};
