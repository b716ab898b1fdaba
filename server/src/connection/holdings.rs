use std::{
    any::Any,
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use swampdragon_protocol::ChannelName;

use super::{Connection, KeyHash, beat_clock::Moment, sessions::OtherSession};
use crate::pubsub::ReservedChannel;

/// What connections have beyond their heartbeats, by the connections' numbers. Most have nothing; to them this costs
/// nothing, which a place in each connection would.
#[derive(Default)]
pub(crate) struct HoldingsTable(Mutex<HashMap<u32, Holdings>>);

impl HoldingsTable {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Holdings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of the connections that have this session beside their first.
    pub(crate) fn with_other_session(&self, hash: KeyHash) -> Vec<u32> {
        let holds = |holdings: &Holdings| holdings.other_sessions.iter().any(|session| session.hash() == hash);
        self.lock().iter().filter(|(_, holdings)| holds(holdings)).map(|(id, _)| *id).collect()
    }
}

#[derive(Default)]
pub(super) struct Holdings {
    user: Option<Arc<dyn Any + Send + Sync>>,
    /// Remote and local channel. A remote channel is subscribed to while any local one stands for it.
    subscriptions: BTreeSet<(ChannelName, ChannelName)>,
    /// The sessions that the page has named beside its first, as hashes.
    pub(super) other_sessions: Vec<OtherSession>,
    /// When the page last asked for a logout.
    pub(super) logged_out: Option<Moment>,
}

/// Why a page is not subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscribeError {
    #[error("too many subscriptions on one connection: max_subscriptions is {limit}")]
    TooMany { limit: usize },
    #[error(transparent)]
    Reserved(#[from] ReservedChannel),
    #[error("the connection has closed")]
    Gone,
}

impl Connection {
    /// Does something with what this connection has, which may be nothing yet. Does nothing once the connection has
    /// been forgotten: what it then began to hold, nobody would take from it.
    pub(super) fn with_holdings<T>(&self, work: impl FnOnce(&mut Holdings) -> T) -> Option<T> {
        let mut table = self.service().holdings.lock();
        // Asked under the lock, which `give_up_holdings` takes after this has become false.
        self.is_registered().then(|| work(table.entry(self.id()).or_default()))
    }

    /// Looks at what this connection has, if it has anything.
    fn holdings<T>(&self, look: impl FnOnce(&Holdings) -> T) -> Option<T> {
        let table = self.service().holdings.lock();
        if self.is_registered() { table.get(&self.id()).map(look) } else { None }
    }

    /// Does something with what this connection has, if it has anything.
    pub(super) fn if_holding(&self, work: impl FnOnce(&mut Holdings)) {
        let mut table = self.service().holdings.lock();
        if self.is_registered()
            && let Some(holdings) = table.get_mut(&self.id())
        {
            work(holdings);
        }
    }

    /// Says who is behind the page. What that is, the application decides, and how it found out: from a session that
    /// the page named, from a call with a password. Routers then find it by [`user`](Self::user), and what
    /// [`LoginRequired`](crate::LoginRequired) guards is open.
    pub fn log_in<User: Any + Send + Sync>(&self, user: User) {
        let user: Arc<dyn Any + Send + Sync> = Arc::new(user);
        let before = self.with_holdings(|holdings| holdings.user.replace(user));
        // Dropped here and not above: it is the application's, and may come back to this connection.
        drop(before);
    }

    /// Nobody is behind the page any more. Subscriptions stay.
    pub fn log_out(&self) {
        let before = self.with_holdings(|holdings| holdings.user.take());
        drop(before);
    }

    /// Whether somebody has logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.holdings(|holdings| holdings.user.is_some()).unwrap_or_default()
    }

    /// Who has [logged in](Self::log_in). `None` if nobody has, or it is of another type.
    #[must_use]
    pub fn user<User: Any + Send + Sync>(&self) -> Option<Arc<User>> {
        self.holdings(|holdings| holdings.user.clone())??.downcast().ok()
    }

    /// How many subscriptions this connection has: pairs of a local and a remote channel.
    #[must_use]
    pub fn subscription_count(&self) -> usize {
        self.holdings(|holdings| holdings.subscriptions.len()).unwrap_or_default()
    }

    /// Subscribes to remote channels under the page's local name for them.
    ///
    /// # Errors
    /// Nothing has been subscribed to.
    pub(crate) async fn subscribe(&self, local: &ChannelName, remotes: &[ChannelName]) -> Result<(), SubscribeError> {
        let service = self.service();
        if remotes.iter().any(|remote| service.subscribers.is_reserved(remote)) {
            return Err(ReservedChannel.into());
        }
        let limit = service.settings.max_subscriptions;
        let subscribed = self.with_holdings(|holdings| {
            let wanted = remotes.iter().map(|remote| (remote.clone(), local.clone()));
            let new: BTreeSet<_> = wanted.filter(|pair| !holdings.subscriptions.contains(pair)).collect();
            if holdings.subscriptions.len() + new.len() > limit {
                return Err(SubscribeError::TooMany { limit });
            }
            holdings.subscriptions.extend(new);
            // Under the same lock, so that an end of the connection comes before all of it or after.
            remotes.iter().for_each(|remote| service.subscribers.add(remote, self));
            Ok(())
        });
        subscribed.unwrap_or(Err(SubscribeError::Gone))?;
        service.pub_sub.follow(remotes).await;
        Ok(())
    }

    /// Gives up remote channels under one local name. Those that another local name stands for stay subscribed to;
    /// names that were not subscribed to are passed over.
    pub(crate) fn unsubscribe(&self, local: &ChannelName, remotes: &[ChannelName]) {
        let service = self.service();
        let left = self.with_holdings(|holdings| {
            let left = remotes.iter().filter(|&remote| {
                let removed = holdings.subscriptions.remove(&(remote.clone(), local.clone()));
                removed && !holdings.has(remote) && service.subscribers.remove(remote, self)
            });
            left.cloned().collect::<Vec<_>>()
        });
        if let Some(left) = left.filter(|left| !left.is_empty()) {
            service.pub_sub.unfollow(&left);
        }
    }

    /// Takes from the connection all that it has.
    pub(super) fn give_up_holdings(&self) {
        let service = self.service();
        let given_up = {
            let mut table = service.holdings.lock();
            let given_up = table.remove(&self.id());
            if table.is_empty() {
                // A burst of connections leaves no memory behind.
                table.shrink_to_fit();
            }
            given_up
        };
        let Some(holdings) = given_up else { return };
        let watch = service.refresher.watch();
        holdings.other_sessions.iter().for_each(|session| watch.leave(session.hash(), &self.downgrade()));
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
