use std::{future::Future, time::Duration};

use ::redis::RedisResult;
use tokio::time::{Instant, sleep};

use super::{backoff::Backoff, error::may_pass};

/// How long after a failed attempt the next one begins: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Tries until it works, for as long as `wait` if the reason is one that may pass: machines that start together do not
/// do so in order. A wrong password is told at once.
///
/// # Errors
/// What the last attempt failed with.
pub(crate) async fn wait_for<T, Trying>(
    servers: &str,
    wait: Duration,
    mut attempt: impl FnMut() -> Trying,
) -> RedisResult<T>
where
    Trying: Future<Output = RedisResult<T>>,
{
    let started = Instant::now();
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    loop {
        let error = match attempt().await {
            Ok(done) => {
                if backoff.has_waited() {
                    tracing::info!(servers, after = ?started.elapsed(), "Redis answers");
                }
                return Ok(done);
            }
            Err(error) => error,
        };
        let left = wait.saturating_sub(started.elapsed());
        if left.is_zero() || !may_pass(&error) {
            return Err(error);
        }
        if !backoff.has_waited() {
            tracing::warn!(
                servers,
                error = &error as &dyn std::error::Error,
                "waiting for Redis, {} at most (redis_start_wait)",
                humantime::format_duration(wait)
            );
        }
        sleep(backoff.wait().min(left)).await;
    }
}
