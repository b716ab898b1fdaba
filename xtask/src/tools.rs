//! The programs that the tests need besides Rust and Node.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{run, step};

/// A program and the Debian packages that have it.
struct Tool {
    program: &'static str,
    packages: &'static [&'static str],
}

const TOOLS: [Tool; 8] = [
    Tool { program: "node", packages: &["nodejs"] },
    Tool { program: "npm", packages: &["npm"] },
    Tool { program: "redis-server", packages: &["redis-server"] },
    Tool { program: "chromedriver", packages: &["chromium", "chromium-driver"] },
    Tool { program: "python3", packages: &["python3", "python3-pip"] },
    Tool { program: "nginx", packages: &["nginx-light"] },
    Tool { program: "haproxy", packages: &["haproxy"] },
    Tool { program: "php", packages: &["php-cli", "php-redis"] },
];

/// Installs what is missing where that can be done without asking, and says what to install where it cannot.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !is_there(tool.program)).collect();
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
    match missing.iter().find(|tool| !is_there(tool.program)) {
        None => Ok(()),
        Some(tool) => bail!("{} is still missing after `apt-get install {}`", tool.program, packages.join(" ")),
    }
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian has servers where ordinary users do not look for programs.
    let found = env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file());
    found && (program != "php" || php_has_redis())
}

/// PHP itself comes without the extension that keeps its sessions in Redis.
fn php_has_redis() -> bool {
    let ask = "exit(extension_loaded('redis') ? 0 : 1);";
    Command::new("php").args(["-r", ask]).status().is_ok_and(|status| status.success())
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
