//! The routes: one answer to one HTTP request.

use std::future::pending;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use forgemark_contract::json::{self, Json};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::batches::{self, Desk};
use super::counters::{Counters, LogEntry};
use super::delivery::{Cut, Reply};
use crate::scripted::completion::CREATED;
use crate::scripted::engine::{Delivery, Engine, RequestHash, Scripted, rate_limited};
use crate::scripted::error_body;
use crate::scripted::messages;
use crate::scripted::script::{Script, Storm};

/// Longer request bodies are refused.
const BODY_LIMIT: usize = 256 << 20;

/// The idempotency key of our client's probe of an endpoint, the same for every probe.
const PROBE: &[u8] = b"probe";

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) counters: Counters,
    storm: Option<Storm>,
    pub(super) desk: Desk,
    /// When the first chat call came, for the storm.
    first_call: Mutex<Option<Instant>>,
}

impl Shared {
    pub(super) fn new(engine: Engine, script: &Script, log: bool) -> Self {
        Self {
            engine,
            counters: Counters::new(log),
            storm: script.storm,
            desk: Desk::new(script),
            first_call: Mutex::new(None),
        }
    }

    pub(super) fn reset(&self) {
        self.counters.reset();
        self.desk.reset();
        *self
            .first_call
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The answer of a storm that is still on.
    fn storm(&self) -> Option<Scripted> {
        let storm = self.storm?;
        let mut first = self
            .first_call
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let since = first.get_or_insert_with(Instant::now).elapsed();
        (since.as_secs_f64() < storm.seconds).then(|| rate_limited(storm.retry_after_s))
    }
}

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Cut> {
    if let Some(wanted) = batches::route(request.method(), request.uri().path()) {
        return batches::answer(&shared, wanted, request).await;
    }
    let method = request.method();
    let expected = match request.uri().path() {
        "/v1/chat/completions" | "/chat/completions" => {
            if method == Method::POST {
                return call(&shared, request, Service::Chat).await;
            }
            Method::POST
        }
        "/v1/embeddings" | "/embeddings" => {
            if method == Method::POST {
                return call(&shared, request, Service::Embeddings).await;
            }
            Method::POST
        }
        "/v1/rerank" | "/rerank" => {
            if method == Method::POST {
                return call(&shared, request, Service::Ranking).await;
            }
            Method::POST
        }
        "/v1/search" | "/search" => {
            if method == Method::POST {
                return call(&shared, request, Service::Search).await;
            }
            Method::POST
        }
        "/v1/messages" | "/messages" => {
            if method == Method::POST {
                return call(&shared, request, Service::Messages).await;
            }
            Method::POST
        }
        "/v1/models" | "/models" => {
            if method == Method::GET {
                return Ok(respond(200, "application/json", models(&shared.engine)));
            }
            Method::GET
        }
        "/stats" => {
            if method == Method::GET {
                let body = json::to_pretty(&shared.counters.snapshot().to_json());
                return Ok(respond(200, "application/json", body.into()));
            }
            Method::GET
        }
        "/stats/reset" => {
            if method == Method::POST {
                shared.reset();
                return Ok(respond(200, "application/json", Bytes::from_static(b"{}")));
            }
            Method::POST
        }
        "/healthz" => {
            if method == Method::GET {
                return Ok(respond(200, "text/plain", Bytes::from_static(b"ok\n")));
            }
            Method::GET
        }
        _ => return Ok(error(404, error_body::NOT_FOUND)),
    };
    let mut response = error(405, error_body::METHOD);
    if let Ok(allow) = HeaderValue::from_str(expected.as_str()) {
        response.headers_mut().insert(hyper::header::ALLOW, allow);
    }
    Ok(response)
}

/// What a call of a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scripted) enum Service {
    Chat,
    Messages,
    Embeddings,
    Ranking,
    Search,
}

impl Service {
    /// The answer to an attempt of a call, or to one in a storm.
    pub(in crate::scripted) fn respond(
        self,
        engine: &Engine,
        body: &[u8],
        request: u128,
        attempt: u32,
        storm: Option<Scripted>,
    ) -> Scripted {
        let stormy = |scripted: Scripted| match storm {
            Some(stormy) => Scripted {
                role: scripted.role,
                ..stormy
            },
            None => scripted,
        };
        match self {
            Service::Chat => stormy(engine.respond_hashed(body, request, attempt)),
            Service::Embeddings => stormy(engine.embed_hashed(body, request, attempt)),
            Service::Ranking => stormy(engine.rank_hashed(body, request, attempt)),
            Service::Search => stormy(engine.search_hashed(body, request, attempt)),
            Service::Messages => match messages::read(body) {
                Ok(asked) => {
                    let scripted = engine.respond_hashed(&asked.chat, request, attempt);
                    messages::answer(stormy(scripted), &asked)
                }
                Err(what) => messages::refuse(&what),
            },
        }
    }
}

