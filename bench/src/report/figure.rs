use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Scale;

/// Something that is measured of every server.
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
}

/// A group of figures that were measured together.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) figures: &'static [Figure],
}

impl Figure {
    /// Every one.
    pub const ALL: [Self; 18] = [
        Self::FewerResident,
        Self::FewerProportional,
        Self::MoreResident,
        Self::MoreProportional,
        Self::ConnectRate,
        Self::ConnectCpu,
        Self::TripCpu,
        Self::TripRedisCpu,
        Self::TripCommands,
        Self::LatenessP50,
        Self::LatenessP99,
        Self::DelayP50,
        Self::DelayP99,
        Self::BurstLatenessP99,
        Self::FloodCpu,
        Self::FloodRate,
        Self::FloodRedisCpu,
        Self::FloodRefreshes,
    ];

    pub(super) const GROUPS: [Group; 3] = [
        Group {
            title: "Idle connections",
            figures: &[
                Self::FewerResident,
                Self::FewerProportional,
                Self::MoreResident,
                Self::MoreProportional,
                Self::ConnectRate,
                Self::ConnectCpu,
            ],
        },
        Group {
            title: "Full trips",
            figures: &[
                Self::TripCpu,
                Self::TripRedisCpu,
                Self::TripCommands,
                Self::LatenessP50,
                Self::LatenessP99,
                Self::DelayP50,
                Self::DelayP99,
                Self::BurstLatenessP99,
            ],
        },
        Group {
            title: "Flood",
            figures: &[Self::FloodCpu, Self::FloodRate, Self::FloodRedisCpu, Self::FloodRefreshes],
        },
    ];

    /// What it is, with its unit.
    pub(super) fn title(self, scale: &Scale) -> String {
        let [fewer, more] = scale.idle;
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
    fn every_figure_is_in_one_group() {
        let grouped: Vec<Figure> = Figure::GROUPS.iter().flat_map(|group| group.figures).copied().collect();
        assert_eq!(grouped, Figure::ALL);
    }

    #[test]
    fn what_is_not_a_number_was_not_measured() {
        let mut figures = Figures::default();
        figures.set(Figure::TripCpu, Some(f64::NAN));
        figures.set(Figure::FloodCpu, None);
        assert_eq!(figures, Figures::default());
    }
}
