use anyhow::{Result, bail};
use swampdragon_bench::report::{Part, Row, Run, Scale};

use super::Peer;

/// What is measured in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// These, beside each other.
    pub peers: Vec<Peer>,
    /// And this of ours, alone.
    pub parts: Vec<Part>,
}

impl Choice {
    /// All of it; or the peer of that name beside ours and the floor; or the part of that name.
    ///
    /// # Errors
    /// When there is none of that name; the message has all names.
    pub fn of(only: Option<&str>) -> Result<Self> {
        let Some(name) = only else { return Ok(Self { peers: Peer::ALL.to_vec(), parts: Part::ALL.to_vec() }) };
        if let Some(part) = Part::ALL.into_iter().find(|part| part.name() == name) {
            return Ok(Self { peers: Vec::new(), parts: vec![part] });
        }
        if !Peer::ALL.iter().any(|peer| peer.name() == name) {
            let peers = Peer::ALL.iter().map(|peer| peer.name());
            let names: Vec<&str> = peers.chain(Part::ALL.iter().map(|part| part.name())).collect();
            bail!("nothing named `{name}` is measured; there are: {}", names.join(", "));
        }
        let wanted = |peer: &Peer| matches!(peer, Peer::SwampDragon | Peer::Floor) || peer.name() == name;
        Ok(Self { peers: Peer::ALL.into_iter().filter(wanted).collect(), parts: Vec::new() })
    }

    /// Those that stand in the run: ours and the floor even where peers are not compared.
    pub(super) fn rows(&self) -> Vec<Peer> {
        let also = |peer: &Peer| matches!(peer, Peer::SwampDragon | Peer::Floor) || self.peers.contains(peer);
        Peer::ALL.into_iter().filter(also).collect()
    }
}

/// Whether all was measured that the document is about: every peer and part, in every round, at full scale.
#[must_use]
pub fn is_whole(run: &Run) -> bool {
    let is_measured = |row: &Row| row.rounds.len() == run.scale.rounds;
    run.scale == Scale::FULL
        && run.rows.iter().map(|row| row.name.as_str()).eq(Peer::ALL.iter().map(|peer| peer.name()))
        && run.rows.iter().all(is_measured)
}

#[cfg(test)]
mod tests {
    use swampdragon_bench::report::Figures;

    use super::*;

    #[test]
    fn one_peer_is_measured_beside_ours_and_the_floor() {
        let ws = Choice { peers: vec![Peer::SwampDragon, Peer::Floor, Peer::Ws], parts: Vec::new() };
        assert_eq!(Choice::of(Some("ws")).unwrap(), ws);
        assert_eq!(Choice::of(None).unwrap(), Choice { peers: Peer::ALL.to_vec(), parts: Part::ALL.to_vec() });
    }

    #[test]
    fn one_part_is_measured_alone() {
        let crowd = Choice::of(Some("crowd")).unwrap();
        assert_eq!(crowd, Choice { peers: Vec::new(), parts: vec![Part::Crowd] });
        assert_eq!(crowd.rows(), [Peer::SwampDragon, Peer::Floor]);
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_those_there_are() {
        let error = Choice::of(Some("wss")).unwrap_err().to_string();
        assert!(error.contains("`wss`") && error.contains("sockjs-tornado") && error.contains("crowd"), "{error}");
    }

    #[test]
    fn a_run_is_whole_when_every_peer_has_all_rounds() {
        let row = |name: &str, rounds| Row {
            name: name.to_owned(),
            made_of: String::new(),
            rounds: vec![Figures::default(); rounds],
            failures: Vec::new(),
        };
        let mut run = Run {
            scale: Scale::FULL,
            machine: Vec::new(),
            rows: Peer::ALL.iter().map(|peer| row(peer.name(), Scale::FULL.rounds)).collect(),
            redis_at_its_best: Vec::new(),
            pages: None,
        };
        assert!(is_whole(&run));
        run.rows[3].rounds.pop();
        assert!(!is_whole(&run), "interrupted");
        run.rows.remove(3);
        assert!(!is_whole(&run), "without a peer");
        let quick = Scale::QUICK;
        run.rows = Peer::ALL.iter().map(|peer| row(peer.name(), quick.rounds)).collect();
        assert!(!is_whole(&Run { scale: quick, ..run }));
    }
}
