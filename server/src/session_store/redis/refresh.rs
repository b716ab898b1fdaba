use std::{sync::LazyLock, time::Duration};

use ::redis::{
    ErrorKind, Pipeline, RedisError, RedisResult, Script, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};

use super::PrefixedKey;
use crate::session_store::Lifetime;

/// The way in which a Redis server is asked to lengthen a TTL and never to shorten or add one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshCommand {
    /// `PEXPIRE key ms GT`: Redis 7.0 and later, Valkey.
    PexpireGt,
    /// A Lua script with the same meaning, for servers whose `PEXPIRE` has no `GT`: Redis 3.2 to 6.2.
    Script,
}

/// Refreshed keys in one script call. A script holds up every other client of the server: 512 keys take it well under
/// a millisecond.
const KEYS_PER_SCRIPT: usize = 512;

/// Commands in one pipeline. Bounds the buffers on both sides; far above the depth from which more no longer helps.
const COMMANDS_PER_PIPELINE: usize = 8192;

/// Answers, for each key, how many milliseconds it has left: -1 for ever, -2 there is none (as `PTTL`).
///
/// `replicate_commands` is for Redis 3.2 to 4, which would refuse to write after `PTTL` in a script; later servers do
/// so by themselves.
pub(super) const SCRIPT_TEXT: &str = r"
        if redis.replicate_commands then redis.replicate_commands() end
        local ttl = tonumber(ARGV[1])
        local left = {}
        for i, key in ipairs(KEYS) do
            local before = redis.call('PTTL', key)
            if before >= 0 and before < ttl then
                redis.call('PEXPIRE', key, ttl)
                left[i] = ttl
            else
                left[i] = before
            end
        end
        return left
        ";

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(SCRIPT_TEXT));

impl RefreshCommand {
    /// Finds out by trying: version numbers mislead on forks and managed services, and `INFO` may be forbidden.
    ///
    /// The key tried has a `?` in it, which no session key can have, so it does not exist; if it did, `GT` would
    /// leave it alone, and a server without `GT` refuses the command.
    pub(super) async fn detect(mut connection: MultiplexedConnection, prefix: &str) -> RedisResult<Self> {
        let probe = PrefixedKey { prefix, key: "?" };
        let tried = ::redis::cmd("PEXPIRE").arg(&probe).arg(1).arg("GT").query_async::<i64>(&mut connection).await;
        match tried {
            Ok(_) => Ok(Self::PexpireGt),
            // "wrong number of arguments", or "unsupported option".
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {
                // Better to learn at start that scripts are forbidden than at the first heartbeat.
                SCRIPT.key(&probe).arg(1).invoke_async::<Vec<i64>>(&mut connection).await?;
                Ok(Self::Script)
            }
            Err(error) => Err(error),
        }
    }

    /// Refreshes `keys` to `ttl_ms`, and answers in their order.
    pub(super) async fn run(
        self,
        mut connection: MultiplexedConnection,
        keys: &[PrefixedKey<'_>],
        ttl_ms: u64,
    ) -> RedisResult<Vec<Lifetime>> {
        let mut lifetimes = Vec::with_capacity(keys.len());
        match self {
            Self::PexpireGt => {
                for keys in keys.chunks(COMMANDS_PER_PIPELINE) {
                    lifetimes.extend(pexpire_gt(&mut connection, keys, ttl_ms).await?);
                }
            }
            Self::Script => {
                for keys in keys.chunks(KEYS_PER_SCRIPT) {
                    let mut call = SCRIPT.arg(ttl_ms);
                    for key in keys {
                        call.key(key);
                    }
                    let left: Vec<i64> = call.invoke_async(&mut connection).await?;
                    expect_answers(left.len(), keys.len())?;
                    lifetimes.extend(left.into_iter().map(lifetime));
                }
            }
        }
        Ok(lifetimes)
    }
}

async fn pexpire_gt(
    connection: &mut MultiplexedConnection,
    keys: &[PrefixedKey<'_>],
    ttl_ms: u64,
) -> RedisResult<Vec<Lifetime>> {
    let mut pipeline = Pipeline::with_capacity(keys.len());
    for key in keys {
        pipeline.cmd("PEXPIRE").arg(key).arg(ttl_ms).arg("GT");
    }
    let lengthened = integers(connection, &pipeline).await?;

    // 0 is the answer for a missing key, for one without a TTL and for one that lives longer already. It is rare
    // among live sessions, so asking again costs a healthy server nothing.
    let mut left_alone = Pipeline::new();
    for (key, _) in keys.iter().zip(&lengthened).filter(|(_, answer)| **answer == 0) {
        left_alone.cmd("PTTL").arg(key);
    }
    let mut left =
        if left_alone.is_empty() { Vec::new() } else { integers(connection, &left_alone).await? }.into_iter();
    let full = Lifetime::Expires(Duration::from_millis(ttl_ms));
    lengthened
        .into_iter()
        .map(|answer| if answer == 0 { left.next().map(lifetime).ok_or_else(|| wrong_answers(0, 1)) } else { Ok(full) })
        .collect()
}

/// What `PTTL` answered, in words.
pub(super) fn lifetime(pttl: i64) -> Lifetime {
    match u64::try_from(pttl) {
        Ok(left) => Lifetime::Expires(Duration::from_millis(left)),
        Err(_) if pttl == -1 => Lifetime::Persistent,
        Err(_) => Lifetime::Missing,
    }
}

async fn integers(connection: &mut MultiplexedConnection, pipeline: &Pipeline) -> RedisResult<Vec<i64>> {
    let answers = connection.req_packed_commands(pipeline, 0, pipeline.len()).await?;
    expect_answers(answers.len(), pipeline.len())?;
    answers
        .into_iter()
        .map(|answer| match answer {
            Value::Int(number) => Ok(number),
            other => ::redis::from_redis_value(other.extract_error()?).map_err(RedisError::from),
        })
        .collect()
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