/// Answers a call of a model.
async fn call(
    shared: &Shared,
    request: Request<Incoming>,
    service: Service,
) -> Result<Response<Reply>, Cut> {
    let (head, body) = request.into_parts();
    let Some(body) = read(body).await? else {
        return Ok(error(413, error_body::TOO_LARGE));
    };
    if service == Service::Messages && !head.headers.contains_key("anthropic-version") {
        let body = messages::error_body(400, "anthropic-version: header is required");
        return Ok(respond(400, "application/json", body));
    }
    let key = head
        .headers
        .get("idempotency-key")
        .map(HeaderValue::as_bytes);
    let hash = RequestHash::new(&body, key);
    let counters = &shared.counters;
    let probe = key == Some(PROBE);
    let arrivals_before = if probe {
        counters.probed()
    } else {
        counters.arrived(hash.key, body.len())
    };
    let waiting = (!probe).then(|| counters.wait());
    let attempt = retry_count(&head.headers).unwrap_or(arrivals_before);
    let storm = shared.storm();
    let scripted = service.respond(&shared.engine, &body, hash.request, attempt, storm);
    drop(body);
    if !probe {
        counters.count_decision(&scripted.role, scripted.fault);
    }
    counters.record(|| LogEntry {
        key: match key {
            Some(key) => String::from_utf8_lossy(key).into_owned(),
            None => format!("{:032x}", hash.key),
        },
        attempt,
        role: scripted.role.to_string(),
        status: scripted.status,
        fault: scripted.fault,
    });
    if scripted.delay > Duration::ZERO {
        tokio::time::sleep(scripted.delay).await;
    }
    let body = scripted.body;
    let paid = scripted.status == 200 && scripted.content_type == "application/json";
    let reply = match scripted.delivery {
        Delivery::Whole => Reply::Whole(body.clone()),
        Delivery::Never => return pending().await,
        Delivery::CutBeforeHeaders => return Err(Cut),
        Delivery::CutMidBody => Reply::cut(&body),
        Delivery::Slow { pieces, interval } => Reply::slow(body.clone(), pieces, interval),
    };
    if let Some(waiting) = waiting {
        waiting.answered(scripted.status, body.len(), paid.then_some(hash.key));
    }
    let mut response = with_status(scripted.status, scripted.content_type, reply);
    for (name, value) in scripted.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// The whole body; `None` when it is longer than we take.
pub(super) async fn read(mut body: Incoming) -> Result<Option<Bytes>, Cut> {
    // A body that stands in the read buffer comes as one frame: no copy then.
    let Some(first) = frame(&mut body).await? else {
        return Ok(Some(Bytes::new()));
    };
    if body.is_end_stream() {
        return Ok(Some(first));
    }
    let expected = body.size_hint().lower() as usize + first.len();
    let mut whole = BytesMut::with_capacity(expected.min(BODY_LIMIT));
    whole.extend_from_slice(&first);
    while let Some(piece) = frame(&mut body).await? {
        if whole.len() + piece.len() > BODY_LIMIT {
            return Ok(None);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Some(whole.freeze()))
}

async fn frame(body: &mut Incoming) -> Result<Option<Bytes>, Cut> {
    while let Some(frame) = body.frame().await {
        // A client that goes away in the middle of its request gets no answer.
        let frame = frame.map_err(|_| Cut)?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn retry_count(headers: &HeaderMap) -> Option<u32> {
    headers.get("x-retry-count")?.to_str().ok()?.parse().ok()
}

fn models(engine: &Engine) -> Bytes {
    let created = CREATED.parse::<i64>().unwrap_or_default();
    let models: Vec<Json> = engine
        .models()
        .iter()
        .map(|id| {
            Json::from([
                ("id", Json::from(id)),
                ("object", "model".into()),
                ("created", created.into()),
                ("owned_by", "forgemark".into()),
            ])
        })
        .collect();
    json::to_compact(&Json::from([
        ("object", "list".into()),
        ("data", models.into()),
    ]))
    .into()
}

pub(super) fn error(status: u16, body: &'static str) -> Response<Reply> {
    respond(
        status,
        "application/json",
        Bytes::from_static(body.as_bytes()),
    )
}

pub(super) fn respond(status: u16, content_type: &'static str, body: Bytes) -> Response<Reply> {
    with_status(status, content_type, Reply::Whole(body))
}

fn with_status(status: u16, content_type: &'static str, reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
