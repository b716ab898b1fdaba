use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use slab::Slab;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What time is counted in here.
const TICK: Duration = Duration::from_millis(50);

/// Deadlines are rounded up to a grid, in ticks: this part of the interval, and so many at most. Heartbeats that are due
/// close together are then sent together, and their replies are refreshed together, which is most of what a heartbeat
/// costs.
const GRID: (u64, u64) = (50, 16);

/// How many are served before other tasks get their turn.
const BATCH: usize = 256;

/// When each of many items is next due, over and over. One task serves them all: an item costs its place here, and no
/// timer of its own.
pub(crate) struct Schedule<T> {
    started: Instant,
    state: Mutex<State<T>>,
    /// The earliest deadline has changed.
    sooner: Notify,
}

struct State<T> {
    entries: Slab<Entry<T>>,
    /// Which entries are due at which tick.
    due: BTreeMap<u64, Vec<Slot>>,
}

struct Entry<T> {
    item: T,
    tick: u64,
    /// Where the entry stands among those of its tick.
    position: u32,
    /// In ticks.
    interval: u32,
}

/// An item's place in a [`Schedule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u32);

impl<T: Clone> Schedule<T> {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State { entries: Slab::new(), due: BTreeMap::new() }),
            sooner: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first tick that is not before `instant`.
    fn tick_of(&self, instant: Instant) -> u64 {
        ticks(instant.saturating_duration_since(self.started))
    }

    fn instant_of(&self, tick: u64) -> Instant {
        // Far deadlines saturate at some 6,800 years.
        self.started + Duration::from_millis(TICK.as_millis() as u64 * tick.min(u64::from(u32::MAX)))
    }

    /// Makes `item` due `first` from now, and from then on after each `interval`. Both are rounded up, by a fiftieth at
    /// most, or one tick.
    pub(crate) fn insert(&self, item: T, first: Duration, interval: Duration) -> Slot {
        let at = Instant::now() + first.min(Duration::from_secs(u64::from(u32::MAX) / 20));
        let first = self.tick_of(at).next_multiple_of(grid(ticks(first)));
        let interval = u32::try_from(ticks(interval)).unwrap_or(u32::MAX).max(1);
        let mut state = self.state();
        let sooner = state.due.first_key_value().is_none_or(|(&tick, _)| first < tick);
        let entry = state.entries.vacant_entry();
        // There are no more items than connections, and fewer of those than file descriptors.
        let slot = Slot(u32::try_from(entry.key()).unwrap_or(u32::MAX - 1));
        entry.insert(Entry { item, tick: 0, position: 0, interval });
        state.put(slot, first);
        drop(state);
        if sooner {
            self.sooner.notify_one();
        }
        slot
    }

    /// Takes an item out. It is not due any more, not even if a deadline has just passed.
    pub(crate) fn remove(&self, slot: Slot) {
        let mut state = self.state();
        state.take_from_tick(slot);
        let removed = state.entries.try_remove(slot.0 as usize);
        if state.entries.is_empty() {
            state.entries.shrink_to_fit();
        }
        drop(state);
        // Dropping an item may come back here.
        drop(removed);
    }

    /// Calls `on_due` with each item when it is due, for ever. An item that was due more than once while the task could
    /// not run is due once: heartbeats missed are not made up for.
    pub(crate) async fn run(&self, mut on_due: impl FnMut(&T)) {
        let mut items = Vec::with_capacity(BATCH);
        loop {
            let next = self.state().due.first_key_value().map(|(&tick, _)| tick);
            match next {
                None => self.sooner.notified().await,
                Some(tick) => tokio::select! {
                    () = sleep_until(self.instant_of(tick)) => {
                        while self.state().take_due(tick, self.tick_of(Instant::now()), &mut items) {
                            items.drain(..).for_each(|item| on_due(&item));
                            tokio::task::yield_now().await;
                        }
                    }
                    () = self.sooner.notified() => {}
                },
            }
        }
    }
}

fn ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX)
}

/// The grid of deadlines that are so many ticks apart. Powers of two: who is on a coarse one meets those on a fine one.
fn grid(interval: u64) -> u64 {
    let (part, most) = GRID;
    1 << (interval / part).clamp(1, most).ilog2()
}

impl<T: Clone> State<T> {
    fn put(&mut self, slot: Slot, tick: u64) {
        let slots = self.due.entry(tick).or_default();
        if let Some(entry) = self.entries.get_mut(slot.0 as usize) {
            entry.tick = tick;
            entry.position = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            slots.push(slot);
        }
    }

    fn take_from_tick(&mut self, slot: Slot) {
        let Some(&Entry { tick, position, .. }) = self.entries.get(slot.0 as usize) else { return };
        let Some(slots) = self.due.get_mut(&tick) else { return };
        slots.swap_remove(position as usize);
        if let Some(moved) = slots.get(position as usize).and_then(|moved| self.entries.get_mut(moved.0 as usize)) {
            moved.position = position;
        }
        if slots.is_empty() {
            self.due.remove(&tick);
        }
    }

    /// Moves up to a batch of the items that are due at `tick` into `items` and makes each due again. Says whether
    /// there were any.
    fn take_due(&mut self, tick: u64, now: u64, items: &mut Vec<T>) -> bool {
        while items.len() < BATCH {
            let Some(slots) = self.due.get_mut(&tick) else { break };
            let Some(slot) = slots.pop() else {
                self.due.remove(&tick);
                break;
            };
            let Some(entry) = self.entries.get(slot.0 as usize) else { continue };
            items.push(entry.item.clone());
            let next = next_after(tick, u64::from(entry.interval), now);
            self.put(slot, next);
        }
        !items.is_empty()
    }
}

