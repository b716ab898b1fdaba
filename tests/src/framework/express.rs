//! Express with express-session and connect-redis.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Framework, output};

/// From npm; `package.json` in the guide's folder has the versions.
pub const EXPRESS: Framework = Framework {
    name: "express",
    cookie: "connect.sid",
    key_prefix: "sess:",
    signed: true,
    port: 3000,
    // npm has done that: the client was installed into the folder of the app's own package.json.
    install: |_| Ok(()),
    versions,
    command: |_| {
        let mut command = Command::new("node");
        command.arg("app.js");
        command
    },
};

const VERSIONS: &str = r#"
    const { dependencies } = require("./package.json");
    const version = (name) => JSON.parse(require("fs").readFileSync(`node_modules/${name}/package.json`)).version;
    const told = ["express", ...Object.keys(dependencies).filter((name) => name !== "express")];
    console.log(told.map((name) => `${name} ${version(name)}`).join(", "));
"#;

fn versions(folder: &Path) -> Result<String> {
    output(folder, Command::new("node").args(["-e", VERSIONS]))
}
