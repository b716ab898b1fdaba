use std::sync::PoisonError;

use swampdragon_protocol::{close_code, decode_client_frame};

use super::{Connection, ConnectionHandler, handler};
use crate::websocket::Framing;

/// What comes from the peer, handled one after the other.
impl Connection {
    /// Whether its handler is at work.
    pub(super) fn is_at_work(&self) -> bool {
        self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(super) fn take_handler(&self) -> Option<Box<dyn ConnectionHandler>> {
        self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_handler(&self, handler: Box<dyn ConnectionHandler>) {
        *self.inner.handler.lock().unwrap_or_else(PoisonError::into_inner) = Some(handler);
    }

    pub(crate) async fn opened(&self) {
        if let Some(mut handler) = self.take_handler() {
            handler.on_open(self).await;
            self.put_handler(handler);
        }
    }

    pub(crate) async fn closed(&self, code: u16) {
        if let Some(link) = self.link() {
            link.note_close_code(code);
        }
        tracing::debug!(code = self.close_code().unwrap_or(code), "closed");
        if let Some(mut handler) = self.take_handler() {
            handler.on_close(self, code).await;
        }
    }

    /// Handles the text of one WebSocket frame.
    pub(crate) async fn received(&self, text: &str) {
        match self.framing() {
            Framing::Raw => self.received_messages([text]).await,
            Framing::SockJs => match decode_client_frame(text) {
                // However often.
                Ok(messages) if messages.is_empty() => drop(self.count_messages(1, self.service().uptime())),
                Ok(messages) => self.received_messages(messages).await,
                Err(error) => self.fail(close_code::INVALID_PAYLOAD, &error.to_string()),
            },
        }
    }

    /// Handles a binary WebSocket frame. SockJS has none; the originals took one for text.
    pub(crate) async fn received_binary(&self, bytes: &[u8]) {
        match (self.framing(), str::from_utf8(bytes)) {
            (Framing::SockJs, Ok(text)) => self.received(text).await,
            (Framing::SockJs, Err(_)) => self.fail(close_code::INVALID_PAYLOAD, "binary frame is not UTF-8 text"),
            (Framing::Raw, _) => {
                if !self.count_messages(1, self.service().uptime()) {
                    return;
                }
                let Some(mut handler) = self.take_handler() else { return };
                handler.on_binary(self, bytes).await;
                self.put_handler(handler);
            }
        }
    }

    /// Handles messages one after the other, as long as the connection is open.
    pub(crate) async fn received_messages<M>(&self, messages: M)
    where
        M: IntoIterator<Item: AsRef<str> + Send, IntoIter: Send>,
    {
        let Some(mut handler) = self.take_handler() else { return };
        for message in messages {
            if !self.is_open() || !self.count_messages(1, self.service().uptime()) {
                break;
            }
            handler::handle(&mut *handler, self, message.as_ref()).await;
        }
        self.put_handler(handler);
    }
}
