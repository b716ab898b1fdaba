//! The project's own commands, for what plain cargo cannot say: `cargo xtask demo`, `cargo xtask test` and the pieces they are made of.

mod bench;
mod carried;
mod demo;
mod freshness;
mod fuzz;
mod glue;
mod growth;
mod indirect;
mod npm;
mod paths;
mod sections;
mod server;
mod size;
mod step;
mod test;
mod tools;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds and checks SwampDragon.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the demo page on http://127.0.0.1:9999/, with all that it needs
    Demo(demo::Demo),
    /// Run every test: Rust, JavaScript, types, page weight, end to end
    Test(test::Test),
    /// Look for inputs that break a decoder, with cargo-fuzz
    Fuzz(fuzz::Fuzz),
    /// Measure the server beside its peers, and write docs/benchmarks.md and its chart
    Bench(bench::Bench),
    /// Build the npm package (target/npm) and the server (target/release/swampdragon)
    Build,
    /// Build the WebAssembly and its JavaScript into js/dist
    Wasm,
    /// Build and pack the npm package only
    Npm,
    /// Print what a page downloads, and what grew; fails over the budget in js/package.json
    Size {
        /// Compare with these sizes from now on (js/size.json)
        #[arg(long)]
        save: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(demo) => demo.run(),
        Command::Test(test) => test.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Bench(bench) => bench.run(),
        Command::Build => npm::pack().and_then(|package| {
            let server = server::build()?;
            println!("{}\n{}", package.display(), server.display());
            Ok(())
        }),
        Command::Wasm => npm::bundle(),
        Command::Npm => npm::pack().map(|package| println!("{}", package.display())),
        Command::Size { save } => size::report(save),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
