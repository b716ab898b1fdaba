//! Pages of 2014 and 2015, with the clients they were written for.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use swampdragon_tests::{
    browser::Browser,
    deadline::eventually,
    original::{self, Version},
    redis::Redis,
    server::Server,
};

/// Longer than any wait: whether a session is kept shows in that its time rises again.
const TTL: Duration = Duration::from_secs(120);

#[tokio::test]
async fn page_of_0_3_0_works() -> Result<()> {
    works(Version::V0_3_0).await
}

#[tokio::test]
async fn page_of_0_3_9_works() -> Result<()> {
    works(Version::V0_3_9).await
}

#[tokio::test]
async fn page_of_0_4_2_2_works() -> Result<()> {
    works(Version::V0_4_2_2).await
}

#[tokio::test]
async fn session_ends_after_its_page_of_0_3_0() -> Result<()> {
    let redis = Redis::start().await?;
    let server = server(Version::V0_3_0, &redis, Duration::from_secs(3))?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/?session=k1", server.url())).await?;
    browser.until("seen.opened === 1").await?;
    redis.store_session("k1", Duration::from_secs(3)).await?;
    for _ in 0..5 {
        redis.refreshed("k1").await?;
    }
    ensure!(browser.value("seen.opened").await? == 1, "one connection was enough");

    browser.open("about:blank").await?;
    redis.expires_unrefreshed("k1").await
}

fn server(version: Version, redis: &Redis, ttl: Duration) -> Result<Server> {
    let (redis, ttl) = (redis.url(), format!("{}s", ttl.as_secs()));
    let page = original::page(version)?.display().to_string();
    let common = [
        ["--session-store", &redis],
        ["--session-ttl", &ttl],
        ["--heartbeat-interval", "500ms"],
        ["--static-dir", &page],
    ];
    let flags = common.iter().flatten().copied().chain(version.settings().iter().copied());
    Server::start_program(Path::new(env!("CARGO_BIN_EXE_interop-server")), flags)
}

/// A page open in a browser.
struct Page<'a> {
    version: Version,
    browser: &'a Browser,
    redis: &'a Redis,
    session: &'static str,
}

/// With a WebSocket, and again in a browser that has none.
async fn works(version: Version) -> Result<()> {
    let redis = Redis::start().await?;
    let mut server = server(version, &redis, TTL)?;
    let browser = Browser::start().await?;

    let page = Page { version, browser: &browser, redis: &redis, session: "socket" };
    let url = format!("{}/?session=socket", server.url());
    page.opens_a_websocket(&url).await?;
    page.writes_to_the_letter().await?;
    page.talks(&mut server).await?;
    page.opens_a_websocket(&url).await?;
    page.is_aborted().await?;

    let page = Page { session: "poll", ..page };
    page.opens(&format!("{}/?session=poll&websocket=none", server.url())).await?;
    page.talks(&mut server).await?;
    browser.until("performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/xhr_send'))").await
}

