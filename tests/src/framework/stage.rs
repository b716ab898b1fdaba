//! An app, SwampDragon and Redis behind a proxy, and a browser that looks at them: all as people deploy it.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::cookies::Cookie;
use serde_json::{Value, json};

use super::{Framework, PORT, REDIS_URL, SESSION_SECONDS, SESSION_SECRET, proxy};
use crate::{
    browser::Browser,
    process::{Process, on_free_port},
    redis::Redis,
    server::Server,
};

/// How long the app's sessions live without a request.
pub const TTL: Duration = Duration::from_secs(4);

const SECRET: &str = "a secret of the app, which has 64 bytes or more, as some frameworks ask for";

/// Notes all that a page sends and hears, before any script of the page runs.
const RECORDER: &str = r"
    globalThis.recorded = { sockets: [], sent: [], heard: [] };
    globalThis.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            recorded.sockets.push(this);
            this.addEventListener('message', ({ data }) => recorded.heard.push(data));
        }
        send(data) {
            recorded.sent.push(data);
            super.send(data);
        }
    };
";

/// Everything that takes part.
pub struct Stage {
    /// Whose app it is.
    pub framework: &'static Framework,
    /// The app's own Redis.
    pub redis: Redis,
    /// The browser of the app's user.
    pub browser: Browser,
    /// SwampDragon.
    pub server: Server,
    origin: String,
    // Their processes end before the folder goes.
    _proxy: Process,
    _app: Process,
    _work: tempfile::TempDir,
}

/// A session of the app.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id, which is in the cookie.
    pub id: String,
    /// Its key in Redis.
    pub key: String,
}

impl Stage {
    /// Starts everything; SwampDragon with the guide's settings, a heartbeat interval of a second, and these flags.
    ///
    /// # Errors
    /// When something cannot be installed or does not start.
    pub async fn set(framework: &'static Framework, flags: &[&str]) -> Result<Self> {
        Self::set_with(framework, &[], flags).await
    }

    /// The same with further variables in the app's environment.
    ///
    /// # Errors
    /// When something cannot be installed or does not start.
    pub async fn set_with(framework: &'static Framework, variables: &[(&str, &str)], flags: &[&str]) -> Result<Self> {
        let folder = framework.installed()?;
        let work = tempfile::tempdir()?;
        let redis = Redis::start().await?;
        let (app, app_port) = on_free_port("The guide says what it needs.", |port| {
            let mut command = (framework.command)(&folder);
            command.current_dir(&folder).env(PORT, port.to_string()).env(REDIS_URL, redis.url());
            command.env(SESSION_SECRET, SECRET).env(SESSION_SECONDS, TTL.as_secs().to_string());
            command.envs(variables.iter().copied());
            Ok(command)
        })?;

        let path = |name: &str, folder: &Path| folder.join(name).display().to_string();
        let (config, ttl) = (path("swampdragon.toml", &folder), format!("{}s", TTL.as_secs()));
        let mut arguments = vec!["--config", &config, "--session-ttl", &ttl, "--heartbeat-interval", "1s"];
        let (url, secrets) = (redis.url(), path("session-secrets", work.path()));
        arguments.extend(["--session-store", &url]);
        if framework.signed {
            fs::write(&secrets, SECRET)?;
            arguments.extend(["--session-cookie-secrets-file", &secrets]);
        }
        let server = Server::start(arguments.into_iter().chain(flags.iter().copied()))?;

        let behind = proxy::Behind { folder: &folder, app: (framework.port, app_port), swampdragon: server.port()? };
        let (proxy, port) = proxy::start(&behind, work.path())?;
        let browser = Browser::start().await?;
        browser.developer_tools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": RECORDER })).await?;
        let origin = format!("http://127.0.0.1:{port}");
        Ok(Self { framework, redis, browser, server, origin, _proxy: proxy, _app: app, _work: work })
    }

