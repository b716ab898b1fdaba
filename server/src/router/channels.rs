use std::collections::{BTreeMap, HashSet};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use swampdragon_protocol::{ChannelAction, ChannelData, ChannelName, ReplyState, json::to_payload};

use super::{CallError, RouterCall};

/// Takes the page's own name for its channels out of the args; the rest says which channels they are.
pub(super) fn split_args<Args: DeserializeOwned>(call: &RouterCall) -> Result<(ChannelName, Args), CallError> {
    let mut fields: BTreeMap<String, Box<RawValue>> = call.args()?;
    let local = fields.remove("channel").ok_or_else(|| CallError::refused("args: missing field `channel`"))?;
    let local: String =
        serde_json::from_str(local.get()).map_err(|error| CallError::refused(format!("channel: {error}")))?;
    let local = ChannelName::parse(&local).map_err(|error| CallError::refused(format!("channel: {error}")))?;
    let rest = to_payload(&fields)?;
    let rest = serde_json::from_str(rest.get()).map_err(|error| CallError::refused(format!("args: {error}")))?;
    Ok((local, rest))
}

/// Subscribes or unsubscribes the calling page, and answers.
pub(super) async fn change(
    action: ChannelAction,
    call: &RouterCall,
    local: &ChannelName,
    mut remotes: Vec<ChannelName>,
) -> Result<(), CallError> {
    // Twice the same would be delivered once; the page should not count twice either.
    let mut seen = HashSet::new();
    remotes.retain(|remote| seen.insert(remote.clone()));
    let connection = call.connection();
    let data = match action {
        ChannelAction::Subscribe => {
            // Before the answer, so that a page misses nothing that is published after it.
            connection.subscribe(local, &remotes).await.map_err(CallError::refused)?;
            "subscribed"
        }
        ChannelAction::Unsubscribe => {
            connection.unsubscribe(local, &remotes);
            "unsubscribed"
        }
    };
    let channels = ChannelData {
        local_channel: local.as_str().to_owned(),
        remote_channels: remotes.iter().map(|remote| remote.as_str().to_owned()).collect(),
    };
    call.reply(ReplyState::Success, Some(&data), Some((channels, action)))
}
