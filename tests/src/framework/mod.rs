//! Apps of other frameworks, as the guides in `docs/guides` show them: the very files, with the real packages.
//!
//! A guide's folder `docs/guides/NAME/` has the app, its pages, `swampdragon.toml` and the configuration of a proxy:
//! `nginx.conf` or `haproxy.cfg`. The tests copy it, install the packages beside it and start everything on free ports.
//!
//! # What an app is asked for
//!
//! - It takes [`PORT`], [`REDIS_URL`], [`SESSION_SECRET`] and [`SESSION_SECONDS`] from its environment, and listens on
//!   127.0.0.1.
//! - `GET /` shows, to those who are not logged in, `form#login` with the one field `name`; to others `form#logout`, and
//!   `#notice`, which is hidden until `onsessionexpired`. Each form has one button, and leads back to `/`.
//! - The page imports the client from `/swampdragon/index.js`: the package's folder `dist`, served by the proxy or the
//!   app from `node_modules/swampdragon/dist`.
//! - The session's cookie has no `Max-Age`. (Where it has one, it must be re-issued: `session_cookie_max_age`.)
//! - The proxy's configuration has the ports 8080 (the proxy's), [`Framework::port`] (the app's) and 9999
//!   (SwampDragon's), and `/srv/app` for the app's folder, if it needs it; the tests put theirs in these places.

pub mod axum;
pub mod django;
pub mod express;
pub mod flask;
pub mod php;
mod proxy;
mod python;
pub mod stage;
pub mod table;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use crate::{npm, server::target_directory};

/// The variable that has the port on which an app listens.
pub const PORT: &str = "PORT";
/// The variable that has the address of an app's Redis.
pub const REDIS_URL: &str = "REDIS_URL";
/// The variable that has the secret with which an app signs its cookies, if it does.
pub const SESSION_SECRET: &str = "SESSION_SECRET";
/// The variable that has how long an app's sessions live without a request.
pub const SESSION_SECONDS: &str = "SESSION_SECONDS";

/// One framework, with what the tests have to know about it.
#[derive(Debug)]
pub struct Framework {
    /// The guide's name, and that of its folder.
    pub name: &'static str,
    /// The name of its session cookie.
    pub cookie: &'static str,
    /// What stands before a session's id in the name of its key in Redis.
    pub key_prefix: &'static str,
    /// Whether its cookies are signed: then `session_cookie_secrets_file` is given to SwampDragon.
    pub signed: bool,
    /// The app's port in the proxy's configuration.
    pub port: u16,
    /// Installs its packages into the folder, which has the guide's files and `node_modules/swampdragon`. Done once for
    /// the same files.
    pub install: fn(&Path) -> Result<()>,
    /// The packages and their versions, asked from the packages that are installed in the folder.
    pub versions: fn(&Path) -> Result<String>,
    /// What starts the app that is installed in the folder. Folder and environment are set by the caller.
    pub command: fn(&Path) -> Command,
}

impl Framework {
    /// The folder with the files that the guide shows.
    #[must_use]
    pub fn sources(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides").join(self.name)
    }

    /// A folder with the app and all that it needs, the packed client among it.
    ///
    /// # Errors
    /// When the package has not been built, or packages cannot be had.
    pub fn installed(&self) -> Result<PathBuf> {
        // Tests run beside each other; the second finds what the first installed.
        static INSTALLING: Mutex<()> = Mutex::new(());
        let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = target_directory()?.join("e2e/guides").join(self.name);
        let sources = self.sources();
        let stamp = folder.join("stamp");
        let tarball = npm::tarball()?;
        let fingerprint = npm::fingerprint(&tarball, &sources)?;
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == fingerprint) {
            return Ok(folder);
        }
        let _ = fs::remove_dir_all(&folder);
        npm::copy_files(&sources, &folder)?;
        npm::install(&folder, &tarball)?;
        (self.install)(&folder).with_context(|| format!("the packages of {} cannot be installed", self.name))?;
        fs::write(stamp, fingerprint)?;
        Ok(folder)
    }
}

/// What a program writes to standard output, run in `folder`.
pub(crate) fn output(folder: &Path, command: &mut Command) -> Result<String> {
    let output = command.current_dir(folder).output().with_context(|| format!("{command:?} does not start"))?;
    ensure!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
