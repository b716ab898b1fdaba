use std::{any::Any, collections::BTreeSet, sync::Arc};

use swampdragon_protocol::{ChannelName, SessionKey};

use super::Connection;

/// What belongs to one connection beyond its heartbeats.
#[derive(Default)]
pub(super) struct Holdings {
    user: Option<Arc<dyn Any + Send + Sync>>,
    /// Remote and local channel. A remote channel is subscribed to while any local one stands for it.
    subscriptions: BTreeSet<(ChannelName, ChannelName)>,
    /// The sessions of this page, the latest last.
    keys: Vec<SessionKey>,
    /// The connection is gone, and what it subscribed to would never be unsubscribed.
    gone: bool,
}

/// Why a page is not subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscribeError {
    #[error("too many subscriptions on one connection: max_subscriptions is {limit}")]
    TooMany { limit: usize },
    #[error("the connection has closed")]
    Gone,
}

impl Connection {
    /// Says who is behind the page. What that is, the application decides, and how it found out: from a session that
    /// the page named, from a call with a password. Routers then find it by [`user`](Self::user), and what
    /// [`LoginRequired`](crate::LoginRequired) guards is open.
    pub fn log_in<User: Any + Send + Sync>(&self, user: User) {
        self.application().holdings.get_or_insert_default().user = Some(Arc::new(user));
    }

    /// Nobody is behind the page any more. Subscriptions stay.
    pub fn log_out(&self) {
        let user = self.application().holdings.as_mut().and_then(|holdings| holdings.user.take());
        // Dropped here and not above: it is the application's, and may come back to this connection.
        drop(user);
    }

    /// Whether somebody has logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.application().holdings.as_ref().is_some_and(|holdings| holdings.user.is_some())
    }

    /// Who has [logged in](Self::log_in). `None` if nobody has, or it is of another type.
    #[must_use]
    pub fn user<User: Any + Send + Sync>(&self) -> Option<Arc<User>> {
        let user = self.application().holdings.as_ref()?.user.clone()?;
        user.downcast().ok()
    }

    /// Remembers a session of this page, so that heartbeat replies which name none refresh it, as those of SwampDragon
    /// 0.4 do. Of more than `max_keys_per_connection`, those named last are remembered.
    pub fn keep_session(&self, key: SessionKey) {
        let limit = self.service().settings.max_keys_per_connection;
        let mut application = self.application();
        let keys = &mut application.holdings.get_or_insert_default().keys;
        keys.retain(|kept| *kept != key);
        keys.push(key);
        if keys.len() > limit {
            keys.remove(0);
        }
    }

    /// The sessions that this connection [keeps](Self::keep_session).
    #[must_use]
    pub fn kept_sessions(&self) -> Vec<SessionKey> {
        self.application().holdings.as_ref().map_or_else(Vec::new, |holdings| holdings.keys.clone())
    }

    /// Subscribes to remote channels under the page's local name for them.
    ///
    /// # Errors
    /// Nothing has been subscribed to.
    pub(crate) async fn subscribe(&self, local: &ChannelName, remotes: &[ChannelName]) -> Result<(), SubscribeError> {
        let service = self.service();
        {
            let mut application = self.application();
            let holdings = application.holdings.get_or_insert_default();
            let limit = service.settings.max_subscriptions;
            let wanted = remotes.iter().map(|remote| (remote.clone(), local.clone()));
            let new: BTreeSet<_> = wanted.filter(|pair| !holdings.subscriptions.contains(pair)).collect();
            if holdings.gone {
                return Err(SubscribeError::Gone);
            }
            if holdings.subscriptions.len() + new.len() > limit {
                return Err(SubscribeError::TooMany { limit });
            }
            holdings.subscriptions.extend(new);
            // Under the same lock, so that an end of the connection comes before all of it or after.
            remotes.iter().for_each(|remote| service.subscribers.add(remote, self));
        }
        service.pub_sub.follow(remotes).await;
        Ok(())
    }

    /// Gives up remote channels under one local name. Those that another local name stands for stay subscribed to;
    /// names that were not subscribed to are passed over.
    pub(crate) fn unsubscribe(&self, local: &ChannelName, remotes: &[ChannelName]) {
        let service = self.service();
        let mut left = Vec::new();
        {
            let mut application = self.application();
            let Some(holdings) = &mut application.holdings else { return };
            for remote in remotes {
                let removed = holdings.subscriptions.remove(&(remote.clone(), local.clone()));
                if removed && !holdings.has(remote) && service.subscribers.remove(remote, self) {
                    left.push(remote.clone());
                }
            }
        }
        if !left.is_empty() {
            service.pub_sub.unfollow(&left);
        }
    }

    /// How many subscriptions this connection has: pairs of a local and a remote channel.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.application().holdings.as_ref().map_or(0, |holdings| holdings.subscriptions.len())
    }

    pub(super) fn give_up_holdings(&self) {
        let given_up = {
            let mut application = self.application();
            let gone = Box::new(Holdings { gone: true, ..Holdings::default() });
            application.holdings.replace(gone)
        };
        let Some(holdings) = given_up else { return };
        let service = self.service();
        let mut left: Vec<_> = holdings.subscriptions.into_iter().map(|(remote, _)| remote).collect();
        left.dedup();
        left.retain(|remote| service.subscribers.remove(remote, self));
        if !left.is_empty() {
            service.pub_sub.unfollow(&left);
        }
    }
}

impl Holdings {
    fn has(&self, remote: &ChannelName) -> bool {
        self.subscriptions.iter().any(|(other, _)| other == remote)
    }
}
