//! What the frameworks written in Python have in common: packages from PyPI in a folder beside the app.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::output;
use crate::npm::run;

/// Where the packages lie in an app's folder.
const PACKAGES: &str = "packages";
const REQUIREMENTS: &str = "requirements.txt";

/// Installs what `requirements.txt` names.
pub(super) fn install(folder: &Path) -> Result<()> {
    let quietly = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
    let what = ["--target", PACKAGES, "--requirement", REQUIREMENTS];
    run(folder, "python3", quietly.into_iter().chain(what))
        .context("Install Python with pip (on Debian: `apt-get install python3-pip`).")
}

/// The versions of what `requirements.txt` names, as the installed packages tell them.
pub(super) fn versions(folder: &Path) -> Result<String> {
    let requirements = fs::read_to_string(folder.join(REQUIREMENTS))?;
    let names: Vec<&str> = requirements.lines().filter_map(|line| line.split("==").next()).collect();
    let program = "import sys; from importlib.metadata import version; \
                   print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))";
    output(folder, Command::new("python3").args(["-c", program]).args(names).env("PYTHONPATH", PACKAGES))
}

/// Python with these packages. In the arguments, `$PORT` is the app's port.
pub(super) fn python(arguments: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec python3 {arguments}")]).env("PYTHONPATH", PACKAGES);
    command
}
