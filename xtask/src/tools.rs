//! The programs that builds, tests and benchmarks need besides Rust.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{run, step};

/// A program and the Debian packages that have it.
pub(crate) struct Tool {
    program: &'static str,
    packages: &'static [&'static str],
    /// Whether the program that is there has all that is needed of it.
    complete: fn() -> bool,
}

const fn tool(program: &'static str, packages: &'static [&'static str]) -> Tool {
    Tool { program, packages, complete: || true }
}

const NODE: Tool = tool("node", &["nodejs"]);
const NPM: Tool = tool("npm", &["npm"]);
/// Builds jemalloc.
const MAKE: Tool = tool("make", &["make"]);
const REDIS: Tool = tool("redis-server", &["redis-server"]);
const CHROMIUM: Tool = tool("chromedriver", &["chromium", "chromium-driver"]);
const PYTHON: Tool = tool("python3", &["python3", "python3-pip"]);

/// What the server and the npm package are built with.
pub(crate) const FOR_BUILDS: [Tool; 3] = [NODE, NPM, MAKE];

/// What the tests need.
pub(crate) const FOR_TESTS: [Tool; 10] = [
    NODE,
    NPM,
    MAKE,
    REDIS,
    CHROMIUM,
    PYTHON,
    tool("curl", &["curl"]),
    tool("nginx", &["nginx-light"]),
    tool("haproxy", &["haproxy"]),
    Tool { complete: php_speaks_redis, ..tool("php", &["php-cli", "php-redis"]) },
];

/// What `cargo xtask bench` needs.
pub(crate) const FOR_BENCH: [Tool; 8] = [
    NODE,
    NPM,
    MAKE,
    REDIS,
    CHROMIUM,
    tool("redis-benchmark", &["redis-tools"]),
    PYTHON,
    Tool { complete: libuv_is_there, ..tool("cc", &["gcc", "libc6-dev", "libuv1"]) },
];

/// Installs what is missing where that can be done without asking, and says what to install where it cannot.
pub(crate) fn install(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !tool.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs = missing.iter().map(|tool| tool.program).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages.iter().copied()).collect();
    let by_hand = format!("`sudo apt-get install {}` or your system's way", packages.join(" "));
    let Some(apt) = apt() else { bail!("missing: {programs}. Install with {by_hand}.") };

    step(&format!("Installing {}", packages.join(", ")), || {
        run(Command::new(apt[0]).args(&apt[1..]).args(["update", "--quiet"]), &by_hand)?;
        run(
            Command::new(apt[0]).args(&apt[1..]).args(["install", "--yes", "--no-install-recommends"]).args(&packages),
            &by_hand,
        )
    })?;
    match missing.iter().find(|tool| !tool.is_there()) {
        None => Ok(()),
        Some(tool) => bail!("{} is still missing after `apt-get install {}`", tool.program, packages.join(" ")),
    }
}

impl Tool {
    fn is_there(&self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        // Debian has servers where ordinary users do not look for programs.
        let mut folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
        folders.any(|folder| folder.join(self.program).is_file()) && (self.complete)()
    }
}

/// PHP comes without it.
fn php_speaks_redis() -> bool {
    let loaded = Command::new("php").args(["-r", "exit(extension_loaded('redis') ? 0 : 1);"]).status();
    loaded.is_ok_and(|status| status.success())
}

/// One peer's native library is linked with it.
fn libuv_is_there() -> bool {
    let known = Command::new("/sbin/ldconfig").arg("-p").output();
    known.is_ok_and(|known| String::from_utf8_lossy(&known.stdout).contains("libuv.so.1"))
}

/// How to call apt-get without a password, if there is a way.
fn apt() -> Option<Vec<&'static str>> {
    if !Path::new("/usr/bin/apt-get").exists() {
        return None;
    }
    let succeeds = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())
    };
    if succeeds("id", &["-u"]).is_some_and(|output| output.stdout == b"0\n") {
        return Some(vec!["apt-get"]);
    }
    succeeds("sudo", &["-n", "true"]).map(|_| vec!["sudo", "-n", "apt-get"])
}