impl Page<'_> {
    async fn opens(&self, url: &str) -> Result<()> {
        // It visits its session as soon as it opens.
        self.redis.store_session(self.session, TTL).await?;
        self.browser.open(url).await?;
        self.browser.until("seen.opened === 1").await
    }

    /// SockJS 0.3 gives a WebSocket a few hundred milliseconds to open, and a busy machine may take longer; then it is
    /// content with another transport.
    async fn opens_a_websocket(&self, url: &str) -> Result<()> {
        eventually("the page has opened a WebSocket", || async {
            self.opens(url).await?;
            let open = "seen.received[0] === 'o' && seen.socket.readyState === WebSocket.OPEN";
            Ok((self.browser.value(open).await? == true).then_some(()))
        })
        .await
    }

    async fn talks(&self, server: &mut Server) -> Result<()> {
        self.calls().await?;
        self.hears_publications(1).await?;
        self.keeps_its_session().await?;

        server.restart()?;
        self.browser.until("seen.opened >= 2").await?;
        // Its handlers subscribe at each open, as those pages had to.
        self.hears_publications(2).await?;
        self.keeps_its_session().await?;
        self.throws_only_what_it_always_threw().await
    }

    async fn calls(&self) -> Result<()> {
        self.answered("subscribed", &json!(["success", "subscribed"])).await?;
        let args = json!({ "a": 1, "text": "l'été ⛄ \"quoted\"" });
        self.call("private", &args).await?;
        self.call("fail", &json!({})).await?;
        self.answered("fail", &json!(["error", { "error": "as asked" }])).await?;
        self.call("echo", &args).await?;
        self.answered("echo", &json!(["success", args])).await?;
        // The calls of a connection are answered in their order, so this one has been, too.
        let private = self.browser.value("seen.calls.private ?? null").await?;
        ensure!(private == self.login_required(), "login required: {private}");
        Ok(())
    }

    /// The callbacks of 0.4 hear of success and error only.
    fn login_required(&self) -> Value {
        match self.version {
            Version::V0_3_0 | Version::V0_3_9 => json!(["login_required", null]),
            Version::V0_4_2_2 => Value::Null,
        }
    }

    async fn hears_publications(&self, number: usize) -> Result<()> {
        // Each connect subscribes anew; what was published before that answer is not for this page.
        self.answered("subscribed", &json!(["success", "subscribed"])).await?;
        self.call("echo", &json!({ "number": number })).await?;
        self.answered("echo", &json!(["success", { "number": number }])).await?;
        self.call("publish", &json!({ "number": number })).await?;
        self.browser.until(&format!("seen.messages.length === {number}")).await?;
        let message = self.browser.value(&format!("seen.messages[{}]", number - 1)).await?;
        ensure!(message[1] == json!({ "action": "created", "data": { "number": number } }), "published: {message}");
        // After a reconnect the objects of 0.3 list a name twice, whatever the server does.
        let names = message[0].as_array().context("local channels")?;
        ensure!(!names.is_empty() && names.iter().all(|name| name == "local"), "local channels: {names:?}");
        Ok(())
    }

    async fn keeps_its_session(&self) -> Result<()> {
        for _ in 0..2 {
            self.redis.refreshed(self.session).await?;
        }
        Ok(())
    }

    /// 0.4 answers a heartbeat and then trips over a variable that it never declared.
    async fn throws_only_what_it_always_threw(&self) -> Result<()> {
        if self.version == Version::V0_4_2_2 {
            let known = "seen.errors.every((error) => error.includes('channel is not defined'))";
            return self.browser.until(known).await;
        }
        let errors = self.browser.value("seen.errors").await?;
        ensure!(errors == json!([]), "the page throws {errors}");
        // The page's own `onheartbeat` is called.
        self.browser.until("seen.heartbeats >= 2").await
    }

    /// What 0.3.9 and 0.4 answer by themselves, and what they answer it to.
    async fn writes_to_the_letter(&self) -> Result<()> {
        let (heartbeat, answer) = match self.version {
            Version::V0_3_0 => {
                (r#"a["{\"heartbeat\": \"tick\"}"]"#, r#"["{\"heartbeat\":\"tick\",\"session\":\"socket\"}"]"#)
            }
            // As an object, in which blanks make no difference.
            Version::V0_3_9 | Version::V0_4_2_2 => (r#"a[{"heartbeat": "1"}]"#, r#"["{\"heartbeat\":\"1\"}"]"#),
        };
        self.browser.until(&format!("seen.received.includes({})", json!(heartbeat))).await?;
        self.browser.until(&format!("seen.sent.includes({})", json!(answer))).await
    }

    /// A call that no router takes: 0.3.0 comes back, the later ones are told to stay away.
    async fn is_aborted(&self) -> Result<()> {
        self.call("nonsense", &json!({})).await?;
        let close = match self.version {
            Version::V0_3_0 => r#"c[3000,"Go away!"]"#,
            Version::V0_3_9 | Version::V0_4_2_2 => r#"c[3001,"Connection aborted"]"#,
        };
        self.browser.until(&format!("seen.received.includes({})", json!(close))).await?;
        if self.version == Version::V0_3_0 {
            self.browser.until("seen.opened >= 2").await?;
        }
        Ok(())
    }

    async fn call(&self, verb: &str, args: &Value) -> Result<()> {
        self.browser.value(&format!("call({}, {args})", json!(verb))).await?;
        Ok(())
    }

    async fn answered(&self, name: &str, answer: &Value) -> Result<()> {
        let same = format!("JSON.stringify(seen.calls[{0}]) === JSON.stringify({answer})", json!(name));
        self.browser.until(&same).await
    }
}
