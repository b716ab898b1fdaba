use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusRecorder;
use swampdragon_protocol::{InvalidName, RouteName};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet, time::timeout};

use crate::{
    admin::Admin,
    connection::{ConnectionHandler, DataConnection},
    drain::drain,
    http, listener,
    logout::{self, Sessions},
    pubsub::{self, OpenPubSubError, PubSub, Publisher, Subscribers},
    router::{Router, Routers, SessionRouter},
    service::Service,
    session_store::{
        BoxedError, OpenStoreError, RegisterStoreError, SessionStore, SessionStoreOptions, SessionStoreRegistry,
    },
    settings::{Settings, SettingsError, check_prefix},
    sockjs::{Endpoint, NewHandler, SockJsService},
    tls::{Tls, TlsError},
};

/// A server that is bound to its address and not yet running.
pub struct Server {
    listener: TcpListener,
    admin: Option<Admin>,
    service: Arc<Service>,
    endpoints: Vec<Endpoint>,
}

/// How long the session store gets for what still waits when the server ends without having closed all connections.
const LAST_REFRESHES: Duration = Duration::from_secs(1);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Two settings do not go together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A session store cannot have the name it was to be registered under.
    #[error(transparent)]
    RegisterStore(#[from] RegisterStoreError),
    /// There is no such session store, or it cannot be reached.
    #[error(transparent)]
    SessionStore(#[from] OpenStoreError),
    /// The setting `session_max_age` asks for what the session store does not see to.
    #[error(
        "session_max_age is {asked:?}, and this session store {}; leave session_max_age unset, or have the store keep to \
         it (`SessionStore::max_age`)",
        match .kept { Some(kept) => format!("ends sessions after {kept:?}"), None => "ends none".to_owned() }
    )]
    MaxAge {
        /// The setting.
        asked: Duration,
        /// What the store sees to.
        kept: Option<Duration>,
    },
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {}", listen_hint(.source))]
    Listen {
        /// Where the server was to listen.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address of the setting `admin_listen` is taken, or not this machine's.
    #[error("cannot listen on {address} (admin_listen): {source}")]
    AdminListen {
        /// Where the server was to listen for operators.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be spoken with the files that the settings name.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Publications cannot be carried as the setting `pubsub` asks for.
    #[error(transparent)]
    PubSub(#[from] OpenPubSubError),
    /// A SockJS service cannot be at its prefix.
    #[error("SockJS service at `{prefix}`: {reason}")]
    Prefix {
        /// The prefix.
        prefix: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A router has a route that cannot be one.
    #[error("`{given}` is no route: {problem}")]
    RouteName {
        /// The route given.
        given: String,
        /// Which rule it breaks.
        problem: InvalidName,
    },
    /// Two routers have the same route.
    #[error("two routers have the route `{0}`; a route belongs to one")]
    RouteTaken(RouteName),
}

fn listen_hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; stop it or choose another `port`".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 need privileges, choose another `port`".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "`host` is no address of this machine".to_owned(),
        _ => error.to_string(),
    }
}

/// Puts a [`Server`] together. What is not set is as in [`Settings::default`].
pub struct ServerBuilder {
    settings: Settings,
    store: Option<Arc<dyn SessionStore>>,
    stores: SessionStoreRegistry,
    /// The first name that could not be registered.
    refused: Option<RegisterStoreError>,
    new_handler: NewHandler,
    services: Vec<SockJsService>,
    routers: Routers,
    /// The first router that could not be registered.
    router_refused: Option<StartError>,
    new_pub_sub: Option<NewPubSub>,
}

type NewPubSub = Box<dyn FnOnce(Subscribers) -> Arc<dyn PubSub> + Send>;

/// A server in parts.
pub(crate) struct Opened<T> {
    pub(crate) listening: T,
    pub(crate) service: Arc<Service>,
    /// The one at `prefix` first.
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Server {
    /// Begins a server.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            settings: Settings::default(),
            store: None,
            stores: SessionStoreRegistry::new(),
            refused: None,
            new_handler: NewHandler::of(|| DataConnection),
            services: Vec::new(),
            routers: Routers::default(),
            router_refused: None,
            new_pub_sub: None,
        }
    }

    /// Where the server listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where the server answers operators; `None` without the setting `admin_listen`.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What reads the files of `tls_certificate` and `tls_key` anew, for connections that come from then on; if that
    /// fails, the certificate in use stays. `None` without these settings. Ask before [`run_until`](Self::run_until),
    /// which takes the server.
    pub fn certificate_reloader(&self) -> Option<impl Fn() -> Result<(), TlsError> + Send + Sync + 'static> {
        let service = Arc::clone(&self.service);
        service.tls.is_some().then_some(move || service.tls.as_ref().map_or(Ok(()), Tls::reload))
    }

    /// How many connections are open; ask before [`run_until`](Self::run_until), which takes the server.
    pub fn connection_count(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let service = Arc::clone(&self.service);
        move || service.connections.len()
    }

    /// Whether the server has been told to stop, for a program that tells load balancers itself; ask before
    /// [`run_until`](Self::run_until), which takes the server.
    pub fn is_stopping(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let service = Arc::clone(&self.service);
        move || service.drain.has_begun()
    }

    /// What publishes to the pages of every node, for parts of the program that are no router.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.service.publisher()
    }

    /// What ends sessions everywhere, for parts of the program that are no connection.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.service))
    }

    /// Runs until `shutdown` is ready, then closes every connection, waits at most `drain_time` for the peers, and has
    /// the sessions refreshed that still wait for it.
    ///
    /// The closes are spread over `drain_spread`, and each tells its client how long to stay away
    /// (`drain_retry_after`); for `drain_delay` before them, the server serves as ever.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        self.run_until_or(shutdown, std::future::pending()).await;
    }

    /// As [`run_until`](Self::run_until), and ends at once when `at_once` is ready, however far it has got with closing.
    /// Sessions are refreshed even then, if the store is quick about it.
    pub async fn run_until_or(self, shutdown: impl Future<Output = ()>, at_once: impl Future<Output = ()>) {
        // Operators are answered until the end.
        let Self { listener, admin: _admin, service, endpoints } = self;
        let mut heartbeats = JoinSet::new();
        let (messages, frames) = (Arc::clone(&service), Arc::clone(&service));
        heartbeats.spawn(async move { messages.send_heartbeat_messages().await });
        heartbeats.spawn(async move { frames.send_heartbeat_frames().await });
        let pub_sub = Arc::clone(&service.pub_sub);
        heartbeats.spawn(async move { pub_sub.run().await });
        let watching = Arc::clone(&service);
        heartbeats.spawn(async move { watching.refresher.watch().run().await });
        let following = Arc::clone(&service);
        heartbeats.spawn(async move { following.pub_sub.follow(std::slice::from_ref(&following.node_channel)).await });
        let mut refresher = JoinSet::new();
        let refreshing = Arc::clone(&service);
        refresher.spawn(async move { refreshing.refresher.run().await });

        let routes = http::routes(Arc::clone(&service), endpoints);
        let (told_to_stop, stopping) = oneshot::channel();
        let emptied = async {
            shutdown.await;
            // Fails when there is nobody who waits for it.
            let _ = told_to_stop.send(());
            drain(&service).await;
            service.connections.empty().await;
        };
        let ended = async {
            // Until the last connection has closed, those who come are told that the server stops.
            listener::serve(listener, routes, Arc::clone(&service), emptied).await.finish().await;
            heartbeats.shutdown().await;
            // Last, since the peers' last replies may have come meanwhile.
            service.refresher.flush().await;
        };
        let too_late = async {
            // Fails when the server ends, which then needs no deadline.
            let _ = stopping.await;
            tokio::time::sleep(service.settings.drain_delay + service.settings.drain_time).await;
        };
        let why = tokio::select! {
            () = ended => return,
            () = too_late => "drain_time is over",
            () = at_once => "told to end at once",
        };
        tracing::warn!(connections = service.connections.len(), why, "connections are dropped");
        if timeout(LAST_REFRESHES, service.refresher.flush()).await.is_err() {
            tracing::error!("the session store is too slow: answered heartbeats are lost");
        }
        service.refresher.give_up();
    }
}

