use core::fmt;

use swampdragon_protocol::Wire;

/// What a client handles without looking inside, beside the wire's own text and payloads.
///
/// Natively these are strings and numbers; in a page all of them are JavaScript values, so that nothing is copied into
/// WebAssembly only to be handed back.
pub trait Types: Wire {
    /// A message of the application, ready for the shell to send.
    type Request: Clone + fmt::Debug;
    /// What the shell knows a call by: it comes back with the reply, or with the reason why there is none.
    type Handle: Clone + fmt::Debug;
}
