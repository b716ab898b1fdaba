//! A store without a TTL-less key: everything in its file was saved through it, so that case is not asked of it.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use swampdragon_protocol::SessionKey;
use swampdragon_server::session_store::{
    EmbeddedSessionStore, Lifetime, OpenEmbeddedError, SessionStore, SessionStoreOptions, WallClock,
};
use tempfile::TempDir;

use crate::conformance::{self, MAX_AGE, StoreUnderTest, TTL, assert_lives, conforms, key};

/// A time of day that tests move.
#[derive(Clone)]
struct Clock(Arc<Mutex<SystemTime>>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(SystemTime::now())))
    }

    fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    fn back(&self, by: Duration) {
        *self.0.lock().unwrap() -= by;
    }

    fn wall_clock(&self) -> WallClock {
        let time = Arc::clone(&self.0);
        Arc::new(move || *time.lock().unwrap())
    }
}

fn options() -> SessionStoreOptions {
    SessionStoreOptions { ttl: TTL, ..SessionStoreOptions::default() }
}

fn open(folder: &TempDir, options: &SessionStoreOptions, clock: &Clock) -> EmbeddedSessionStore {
    EmbeddedSessionStore::open_with_clock(folder.path().join("sessions.db"), options, clock.wall_clock()).unwrap()
}

struct Embedded {
    store: EmbeddedSessionStore,
    clock: Clock,
    // After the store: fields are dropped in order, and the file is closed before its folder goes.
    folder: TempDir,
}

impl StoreUnderTest for Embedded {
    type Store = EmbeddedSessionStore;

    fn store(&self) -> &EmbeddedSessionStore {
        &self.store
    }

    async fn pass(&self, time: Duration) {
        self.clock.forward(time);
    }
}

async fn embedded() -> Embedded {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    Embedded { store: open(&folder, &options(), &clock), clock, folder }
}

async fn with_max_age() -> Embedded {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    let options = SessionStoreOptions { max_age: Some(MAX_AGE), ..options() };
    Embedded { store: open(&folder, &options, &clock), clock, folder }
}

conforms!(without_max_age embedded());
conforms!(with_max_age with_max_age());

#[tokio::test]
async fn the_end_of_a_session_survives_a_restart_and_a_clock_set_back() {
    let Embedded { store, clock, folder } = with_max_age().await;
    store.save(&key("a"), b"value").await.unwrap();
    clock.forward(TTL / 2);
    store.refresh_key_timeout(&key("a")).await.unwrap();
    drop(store);
    clock.back(Duration::from_secs(3600));
    let options = SessionStoreOptions { max_age: Some(MAX_AGE), ..options() };
    let store = open(&folder, &options, &clock);
    clock.forward(TTL / 2);
    store.refresh_key_timeout(&key("a")).await.unwrap();
    clock.forward(TTL / 2);
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
    clock.forward(TTL / 2);
    // 120 of 150 seconds have passed.
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE - TTL * 2);
}

#[tokio::test]
async fn a_session_saved_before_there_was_an_end_has_it_counted_from_its_first_refresh() {
    let Embedded { store, clock, folder } = embedded().await;
    store.save(&key("a"), b"value").await.unwrap();
    drop(store);
    let store = open(&folder, &SessionStoreOptions { max_age: Some(MAX_AGE), ..options() }, &clock);
    clock.forward(TTL / 2);
    for _ in 0..4 {
        store.refresh_key_timeout(&key("a")).await.unwrap();
        clock.forward(TTL / 2);
    }
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE - TTL * 2);
}

#[tokio::test]
async fn a_refresh_never_shortens() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    let longer = open(&folder, &SessionStoreOptions { ttl: TTL * 2, ..options() }, &clock);
    longer.save(&key("a"), b"value").await.unwrap();
    drop(longer);

    let store = open(&folder, &options(), &clock);
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL * 2);
}

