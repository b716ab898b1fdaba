//! In place of TLS where the program is built without: nothing of these types exists, so nothing of it is ever run.

use std::io;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use tokio::{net::TcpStream, time::Instant};

use super::TlsError;
use crate::settings::Settings;

pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn open(settings: &Settings) -> Result<Option<Self>, TlsError> {
        match (&settings.tls_certificate, &settings.tls_key) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(TlsError::NotBuilt { setting: "tls_certificate" }),
            (None, Some(_)) => Err(TlsError::NotBuilt { setting: "tls_key" }),
        }
    }

    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        match *self {}
    }

    pub(crate) async fn begin(&self, _: TcpStream, _: Instant) -> Option<TcpStream> {
        match *self {}
    }
}

#[derive(Debug)]
pub(crate) enum TlsStream {}

pub(crate) fn of(_: Upgraded) -> Option<(TlsStream, Bytes)> {
    None
}

impl TlsStream {
    pub(crate) fn socket(&self) -> &TcpStream {
        match *self {}
    }

    pub(crate) fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}
