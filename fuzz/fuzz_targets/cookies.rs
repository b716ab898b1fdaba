//! `swampdragon_fuzz::run("cookies", ...)`, driven by cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swampdragon_fuzz::run("cookies", input));
