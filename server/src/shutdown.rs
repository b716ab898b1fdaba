use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, which service managers send, and SIGINT, which ctrl-c sends.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for SIGTERM, which service managers send, or SIGINT, which ctrl-c sends.
///
/// # Errors
/// The signals cannot be listened for.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

/// Waits for the first of those signals, and for the second, by which an impatient operator means "at once": what
/// [`Server::run_until_or`](crate::Server::run_until_or) takes.
///
/// # Errors
/// The signals cannot be listened for.
pub fn shutdown_signals() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let first = shutdown_signal()?;
    let mut signals = Signals::listen()?;
    let second = async move {
        signals.next().await;
        signals.next().await;
    };
    Ok((first, second))
}

/// SIGHUP, which service managers send when files that the server reads have changed. A process that does not listen
/// for it ends by it.
///
/// # Errors
/// The signal cannot be listened for.
pub fn hang_up_signals() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
