//! Django with sessions in its own Redis cache.

use super::{Framework, python};

/// From PyPI; `requirements.txt` in the guide's folder has the versions.
pub const DJANGO: Framework = Framework {
    name: "django",
    cookie: "sessionid",
    key_prefix: ":1:django.contrib.sessions.cache",
    signed: false,
    port: 8000,
    install: python::install,
    versions: python::versions,
    command: |_| python::python("-m django runserver --settings settings --pythonpath . --noreload $PORT"),
};
