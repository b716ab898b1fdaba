//! What the fuzz targets read that no public item reads. No part of the library's face: it changes without notice.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    http::{Request, Response},
};
use tower::{Layer as _, Service as _};

use crate::{
    http,
    peer::Peer,
    server::{Opened, ServerBuilder, StartError},
    session_store::MemorySessionStore,
};

pub use crate::websocket::{WebSocketEnd, WebSocketRead, read_websocket};

/// The JSON object that a publication from Redis is, if it is one.
#[must_use]
pub fn publication(payload: &[u8]) -> Option<&str> {
    crate::pubsub::publication(payload)
}

/// What a server answers to HTTP requests that have been parsed.
pub struct Http {
    routes: Router,
}

impl Http {
    /// The server's URLs. Sessions are kept in memory.
    ///
    /// # Errors
    /// As [`ServerBuilder::bind`].
    pub async fn new(builder: ServerBuilder) -> Result<Self, StartError> {
        let builder = builder.session_store_if_none(MemorySessionStore::new);
        let Opened { service, endpoints, listening: () } = builder.open(async { Ok(((), None)) }).await?;
        Ok(Self { routes: http::routes(service, endpoints) })
    }

    /// Answers one request, from this machine.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let peer = Arc::new(Peer::new(Ipv4Addr::LOCALHOST.into(), Arc::default(), None));
        let answer: Result<_, Infallible> = Extension(peer).layer(self.routes.clone()).call(request).await;
        answer.unwrap_or_else(|never| match never {})
    }
}
