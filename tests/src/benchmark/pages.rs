//! What the client costs a page in Chromium. The pages are in `bench/pages/`.

use std::{
    ffi::OsStr,
    fs,
    io::Read as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, body::Bytes, routing::get};
use serde_json::{Value, json};
use swampdragon_bench::report::pages::{Compared, Pages};

use super::far::Far;
use crate::{
    browser::Browser,
    npm,
    original::{self, Version},
    server::{Server, target_directory},
    site::Site,
};

/// Kinds of messages, as the page calls them and as they are told.
const KINDS: [(&str, &str); 3] = [
    ("heartbeat", "a heartbeat message and its answer"),
    ("publication", "a publication to its handler"),
    ("call", "a call and its answer"),
];

/// Rounds of messages in one page. The pages differ by how the browser has compiled them.
const ROUNDS: usize = 200;

/// Pages opened with each client for one of the run's rounds.
const OPENED: usize = 10;

const CLIENTS: [&str; 2] = ["open-swampdragon.html", "open-original.html"];

/// How far away the far place is: as far as a server on the same continent.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// Where pages and server are, seen from the browser.
struct Place<'a> {
    words: &'static str,
    site: &'a str,
    server: &'a str,
}

/// Measures in so many rounds.
///
/// # Errors
/// When the browser, the original client or the npm package is missing, or one of the clients does not do its work.
pub async fn measure(rounds: usize) -> Result<Pages> {
    let site = Site::of(hosted(&folder()?)?).await?;
    let far_site = Far::from(address(site.origin())?, ROUND_TRIP).await?;
    let origins = format!("{},{}", site.origin(), far_site.origin());
    let server = Server::start(["--session-store", "memory:", "--allowed-origins", &origins])?;
    let far_server = Far::from(address(server.url())?, ROUND_TRIP).await?;
    let places = [
        Place { words: "", site: site.origin(), server: server.url() },
        Place { words: ", 40 ms away", site: far_site.origin(), server: far_server.origin() },
    ];
    let browser = Browser::start().await?;
    let mut pages = Pages::default();
    for round in 1..=rounds {
        eprintln!("  page round {round} of {rounds}: messages");
        let url = format!("{}/messages.html?rounds={ROUNDS}", site.origin());
        browser.open(&url).await?;
        add_messages(&mut pages.messages, &browser.value("measured.promise").await?)?;
        eprintln!("  page round {round} of {rounds}: opening");
        for number in 0..OPENED {
            for place in &places {
                open(&mut pages.opening, &browser, place, number % 2 == 0).await?;
            }
        }
    }
    let version = browser.value("navigator.userAgent.match(/Chrome\\/([0-9.]+)/)[1]").await?;
    pages.browser = format!("Chromium {}", version.as_str().context("the browser has no version")?);
    browser.quit().await?;
    Ok(pages)
}

fn address(origin: &str) -> Result<SocketAddr> {
    let address = origin.strip_prefix("http://").context("an origin without a scheme")?;
    address.parse().with_context(|| format!("{origin} is no address"))
}

/// Adds what a page has measured: for each kind, lists of microseconds.
fn add_messages(all: &mut Vec<Compared>, measured: &Value) -> Result<()> {
    for (name, what) in KINDS {
        let list = |side: &str| -> Result<Vec<f64>> {
            let values = measured[name][side].as_array().with_context(|| format!("the page measured no {name}"))?;
            Ok(values.iter().filter_map(Value::as_f64).collect())
        };
        add(all, what, list("ours")?, list("other")?);
    }
    Ok(())
}

fn add(all: &mut Vec<Compared>, what: &str, ours: Vec<f64>, other: Vec<f64>) {
    match all.iter_mut().find(|it| it.what == what) {
        Some(known) => {
            known.ours.extend(ours);
            known.other.extend(other);
        }
        None => all.push(Compared { what: what.to_owned(), ours, other }),
    }
}

/// Opens a page with each client, twice: with nothing in the browser's cache, and with all of it.
async fn open(all: &mut Vec<Compared>, browser: &Browser, place: &Place<'_>, ours_first: bool) -> Result<()> {
    let mut took = [[0.0; 2]; 2];
    for client in if ours_first { [0, 1] } else { [1, 0] } {
        let url = format!("{}/{}?server={}", place.site, CLIENTS[client], place.server);
        browser.open("about:blank").await?;
        browser.developer_tools("Network.clearBrowserCache", json!({})).await?;
        for (cached, took) in [false, true].into_iter().zip(&mut took) {
            browser.open(&url).await?;
            let measured = browser.value("measured.promise").await?;
            took[client] = measured.as_f64().with_context(|| format!("{url} measured {measured}"))?;
            // What has crossed the network for each file; nothing for what came from the cache.
            let fetched = "performance.getEntriesByType('resource').filter(({ name }) => \
                name.startsWith(location.origin)).map(({ transferSize }) => transferSize > 0)";
            let fetched = browser.value(fetched).await?;
            let fetched = fetched.as_array().context("the browser does not tell what it fetched")?;
            let expected = !cached;
            ensure!(
                !fetched.is_empty() && fetched.iter().all(|it| *it == expected),
                "{url}: whether each of its files came by the network: {fetched:?}, where all should be {expected}"
            );
        }
    }
    let [[ours_new, other_new], [ours_known, other_known]] = took;
    add(all, &format!("nothing cached{}", place.words), vec![ours_new], vec![other_new]);
    add(all, &format!("all files cached{}", place.words), vec![ours_known], vec![other_known]);
    Ok(())
}

/// The pages with the clients.
fn folder() -> Result<PathBuf> {
    let folder = target_directory()?.join("e2e/bench-pages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let package = tempfile::tempdir_in(&folder)?;
    npm::install(package.path(), &npm::tarball()?)?;
    npm::copy_files(&package.path().join("node_modules/swampdragon/dist"), &folder.join("swampdragon/dist"))?;
    package.close()?;
    npm::copy_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/pages"), &folder)?;
    fs::copy(original::page(Version::V0_4_2_2)?.join("swampdragon.js"), folder.join("original.js"))?;
    Ok(folder)
}

/// As hosts serve files whose names change with what is in them: from memory, compressed beforehand, kept by browsers.
fn hosted(folder: &Path) -> Result<Router> {
    npm::files(folder)?.iter().try_fold(Router::new(), |router, file| {
        let path = format!("/{}", file.strip_prefix(folder)?.to_str().context("a file has an odd name")?);
        let kind = match file.extension().and_then(OsStr::to_str) {
            Some("html") => "text/html; charset=utf-8",
            Some("wasm") => "application/wasm",
            _ => "text/javascript; charset=utf-8",
        };
        let headers = [
            ("content-type", kind),
            ("content-encoding", "br"),
            ("cache-control", "public, max-age=31536000, immutable"),
            // A page by itself gets a clock of 5 microseconds, others one of 100.
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
        ];
        let body = Bytes::from(compressed(&fs::read(file)?)?);
        Ok(router.route(&path, get(move || std::future::ready((headers, body.clone())))))
    })
}

/// At quality 11, as what is served often.
fn compressed(file: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    brotli::CompressorReader::new(file, 4096, 11, 22).read_to_end(&mut compressed)?;
    Ok(compressed)
}
