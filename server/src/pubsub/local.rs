use async_trait::async_trait;
use swampdragon_protocol::ChannelName;

use super::{PubSub, PubSubError, Subscribers};

/// Publications stay in this process: for a single node.
#[derive(Debug)]
pub struct LocalPubSub {
    subscribers: Subscribers,
}

impl LocalPubSub {
    /// Publications for these subscribers.
    #[must_use]
    pub fn new(subscribers: Subscribers) -> Self {
        Self { subscribers }
    }
}

#[async_trait]
impl PubSub for LocalPubSub {
    async fn publish(&self, channel: &ChannelName, message: &str) -> Result<(), PubSubError> {
        self.subscribers.deliver(channel, message).await;
        Ok(())
    }

    async fn channels(&self, prefix: &str) -> Result<Vec<ChannelName>, PubSubError> {
        Ok(self.subscribers.channels(prefix))
    }
}
