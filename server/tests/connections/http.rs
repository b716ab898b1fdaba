//! What the server answers to plain HTTP requests.

use std::net::SocketAddr;

use serde_json::{Value, json};
use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::running::run;

/// Status line and headers in lower case, and the body.
async fn get(address: SocketAddr, path: &str, headers: &str) -> (String, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: example.com:9999\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn info_tells_sockjs_clients_what_they_ask() {
    let address = run(Settings::default()).await;
    let (head, body) = get(address, "/data/info", "Origin: http://example.com:9999\r\n").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for header in [
        "content-type: application/json",
        "cache-control: no-store, no-cache, no-transform, must-revalidate, max-age=0",
        "access-control-allow-origin: http://example.com:9999",
        "access-control-allow-credentials: true",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    let mut info: Value = serde_json::from_str(&body).unwrap();
    assert!(info["entropy"].take().is_u64());
    assert_eq!(info, json!({"websocket": true, "cookie_needed": true, "origins": ["*:*"], "entropy": null}));
    let (_, again) = get(address, "/data/info", "").await;
    assert_ne!(body, again, "entropy is fresh each time");
}

#[tokio::test]
async fn info_is_not_readable_from_a_page_that_may_not_connect() {
    let address = run(Settings::default()).await;
    let (head, _) = get(address, "/data/info", "Origin: https://evil.example\r\n").await;
    assert!(!head.contains("access-control-allow"), "{head}");
}

#[tokio::test]
async fn settings_js_tells_old_pages_where_the_server_is() {
    let address = run(Settings::default()).await;
    let (head, body) = get(address, "/settings.js", "").await;
    assert!(head.contains("content-type: application/javascript"), "{head}");
    let expected =
        "window.swampdragon_settings = {\"endpoint\":\"/data\"};\nwindow.swampdragon_host = \"//example.com:9999\";\n";
    assert_eq!(body, expected);
    let settings = Settings { public_url: Some("https://live.example".into()), ..Settings::default() };
    let (_, body) = get(run(settings).await, "/settings.js", "").await;
    assert!(body.ends_with("window.swampdragon_host = \"https://live.example\";\n"), "{body}");
}

#[tokio::test]
async fn the_prefix_greets_and_other_paths_are_not_found() {
    let address = run(Settings::default()).await;
    for path in ["/data", "/data/"] {
        assert_eq!(get(address, path, "").await.1, "Welcome to SockJS!\n", "{path}");
    }
    for path in ["/nowhere", "/data/a.b/c/websocket", "/data/a/b.c/websocket", "/data//abc/websocket"] {
        assert!(get(address, path, "").await.0.starts_with("http/1.1 404"), "{path}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_refused_in_sockjs_words() {
    let address = run(Settings::default()).await;
    let (head, body) = get(address, "/data/0/abc/websocket", "").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert_eq!(body, "Can \"Upgrade\" only to \"WebSocket\".");
}

#[tokio::test]
async fn files_are_served_from_the_static_folder_and_from_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("public")).unwrap();
    std::fs::write(folder.path().join("public/index.html"), "<p>hello").unwrap();
    std::fs::write(folder.path().join("secret"), "no").unwrap();
    let address = run(Settings { static_dir: Some(folder.path().join("public")), ..Settings::default() }).await;
    assert_eq!(get(address, "/", "").await.1, "<p>hello");
    assert!(get(address, "/../secret", "").await.0.starts_with("http/1.1 404"));
    assert!(get(address, "/%2e%2e/secret", "").await.0.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn a_static_folder_that_is_not_there_is_refused_at_start() {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let settings = Settings { static_dir: Some("no/such/folder".into()), ..Settings::default() };
    let refused = Server::builder().settings(settings).session_store(store).bind("127.0.0.1:0").await;
    let refused = refused.err().expect("it starts");
    assert_eq!(refused.to_string(), "static_dir is `no/such/folder`, and there is no such folder");
}
