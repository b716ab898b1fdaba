use std::{future::Future, sync::LazyLock, time::Duration};

use ::redis::{
    ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

use super::{
    PrefixedKey,
    link::{Connected, Link},
};
use crate::session_store::Lifetime;

/// The way in which a Redis server is asked to lengthen a TTL and never to shorten or add one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCommand {
    /// `PEXPIRE key ms GT`: Redis 7.0 and later, Valkey.
    PexpireGt,
    /// A Lua script with the same meaning, for servers whose `PEXPIRE` has no `GT`: Redis 3.2 to 6.2.
    Script,
}

/// Keys refreshed in one pipeline. Bounds the buffers on both sides; far above the depth from which more no longer helps.
const KEYS_PER_PIPELINE: usize = 8192;

/// Answers how many milliseconds the key has left: -1 for ever, -2 there is none (as `PTTL`).
///
/// `replicate_commands` is for Redis 3.2 to 4, which would refuse to write after `PTTL` in a script; later servers do
/// so by themselves.
const SCRIPT: &str = r"
        if redis.replicate_commands then redis.replicate_commands() end
        local ttl = tonumber(ARGV[1])
        local left = redis.call('PTTL', KEYS[1])
        if left < 0 or left >= ttl then return left end
        redis.call('PEXPIRE', KEYS[1], ttl)
        return ttl
    ";

/// What the server calls the script.
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| Script::new(SCRIPT).get_hash().to_owned());

/// How keys are refreshed, whichever server has them.
#[derive(Debug)]
pub(super) struct Refresh {
    pub(super) key_prefix: String,
    pub(super) ttl_ms: u64,
    /// Not chosen by what the server can.
    pub(super) forced: Option<RefreshCommand>,
}

impl Refresh {
    /// Whether the server can do what is needed.
    pub(super) async fn check(&self, link: &Link) -> RedisResult<()> {
        link.with(|connected| async move { self.command(&connected).await.map(drop) }).await
    }

    /// Refreshes keys that one server has. An answer is an error where it concerns that key alone.
    pub(super) async fn on(&self, link: &Link, keys: &[PrefixedKey<'_>]) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        self.run(link, keys.len(), |connected, command| command.run(connected.connection, keys, self.ttl_ms)).await
    }

    /// Refreshes keys at a node of a cluster that has them already, but not their slots.
    pub(super) async fn asking(
        &self,
        link: &Link,
        keys: &[PrefixedKey<'_>],
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        self.run(link, keys.len(), |connected, command| command.run_asking(connected.connection, keys, self.ttl_ms))
            .await
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
                    link.heed(&connected, error).await;
                }
            }
            Err(error) => link.heed(&connected, error).await,
        }
        let refreshed = refreshed?;
        expect_answers(refreshed.len(), expected)?;
        Ok(refreshed)
    }

    /// How the server behind a connection is asked. Found out once a connection.
    async fn command(&self, connected: &Connected) -> RedisResult<RefreshCommand> {
        let detected = connected
            .refresh
            .get_or_try_init(|| RefreshCommand::detect(connected.connection.clone(), &self.key_prefix))
            .await?;
        Ok(self.forced.unwrap_or(*detected))
    }
}

impl RefreshCommand {
    /// Finds out by trying: version numbers mislead on forks and managed services, and `INFO` may be forbidden.
    ///
    /// The key tried has a `?` in it, which no session key can have, so it does not exist; if it did, `GT` would
    /// leave it alone, and a server without `GT` refuses the command.
    pub(super) async fn detect(mut connection: MultiplexedConnection, prefix: &str) -> RedisResult<Self> {
        let probe = PrefixedKey { prefix, key: "?" };
        let tried = ::redis::cmd("PEXPIRE").arg(probe).arg(1).arg("GT").query_async::<i64>(&mut connection).await;
        match tried {
            Ok(_) => Ok(Self::PexpireGt),
            // A node of a cluster looks at the form of a command first, then whether the key is one of its own.
            Err(error) if is_redirection(&error) => Ok(Self::PexpireGt),
            // "wrong number of arguments", or "unsupported option".
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {
                // Better to learn at start that scripts are forbidden than at the first heartbeat.
                match script(&mut connection, &[probe], 1, false).await?.pop() {
                    Some(Err(error)) if !is_redirection(&error) => Err(error),
                    _ => Ok(Self::Script),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Refreshes `keys` to `ttl_ms`, and answers in their order.
    async fn run(
        self,
        mut connection: MultiplexedConnection,
        keys: &[PrefixedKey<'_>],
        ttl_ms: u64,
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        let mut lifetimes = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_PER_PIPELINE) {
            lifetimes.extend(match self {
                Self::PexpireGt => pexpire_gt(&mut connection, keys, ttl_ms).await?,
                Self::Script => script(&mut connection, keys, ttl_ms, false).await?,
            });
        }
        Ok(lifetimes)
    }

    /// As [`run`](Self::run), at a server that serves the keys' slots only when asked so. It does while a slot moves,
    /// to few keys at a time.
    async fn run_asking(
        self,
        mut connection: MultiplexedConnection,
        keys: &[PrefixedKey<'_>],
        ttl_ms: u64,
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        if self == Self::Script {
            return script(&mut connection, keys, ttl_ms, true).await;
        }
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.cmd("ASKING").cmd("PEXPIRE").arg(key).arg(ttl_ms).arg("GT");
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
}

async fn pexpire_gt(
    connection: &mut MultiplexedConnection,
    keys: &[PrefixedKey<'_>],
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

/// One call a key: the keys of one call would have to share a slot in a cluster, and its duration holds up every other
/// client of the server.
async fn script(
    connection: &mut MultiplexedConnection,
    keys: &[PrefixedKey<'_>],
    ttl_ms: u64,
    asking: bool,
) -> RedisResult<Vec<RedisResult<Lifetime>>> {
    let mut pipeline = Pipeline::with_capacity(keys.len() + 1);
    // Each time: a server that was restarted or has failed over does not know it any more.
    pipeline.cmd("SCRIPT").arg("LOAD").arg(SCRIPT);
    for key in keys {
        if asking {
            pipeline.cmd("ASKING");
        }
        pipeline.cmd("EVALSHA").arg(SCRIPT_HASH.as_str()).arg(1).arg(key).arg(ttl_ms);
    }
    let mut answers = ask(connection, &pipeline).await?.into_iter();
    answers.next().map_or(Ok(Value::Nil), Value::extract_error)?;
    let every_second = usize::from(asking);
    Ok(answers.skip(every_second).step_by(1 + every_second).map(|left| integer(left).map(lifetime)).collect())
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
