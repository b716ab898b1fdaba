use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use swampdragon_server::{Server, fuzzing::Http, settings::Settings};
use tokio::{runtime::Builder, time::timeout};

use crate::text;

/// Longer than any request waits for something to receive. Time is virtual.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server answers whatever it is asked, with nothing that a page of another site could use.
///
/// Requests come one after the other, with a line `---` between: `METHOD URL`, headers, an empty line, the body.
pub(crate) fn check(input: &[u8]) {
    let requests: Vec<_> = text(input).split("\n---\n").filter_map(request).collect();
    if requests.is_empty() {
        return;
    }
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let server = Http::new(Server::builder().settings(settings())).await.expect("these settings are allowed");
        for request in requests {
            answer(&server, request).await;
        }
    });
}

/// Small, so that inputs can exceed them.
fn settings() -> Settings {
    Settings {
        session_store: "memory:".to_owned(),
        max_message_size: 1024,
        sockjs_response_limit: 4096,
        max_connections: 3,
        ..Settings::default()
    }
}

fn request(text: &str) -> Option<Request<Body>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, url) = lines.next()?.split_once(' ')?;
    let request = lines
        .filter_map(|line| line.split_once(": "))
        .fold(Request::builder().method(method).uri(url), |request, (name, value)| request.header(name, value));
    request.body(Body::from(body.to_owned())).ok()
}

async fn answer(server: &Http, request: Request<Body>) {
    let asked = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    // A request that receives may do so until it has had enough; this page goes away then.
    let Ok(response) = timeout(PATIENCE, server.answer(request)).await else { return };
    let (head, body) = response.into_parts();
    if let Some(origin) = head.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let told = head.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        assert!(!told || is_own(origin.as_bytes(), &headers), "{asked}: {origin:?} may read what is not its own");
    }
    let Ok(Ok(body)) = timeout(PATIENCE, body.collect()).await else { return };
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    // SockJS has this status for what clients do wrong as well, and a sentence with it.
    assert!(head.status != StatusCode::INTERNAL_SERVER_ERROR || body.contains(' '), "{asked}");
    let is_page = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        // A script that is ended twice was ended by what somebody else has sent.
        let (begun, ended) = (body.matches("<script").count(), body.matches("</script").count());
        assert!(ended <= begun, "{asked}: {body}");
    }
}

/// Whether pages of this origin come from the host that the request was sent to.
fn is_own(origin: &[u8], headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return false };
    [b"http://".as_slice(), b"https://"].iter().any(|scheme| {
        let whole = [scheme, host.as_bytes()].concat();
        whole.eq_ignore_ascii_case(origin)
    })
}
