//! A client that shows every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use forgemark_contract::json::{Json, parse};
use forgemark_model::scripted::{Behaviour, Running, Script, Server, ServerOptions};

/// A server on a free port, with its log on.
pub(crate) fn serve(script: &Script) -> Running {
    let options = ServerOptions {
        threads: Some(2),
        log: true,
    };
    Server::start_with(script, ([127, 0, 0, 1], 0).into(), options).expect("a server")
}

pub(crate) fn serve_behaviour(behaviour: Behaviour) -> Running {
    serve(&Script::new(7).otherwise(behaviour))
}

/// What came back, or how it broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Whole {
        status: u16,
        head: String,
        body: Vec<u8>,
    },
    /// The connection ended after this many bytes of head and body.
    Cut {
        head_bytes: usize,
        body_bytes: usize,
    },
    /// Nothing came in time.
    Silence,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Whole { status, .. } => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn head(&self) -> &str {
        match self {
            Self::Whole { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Whole { body, .. } => body,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn json(&self) -> Json {
        parse(self.body()).expect("JSON")
    }

    pub(crate) fn message(&self) -> Json {
        self.json().items("choices")[0].at("message").clone()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("an option");
        Self { stream }
    }

    /// Waits this long for an answer that is not to come.
    pub(crate) fn patience(self, ms: u64) -> Self {
        self.stream
            .set_read_timeout(Some(Duration::from_millis(ms)))
            .expect("an option");
        self
    }

    pub(crate) fn chat(&mut self, body: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("POST", "/v1/chat/completions", body, headers);
        self.receive()
    }

    pub(crate) fn call(&mut self, method: &str, path: &str) -> Reply {
        self.send(method, path, "", &[]);
        self.receive()
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.stream
            .write_all(text.as_bytes())
            .expect("a request sent");
    }

    pub(crate) fn receive(&mut self) -> Reply {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 65_536];
        loop {
            let head_end = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .map(|at| at + 4);
            if let Some(end) = head_end {
                let head = String::from_utf8(bytes[..end].to_vec()).expect("an ASCII head");
                if bytes.len() - end == content_length(&head) {
                    let status = head[9..12].parse().expect("a status");
                    return Reply::Whole {
                        status,
                        head,
                        body: bytes.split_off(end),
                    };
                }
            }
            match self.stream.read(&mut piece) {
                Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    assert!(bytes.is_empty(), "a reply that never ends");
                    return Reply::Silence;
                }
                // The end of the connection, orderly or not.
                _ => {
                    let head_bytes = head_end.unwrap_or(bytes.len());
                    return Reply::Cut {
                        head_bytes,
                        body_bytes: bytes.len() - head_bytes,
                    };
                }
            }
        }
    }
}

fn content_length(head: &str) -> usize {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    line.expect("a length").parse().expect("a number")
}

pub(crate) const TOOLS: &str =
    r#","tools":[{"type":"function","function":{"name":"vector_db_search","parameters":{}}}]"#;

/// A chat request like ours, number `n` of its kind.
pub(crate) fn request(n: usize, role: &str, more: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"system","content":"You help."}},{{"role":"user","content":"Request {n}.\n<passage id=\"aa-{n}\" source=\"g.md#chunk1\">The pump starts at nine each morning.</passage>"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"{role}","schema":{{}}}}}}{more}}}"#
    )
}
