//! What operators and their programs ask a server, on a listener of its own: whether it lives, whether it is ready, and
//! its numbers; and for whoever shows a token, its sessions. Pages cannot reach it.

mod backend;
mod health;
mod numbers;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Extension, Router, routing::get};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tower::Layer;

use self::{
    backend::Guard,
    health::{Readiness, told},
};
use crate::{service::Service, settings::Password};

/// Requests answered at one time; more wait to be accepted.
const AT_ONCE: usize = 32;

/// How long a request may take from the connection to the end of its answer.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// How often numbers that nobody asks for are put together, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The admin listener, which answers from its start on until it is dropped.
pub(crate) struct Admin {
    address: SocketAddr,
    state: Arc<State>,
    /// End with the server.
    _tasks: JoinSet<()>,
}

/// What requests ask.
struct State {
    /// Not there before everything has been opened.
    service: OnceLock<Arc<Service>>,
    readiness: Readiness,
    /// Of what is for backends. Without one it is off.
    guard: Option<Guard>,
    numbers: PrometheusHandle,
}

impl Admin {
    /// Begins to answer, and backends by this token if there is one. The recorder is where the server's numbers are to
    /// go.
    pub(crate) async fn listen(address: &str, token: Option<&Password>) -> std::io::Result<(Self, PrometheusRecorder)> {
        let listener = TcpListener::bind(address).await?;
        let recorder = numbers::recorder();
        let state = Arc::new(State {
            service: OnceLock::new(),
            readiness: Readiness::default(),
            guard: token.map(Guard::new),
            numbers: recorder.handle(),
        });
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, routes(Arc::clone(&state))));
        tasks.spawn(upkeep(recorder.handle()));
        Ok((Self { address, state, _tasks: tasks }, recorder))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything has been opened: the server is as ready as its store.
    pub(crate) fn started(&self, service: &Arc<Service>) {
        // Called once.
        let _ = self.state.service.set(Arc::clone(service));
    }
}

fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(numbers::metrics))
        .nest("/sessions", backend::routes(&state))
        .with_state(state)
}

async fn upkeep(numbers: PrometheusHandle) {
    let mut due = interval(UPKEEP);
    loop {
        due.tick().await;
        numbers.run_upkeep();
    }
}

/// Answers one request a connection, a bounded number of them at one time, each in bounded time.
async fn serve(listener: TcpListener, routes: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false).max_buf_size(8 * 1024);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut answering = JoinSet::new();
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        while answering.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let routes = Extension(peer).layer(routes.clone());
                let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
                answering.spawn(answer(connection, place));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot accept on admin_listen");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(connection: impl Future<Output = hyper::Result<()>>, _place: OwnedSemaphorePermit) {
    // A peer that breaks HTTP, goes away or takes too long concerns nobody else.
    let _ = timeout(REQUEST_TIME, connection).await;
}