/// The next deadline on the item's own beat that is still to come.
fn next_after(tick: u64, interval: u64, now: u64) -> u64 {
    let missed = now.saturating_sub(tick) / interval;
    (tick + (missed + 1) * interval).next_multiple_of(grid(interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    fn running() -> (Arc<Schedule<u32>>, mpsc::UnboundedReceiver<(u32, Duration)>) {
        let schedule = Arc::new(Schedule::new());
        let (sender, receiver) = mpsc::unbounded_channel();
        let started = Instant::now();
        let serving = Arc::clone(&schedule);
        tokio::spawn(async move { serving.run(|item| sender.send((*item, started.elapsed())).unwrap()).await });
        (schedule, receiver)
    }

    #[tokio::test(start_paused = true)]
    async fn each_item_is_due_after_each_of_its_own_intervals() {
        let (schedule, mut due) = running();
        schedule.insert(10, Duration::from_secs(10), Duration::from_secs(10));
        schedule.insert(4, Duration::from_secs(4), Duration::from_secs(4));
        let mut seen = Vec::new();
        for _ in 0..5 {
            let (item, after) = due.recv().await.unwrap();
            seen.push((item, after.as_secs()));
        }
        assert_eq!(seen, [(4, 4), (4, 8), (10, 10), (4, 12), (4, 16)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_time_of_its_own_changes_no_interval() {
        let (schedule, mut due) = running();
        schedule.insert(1, Duration::from_secs(2), Duration::from_secs(600));
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(due.recv().await.unwrap().1.as_secs());
        }
        assert_eq!(seen, [2, 602, 1202]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_taken_out_is_never_due_again() {
        let (schedule, mut due) = running();
        let out = schedule.insert(1, Duration::from_secs(1), Duration::from_secs(1));
        schedule.insert(2, Duration::from_secs(1), Duration::from_secs(1));
        schedule.remove(out);
        assert_eq!(due.recv().await.unwrap().0, 2);
        assert_eq!(due.recv().await.unwrap().0, 2);
        assert_eq!(schedule.state().entries.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sooner_deadline_is_met_while_a_later_one_is_waited_for() {
        let (schedule, mut due) = running();
        schedule.insert(1, Duration::from_secs(600), Duration::from_secs(600));
        tokio::time::advance(Duration::from_secs(1)).await;
        schedule.insert(2, Duration::from_secs(1), Duration::from_secs(1));
        assert_eq!(due.recv().await.unwrap().0, 2);
    }

    #[test]
    fn missed_deadlines_are_skipped_without_losing_the_beat() {
        assert_eq!(next_after(100, 10, 100), 110);
        assert_eq!(next_after(100, 10, 109), 110);
        assert_eq!(next_after(100, 10, 110), 120);
        assert_eq!(next_after(100, 10, 135), 140);
    }

    #[tokio::test(start_paused = true)]
    async fn items_of_a_long_interval_meet() {
        let (schedule, mut due) = running();
        for item in 0..10 {
            schedule.insert(item, Duration::from_secs(2), Duration::from_secs(600));
            tokio::time::advance(Duration::from_millis(79)).await;
        }
        let mut seen = Vec::new();
        for _ in 0..30 {
            seen.push(due.recv().await.unwrap().1);
        }
        let met = |times: &[Duration]| times.iter().collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!([met(&seen[..10]), met(&seen[10..20]), met(&seen[20..])], [10, 2, 2]);
    }

    proptest! {
        #[test]
        fn a_deadline_is_never_early_and_seldom_late(at in 0_u64..100_000, first in 0_u64..1_000_000, interval in 50_u64..1_000_000) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (schedule, mut due) = running();
                tokio::task::yield_now().await;
                tokio::time::advance(Duration::from_millis(at)).await;
                let mut last = Duration::from_millis(at);
                let [first, interval] = [first, interval].map(Duration::from_millis);
                schedule.insert(1, first, interval);
                for wanted in [first, interval, interval] {
                    let (_, time) = due.recv().await.unwrap();
                    let late = (time - last).checked_sub(wanted).expect("it is early");
                    // The timer's own unit is added.
                    let most = TICK.max(wanted / 50 + TICK).min(TICK * 17) + Duration::from_millis(1);
                    assert!(late <= most, "{late:?} after {wanted:?}");
                    last = time;
                }
            });
        }

        #[test]
        fn whatever_is_put_in_and_taken_out_the_places_stay_right(steps in prop::collection::vec((any::<bool>(), 0_u64..5, any::<prop::sample::Index>()), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let schedule = Schedule::new();
                let mut slots = Vec::new();
                for (put, seconds, index) in steps {
                    if put || slots.is_empty() {
                        slots.push(schedule.insert(0, Duration::from_secs(seconds), Duration::from_secs(seconds)));
                    } else {
                        schedule.remove(slots.swap_remove(index.index(slots.len())));
                    }
                    let state = schedule.state();
                    assert_eq!(state.entries.len(), slots.len());
                    assert_eq!(state.due.values().map(Vec::len).sum::<usize>(), slots.len());
                    for (index, entry) in &state.entries {
                        assert_eq!(state.due[&entry.tick][entry.position as usize].0 as usize, index);
                    }
                }
            });
        }
    }
}
