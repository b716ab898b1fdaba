//! What is counted of heartbeats and sessions.

use std::{collections::HashMap, time::Duration};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use swampdragon_server::{settings::Settings, testing::TestServer};
use tokio::time::sleep;

use crate::{save, server};

/// A server whose numbers can be read.
async fn counted(settings: Settings) -> (TestServer, Snapshotter) {
    let recorder = DebuggingRecorder::new();
    let _installed = metrics::set_default_local_recorder(&recorder);
    (server(settings).await, recorder.snapshotter())
}

/// The counters that are not 0, each with its labels.
fn counters(snapshotter: &Snapshotter) -> HashMap<String, u64> {
    let all = snapshotter.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
        let DebugValue::Counter(count) = value else { return None };
        let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
        let name = key.key().name().trim_start_matches("swampdragon_");
        (count > 0).then(|| ([name.to_owned()].into_iter().chain(labels).collect::<Vec<_>>().join(" "), count))
    });
    all.collect()
}

fn expect(counted: &HashMap<String, u64>, expected: &[(&str, u64)]) {
    let expected: HashMap<_, _> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let counted: HashMap<_, _> = counted.iter().filter(|(name, _)| !name.starts_with("connections")).collect();
    assert_eq!(counted, expected.iter().collect());
}

#[tokio::test(start_paused = true)]
async fn each_heartbeat_message_is_answered_once_in_time_or_late() {
    let minute = Duration::from_secs(60);
    let interval = 10 * minute;
    let settings = Settings { heartbeat_interval: interval, heartbeat_first_delay: interval, ..Settings::default() };
    let (server, numbers) = counted(settings).await;
    save(&server, &["mine"]).await;
    let page = server.connect().await;
    // Nobody asked.
    page.answer_heartbeat("mine").await;
    sleep(11 * minute).await;
    page.answer_heartbeat("mine").await;
    page.answer_heartbeat("mine").await;
    sleep(15 * minute).await;
    page.answer_heartbeat("mine").await;
    server.refresh_sessions().await;
    expect(
        &counters(&numbers),
        &[
            ("heartbeats_sent_total", 2),
            ("heartbeats_answered_total", 2),
            ("heartbeats_late_total", 1),
            ("refreshes_total active", 1),
            ("refreshes_total too_soon", 1),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_page_is_refused_is_counted_by_reason() {
    let (server, numbers) = counted(Settings { max_keys_per_connection: 1, ..Settings::default() }).await;
    save(&server, &["one", "two"]).await;
    let page = server.connect().await;
    for session in ["one", "one", "two", "a b"] {
        page.answer_heartbeat(session).await;
    }
    page.log_out("two").await;
    page.log_out("one").await;
    expect(
        &counters(&numbers),
        &[
            ("refreshes_total too_soon", 1),
            ("refreshes_total too_many_keys", 1),
            ("refreshes_total malformed", 1),
            ("logouts_total refused", 1),
            ("logouts_total done", 1),
        ],
    );
}
