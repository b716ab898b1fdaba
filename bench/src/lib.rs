//! Load for SwampDragon servers and their peers: thousands of pages in one process, and what they cost a server.
//!
//! Each page is the client's own state machine over a WebSocket, so it reconnects, answers and notices silence
//! as a page in a browser does. What it costs is its socket, a task and a kilobyte of buffer.

mod counts;
mod dial;
mod flood;
mod listeners;
mod load;
mod page;
mod percentiles;
mod process_group;
pub mod report;
mod session_names;
mod timings;
mod wire;

pub use counts::Counted;
pub use flood::Flood;
pub use listeners::Listeners;
pub use load::{Load, Plan};
pub use percentiles::{median, percentile};
pub use process_group::{Memory, ProcessGroup};
pub use session_names::session_names;
pub use timings::Timings;
pub use wire::Wire;