impl ServerBuilder {
    /// Takes all settings at once, in place of those set before.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Keeps sessions in this store, whatever the setting `session_store` says.
    #[must_use]
    pub fn session_store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    pub(crate) fn session_store_if_none<S: SessionStore>(
        mut self,
        store: impl FnOnce(&SessionStoreOptions) -> S,
    ) -> Self {
        let options = self.settings.session_store_options();
        self.store.get_or_insert_with(|| Arc::new(store(&options)));
        self
    }

    /// Makes a store known by a name, which the setting `session_store` (`DRAGON_SESSION_STORE`) may then give.
    /// [`bind`](Self::bind) refuses names that cannot be told from an address or are taken.
    #[must_use]
    pub fn register_session_store<S, Opening>(
        mut self,
        name: &str,
        open: impl Fn(SessionStoreOptions) -> Opening + Send + Sync + 'static,
    ) -> Self
    where
        S: SessionStore,
        Opening: Future<Output = Result<S, BoxedError>> + Send + 'static,
    {
        let registered = self.stores.register(name, move |options| {
            let opening = open(options);
            async move { opening.await.map(|store| Arc::new(store) as Arc<dyn SessionStore>) }
        });
        self.refused = self.refused.or(registered.err());
        self
    }

    /// How often each connection gets a heartbeat message. Default: 10 minutes.
    #[must_use]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.heartbeat_interval = interval;
        self
    }

    /// How long a session lives without a refresh. Default: 30 minutes.
    #[must_use]
    pub fn session_ttl(mut self, ttl: Duration) -> Self {
        self.settings.session_ttl = ttl;
        self
    }

    /// What each connection at the setting `prefix` does; `new` makes one handler per connection.
    #[must_use]
    pub fn connection<H: ConnectionHandler>(mut self, new: impl Fn() -> H + Send + Sync + 'static) -> Self {
        self.new_handler = NewHandler::of(new);
        self
    }

    /// Adds a SockJS service beside the one at the setting `prefix`.
    #[must_use]
    pub fn sockjs(mut self, service: SockJsService) -> Self {
        self.services.push(service);
        self
    }

    /// Answers the calls of one route.
    #[must_use]
    pub fn router(mut self, router: impl Router) -> Self {
        let registered = self.routers.register(router);
        self.router_refused = self.router_refused.or(registered.err());
        self
    }

    /// Carries publications in a way of the program's own, whatever the setting `pubsub` says.
    #[must_use]
    pub fn pub_sub<P: PubSub>(mut self, new: impl FnOnce(Subscribers) -> P + Send + 'static) -> Self {
        self.new_pub_sub = Some(Box::new(move |subscribers| Arc::new(new(subscribers))));
        self
    }

    /// Opens the session store and binds the address, given as `host:port`; port 0 takes a free one.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left open.
    pub async fn bind(self, address: &str) -> Result<Server, StartError> {
        let (admin_address, token) = (self.settings.admin_listen.clone(), self.settings.read_admin_token());
        let listening = async {
            let token = token?;
            let listener = TcpListener::bind(address).await;
            let listener = listener.map_err(|source| StartError::Listen { address: address.to_owned(), source })?;
            let Some(address) = admin_address else { return Ok(((listener, None), None)) };
            // Answers while the rest is opened, which may take long.
            match Admin::listen(&address, token.as_ref()).await {
                Ok((admin, recorder)) => Ok(((listener, Some(admin)), Some(recorder))),
                Err(source) => Err(StartError::AdminListen { address, source }),
            }
        };
        let Opened { listening: (listener, admin), service, endpoints } = self.open(listening).await?;
        if let Some(admin) = &admin {
            admin.started(&service);
        }
        Ok(Server { listener, admin, service, endpoints })
    }

    /// Checks everything that can be wrong, cheapest first, and opens what the connections share. `listening` may come
    /// with a recorder for the server's numbers.
    pub(crate) async fn open<T>(
        mut self,
        listening: impl Future<Output = Result<(T, Option<PrometheusRecorder>), StartError>>,
    ) -> Result<Opened<T>, StartError> {
        self.settings.check()?;
        if let Some(refused) = self.refused {
            return Err(refused.into());
        }
        if let Some(refused) = self.router_refused {
            return Err(refused);
        }
        if self.settings.open_sessions {
            self.routers.register(SessionRouter)?;
        }
        let main = SockJsService::with_handlers(self.settings.prefix.clone(), self.new_handler);
        let services: Vec<_> = std::iter::once(main).chain(self.services).collect();
        check_prefixes(&services)?;
        let tls = Tls::open(&self.settings)?;
        let layout = self.settings.session_layout()?;
        let (listening, recorder) = listening.await?;
        let own_store = self.store.is_some();
        let store = match self.store {
            Some(store) => store,
            None => {
                let layout = layout.as_ref().map(|layout| layout.in_redis().clone());
                let options = SessionStoreOptions { layout, ..self.settings.session_store_options() };
                self.stores.open(&self.settings.session_store, &options).await?
            }
        };
        if let Some(asked) = self.settings.session_max_age
            && store.max_age() != Some(asked)
        {
            return Err(StartError::MaxAge { asked, kept: store.max_age() });
        }
        let subscribers = Subscribers::default();
        let pub_sub = match self.new_pub_sub {
            Some(new) => new(subscribers.clone()),
            None => pubsub::open(&self.settings, own_store, subscribers.clone()).await?,
        };
        let service = || Service::new(self.settings, tls, layout, store, self.routers, subscribers, pub_sub);
        let service = Arc::new(match &recorder {
            Some(recorder) => metrics::with_local_recorder(recorder, service),
            None => service(),
        });
        logout::listen(&service);
        let endpoints = services.into_iter().map(|endpoint| endpoint.open(&service)).collect();
        Ok(Opened { listening, service, endpoints })
    }
}

fn check_prefixes(services: &[SockJsService]) -> Result<(), StartError> {
    let mut taken = vec!["/settings.js"];
    for prefix in services.iter().map(SockJsService::prefix) {
        let refused = |reason: String| StartError::Prefix { prefix: prefix.to_owned(), reason };
        check_prefix(prefix).map_err(|allowed| refused(format!("not {allowed}")))?;
        if taken.contains(&prefix) {
            return Err(refused("something else is there already".to_owned()));
        }
        taken.push(prefix);
    }
    Ok(())
}
