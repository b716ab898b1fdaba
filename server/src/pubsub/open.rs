use std::sync::Arc;

use super::{LocalPubSub, OpenPubSubError, PubSub, RedisPubSub, Subscribers};
use crate::{
    session_store::{is_redis_address, redacted},
    settings::Settings,
};

/// Opens what the setting `pubsub` names. When it is not set, publications go by way of the Redis that keeps the
/// sessions, and stay within the process when no Redis does.
pub(crate) async fn open(
    settings: &Settings,
    own_store: bool,
    subscribers: Subscribers,
) -> Result<Arc<dyn PubSub>, OpenPubSubError> {
    let same_as_sessions = settings.pubsub.is_none();
    let address = match &settings.pubsub {
        Some(given) => given.as_str(),
        None if own_store => "local:",
        None => settings.session_store.as_str(),
    };
    if is_redis_address(address) {
        let pub_sub = RedisPubSub::connect(address, &settings.session_store_options(), subscribers).await?;
        return Ok(Arc::new(pub_sub.max_waiting(settings.max_waiting_publications)));
    }
    if address == "local:" || same_as_sessions {
        return Ok(Arc::new(LocalPubSub::new(subscribers)));
    }
    Err(OpenPubSubError::Unknown { given: redacted(address) })
}
