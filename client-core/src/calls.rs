use alloc::vec::Vec;

use crate::Types;

/// A call that the application makes.
#[derive(Debug, Clone)]
pub struct PageCall<T: Types> {
    /// The message to send.
    pub request: T::Request,
    /// Its `callbackname`, which the reply will carry. A logout is a call, too: here stands the key, which the notice of
    /// its outcome will carry.
    pub callback_name: T::Text,
    /// What the call does to subscriptions.
    pub purpose: Purpose<T>,
    /// Comes back when the call is settled.
    pub handle: T::Handle,
}

/// What a call does to subscriptions.
///
/// The subject is any text that is equal for equal subscriptions, such as route and arguments as JSON. An unsubscribe
/// call undoes the subscribe call of the same subject.
#[derive(Debug, Clone)]
pub enum Purpose<T: Types> {
    /// Nothing.
    Ordinary,
    /// Its subject is subscribed, and again after each reconnect.
    Subscribe(T::Text),
    /// Its subject is not subscribed any more.
    Unsubscribe(T::Text),
}

/// Why a call ended without a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// The connection was lost after the call had been sent. Whether the server acted on it is unknown.
    ConnectionLost = 0,
    /// The client is not connected and is not about to be. The call was not sent.
    NotConnected = 1,
    /// As many calls as allowed wait for the connection already. The call was not sent.
    QueueFull = 2,
    /// As many later calls as allowed wait for replies; the server will hardly answer this one.
    Unanswered = 3,
    /// As many subscriptions as allowed exist already. The call was not sent.
    TooManySubscriptions = 4,
}

/// A call without a reply so far.
pub(crate) struct Pending<T: Types> {
    pub(crate) callback_name: T::Text,
    pub(crate) purpose: Purpose<T>,
    /// `None`: the client itself restores a subscription, and nobody waits.
    pub(crate) handle: Option<T::Handle>,
    /// The message, until it is sent.
    unsent: Option<T::Request>,
}

/// The calls without a reply, oldest first.
pub(crate) struct Calls<T: Types> {
    list: Vec<Pending<T>>,
}

impl<T: Types> Calls<T> {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// How many wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.list.iter().filter(|pending| pending.unsent.is_some()).count()
    }

    /// Keeps a call to send it later.
    pub(crate) fn queue(&mut self, call: PageCall<T>) {
        self.list.push(Pending {
            callback_name: call.callback_name,
            purpose: call.purpose,
            handle: Some(call.handle),
            unsent: Some(call.request),
        });
    }

    /// Keeps a call that has been sent. With more than `limit` of them the oldest is given up, and returned.
    pub(crate) fn sent(
        &mut self,
        callback_name: T::Text,
        purpose: Purpose<T>,
        handle: Option<T::Handle>,
        limit: usize,
    ) -> Option<Pending<T>> {
        let given_up = (self.list.len() >= limit.max(1)).then(|| self.list.remove(0));
        self.list.push(Pending { callback_name, purpose, handle, unsent: None });
        given_up
    }

    /// Takes out the next call to be sent.
    pub(crate) fn take_queued(&mut self) -> Option<PageCall<T>> {
        let position = self.list.iter().position(|pending| pending.unsent.is_some())?;
        let pending = self.list.remove(position);
        Some(PageCall {
            request: pending.unsent?,
            callback_name: pending.callback_name,
            purpose: pending.purpose,
            handle: pending.handle?,
        })
    }

    /// Takes out the oldest sent call by this name: pages use one name for many calls, and servers answer in order.
    pub(crate) fn take_answered(&mut self, callback_name: &T::Text) -> Option<Pending<T>> {
        let position =
            self.list.iter().position(|pending| pending.unsent.is_none() && pending.callback_name == *callback_name)?;
        Some(self.list.remove(position))
    }

    /// Takes out a call that cannot be answered any more: each that was sent, and with `also_queued` each that waits.
    pub(crate) fn take_lost(&mut self, also_queued: bool) -> Option<T::Handle> {
        loop {
            let position = self.list.iter().position(|pending| also_queued || pending.unsent.is_none())?;
            if let Some(handle) = self.list.remove(position).handle {
                return Some(handle);
            }
        }
    }
}
