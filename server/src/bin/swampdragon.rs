//! The server that needs no code: reads its settings, serves, and ends cleanly.

use std::{
    error::Error,
    io::{self, IsTerminal, Read, Write},
    iter::successors,
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    time::Duration,
};

use swampdragon_server::{
    Server,
    settings::{Invocation, Loaded, LogFormat, Settings},
    shutdown_signal,
};
use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// Exit code for a wrong command line or setting, as is customary. Other failures exit with 1.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let loaded = match Loaded::read(std::env::args_os(), std::env::vars_os()) {
        Ok(Invocation::Run(loaded)) => loaded,
        // Whoever asked may have closed the pipe already, like `head` does.
        Ok(Invocation::Print(text)) => {
            return io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        Ok(Invocation::CheckHealth(loaded)) => {
            return check_health(&loaded.settings)
                .map_or_else(|error| fail(&error, ExitCode::FAILURE), |()| ExitCode::SUCCESS);
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
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let filter = EnvFilter::new(&settings.log);
    tracing_subscriber::registry().with(lines).with(filter).with(filter_fn(tells_no_messages)).init();
}

/// At trace level tungstenite writes whole messages, in which session keys stand.
fn tells_no_messages(metadata: &Metadata<'_>) -> bool {
    *metadata.level() < Level::TRACE || !metadata.target().starts_with("tungstenite")
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
    let mut banner = format!("SwampDragon listens on {url}/\nPages connect to {url}{prefix}; ctrl-c ends the server.");
    if let Some(address) = server.admin_addr() {
        banner.push_str(&format!("\nFor operators: http://{address}/healthz, /readyz and /metrics"));
    }
    // Whoever read the address may have closed the pipe, or the disk behind it may be full: no reason to end.
    let _ = writeln!(io::stdout(), "{banner}");
    server.run_until(shutdown).await;
    Ok(())
}

/// Asks the server that runs with these settings, for supervisors that can run a program and not speak HTTP.
fn check_health(settings: &Settings) -> io::Result<()> {
    let Some(address) = &settings.admin_listen else {
        return Err(io::Error::other("--check-health needs admin_listen, where the server answers"));
    };
    let ask = || {
        let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut socket = TcpStream::connect_timeout(&address, HEALTH_TIME)?;
        socket.set_read_timeout(Some(HEALTH_TIME))?;
        write!(socket, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.take(1024).read_to_string(&mut answer)?;
        let status = answer.lines().next().unwrap_or_default();
        if status.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(io::Error::other(format!("answered `{status}`"))) }
    };
    ask().map_err(|error| {
        io::Error::new(error.kind(), format!("no healthy server at {address} (admin_listen): {error}"))
    })
}

/// How long a healthy server may take to answer.
const HEALTH_TIME: Duration = Duration::from_secs(2);

/// An IPv6 address stands in brackets before a port (RFC 3986, section 3.2.2).
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
