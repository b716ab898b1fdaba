use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::{MultiplexedConnection, PubSub},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

use super::{RefreshCommand, Servers, backoff::Backoff, cluster::Cluster, source::Source};
use crate::session_store::SessionStoreOptions;

/// The one connection to Redis that all requests share, made anew whenever it is lost.
///
/// The redis crate's own connection manager is not used because it stays broken for good after a reconnection that
/// fails with anything but an I/O error ("max number of clients reached", say), and because it keeps a connection
/// whose peer went away in silence: here a request without an answer ends the connection.
pub(crate) struct Link {
    source: Arc<Source>,
    config: AsyncConnectionConfig,
    connect_timeout: Duration,
    // Held for moments only, never while waiting.
    state: Mutex<State>,
}

/// How long a failed attempt to connect is the answer for everybody, before the next attempt: at first, and at most.
///
/// Without the pause a flood of requests would be a flood of connection attempts at a server in trouble.
const PAUSE_BETWEEN_ATTEMPTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));

/// How long a request waits for an attempt to connect when it is known that something is wrong. An attempt that works
/// takes milliseconds; one at a server that hangs goes on without anybody waiting for it.
const PATIENCE: Duration = Duration::from_millis(250);

struct State {
    connected: Option<Connected>,
    attempts: u64,
    /// The attempt under way, which all who wait share.
    connecting: Option<Shared<BoxFuture<'static, RedisResult<Connected>>>>,
    /// What the last attempt failed with or the last connection ended with, and until when that is the answer.
    failure: Option<(Instant, RedisError)>,
    backoff: Backoff,
}

/// A connection, and what is known of the server behind it.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(super) connection: MultiplexedConnection,
    /// How this server is asked to refresh. Behind the next connection may be another version.
    pub(super) refresh: Arc<OnceCell<RefreshCommand>>,
    /// The attempt that made it.
    attempt: u64,
}

impl Link {
    /// A link that is not connected yet.
    fn new(source: Source, options: &SessionStoreOptions) -> Self {
        Self {
            source: Arc::new(source),
            config: config(options),
            connect_timeout: options.connect_timeout,
            state: Mutex::new(State {
                connected: None,
                attempts: 0,
                connecting: None,
                failure: None,
                backoff: Backoff::new(PAUSE_BETWEEN_ATTEMPTS.0, PAUSE_BETWEEN_ATTEMPTS.1),
            }),
        }
    }

    /// A link to `servers`: where there are several, to one that takes publications for all.
    pub(crate) fn open(servers: Servers, options: &SessionStoreOptions) -> Self {
        let source = match servers {
            Servers::One(server) => Source::One(server),
            Servers::Sentinels(sentinels) => Source::Master(sentinels),
            Servers::Cluster { seeds, login } => Source::AnyOf(Cluster::new(seeds, *login, options).into()),
        };
        Self::new(source, options)
    }

    /// A link to this server and no other.
    pub(super) fn to(server: ConnectionInfo, options: &SessionStoreOptions) -> Self {
        Self::new(Source::One(Box::new(server)), options)
    }

    /// Does `work` with the connection, connecting first if need be.
    ///
    /// # Errors
    /// Redis cannot be reached, or `work` failed. Work is never repeated here: the caller knows whether it may be.
    pub(super) async fn with<T, Work, Answer>(&self, work: Work) -> RedisResult<T>
    where
        Work: FnOnce(Connected) -> Answer,
        Answer: Future<Output = RedisResult<T>>,
    {
        let connected = self.connected().await?;
        let result = work(connected.clone()).await;
        if let Err(error) = &result {
            self.heed(&connected, error);
        }
        result
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub(crate) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        self.with(|mut connected| async move { command.query_async(&mut connected.connection).await }).await
    }

    /// Asks one thing of the server, or of every node of the cluster that it is one of.
    ///
    /// # Errors
    /// As [`with`](Self::with); of any of them.
    pub(crate) async fn ask_all(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        match &*self.source {
            Source::AnyOf(cluster) => cluster.ask_all(command).await,
            Source::One(_) | Source::Master(_) => Ok(vec![self.ask(command).await?]),
        }
    }

    /// Another connection, to the server that the link would connect to now, for publications only.
    pub(crate) async fn subscription(&self) -> RedisResult<PubSub> {
        in_time(self.connect_timeout, async {
            let server = self.source.locate(&self.config).await?;
            Client::open(server)?.get_async_pubsub().await
        })
        .await
    }

    /// The connection, made now if there is none.
    pub(super) async fn connected(&self) -> RedisResult<Connected> {
        let (attempt, connecting, known) = {
            let mut state = self.state();
            if let Some(connected) = &state.connected {
                return Ok(connected.clone());
            }
            let connecting = match &state.connecting {
                Some(connecting) => connecting.clone(),
                None => {
                    if let Some((until, error)) = &state.failure
                        && Instant::now() < *until
                    {
                        return Err(error.clone());
                    }
                    state.attempts += 1;
                    let connecting = self.connect(state.attempts).shared();
                    state.connecting = Some(connecting.clone());
                    connecting
                }
            };
            (state.attempts, connecting, state.failure.as_ref().map(|(_, error)| error.clone()))
        };
        let Some(known) = known else {
            return self.settle(attempt, connecting.await);
        };
        match timeout(PATIENCE, connecting).await {
            Ok(made) => self.settle(attempt, made),
            Err(_) => Err(known),
        }
    }

    /// Notes what came of an attempt; the first of those who waited does.
    fn settle(&self, attempt: u64, made: RedisResult<Connected>) -> RedisResult<Connected> {
        let mut state = self.state();
        if state.attempts == attempt && state.connecting.take().is_some() {
            match &made {
                Ok(connected) => {
                    state.connected = Some(connected.clone());
                    state.backoff.reset();
                    state.failure = None;
                }
                Err(error) => state.failure = Some((Instant::now() + state.backoff.wait(), error.clone())),
            }
        }
        made
    }

    fn connect(&self, attempt: u64) -> BoxFuture<'static, RedisResult<Connected>> {
        let (source, config) = (Arc::clone(&self.source), self.config.clone());
        let connecting = async move {
            let server = source.locate(&config).await?;
            let connection = Client::open(server)?.get_multiplexed_async_connection_with_config(&config).await?;
            Ok(Connected { connection, refresh: Arc::default(), attempt })
        };
        in_time(self.connect_timeout, connecting).boxed()
    }

    /// Lets go of a connection that gave such an answer, if it is of no use any more and no newer one has replaced it
    /// already. Requests under way on it end on their own.
    pub(super) fn heed(&self, connected: &Connected, error: &RedisError) {
        if !ends_connection(error) {
            return;
        }
        let mut state = self.state();
        if state.connected.as_ref().is_some_and(|current| current.attempt == connected.attempt) {
            state.connected = None;
            state.failure = Some((Instant::now(), error.clone()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The crate's limit covers the socket; this one covers the handshake behind it and the search before it as well.
async fn in_time<T>(limit: Duration, connecting: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let made = timeout(limit, connecting).await;
    made.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// Limits of one connection and of what is asked on it.
pub(super) fn config(options: &SessionStoreOptions) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.response_timeout))
}

/// Whether another connection may do better: this one is lost or silent, or its server has become a replica, or wants
/// a password by now.
fn ends_connection(error: &RedisError) -> bool {
    let replica = matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
    error.is_io_error() || error.is_unrecoverable_error() || replica || error.code() == Some("NOAUTH")
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The connection's own form tells the user name; the address is enough.
        f.debug_tuple("Link").field(&self.source.describe()).finish()
    }
}
