//! The binary as service managers and containers run it.

use std::{
    io::{BufRead, BufReader},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running `swampdragon` on free ports, which ends with the test.
pub(crate) struct Binary {
    child: Child,
    banner: Vec<String>,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swampdragon"));
    // Settings of whoever runs the tests must not leak in.
    command.env_clear().args(["--session-store", "memory:", "--port", "0"]);
    command
}

impl Binary {
    /// Starts it with these arguments besides, and waits until it has said `lines` of where it listens.
    pub(crate) fn start(arguments: &[&str], notify: Option<&Path>, lines: usize) -> Self {
        let mut command = command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(socket) = notify {
            command.env("NOTIFY_SOCKET", socket);
        }
        let mut child = command.spawn().unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap()).lines().take(lines).map(Result::unwrap).collect();
        Self { child, banner }
    }

    /// What stands in its banner between `before` and the next slash.
    pub(crate) fn address(&self, before: &str) -> &str {
        let rest = self.banner.iter().find_map(|line| line.split_once(before)).unwrap().1;
        rest.split('/').next().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_manager_is_told_when_pages_can_connect_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let next = || {
        let mut message = [0; 256];
        let length = told.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut binary = Binary::start(&[], Some(&socket), 2);
    assert_eq!(next().trim(), "READY=1");
    let address = binary.address("http://").to_owned();
    std::net::TcpStream::connect(address).unwrap();
    binary.signal(Signal::SIGTERM);
    assert_eq!(next().trim(), "STOPPING=1");
    assert!(binary.ended().success());
}

#[test]
fn a_hang_up_does_not_end_the_server() {
    let mut binary = Binary::start(&[], None, 2);
    binary.signal(Signal::SIGHUP);
    let address = binary.address("http://").to_owned();
    std::net::TcpStream::connect(address).unwrap();
    binary.signal(Signal::SIGTERM);
    assert!(binary.ended().success(), "it ended by the hang-up");
}

#[test]
fn the_binary_checks_the_health_of_the_server_with_its_settings() {
    let binary = Binary::start(&["--admin-listen", "127.0.0.1:0"], None, 3);
    let admin = binary.address("For operators: http://");
    let check = |arguments: &[&str]| {
        let output = command().arg("--check-health").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check(&["--admin-listen", admin]), (Some(0), String::new()));
    assert_eq!(
        check(&[]),
        (Some(1), "swampdragon: --check-health needs admin_listen, where the server answers\n".to_owned())
    );
    let admin = admin.to_owned();
    drop(binary);
    let (code, told) = check(&["--admin-listen", &admin]);
    assert_eq!(code, Some(1));
    let expected = format!("swampdragon: no healthy server at {admin} (admin_listen): ");
    assert!(told.starts_with(&expected), "{told}");
}
