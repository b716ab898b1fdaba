use std::{cell::RefCell, fs, path::PathBuf};

use swampdragon_server::settings::{Invocation, Loaded};
use tempfile::TempDir;

use crate::text;

/// What an operator keeps to himself.
const PASSWORD: &str = "s3cr3t-s3cr3t";

/// Settings that are printed and read again are the same settings; and what is said of them, right or wrong, never has
/// the password in it.
///
/// What stands before the first empty line is the environment, each variable in a line, the rest is the file. A first
/// line `password` has the operator give one.
pub(crate) fn check(input: &[u8]) {
    let input = text(input);
    if input.contains('\0') || input.contains(PASSWORD) {
        return;
    }
    let (password, input) = match input.strip_prefix("password\n") {
        Some(rest) => (Some(("SWAMP_DRAGON_REDIS_PASSWORD", PASSWORD)), rest),
        None => (None, input),
    };
    let (environment, file) = input.split_once("\n\n").unwrap_or(("", input));
    let environment = environment.lines().filter_map(|line| line.split_once('=')).chain(password);
    let loaded = match read(file, environment) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(!error.contains(PASSWORD), "{error}");
            return;
        }
    };
    let printed = loaded.print_config();
    assert!(!printed.contains(PASSWORD), "{printed}");
    assert!(loaded.warnings.iter().all(|warning| !warning.contains(PASSWORD)), "{:?}", loaded.warnings);
    if printed.contains("***") {
        // Printed passwords are not read again.
        return;
    }
    match read(&printed, []) {
        Ok(again) => assert!(again.settings == loaded.settings, "{printed}"),
        Err(error) => panic!("{error}: {printed}"),
    }
}

fn read<'a>(file: &str, environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Loaded, String> {
    thread_local! {
        static FOLDER: RefCell<Option<(TempDir, PathBuf)>> = const { RefCell::new(None) };
    }
    let path = FOLDER.with_borrow_mut(|folder| {
        let (_, path) = folder.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("swampdragon.toml");
            (folder, path)
        });
        path.clone()
    });
    fs::write(&path, file).expect("a temporary file");
    let path = path.to_str().expect("a path in UTF-8");
    match Loaded::read(["swampdragon", "--config", path], environment) {
        Ok(Invocation::Run(loaded)) => Ok(*loaded),
        Ok(other) => panic!("a server was to run, and not: {other:?}"),
        Err(error) => Err(error.to_string()),
    }
}
