use std::{fmt, future::Future, time::Duration};

use ::redis::{
    ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use swampdragon_protocol::SessionKey;

use super::{
    RedisKey,
    link::{Connected, Link},
};
use crate::{
    session_layout::{RedisLayout, RefreshRule},
    session_store::Lifetime,
};

/// The way in which a Redis server is asked to lengthen a TTL and never to shorten or add one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCommand {
    /// `PEXPIRE key ms GT`: Redis 7.0 and later, Valkey.
    PexpireGt,
    /// A Lua script with the same meaning, for servers whose `PEXPIRE` has no `GT`: Redis 3.2 to 6.2.
    Script,
}

/// How sessions are refreshed, whichever server has them.
pub(super) struct Refresh {
    layout: RedisLayout,
    script: Script,
    pub(super) ttl_ms: u64,
    /// Not chosen by what the server can.
    forced: Option<RefreshCommand>,
}

impl Refresh {
    pub(super) fn new(layout: RedisLayout, ttl_ms: u64, forced: Option<RefreshCommand>) -> Self {
        Self { script: Script::new(layout.rule().script()), layout, ttl_ms, forced }
    }

    /// The key of a session.
    pub(super) fn key<'a>(&'a self, session: &'a SessionKey) -> RedisKey<'a> {
        RedisKey { template: self.layout.template(), id: session.as_str() }
    }

    /// Whether the server can do what is needed.
    pub(super) async fn check(&self, link: &Link) -> RedisResult<()> {
        link.with(|connected| async move { self.command(&connected).await.map(drop) }).await
    }

