//! Carrying publications to the pages that subscribed to their channels.
//!
//! [`Subscribers`] knows which connections of this node subscribed to what; a [`PubSub`] carries publications between
//! nodes and hands each to the `Subscribers` of its own.

mod error;
mod local;
mod open;
mod publisher;
mod redis;
mod subscribers;
mod waiting;

use async_trait::async_trait;
use swampdragon_protocol::ChannelName;

pub(crate) use self::{error::ReservedChannel, open::open, redis::publication};
pub use self::{
    error::{OpenPubSubError, PubSubError},
    local::LocalPubSub,
    publisher::Publisher,
    redis::RedisPubSub,
    subscribers::Subscribers,
};

/// Carries publications to all nodes, this one included.
///
/// Delivery is at most once: a publication reaches the pages that are subscribed and connected when it passes.
#[async_trait]
pub trait PubSub: Send + Sync + 'static {
    /// Carries `message`, the JSON text of `{"data", "action", "channel"}`, to the subscribers of `channel` on every
    /// node. Publications of one node to one channel arrive in their order.
    ///
    /// # Errors
    /// The publication was not handed on.
    async fn publish(&self, channel: &ChannelName, message: &str) -> Result<(), PubSubError>;

    /// Pages of this node have subscribed to these channels, or the node itself has; [`Subscribers`] has them already. Returns when their
    /// publications arrive here, or when that cannot be said in reasonable time.
    async fn follow(&self, _channels: &[ChannelName]) {}

    /// The last page of this node has left these channels. A page may have come again meanwhile: what counts is
    /// [`Subscribers::has`].
    fn unfollow(&self, _channels: &[ChannelName]) {}

    /// The channels that begin with `prefix` and have subscribers on any node.
    ///
    /// # Errors
    /// Other nodes could not be asked.
    async fn channels(&self, prefix: &str) -> Result<Vec<ChannelName>, PubSubError>;

    /// Does what has to be done beside the calls, such as receiving. Runs for as long as the server.
    async fn run(&self) {
        std::future::pending::<()>().await;
    }
}
