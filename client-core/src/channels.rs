use alloc::vec::Vec;

use swampdragon_protocol::ChannelData;

use crate::Types;

/// How many pairs of remote and local channel are kept. A server that names more is broken; publications on what it
/// names past this arrive without a local name.
const MAX_PAIRS: usize = 8192;

/// Which local channels a remote channel's publications belong to.
///
/// A list, since pages have a handful of channels and a hash map would weigh 2 KB in each of them.
pub(crate) struct Channels<T: Types> {
    pairs: Vec<(T::Text, T::Text)>,
}

impl<T: Types> Channels<T> {
    pub(crate) const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Notes that the local channel stands for the remote ones, too. Pairs that are known stay as they are.
    pub(crate) fn add(&mut self, channels: &ChannelData<T>) {
        for remote in &channels.remote_channels {
            let known = self.pairs.iter().any(|(r, local)| r == remote && *local == channels.local_channel);
            if !known && self.pairs.len() < MAX_PAIRS {
                self.pairs.push((remote.clone(), channels.local_channel.clone()));
            }
        }
    }

    /// Forgets that the local channel stands for the remote ones.
    pub(crate) fn remove(&mut self, channels: &ChannelData<T>) {
        self.pairs
            .retain(|(remote, local)| *local != channels.local_channel || !channels.remote_channels.contains(remote));
    }

    /// The local channels of a remote one.
    pub(crate) fn local_names(&self, remote: &T::Text) -> Vec<T::Text> {
        self.pairs.iter().filter(|(r, _)| r == remote).map(|(_, local)| local.clone()).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }
}
