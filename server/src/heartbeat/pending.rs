use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use hashbrown::HashTable;
use swampdragon_protocol::SessionKey;
use tokio::time::Instant;

use crate::connection::{KeyHash, WeakConnection};

/// One session that is to be refreshed.
pub(super) struct PendingRefresh {
    pub(super) key: SessionKey,
    pub(super) hash: KeyHash,
    /// Who wants to know, held weakly: while a store is away, connections that close must not keep their sockets.
    pub(super) askers: Vec<WeakConnection>,
    /// When the first reply came that has not been acted on.
    pub(super) arrived: Instant,
    number: u64,
}

/// For how many sessions there is room left when none waits.
const KEPT_ROOM: usize = 1024;

/// The sessions that wait to be refreshed, each once, in the order in which their replies came.
///
/// That is the order of their deadlines, as far as this node can know them: pages answer on a common beat and all TTLs
/// are the same, so the one whose reply has waited longest has the least time left.
#[derive(Default)]
pub(super) struct Pending {
    waiting: BTreeMap<u64, PendingRefresh>,
    /// The numbers of those that wait, by their keys. A hash takes time to make and is there already, so no map makes one.
    numbers: HashTable<u64>,
    next_number: u64,
    /// How many are at the store, where they may come back from.
    under_way: usize,
    /// Which of those at the store nobody wants any more.
    withdrawn: HashSet<SessionKey>,
}

/// What became of a reply.
pub(super) enum Submitted {
    /// It waits, as the first.
    First,
    /// It waits with others.
    Waits,
    /// It took the place of one that had waited for longer than a session lives.
    InPlaceOf(PendingRefresh),
    /// There is no room, and all who have a place have less time left.
    NoRoom(Option<WeakConnection>),
}

impl Pending {
    /// How many sessions have no answer yet.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way
    }

    /// Adds a session, at most `limit` in all, none of which is given up before it has waited for `ttl`.
    pub(super) fn submit(
        &mut self,
        key: SessionKey,
        hash: KeyHash,
        asker: Option<WeakConnection>,
        limit: usize,
        ttl: Duration,
    ) -> Submitted {
        if let Some(number) = self.number(&key, hash) {
            if let (Some(asker), Some(waiting)) = (asker, self.waiting.get_mut(&number)) {
                add(&mut waiting.askers, asker);
            }
            return Submitted::Waits;
        }
        let arrived = Instant::now();
        let mut given_up = None;
        if self.len() >= limit {
            // Whoever came last has the most time left, and answers another heartbeat before it is over. So nobody has
            // to make room for it, but who waited too long for anything to be left.
            match self.waiting.first_entry() {
                Some(first) if arrived.duration_since(first.get().arrived) >= ttl => {
                    let first = first.remove();
                    self.forget_number(&first);
                    given_up = Some(first);
                }
                _ => return Submitted::NoRoom(asker),
            }
        }
        let first = self.waiting.is_empty();
        let number = self.next_number;
        self.next_number += 1;
        self.insert(PendingRefresh { key, hash, askers: asker.into_iter().collect(), arrived, number });
        match given_up {
            Some(given_up) => Submitted::InPlaceOf(given_up),
            None if first => Submitted::First,
            None => Submitted::Waits,
        }
    }

    fn insert(&mut self, refresh: PendingRefresh) {
        let (number, bits) = (refresh.number, refresh.hash.bits());
        self.waiting.insert(number, refresh);
        let waiting = &self.waiting;
        self.numbers.insert_unique(bits, number, |number| waiting.get(number).map_or(0, |it| it.hash.bits()));
    }

    fn number(&self, key: &SessionKey, hash: KeyHash) -> Option<u64> {
        let is_its_own = |number: &u64| self.waiting.get(number).is_some_and(|waiting| waiting.key == *key);
        self.numbers.find(hash.bits(), is_its_own).copied()
    }

    /// Of a refresh that has been taken out of those that wait.
    fn forget_number(&mut self, refresh: &PendingRefresh) {
        if let Ok(entry) = self.numbers.find_entry(refresh.hash.bits(), |number| *number == refresh.number) {
            entry.remove();
        }
    }

    fn take_out(&mut self, key: &SessionKey, hash: KeyHash) -> Option<PendingRefresh> {
        let taken = self.number(key, hash).and_then(|number| self.waiting.remove(&number))?;
        self.forget_number(&taken);
        Some(taken)
    }

    /// Takes the first of those that wait, at most `count`.
    pub(super) fn take(&mut self, count: usize) -> Vec<PendingRefresh> {
        let mut batch = Vec::with_capacity(count.min(self.waiting.len()));
        while batch.len() < count
            && let Some((_, first)) = self.waiting.pop_first()
        {
            self.forget_number(&first);
            batch.push(first);
        }
        if self.waiting.is_empty() {
            // What piled up in an outage leaves no memory behind.
            self.numbers.shrink_to(KEPT_ROOM, |_| 0);
        }
        self.under_way += batch.len();
        batch
    }

    /// One of those that were taken has its answer. Says whether that is still wanted.
    pub(super) fn answered(&mut self, refresh: &PendingRefresh) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        let wanted = self.withdrawn.is_empty() || !self.withdrawn.remove(&refresh.key);
        if self.under_way == 0 {
            self.withdrawn.clear();
        }
        wanted
    }

    /// Some of those that were taken have to wait again. Each has its old place.
    pub(super) fn put_back(&mut self, unanswered: Vec<PendingRefresh>) {
        for mut refresh in unanswered {
            if !self.answered(&refresh) {
                continue;
            }
            // A reply may have come for the same session meanwhile.
            if let Some(later) = self.take_out(&refresh.key, refresh.hash) {
                later.askers.into_iter().for_each(|asker| add(&mut refresh.askers, asker));
            }
            self.insert(refresh);
        }
    }

    /// Takes out a session that is no more.
    pub(super) fn withdraw(&mut self, key: &SessionKey, hash: KeyHash) {
        self.take_out(key, hash);
        if self.under_way > 0 {
            self.withdrawn.insert(key.clone());
        }
    }
}

