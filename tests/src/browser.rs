//! Chromium without a window, driven through WebDriver.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use fantoccini::{
    Client, ClientBuilder,
    cookies::Cookie,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::{
    deadline::eventually,
    process::{Process, on_free_port},
};

const DRIVER_REMEDY: &str = "Install it with `apt-get install chromium chromium-driver`.";

/// One browser with a profile of its own.
pub struct Browser {
    client: Client,
    // The order matters: the browser's processes end before its profile is removed.
    _driver: Process,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// When Chromium or its driver is missing, or does not start.
    pub async fn start() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // Left to itself it takes a port that is free for IPv6, and gives up if it is not for IPv4.
        let (driver, port) = on_free_port(DRIVER_REMEDY, |port| {
            let mut command = Command::new("chromedriver");
            // Chromium leaves files in the system's folder for them when it is ended by a signal.
            command.arg(format!("--port={port}")).env("TMPDIR", profile.path());
            Ok(command)
        })?;
        let capabilities = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new",
                // Root, as in containers, has no other way; the pages are our own.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--hide-scrollbars",
                format!("--user-data-dir={}", profile.path().join("profile").display()),
            ]},
        });
        let Value::Object(capabilities) = capabilities else { bail!("capabilities are an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context(format!("Chromium does not start. {DRIVER_REMEDY}"))?;
        Ok(Self { client, _driver: driver, _profile: profile })
    }

    /// Opens a page in the tab in use.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("{url} does not load"))
    }

    /// Opens a page in a tab of its own and goes there.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn open_tab(&self, url: &str) -> Result<WindowHandle> {
        let tab = self.client.new_window(true).await?.handle;
        self.client.switch_to_window(tab.clone()).await?;
        self.open(url).await?;
        Ok(tab)
    }

    /// Leaves the tab in use, as a user who closes it, and goes to `next`.
    ///
    /// # Errors
    /// When there is no such tab.
    pub async fn close_tab(&self, next: WindowHandle) -> Result<()> {
        self.client.close_window().await?;
        Ok(self.client.switch_to_window(next).await?)
    }

    /// The tab in use.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn tab(&self) -> Result<WindowHandle> {
        Ok(self.client.window().await?)
    }

    /// All tabs.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn tabs(&self) -> Result<Vec<WindowHandle>> {
        Ok(self.client.windows().await?)
    }

    /// Goes to another tab.
    ///
    /// # Errors
    /// When there is no such tab.
    pub async fn go_to(&self, tab: WindowHandle) -> Result<()> {
        Ok(self.client.switch_to_window(tab).await?)
    }

    /// Presses the back button.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn back(&self) -> Result<()> {
        Ok(self.client.back().await?)
    }

    /// What an expression is worth in the page.
    ///
    /// # Errors
    /// When it throws.
    pub async fn value(&self, expression: &str) -> Result<Value> {
        let script = format!("return ({expression})");
        self.client.execute(&script, vec![]).await.with_context(|| format!("`{expression}` throws"))
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    /// When it never is; the message has what the page logged.
    pub async fn until(&self, expression: &str) -> Result<()> {
        let waited = eventually(&format!("the page has {expression}"), || async {
            Ok((self.value(expression).await? == true).then_some(()))
        })
        .await;
        match waited {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("the page logged {:?}", self.console().await?))),
        }
    }

    /// Clicks on what a CSS selector finds.
    ///
    /// # Errors
    /// When it finds nothing, or something lies over it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.client.find(fantoccini::Locator::Css(selector)).await?;
        element.click().await.with_context(|| format!("{selector} cannot be clicked"))
    }

    /// The text of what a CSS selector finds.
    ///
    /// # Errors
    /// When it finds nothing.
    pub async fn text(&self, selector: &str) -> Result<String> {
        Ok(self.client.find(fantoccini::Locator::Css(selector)).await?.text().await?)
    }

    /// A cookie of the page in use, whether scripts can read it or not.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn cookie(&self, name: &str) -> Result<Option<Cookie<'static>>> {
        Ok(self.client.get_all_cookies().await?.into_iter().find(|cookie| cookie.name() == name))
    }

    /// Changes a cookie behind the page's back.
    ///
    /// # Errors
    /// When the browser does not take it.
    pub async fn set_cookie(&self, cookie: Cookie<'static>) -> Result<()> {
        Ok(self.client.add_cookie(cookie).await?)
    }

    /// Forgets all cookies of the page in use.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn delete_cookies(&self) -> Result<()> {
        Ok(self.client.delete_all_cookies().await?)
    }

    /// What the page wrote to the console since the last time, uncaught errors and failed requests among it.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.client.issue_cmd(Post { path: "se/log", body: json!({ "type": "browser" }) }).await?;
        Ok(entries.as_array().map_or(vec![], |all| {
            all.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
        }))
    }

    /// Makes the page believe in a screen of this size, and in a preferred colour scheme.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn look_like(&self, width: u32, height: u32, scale: f32, scheme: &str) -> Result<()> {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500 });
        self.developer_tools("Emulation.setDeviceMetricsOverride", screen).await?;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.developer_tools("Emulation.setEmulatedMedia", media).await
    }

    /// Gives a command of the Chrome DevTools Protocol to the tab in use.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn developer_tools(&self, method: &str, parameters: Value) -> Result<()> {
        let body = json!({ "cmd": method, "params": parameters });
        self.client.issue_cmd(Post { path: "goog/cdp/execute", body }).await?;
        Ok(())
    }

    /// A picture of the tab in use, as PNG.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        Ok(self.client.screenshot().await?)
    }

    /// Ends the browser as a user would: pages get to say goodbye.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn quit(self) -> Result<()> {
        tokio::time::timeout(Duration::from_secs(10), self.client.clone().close()).await??;
        Ok(())
    }
}

/// One of Chromium's own additions to WebDriver.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
