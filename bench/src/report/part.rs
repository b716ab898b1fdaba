/// What of this project's server is measured alone: many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Whether a connection costs the same when one process has few and when it has as many as it can.
    Growth,
    /// As many connections as several processes have together.
    Crowd,
    /// Every page comes back at once.
    Herd,
    /// One publication to many pages.
    Publication,
}

impl Part {
    /// Every one, in the order measured.
    pub const ALL: [Self; 4] = [Self::Growth, Self::Crowd, Self::Herd, Self::Publication];

    /// By what name it is asked for.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Growth => "growth",
            Self::Crowd => "crowd",
            Self::Herd => "herd",
            Self::Publication => "publication",
        }
    }

    /// Whether it is measured in that round, the first being 1. What takes minutes is measured once.
    #[must_use]
    pub fn is_of_round(self, round: usize) -> bool {
        match self {
            Self::Growth | Self::Publication => true,
            Self::Crowd | Self::Herd => round == 1,
        }
    }
}
