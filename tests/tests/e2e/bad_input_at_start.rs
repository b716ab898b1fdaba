//! What an operator reads who got a setting wrong: one line that says what, where and what is allowed.

use std::net::{TcpListener, TcpStream};

use anyhow::{Result, ensure};
use swampdragon_tests::server::refusal;
use tokio::net::TcpSocket;

/// A wrong setting or command line, as is customary.
const MISUSED: i32 = 2;
/// All else.
const FAILED: i32 = 1;

/// Asserts that the server refuses with nothing but this one line on standard error.
fn refuses(arguments: &[&str], code: i32, message: &str) -> Result<()> {
    let refusal = refusal(arguments)?;
    ensure!(
        refusal.stderr.trim_end() == format!("swampdragon: {message}"),
        "{arguments:?} gave\n{}\ninstead of\nswampdragon: {message}",
        refusal.stderr
    );
    ensure!(refusal.stdout.is_empty(), "{arguments:?} wrote {:?} to standard output", refusal.stdout);
    ensure!(refusal.status.code() == Some(code), "{arguments:?} ended with {}", refusal.status);
    Ok(())
}

#[test]
fn an_unknown_session_store() -> Result<()> {
    refuses(
        &["--port", "0", "--session-store", "app.session_store.FooSessionStore"],
        FAILED,
        "`app.session_store.FooSessionStore` names no session store; there are: redis://HOST:PORT, \
         rediss://HOST:PORT, redis+unix://PATH, redis+sentinel://HOST:PORT,HOST:PORT/MASTER, \
         redis+cluster://HOST:PORT,HOST:PORT, embedded:PATH, memory:",
    )
}

#[tokio::test]
async fn a_redis_that_is_not_there() -> Result<()> {
    // Bound and never listened on, this port refuses connections and nobody else can take it.
    let held = TcpSocket::new_v4()?;
    held.bind("127.0.0.1:0".parse()?)?;
    let address = held.local_addr()?;
    let cause = TcpStream::connect(address).expect_err("nobody listens");
    refuses(
        &["--port=0", "--redis-start-wait=0s", "--session-store", &format!("redis://operator:s3cret@{address}/0")],
        FAILED,
        &format!(
            "Redis at {address} cannot be reached; start it, or set `session_store` to another (embedded:PATH needs no \
             Redis): {cause}"
        ),
    )
}

#[test]
fn a_port_in_use() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    let cause = TcpListener::bind(address).expect_err("the port is in use");
    refuses(
        &["--port", &address.port().to_string(), "--session-store", "memory:"],
        FAILED,
        &format!(
            "cannot listen on {address}: another program listens there; stop it or choose another `port`: {cause}"
        ),
    )
}

#[test]
fn an_interval_that_is_none() -> Result<()> {
    for text in ["banana", "0s", "-1s"] {
        refuses(
            &["--session-store", "memory:", "--port", "0", &format!("--heartbeat-interval={text}")],
            MISUSED,
            &format!(
                "heartbeat_interval: flag --heartbeat-interval gives `{text}`; allowed is a duration in d, h, m, s or \
                 ms, such as 30m, 10s or 500ms, from 50ms to 365d"
            ),
        )?;
    }
    Ok(())
}

#[test]
fn a_heartbeat_that_would_come_too_late() -> Result<()> {
    refuses(
        &["--session-store", "memory:", "--port", "0", "--heartbeat-interval", "30m", "--session-ttl", "10m"],
        MISUSED,
        "heartbeat_interval is 30m (flag --heartbeat-interval) and session_ttl is 10m (flag --session-ttl): sessions \
         would end before a heartbeat keeps them; set heartbeat_interval below session_ttl (a third of it is a good \
         choice), or turn heartbeats off with heartbeat_enabled = false",
    )
}
