use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Scale;

/// Something that is measured of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Figure {
    /// Resident memory per idle connection, fewer of them.
    FewerResident,
    /// The same, shared pages counted by share.
    FewerProportional,
    /// Resident memory per idle connection, more of them.
    MoreResident,
    /// The same, shared pages counted by share.
    MoreProportional,
    /// Connections opened in a second.
    ConnectRate,
    /// The server's CPU for opening one.
    ConnectCpu,
    /// The server's CPU for a heartbeat sent, answered and refreshed.
    TripCpu,
    /// Redis's CPU for the same.
    TripRedisCpu,
    /// Commands that Redis ran for the same.
    TripCommands,
    /// How late heartbeat messages come, the middle one.
    LatenessP50,
    /// How late heartbeat messages come, all but a hundredth.
    LatenessP99,
    /// From an answer to the refresh in Redis, the middle one.
    DelayP50,
    /// From an answer to the refresh in Redis, all but a hundredth.
    DelayP99,
    /// How late heartbeat messages come that are due at once, all but a hundredth.
    BurstLatenessP99,
    /// The server's CPU for an answer, when they come as fast as it takes them.
    FloodCpu,
    /// Answers a second then.
    FloodRate,
    /// Redis's CPU for a refresh then.
    FloodRedisCpu,
    /// Refreshes that reached Redis for each answer then.
    FloodRefreshes,
    /// Resident memory per idle connection when one process has few.
    FewResident,
    /// The same when it has as many as it can.
    ManyResident,
    /// The server's CPU for a trip when one process has few connections.
    FewTripCpu,
    /// The same with as many as it can have, and as many trips a second.
    ManyTripCpu,
    /// Resident memory per connection of a crowd over several servers, with all that these consist of.
    CrowdResident,
    /// The servers' CPU for a trip of a crowd.
    CrowdTripCpu,
    /// Redis's CPU for the same.
    CrowdRedisCpu,
    /// Connections of a crowd that ended, or never came about.
    CrowdEnded,
    /// Sessions of a crowd that are gone, or were not refreshed within the last interval.
    CrowdLost,
    /// From the moment that all servers were killed until every page was connected again.
    HerdBack,
    /// Sessions that were not refreshed after that, or are gone.
    HerdLost,
    /// How often the item of one publication was serialized.
    Serializations,
    /// The server's CPU for one message to one of many connections.
    DeliveryCpu,
    /// From a publication to its arrival, the middle one.
    DeliveryP50,
    /// From a publication to its arrival, all but a hundredth.
    DeliveryP99,
    /// From a publication to its last arrival.
    DeliveryLast,
}

impl Figure {
    /// What it is, with its unit.
    pub(super) fn title(self, scale: &Scale) -> String {
        let [fewer, more] = scale.idle;
        let [few, many] = scale.growth;
        match self {
            Self::FewerResident => format!("RSS each at {fewer}, bytes"),
            Self::FewerProportional => format!("PSS each at {fewer}, bytes"),
            Self::MoreResident => format!("RSS each at {more}, bytes"),
            Self::MoreProportional => format!("PSS each at {more}, bytes"),
            Self::ConnectRate => "opened a second".to_owned(),
            Self::ConnectCpu => "CPU to open one, µs".to_owned(),
            Self::TripCpu => "CPU, µs".to_owned(),
            Self::TripRedisCpu => "Redis's CPU, µs".to_owned(),
            Self::TripCommands => "Redis commands".to_owned(),
            Self::LatenessP50 => "lateness p50, ms".to_owned(),
            Self::LatenessP99 => "lateness p99, ms".to_owned(),
            Self::DelayP50 => "answer to refresh p50, ms".to_owned(),
            Self::DelayP99 => "answer to refresh p99, ms".to_owned(),
            Self::BurstLatenessP99 => format!("lateness p99 of {} at once, ms", scale.burst),
            Self::FloodCpu => "CPU an answer, µs".to_owned(),
            Self::FloodRate => "answers a second".to_owned(),
            Self::FloodRedisCpu => "Redis's CPU a refresh, µs".to_owned(),
            Self::FloodRefreshes => "refreshes an answer".to_owned(),
            Self::FewResident => format!("RSS each at {few}, bytes"),
            Self::ManyResident => format!("RSS each at {many}, bytes"),
            Self::FewTripCpu => format!("CPU of a trip at {few}, µs"),
            Self::ManyTripCpu => format!("CPU of a trip at {many}, µs"),
            Self::CrowdResident => "RSS each, bytes".to_owned(),
            Self::CrowdTripCpu => "CPU of a trip, µs".to_owned(),
            Self::CrowdRedisCpu => "Redis's CPU of a trip, µs".to_owned(),
            Self::CrowdEnded => "connections ended".to_owned(),
            Self::CrowdLost => "sessions lost or not refreshed".to_owned(),
            Self::HerdBack => "all back after, s".to_owned(),
            Self::HerdLost => "sessions lost or not refreshed".to_owned(),
            Self::Serializations => "serialized, times".to_owned(),
            Self::DeliveryCpu => "CPU each, µs".to_owned(),
            Self::DeliveryP50 => "arrived p50, ms".to_owned(),
            Self::DeliveryP99 => "arrived p99, ms".to_owned(),
            Self::DeliveryLast => "last arrived, ms".to_owned(),
        }
    }
}

/// What one server was measured with in one round. What could not be measured is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// These, and one more.
    #[must_use]
    pub fn with(mut self, figure: Figure, value: f64) -> Self {
        self.set(figure, Some(value));
        self
    }

    /// Notes what was measured.
    pub fn set(&mut self, figure: Figure, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(figure, value);
        }
    }

    /// Adds what else was measured.
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// What was measured.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_was_not_measured() {
        let mut figures = Figures::default();
        figures.set(Figure::TripCpu, Some(f64::NAN));
        figures.set(Figure::FloodCpu, None);
        assert_eq!(figures, Figures::default());
    }
}
