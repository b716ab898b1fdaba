//! A server that runs beside the test, and bare sockets to it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::net::{TcpSocket, TcpStream};

/// Far longer than anything here takes: a peer that waits this long waits in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(settings: Settings) -> SocketAddr {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().settings(settings).session_store(store).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run_until(std::future::pending()));
    address
}

/// Connects as somebody who has this address.
pub(crate) async fn connect_from(address: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}
