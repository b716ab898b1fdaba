//! PHP with phpredis, and its own web server.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Framework, output};

/// From Debian: php-cli and php-redis.
pub const PHP: Framework = Framework {
    name: "php",
    cookie: "PHPSESSID",
    key_prefix: "PHPREDIS_SESSION:",
    signed: false,
    port: 8000,
    install: |_| Ok(()),
    versions,
    command: |_| {
        let mut command = Command::new("sh");
        command.args(["-c", SERVE]);
        command
    },
};

/// What is in the environment has no place in php.ini, and phpredis another word for the scheme.
const SERVE: &str = r#"
    exec php -c php.ini -d "session.save_path=tcp://${REDIS_URL#redis://}" -d "session.gc_maxlifetime=$SESSION_SECONDS" \
        -S "127.0.0.1:$PORT" -t public
"#;

const VERSIONS: &str = "echo 'php ', PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, '.', PHP_RELEASE_VERSION, ', phpredis ', \
                        phpversion('redis');";

fn versions(folder: &Path) -> Result<String> {
    output(folder, Command::new("php").args(["-r", VERSIONS]))
}
