//! A relay in front of the server that keeps the bodies of what is asked, so that the bare loop can
//! send what the pipeline really sends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::error::{AppError, ErrorKind};

/// A relay at work.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: JoinHandle<Vec<JoinHandle<Vec<u8>>>>,
}

fn failed(error: std::io::Error) -> AppError {
    AppError::new(ErrorKind::Io, "cannot relay to the scripted server").caused_by(error)
}

impl Relay {
    /// Starts it in front of `server`.
    ///
    /// # Errors
    /// When the system gives no socket or no thread.
    pub(super) fn start(server: SocketAddr) -> Result<Self, AppError> {
        let listener = TcpListener::bind((server.ip(), 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accepting = std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || {
                let mut connections = Vec::new();
                while let Ok((client, _)) = listener.accept() {
                    if stopped.load(Ordering::Acquire) {
                        break;
                    }
                    connections.extend(relay(client, server).ok());
                }
                connections
            })
            .map_err(failed)?;
        Ok(Self {
            address,
            stop,
            accepting,
        })
    }

    /// For clients.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The bodies of all chat calls so far but the probes. The clients must be gone.
    ///
    /// # Errors
    /// When the relay cannot be woken.
    pub(super) fn finish(self) -> Result<Vec<Bytes>, AppError> {
        self.stop.store(true, Ordering::Release);
        TcpStream::connect(self.address).map_err(failed)?;
        let connections = self.accepting.join().unwrap_or_default();
        Ok(connections
            .into_iter()
            .flat_map(|connection| bodies(&connection.join().unwrap_or_default()))
            .collect())
    }
}

/// Copies both ways; what the client sends is kept.
fn relay(client: TcpStream, server: SocketAddr) -> std::io::Result<JoinHandle<Vec<u8>>> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    let (mut down_from, mut down_to) = (server, client);
    std::thread::Builder::new().spawn(move || {
        let _ = std::io::copy(&mut down_from, &mut down_to);
        let _ = down_to.shutdown(Shutdown::Both);
    })?;
    std::thread::Builder::new().spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = vec![0_u8; 1 << 16];
        while let Ok(n @ 1..) = up_from.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..n]);
            if up_to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = up_to.shutdown(Shutdown::Write);
        kept
    })
}

/// The bodies of the requests of a connection, which all say how long they are.
fn bodies(mut sent: &[u8]) -> Vec<Bytes> {
    let mut found = Vec::new();
    while let Some(end) = sent.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&sent[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let length = header("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0_usize);
        let Some(body) = sent.get(end + 4..end + 4 + length) else {
            break;
        };
        if header("idempotency-key") != Some("probe") {
            found.push(Bytes::copy_from_slice(body));
        }
        sent = &sent[end + 4 + length..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_found_and_probes_left_out() {
        let sent = b"POST /v1 HTTP/1.1\r\nContent-Length: 3\r\nIdempotency-Key: ab\r\n\r\none\
            POST /v1 HTTP/1.1\r\nidempotency-key: probe\r\ncontent-length: 2\r\n\r\n{}\
            POST /v1 HTTP/1.1\r\ncontent-length: 4\r\n\r\nlast\
            POST /v1 HTTP/1.1\r\ncontent-length: 40\r\n\r\ncut";
        assert_eq!(bodies(sent), ["one", "last"]);
    }

    #[test]
    fn a_relay_passes_both_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            stream.read_to_end(&mut text).unwrap();
            stream.write_all(b"reply").unwrap();
            text
        });
        let relay = Relay::start(address).unwrap();
        let mut client = TcpStream::connect(relay.address).unwrap();
        let request = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi";
        client.write_all(request).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        drop(client);
        assert_eq!(
            (reply.as_str(), server.join().unwrap().as_slice()),
            ("reply", &request[..])
        );
        assert_eq!(relay.finish().unwrap(), ["hi"]);
    }
}
