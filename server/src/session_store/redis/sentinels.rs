use std::{fmt, io};

use ::redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
};
use futures_util::{StreamExt, stream::FuturesUnordered};

use super::address;

/// The sentinels of a Redis server with replicas: they know which of them is the master.
///
/// The redis crate's own client for sentinels asks them with time limits of its own and connects without any.
pub(crate) struct Sentinels {
    sentinels: Vec<ConnectionInfo>,
    /// What the sentinels call it.
    name: String,
    /// How to log in to the master; its address counts for nothing.
    login: ConnectionInfo,
}

impl Sentinels {
    /// `login` says how the master is connected to, wherever it is.
    pub(super) fn new(sentinels: Vec<ConnectionInfo>, name: String, login: ConnectionInfo) -> Self {
        Self { sentinels, name, login }
    }

    pub(super) fn describe(&self) -> String {
        format!("{} by the sentinels {}", self.name, address::list(&self.sentinels))
    }

    /// The server that a sentinel calls the master, and that says so itself: a sentinel may be behind the times.
    ///
    /// All are asked at once, so that one which does not answer holds up nobody; how long that may take is up to the
    /// caller.
    pub(super) async fn master(&self, config: &AsyncConnectionConfig) -> RedisResult<ConnectionInfo> {
        let mut answers: FuturesUnordered<_> =
            self.sentinels.iter().map(|sentinel| self.ask(sentinel, config)).collect();
        let mut failure: Option<Failure> = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(master) => return Ok(master),
                Err(next) if failure.as_ref().is_none_or(|known| known.tells() < next.tells()) => failure = Some(next),
                Err(_) => {}
            }
        }
        Err(failure.map_or_else(|| (ErrorKind::EmptySentinelList, "no sentinels").into(), |failure| failure.error))
    }

    async fn ask(&self, sentinel: &ConnectionInfo, config: &AsyncConnectionConfig) -> Result<ConnectionInfo, Failure> {
        let address = self.address(sentinel, config).await.map_err(|error| Failure { step: Step::Sentinel, error })?;
        let Some((host, port)) = address else {
            let error = (ErrorKind::MasterNameNotFoundBySentinel, "no master of that name", self.name.clone()).into();
            return Err(Failure { step: Step::Name, error });
        };
        let master = address::at(&self.login, &host, port);
        match is_master(&master, config).await {
            Ok(true) => Ok(master),
            Ok(false) => {
                let error = io::Error::other(format!("the sentinels name {host}:{port}, which is a replica"));
                Err(Failure { step: Step::Master, error: error.into() })
            }
            Err(error) => Err(Failure { step: Step::Master, error }),
        }
    }

    async fn address(
        &self,
        sentinel: &ConnectionInfo,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Option<(String, u16)>> {
        let mut connection = connect(sentinel, config).await?;
        let mut command = ::redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        command.query_async(&mut connection).await
    }
}

/// Which question failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Sentinel,
    Name,
    Master,
}

struct Failure {
    step: Step,
    error: RedisError,
}

impl Failure {
    /// How much it tells: a later question more, and what a server says more than that one does not answer.
    fn tells(&self) -> (Step, bool) {
        (self.step, !self.error.is_io_error())
    }
}

async fn connect(server: &ConnectionInfo, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
    Client::open(server.clone())?.get_multiplexed_async_connection_with_config(config).await
}

async fn is_master(server: &ConnectionInfo, config: &AsyncConnectionConfig) -> RedisResult<bool> {
    let mut connection = connect(server, config).await?;
    match ::redis::cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await {
        Ok(role) => Ok(matches!(role.first(), Some(Value::BulkString(role)) if role == b"master")),
        // A user who may not ask has to take the sentinel's word; a replica will refuse to write.
        Err(error) if error.code() == Some("NOPERM") => Ok(true),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sentinels").field(&self.describe()).finish()
    }
}
