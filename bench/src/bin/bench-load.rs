//! One process of a load that one process alone has not enough files for: pages of one server, with SockJS.
//!
//! `bench-load SERVER FIRST COUNT RAMP_MS`, where the pages and their sessions are numbered from FIRST on
//!
//! It says what the pages have gone through so far as a line of JSON, over and over, until nobody reads it any more.

use std::{
    io::{Write as _, stdout},
    time::Duration,
};

use anyhow::{Context as _, Result};
use swampdragon_bench::{Load, Plan, Wire, session_names};
use swampdragon_client::Config;
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("SERVER FIRST COUNT RAMP_MS");
    let server = next()?.parse().context("SERVER is an address with a port")?;
    let mut number = || -> Result<usize> { Ok(next()?.parse()?) };
    let (first, count, ramp) = (number()?, number()?, number()?);

    let load = Load::start(Plan {
        servers: vec![server],
        wire: Wire::SockJs,
        prefix: "/data".to_owned(),
        first,
        sessions: session_names(first..first + count),
        config: Config::default(),
        ramp: Duration::from_millis(u64::try_from(ramp)?),
        opening: usize::MAX,
        stay: None,
    });
    loop {
        writeln!(stdout(), "{}", serde_json::to_string(&load.counted())?)?;
        sleep(PAUSE).await;
    }
}
