//! The two heartbeats: when each connection's next one is due, and what becomes of the replies.

mod notice;
mod pending;
mod refresher;
mod rounds;
mod schedule;
mod watch;

pub(crate) use notice::{Notices, Refusal};
pub(crate) use refresher::{Refresher, RefresherSettings};
pub(crate) use rounds::Rounds;
pub(crate) use schedule::{Schedule, Slot};
