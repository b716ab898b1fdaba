//! The npm package as users get it: the packed tarball, installed by npm, in a Vite app and in a plain page.

use std::{
    ffi::OsStr,
    fs,
    hash::{DefaultHasher, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::server::target_directory;

/// Folders that can be served as they are. Both show the same page, `tests/apps/page.js`.
#[derive(Debug, Clone)]
pub struct Apps {
    /// Built by Vite.
    pub vite: PathBuf,
    /// No build: a module that imports the package's files.
    pub plain: PathBuf,
    /// The demo page, assembled by `cargo xtask demo`'s own code from the same package.
    pub package: PathBuf,
}

/// The versions are in the manifests, and what is in the cache already need not be asked for.
pub(crate) const INSTALL: [&str; 5] = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"];

const REMEDY: &str = "Install Node 20 or newer with npm (on Debian: `apt-get install nodejs npm`).";

/// Installs the packed package and builds the apps, unless that was done with the very same files before.
///
/// # Errors
/// When the package has not been built, or npm or Vite fail; the message has what they said.
pub fn apps() -> Result<&'static Apps> {
    static APPS: OnceLock<Result<Apps, String>> = OnceLock::new();
    APPS.get_or_init(|| build().map_err(|error| format!("{error:#}"))).as_ref().map_err(|error| anyhow!(error.clone()))
}

fn build() -> Result<Apps> {
    let target = target_directory()?;
    let tarball = tarball()?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps");
    let work = target.join("e2e/apps");
    let (vite, plain) = (work.join("vite"), work.join("plain"));
    let installed = vite.join("node_modules/swampdragon");
    let apps = Apps { vite: vite.join("dist"), plain: plain.clone(), package: installed.clone() };

    let stamp = work.join("stamp");
    let fingerprint = fingerprint(&tarball, &sources)?;
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == fingerprint) {
        return Ok(apps);
    }

    // Vite itself may stay; of the package under test nothing old may.
    for old in [&stamp, &vite.join("node_modules/.package-lock.json")] {
        let _ = fs::remove_file(old);
    }
    for old in [&installed, &plain, &apps.vite] {
        let _ = fs::remove_dir_all(old);
    }
    copy_files(&sources.join("vite"), &vite)?;
    fs::copy(sources.join("page.js"), vite.join("page.js"))?;
    let manifest = fs::read_to_string(sources.join("vite/package.json"))?;
    fs::write(vite.join("package.json"), manifest.replace("PACKED_TARBALL", &tarball.display().to_string()))?;
    run(&vite, "npm", INSTALL)?;
    run(&vite, "npx", ["vite", "build", "--logLevel", "warn"])?;

    copy_files(&sources.join("plain"), &plain)?;
    fs::copy(sources.join("page.js"), plain.join("page.js"))?;
    copy_files(&installed, &plain.join("swampdragon"))?;
    fs::write(stamp, fingerprint)?;
    Ok(apps)
}

/// The demo page beside the package, as `cargo xtask demo` lays it out.
///
/// # Errors
/// When the package has not been built, or files cannot be written.
pub fn demo(folder: &Path) -> Result<()> {
    copy_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../js/demo"), folder)?;
    copy_files(&apps()?.package, &folder.join("swampdragon"))
}

/// Installs the packed package into a folder, and whatever the manifest there wants.
pub(crate) fn install(folder: &Path, tarball: &Path) -> Result<()> {
    let tarball = tarball.as_os_str();
    run(
        folder,
        "npm",
        INSTALL.map(OsStr::new).into_iter().chain(["--no-save", "--prefix", "."].map(OsStr::new)).chain([tarball]),
    )
}

/// The packed package.
pub(crate) fn tarball() -> Result<PathBuf> {
    let folder = target_directory()?.join("npm");
    let missing = || format!("There is no package in {}: run `cargo xtask build` first.", folder.display());
    let mut found = fs::read_dir(&folder)
        .with_context(missing)?
        .map(|entry| Ok(entry?.path()))
        .filter(|path: &Result<PathBuf>| path.as_ref().is_ok_and(|path| path.extension() == Some(OsStr::new("tgz"))))
        .collect::<Result<Vec<_>>>()?;
    match (found.pop(), found.is_empty()) {
        (Some(tarball), true) => Ok(tarball),
        (None, _) => bail!(missing()),
        (Some(_), false) => bail!("More than one package lies in {}: remove the old ones.", folder.display()),
    }
}

/// A text that is another one for another package or other files.
pub(crate) fn fingerprint(tarball: &Path, sources: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(tarball)?);
    for file in files(sources)? {
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write(&fs::read(&file)?);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = vec![];
    for entry in fs::read_dir(folder).with_context(|| format!("{} is missing", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

pub(crate) fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a file lies in a folder")?)?;
        fs::copy(&file, &target).with_context(|| format!("cannot copy {} to {}", file.display(), target.display()))?;
    }
    Ok(())
}

pub(crate) fn run<A: AsRef<OsStr>>(folder: &Path, program: &str, arguments: impl IntoIterator<Item = A>) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("{program} does not start. {REMEDY}"))?;
    if !output.status.success() {
        bail!(
            "{program} failed in {}:\n{}{}",
            folder.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
