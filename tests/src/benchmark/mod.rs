//! What this server and its peers cost, measured in turn on one machine: the run behind `docs/benchmarks.md`.
//!
//! Each peer does the same work: it sends a heartbeat message to each connection every so often, the page answers with
//! its session, and the peer extends that session's life in Redis. The peers' programs are in `bench/peers/`.

mod far;
mod machine;
pub mod pages;
mod peer;
mod redis_at_its_best;
mod redis_cost;
mod round;

use anyhow::{Result, bail};
use swampdragon_bench::report::{Figures, Growth, Row, Run, Scale, pages::Pages};

pub use peer::Peer;

/// Measures these peers, in rounds, and hands what there is to `keep` after each.
///
/// A peer that fails is noted in its row; the others go on. What was started ends with the future.
///
/// # Errors
/// When Redis does not come up, the system tells too little, or the run cannot be kept.
pub async fn run(scale: Scale, peers: &[Peer], keep: impl Fn(&Run) -> Result<()>) -> Result<Run> {
    let mut run = Run {
        scale,
        machine: machine::describe()?,
        rows: Vec::new(),
        growth: scale.growth.map(|connections| Growth { connections, resident: Vec::new() }),
        redis_at_its_best: Vec::new(),
        pages: None,
    };
    if peers == Peer::ALL {
        let failed = |error: anyhow::Error| Pages { failure: Some(format!("{error:#}")), ..Pages::default() };
        run.pages = Some(pages::measure(scale.rounds).await.unwrap_or_else(failed));
    }
    let mut prepared = Vec::new();
    for peer in peers {
        eprintln!("  {}: fetching what it stands on", peer.name());
        let done = peer.prepare();
        prepared.push(done.is_ok());
        run.rows.push(Row {
            name: peer.name().to_owned(),
            made_of: peer.made_of().to_owned(),
            rounds: Vec::new(),
            failures: done.err().map(|error| format!("{error:#}")).into_iter().collect(),
        });
    }
    for round in 1..=scale.rounds {
        eprintln!("  round {round} of {}: Redis by itself", scale.rounds);
        run.redis_at_its_best.push(redis_at_its_best::measure(&scale).await?);
        for growth in &mut run.growth {
            eprintln!("  round {round} of {}: {} idle connections", scale.rounds, growth.connections);
            growth.resident.push(round::idle(Peer::SwampDragon, growth.connections).await?.resident);
        }
        let rows = peers.iter().zip(&mut run.rows).zip(&prepared);
        for ((peer, row), _) in rows.filter(|(_, prepared)| **prepared) {
            eprintln!("  round {round} of {}: {}", scale.rounds, peer.name());
            let mut figures = Figures::default();
            for failure in round::measure(*peer, &scale, &mut figures).await {
                eprintln!("    {failure}");
                row.failures.push(format!("round {round}: {failure}"));
            }
            row.rounds.push(figures);
        }
        keep(&run)?;
    }
    Ok(run)
}

/// Whether all was measured that the document is about: every peer, in every round, at full scale.
#[must_use]
pub fn is_whole(run: &Run) -> bool {
    let measured = |row: &Row| row.rounds.len() == run.scale.rounds || !row.failures.is_empty();
    run.scale == Scale::FULL
        && run.rows.iter().map(|row| row.name.as_str()).eq(Peer::ALL.iter().map(|peer| peer.name()))
        && run.rows.iter().all(measured)
        && run.redis_at_its_best.len() == run.scale.rounds
}

/// The peers to measure: all, or ours, the floor and that of this name.
///
/// # Errors
/// When there is none of that name; the message has all names.
pub fn choose(only: Option<&str>) -> Result<Vec<Peer>> {
    let Some(name) = only else { return Ok(Peer::ALL.to_vec()) };
    if !Peer::ALL.iter().any(|peer| peer.name() == name) {
        let names: Vec<&str> = Peer::ALL.iter().map(|peer| peer.name()).collect();
        bail!("there is no peer named `{name}`; there are: {}", names.join(", "));
    }
    let wanted = |peer: &Peer| matches!(peer, Peer::SwampDragon | Peer::Floor) || peer.name() == name;
    Ok(Peer::ALL.into_iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_is_measured_beside_ours_and_the_floor() {
        assert_eq!(choose(Some("ws")).unwrap(), [Peer::SwampDragon, Peer::Floor, Peer::Ws]);
        assert_eq!(choose(None).unwrap(), Peer::ALL);
        let error = choose(Some("wss")).unwrap_err().to_string();
        assert!(error.contains("`wss`") && error.contains("sockjs-tornado"), "{error}");
    }
}
