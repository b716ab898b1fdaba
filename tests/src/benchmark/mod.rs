//! What this server and its peers cost, measured in turn on one machine: the run behind `docs/benchmarks.md`.
//!
//! Each peer does the same work: it sends a heartbeat message to each connection every so often, the page answers with
//! its session, and the peer extends that session's life in Redis. The peers' programs are in `bench/peers/`. What many
//! connections cost is measured of ours alone, part by part.

mod choice;
mod crowd;
mod far;
mod growth;
mod herd;
mod idle;
mod load_process;
mod machine;
pub mod pages;
mod peer;
mod progress;
mod publication;
mod redis_at_its_best;
mod redis_cost;
mod round;
mod scene;

use anyhow::Result;
use swampdragon_bench::report::{FLOOR, Figures, OURS, Part, Row, Run, Scale, pages::Pages};

pub use choice::{Choice, is_whole};
pub use peer::Peer;

use progress::{Progress, Step};
use round::note;

/// Measures what is chosen, in rounds, and hands what there is to `keep` after each.
///
/// A peer that fails is noted in its row; the others go on. What was started ends with the future.
///
/// # Errors
/// When Redis does not come up, the system tells too little, or the run cannot be kept.
pub async fn run(scale: Scale, choice: &Choice, keep: impl Fn(&Run) -> Result<()>) -> Result<Run> {
    let mut run =
        Run { scale, machine: machine::describe()?, rows: Vec::new(), redis_at_its_best: Vec::new(), pages: None };
    if choice.peers == Peer::ALL {
        let failed = |error: anyhow::Error| Pages { failure: Some(format!("{error:#}")), ..Pages::default() };
        run.pages = Some(pages::measure(scale.rounds).await.unwrap_or_else(failed));
    }
    for peer in choice.rows() {
        eprintln!("  {}: fetching what it stands on", peer.name());
        run.rows.push(Row {
            name: peer.name().to_owned(),
            made_of: peer.made_of().to_owned(),
            rounds: Vec::new(),
            failures: peer.prepare().err().map(|error| format!("{error:#}")).into_iter().collect(),
        });
    }
    let unprepared: Vec<String> =
        run.rows.iter().filter(|row| !row.failures.is_empty()).map(|row| row.name.clone()).collect();
    let mut progress = Progress::new(scale, choice);
    for (round, steps) in progress.rounds().into_iter().enumerate() {
        run.rows.iter_mut().for_each(|row| row.rounds.push(Figures::default()));
        for (number, step) in steps.into_iter().enumerate() {
            progress.begin(round, number);
            match step {
                Step::Redis => run.redis_at_its_best.push(redis_at_its_best::measure(&scale).await?),
                Step::Part(part) => measure_part(part, &mut run).await,
                Step::Peer(peer) if unprepared.iter().any(|name| name == peer.name()) => {}
                Step::Peer(peer) => {
                    let mut figures = Figures::default();
                    let failures = round::measure(peer, &scale, &mut figures).await;
                    run.note(peer.name(), figures, failures);
                }
            }
        }
        keep(&run)?;
    }
    Ok(run)
}

async fn measure_part(part: Part, run: &mut Run) {
    let (scale, mut figures, mut failures) = (run.scale, Figures::default(), Vec::new());
    match part {
        Part::Growth => note(part.name(), growth::measure(&scale, &mut figures), &mut failures).await,
        Part::Crowd => note(part.name(), crowd::measure(&scale, &mut figures), &mut failures).await,
        Part::Herd => note(part.name(), herd::measure(&scale, &mut figures), &mut failures).await,
        Part::Publication => {
            note(part.name(), publication::measure(&scale, &mut figures), &mut failures).await;
            let (mut figures, mut failures) = (Figures::default(), Vec::new());
            note(part.name(), publication::floor(&scale, &mut figures), &mut failures).await;
            run.note(FLOOR, figures, failures);
        }
    }
    run.note(OURS, figures, failures);
}
