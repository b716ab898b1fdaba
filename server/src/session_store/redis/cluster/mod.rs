mod slots;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::redis::{Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use futures_util::{
    StreamExt,
    future::{join_all, try_join_all},
    stream::FuturesUnordered,
};
use tokio::time::Instant;

use self::slots::{NodeAddress, SlotMap, slot_of};
use super::{RedisKey, address, count::Question, link::Link, refresh::Refresh};
use crate::session_store::{Lifetime, SessionStoreOptions};

/// How often one request is sent on to another node. While a slot moves two are in the game; more is a cluster that
/// does not agree with itself.
const MOST_REDIRECTIONS: usize = 5;

/// How long the slots count at least, although a node says that they have changed. Meanwhile nodes send requests on.
const PAUSE_BETWEEN_QUESTIONS: Duration = Duration::from_millis(250);

/// The nodes of a Redis Cluster: a [`Link`] to each, and which of them serves which slots.
///
/// The redis crate's own cluster connection is not used because a node that hangs stops it: it asks for the slots
/// again only when a node sends it elsewhere or its connection breaks, so that a master which fell silent is asked for
/// ever after its replica has taken over; and all requests wait while it connects to any node. Here each node fails on
/// its own, and the other sessions are refreshed meanwhile.
pub(crate) struct Cluster {
    /// Those in the address. They tell where the others are.
    seeds: Vec<ConnectionInfo>,
    /// How to log in to any of them; its address counts for nothing.
    login: ConnectionInfo,
    options: SessionStoreOptions,
    slots: Mutex<Arc<SlotMap>>,
    /// The slots are to be asked for: they are not known, or something has happened.
    changed: AtomicBool,
    /// Held while asking for the slots; when that may be done again.
    asking: tokio::sync::Mutex<Option<Instant>>,
    links: Mutex<HashMap<NodeAddress, Arc<Link>>>,
    /// Counts connections for publications, which any node can serve. Begins anywhere, or all would be at one node.
    turn: AtomicUsize,
}

/// Where to send a request on to.
enum Redirection {
    /// The slot has moved there.
    Moved(NodeAddress),
    /// The slot is on the move, and this key is there already.
    Ask(NodeAddress),
}

impl Cluster {
    /// `login` says how a node is connected to, wherever it is.
    pub(super) fn new(seeds: Vec<ConnectionInfo>, login: ConnectionInfo, options: &SessionStoreOptions) -> Self {
        Self {
            seeds,
            login,
            options: options.clone(),
            slots: Mutex::default(),
            changed: AtomicBool::new(true),
            asking: tokio::sync::Mutex::default(),
            links: Mutex::default(),
            turn: AtomicUsize::new(fastrand::usize(..)),
        }
    }

    pub(super) fn describe(&self) -> String {
        address::list(&self.seeds)
    }

    /// Asks the node that has `key`.
    pub(super) async fn ask(&self, key: &RedisKey<'_>, command: &Cmd) -> RedisResult<Value> {
        let mut node = self.owner(&*self.slots().await?, key)?;
        let mut asking = false;
        for _ in 0..MOST_REDIRECTIONS {
            let link = self.link(&node);
            let answer = if asking { ask_asking(&link, command).await } else { link.ask(command).await };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            (node, asking) = match self.redirection(&node, &error) {
                Some(Redirection::Moved(to)) => (to, false),
                Some(Redirection::Ask(to)) => (to, true),
                None => return Err(error),
            };
        }
        Err(wandering())
    }

    /// Refreshes keys on all nodes at once: one pipeline a node.
    pub(super) async fn refresh(
        &self,
        refresh: &Refresh,
        keys: &[RedisKey<'_>],
    ) -> RedisResult<Vec<RedisResult<Lifetime>>> {
        let slots = self.slots().await?;
        let mut answers: Vec<RedisResult<Lifetime>> = Vec::with_capacity(keys.len());
        // The places of the keys, by node and by whether it has to be told that it is asked out of turn.
        let mut groups: BTreeMap<(NodeAddress, bool), Vec<usize>> = BTreeMap::new();
        for (place, key) in keys.iter().enumerate() {
            answers.push(Err(wandering()));
            match self.owner(&slots, key) {
                Ok(node) => groups.entry((node, false)).or_default().push(place),
                Err(error) => set(&mut answers, place, Err(error)),
            }
        }
        for _ in 0..MOST_REDIRECTIONS {
            if groups.is_empty() {
                break;
            }
            let requests = groups.into_iter().map(|((node, asking), places)| async move {
                let keys: Vec<_> = places.iter().filter_map(|place| keys.get(*place).copied()).collect();
                let link = self.link(&node);
                let refreshed =
                    if asking { refresh.asking(&link, &keys).await } else { refresh.on(&link, &keys).await };
                (node, places, refreshed)
            });
            groups = BTreeMap::new();
            for (node, places, refreshed) in join_all(requests).await {
                let refreshed = refreshed.unwrap_or_else(|error| vec![Err(error); places.len()]);
                for (place, answer) in places.into_iter().zip(refreshed) {
                    let redirection = answer.as_ref().err().and_then(|error| self.redirection(&node, error));
                    match redirection {
                        Some(Redirection::Moved(to)) => groups.entry((to, false)).or_default().push(place),
                        Some(Redirection::Ask(to)) => groups.entry((to, true)).or_default().push(place),
                        None => set(&mut answers, place, answer),
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Whether every master can do what is needed, and how each refreshes.
    pub(super) async fn check(&self, refresh: &Refresh) -> RedisResult<()> {
        let slots = self.slots().await?;
        if slots.is_empty() {
            return Err(unserved());
        }
        let checks = slots.masters().into_iter().map(|node| {
            let link = self.link(node);
            async move { refresh.check(&link).await }
        });
        join_all(checks).await.into_iter().collect()
    }

    /// Counts on all masters at once. Without one of them there is no answer.
    pub(super) async fn count(&self, question: &Question<'_>) -> RedisResult<u64> {
        let slots = self.slots().await?;
        let counts = slots.masters().into_iter().map(|node| {
            let link = self.link(node);
            async move { question.ask(&link).await.inspect_err(|error| drop(self.redirection(node, error))) }
        });
        Ok(try_join_all(counts).await?.into_iter().sum())
    }

    /// Asks every node the same, for what each knows by itself. One that cannot be reached has nobody to tell of.
    ///
    /// # Errors
    /// None can be reached, or one refuses.
    pub(super) async fn ask_all(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        let slots = self.slots().await?;
        let questions = slots.nodes().into_iter().map(|node| {
            let link = self.link(node);
            async move {
                let answer = link.ask(command).await;
                answer.inspect_err(|error| drop(self.redirection(node, error)))
            }
        });
        let (mut answers, mut unreachable) = (Vec::new(), None);
        for answer in join_all(questions).await {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) if error.is_io_error() => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        if answers.is_empty() { Err(unreachable.unwrap_or_else(unserved)) } else { Ok(answers) }
    }

    /// Asks whether anyone is there: what the first node says that answers. One that is away takes its sessions with it
    /// for every server alike, which is no reason to send pages elsewhere.
    pub(super) async fn ask_any(&self, command: &Cmd) -> RedisResult<Value> {
        let slots = self.slots().await?;
        let mut answers: FuturesUnordered<_> = slots
            .nodes()
            .into_iter()
            .map(|node| {
                let link = self.link(node);
                async move { link.ask(command).await }
            })
            .collect();
        let mut failure = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(unserved))
    }

    /// One of the masters, each in its turn.
    pub(super) async fn any_master(&self) -> RedisResult<ConnectionInfo> {
        // Whoever asks may have lost a node, or it is the first question.
        self.changed.store(true, Ordering::Relaxed);
        let slots = self.slots().await?;
        let masters = slots.masters();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (host, port) = masters.iter().nth(turn % masters.len().max(1)).ok_or_else(unserved)?;
        Ok(address::at(&self.login, host, *port))
    }

    /// Where to go on, if an error says so. Notes what it says of the slots.
    fn redirection(&self, from: &NodeAddress, error: &RedisError) -> Option<Redirection> {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => {
                self.changed.store(true, Ordering::Relaxed);
                target(from, error).map(Redirection::Moved)
            }
            ErrorKind::Server(ServerErrorKind::Ask) => target(from, error).map(Redirection::Ask),
            ErrorKind::Server(
                ServerErrorKind::ClusterDown | ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown,
            ) => {
                self.changed.store(true, Ordering::Relaxed);
                None
            }
            _ => {
                if error.is_io_error() || error.is_unrecoverable_error() {
                    self.changed.store(true, Ordering::Relaxed);
                }
                None
            }
        }
    }

    fn owner(&self, slots: &SlotMap, key: &RedisKey<'_>) -> RedisResult<NodeAddress> {
        let owner = slots.owner(slot_of(&key.to_bytes())).cloned();
        owner.ok_or_else(|| {
            self.changed.store(true, Ordering::Relaxed);
            unserved()
        })
    }

    /// Who serves what: asked of the nodes if it is not known or has changed.
    async fn slots(&self) -> RedisResult<Arc<SlotMap>> {
        if !self.changed.load(Ordering::Relaxed) {
            return Ok(self.known());
        }
        let mut asking = self.asking.lock().await;
        if !self.changed.load(Ordering::Relaxed) {
            return Ok(self.known());
        }
        let known = self.known();
        if !known.is_empty() && asking.is_some_and(|next| Instant::now() < next) {
            return Ok(known);
        }
        // What is said from now on was said after the question.
        self.changed.store(false, Ordering::Relaxed);
        let answer = self.ask_for_slots(&known).await;
        *asking = Some(Instant::now() + PAUSE_BETWEEN_QUESTIONS);
        match answer {
            Ok(slots) => {
                let slots = Arc::new(slots);
                *lock(&self.slots) = Arc::clone(&slots);
                let nodes = slots.nodes();
                lock(&self.links).retain(|node, _| nodes.contains(node) || self.is_seed(node));
                Ok(slots)
            }
            Err(error) => {
                self.changed.store(true, Ordering::Relaxed);
                // Perhaps what was known still holds, for a part of the cluster at least.
                if known.is_empty() { Err(error) } else { Ok(known) }
            }
        }
    }

    /// Asks all nodes at once: the first that answers is right, or its successor will send requests on.
    async fn ask_for_slots(&self, known: &SlotMap) -> RedisResult<SlotMap> {
        let mut nodes: Vec<NodeAddress> = self.seeds.iter().filter_map(node_address).collect();
        for node in known.nodes() {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        let mut command = ::redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let command = &command;
        let question = |node: NodeAddress| async move {
            let answer = self.link(&node).ask(command).await?;
            SlotMap::read(::redis::from_redis_value(answer)?, &node.0)
        };
        let mut answers: FuturesUnordered<_> = nodes.into_iter().map(question).collect();
        let mut failure: Option<RedisError> = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(slots) if !slots.is_empty() => return Ok(slots),
                Ok(_) => failure = failure.or_else(|| Some(unserved())),
                // What a server says tells more than that another one does not answer.
                Err(error) if failure.as_ref().is_none_or(RedisError::is_io_error) => failure = Some(error),
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(unserved))
    }

    fn known(&self) -> Arc<SlotMap> {
        Arc::clone(&lock(&self.slots))
    }

    fn link(&self, node: &NodeAddress) -> Arc<Link> {
        let mut links = lock(&self.links);
        if let Some(link) = links.get(node) {
            return Arc::clone(link);
        }
        let link = Arc::new(Link::to(address::at(&self.login, &node.0, node.1), &self.options));
        links.insert(node.clone(), Arc::clone(&link));
        link
    }

    fn is_seed(&self, node: &NodeAddress) -> bool {
        self.seeds.iter().filter_map(node_address).any(|seed| seed == *node)
    }
}

async fn ask_asking(link: &Link, command: &Cmd) -> RedisResult<Value> {
    let mut pipeline = ::redis::pipe();
    pipeline.cmd("ASKING").ignore().add_command(command.clone());
    let pipeline = &pipeline;
    let answers: Vec<Value> =
        link.with(|mut connected| async move { pipeline.query_async(&mut connected.connection).await }).await?;
    answers.into_iter().next().ok_or_else(wandering)
}

fn set(answers: &mut [RedisResult<Lifetime>], place: usize, answer: RedisResult<Lifetime>) {
    if let Some(slot) = answers.get_mut(place) {
        *slot = answer;
    }
}

/// The node that an error sends to. One without a host means the host that gave it.
fn target(from: &NodeAddress, error: &RedisError) -> Option<NodeAddress> {
    let (node, _) = error.redirect_node()?;
    let (host, port) = node.rsplit_once(':')?;
    let host = if host.is_empty() { from.0.clone() } else { host.trim_matches(['[', ']']).to_owned() };
    Some((host, port.parse().ok()?))
}

fn node_address(server: &ConnectionInfo) -> Option<NodeAddress> {
    match server.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => Some((host.clone(), *port)),
        _ => None,
    }
}

fn unserved() -> RedisError {
    (ErrorKind::ClusterConnectionNotFound, "no node of the cluster serves the slot").into()
}

fn wandering() -> RedisError {
    (ErrorKind::ClusterConnectionNotFound, "the nodes of the cluster send the request to each other").into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.describe()).finish()
    }
}