#[tokio::test]
async fn values_and_deadlines_survive_a_restart() {
    let Embedded { store, clock, folder } = embedded().await;
    store.save(&key("a"), b"value").await.unwrap();
    clock.forward(TTL / 2);
    store.save(&key("b"), b"value").await.unwrap();
    drop(store);
    clock.forward(TTL / 4);

    let store = open(&folder, &options(), &clock);
    assert_eq!(store.get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));
    assert_lives(store.lifetime(&key("a")).await.unwrap(), TTL / 4);
    assert_lives(store.lifetime(&key("b")).await.unwrap(), TTL * 3 / 4);
    drop(store);
    clock.forward(TTL / 4);

    let store = open(&folder, &options(), &clock);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    assert_eq!(store.stored().await.unwrap(), 1, "what expired while the server was down is deleted at start");
}

/// Starts this test program again, as a process of its own that runs the one test `name` on the file. `limited`: it
/// may not write files longer than 200 KiB, until [`lift_limit`].
fn child(name: &str, file: &Path, limited: bool) -> Child {
    let program = env::current_exe().unwrap();
    let mut command = if limited {
        // The signal that announces the limit would kill; without it, writing fails as on a full disk.
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap '' XFSZ; ulimit -S -f 400; exec "$0" "$@""#]).arg(program);
        shell
    } else {
        Command::new(program)
    };
    command
        .args(["--exact", &format!("embedded::{name}"), "--nocapture"])
        .env("SESSION_FILE_OF_CHILD", file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn lift_limit(child: &Child) {
    let lifted = Command::new("prlimit").args(["--pid", &child.id().to_string(), "--fsize=unlimited"]).status();
    assert!(lifted.unwrap().success());
}

fn numbered(number: usize) -> SessionKey {
    key(&format!("k{number}"))
}

/// The other half of [`a_server_killed_while_it_writes_loses_nothing_it_confirmed`]: saves, says so, and goes on until
/// it is killed. On its own it does nothing.
#[tokio::test]
async fn child_that_is_killed() {
    let Some(file) = env::var_os("SESSION_FILE_OF_CHILD") else { return };
    let store = EmbeddedSessionStore::open(file, &options()).unwrap();
    for number in 0.. {
        store.save(&numbered(number), format!("value {number}").as_bytes()).await.unwrap();
        println!("\nsaved {number}");
    }
}

#[tokio::test]
async fn a_server_killed_while_it_writes_loses_nothing_it_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let mut child = child("child_that_is_killed", &file, false);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut saved = lines.filter_map(|line| line.unwrap().strip_prefix("saved ")?.parse::<usize>().ok());
    saved.find(|number| *number == 50).expect("the child saves until it is killed");
    match EmbeddedSessionStore::open(&file, &options()) {
        Err(OpenEmbeddedError::InUse { .. }) => {}
        other => panic!("another process has the file open, and opening it gave {other:?}"),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let last = saved.last().unwrap_or(50);

    let store = EmbeddedSessionStore::open(&file, &options()).unwrap();
    for number in 0..=last {
        assert_eq!(store.get(&numbered(number)).await.unwrap(), Some(format!("value {number}").into_bytes()));
        let Lifetime::Expires(left) = store.lifetime(&numbered(number)).await.unwrap() else { panic!("no deadline") };
        assert!(left <= TTL);
    }
}

/// The other half of [`a_full_disk_is_an_outage_and_no_more`]: saves until it cannot, asks for room, and goes on.
#[tokio::test]
async fn child_that_runs_out_of_disk() {
    let Some(file) = env::var_os("SESSION_FILE_OF_CHILD") else { return };
    let store = EmbeddedSessionStore::open(file, &options()).unwrap();
    let value = [7; 1000];
    let mut number = 0;
    let error = loop {
        match store.save(&numbered(number), &value).await {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_unavailable(), "{error:?}");
    assert!(number > 0);
    println!("\nfull");
    std::io::stdin().read_line(&mut String::new()).unwrap();

    store.save(&key("after"), &value).await.unwrap();
    for number in 0..number {
        assert_eq!(store.get(&numbered(number)).await.unwrap().as_deref(), Some(&value[..]));
        assert_lives(store.refresh_key_timeout(&numbered(number)).await.unwrap(), TTL);
    }
    println!("\nrecovered");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_an_outage_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child("child_that_runs_out_of_disk", &folder.path().join("sessions.db"), true);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = |text: &str| lines.any(|line| line == text);
    assert!(said("full"));
    lift_limit(&child);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(said("recovered"));
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_file_in_use_is_refused() {
    let Embedded { store, folder, .. } = embedded().await;
    let file = folder.path().join("sessions.db");
    let refused = EmbeddedSessionStore::open(&file, &options()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the session file {} is in use by another server; each needs a file of its own", file.display())
    );
    drop(store);
    EmbeddedSessionStore::open(&file, &options()).unwrap();
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let refused = EmbeddedSessionStore::open("/no/such/folder/sessions.db", &options()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the session file /no/such/folder/sessions.db cannot be opened: there is no folder /no/such/folder"
    );
}

#[tokio::test]
async fn a_file_of_another_kind_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    let letter = "Dear session store, I am a letter.\n".repeat(100);
    std::fs::write(&file, &letter).unwrap();
    let refused = EmbeddedSessionStore::open(&file, &options()).unwrap_err();
    assert_eq!(refused.to_string(), format!("the session file {} cannot be opened", file.display()));
    assert!(std::error::Error::source(&refused).is_some());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_sessions() {
    use std::os::unix::fs::PermissionsExt;
    let Embedded { folder, .. } = embedded().await;
    let mode = std::fs::metadata(folder.path().join("sessions.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn expired_sessions_leave_the_file() {
    let Embedded { store, clock, folder: _folder } = embedded().await;
    let saves = (0..500).map(|number| {
        let store = &store;
        async move { store.save(&key(&format!("k{number}")), b"value").await.unwrap() }
    });
    futures_util::future::join_all(saves).await;
    assert_eq!(store.stored().await.unwrap(), 500);

    clock.forward(TTL);
    store.save(&key("new"), b"value").await.unwrap();
    assert_eq!(store.stored().await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_store_refuses_the_new_and_keeps_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new();
    let store = open(&folder, &SessionStoreOptions { max_sessions: 1, ..options() }, &clock);
    store.save(&key("a"), b"1").await.unwrap();
    let error = store.save(&key("b"), b"1").await.unwrap_err();
    assert!(error.is_full());
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the session store holds 1 sessions and may hold no more (setting `max_stored_sessions`)"
    );
    store.save(&key("a"), b"2").await.unwrap();
    clock.forward(TTL);
    store.save(&key("b"), b"1").await.unwrap();
}

#[tokio::test]
async fn a_clock_set_back_gives_no_session_more_time() {
    let Embedded { store, clock, folder } = embedded().await;
    store.save(&key("a"), b"value").await.unwrap();
    clock.forward(TTL / 2);
    store.save(&key("b"), b"value").await.unwrap();

    // While the server runs: the next change notices.
    clock.back(Duration::from_secs(3600));
    store.save(&key("c"), b"value").await.unwrap();
    assert_lives(store.lifetime(&key("a")).await.unwrap(), TTL / 2);
    assert_lives(store.refresh_key_timeout(&key("b")).await.unwrap(), TTL);

    // While it is down: opening the file notices.
    drop(store);
    clock.back(Duration::from_secs(365 * 24 * 3600));
    let store = open(&folder, &options(), &clock);
    assert_lives(store.lifetime(&key("a")).await.unwrap(), TTL / 2);
    assert_lives(store.lifetime(&key("b")).await.unwrap(), TTL);
    clock.forward(TTL / 2);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
}

#[tokio::test]
async fn the_registry_opens_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let setting = format!("embedded:{}", folder.path().join("sessions.db").display());
    let registry = swampdragon_server::session_store::SessionStoreRegistry::new();
    let store = registry.open(&setting, &options()).await.unwrap();
    let saved = store.save_get_key(b"value").await.unwrap();
    drop(store);
    assert!(Path::new(&folder.path().join("sessions.db")).is_file());
    let store = registry.open(&setting, &options()).await.unwrap();
    assert_lives(store.lifetime(&saved).await.unwrap(), conformance::TTL);
}
