use swampdragon_protocol::close_code;
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};

use super::session::Batch;
use crate::connection::Connection;

/// Drives one polled session: handles what its requests bring, one message at a time, from open to close.
pub(super) struct SessionTask {
    connection: Connection,
}

impl SessionTask {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub(super) async fn run(self, mut batches: mpsc::Receiver<Batch>) {
        let connection = &self.connection;
        let Some(session) = connection.polled() else { return };
        let settings = &connection.service().settings;
        let disconnect_delay = settings.sockjs_disconnect_delay;
        connection.opened().await;
        let end = loop {
            tokio::select! {
                biased;
                end = session.ended(disconnect_delay) => break end,
                Some(batch) = batches.recv() => {
                    connection.received_messages(&batch.messages).await;
                    // Fails when the request is gone, which then needs no answer.
                    let _ = batch.handled.send(());
                }
            }
        };
        drop(batches);
        connection.closed(end.code).await;
        connection.forget();
        if timeout(settings.close_timeout, session.no_receiver()).await.is_err() {
            // It reads so slowly that it has not even taken the close frame.
            session.cut_off_receiver();
        }
        if end.peer_may_ask {
            sleep_until(end.at + disconnect_delay).await;
        }
    }
}

impl Drop for SessionTask {
    fn drop(&mut self) {
        // Also when a handler panicked or the runtime shuts down: nothing of the session stays behind.
        self.connection.forget();
        if let Some(session) = self.connection.polled() {
            session.close(close_code::GO_AWAY, close_code::GO_AWAY.reason);
            self.connection.endpoint().sessions.remove(session.id());
        }
    }
}
