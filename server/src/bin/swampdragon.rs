//! The server that needs no code: reads its settings, serves, and ends cleanly.

use std::{
    error::Error,
    io::{self, IsTerminal, Read, Write},
    iter::successors,
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    time::Duration,
};

use sd_notify::NotifyState;
use swampdragon_server::{
    Server, TlsError, hang_up_signals, raise_open_files_limit,
    settings::{Invocation, Loaded, LogFormat, Settings, Source},
    shutdown_signals,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::Signal,
};
use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// What a connection keeps is small and has to lie on even addresses, which the system's allocator pads by a third.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    let asked_for = *loaded.source("max_connections") != Source::Default;
    let Loaded { settings, warnings, .. } = *loaded;
    start_logging(&settings);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if let Err(error) = raise_open_files_limit(settings.max_connections) {
        // The default is more than most systems allow, and than most servers need.
        if asked_for { tracing::warn!("{error}") } else { tracing::debug!("{error}") }
    }
    let served =
        runtime(settings.worker_threads).map_err(Into::into).and_then(|runtime| runtime.block_on(run(settings)));
    match served {
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

/// One thread is not as many as one of several: it wakes nobody.
fn runtime(worker_threads: usize) -> io::Result<Runtime> {
    let mut builder = match worker_threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(worker_threads).enable_all().build()
}

async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    // Before anything else, so that a signal that comes while the store is opened is not lost.
    let (shutdown, at_once) = shutdown_signals()?;
    let mut shutdown = Box::pin(shutdown);
    let address = format!("{}:{}", bracketed(&settings.host), settings.port);
    let prefix = settings.prefix.clone();
    let scheme = if settings.tls_certificate.is_some() { "https" } else { "http" };
    let for_backends = settings.admin_token.is_some() || settings.admin_token_file.is_some();
    let hang_ups = hang_up_signals()?;
    let server = tokio::select! {
        server = Server::builder().settings(settings).bind(&address) => server?,
        // It may be waiting for Redis.
        () = &mut shutdown => return Ok(()),
    };
    // Port 0 has become a real one.
    let url = format!("{scheme}://{}", server.local_addr()?);
    let mut banner = format!("SwampDragon listens on {url}/\nPages connect to {url}{prefix}; ctrl-c ends the server.");
    if let Some(address) = server.admin_addr() {
        banner.push_str(&format!("\nFor operators: http://{address}/healthz, /readyz and /metrics"));
        if for_backends {
            banner.push_str(&format!("\nFor your backend: http://{address}/sessions"));
        }
    }
    // Whoever read the address may have closed the pipe, or the disk behind it may be full: no reason to end.
    let _ = writeln!(io::stdout(), "{banner}");
    tell_service_manager(NotifyState::Ready);
    let shutdown = async {
        shutdown.await;
        tell_service_manager(NotifyState::Stopping);
    };
    let reloading = reload_certificate(hang_ups, server.certificate_reloader());
    tokio::select! {
        () = server.run_until_or(shutdown, at_once) => {}
        () = reloading => {}
    }
    Ok(())
}

/// Reads the certificate anew whenever the process is told to, for ever.
async fn reload_certificate(mut hang_ups: Signal, reload: Option<impl Fn() -> Result<(), TlsError>>) {
    while hang_ups.recv().await.is_some() {
        match reload.as_ref().map(|reload| reload()) {
            None => tracing::info!("SIGHUP: there is nothing to read anew, since tls_certificate is not set"),
            Some(Ok(())) => tracing::info!("SIGHUP: new connections get the certificate that was read anew"),
            Some(Err(error)) => tracing::error!(
                error = &error as &dyn Error,
                "SIGHUP: the certificate in use stays, since the new one cannot be used"
            ),
        }
    }
}

/// Says how far the server is, where a service manager has asked to be told (systemd's `Type=notify`).
fn tell_service_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(false, &[state]) {
        tracing::warn!(error = &error as &dyn Error, "the service manager was not told (NOTIFY_SOCKET)");
    }
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
