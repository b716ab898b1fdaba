use std::{io, net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

/// A server as seen from far away: what is sent either way arrives after half of the round trip, and opening a
/// connection takes a whole one.
pub(super) struct Far {
    origin: String,
    task: JoinHandle<()>,
}

impl Far {
    /// Puts this distance before a server.
    pub(super) async fn from(server: SocketAddr, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                // An end on one side is an end on the other, whatever the reason.
                tokio::spawn(async move { carry(near, server, round_trip).await.ok() });
            }
        });
        Ok(Self { origin, task })
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, server: SocketAddr, round_trip: Duration) -> io::Result<()> {
    sleep(round_trip).await;
    let far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        done = one_way(near_read, far_write, round_trip / 2) => done,
        done = one_way(far_read, near_write, round_trip / 2) => done,
    }
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) -> io::Result<()> {
    // As much as is on the way: a page's few files.
    let (sent, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async {
        let mut buffer = vec![0; 16_384];
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 || sent.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
                return Ok(());
            }
        }
    };
    let write = async {
        while let Some((due, bytes)) = arriving.recv().await {
            sleep_until(due).await;
            to.write_all(&bytes).await?;
        }
        Ok(())
    };
    tokio::select! { done = read => done, done = write => done }
}
