//! Waiting for something to become true.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// Long enough for a browser to start on a busy machine. A test that waits this long is about to fail.
pub const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until `attempt` answers with something.
///
/// # Errors
/// When nothing came within [`PATIENCE`]; the message names `what` was waited for and the last error on the way.
pub async fn eventually<T, F>(what: &str, attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    within(PATIENCE, what, attempt).await
}

/// [`eventually`], with another limit.
///
/// # Errors
/// When nothing came within `limit`.
pub async fn within<T, F>(limit: Duration, what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + limit;
    loop {
        let outcome = attempt().await;
        match outcome {
            Ok(Some(value)) => return Ok(value),
            outcome if Instant::now() > end => {
                let waited = format!("waited {} s in vain until {what}", limit.as_secs_f32());
                match outcome {
                    Err(error) => return Err(error).context(waited),
                    _ => bail!(waited),
                }
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}
