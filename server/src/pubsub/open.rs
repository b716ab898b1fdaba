use std::sync::Arc;

use super::{LocalPubSub, OpenPubSubError, PubSub, RedisPubSub, Subscribers};
use crate::{session_store::redacted, settings::Settings};

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
    match address.split_once(':') {
        Some(("redis" | "redis+unix", _)) => {
            Ok(Arc::new(RedisPubSub::connect(address, &settings.session_store_options(), subscribers).await?))
        }
        Some((scheme @ ("rediss" | "redis+sentinel" | "redis+cluster"), _)) if same_as_sessions => {
            Err(OpenPubSubError::Scheme { scheme: scheme.to_owned() })
        }
        Some(("local", "")) => Ok(Arc::new(LocalPubSub::new(subscribers))),
        _ if same_as_sessions => Ok(Arc::new(LocalPubSub::new(subscribers))),
        _ => Err(OpenPubSubError::Unknown { given: redacted(address) }),
    }
}