    /// Refreshes keys that one server has. An answer is an error where it concerns that key alone.
    pub(super) async fn on(&self, link: &Link, keys: &[RedisKey<'_>]) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        self.run(link, keys.len(), |connected, command| self.refresh(command, connected.connection, keys)).await
    }

    /// Refreshes keys at a node of a cluster that has them already, but not their slots.
    pub(super) async fn asking(&self, link: &Link, keys: &[RedisKey<'_>]) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        self.run(link, keys.len(), |connected, command| self.refresh_asking(command, connected.connection, keys)).await
    }

    async fn run<Running>(
        &self,
        link: &Link,
        expected: usize,
        run: impl FnOnce(Connected, RefreshCommand) -> Running,
    ) -> RedisResult<Vec<RedisResult<Lifetime>>>
    where
        Running: Future<Output = RedisResult<Vec<RedisResult<Lifetime>>>>,
    {
        let connected = link.connected().await?;
        let refreshed = match self.command(&connected).await {
            Ok(command) => run(connected.clone(), command).await,
            Err(error) => Err(error),
        };
        match &refreshed {
            Ok(answers) => {
                // One answer of a kind that ends a connection is enough: a replica is one for every key.
                if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
                    link.heed(&connected, error);
                }
            }
            Err(error) => link.heed(&connected, error),
        }
        let refreshed = refreshed?;
        expect_answers(refreshed.len(), expected)?;
        Ok(refreshed)
    }

    /// How the server behind a connection is asked. Found out once a connection.
    async fn command(&self, connected: &Connected) -> RedisResult<RefreshCommand> {
        let detected = connected.refresh.get_or_try_init(|| self.detect(connected.connection.clone())).await?;
        Ok(self.forced.unwrap_or(*detected))
    }

    /// Finds out by trying: version numbers mislead on forks and managed services, and `INFO` may be forbidden.
    ///
    /// The key tried is that of a session called `?`, as none can be, so it does not exist; if it did, `GT` would
    /// leave it alone, and a server without `GT` refuses the command.
    async fn detect(&self, mut connection: MultiplexedConnection) -> RedisResult<RefreshCommand> {
        let probe = RedisKey { template: self.layout.template(), id: "?" };
        if self.layout.rule() == RefreshRule::TimeToLive {
            let tried = ::redis::cmd("PEXPIRE").arg(probe).arg(1).arg("GT").query_async::<i64>(&mut connection).await;
            match tried {
                Ok(_) => return Ok(RefreshCommand::PexpireGt),
                // A node of a cluster looks at the form of a command first, then whether the key is one of its own.
                Err(error) if is_redirection(&error) => return Ok(RefreshCommand::PexpireGt),
                // "wrong number of arguments", or "unsupported option".
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {}
                Err(error) => return Err(error),
            }
        }
        // Better to learn at start that scripts are forbidden than at the first heartbeat.
        match self.script(&mut connection, &[probe], false).await?.pop() {
            Some(Err(error)) if !is_redirection(&error) => Err(error),
            _ => Ok(RefreshCommand::Script),
        }
    }

    /// Refreshes `keys`, and answers in their order.
    async fn refresh(
        &self,
        command: RefreshCommand,
        mut connection: MultiplexedConnection,
        keys: &[RedisKey<'_>],
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        let (mut lifetimes, most) = (Vec::with_capacity(keys.len()), command.keys_per_pipeline());
        for keys in keys.chunks(most) {
            lifetimes.extend(match command {
                RefreshCommand::PexpireGt => pexpire_gt(&mut connection, keys, self.ttl_ms).await?,
                RefreshCommand::Script => self.script(&mut connection, keys, false).await?,
            });
        }
        Ok(lifetimes)
    }

    /// As [`refresh`](Self::refresh), at a server that serves the keys' slots only when asked so. It does while a slot
    /// moves, to few keys at a time.
    async fn refresh_asking(
        &self,
        command: RefreshCommand,
        mut connection: MultiplexedConnection,
        keys: &[RedisKey<'_>],
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        if command == RefreshCommand::Script {
            return self.script(&mut connection, keys, true).await;
        }
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.cmd("ASKING").cmd("PEXPIRE").arg(key).arg(self.ttl_ms).arg("GT");
            pipeline.cmd("ASKING").cmd("PTTL").arg(key);
        }
        let mut answers = ask(&mut connection, &pipeline).await?.into_iter();
        let mut lifetimes = Vec::with_capacity(keys.len());
        while let (Some(_), Some(lengthened), Some(_), Some(left)) =
            (answers.next(), answers.next(), answers.next(), answers.next())
        {
            lifetimes.push(integer(lengthened).and_then(|_| integer(left)).map(lifetime));
        }
        Ok(lifetimes)
    }

    /// One call a key: the keys of one call would have to share a slot in a cluster, and its duration holds up every
    /// other client of the server.
    async fn script(
        &self,
        connection: &mut MultiplexedConnection,
        keys: &[RedisKey<'_>],
        asking: bool,
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        let mut pipeline = Pipeline::with_capacity(keys.len() + 1);
        // Each time: a server that was restarted or has failed over does not know it any more.
        pipeline.cmd("SCRIPT").arg("LOAD").arg(self.layout.rule().script());
        for key in keys {
            if asking {
                pipeline.cmd("ASKING");
            }
            pipeline.cmd("EVALSHA").arg(self.script.get_hash()).arg(1).arg(key).arg(self.ttl_ms);
        }
        let mut answers = ask(connection, &pipeline).await?.into_iter();
        answers.next().map_or(Ok(Value::Nil), Value::extract_error)?;
        let every_second = usize::from(asking);
        let answers = answers.skip(every_second).step_by(1 + every_second);
        Ok(answers.map(|answer| integer(answer).and_then(|left| self.scripted(left))).collect())
    }

    /// What a script answered.
    fn scripted(&self, left: i64) -> RedisResult<Lifetime> {
        if left != RefreshRule::NOT_THIS_LAYOUT {
            return Ok(lifetime(left));
        }
        Err(RedisError::from((
            ErrorKind::UnexpectedReturnType,
            "what Redis has for a session is none of this layout's; see session_layout and session_redis_key",
            self.layout.to_string(),
        )))
    }
}

impl RefreshCommand {
    /// Keys refreshed in one pipeline. Bounds the buffers on both sides; far above the depth from which more no longer
    /// helps.
    fn keys_per_pipeline(self) -> usize {
        match self {
            Self::PexpireGt => 8192,
            // Each holds up the other clients of the server on its own, never all of them together.
            Self::Script => 1024,
        }
    }
}

async fn pexpire_gt(
    connection: &mut MultiplexedConnection,
    keys: &[RedisKey<'_>],
    ttl_ms: u64,
) -> RedisResult<Vec<RedisResult<Lifetime>>> {
    let mut pipeline = Pipeline::with_capacity(keys.len());
    for key in keys {
        pipeline.cmd("PEXPIRE").arg(key).arg(ttl_ms).arg("GT");
    }
    let lengthened = integers(connection, &pipeline).await?;

    // 0 is the answer for a missing key, for one without a TTL and for one that lives longer already. It is rare
    // among live sessions, so asking again costs a healthy server nothing.
    let mut left_alone = Pipeline::new();
    for (key, _) in keys.iter().zip(&lengthened).filter(|(_, answer)| matches!(answer, Ok(0))) {
        left_alone.cmd("PTTL").arg(key);
    }
    let mut left =
        if left_alone.is_empty() { Vec::new() } else { integers(connection, &left_alone).await? }.into_iter();
    let full = Lifetime::Expires(Duration::from_millis(ttl_ms));
    let lifetimes = lengthened.into_iter().map(|answer| match answer {
        Ok(0) => left.next().unwrap_or_else(|| Err(wrong_answers(0, 1))).map(lifetime),
        Ok(_) => Ok(full),
        Err(error) => Err(error),
    });
    Ok(lifetimes.collect())
}

impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ms", self.layout, self.ttl_ms)
    }
}

/// What `PTTL` answered, in words.
pub(super) fn lifetime(pttl: i64) -> Lifetime {
    match u64::try_from(pttl) {
        Ok(left) => Lifetime::Expires(Duration::from_millis(left)),
        Err(_) if pttl == -1 => Lifetime::Persistent,
        Err(_) => Lifetime::Missing,
    }
}

async fn integers(connection: &mut MultiplexedConnection, pipeline: &Pipeline) -> RedisResult<Vec<RedisResult<i64>>> {
    Ok(ask(connection, pipeline).await?.into_iter().map(integer).collect())
}

async fn ask(connection: &mut MultiplexedConnection, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
    let answers = connection.req_packed_commands(pipeline, 0, pipeline.len()).await?;
    expect_answers(answers.len(), pipeline.len())?;
    Ok(answers)
}

fn integer(answer: Value) -> RedisResult<i64> {
    match answer {
        Value::Int(number) => Ok(number),
        other => ::redis::from_redis_value(other.extract_error()?).map_err(RedisError::from),
    }
}

fn is_redirection(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask))
}

fn expect_answers(given: usize, expected: usize) -> RedisResult<()> {
    if given == expected { Ok(()) } else { Err(wrong_answers(given, expected)) }
}

fn wrong_answers(given: usize, expected: usize) -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "Redis gave another number of answers than there were commands",
        format!("{given} instead of {expected}"),
    ))
}
