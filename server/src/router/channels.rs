use serde::Deserialize;
use swampdragon_protocol::{ChannelAction, ChannelData, ChannelName, ReplyState};

use super::{CallError, RouterCall};

#[derive(Deserialize)]
struct LocalChannel {
    channel: String,
}

/// Subscribes or unsubscribes the calling page, and answers.
pub(super) async fn change(
    action: ChannelAction,
    call: &RouterCall,
    mut remotes: Vec<ChannelName>,
) -> Result<(), CallError> {
    let LocalChannel { channel } = call.args()?;
    let local = ChannelName::parse(&channel).map_err(|error| CallError::refused(format!("channel: {error}")))?;
    // Twice the same would be delivered once; the page should not count twice either.
    let mut seen = std::collections::HashSet::new();
    remotes.retain(|remote| seen.insert(remote.clone()));
    let connection = call.connection();
    let data = match action {
        ChannelAction::Subscribe => {
            // Before the answer, so that a page misses nothing that is published after it.
            connection.subscribe(&local, &remotes).await.map_err(CallError::refused)?;
            "subscribed"
        }
        ChannelAction::Unsubscribe => {
            connection.unsubscribe(&local, &remotes);
            "unsubscribed"
        }
    };
    let channels = ChannelData {
        local_channel: channel,
        remote_channels: remotes.iter().map(|remote| remote.as_str().to_owned()).collect(),
    };
    call.reply(ReplyState::Success, Some(&data), Some((channels, action)))
}
