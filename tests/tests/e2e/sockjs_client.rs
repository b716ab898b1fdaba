//! SockJS's own client keeps a session over every transport that it has.

use anyhow::{Result, ensure};
use swampdragon_tests::{browser::Browser, server::Server, site::Site, sockjs_client};

fn server(arguments: &[&str]) -> Result<Server> {
    let common = [
        "--session-store",
        "memory:",
        "--open-sessions",
        "--heartbeat-ack",
        "--heartbeat-interval",
        "300ms",
        "--sockjs-client-url",
        "/sockjs.js",
        "--static-dir",
    ];
    let page = sockjs_client::page()?.display().to_string();
    Server::start(common.into_iter().chain([page.as_str()]).chain(arguments.iter().copied()))
}

#[tokio::test]
async fn in_node() -> Result<()> {
    let server = server(&[])?;
    for transport in ["websocket", "xhr-streaming", "eventsource", "xhr-polling"] {
        let said = sockjs_client::converse(server.url(), transport)?;
        let expected = format!(r#"{{"transport":"{transport}","state":"active"}}"#);
        ensure!(said == expected, "{transport}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn in_a_page_from_the_server_itself() -> Result<()> {
    let server = server(&[])?;
    let browser = Browser::start().await?;
    for transport in ["websocket", "xhr-streaming", "eventsource", "htmlfile", "xhr-polling", "jsonp-polling"] {
        browser.open(&format!("{}/?transport={transport}", server.url())).await?;
        finished(&browser, transport).await?;
    }
    Ok(())
}

#[tokio::test]
async fn in_a_page_from_elsewhere() -> Result<()> {
    let site = Site::serve(sockjs_client::page()?).await?;
    let server = server(&["--allowed-origins", site.origin()])?;
    let browser = Browser::start().await?;
    for transport in [
        "websocket",
        "xhr-streaming",
        "eventsource",
        "iframe-eventsource",
        "iframe-htmlfile",
        "xhr-polling",
        "iframe-xhr-polling",
        "jsonp-polling",
    ] {
        browser.open(&format!("{}/?server={}&transport={transport}", site.origin(), server.url())).await?;
        finished(&browser, transport).await?;
    }
    Ok(())
}

async fn finished(browser: &Browser, transport: &str) -> Result<()> {
    browser.until("seen.state !== undefined || seen.error !== undefined").await?;
    let seen = browser.value("JSON.stringify(seen)").await?;
    ensure!(seen == format!(r#"{{"transport":"{transport}","state":"active"}}"#), "{transport}: {seen}");
    Ok(())
}
