use std::time::Duration;

use anyhow::{Context as _, Result};
use redis::aio::MultiplexedConnection;

/// What a Redis has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RedisCost {
    pub(super) cpu: Duration,
    /// Commands of those that use it, not of those that look.
    pub(super) commands: u64,
    /// Those of them that extend a key's life.
    pub(super) refreshes: u64,
}

/// Commands that the measuring itself sends.
const OWN: [&str; 7] = ["info", "config", "client", "hello", "psubscribe", "subscribe", "ping"];

impl RedisCost {
    /// Asks for it.
    pub(super) async fn of(redis: &mut MultiplexedConnection) -> Result<Self> {
        let info: String = redis::cmd("INFO").arg(&["cpu", "commandstats"]).query_async(redis).await?;
        Self::parse(&info).context("INFO has no CPU time")
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            commands: self.commands - before.commands,
            refreshes: self.refreshes - before.refreshes,
        }
    }

    fn parse(info: &str) -> Option<Self> {
        let seconds = |name: &str| info.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<f64>().ok();
        let cpu = Duration::try_from_secs_f64(seconds("used_cpu_sys:")? + seconds("used_cpu_user:")?).ok()?;
        let mut cost = Self { cpu, ..Self::default() };
        for line in info.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
            let (name, numbers) = line.split_once(":calls=")?;
            let calls: u64 = numbers.split(',').next()?.parse().ok()?;
            if !OWN.contains(&name.split('|').next()?) {
                cost.commands += calls;
            }
            if matches!(name, "expire" | "pexpire") {
                cost.refreshes += calls;
            }
        }
        Some(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_ask_of_redis_is_told_from_what_the_measuring_asks() {
        let info = "# CPU\r\nused_cpu_sys:1.250000\r\nused_cpu_user:0.500000\r\nused_cpu_sys_children:9.0\r\n\
            # Commandstats\r\ncmdstat_expire:calls=40,usec=9\r\ncmdstat_pexpire:calls=2,usec=9\r\n\
            cmdstat_pttl:calls=5,usec=1\r\ncmdstat_config|set:calls=1,usec=1\r\ncmdstat_info:calls=7,usec=1\r\n";
        let cost = RedisCost::parse(info).unwrap();
        assert_eq!(cost, RedisCost { cpu: Duration::from_millis(1750), commands: 47, refreshes: 42 });
        assert_eq!(RedisCost::parse("cmdstat_expire:calls=40,usec=9"), None);
    }
}
