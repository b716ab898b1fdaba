use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::Layer;

use crate::peer::Peer;

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
    header_timeout: Duration,
    stop: impl Future<Output = ()>,
) -> Requests {
    let (finish, finishing) = watch::channel(());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_REQUEST_HEAD);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return Requests(finish),
        };
        match accepted {
            Ok((stream, address)) => {
                serve_one(&http, finishing.clone(), stream, Peer::new(address.ip()), routes.clone());
            }
            Err(error) => wait_out(&error).await,
        }
    }
}

/// The most that a request's line and headers may take, in bytes. Also what a connection holds during its handshake.
const MAX_REQUEST_HEAD: usize = 8 * 1024;

fn serve_one(http: &http1::Builder, mut finishing: watch::Receiver<()>, stream: TcpStream, peer: Peer, routes: Router) {
    let peer = Arc::new(peer);
    let routes = Extension(Arc::clone(&peer)).layer(routes);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).with_upgrades();
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = &mut connection => served,
            () = peer.cut() => return,
            _ = finishing.changed() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    served = connection => served,
                    () = peer.cut() => return,
                }
            }
        };
        // A peer that breaks HTTP or goes away concerns nobody else.
        if let Err(error) = served {
            tracing::debug!(error = &error as &dyn std::error::Error, "HTTP connection ended");
        }
    });
}

/// Accepting fails for the peer's reasons (gone already) or for the machine's (no file descriptors left). The latter
/// pass only with time.
async fn wait_out(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::error!(error = error as &dyn std::error::Error, "cannot accept connections; trying again in a second");
    tokio::time::sleep(Duration::from_secs(1)).await;
}
