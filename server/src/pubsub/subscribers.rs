use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    fmt,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use swampdragon_protocol::{ChannelName, MessageForm};

use crate::{connection::Connection, websocket::WireFrame};

/// How many connections get a publication before other tasks get their turn.
const BATCH: usize = 256;

/// Which connections of this node subscribed to which remote channels. Cloning gives another handle to the same.
#[derive(Clone, Default)]
pub struct Subscribers {
    table: Arc<Table>,
}

#[derive(Default)]
struct Table {
    /// Sorted, so that channels with a prefix stand together. None is empty.
    channels: Mutex<BTreeMap<ChannelName, HashMap<u32, Connection>>>,
    /// Held while one publication goes out, so that all subscribers see publications in the same order.
    delivering: tokio::sync::Mutex<()>,
}

impl Subscribers {
    /// Hands the JSON text of one publication to all who subscribed to `channel`. It is encoded once. Nobody is waited
    /// for: what a peer's socket does not take waits in that peer's own bounded queue.
    pub async fn deliver(&self, channel: &ChannelName, message: &str) {
        let _delivering = self.table.delivering.lock().await;
        let receivers: Vec<Connection> = match self.channels_locked().get(channel) {
            Some(subscribers) => subscribers.values().cloned().collect(),
            None => return,
        };
        // A string in all generations: SwampDragon 0.4 sends objects, but not as publications.
        if let Some(first) = receivers.first() {
            first.service().metrics.publications_delivered.increment(receivers.len() as u64);
        }
        let frame = WireFrame::message(message, MessageForm::String);
        for batch in receivers.chunks(BATCH) {
            batch.iter().for_each(|connection| connection.send_frame(&frame));
            if batch.len() == BATCH {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether any connection of this node is subscribed to `channel`.
    #[must_use]
    pub fn has(&self, channel: &ChannelName) -> bool {
        self.channels_locked().contains_key(channel)
    }

    /// The channels of this node's subscribers that begin with `prefix`, sorted.
    #[must_use]
    pub fn channels(&self, prefix: &str) -> Vec<ChannelName> {
        let channels = self.channels_locked();
        let from = channels.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.map(|(name, _)| name).take_while(|name| name.as_str().starts_with(prefix)).cloned().collect()
    }

    fn channels_locked(&self) -> MutexGuard<'_, BTreeMap<ChannelName, HashMap<u32, Connection>>> {
        self.table.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, channel: &ChannelName, connection: &Connection) {
        let mut channels = self.channels_locked();
        channels.entry(channel.clone()).or_default().insert(connection.id(), connection.clone());
    }

    /// Takes a connection out, and says whether it was the channel's last.
    pub(crate) fn remove(&self, channel: &ChannelName, connection: &Connection) -> bool {
        let mut channels = self.channels_locked();
        let Entry::Occupied(mut entry) = channels.entry(channel.clone()) else { return false };
        let removed = entry.get_mut().remove(&connection.id());
        let last = entry.get().is_empty();
        if last {
            entry.remove();
        }
        drop(channels);
        // Dropping a handle may run an application's code, which must not find the table locked.
        drop(removed);
        last
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribers").field("channels", &self.channels_locked().len()).finish()
    }
}
