use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task::yield_now};

use super::{Connection, FirstSession, KeyHash};
use crate::heartbeat::Rounds;

/// The connections that are open, by the turn of the round in which they opened.
pub(crate) struct ConnectionTable {
    rounds: Rounds,
    open: Mutex<Box<Turns>>,
    emptied: Notify,
}

/// Those of one turn stand side by side, in no order: one that goes leaves its place to the last.
type Turns = [Vec<Open>; Rounds::MOST_TURNS];

/// How many are served before other tasks get their turn.
const BATCH: usize = 256;

/// One count for the process, so that the logs of several servers in it can be told apart.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// One open connection. Its session stands here and not in the connection, which fills what an allocator gives for it.
struct Open {
    connection: Connection,
    first_session: Option<FirstSession>,
}

impl ConnectionTable {
    /// A round takes this long.
    pub(crate) fn new(interval: Duration) -> Self {
        let open = Mutex::new(Box::new([const { Vec::new() }; Rounds::MOST_TURNS]));
        Self { rounds: Rounds::new(interval), open, emptied: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Box<Turns>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the connection that is made for a turn, a place in it, and a number.
    pub(super) fn insert(&self, connection: impl FnOnce(u8, u32, u32) -> Connection) -> Connection {
        let mut open = self.open();
        // Asked under the lock: a turn that has ended is served, and who comes later has another.
        let turn = self.rounds.turn();
        let of_turn = &mut open[usize::from(turn)];
        // `max_connections` keeps the table far below four thousand million.
        let place = u32::try_from(of_turn.len()).unwrap_or(u32::MAX);
        let connection = connection(turn, place, NEXT_ID.fetch_add(1, Ordering::Relaxed));
        of_turn.push(Open { connection: connection.clone(), first_session: None });
        connection
    }

    /// Takes a connection out, and gives its first session.
    pub(super) fn remove(&self, connection: &Connection) -> Option<FirstSession> {
        let mut open = self.open();
        let of_turn = &mut open[usize::from(connection.inner.turn)];
        let place = connection.place();
        let is_here = of_turn.get(place).is_some_and(|open| open.connection.is(connection));
        let removed = is_here.then(|| of_turn.swap_remove(place));
        if let Some(moved) = of_turn.get(place) {
            let place = connection.inner.place.load(Ordering::Relaxed);
            moved.connection.inner.place.store(place, Ordering::Relaxed);
        }
        if of_turn.len() <= of_turn.capacity() / 4 {
            // A burst of connections leaves no memory behind.
            of_turn.shrink_to(2 * of_turn.len());
        }
        if open.iter().all(Vec::is_empty) {
            self.emptied.notify_waiters();
        }
        drop(open);
        // Dropping a handle may run an application's code, which must not find the table locked.
        removed.and_then(|open| open.first_session)
    }

    pub(crate) fn len(&self) -> usize {
        self.open().iter().map(Vec::len).sum()
    }

    /// Every connection that is open now.
    pub(crate) fn all(&self) -> Vec<Connection> {
        self.open().iter().flatten().map(|open| open.connection.clone()).collect()
    }

    /// Serves each connection when the turn ends that it opened in, and then once in each round, for ever.
    pub(crate) async fn go_round(&self, serve: impl Fn(&Connection)) {
        let mut ends = self.rounds.ends();
        loop {
            let turn = ends.next().await;
            let due: Vec<_> = self.open()[usize::from(turn)].iter().map(|open| open.connection.clone()).collect();
            for batch in due.chunks(BATCH) {
                batch.iter().for_each(&serve);
                yield_now().await;
            }
        }
    }

    /// Does something with the place for a connection's first session; `None` if the connection is not open.
    pub(super) fn with_first_session<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&mut Option<FirstSession>) -> T,
    ) -> Option<T> {
        let mut open = self.open();
        let of_turn = &mut open[usize::from(connection.inner.turn)];
        // The place may be another's by now.
        let entry = of_turn.get_mut(connection.place()).filter(|open| open.connection.is(connection));
        entry.map(|open| work(&mut open.first_session))
    }

    /// The connections whose first session is this, and those with one of these numbers.
    pub(crate) fn with_session(&self, hash: KeyHash, others: &HashSet<u32>) -> Vec<Connection> {
        let has = |open: &Open| {
            open.first_session.is_some_and(|first| first.is(hash)) || others.contains(&open.connection.id())
        };
        self.open().iter().flatten().filter(|open| has(open)).map(|open| open.connection.clone()).collect()
    }

    /// Waits until no connection is open.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Connection {
    /// Where it stands among those of its turn, under the lock of the table.
    fn place(&self) -> usize {
        self.inner.place.load(Ordering::Relaxed) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::HashMap, sync::Arc};
    use tokio::{
        sync::mpsc,
        time::{advance, sleep},
    };

    use crate::{
        connection::{Outlet, Recorder},
        server::Server,
        service::Service,
        sockjs::Endpoint,
        testing::TestServer,
    };

    const INTERVAL: Duration = Duration::from_secs(25);

    async fn service() -> (Arc<Service>, Arc<Endpoint>) {
        let server = TestServer::new(Server::builder()).await.unwrap();
        let endpoint = Arc::clone(&server.connect().await.connection().inner.endpoint);
        (Arc::clone(server.service()), endpoint)
    }

    fn open(endpoint: &Arc<Endpoint>) -> Connection {
        Connection::register_with(endpoint, Outlet::Recorder(Recorder::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_many_connections_is_served_once_in_a_round_while_others_come_and_go() {
        let (service, endpoint) = service().await;
        let (served, mut serving) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            service.connections.go_round(|connection| served.send(connection.id()).unwrap()).await;
        });
        let mut stay = Vec::new();
        let mut gone = Vec::new();
        for moment in 0..5 {
            for _ in 0..BATCH {
                gone.push(open(&endpoint));
                stay.push(open(&endpoint));
            }
            sleep(INTERVAL / 7 * moment).await;
        }
        sleep(INTERVAL).await;
        gone.iter().for_each(Connection::forget);
        while serving.try_recv().is_ok() {}
        for _ in 0..3 {
            sleep(INTERVAL).await;
            let mut times = HashMap::new();
            while let Ok(id) = serving.try_recv() {
                *times.entry(id).or_insert(0) += 1;
            }
            assert_eq!(times, stay.iter().map(|connection| (connection.id(), 1)).collect());
        }
    }

    proptest! {
        // Each starts a server.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whoever_comes_and_goes_each_is_found_and_nothing_is_left_of_the_others(steps in prop::collection::vec((0_u8..5, any::<prop::sample::Index>()), 1..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (service, endpoint) = service().await;
                let mut here = Vec::new();
                for (step, index) in steps {
                    match step {
                        0 => advance(INTERVAL / 100).await,
                        1 | 2 if !here.is_empty() => {
                            let gone: Connection = here.swap_remove(index.index(here.len()));
                            gone.forget();
                            assert!(service.connections.with_first_session(&gone, |_| ()).is_none());
                        }
                        _ => here.push(open(&endpoint)),
                    }
                    let found = |connection| service.connections.with_first_session(connection, |_| ()).is_some();
                    assert!(here.iter().all(found));
                    assert_eq!(service.connections.len(), here.len());
                    assert!(service.connections.open().iter().all(|of_turn| of_turn.capacity() <= 4 * of_turn.len()));
                }
            });
        }
    }
}
