//! How requests bring messages to a session.

use std::time::Duration;

use axum::body::{Body, Bytes};
use swampdragon_protocol::decode_client_frame;
use tokio::sync::oneshot;

use super::{refusal::Refusal, session::Batch};
use crate::{
    body::{self, BodyError},
    connection::Connection,
};

/// How much longer than what it holds a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    /// The payload is the value of a form's field `d`.
    Form,
}

/// Hands the messages in `body` to the session's handler, and waits until it has handled them.
///
/// Requests take turns, and a body is read only when it is its turn; so however slow a handler is, a session holds no
/// more than the messages of three requests: one batch being handled, one waiting, one being read.
pub(super) async fn send(connection: &Connection, encoding: Encoding, body: Body) -> Result<(), Refusal> {
    let session = connection.polled().ok_or(Refusal::NoSession)?;
    let turn = session.turn_to_send().await.ok_or(Refusal::NoSession)?;
    let limit = connection.max_message_size();
    let body = read(body, encoding, limit, connection.service().settings.handshake_timeout).await?;
    let messages = match encoding {
        Encoding::Plain => messages(&body)?,
        Encoding::Form => {
            let field = form_urlencoded::parse(&body).find_map(|(name, value)| (name == "d").then_some(value));
            let payload = field.ok_or(Refusal::NoPayload)?;
            if payload.len() > limit {
                return Err(Refusal::TooLong(limit));
            }
            messages(payload.as_bytes())?
        }
    };
    let (handled, done) = oneshot::channel();
    turn.send(Batch { messages, handled });
    done.await.map_err(|_| Refusal::NoSession)
}

async fn read(body: Body, encoding: Encoding, limit: usize, patience: Duration) -> Result<Bytes, Refusal> {
    let body_limit = match encoding {
        Encoding::Plain => limit,
        // Each byte may be three: `%22`. Beside the payload there is its name.
        Encoding::Form => limit.saturating_mul(3).saturating_add("d=".len()),
    };
    body::read(body, body_limit, patience).await.map_err(|error| match error {
        BodyError::TooLong => Refusal::TooLong(limit),
        BodyError::CutOff => Refusal::CutOff,
        BodyError::TooSlow => Refusal::TooSlow,
    })
}

fn messages(payload: &[u8]) -> Result<Vec<String>, Refusal> {
    if payload.trim_ascii().is_empty() {
        return Err(Refusal::NoPayload);
    }
    let text = str::from_utf8(payload).map_err(|_| Refusal::Payload)?;
    let messages = decode_client_frame(text).map_err(|_| Refusal::Payload)?;
    Ok(messages.into_iter().map(std::borrow::Cow::into_owned).collect())
}
