use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ::redis::Msg;
use tokio::sync::Notify;

/// What a publication takes beside its channel and its text.
const OVERHEAD: usize = 256;

/// Publications that have come and are not handed on yet, of no more than so many bytes in all.
///
/// What does not fit is dropped: delivery is at most once anyway, and a node that ended its connection to Redis instead
/// would lose more.
pub(super) struct Waiting {
    max_bytes: usize,
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Msg>,
    bytes: usize,
    /// Since all was handed on for the last time.
    dropped: u64,
}

impl Waiting {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, queue: Mutex::default(), arrived: Notify::new() }
    }

    pub(super) fn put(&self, message: Msg) {
        let mut queue = self.queue();
        let bytes = queue.bytes + size(&message);
        // One alone is let through, or it never would be.
        if bytes > self.max_bytes && !queue.messages.is_empty() {
            if queue.dropped == 0 {
                tracing::warn!(
                    waiting = queue.messages.len(),
                    "publications come faster than they can be handed on: dropped (max_waiting_publications)"
                );
            }
            queue.dropped += 1;
            return;
        }
        queue.bytes = bytes;
        queue.messages.push_back(message);
        drop(queue);
        self.arrived.notify_one();
    }

    /// The oldest, as soon as there is one.
    pub(super) async fn next(&self) -> Msg {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Msg> {
        let mut queue = self.queue();
        let message = queue.messages.pop_front();
        match &message {
            Some(message) => queue.bytes -= size(message),
            None if queue.dropped > 0 => {
                let dropped = std::mem::take(&mut queue.dropped);
                tracing::warn!(dropped, "publications were dropped; all others are handed on now");
            }
            None => {}
        }
        message
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(message: &Msg) -> usize {
    message.get_channel_name().len() + message.get_payload_bytes().len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::Value;

    fn publication(text: &str) -> Msg {
        let parts = ["message", "channel", text].map(|part| Value::BulkString(part.as_bytes().to_vec()));
        Msg::from_value(&Value::Array(parts.to_vec())).unwrap()
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_the_rest_keeps_its_order() {
        let waiting = Waiting::new(3 * size(&publication("1")));
        for text in ["1", "2", "3", "4"] {
            waiting.put(publication(text));
        }
        assert_eq!(waiting.next().await.get_payload_bytes(), b"1");
        waiting.put(publication("5"));
        for text in ["2", "3", "5"] {
            assert_eq!(waiting.next().await.get_payload_bytes(), text.as_bytes());
        }
        assert!(waiting.take().is_none());
        assert_eq!(waiting.queue().bytes, 0);
    }

    #[tokio::test]
    async fn one_that_is_larger_than_all_may_be_is_let_through_alone() {
        let waiting = Waiting::new(10);
        waiting.put(publication("1"));
        waiting.put(publication("2"));
        assert_eq!(waiting.next().await.get_payload_bytes(), b"1");
        assert!(waiting.take().is_none());
    }
}
