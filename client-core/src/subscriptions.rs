use alloc::vec::Vec;

use crate::Types;

/// One subscription that outlives its connection.
struct Subscription<T: Types> {
    subject: T::Text,
    callback_name: T::Text,
    request: T::Request,
    /// Whether it has been sent on the present connection.
    sent: bool,
}

/// The subscriptions to restore, one for each subject.
pub(crate) struct Subscriptions<T: Types> {
    list: Vec<Subscription<T>>,
}

/// A subscribe call to send again.
pub(crate) struct Restored<T: Types> {
    pub(crate) subject: T::Text,
    pub(crate) callback_name: T::Text,
    pub(crate) request: T::Request,
}

impl<T: Types> Subscriptions<T> {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Keeps a subscribe call. A call about the same subject takes its predecessor's place, so that a page that
    /// subscribes in each `onopen` is subscribed once. Answers whether there was room.
    pub(crate) fn keep(
        &mut self,
        subject: &T::Text,
        callback_name: &T::Text,
        request: &T::Request,
        limit: usize,
    ) -> bool {
        let entry = Subscription {
            subject: subject.clone(),
            callback_name: callback_name.clone(),
            request: request.clone(),
            sent: true,
        };
        if let Some(known) = self.list.iter_mut().find(|known| known.subject == *subject) {
            *known = entry;
        } else if self.list.len() < limit {
            self.list.push(entry);
        } else {
            return false;
        }
        true
    }

    /// Forgets a subject: it was unsubscribed, or the server refused it.
    pub(crate) fn forget(&mut self, subject: &T::Text) {
        self.list.retain(|known| known.subject != *subject);
    }

    /// The connection is gone, and with it the server's side of all subscriptions.
    pub(crate) fn lost(&mut self) {
        for subscription in &mut self.list {
            subscription.sent = false;
        }
    }

    /// The next subscription that the present connection lacks. It counts as sent from now on.
    pub(crate) fn next_to_restore(&mut self) -> Option<Restored<T>> {
        let subscription = self.list.iter_mut().find(|subscription| !subscription.sent)?;
        subscription.sent = true;
        Some(Restored {
            subject: subscription.subject.clone(),
            callback_name: subscription.callback_name.clone(),
            request: subscription.request.clone(),
        })
    }

    /// Whether there is nothing to restore.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }
}
