//! The smallest server that embeds the library: sessions in memory, on a free port.
//!
//! `cargo run --package swampdragon-server --example minimal`

use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    shutdown_signal,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().session_store(store).bind("127.0.0.1:0").await?;
    println!("http://{}/", server.local_addr()?);
    server.run_until(shutdown_signal()?).await;
    Ok(())
}
