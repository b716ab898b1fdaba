//! `swampdragon_fuzz::run("http", ...)`, driven by cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| swampdragon_fuzz::run("http", input));
