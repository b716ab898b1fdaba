//! SockJS sessions without a WebSocket that were abandoned leave no session, no task and no memory behind. A process of
//! its own, since it counts what the whole process has allocated.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    alloc::System,
    net::SocketAddr,
    time::{Duration, Instant},
};

use cap::Cap;
use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Waits until a condition holds that the server brings about on its own.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends a request and reads until the session's open frame has come.
async fn open(server: SocketAddr, transport: &str, session: usize) -> TcpStream {
    let (method, path) = transport.split_once(' ').unwrap();
    let mut socket = TcpStream::connect(server).await.unwrap();
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    let head = format!("{method} /data/000/{session}/{path} HTTP/1.1\r\nHost: x\r\n{length}\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"o\n")
        && !answer.ends_with(b"o\n\r\n")
        && !answer.ends_with(b"o\r\n\r\n\r\n")
        && !answer.ends_with(b"(\"o\");\r\n")
        && !answer.ends_with(b"(\"o\");\n</script>\r\n\r\n")
    {
        let mut byte = [0; 4096];
        let read = socket.read(&mut byte).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&byte[..read]);
    }
    socket
}

#[tokio::test]
async fn nothing_is_left_of_a_thousand_abandoned_sessions_of_each_transport() {
    let settings = Settings { sockjs_disconnect_delay: Duration::from_millis(100), ..Settings::default() };
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().settings(settings).session_store(store).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let sessions = server.connection_count();
    tokio::spawn(server.run_until(std::future::pending()));
    let metrics = tokio::runtime::Handle::current().metrics();

    for transport in ["POST xhr", "POST xhr_streaming", "GET eventsource", "GET htmlfile?c=x", "GET jsonp?c=x"] {
        let mut least = usize::MAX;
        for round in 0..3 {
            let mut sockets = Vec::new();
            for session in 0..1000 {
                sockets.push(open(address, transport, session).await);
            }
            drop(sockets);
            eventually("sessions are left", || sessions() == 0).await;
            // Each session that is still remembered has a task, and each request that is still open another.
            eventually("tasks are left", || metrics.num_alive_tasks() <= 8).await;
            // The first round leaves what is there once for all, such as the runtime's own tables at their size. The
            // last requests of a round may still be ending, so this, too, is waited for.
            let what = format!("{transport}: memory is left of 1,000 sessions");
            eventually(&what, || round == 0 || ALLOCATOR.allocated() < least.saturating_add(16 * 1024)).await;
            least = least.min(ALLOCATOR.allocated());
            println!("{transport}: {} bytes allocated after 1,000 sessions", ALLOCATOR.allocated());
        }
    }
}
