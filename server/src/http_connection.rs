use std::{
    convert::Infallible,
    future::ready,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Notify, Semaphore, SemaphorePermit, watch},
    time::{Instant, timeout, timeout_at},
};
use tower::Service as _;

use crate::{
    admission::{Seat, TurnedAway},
    peer::Peer,
    refusals::Limit,
    service::Service,
};

/// Serves HTTP on sockets that have been let in.
pub(crate) struct HttpConnections {
    http: http1::Builder,
    routes: Router,
    service: Arc<Service>,
    reading_first: Semaphore,
}

/// How many connections read their first request at the same time, as long as they are quick about it. Each holds a
/// buffer meanwhile, and what is allocated beside those buffers, and stays, keeps their memory from being given back:
/// after 1,000 handshakes at once a connection costs three times as much as after 64 at a time.
const READING_FIRST: usize = 64;

/// How long a connection waits for its turn to read. No longer, lest those who send nothing keep out all others.
const TURN: Duration = Duration::from_millis(50);

/// What hyper takes at least as the limit of a request's head, in bytes.
const LEAST_REQUEST_HEAD: usize = 8 * 1024;

impl HttpConnections {
    pub(crate) fn new(routes: Router, service: Arc<Service>) -> Self {
        let settings = &service.settings;
        let mut http = http1::Builder::new();
        // From the end of a response to the end of the next request's head. A first request has less time.
        let next_request = settings.keep_alive_timeout.max(settings.handshake_timeout);
        http.timer(TokioTimer::new()).header_read_timeout(next_request);
        http.max_buf_size(settings.max_request_head.max(LEAST_REQUEST_HEAD));
        Self { http, routes, service, reading_first: Semaphore::new(READING_FIRST) }
    }

    /// Serves one connection, until it closes, becomes a WebSocket, or is told to finish.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        address: IpAddr,
        seat: Seat,
        finishing: watch::Receiver<()>,
    ) {
        let deadline = Instant::now() + self.service.settings.handshake_timeout;
        // Whoever sends nothing gets no buffer.
        if !matches!(timeout_at(deadline, stream.readable()).await, Ok(Ok(()))) {
            return;
        }
        let turn = self.turn_to_read().await;
        match &self.service.tls {
            None => self.serve_http(stream, address, seat, finishing, turn, deadline).await,
            Some(tls) => {
                if let Some(stream) = tls.begin(stream, deadline).await {
                    self.serve_http(stream, address, seat, finishing, turn, deadline).await;
                }
            }
        }
    }

    async fn serve_http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: IpAddr,
        seat: Seat,
        mut finishing: watch::Receiver<()>,
        turn: Option<SemaphorePermit<'_>>,
        deadline: Instant,
    ) {
        let cut = Arc::new(Notify::new());
        let asked = Arc::new(Notify::new());
        let sender = if self.service.proxies.trust(address) {
            Sender::Proxy { address, cut: Arc::clone(&cut), _seat: seat }
        } else {
            Sender::Client(Arc::new(Peer::new(address, Arc::clone(&cut), Some(seat))))
        };
        let requests = Requests {
            routes: self.routes.clone(),
            service: Arc::clone(&self.service),
            sender,
            asked: Arc::clone(&asked),
        };
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), requests).with_upgrades());
        let mut too_late = pin!(async {
            let asked = timeout_at(deadline, asked.notified()).await;
            drop(turn);
            if asked.is_ok() {
                std::future::pending::<()>().await;
            }
        });
        let mut finish = pin!(async {
            let _ = finishing.changed().await;
        });
        let mut is_finishing = false;
        let served = loop {
            tokio::select! {
                served = &mut connection => break served,
                () = cut.notified() => return,
                () = &mut too_late => return,
                () = &mut finish, if !is_finishing => {
                    is_finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        };
        // A peer that breaks HTTP or goes away concerns nobody else.
        if let Err(error) = served {
            tracing::debug!(error = &error as &dyn std::error::Error, "HTTP connection ended");
        }
    }

    /// `None` when it took too long, and the connection reads nevertheless.
    async fn turn_to_read(&self) -> Option<SemaphorePermit<'_>> {
        timeout(TURN, self.reading_first.acquire()).await.ok()?.ok()
    }
}

/// What answers the requests of one connection.
struct Requests {
    routes: Router,
    service: Arc<Service>,
    sender: Sender,
    /// Told of each request.
    asked: Arc<Notify>,
}

/// Who sends the requests of a connection.
enum Sender {
    /// One client.
    Client(Arc<Peer>),
    /// A proxy, which brings those of many.
    Proxy { address: IpAddr, cut: Arc<Notify>, _seat: Seat },
}

impl Requests {
    /// Finds out whose request it is.
    fn peer(&self, headers: &mut HeaderMap) -> Result<Arc<Peer>, Box<Response>> {
        let Service { proxies, admission, refusals, .. } = &*self.service;
        let (address, cut) = match &self.sender {
            Sender::Client(peer) => return Ok(Arc::clone(peer)),
            Sender::Proxy { address, cut, .. } => (*address, cut),
        };
        let client = proxies.see_through(headers, address).map_err(|error| {
            refusals.note(Limit::ProxyHeader, format_args!("request by way of {address} refused: {error}"));
            Box::new((StatusCode::BAD_REQUEST, error.to_string()).into_response())
        })?;
        // What a proxy asks on its own account is as little limited as the proxy.
        let seat = (!proxies.trust(client)).then(|| admission.admit_request(client)).transpose();
        let seat = seat.map_err(|reason| {
            refusals.note(reason.into(), format_args!("request of {client} by way of {address} refused: {reason}"));
            let retry_after = [(header::RETRY_AFTER, HeaderValue::from(TurnedAway::RETRY_AFTER_SECONDS))];
            Box::new((reason.status(), retry_after, reason.to_string()).into_response())
        })?;
        Ok(Arc::new(Peer::new(client, Arc::clone(cut), seat)))
    }
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.asked.notify_one();
        let mut request = request.map(Body::new);
        let peer = match self.peer(request.headers_mut()) {
            Ok(peer) => peer,
            Err(refusal) => return Box::pin(ready(Ok(*refusal))),
        };
        request.extensions_mut().insert(peer);
        // A router is always ready (its documentation says so).
        Box::pin(self.routes.clone().call(request))
    }
}
