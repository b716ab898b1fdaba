//! A bare peer of a server under test, which sees every frame.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

/// Far longer than anything here takes: a peer that waits this long waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Peer(pub(crate) WebSocketStream<TcpStream>);

/// What the server sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    /// A WebSocket close frame, with its code and reason if it had them.
    Close(Option<(u16, String)>),
    /// The end of the stream.
    End,
}

impl Peer {
    /// Connects to a path such as `/data/000/abc/websocket`.
    pub(crate) async fn connect(server: SocketAddr, path: &str) -> Self {
        Self::connect_from(server, path, None).await
    }

    pub(crate) async fn connect_from(server: SocketAddr, path: &str, origin: Option<&str>) -> Self {
        let origin: Vec<_> = origin.map(|origin| ("Origin", origin)).into_iter().collect();
        Self::connect_with(server, path, &origin).await
    }

    pub(crate) async fn connect_with(server: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{server}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let socket = TcpStream::connect(server).await.unwrap();
        Self(client_async(request, socket).await.unwrap().0)
    }

    /// Connects by SockJS and takes the open frame.
    pub(crate) async fn sockjs(server: SocketAddr) -> Self {
        let mut peer = Self::connect(server, "/data/000/abc/websocket").await;
        assert_eq!(peer.next().await, Seen::Text("o".into()));
        peer
    }

    pub(crate) async fn raw(server: SocketAddr) -> Self {
        Self::connect(server, "/data/websocket").await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Seen {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await.expect("the server sends nothing");
            return match next {
                Some(Ok(Message::Text(text))) => Seen::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    Seen::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Seen::End,
            };
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Seen::Text(text) => text,
            other => panic!("expected a text frame, saw {other:?}"),
        }
    }

    /// What comes until the end of the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Seen> {
        let mut rest = Vec::new();
        loop {
            match self.next().await {
                Seen::End => return rest,
                seen => rest.push(seen),
            }
        }
    }
}
