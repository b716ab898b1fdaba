use swampdragon_protocol::{ServerMessage, SessionNotice, SessionState};

use super::{Connection, LogoutRequest, NamedBy, answering::NAMED, beat_clock::Moment};
use crate::{Sessions, heartbeat::Refusal, logout};

impl Connection {
    /// Does what a page asks: ends the session, as [`Sessions::log_out`] does, and nobody is
    /// [logged in](Self::log_in) on this connection any more. This connection stays open; its page is told that the
    /// session has expired, whether there was one or not.
    ///
    /// A page is told that it is refused, and nothing has changed, if the key is malformed, if the store cannot delete or
    /// cannot be reached, sooner than `min_refresh_interval` after the last logout on this connection, and where the
    /// session would be one too many (`max_keys_per_connection`). Sessions of an app (`session_layout`) are ended by the
    /// app.
    pub async fn log_out_session(&self, request: LogoutRequest) {
        let refuse = |reason: String| {
            self.service().metrics.logouts_refused.increment(1);
            tracing::debug!(reason, "logout refused");
            self.tell_refused(request.session_text.clone(), reason);
        };
        if self.service().binding.is_some() {
            return refuse(NAMED.to_owned());
        }
        let key = match &request.session {
            Ok(key) => key,
            Err(error) => return refuse(error.to_string()),
        };
        let hash = self.service().key_hasher.hash(key);
        // A session that was refreshed a moment ago may be ended all the same.
        if let Err(refusal @ Refusal::TooManyKeys { .. }) = self.admit(hash, NamedBy::Page, self.service().uptime()) {
            return refuse(refusal.to_string());
        }
        if self.is_logout_too_soon() {
            return refuse("a logout came a moment ago".to_owned());
        }
        if let Err(error) = logout::log_out(self.service(), key, Some(self)).await {
            return refuse(error.to_string());
        }
        self.log_out();
        self.send_message(&ServerMessage::Session(SessionNotice {
            session: Some(key.as_str().to_owned()),
            state: SessionState::Expired,
            ttl_ms: None,
            reason: Some("logged out".to_owned()),
            touch_ms: None,
        }));
    }

    fn is_logout_too_soon(&self) -> bool {
        let service = self.service();
        let (now, interval) = (Moment::after(service.uptime()), service.settings.min_refresh_interval);
        let too_soon = self.with_holdings(|holdings| {
            let too_soon = holdings.logged_out.is_some_and(|last| now.since(last) < interval);
            if !too_soon {
                holdings.logged_out = Some(now);
            }
            too_soon
        });
        too_soon.unwrap_or_default()
    }

    /// What ends sessions everywhere.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.inner.endpoint.service.clone())
    }
}
