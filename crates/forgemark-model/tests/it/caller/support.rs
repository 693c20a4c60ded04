//! A server that does what a closure says, and a caller with impatient settings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forgemark_contract::json::{Json, parse, to_compact};
use forgemark_contract::time::Timestamp;
use forgemark_journal::{DiskStorage, Journal, OpenOptions};
use forgemark_model::{
    Backend, Budget, CallError, Called, Caller, CallerConfig, ChatRequest, Clock, EndpointConfig,
    HttpConfig, Message, ModelConfig, Params, Prices, Retry, RoleConfig,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Requests before it.
    pub(crate) n: usize,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Json,
}

impl Seen {
    /// Whether it is a one-token probe.
    pub(crate) fn is_probe(&self) -> bool {
        self.header("idempotency-key") == "probe"
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The text of the last message.
    pub(crate) fn last(&self) -> &str {
        self.body
            .items("messages")
            .last()
            .map_or("", |message| message.str_or("content", ""))
    }
}

/// What the server does.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) delay: Duration,
    /// Close the connection after this many bytes of the body.
    pub(crate) cut_after: Option<usize>,
    /// Never answer.
    pub(crate) stall: bool,
}

impl Answer {
    pub(crate) fn status(status: u16, body: impl Into<String>) -> Self {
        Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            cut_after: None,
            stall: false,
        }
    }

    /// A reply with this text, of 100 prompt and 10 completion tokens.
    pub(crate) fn text(text: &str) -> Self {
        Answer::message(Json::object([("content", Json::from(text))]), "stop")
    }

    pub(crate) fn message(message: Json, finish: &str) -> Self {
        let choice = Json::object([("message", message), ("finish_reason", Json::from(finish))]);
        let usage = Json::object([
            ("prompt_tokens", Json::from(100_i64)),
            ("completion_tokens", Json::from(10_i64)),
        ]);
        let body = Json::object([
            ("model", Json::from("m-served")),
            ("choices", Json::from(vec![choice])),
            ("usage", usage),
        ]);
        Answer::status(200, String::from_utf8(to_compact(&body)).expect("UTF-8"))
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        let error = Json::object([("error", Json::object([("message", Json::from(message))]))]);
        Answer::status(
            status,
            String::from_utf8(to_compact(&error)).expect("UTF-8"),
        )
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, ms: u64) -> Self {
        Answer {
            delay: Duration::from_millis(ms),
            ..self
        }
    }
}

