use std::sync::Arc;

use axum::{
    extract::State as Extract,
    http::{HeaderName, header},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use super::State;

/// Upper bounds of the buckets of every histogram, all of which count seconds: from a refresh in a millisecond to one
/// that waited for a store through an outage of ten minutes.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// One for each server, so that several in a process do not mix their numbers.
pub(super) fn recorder() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
    builder.expect("there are buckets").build_recorder()
}

/// `/metrics`, in the text format that Prometheus reads.
pub(super) async fn metrics(Extract(state): Extract<Arc<State>>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.numbers.render())
}
