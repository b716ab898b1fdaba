use std::time::Duration;

use serde::Serialize;
use swampdragon_protocol::{
    CloseCode, ServerMessage, close_code,
    json::{Json, encode_server_message},
    with_retry_after,
};

use super::{Connection, Outlet};
use crate::{
    refusals::Limit,
    websocket::{Framing, Link, SendLimits, WireFrame},
};

/// What goes to the peer, up to the last word.
impl Connection {
    /// Sends a JSON value as one message.
    ///
    /// # Errors
    /// The value has no JSON form. That the peer is gone is no error:
    /// [`ConnectionHandler::on_close`](super::ConnectionHandler::on_close) tells.
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), serde_json::Error> {
        self.send_text(&serde_json::to_string(value)?);
        Ok(())
    }

    /// Sends one message that is JSON text already.
    pub fn send_text(&self, json: &str) {
        let form = self.message_form();
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_message(&self.inner, json, form, self.limits());
            }
            Outlet::Polled(session) => session.send(&form.element(json), self.limits().max_outgoing_bytes),
            Outlet::Recorder(recorder) => recorder.message(json),
        }
    }

    /// Sends one binary message. Only a raw WebSocket has those; says whether this is one.
    pub fn send_binary(&self, bytes: &[u8]) -> bool {
        let is_raw = self.framing() == Framing::Raw;
        if is_raw {
            Link::send_binary(&self.inner, bytes, self.limits());
        }
        is_raw
    }

    pub(crate) fn send_message(&self, message: &ServerMessage<Json>) {
        self.send_text(&encode_server_message(message));
    }

    pub(crate) fn send_frame(&self, frame: &WireFrame) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => {
                Link::send_frame(&self.inner, frame, self.limits());
            }
            Outlet::Polled(session) => match frame.element() {
                Some(element) => session.send(element, self.limits().max_outgoing_bytes),
                None => session.heartbeat(),
            },
            Outlet::Recorder(recorder) => {
                if let Some(message) = frame.message_text() {
                    recorder.message(message);
                }
            }
        }
    }

    /// Sends a heartbeat frame, at the end of each of its [turns](crate::heartbeat::Rounds) but the first: `frames` are that alone, and with a ping for a peer that has been silent. One that has
    /// been silent for `patience` such times is gone.
    pub(crate) fn send_heartbeat_frame(&self, frames: &[WireFrame; 2], patience: u16) {
        let [alone, with_ping] = frames;
        if self.is_at_work() {
            // Nothing is read meanwhile, so it cannot be heard.
            self.heard();
        }
        // In the turn that it opened in, it needs none.
        let Some(silent) = self.inner.silence.sweep() else { return };
        match self.link() {
            Some(link) if silent >= patience => {
                self.service().metrics.dead_peers.increment(1);
                self.span().in_scope(|| tracing::debug!("peer is gone (peer_timeout)"));
                link.abort();
            }
            Some(_) if silent > 0 => self.send_frame(with_ping),
            _ => self.send_frame(alone),
        }
    }

    /// Counts messages that have come now. Past the limit the connection closes, and this is false.
    pub(crate) fn count_messages(&self, messages: usize, uptime: Duration) -> bool {
        let service = self.service();
        let limit = service.rate_limit;
        if (0..messages).all(|_| self.inner.message_rate.count(uptime.as_secs(), limit)) {
            return true;
        }
        let what = format_args!(
            "connection {} sends more than {} messages a second, and more than {} at once",
            self.id(),
            limit.per_second,
            limit.burst
        );
        if self.is_open() {
            self.in_span(|| service.refusals.note(Limit::MaxMessagesPerSecond, what));
            self.close(close_code::TOO_MANY_MESSAGES);
        }
        false
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        Link::send_bytes(&self.inner, bytes, self.limits());
    }

    pub(crate) fn send_open(&self) {
        Link::send_open(&self.inner, self.limits());
    }

    /// Asks the peer to close, with a SockJS close frame where it speaks SockJS. Messages it still sends are not
    /// handled; if it does not close within `close_timeout`, its socket is shut. A peer without a WebSocket is told
    /// when it next asks, for as long as `sockjs_disconnect_delay`.
    pub fn close(&self, code: CloseCode) {
        self.close_because(code, code.reason);
    }

    /// The same, with another text beside the code.
    fn close_because(&self, code: CloseCode, reason: &str) {
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::close(&self.inner, code, reason, self.limits()),
            Outlet::Polled(session) => session.close(code, reason),
            Outlet::Recorder(recorder) => recorder.close(code),
        }
    }

    /// Ends the connection over a message or a call that cannot be dealt with, by the close code of the setting
    /// `abort_code`. Pages of SwampDragon 0.2 to 0.4 stay away after 3001; all pages come back after 3000.
    pub fn abort_connection(&self) {
        self.close(self.dialect().abort);
    }

    /// Closes a connection that the application never hears of.
    pub(crate) fn refuse(&self, code: CloseCode) {
        drop(self.take_handler());
        self.close(code);
    }

    /// Closes as servers do that are about to stop, so that the peer comes back later.
    pub(crate) fn close_for_shutdown(&self) {
        let code = match self.framing() {
            Framing::SockJs => close_code::GO_AWAY,
            Framing::Raw => close_code::GOING_AWAY,
        };
        match self.service().drain.retry_after() {
            Some(delay) => self.close_because(code, &with_retry_after(code.reason, delay)),
            None => self.close(code),
        }
    }

    /// Closes below SockJS, over a fault in what the peer sent.
    pub(crate) fn fail(&self, code: CloseCode, reason: &str) {
        tracing::info!(code = code.code, reason, "peer broke the protocol: closed");
        match &self.inner.outlet {
            Outlet::WebSocket(_) => Link::fail(&self.inner, code, reason, self.limits()),
            Outlet::Polled(session) => session.close(code, code.reason),
            Outlet::Recorder(recorder) => recorder.close(code),
        }
    }

    /// Whether messages can still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.inner.outlet {
            Outlet::WebSocket(link) => link.is_open(),
            Outlet::Polled(session) => session.is_open(),
            Outlet::Recorder(recorder) => recorder.is_open(),
        }
    }

    fn limits(&self) -> SendLimits {
        let settings = &self.service().settings;
        SendLimits { max_outgoing_bytes: settings.max_outgoing_bytes, close_timeout: settings.close_timeout }
    }

    /// Ends both directions of its socket at once.
    pub(crate) fn abort(&self) {
        if let Some(link) = self.link() {
            link.abort();
        }
    }

    /// The peer has closed.
    pub(crate) fn ended(&self) {
        Link::end(&self.inner, self.limits());
    }

    pub(crate) async fn linger(&self) {
        if let Some(link) = self.link() {
            link.linger(self.limits()).await;
        }
    }
}