/// A running server. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Server {
            url: format!("http://{address}"),
            seen: Arc::clone(&seen),
        };
        let handler = Arc::new(handler);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, handler) = (Arc::clone(&seen), Arc::clone(&handler));
                tokio::spawn(async move { serve(stream, &seen, handler.as_ref()).await });
            }
        });
        server
    }

    /// All requests so far, probes included.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// Requests so far without probes.
    pub(crate) fn calls(&self) -> usize {
        self.seen().iter().filter(|seen| !seen.is_probe()).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    handler: &(dyn Fn(&Seen) -> Answer + Send + Sync),
) {
    let mut buffer = Vec::new();
    while let Some(mut request) = read_request(&mut stream, &mut buffer).await {
        let answer = {
            let mut seen = seen.lock().expect("not poisoned");
            request.n = seen.len();
            seen.push(request.clone());
            drop(seen);
            handler(&request)
        };
        if answer.stall {
            // Until the client goes away.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
        tokio::time::sleep(answer.delay).await;
        let mut head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
            answer.status,
            answer.body.len()
        );
        for (name, value) in &answer.headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let body = answer.body.as_bytes();
        let end = answer.cut_after.unwrap_or(body.len()).min(body.len());
        let bytes = [head.as_bytes(), &body[..end]].concat();
        if stream.write_all(&bytes).await.is_err() || answer.cut_after.is_some() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let head_end = loop {
        if let Some(place) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break place;
        }
        fill(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let length: usize = length.parse().ok()?;
    let end = head_end + 4 + length;
    while buffer.len() < end {
        fill(stream, buffer).await?;
    }
    let body = match &buffer[head_end + 4..end] {
        [] => Json::Null,
        body => parse(body).expect("requests are JSON"),
    };
    buffer.drain(..end);
    Some(Seen {
        n: 0,
        path,
        headers,
        body,
    })
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}

/// How soon a test that waits for it gives a model up.
pub(crate) const SOON: Duration = Duration::from_millis(150);

/// Settings that pause for milliseconds. A model is given up late, so that a busy machine changes no outcome.
pub(crate) fn impatient() -> Retry {
    Retry {
        attempt_timeout: Duration::from_secs(5),
        deadline: Duration::from_secs(30),
        answered_failures: 4,
        backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(4),
        breaker_failures: 3,
        breaker_pause: Duration::from_millis(2),
        max_breaker_pause: Duration::from_millis(8),
        rate_limit_pause: Duration::from_millis(2),
        max_retry_after: Duration::from_mins(15),
        give_up_after: Duration::from_mins(1),
        unusable_recheck: Duration::from_mins(10),
    }
}

/// What a test changes.
pub(crate) struct Setup {
    pub(crate) endpoints: Vec<EndpointConfig>,
    pub(crate) params: Params,
    pub(crate) retry: Retry,
    pub(crate) budget: Budget,
    pub(crate) prices: Option<Prices>,
    pub(crate) connect_timeout: Duration,
}

impl Setup {
    pub(crate) fn of(servers: &[&Server]) -> Self {
        Setup {
            endpoints: servers
                .iter()
                .enumerate()
                .map(|(n, server)| EndpointConfig::new(format!("e{n}"), server.url.as_str()))
                .collect(),
            params: Params::default(),
            retry: impatient(),
            budget: Budget::default(),
            prices: None,
            connect_timeout: Duration::from_secs(5),
        }
    }

    pub(crate) fn config(&self) -> CallerConfig {
        let model = ModelConfig {
            model: "m".to_owned(),
            backend: Backend::Http(self.endpoints.clone()),
            prices: self.prices,
            retry: self.retry,
        };
        let role = RoleConfig {
            model: "main".to_owned(),
            params: self.params.clone(),
            attempt_timeout: None,
        };
        CallerConfig {
            models: BTreeMap::from([("main".to_owned(), model)]),
            roles: BTreeMap::from([("user".to_owned(), role)]),
            services: BTreeMap::new(),
            budget: self.budget,
            http: HttpConfig {
                connect_timeout: self.connect_timeout,
                ..HttpConfig::default()
            },
        }
    }

    pub(crate) fn caller(&self, dir: &Path) -> Caller {
        caller(&self.config(), dir)
    }
}

pub(crate) fn caller(config: &CallerConfig, dir: &Path) -> Caller {
    Caller::new(config, journal(dir), clock()).expect("a valid configuration")
}

pub(crate) fn journal(dir: &Path) -> Journal {
    let options = OpenOptions {
        sync: false,
        ..OpenOptions::default()
    };
    Journal::open(Arc::new(DiskStorage), dir, options)
        .expect("a journal")
        .0
}

/// A clock that goes on by a second each time it is read.
pub(crate) fn clock() -> Clock {
    let next = AtomicI64::new(1_893_553_445);
    Arc::new(move || Timestamp::from_epoch_seconds(next.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) fn ask(text: &str) -> ChatRequest {
    ChatRequest::new(vec![Message::user(text)], 0)
}

/// Calls, and waits until the outcome is safe.
pub(crate) async fn call(caller: &Caller, text: &str) -> Result<Called, CallError> {
    let called = caller.call("user", "c-1/t-1", &ask(text)).await?;
    called.durable.clone().await?;
    Ok(called)
}

pub(crate) fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
