use std::sync::{Mutex, MutexGuard, PoisonError};

use swampdragon_protocol::CloseCode;

/// Keeps what is sent, in place of a peer.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Box<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    messages: Vec<String>,
    closed: Option<CloseCode>,
}

impl Recorder {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn message(&self, json: &str) {
        let mut recorded = self.recorded();
        if recorded.closed.is_none() {
            recorded.messages.push(json.to_owned());
        }
    }

    pub(crate) fn close(&self, code: CloseCode) {
        self.recorded().closed.get_or_insert(code);
    }

    pub(super) fn is_open(&self) -> bool {
        self.recorded().closed.is_none()
    }

    /// The messages since this was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.recorded().messages)
    }

    pub(crate) fn closed(&self) -> Option<CloseCode> {
        self.recorded().closed
    }
}
