use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{
    admission::{Seat, TurnedAway},
    http_connection::HttpConnections,
    refusals::Limit,
    service::Service,
};

/// HTTP requests under way.
pub(crate) struct Requests(watch::Sender<()>);

impl Requests {
    /// Has each connection finish its request and close, and waits for that.
    pub(crate) async fn finish(self) {
        self.0.send_replace(());
        self.0.closed().await;
    }
}

/// Accepts connections and serves HTTP on them, until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    service: Arc<Service>,
    stop: impl Future<Output = ()>,
) -> Requests {
    let (finish, finishing) = watch::channel(());
    let connections = Arc::new(HttpConnections::new(routes, Arc::clone(&service)));
    let door = Door { service, turning_away: Arc::new(Semaphore::new(TURNING_AWAY)) };
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut stop => return Requests(finish),
        };
        if let Some((stream, address, seat)) = door.admit(accepted) {
            tokio::spawn(Arc::clone(&connections).serve(stream, address.ip(), seat, finishing.clone()));
        }
    }
}

/// Accepting fails for the peer's reasons (gone already) or for the machine's (no file descriptors left). The latter
/// pass only with time.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept connections; trying again in a second"
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// How many peers are told at the same time why they are turned away. More are only closed.
const TURNING_AWAY: usize = 64;

/// How long telling one of them may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where peers are let in or turned away, before they have cost anything.
struct Door {
    service: Arc<Service>,
    turning_away: Arc<Semaphore>,
}

impl Door {
    fn admit(&self, (stream, address): (TcpStream, SocketAddr)) -> Option<(TcpStream, SocketAddr, Seat)> {
        // A proxy's requests are counted one by one, for their clients.
        let client = Some(address.ip()).filter(|address| !self.service.proxies.trust(*address));
        match self.service.admission.admit_socket(client) {
            Ok(seat) => Some((stream, address, seat)),
            Err(reason) => {
                self.service.refusals.note(Limit::from(reason), format_args!("{} refused: {reason}", address.ip()));
                if let Ok(turn) = Arc::clone(&self.turning_away).try_acquire_owned() {
                    tokio::spawn(async move {
                        // Out of time is as good as told: the socket closes either way.
                        let _ = timeout(FAREWELL, turn_away(stream, reason)).await;
                        drop(turn);
                    });
                }
                None
            }
        }
    }
}

impl From<TurnedAway> for Limit {
    fn from(reason: TurnedAway) -> Self {
        match reason {
            TurnedAway::Full(_) => Self::MaxConnections,
            TurnedAway::Crowded(_) => Self::MaxConnectionsPerAddress,
        }
    }
}

/// Answers a request that nobody reads.
async fn turn_away(mut stream: TcpStream, reason: TurnedAway) -> io::Result<()> {
    let text = reason.to_string();
    let response = format!(
        "HTTP/1.1 {} \r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\nRetry-After: {}\r\n\
         Connection: close\r\n\r\n{text}",
        reason.status().as_u16(),
        text.len(),
        TurnedAway::RETRY_AFTER_SECONDS,
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing a socket with unread bytes resets it, and the peer might never see the response.
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}
