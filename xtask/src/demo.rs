//! `cargo xtask demo`: a server, a store and the demo page, ready to be looked at.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use crate::step::run_shown;
use crate::{npm, paths, server, tools};

#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Where sessions are kept, such as redis://127.0.0.1:6379 [default: a file in target/demo]
    #[arg(long, value_name = "URL")]
    session_store: Option<String>,
    /// The port to serve on
    #[arg(long, default_value_t = 9999)]
    port: u16,
    /// Take the README's picture and end; needs Chromium and a minute
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

/// Short enough to watch: with the defaults, half an hour and ten minutes, nothing would seem to happen.
const SESSION_TTL: &str = "10s";
const HEARTBEAT_INTERVAL: &str = "4s";

impl Demo {
    /// Builds what is missing and serves the page until it is interrupted.
    pub(crate) fn run(&self) -> Result<()> {
        // Before the build, which may take minutes.
        self.assert_port_free()?;
        tools::install(&tools::FOR_BUILDS)?;
        npm::bundle()?;
        let binary = server::build()?;
        let folder = paths::target().join("demo");
        let page = folder.join("page");
        assemble(&page)?;
        let store = match &self.session_store {
            Some(url) => url.clone(),
            None => format!("embedded:{}", folder.join("sessions.redb").display()),
        };
        let mut command = self.server(&binary, &store, &page);
        match &self.screenshot {
            Some(file) => take_screenshot(command, file),
            None => {
                eprintln!("{}", self.guide());
                // The server takes this program's place, so that ctrl-c reaches it alone and it ends in its own time.
                Err(command.exec()).with_context(|| format!("{} does not start", binary.display()))
            }
        }
    }

    fn assert_port_free(&self) -> Result<()> {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "port {} is in use: stop the program that listens there, or run `cargo xtask demo --port {}`",
                self.port,
                self.port.checked_add(1).unwrap_or(9999)
            ),
            Err(error) => Err(error).context(format!("port {} cannot be used", self.port)),
        }
    }

    fn server(&self, binary: &Path, store: &str, page: &Path) -> Command {
        let mut command = Command::new(binary);
        command
            .args(["--host", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--session-store", store, "--open-sessions"])
            .args(["--session-ttl", SESSION_TTL, "--heartbeat-interval", HEARTBEAT_INTERVAL, "--heartbeat-ack"])
            .arg("--static-dir")
            .arg(page);
        command
    }

    fn guide(&self) -> String {
        format!(
            "\n  Open http://127.0.0.1:{}/ in a browser.\n\n  \
             The session lives for {SESSION_TTL}; every {HEARTBEAT_INTERVAL} a heartbeat gives it {SESSION_TTL} again.\n  \
             Stop answering, drop the connection, open a second tab, and see what becomes of it.\n  \
             Ctrl-C ends the demo.\n",
            self.port
        )
    }
}

/// Lays the page out afresh, with the package beside it where its import map looks.
fn assemble(page: &Path) -> Result<()> {
    if fs::exists(page)? {
        fs::remove_dir_all(page)?;
    }
    copy_files(&paths::js().join("demo"), page)?;
    copy_files(&paths::js().join("dist"), &page.join("swampdragon/dist"))
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

fn take_screenshot(mut server: Command, file: &Path) -> Result<()> {
    let mut running = Running(server.stdout(Stdio::piped()).spawn().context("the server does not start")?);
    // Held to the end: a server whose output nobody takes any more could not go on writing.
    let mut output = BufReader::new(running.0.stdout.take().context("the server's output is piped")?).lines();
    let url = loop {
        let line = output.next().context("the server ended before it listened; its own words are above")??;
        if let Some((_, url)) = line.split_once("SwampDragon listens on ") {
            break url.trim().to_owned();
        }
    };
    // It has its own program since it needs a browser's driver, which nothing else here does.
    run_shown(
        Command::new("cargo")
            .current_dir(paths::root())
            .args(["run", "--quiet", "-p", "swampdragon-tests", "--bin", "demo-screenshot", "--", &url])
            .arg(std::path::absolute(file)?),
    )?;
    eprintln!("  {}: {} KB", file.display(), fs::metadata(file)?.len() / 1024);
    Ok(())
}

/// A server that ends with this program, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
