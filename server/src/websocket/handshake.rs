use axum::{
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::stream::Stream;

/// A request that may become a WebSocket.
pub(crate) struct Handshake {
    response: Response<Body>,
    upgrade: OnUpgrade,
}

/// Checks the request for a WebSocket handshake (RFC 6455, section 4.2.1).
///
/// # Errors
/// The response that refuses it. The texts for a missing upgrade are SockJS's (0.3.3, "Websocket").
pub(crate) fn accept(mut request: Request<Body>) -> Result<Handshake, Box<Response<Body>>> {
    let headers = request.headers();
    if !names_token(headers, &header::UPGRADE, "websocket") {
        return refuse(StatusCode::BAD_REQUEST, "Can \"Upgrade\" only to \"WebSocket\".");
    }
    if !names_token(headers, &header::CONNECTION, "upgrade") {
        return refuse(StatusCode::BAD_REQUEST, "\"Connection\" must be \"Upgrade\".");
    }
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return refuse(StatusCode::UPGRADE_REQUIRED, "This connection cannot be upgraded.");
    };
    match create_response_with_body(&request, Body::empty) {
        Ok(response) => Ok(Handshake { response, upgrade }),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn refuse(status: StatusCode, sentence: &str) -> Result<Handshake, Box<Response<Body>>> {
    Err(Box::new((status, sentence.to_owned()).into_response()))
}

fn names_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

impl Handshake {
    /// The response to send, and the socket once it has been sent.
    pub(crate) fn split(self) -> (Response<Body>, impl Future<Output = Option<(Stream, Bytes)>>) {
        let Self { response, upgrade } = self;
        (response, async move {
            // Fails when the peer went away before the response, which needs no words.
            let upgraded = upgrade.await.ok()?;
            Stream::of(upgraded)
        })
    }
}
