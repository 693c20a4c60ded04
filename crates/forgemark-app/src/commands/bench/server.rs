//! The scripted server of a benchmark, in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use forgemark_contract::json::{self, Json};

use super::measure::command;
use crate::error::{AppError, ErrorKind};

/// Time for an answer of the server about itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(super) struct ScriptedServer {
    child: Child,
    /// For clients: `http://127.0.0.1:4000/v1`.
    pub(super) base_url: String,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl ScriptedServer {
    /// Starts it with a script and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(script: &Path) -> Result<Self, AppError> {
        let mut child = command()?
            .args(["-q", "scripted-server", "--port", "0", "--json", "--script"])
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed("cannot be started").caused_by(error))?;
        let mut line = String::new();
        let read = child
            .stdout
            .take()
            .map(|out| BufReader::new(out).read_line(&mut line));
        let base_url = match read {
            Some(Ok(_)) => json::parse(line.as_bytes())
                .ok()
                .map(|first| first.str_or("base_url", "").to_owned()),
            _ => None,
        };
        let address = base_url
            .as_deref()
            .and_then(|url| url.strip_prefix("http://")?.strip_suffix("/v1"))
            .and_then(|address| address.parse().ok());
        // Made first, so that a server that says something else is ended too.
        let mut server = Self {
            child,
            base_url: base_url.unwrap_or_default(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        server.address = address.ok_or_else(|| failed("does not say where it listens"))?;
        Ok(server)
    }

    /// What it has counted.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn stats(&self) -> Result<Stats, AppError> {
        let wrong = |error: std::io::Error| failed("does not tell its counters").caused_by(error);
        let mut stream = TcpStream::connect(self.address).map_err(wrong)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
        write!(
            stream,
            "GET /stats HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .map_err(wrong)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(wrong)?;
        let body = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map_or(&[][..], |end| &answer[end + 4..]);
        let value = json::parse(body)
            .map_err(|error| failed("tells counters that cannot be read").caused_by(error))?;
        Ok(Stats(value))
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        // It may be gone already, after Ctrl-C say; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(what: &str) -> AppError {
    AppError::new(ErrorKind::Failed, format!("the scripted server {what}"))
}

/// Counters of the server.
#[derive(Debug)]
pub(super) struct Stats(Json);

impl Stats {
    /// A counter; 0 when there is none of this name.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Json::as_u64).unwrap_or(0)
    }

    /// Calls by role.
    pub(super) fn by_role(&self) -> Json {
        self.0
            .get("calls_by_role")
            .cloned()
            .unwrap_or_else(Json::empty_object)
    }
}
