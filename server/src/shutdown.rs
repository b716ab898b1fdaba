use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM, which service managers send, or SIGINT, which ctrl-c sends.
///
/// # Errors
/// The signals cannot be listened for.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
