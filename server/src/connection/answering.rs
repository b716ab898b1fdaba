use std::time::Duration;

use swampdragon_protocol::{PlainReply, ServerMessage, SessionKey, SessionNotice, SessionState};

use super::{Connection, HeartbeatReply, KeyHash, NamedBy, beat_clock::Moment};
use crate::{heartbeat::Refusal, websocket::Framing};

/// Why a page can neither have a session of an app's refreshed nor end it by its key.
pub(super) const NAMED: &str = "the session is the one of this connection's cookie; none can be named";

impl Connection {
    /// Deals with a WebSocket frame that is one answer to a heartbeat message, as clients write it, where that takes no
    /// code of the application's. Else it says so, and [`received`](Self::received) takes the frame.
    ///
    /// Most frames are such answers. One dealt with here needs no parser, no future and no span: making that would cost
    /// more than all the rest.
    pub(crate) fn answered_at_once(&self, frame: &str, uptime: Duration) -> bool {
        if !self.endpoint().new_handler.is_data_connection() {
            return false;
        }
        let reply = match self.framing() {
            Framing::Raw => PlainReply::of_message(frame),
            Framing::SockJs => PlainReply::of_frame(frame),
        };
        let Some(reply) = reply else { return false };
        if self.is_open() && self.count_messages(1, uptime) {
            self.note_answer(uptime);
            self.refresh_session_now(reply.into(), uptime);
        }
        true
    }

    /// Counts an answer to a heartbeat message, which has come now.
    pub(super) fn note_answer(&self, uptime: Duration) {
        let service = self.service();
        if let Some(took) = self.inner.beats.answered(Moment::after(uptime)) {
            service.metrics.heartbeats_answered.increment(1);
            if took > service.settings.heartbeat_interval / 2 {
                service.metrics.heartbeats_late.increment(1);
            }
        }
    }

    /// Refreshes the session that a heartbeat reply names, or all that this connection [keeps](Self::keep_session) if
    /// the reply names none. The page is told what becomes of them if it asked (`"ack": true`).
    ///
    /// Where sessions are an app's (`session_layout`), the connection keeps the one that its cookie named, and no other is
    /// refreshed for a page.
    ///
    /// Refused, without a question to the store, are malformed keys, a session sooner than `min_refresh_interval` after
    /// the last time unless it answers a heartbeat message, and sessions beyond `max_keys_per_connection`.
    pub fn refresh_session(&self, reply: HeartbeatReply) {
        self.refresh_session_now(reply, self.service().uptime());
    }

    fn refresh_session_now(&self, reply: HeartbeatReply, uptime: Duration) {
        match reply.session {
            Some(named) if self.service().binding.is_some() => {
                self.service().metrics.refreshes_named.increment(1);
                self.in_span_at_debug(|| tracing::debug!("heartbeat reply refused: it names a session"));
                if reply.ack {
                    let text = named.map_or(reply.session_text, |key| Some(key.as_str().to_owned()));
                    self.tell_refused(text.unwrap_or_default(), NAMED.to_owned());
                }
            }
            Some(Ok(key)) => {
                let hash = self.service().key_hasher.hash(&key);
                if let Err(refusal) = self.admit(hash, NamedBy::Page, uptime) {
                    return self.refuse_refresh(&key, refusal, reply.ack);
                }
                // Where replies always name their session, remembering it would cost memory for nothing.
                if self.dialect().replies_without_session {
                    self.keep_session(key.clone());
                }
                self.submit_refresh(key, hash, reply.ack);
            }
            Some(Err(error)) => {
                self.service().metrics.refreshes_malformed.increment(1);
                // A peer can send as many of these as it likes, which must not fill a log.
                self.in_span_at_debug(|| tracing::debug!(%error, "heartbeat reply refused"));
                if reply.ack {
                    self.tell_refused(reply.session_text.unwrap_or_default(), error.to_string());
                }
            }
            None => {
                for key in self.kept_sessions() {
                    let hash = self.service().key_hasher.hash(&key);
                    match self.admit(hash, NamedBy::Keeping, uptime) {
                        Ok(()) => self.submit_refresh(key, hash, reply.ack),
                        Err(refusal) => self.refuse_refresh(&key, refusal, reply.ack),
                    }
                }
            }
        }
    }

    fn submit_refresh(&self, key: SessionKey, hash: KeyHash, ack: bool) {
        self.service().refresher.submit(key, hash, ack.then(|| self.downgrade()));
    }

    fn refuse_refresh(&self, key: &SessionKey, refusal: Refusal, ack: bool) {
        let metrics = &self.service().metrics;
        match refusal {
            Refusal::TooManyKeys { .. } => metrics.refreshes_too_many_keys.increment(1),
            _ => metrics.refreshes_too_soon.increment(1),
        }
        self.in_span_at_debug(|| tracing::debug!(?key, %refusal, "heartbeat reply refused"));
        if ack {
            self.send_message(&ServerMessage::Session(self.service().notices.refused(key, refusal)));
        }
    }

    fn in_span_at_debug(&self, log: impl FnOnce()) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.in_span(log);
        }
    }

    pub(super) fn tell_refused(&self, session: String, reason: String) {
        let (state, reason) = (SessionState::Refused, Some(reason));
        let notice = SessionNotice { session: Some(session), state, ttl_ms: None, reason, touch_ms: None };
        self.send_message(&ServerMessage::Session(notice));
    }
}
