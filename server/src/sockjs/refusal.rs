use axum::{
    body::Body,
    http::{Response, StatusCode, header},
    response::IntoResponse,
};

use super::{PLAIN_TEXT, respond};
use crate::admission::TurnedAway;

/// Why a request of a polled session is refused. The session, where there is one, goes on.
///
/// The words about payloads and callbacks are SockJS's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("There is no such session; a receiving request opens one.")]
    NoSession,
    #[error("Pages of this origin may not connect (allowed_origins).")]
    Origin,
    #[error("This session belongs to another address (sockjs_same_address).")]
    Address,
    #[error("\"callback\" parameter required")]
    NoCallback,
    #[error("invalid \"callback\" parameter")]
    Callback,
    #[error("Payload expected.")]
    NoPayload,
    #[error("Broken JSON encoding.")]
    Payload,
    #[error("Too long: max_message_size is {0} bytes.")]
    TooLong(usize),
    #[error("The request took too long to come (handshake_timeout).")]
    TooSlow,
    #[error("The request ended too early.")]
    CutOff,
    #[error("{0}")]
    TurnedAway(TurnedAway),
    #[error("This server is stopping; another one may be there soon.")]
    Stopping { retry_after_seconds: u64 },
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSession => StatusCode::NOT_FOUND,
            Self::Origin | Self::Address => StatusCode::FORBIDDEN,
            // What SockJS answers, though the fault is the client's.
            Self::NoCallback | Self::Callback | Self::NoPayload | Self::Payload => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::CutOff => StatusCode::BAD_REQUEST,
            Self::TurnedAway(reason) => reason.status(),
            Self::Stopping { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = respond(PLAIN_TEXT, self.to_string());
        *response.status_mut() = self.status();
        let retry_after = match self {
            Self::TurnedAway(_) => Some(TurnedAway::RETRY_AFTER_SECONDS.into()),
            Self::Stopping { retry_after_seconds } => Some(retry_after_seconds.into()),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
