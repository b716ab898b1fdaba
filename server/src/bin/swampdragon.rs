//! The server that needs no code: reads its settings, serves, and ends cleanly.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    iter::successors,
    process::ExitCode,
};

use swampdragon_server::{
    Server,
    settings::{Invocation, Loaded, LogFormat, Settings},
    shutdown_signal,
};
use tracing_subscriber::EnvFilter;

/// Exit code for a wrong command line or setting, as is customary. Other failures exit with 1.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let loaded = match Loaded::read(std::env::args_os(), std::env::vars_os()) {
        Ok(Invocation::Run(loaded)) => loaded,
        // Whoever asked may have closed the pipe already, like `head` does.
        Ok(Invocation::Print(text)) => {
            return io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        Err(error) => return fail(&error, ExitCode::from(MISUSED)),
    };
    let Loaded { settings, warnings, .. } = *loaded;
    start_logging(&settings);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error, ExitCode::FAILURE),
    }
}

/// Says in one line what went wrong, from the outermost error to its first cause.
fn fail(error: &(dyn Error + 'static), code: ExitCode) -> ExitCode {
    let mut causes: Vec<_> = successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    // Some errors only pass on what their cause says.
    causes.dedup();
    eprintln!("swampdragon: {}", causes.join(": "));
    code
}

fn start_logging(settings: &Settings) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.log))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match settings.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

#[tokio::main]
async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    // Before anything else, so that a signal that comes while the store is opened is not lost.
    let mut shutdown = Box::pin(shutdown_signal()?);
    let address = format!("{}:{}", bracketed(&settings.host), settings.port);
    let prefix = settings.prefix.clone();
    let server = tokio::select! {
        server = Server::builder().settings(settings).bind(&address) => server?,
        // It may be waiting for Redis.
        () = &mut shutdown => return Ok(()),
    };
    // Port 0 has become a real one.
    let url = format!("http://{}", server.local_addr()?);
    // Whoever read the address may have closed the pipe, or the disk behind it may be full: no reason to end.
    let _ = writeln!(
        io::stdout(),
        "SwampDragon listens on {url}/\nPages connect to {url}{prefix}; ctrl-c ends the server."
    );
    server.run_until(shutdown).await;
    Ok(())
}

/// An IPv6 address stands in brackets before a port (RFC 3986, section 3.2.2).
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
