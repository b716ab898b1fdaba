//! Trying an application's routers, connection handler and session store without a socket.
//!
//! ```
//! use serde_json::json;
//! # use std::sync::Arc;
//! # use swampdragon_server::{CallError, NoArgs, Router, RouterCall, Verbs};
//! use swampdragon_server::{Server, testing::TestServer};
//!
//! # struct Greeter;
//! # impl Greeter {
//! #     async fn greet(self: Arc<Self>, call: RouterCall, _: NoArgs) -> Result<(), CallError> { call.send("hello") }
//! # }
//! # impl Router for Greeter {
//! #     fn route(&self) -> &str { "greeter" }
//! #     fn verbs() -> Verbs<Self> { Verbs::new().on("greet", Self::greet) }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let server = TestServer::new(Server::builder().router(Greeter)).await.unwrap();
//! let page = server.connect().await;
//! page.call("greeter", "greet", json!({})).await;
//! assert_eq!(page.received()[0]["data"], json!("hello"));
//! # }
//! ```

use std::sync::Arc;

use serde_json::{Value, json};
use swampdragon_protocol::{CloseCode, close_code};
use tokio::task::JoinSet;

use crate::{
    connection::{Connection, Outlet, Recorder},
    pubsub::{Publisher, Subscribers},
    server::{Opened, ServerBuilder, StartError},
    service::Service,
    session_store::{MemorySessionStore, SessionStore, SessionStoreOptions},
    sockjs::Endpoint,
};

/// A server that listens nowhere.
pub struct TestServer {
    service: Arc<Service>,
    endpoints: Vec<Arc<Endpoint>>,
    /// Ends with the server.
    _tasks: JoinSet<()>,
}

/// A connection whose peer is a test.
///
/// Everything that is sent to it is kept; a closed one keeps nothing more. Dropping it ends it without a close.
pub struct TestConnection {
    connection: Connection,
}

impl TestServer {
    /// Makes a server of the parts given to the builder. Sessions are kept in memory, unless the builder was given a
    /// store of its own.
    ///
    /// # Errors
    /// As [`ServerBuilder::bind`].
    pub async fn new(builder: ServerBuilder) -> Result<Self, StartError> {
        let builder = builder.session_store_if_none(|| MemorySessionStore::new(&SessionStoreOptions::default()));
        let Opened { service, endpoints, listening: () } = builder.open(async { Ok(((), None)) }).await?;
        let mut tasks = JoinSet::new();
        let pub_sub = Arc::clone(&service.pub_sub);
        tasks.spawn(async move { pub_sub.run().await });
        let messages = Arc::clone(&service);
        tasks.spawn(async move { messages.send_heartbeat_messages().await });
        Ok(Self { service, endpoints: endpoints.into_iter().map(Arc::new).collect(), _tasks: tasks })
    }

    /// Opens a connection to the SockJS service at the setting `prefix`.
    pub async fn connect(&self) -> TestConnection {
        let own = self.connect_at(&self.service.settings.prefix).await;
        own.expect("every server has a service at the setting `prefix`")
    }

    /// Opens a connection to the [SockJS service](crate::SockJsService) at `prefix`, if there is one.
    pub async fn connect_at(&self, prefix: &str) -> Option<TestConnection> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.prefix == prefix)?;
        let connection = Connection::register_with(endpoint, Outlet::Recorder(Recorder::default()));
        let page = TestConnection { connection };
        page.connection.opened().await;
        Some(page)
    }

    /// Has the sessions refreshed whose heartbeat replies have come; a server that runs does so by itself, milliseconds
    /// after they came.
    pub async fn refresh_sessions(&self) {
        self.service.refresher.flush().await;
    }

    /// The store where sessions are kept.
    #[must_use]
    pub fn session_store(&self) -> &dyn SessionStore {
        &*self.service.store
    }

    /// Who is subscribed to what.
    #[must_use]
    pub fn subscribers(&self) -> &Subscribers {
        &self.service.subscribers
    }

    /// What publishes to this server's pages.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.service.publisher()
    }
}

impl TestConnection {
    /// The connection as routers and handlers see it.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends the JSON text of one message, and waits until it has been handled.
    pub async fn send(&self, message: &str) {
        if self.connection.is_open() {
            self.connection.received_messages([message]).await;
        }
    }

    /// Calls a router and waits until the call has been handled. The callback name is `callback`.
    pub async fn call(&self, route: &str, verb: &str, args: Value) {
        let call = json!({ "route": route, "verb": verb, "args": args, "callbackname": "callback" });
        self.send(&call.to_string()).await;
    }

    /// Answers a heartbeat message with the session key `session`.
    pub async fn answer_heartbeat(&self, session: &str) {
        self.send(&json!({ "heartbeat": "tick", "session": session }).to_string()).await;
    }

    /// The messages that have come since this was last asked.
    #[must_use]
    pub fn received(&self) -> Vec<Value> {
        let recorder = self.connection.recorder();
        let messages = recorder.map(Recorder::take).unwrap_or_default();
        // An application may send text that is no JSON; a test is to see that, too.
        messages.into_iter().map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))).collect()
    }

    /// How the server closed the connection; `None` while it has not.
    #[must_use]
    pub fn closed(&self) -> Option<CloseCode> {
        self.connection.recorder().and_then(Recorder::closed)
    }

    /// Closes as a page does that is left.
    pub async fn close(self) {
        if let Some(recorder) = self.connection.recorder() {
            recorder.close(close_code::NORMAL);
        }
        self.connection.closed(close_code::NORMAL.code).await;
    }
}

impl Drop for TestConnection {
    fn drop(&mut self) {
        self.connection.forget();
    }
}