/// Adds an asker once, however often it asks while the store is away, and lets go of those that have gone.
fn add(askers: &mut Vec<WeakConnection>, asker: WeakConnection) {
    askers.retain(|other| other.is_alive() && !other.is(&asker));
    askers.push(asker);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::KeyHasher;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const TTL: Duration = Duration::from_secs(60);

    fn key(number: u8) -> SessionKey {
        SessionKey::parse(&number.to_string()).unwrap()
    }

    fn names(batch: &[PendingRefresh]) -> Vec<String> {
        batch.iter().map(|refresh| refresh.key.as_str().to_owned()).collect()
    }

    fn submit(pending: &mut Pending, number: u8, limit: usize) -> Submitted {
        pending.submit(key(number), hash(number), None, limit, TTL)
    }

    /// Some have the same.
    fn hash(number: u8) -> KeyHash {
        static HASHER: LazyLock<KeyHasher> = LazyLock::new(KeyHasher::default);
        HASHER.hash(&key(number / 2))
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_back_has_its_old_place_and_its_first_arrival() {
        let mut pending = Pending::default();
        for number in [3, 1, 2] {
            submit(&mut pending, number, 10);
        }
        let batch = pending.take(2);
        let arrived = batch[0].arrived;
        tokio::time::advance(Duration::from_secs(1)).await;
        submit(&mut pending, 3, 10);
        pending.put_back(batch);
        let all = pending.take(10);
        assert_eq!(names(&all), ["3", "1", "2"]);
        assert_eq!(all[0].arrived, arrived);
    }

    #[tokio::test(start_paused = true)]
    async fn those_at_the_store_keep_their_room() {
        let mut pending = Pending::default();
        submit(&mut pending, 1, 2);
        submit(&mut pending, 2, 2);
        let batch = pending.take(2);
        assert!(matches!(submit(&mut pending, 3, 2), Submitted::NoRoom(None)));
        batch.iter().for_each(|refresh| assert!(pending.answered(refresh)));
        assert!(matches!(submit(&mut pending, 3, 2), Submitted::First));
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_takes_the_place_of_one_that_waited_for_a_whole_ttl_and_of_no_other() {
        let mut pending = Pending::default();
        submit(&mut pending, 1, 2);
        tokio::time::advance(TTL / 2).await;
        submit(&mut pending, 2, 2);
        tokio::time::advance(TTL / 2 - Duration::from_millis(1)).await;
        assert!(matches!(submit(&mut pending, 3, 2), Submitted::NoRoom(None)));
        tokio::time::advance(Duration::from_millis(1)).await;
        let Submitted::InPlaceOf(given_up) = submit(&mut pending, 3, 2) else { panic!() };
        assert_eq!(given_up.key, key(1));
        assert!(matches!(submit(&mut pending, 4, 2), Submitted::NoRoom(None)));
        assert_eq!(names(&pending.take(10)), ["2", "3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_withdrawn_is_neither_refreshed_nor_told_of() {
        let mut pending = Pending::default();
        submit(&mut pending, 1, 10);
        submit(&mut pending, 2, 10);
        let batch = pending.take(1);
        pending.withdraw(&key(1), hash(1));
        pending.withdraw(&key(2), hash(2));
        assert!(!pending.answered(&batch[0]));
        assert!(pending.take(10).is_empty());
        // A session that is made by the same key is another.
        submit(&mut pending, 1, 10);
        let again = pending.take(1);
        assert!(pending.answered(&again[0]));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Submit(u8),
        Take(usize),
        Answered,
        PutBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u8..12).prop_map(Step::Submit),
            2 => (1_usize..5).prop_map(Step::Take),
            1 => Just(Step::Answered),
            1 => Just(Step::PutBack),
        ]
    }

    proptest! {
        /// Whatever comes and however often the store fails: no session is lost, none waits twice, none overtakes
        /// another, and there are never more than the limit.
        #[test]
        fn no_reply_is_lost_doubled_or_overtaken(steps in prop::collection::vec(step(), 1..80), limit in 1_usize..10) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut pending = Pending::default();
                let mut at_store: Vec<PendingRefresh> = Vec::new();
                // What should wait, in order; the model.
                let mut expected: Vec<u8> = Vec::new();
                for step in steps {
                    match step {
                        Step::Submit(number) => {
                            let taken = match submit(&mut pending, number, limit) {
                                Submitted::First | Submitted::Waits => true,
                                Submitted::NoRoom(_) => false,
                                Submitted::InPlaceOf(_) => panic!("no time has passed"),
                            };
                            let known = expected.contains(&number);
                            assert_eq!(taken, known || expected.len() + at_store.len() < limit);
                            if taken && !known {
                                expected.push(number);
                            }
                        }
                        Step::Take(count) if at_store.is_empty() => {
                            at_store = pending.take(count);
                            let count = at_store.len();
                            assert_eq!(names(&at_store), expected.drain(..count).map(|n| n.to_string()).collect::<Vec<_>>());
                        }
                        Step::Take(_) => {}
                        Step::Answered => {
                            at_store.drain(..).for_each(|refresh| assert!(pending.answered(&refresh)));
                        }
                        Step::PutBack => {
                            let back: Vec<u8> = at_store.iter().map(|r| r.key.as_str().parse().unwrap()).collect();
                            pending.put_back(std::mem::take(&mut at_store));
                            expected.retain(|number| !back.contains(number));
                            expected.splice(0..0, back);
                        }
                    }
                    assert_eq!(pending.len(), expected.len() + at_store.len());
                    assert_eq!(pending.waiting.len(), pending.numbers.len());
                }
                assert_eq!(names(&pending.take(usize::MAX)), expected.iter().map(u8::to_string).collect::<Vec<_>>());
            });
        }
    }
}