    /// Opens the app in the tab in use: a request of the app, which renews its session.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open(&self) -> Result<()> {
        self.open_page("/").await
    }

    /// Opens another page of the app in the tab in use.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open_page(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.origin)).await
    }

    /// Opens the app in a tab of its own and goes there.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open_tab(&self) -> Result<()> {
        self.browser.open_tab(&self.origin).await.map(drop)
    }

    /// Logs in by the app's own form, as one who was not here before, and waits until the page has its connection.
    ///
    /// # Errors
    /// When the app does not log in, or has no session in Redis or no cookie that scripts cannot read.
    pub async fn log_in(&self) -> Result<Session> {
        self.open().await?;
        self.browser.delete_cookies().await?;
        self.open().await?;
        // Some frameworks begin a session for whoever comes, and another with the login.
        let others = self.sessions().await?;
        self.submit_login().await?;
        self.browser.until(LOGGED_IN).await?;
        self.browser.until("recorded.heard.length > 0").await?;
        self.session_besides(&others).await
    }

    /// Fills in the form for logging in of the page in use, and sends it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn submit_login(&self) -> Result<()> {
        self.browser.value("document.querySelector('#login [name=name]').value = 'Errol'").await?;
        self.browser.click("#login button").await
    }

    /// The session that the app has made since its sessions had these `others` among their keys.
    ///
    /// # Errors
    /// When it has not made one, or no cookie that scripts cannot read.
    pub async fn session_besides(&self, others: &[String]) -> Result<Session> {
        let new: Vec<String> = self.sessions().await?.into_iter().filter(|key| !others.contains(key)).collect();
        let [key] = &new[..] else { bail!("a login makes one session; these are new: {new:?}") };
        let key = key.clone();
        let id = key.strip_prefix(self.framework.key_prefix).unwrap_or_default().to_owned();
        let cookie = self.cookie().await?;
        ensure!(cookie.http_only() == Some(true), "the session's cookie can be read by scripts: {cookie}");
        ensure!(cookie.value().contains(&id), "the key {key} is not that of the cookie {cookie}");
        Ok(Session { id, key })
    }

    /// Whether the app, asked anew, takes the browser's user for logged in. A request of the app, which renews its
    /// session.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn is_logged_in(&self) -> Result<bool> {
        self.open().await?;
        Ok(self.browser.value(LOGGED_IN).await? == true)
    }

    /// Logs out by the app's own form, in another tab than the one in use, which is in use again then.
    ///
    /// # Errors
    /// When the app does not log out.
    pub async fn log_out_elsewhere(&self) -> Result<()> {
        let here = self.browser.tab().await?;
        self.open_tab().await?;
        self.browser.click("#logout button").await?;
        self.browser.until("document.querySelector('#login') !== null").await?;
        self.browser.close_tab(here).await
    }

    /// Waits until the page in use has heard so many more heartbeat messages.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn heartbeats(&self, more: usize) -> Result<()> {
        let heard = "recorded.heard.filter((frame) => frame.includes('heartbeat')).length";
        let before = self.browser.value(heard).await?.as_u64().context("a length is a number")?;
        self.browser.until(&format!("{heard} >= {before} + {more}")).await
    }

    /// The session's cookie, as the browser has it.
    ///
    /// # Errors
    /// When it has none.
    pub async fn cookie(&self) -> Result<Cookie<'static>> {
        let name = self.framework.cookie;
        self.browser.cookie(name).await?.with_context(|| format!("the browser has no cookie {name}"))
    }

    /// Puts another value into the session's cookie, and has the page connect anew with it.
    ///
    /// # Errors
    /// When the page does not come back.
    pub async fn connect_with_cookie(&self, value: String) -> Result<()> {
        let mut cookie = self.cookie().await?;
        cookie.set_value(value);
        self.browser.set_cookie(cookie).await?;
        self.browser.value("recorded.heard.length = 0, recorded.sockets.at(-1).close()").await?;
        self.browser.until("recorded.heard.length > 0").await
    }

    /// Sees to it that a script of the page in use could not have learnt the session's id.
    ///
    /// # Errors
    /// When it could.
    pub async fn keeps_secret(&self, session: &Session) -> Result<()> {
        let seen = "JSON.stringify([document.cookie, recorded, { ...localStorage }, { ...sessionStorage }])";
        let Value::String(seen) = self.browser.value(seen).await? else { bail!("JSON is a string") };
        ensure!(seen.contains("heartbeat"), "the page heard no heartbeat: {seen}");
        ensure!(!seen.contains(&session.id), "the page has the session's id {}: {seen}", session.id);
        Ok(())
    }

    /// The keys of all sessions of the app.
    ///
    /// # Errors
    /// When Redis is not there.
    pub async fn sessions(&self) -> Result<Vec<String>> {
        let all = self.redis.snapshot().await?.into_keys();
        Ok(all.filter(|key| key.starts_with(self.framework.key_prefix)).collect())
    }
}

const LOGGED_IN: &str = "document.querySelector('#logout') !== null";
