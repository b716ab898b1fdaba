//! A static file server: where pages come from when they do not come from the server under test.

use std::path::Path;

use anyhow::Result;
use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tower_http::services::ServeDir;

/// A folder, served on a port of its own: another origin than the server's.
pub struct Site {
    origin: String,
    task: JoinHandle<()>,
}

impl Site {
    /// Serves `folder` on a free port.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn serve(folder: &Path) -> Result<Self> {
        Self::of(Router::new().fallback_service(ServeDir::new(folder))).await
    }

    /// Serves what `files` answers with, likewise.
    pub(crate) async fn of(files: Router) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            // It serves until it is dropped; there is nobody to tell of an error but the browser, which notices.
            let _ = axum::serve(listener, files).await;
        });
        Ok(Self { origin, task })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}
