use std::{net::SocketAddr, ops::Range, time::Duration};

use anyhow::{Context as _, Result, bail};
use swampdragon_bench::Counted;

use super::peer::built;
use crate::process::Process;

/// Pages of one server in a process of their own: see `bench-load`.
pub(super) struct LoadProcess(Process);

impl LoadProcess {
    /// Begins to connect the pages of these sessions, spread over that time.
    pub(super) fn start(server: SocketAddr, sessions: &Range<usize>, ramp: Duration) -> Result<Self> {
        let mut command = built("bench-load")?;
        command.arg(server.to_string());
        command.args([sessions.start, sessions.len(), usize::try_from(ramp.as_millis())?].map(|it| it.to_string()));
        Process::start(command, "`cargo xtask bench` builds it.").map(Self)
    }

    /// What its pages have gone through, as of a moment ago.
    pub(super) fn counted(&mut self) -> Result<Counted> {
        if !self.0.is_running()? {
            bail!("a load process ended: {}", self.0.stderr());
        }
        let written = self.0.stdout();
        // Only whole lines.
        let whole = written.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let Some(last) = whole.lines().next_back() else { return Ok(Counted::default()) };
        serde_json::from_str(last).with_context(|| format!("a load process said {last:?}"))
    }
}
