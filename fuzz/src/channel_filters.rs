use serde_json::Value;
use swampdragon_protocol::ChannelName;
use swampdragon_server::FilteredChannel;

use crate::text;

/// A channel is found again by its own name, and carries the same items then.
///
/// The first line is a channel's name, the rest an item.
pub(crate) fn check(input: &[u8]) {
    let (name, item) = text(input).split_once('\n').unwrap_or((text(input), "null"));
    let Some(channel) = FilteredChannel::parse(name) else { return };
    let item: Value = serde_json::from_str(item).unwrap_or_else(|_| Value::String(item.to_owned()));
    let carries = channel.matches(&item);
    if let Ok(name) = channel.name() {
        assert!(ChannelName::parse(name.as_str()).is_ok());
        let Some(again) = FilteredChannel::parse(name.as_str()) else { panic!("{name} is no channel any more") };
        assert_eq!(again.name().as_ref(), Ok(&name));
        assert_eq!(again.matches(&item), carries);
    }
}
