//! The proxy in front of an app and SwampDragon: a process of the test's own, with the guide's configuration.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, bail, ensure};

use crate::process::{Process, on_free_port};

const PROXY_PORT: &str = "8080";
const SWAMPDRAGON_PORT: &str = "9999";
const APP_FOLDER: &str = "/srv/app";

/// Where a proxy sends requests.
pub(super) struct Behind<'a> {
    /// The folder with the app, and the configuration: `nginx.conf` or `haproxy.cfg`.
    pub(super) folder: &'a Path,
    /// The app's port in the configuration, and the one that it really has.
    pub(super) app: (u16, u16),
    /// The port that SwampDragon really has.
    pub(super) swampdragon: u16,
}

/// A running proxy and its port. It keeps its own files in `work`.
pub(super) fn start(behind: &Behind<'_>, work: &Path) -> Result<(Process, u16)> {
    let guide = |name: &str| fs::read_to_string(behind.folder.join(name)).ok();
    let work = work.canonicalize()?;
    match (guide("nginx.conf"), guide("haproxy.cfg")) {
        (Some(guide), None) => on_free_port("Install it with `apt-get install nginx-light`.", |port| {
            nginx(&on_these_ports(&guide, behind, port)?, &work)
        }),
        (None, Some(guide)) => on_free_port("Install it with `apt-get install haproxy`.", |port| {
            haproxy(&on_these_ports(&guide, behind, port)?, &work)
        }),
        _ => bail!("{} has to have either an nginx.conf or a haproxy.cfg", behind.folder.display()),
    }
}

/// nginx, with this site alone.
fn nginx(site: &str, work: &Path) -> Result<Command> {
    fs::write(work.join("site.conf"), site)?;
    let main = work.join("nginx.conf");
    fs::write(&main, NGINX.replace("WORK", &work.display().to_string()))?;
    let mut nginx = server("nginx");
    nginx.arg("-p").arg(work).arg("-c").arg(main).args(["-e", "stderr"]);
    Ok(nginx)
}

/// HAProxy with this configuration, in the foreground.
fn haproxy(configuration: &str, work: &Path) -> Result<Command> {
    let file = work.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut haproxy = server("haproxy");
    haproxy.arg("-db").arg("-f").arg(file);
    Ok(haproxy)
}

/// Debian has servers where ordinary users do not look for programs.
fn server(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    command
}

/// What stands around a site's configuration, for one process in the foreground, in a folder of its own.
const NGINX: &str = "
daemon off;
master_process off;
pid WORK/pid;
events {}
http {
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path WORK/body;
    proxy_temp_path WORK/proxy;
    fastcgi_temp_path WORK/fastcgi;
    uwsgi_temp_path WORK/uwsgi;
    scgi_temp_path WORK/scgi;
    include WORK/site.conf;
}
";

/// The guide's configuration with the test's ports and folder instead of the documented ones.
fn on_these_ports(guide: &str, behind: &Behind<'_>, port: u16) -> Result<String> {
    let (app, app_port) = (behind.app.0.to_string(), behind.app.1.to_string());
    let (port, swampdragon) = (port.to_string(), behind.swampdragon.to_string());
    let places = [(PROXY_PORT, &port), (app.as_str(), &app_port), (SWAMPDRAGON_PORT, &swampdragon)];
    for (documented, _) in places {
        ensure!(numbers(guide).any(|number| number == documented), "the configuration has no port {documented}");
    }
    // All at once: a port that was put in may look like one that is still to be replaced.
    let replaced = numbers(guide).map(|part| places.iter().find(|(from, _)| part == *from).map_or(part, |(_, to)| to));
    Ok(replaced.collect::<String>().replace(APP_FOLDER, &behind.folder.display().to_string()))
}

/// A text in pieces: numbers, and what is between them.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit()).scan(0, move |at, chunk| {
        let piece = text.get(*at..*at + chunk.len());
        *at += chunk.len();
        piece
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_put_in_as_wholes_and_at_once() {
        let behind = Behind { folder: Path::new("/app"), app: (3000, 18080), swampdragon: 30000 };
        let guide = "listen 8080; pass 127.0.0.1:3000; pass 127.0.0.1:9999; timeout 30000; alias /srv/app/dist";
        let expected = "listen 9999; pass 127.0.0.1:18080; pass 127.0.0.1:30000; timeout 30000; alias /app/dist";
        assert_eq!(on_these_ports(guide, &behind, 9999).unwrap(), expected);
        assert!(on_these_ports("listen 8080; pass 127.0.0.1:3000", &behind, 9999).is_err());
    }
}
