//! Every input in the corpus, and changed forms of each: what a machine without cargo-fuzz checks.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

use fastrand::Rng;
use swampdragon_fuzz::{TARGETS, run};

/// Changed forms of each input. The same ones each time, so that a failure can be repeated.
const CHANGED: u64 = 200;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = files(&corpus().join(target));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a file"))).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder");
    files.map(|file| file.expect("a file").path()).collect()
}

/// Replaces, removes, doubles or moves some of the bytes, or goes on as `other` does.
fn changed(input: &[u8], other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut input = input.to_vec();
    for _ in 0..random.usize(1..4) {
        let (start, end) = (random.usize(..=input.len()), random.usize(..=input.len()));
        let part = start.min(end)..start.max(end);
        match random.u8(..5) {
            0 => input.iter_mut().skip(start).take(random.usize(..3)).for_each(|byte| *byte ^= 1 << random.u8(..8)),
            1 => drop(input.drain(part)),
            2 => input.splice(start..start, other.iter().take(end).copied().collect::<Vec<_>>()).for_each(drop),
            3 => input.insert(start, random.u8(..)),
            _ => {
                let part: Vec<_> = input[part].to_vec();
                input.splice(start..start, part).for_each(drop);
            }
        }
    }
    input
}

fn holds(target: &str) {
    let inputs = inputs(target);
    assert!(inputs.len() >= 10, "{target} has {} inputs", inputs.len());
    for (number, (path, input)) in inputs.iter().enumerate() {
        check(target, input, &path.display().to_string());
        for seed in 0..CHANGED {
            let mut random = Rng::with_seed(seed);
            let (_, other) = &inputs[(number + random.usize(1..inputs.len())) % inputs.len()];
            let input = changed(input, other, &mut random);
            check(target, &input, &format!("{}, changed by seed {seed}", path.display()));
        }
    }
}

fn check(target: &str, input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(target, input))) {
        eprintln!("{target} fails for {what}: {:?}", String::from_utf8_lossy(input));
        resume_unwind(panic);
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test] fn $target() { holds(stringify!($target)); })*

        #[test]
        fn every_target_is_here_and_has_a_program_and_a_corpus() {
            let here = BTreeSet::from([$(stringify!($target).to_owned()),*]);
            assert_eq!(here, TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
            let names = |folder: &Path| -> BTreeSet<_> {
                files(folder).iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect()
            };
            assert_eq!(here, names(&corpus()));
            assert_eq!(here, names(&corpus().with_file_name("fuzz_targets")));
        }
    };
}

targets! {
    server_frames client_frames client_messages server_messages websocket http settings names channel_filters
    publications cookies
}
