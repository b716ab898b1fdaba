use std::{fmt, sync::Arc};

use serde::Serialize;
use serde_json::Value;
use swampdragon_protocol::{
    ChannelName, Publication, ServerMessage,
    json::{Json, encode_server_message, to_payload},
};

use super::{PubSub, PubSubError};
use crate::{FilteredChannel, metrics::Metrics};

/// Publishes to subscribers on every node. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Publisher {
    pub_sub: Arc<dyn PubSub>,
    metrics: Arc<Metrics>,
}

impl Publisher {
    pub(crate) fn new(pub_sub: Arc<dyn PubSub>, metrics: Arc<Metrics>) -> Self {
        Self { pub_sub, metrics }
    }

    /// Publishes to the subscribers of one channel. `action` says what happened to the data: `created`, `updated`,
    /// `deleted`, or a word of the application's own.
    ///
    /// # Errors
    /// Other nodes cannot be reached, or the data has no JSON form.
    pub async fn publish<T: Serialize + Sync + ?Sized>(
        &self,
        channel: &ChannelName,
        action: &str,
        data: &T,
    ) -> Result<(), PubSubError> {
        let data = to_payload(&data).map_err(PubSubError::failed)?;
        let publication = ServerMessage::Publication(Publication::<Json> {
            data,
            action: Some(action.to_owned()),
            channel: channel.as_str().to_owned(),
        });
        let published = self.pub_sub.publish(channel, &encode_server_message(&publication)).await;
        match &published {
            Ok(()) => self.metrics.publications.increment(1),
            Err(_) => self.metrics.publication_errors.increment(1),
        }
        published
    }

    /// Publishes an item to the [filtered channels](FilteredChannel) of the kind `base` that it belongs to.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); some channels may have got it.
    pub async fn publish_item<T: Serialize + Sync + ?Sized>(
        &self,
        base: &str,
        action: &str,
        item: &T,
    ) -> Result<(), PubSubError> {
        let item = serde_json::to_value(item).map_err(PubSubError::failed)?;
        for (channel, filter) in self.filtered_channels(base).await? {
            if filter.matches(&item) {
                self.publish(&channel, action, &item).await?;
            }
        }
        Ok(())
    }

    /// Publishes that an item has changed: `updated` with the item as it is now to the filtered channels that it
    /// belongs to, and `deleted` with the item as it was to those that it belonged to before and no longer does.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); some channels may have got it.
    pub async fn publish_change<T: Serialize + Sync + ?Sized>(
        &self,
        base: &str,
        before: &T,
        now: &T,
    ) -> Result<(), PubSubError> {
        let before: Value = serde_json::to_value(before).map_err(PubSubError::failed)?;
        let now: Value = serde_json::to_value(now).map_err(PubSubError::failed)?;
        for (channel, filter) in self.filtered_channels(base).await? {
            if filter.matches(&now) {
                self.publish(&channel, "updated", &now).await?;
            } else if filter.matches(&before) {
                self.publish(&channel, "deleted", &before).await?;
            }
        }
        Ok(())
    }

    async fn filtered_channels(&self, base: &str) -> Result<Vec<(ChannelName, FilteredChannel)>, PubSubError> {
        let channels = self.pub_sub.channels(&format!("{base}|")).await?;
        let filtered = channels.into_iter().filter_map(|name| {
            let filter = FilteredChannel::parse(name.as_str())?;
            Some((name, filter))
        });
        Ok(filtered.collect())
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher")
    }
}
