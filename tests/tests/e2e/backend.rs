//! The examples of `docs/backend.md`: sessions that a backend makes live and end as any other.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::{
    deadline::{PATIENCE, eventually},
    packages,
    peer::Peer,
    redis::{Life, Redis},
    server::Server,
};
use tokio::process::Command;

/// How long the examples let a session live.
const MADE_FOR: Duration = Duration::from_secs(30 * 60);

/// A session's value with whatever a shell or a URL could break.
const VALUE: &str = r#"{"user": "Errol & 7% \"é\""}"#;

const TOKEN: &str = "the-token-of-the-examples";

fn documents() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))
}

/// A file of the examples, and what it finds in its environment.
struct Example {
    file: &'static str,
    environment: Vec<(&'static str, OsString)>,
}

impl Example {
    fn command(&self) -> Result<Command> {
        let file = documents().join("backend").join(self.file);
        let run = |program: &str, file: &Path| {
            let mut command = Command::new(program);
            command.arg(file);
            command
        };
        Ok(match file.extension().and_then(|extension| extension.to_str()) {
            Some("sh") => run("sh", &file),
            Some("php") => run("php", &file),
            Some("rs") => Command::new(env!("CARGO_BIN_EXE_backend-session")),
            Some("py") => {
                let mut command = run("python3", &file);
                command.env("PYTHONPATH", packages::python("redis", "8.1.0")?);
                command
            }
            // A module finds packages beside itself only.
            Some("mjs") => {
                let copy = packages::node("redis", "6.3.1")?.join(self.file);
                fs::copy(&file, &copy)?;
                run("node", &copy)
            }
            _ => anyhow::bail!("{} is in no known language", self.file),
        })
    }

    /// What it prints.
    async fn run(&self, what: &str, argument: &str) -> Result<String> {
        let mut command = self.command()?;
        command.args([what, argument]).envs(self.environment.iter().cloned());
        let output = command.output().await.with_context(|| format!("{} does not start", self.file))?;
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // What is not there is a failure to some.
        ensure!(
            output.status.success() || said.contains("no such session"),
            "{} {what}: {said}{complained}",
            self.file
        );
        Ok(said.trim().to_owned())
    }

    async fn reads_the_value(&self, key: &str) -> Result<bool> {
        Ok(self.run("read", key).await?.contains("Errol"))
    }
}

/// A page on the server that keeps this session by answering its heartbeats.
async fn keeps(server: &Server, redis: &Redis, key: &str) -> Result<Peer> {
    let mut page = Peer::connect(server).await?;
    page.heartbeat().await?;
    page.answer(key).await?;
    eventually("the heartbeat has lengthened the session's life", || async {
        let left = redis.session_life(key).await?.left()?;
        Ok((left > MADE_FOR).then_some(()))
    })
    .await?;
    Ok(page)
}

/// Of a server whose heartbeats lengthen what the examples make.
fn settings(redis: &Redis) -> [String; 6] {
    ["--session-store", &redis.url(), "--session-ttl", "1h", "--heartbeat-first-delay", "0s"].map(str::to_owned)
}

#[tokio::test]
async fn a_session_that_a_backend_makes_in_redis_lives_by_heartbeats_and_ends_by_deletion() -> Result<()> {
    let redis = Redis::start().await?;
    let server = Server::start(settings(&redis))?;
    for file in ["session.py", "session.mjs", "session.php", "session.rs"] {
        let example = Example { file, environment: vec![("REDIS_URL", redis.url().into())] };
        let key = example.run("make", VALUE).await?;
        ensure!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{file} made the key {key}");
        let left = redis.session_life(&key).await?.left()?;
        ensure!(left <= MADE_FOR && left > MADE_FOR - Duration::from_secs(60), "{file} made it for {left:?}");

        let mut page = keeps(&server, &redis, &key).await?;
        ensure!(example.reads_the_value(&key).await?, "{file} does not read the value");
        example.run("end", &key).await?;
        ensure!(redis.session_life(&key).await? == Life::Gone, "{file} has not ended it");
        ensure!(!example.reads_the_value(&key).await?, "{file} still reads the value");

        // Nothing revives it.
        page.send(format!(r#"{{"heartbeat":"tick","session":"{key}","ack":true}}"#)).await?;
        eventually_expired(&mut page).await?;
        ensure!(redis.session_life(&key).await? == Life::Gone, "a heartbeat revived it");
    }
    Ok(())
}

async fn eventually_expired(page: &mut Peer) -> Result<()> {
    loop {
        let notice = page.receive().await?;
        match notice["state"].as_str() {
            Some("expired") => return Ok(()),
            // It came too soon after the answer before.
            Some("refused") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let again = serde_json::json!({ "heartbeat": "tick", "session": notice["session"], "ack": true });
                page.send(again.to_string()).await?;
            }
            Some(_) => anyhow::bail!("the page was told {notice}"),
            None => {}
        }
    }
}

#[tokio::test]
async fn a_session_that_a_backend_makes_by_the_api_lives_by_heartbeats_and_ends_on_its_pages() -> Result<()> {
    let redis = Redis::start().await?;
    let url = redis.url();
    let for_backends = ["--admin-listen", "127.0.0.1:0", "--admin-token", TOKEN];
    let mut maker = Server::start(["--session-store", &url, "--session-ttl", "30m"].into_iter().chain(for_backends))?;
    let admin = maker.admin_url()?;
    // Pages are on another node, whose longer TTL shows their heartbeats.
    let node = Server::start(settings(&redis))?;
    for file in ["api.sh", "api.py", "api.mjs", "api.php"] {
        let environment =
            vec![("SWAMP_DRAGON_ADMIN", admin.clone().into()), ("SWAMP_DRAGON_ADMIN_TOKEN", TOKEN.into())];
        let example = Example { file, environment };
        let made = example.run("make", VALUE).await?;
        let key = made.split('"').find(|word| word.len() == 32).unwrap_or(&made);
        ensure!(redis.session_life(key).await?.left()? <= MADE_FOR, "{file} made no session: {made}");

        let page = keeps(&node, &redis, key).await?;
        ensure!(example.reads_the_value(key).await?, "{file} does not read the value");
        example.run("end", key).await?;
        ensure!(redis.session_life(key).await? == Life::Gone, "{file} has not ended it");
        ensure!(!example.reads_the_value(key).await?, "{file} still reads the value");
        let close = page.closed(PATIENCE).await?.context("a close without a code")?;
        ensure!(u16::from(close.code) == 4001, "{file}: the page was closed with {close:?}");
    }
    Ok(())
}

#[test]
fn the_document_shows_the_very_files_that_run() -> Result<()> {
    let document = fs::read_to_string(documents().join("backend.md"))?;
    let mut files = 0;
    for entry in fs::read_dir(documents().join("backend"))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))?;
        let link = format!("[backend/{name}](backend/{name})\n\n```");
        let (_, shown) = document.split_once(&link).with_context(|| format!("docs/backend.md does not show {name}"))?;
        let (shown, _) = shown.split_once("\n```").context("a block without an end")?;
        let (_language, shown) = shown.split_once('\n').context("a block without a line")?;
        ensure!(format!("{shown}\n") == fs::read_to_string(path)?, "docs/backend.md and docs/backend/{name} differ");
        files += 1;
    }
    ensure!(files >= 8, "only {files} files");
    Ok(())
}
