use super::{Figure, Part, Run, number};
use crate::median;

/// A group of figures that were measured together.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) figures: &'static [Figure],
}

/// What every server is measured by.
pub(super) const OF_ALL: [Group; 3] = [
    Group {
        title: "Idle connections",
        figures: &[
            Figure::FewerResident,
            Figure::FewerProportional,
            Figure::MoreResident,
            Figure::MoreProportional,
            Figure::ConnectRate,
            Figure::ConnectCpu,
        ],
    },
    Group {
        title: "Full trips",
        figures: &[
            Figure::TripCpu,
            Figure::TripRedisCpu,
            Figure::TripCommands,
            Figure::LatenessP50,
            Figure::LatenessP99,
            Figure::DelayP50,
            Figure::DelayP99,
            Figure::BurstLatenessP99,
        ],
    },
    Group {
        title: "Flood",
        figures: &[Figure::FloodCpu, Figure::FloodRate, Figure::FloodRedisCpu, Figure::FloodRefreshes],
    },
];

/// What ours is measured by, alone.
pub(super) const fn of_part(part: Part) -> Group {
    match part {
        Part::Growth => Group {
            title: "As many as one process can have",
            figures: &[Figure::FewResident, Figure::ManyResident, Figure::FewTripCpu, Figure::ManyTripCpu],
        },
        Part::Crowd => Group {
            title: "Over several processes",
            figures: &[
                Figure::CrowdResident,
                Figure::CrowdTripCpu,
                Figure::CrowdRedisCpu,
                Figure::CrowdEnded,
                Figure::CrowdLost,
            ],
        },
        Part::Herd => Group { title: "All come back at once", figures: &[Figure::HerdBack, Figure::HerdLost] },
        Part::Publication => Group {
            title: "One publication to all",
            figures: &[
                Figure::Serializations,
                Figure::DeliveryCpu,
                Figure::DeliveryP50,
                Figure::DeliveryP99,
                Figure::DeliveryLast,
            ],
        },
    }
}

/// How a group of [`OF_ALL`] was measured.
pub(super) fn about(run: &Run, group: &Group) -> String {
    let scale = &run.scale;
    match group.figures {
        [Figure::FewerResident, ..] => {
            let [fewer, more] = scale.idle;
            format!(
                "Connections on which nothing has been sent but what opening takes: what the server's processes have \
                 more than before they were opened (`/proc/PID/smaps_rollup`), for each, at {fewer} and when as many \
                 were added as make {more}; the rate and the CPU are of those. A hundred came and went before. 64 \
                 handshakes at a time."
            )
        }
        [Figure::TripCpu, ..] => format!(
            "A heartbeat message goes out, the page answers with its session, Redis extends the session's life. {} \
             connections every {} s, spread over that time: {} a second. CPU is what the scheduler says of all threads \
             (`/proc/PID/task/TID/schedstat`). Lateness is by how much the time from one heartbeat to the next was \
             longer than the interval, seen by the page; from the answer to the refresh by Redis's own notice, the \
             driver's delays included in both. Last, {} connections are opened at once, with heartbeats every {} s.",
            scale.trips,
            scale.trip_interval,
            scale.trips_per_second(),
            scale.burst,
            scale.burst_interval,
        ),
        _ => format!(
            "{} connections send answers that nobody asked for, in turn, as fast as the server takes them; every \
             eighth waits until those before it have been dealt with. SwampDragon's limits on that are off \
             (`max_messages_per_second`, `min_refresh_interval`). A refresh costs Redis {} µs when `redis-benchmark -P \
             128` sends them, in the same run. Servers on Node.js go on reading and put off their commands to Redis, \
             which pile up in memory: nearly all are sent after the flood, and are not in these figures.",
            scale.flood,
            median(&run.redis_at_its_best).map_or("–".to_owned(), number),
        ),
    }
}

/// How a part was measured.
pub(super) fn about_part(run: &Run, part: Part) -> String {
    let scale = &run.scale;
    match part {
        Part::Growth => {
            let [few, many] = scale.growth;
            let [soon, late] = scale.growth.map(|connections| scale.growth_interval(connections).as_secs_f64());
            format!(
                "Memory of idle connections as above; then {few} connections with a heartbeat every {soon} s and {many} \
                 with one every {late} s, {} trips a second each.",
                scale.growth_trips_per_second,
            )
        }
        Part::Crowd => format!(
            "{} connections over {} server processes and one Redis, a heartbeat every {} s. Resident memory with all \
             that the processes consist of; CPU over one interval, when every page has answered once. A session lives \
             {} s unless it is refreshed, less than all of it takes. At the end Redis is asked for every one: it counts \
             as lost when it is gone, or when it was not refreshed within the last interval.",
            scale.crowd,
            scale.crowd_servers,
            scale.crowd_interval,
            scale.crowd_ttl().as_secs(),
        ),
        Part::Herd => format!(
            "{} pages over {} server processes, all of which are killed and started anew on the ports they had; a page \
             goes to another with each attempt, as through a load balancer. Measured from the kill until every page is \
             connected. A session counts as lost when it is gone, or was not refreshed once more after that.",
            scale.herd, scale.herd_servers,
        ),
        Part::Publication => format!(
            "{} pages of one process subscribe to a channel, and {} items are published, one after the other. Times \
             are from when the order to publish is sent until a page has the item, the driver's delays included; \
             serialized is counted by the item itself. The bare epoll loop sends as many heartbeats.",
            scale.subscribers, scale.publications,
        ),
    }
}

#[cfg(test)]
impl Figure {
    /// Every one.
    pub(super) fn all() -> Vec<Self> {
        OF_ALL.into_iter().chain(Part::ALL.map(of_part)).flat_map(|group| group.figures).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_shown_once() {
        let shown: Vec<usize> = Figure::all().into_iter().map(|figure| figure as usize).collect();
        let mut sorted = shown.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..=Figure::DeliveryLast as usize).collect::<Vec<_>>());
    }
}
