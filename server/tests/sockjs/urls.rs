//! What is where, and what every response says beside its body.

use serde_json::Value;
use swampdragon_server::settings::Settings;

use crate::{
    client::{Exchange, get, post, request, send, session},
    server::{echo, settings},
};

const NEVER: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

#[tokio::test]
async fn the_prefix_greets() {
    let server = echo(settings()).await;
    for path in ["/echo", "/echo/"] {
        let answer = get(server, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "Welcome to SockJS!\n"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn what_is_no_url_of_sockjs_is_not_found() {
    let server = echo(settings()).await;
    for path in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/a/b/unheard_of", "/a/b/c/xhr"] {
        assert_eq!(get(server, &format!("/echo{path}")).await.status, 404, "{path}");
    }
    let too_long = format!("/a/{}", "x".repeat(129));
    for names in ["//", "/a./a", "/a/a.", "/./.", "/", "///", &too_long] {
        let path = format!("/echo{names}/xhr");
        assert_eq!(get(server, &path).await.status, 404, "GET {path}");
        assert_eq!(post(server, &path, "").await.status, 404, "POST {path}");
    }
}

#[tokio::test]
async fn session_names_may_be_anything_else() {
    let server = echo(settings()).await;
    for names in ["/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20", "/%C3%A4/%F0%9F%98%80"] {
        assert_eq!(post(server, &format!("/echo{names}/xhr"), "").await.body, "o\n", "{names}");
    }
    assert_eq!(post(server, "/echo/a/%FF/xhr", "").await.status, 400, "not UTF-8");
}

#[tokio::test]
async fn a_method_that_a_url_does_not_have_is_answered_with_those_that_it_has() {
    let server = echo(settings()).await;
    for (line, allowed) in [
        ("POST /echo", "GET, HEAD"),
        ("POST /echo/info", "OPTIONS, GET"),
        ("DELETE /echo/iframe.html", "GET, HEAD"),
        ("POST /echo/0/0/websocket", "GET"),
        ("POST /echo/websocket", "GET"),
        ("GET /echo/0/0/xhr", "OPTIONS, POST"),
        ("HEAD /echo/0/0/xhr", "OPTIONS, POST"),
        ("PUT /echo/0/0/xhr_send", "OPTIONS, POST"),
        ("GET /echo/0/0/xhr_streaming", "OPTIONS, POST"),
        ("GET /echo/0/0/jsonp_send", "POST"),
        ("POST /echo/0/0/jsonp?c=x", "GET"),
        ("HEAD /echo/0/0/eventsource", "GET"),
        ("POST /echo/0/0/htmlfile?c=x", "GET"),
    ] {
        let client = Settings { sockjs_client_url: Some("/sockjs.js".into()), ..settings() };
        let server = if line.contains("iframe") { echo(client).await } else { server };
        let answer = Exchange::begin(server, line, "", "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{line}");
        assert_eq!(answer.header("content-type"), None, "{line}");
        if !line.starts_with("HEAD") {
            assert_eq!(answer.header("content-length"), Some("0"), "{line}");
        }
    }
}

#[tokio::test]
async fn preflights_are_answered_for_a_year() {
    let server = echo(settings()).await;
    for (path, methods) in [
        ("/info", "OPTIONS, GET"),
        ("/abc/abc/xhr", "OPTIONS, POST"),
        ("/abc/abc/xhr_send", "OPTIONS, POST"),
        ("/abc/abc/xhr_streaming", "OPTIONS, POST"),
    ] {
        for origin in ["http://example.net", "null"] {
            let headers = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n");
            let answer = request(server, &format!("OPTIONS /echo{path}"), &headers, "").await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
            for (name, value) in [
                ("cache-control", "public, max-age=31536000"),
                ("access-control-max-age", "31536000"),
                ("access-control-allow-methods", methods),
                ("access-control-allow-origin", origin),
                ("access-control-allow-credentials", "true"),
                ("vary", "Origin"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{path}: {name}");
            }
            assert!(answer.header("expires").unwrap().ends_with(" GMT"));
            assert_eq!(answer.header("access-control-allow-headers"), None);
        }
    }
    for (asked, allowed) in [("a, b, c", Some("a, b, c")), ("", None)] {
        let headers = format!("Origin: http://example.net\r\nAccess-Control-Request-Headers: {asked}\r\n");
        let answer = request(server, "OPTIONS /echo/abc/abc/xhr", &headers, "").await;
        assert_eq!(answer.header("access-control-allow-headers"), allowed);
    }
}

#[tokio::test]
async fn every_transport_has_its_type_and_is_kept_by_nobody() {
    let server = echo(settings()).await;
    let sending = session("/echo");
    assert_eq!(post(server, &format!("{sending}/xhr"), "").await.body, "o\n");
    for (line, body, content_type) in [
        (format!("POST {}/xhr", session("/echo")), "", "application/javascript; charset=UTF-8"),
        (format!("POST {}/xhr_streaming", session("/echo")), "", "application/javascript; charset=UTF-8"),
        (format!("GET {}/eventsource", session("/echo")), "", "text/event-stream"),
        (format!("GET {}/htmlfile?c=x", session("/echo")), "", "text/html; charset=UTF-8"),
        (format!("GET {}/jsonp?c=x", session("/echo")), "", "application/javascript; charset=UTF-8"),
        (format!("POST {sending}/xhr_send"), "[]", "text/plain; charset=UTF-8"),
        (format!("POST {sending}/jsonp_send"), "[]", "text/plain; charset=UTF-8"),
    ] {
        for (origin, allowed, credentials) in
            [("Origin: http://example.net\r\n", "http://example.net", Some("true")), ("", "*", None)]
        {
            // Each time a session of its own.
            let line = line.replace("/session", if origin.is_empty() { "/again" } else { "/session" });
            if !line.contains("_send") || !origin.is_empty() {
                let answer = Exchange::begin(server, &line, origin, body).await;
                assert!(matches!(answer.status, 200 | 204), "{line}");
                for (name, value) in [
                    ("content-type", Some(content_type)),
                    ("cache-control", Some(NEVER)),
                    ("access-control-allow-origin", Some(allowed)),
                    ("access-control-allow-credentials", credentials),
                    ("expires", None),
                    ("last-modified", None),
                    ("x-content-type-options", Some("nosniff")),
                ] {
                    assert_eq!(answer.header(name), value, "{line}: {name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_cookie_of_load_balancers_is_set_where_wanted() {
    let with = echo(settings()).await;
    let without = echo(Settings { sockjs_cookie: false, ..settings() }).await;
    for (server, needed, cookie) in [(with, true, Some("JSESSIONID=dummy; path=/")), (without, false, None)] {
        let info = get(server, "/echo/info").await;
        assert_eq!(info.header("set-cookie"), None);
        assert_eq!(serde_json::from_str::<Value>(&info.body).unwrap()["cookie_needed"], needed);
        for transport in ["xhr", "xhr_streaming", "eventsource", "htmlfile?c=x", "jsonp?c=x"] {
            let method = if transport.starts_with("xhr") { "POST" } else { "GET" };
            let answer = Exchange::begin(server, &format!("{method} {}/{transport}", session("/echo")), "", "").await;
            assert_eq!((answer.status, answer.header("set-cookie")), (200, cookie), "{transport}");
        }
    }
    let line = format!("POST {}/xhr", session("/echo"));
    let answer = request(with, &line, "Cookie: a=b; JSESSIONID=abcdef\r\n", "").await;
    assert_eq!(answer.header("set-cookie"), Some("JSESSIONID=abcdef; path=/"));

    let jsonp = session("/echo");
    assert_eq!(get(with, &format!("{jsonp}/jsonp?c=x")).await.body, "/**/x(\"o\");\r\n");
    for (transport, status) in [("jsonp_send", 200), ("xhr_send", 204)] {
        let line = format!("POST {jsonp}/{transport}");
        let answer = request(with, &line, "Cookie: JSESSIONID=abcdef\r\n", "[\"a\"]").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (status, Some("JSESSIONID=abcdef; path=/")));
    }
}

#[tokio::test]
async fn one_http_connection_serves_one_request_after_the_other() {
    let server = echo(settings()).await;
    let session = session("/echo");
    let mut socket = tokio::net::TcpStream::connect(server).await.unwrap();
    for (transport, body, status, answered) in
        [("xhr", "", 200, "o\n"), ("xhr_send", "[\"a\"]", 204, ""), ("xhr", "", 200, "a[\"a\"]\n")]
    {
        send(&mut socket, &format!("POST {session}/{transport}"), "", body).await;
        let exchange = Exchange::answered(socket).await;
        assert_eq!(exchange.status, status, "{transport}");
        let (answer, rest) = exchange.rest_and_socket().await;
        assert_eq!(answer.body, answered, "{transport}");
        socket = rest;
    }
}

#[tokio::test]
async fn a_handshake_on_a_connection_that_is_to_be_closed_is_refused() {
    let server = echo(settings()).await;
    let headers = "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n";
    let answer = request(server, "GET /echo/0/0/websocket", headers, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (400, "\"Connection\" must be \"Upgrade\"."));
}

#[tokio::test]
async fn the_frame_for_old_browsers_is_kept_for_a_year() {
    let url = "https://cdn.example/sockjs.js";
    let server = echo(Settings { sockjs_client_url: Some(url.into()), ..settings() }).await;
    let first = get(server, "/echo/iframe.html").await;
    let tag = first.header("etag").unwrap();
    for path in
        ["iframe.html", "iframe-a.html", "iframe-.html", "iframe-0.1.2.html", "iframe-0.1.2abc-dirty.2144.html?t=q"]
    {
        let answer = get(server, &format!("/echo/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            ("content-type", Some("text/html; charset=UTF-8")),
            ("cache-control", Some("public, max-age=31536000")),
            ("etag", Some(tag)),
            ("last-modified", None),
            ("set-cookie", None),
            ("content-security-policy", None),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        assert!(answer.header("expires").is_some());
        assert!(answer.body.contains("  <script src=\"https://cdn.example/sockjs.js\"></script>\n"), "{}", answer.body);
        assert!(answer.body.contains("    SockJS.bootstrap_iframe();\n"), "{}", answer.body);
    }
    for known in [tag, &format!("\"other\", W/{tag}"), "*"] {
        let answer = request(server, "GET /echo/iframe.html", &format!("If-None-Match: {known}\r\n"), "").await;
        assert_eq!((answer.status, answer.body.as_str(), answer.header("content-type")), (304, "", None), "{known}");
    }
    let other = request(server, "GET /echo/iframe.html", "If-None-Match: \"other\"\r\n", "").await;
    assert_eq!(other.status, 200);
    for path in ["iframe.htm", "iframe", "IFRAME.HTML", "iframe.HTML", "iframe.xml", "iframe-/.html"] {
        assert_eq!(get(server, &format!("/echo/{path}")).await.status, 404, "{path}");
    }
    let without = echo(settings()).await;
    assert_eq!(get(without, "/echo/iframe.html").await.status, 404, "no script, no page");
}

#[tokio::test]
async fn old_http_gets_the_same_without_chunks() {
    let server = echo(settings()).await;
    let answer = request(server, "GET /echo HTTP/1.0", "Connection: Keep-Alive\r\n", "").await;
    assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (Some("19"), None));
    let line = format!("POST {}/xhr_streaming HTTP/1.0", session("/close"));
    let mut stream = Exchange::begin(server, &line, "Connection: Keep-Alive\r\n", "").await;
    assert_eq!((stream.header("content-length"), stream.header("transfer-encoding")), (None, None));
    let mut body = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream.socket, &mut body).await.unwrap();
    assert_eq!(body, "h".repeat(2048) + "\no\nc[3000,\"Go away!\"]\n");
}
