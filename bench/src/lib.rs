//! Load for SwampDragon servers: thousands of pages in one process.
//!
//! Each page is the client's own state machine over a SockJS WebSocket, so it reconnects, answers and notices silence
//! as a page in a browser does. What it costs is its socket, a task and a kilobyte of buffer.

mod counts;
mod load;
mod page;

pub use counts::Counted;
pub use load::{Load, Plan};
