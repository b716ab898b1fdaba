use std::{fmt, future::Future, time::Duration};

use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::session_store::SessionStoreOptions;

/// The one connection to Redis that all requests share, made anew whenever it is lost.
///
/// The redis crate's own connection manager is not used because it stays broken for good after a reconnection that
/// fails with anything but an I/O error ("max number of clients reached", say), and because it keeps a connection
/// whose peer went away in silence: here a request without an answer ends the connection.
pub(crate) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    connect_timeout: Duration,
    // Held while connecting, so that all who wait share one attempt. Each wait ends after `connect_timeout`.
    state: Mutex<State>,
}

/// How long a failed attempt to connect is the answer for everybody, before the next attempt.
///
/// Without the pause a flood of requests would be a flood of connection attempts at a server in trouble.
const PAUSE_BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

enum State {
    /// Connected, by the attempt of that number.
    Up { connection: MultiplexedConnection, attempt: u64 },
    /// Not connected; the last attempt, if there was one, failed then and in that way.
    Down { attempts: u64, failure: Option<(Instant, RedisError)> },
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(info: ConnectionInfo, options: &SessionStoreOptions) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        Ok(Self {
            client: Client::open(info)?,
            config,
            connect_timeout: options.connect_timeout,
            state: Mutex::new(State::Down { attempts: 0, failure: None }),
        })
    }

    /// Does `work` with the connection, connecting first if need be.
    ///
    /// # Errors
    /// Redis cannot be reached, or `work` failed. Work is never repeated here: the caller knows whether it may be.
    pub(crate) async fn with<T, Work, Answer>(&self, work: Work) -> RedisResult<T>
    where
        Work: FnOnce(MultiplexedConnection) -> Answer,
        Answer: Future<Output = RedisResult<T>>,
    {
        let (connection, attempt) = self.connection().await?;
        let result = work(connection).await;
        if let Err(error) = &result
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            self.give_up(attempt).await;
        }
        result
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let mut state = self.state.lock().await;
        let attempt = match &*state {
            State::Up { connection, attempt } => return Ok((connection.clone(), *attempt)),
            State::Down { failure: Some((at, error)), .. } if at.elapsed() < PAUSE_BETWEEN_ATTEMPTS => {
                return Err(error.clone());
            }
            State::Down { attempts, .. } => attempts + 1,
        };
        // The crate's limit covers the socket; this one covers the handshake behind it as well.
        let made =
            timeout(self.connect_timeout, self.client.get_multiplexed_async_connection_with_config(&self.config));
        let made = made.await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        match made {
            Ok(connection) => {
                *state = State::Up { connection: connection.clone(), attempt };
                Ok((connection, attempt))
            }
            Err(error) => {
                *state = State::Down { attempts: attempt, failure: Some((Instant::now(), error.clone())) };
                Err(error)
            }
        }
    }

    /// Lets go of the connection made by `attempt`, unless a newer one has replaced it already. Requests under way on
    /// it end on their own.
    async fn give_up(&self, attempt: u64) {
        let mut state = self.state.lock().await;
        if let State::Up { attempt: current, .. } = *state
            && current == attempt
        {
            *state = State::Down { attempts: attempt, failure: None };
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own form tells the user name; the address is enough.
        f.debug_tuple("Link").field(&self.client.get_connection_info().addr().to_string()).finish()
    }
}
