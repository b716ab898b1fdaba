//! Flask with Flask-Session in Redis.

use super::{Framework, python};

/// From PyPI; `requirements.txt` in the guide's folder has the versions.
pub const FLASK: Framework = Framework {
    name: "flask",
    cookie: "session",
    key_prefix: "session:",
    signed: false,
    port: 5000,
    install: python::install,
    versions: python::versions,
    command: |_| python::python("-m flask run --port $PORT"),
};
