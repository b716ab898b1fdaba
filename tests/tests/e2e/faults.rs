//! The faults that are likeliest, with fewer pages; `cargo xtask test faults` has them all, with 2,000.

use anyhow::{Result, bail};
use swampdragon_tests::faults::{Fault, suffer};

const PAGES: usize = 200;

async fn costs_no_session(fault: Fault) -> Result<()> {
    let outcome = suffer(fault, PAGES).await?;
    assert_eq!(outcome.should_live, PAGES, "all of them can be saved");
    match outcome.complaint() {
        None => Ok(()),
        Some(complaint) => bail!(complaint),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_does_nothing_for_most_of_a_ttl_costs_no_session() -> Result<()> {
    costs_no_session(Fault::RedisStopped).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_crashes_costs_no_session() -> Result<()> {
    costs_no_session(Fault::NodeKilled).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_one_node_after_the_other_costs_no_session() -> Result<()> {
    costs_no_session(Fault::NodesRolled).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_costs_the_sessions_and_every_page_is_told() -> Result<()> {
    let outcome = suffer(Fault::RedisEmptied, PAGES).await?;
    assert_eq!(outcome.told_expired, PAGES);
    Ok(())
}
