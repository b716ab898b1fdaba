use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{Connection, Moment};
use crate::heartbeat::Slot;

/// Where a connection stands in a heartbeat schedule, if it does.
pub(super) struct AtomicSlot(AtomicU32);

impl AtomicSlot {
    const NONE: u32 = u32::MAX;

    pub(super) fn new() -> Self {
        Self(AtomicU32::new(Self::NONE))
    }

    pub(super) fn is_some(&self) -> bool {
        self.0.load(Ordering::Acquire) != Self::NONE
    }

    pub(super) fn replace(&self, slot: Option<Slot>) -> Option<Slot> {
        let old = self.0.swap(slot.map_or(Self::NONE, |Slot(index)| index), Ordering::AcqRel);
        (old != Self::NONE).then_some(Slot(old))
    }
}

impl Connection {
    /// Changes how often this peer gets a heartbeat message, counted from now; `None` stops them. The first one comes
    /// after one whole interval.
    ///
    /// Intervals are rounded up to 50 ms. One that is not shorter than the store's TTL lets sessions expire.
    pub fn set_heartbeat_interval(&self, interval: Option<Duration>) {
        self.schedule_heartbeats(interval.map(|interval| (interval, interval)));
    }

    /// The first heartbeat message comes after the first of these times, the others after the second, each.
    pub(super) fn schedule_heartbeats(&self, times: Option<(Duration, Duration)>) {
        let schedule = &self.service().heartbeat_messages;
        let slot = times.map(|(first, interval)| schedule.insert_after(self.clone(), first, interval));
        if let Some(old) = self.inner.heartbeat_message.replace(slot) {
            schedule.remove(old);
        }
        // Else a handle that outlives its connection would keep it in the schedule.
        if !self.is_registered()
            && let Some(late) = self.inner.heartbeat_message.replace(None)
        {
            schedule.remove(late);
        }
    }

    /// A heartbeat message has been sent to the peer.
    pub(crate) fn beat(&self, now: Moment) {
        self.inner.beats.sent(now);
    }
}
