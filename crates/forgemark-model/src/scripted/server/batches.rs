//! Batches of both protocols.
//!
//! ```text
//! OpenAI     POST files ─> POST batches ─> GET batches/ID ... ─> GET files/ID/content (output, errors)
//! Anthropic  POST messages/batches ─────> GET messages/batches/ID ... ─> GET messages/batches/ID/results
//! ```
//!
//! The calls of a batch are answered when it ends, each as the first attempt of the same call by itself would be, and
//! count as paid then. A batch ends after as many looks at it as its script says; no time takes part.

mod formats;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use forgemark_contract::json::{self, Json};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};

use super::counters::{Counters, LogEntry};
use super::delivery::{Cut, Reply};
use super::routes::{Service, Shared, error, read, respond};
use crate::scripted::engine::{Engine, JSON, RequestHash};
use crate::scripted::hash::{Draws, Purpose};
use crate::scripted::script::{BatchEnd, BatchPlay, Script};
use crate::scripted::{error_body, messages};
use formats::{Part, part_of, query};

/// Content type of results.
const LINES: &str = "application/x-jsonl";

/// Entries of a list where the request does not say how many.
const PAGE: usize = 20;

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Upload,
    Content(String),
    Submit(Service),
    List(Service),
    Look(Service, String),
    Cancel(Service, String),
    Results(String),
}

/// The route of a request, when it is one of ours.
pub(super) fn route(method: &Method, path: &str) -> Option<Wanted> {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let (service, parts) = match parts.as_slice() {
        ["files"] if method == Method::POST => return Some(Wanted::Upload),
        ["files", id, "content"] if method == Method::GET => {
            return Some(Wanted::Content((*id).to_owned()));
        }
        ["batches", rest @ ..] => (Service::Chat, rest),
        ["messages", "batches", rest @ ..] => (Service::Messages, rest),
        _ => return None,
    };
    let get = method == Method::GET;
    match parts {
        [] if get => Some(Wanted::List(service)),
        [] if method == Method::POST => Some(Wanted::Submit(service)),
        [id] if get => Some(Wanted::Look(service, (*id).to_owned())),
        [id, "results"] if get && service == Service::Messages => {
            Some(Wanted::Results((*id).to_owned()))
        }
        [id, "cancel"] if method == Method::POST => Some(Wanted::Cancel(service, (*id).to_owned())),
        _ => None,
    }
}

/// Where batches are taken and given out.
#[derive(Debug)]
pub(super) struct Desk {
    seed: u64,
    plays: Vec<BatchPlay>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Bytes>,
    /// In the order in which they came.
    batches: Vec<Batch>,
}

#[derive(Debug)]
struct Batch {
    id: String,
    service: Service,
    play: BatchPlay,
    calls: Vec<Call>,
    metadata: Json,
    input: String,
    looks: u32,
    cancelled: bool,
    results: Option<Vec<Done>>,
}

#[derive(Debug)]
struct Call {
    id: String,
    body: Bytes,
    attempt: u32,
}

/// What became of a call.
#[derive(Debug)]
struct Done {
    id: String,
    /// Status and body, `None` when it was never made.
    answer: Option<(u16, Bytes)>,
}

impl Desk {
    pub(super) fn new(script: &Script) -> Self {
        Self {
            seed: script.seed,
            plays: script.batches.clone(),
            state: Mutex::default(),
        }
    }

    pub(super) fn reset(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn play(&self, number: usize) -> BatchPlay {
        let place = number.min(self.plays.len().saturating_sub(1));
        self.plays.get(place).copied().unwrap_or(BatchPlay::PLAIN)
    }
}

/// Answers a request.
pub(super) async fn answer(
    shared: &Shared,
    wanted: Wanted,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Cut> {
    let (head, body) = request.into_parts();
    let Some(body) = read(body).await? else {
        return Ok(error(413, error_body::TOO_LARGE));
    };
    let asked = head.uri.query().unwrap_or_default();
    let answered = match &wanted {
        Wanted::Upload => {
            let content_type = head.headers.get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok());
            shared.desk.upload(content_type.unwrap_or_default(), &body)
        }
        Wanted::Content(id) => match shared.desk.content(id) {
            Some(content) => return Ok(respond(200, LINES, content)),
            None => Err((404, format!("No such File object: {id}"))),
        },
        Wanted::Submit(service) => match shared.desk.submit(*service, &body, &shared.counters) {
            Ok((_, true)) => return Err(Cut),
            Ok((batch, false)) => Ok(batch),
            Err(refused) => Err(refused),
        },
        Wanted::List(service) => Ok(shared.desk.list(*service, asked)),
        Wanted::Look(service, id) => {
            shared
                .desk
                .look(*service, id, &shared.engine, &shared.counters)
        }
        Wanted::Cancel(service, id) => shared.desk.cancel(*service, id),
        Wanted::Results(id) => match shared.desk.results(id) {
            Ok(lines) => return Ok(respond(200, LINES, lines)),
            Err(refused) => Err(refused),
        },
    };
    Ok(match answered {
        Ok(json) => respond(200, JSON, json::to_compact(&json).into()),
        Err((status, what)) => respond(status, JSON, refusal(&wanted, status, &what)),
    })
}

type Answered<T> = Result<T, (u16, String)>;

fn refusal(wanted: &Wanted, status: u16, what: &str) -> Bytes {
    match wanted {
        Wanted::Submit(Service::Messages)
        | Wanted::List(Service::Messages)
        | Wanted::Look(Service::Messages, _)
        | Wanted::Cancel(Service::Messages, _)
        | Wanted::Results(_) => messages::error_body(status, what),
        _ => {
            let error = Json::from([
                ("message", Json::from(what)),
                ("type", "invalid_request_error".into()),
                ("param", Json::Null),
                ("code", Json::Null),
            ]);
            json::to_compact(&Json::from([("error", error)])).into()
        }
    }
}

impl Desk {
    fn upload(&self, content_type: &str, body: &Bytes) -> Answered<Json> {
        let bad = |what: &str| (400, what.to_owned());
        let boundary = content_type
            .split_once("boundary=")
            .map(|(_, boundary)| boundary.trim_matches('"'))
            .filter(|_| content_type.starts_with("multipart/form-data"))
            .ok_or_else(|| bad("multipart/form-data is expected"))?;
        let Part::Found(purpose) = part_of(body, boundary, "purpose") else {
            return Err(bad("'purpose' is a required property"));
        };
        if purpose.as_ref() != b"batch" {
            return Err(bad("'purpose' must be 'batch' here"));
        }
        let Part::Found(file) = part_of(body, boundary, "file") else {
            return Err(bad("'file' is a required property"));
        };
        let mut state = self.lock();
        let id = format!("file-{}", state.files.len() + 1);
        let bytes = file.len();
        state.files.insert(id.clone(), file);
        Ok(Json::from([
            ("id", Json::from(id)),
            ("object", "file".into()),
            ("bytes", bytes.into()),
            ("purpose", "batch".into()),
        ]))
    }

    fn content(&self, id: &str) -> Option<Bytes> {
        let state = self.lock();
        if let Some(file) = state.files.get(id) {
            return Some(file.clone());
        }
        let made = |batch: &Batch, kind: &str| id == format!("file-{kind}-{}", batch.id);
        state.batches.iter().find_map(|batch| {
            let results = batch.results.as_deref()?;
            if made(batch, "output") {
                Some(formats::chat_output(results))
            } else if made(batch, "error") {
                Some(formats::chat_errors(results, batch.end()))
            } else {
                None
            }
        })
    }

    /// Takes a batch; whether the connection is to be cut then.
    fn submit(
        &self,
        service: Service,
        body: &Bytes,
        counters: &Counters,
    ) -> Answered<(Json, bool)> {
        let json = json::parse(body).map_err(|_| (400, "the body is no JSON".to_owned()))?;
        let mut state = self.lock();
        let (calls, input) = if service == Service::Messages {
            (formats::message_calls(&json)?, String::new())
        } else {
            let input = json.str_or("input_file_id", "").to_owned();
            let file = state.files.get(&input);
            let file = file.ok_or_else(|| (400, format!("No such File object: {input}")))?;
            if json.str_or("endpoint", "") != "/v1/chat/completions" {
                return Err((400, "only /v1/chat/completions has batches here".to_owned()));
            }
            (formats::chat_calls(file)?, input)
        };
        let ids: BTreeSet<&str> = calls.iter().map(|(id, _)| id.as_str()).collect();
        if ids.len() != calls.len() || calls.is_empty() {
            return Err((400, "every request needs a custom_id of its own".to_owned()));
        }
        counters.batched(calls.len());
        let calls = calls.into_iter().map(|(id, body)| {
            let hash = RequestHash::new(&body, Some(id.as_bytes()));
            let attempt = counters.arrived(hash.key, body.len());
            Call { id, body, attempt }
        });
        let number = state.batches.len();
        let play = self.play(number);
        let prefix = if service == Service::Messages {
            "msgbatch"
        } else {
            "batch"
        };
        state.batches.push(Batch {
            id: format!("{prefix}_{}", number + 1),
            service,
            play,
            calls: calls.collect(),
            metadata: json.at("metadata").clone(),
            input,
            looks: 0,
            cancelled: false,
            results: None,
        });
        let taken = state.batches.last().map_or(Json::Null, formats::show);
        Ok((taken, play.cut_submit))
    }

    /// Newest first, as both services do it.
    fn list(&self, service: Service, asked: &str) -> Json {
        let state = self.lock();
        let limit = query(asked, "limit").and_then(|limit| limit.parse().ok());
        let after = query(asked, "after_id").or_else(|| query(asked, "after"));
        let ours: Vec<&Batch> = state
            .batches
            .iter()
            .rev()
            .filter(|batch| batch.service == service)
            .collect();
        let start = after.and_then(|id| ours.iter().position(|batch| batch.id == id));
        let rest = ours
            .get(start.map_or(0, |place| place + 1)..)
            .unwrap_or_default();
        let page = rest
            .get(..limit.unwrap_or(PAGE).min(rest.len()))
            .unwrap_or_default();
        let id = |batch: Option<&&Batch>| Json::from(batch.map(|batch| batch.id.clone()));
        Json::from([
            ("object", Json::from("list")),
            (
                "data",
                page.iter().map(|batch| formats::show(batch)).collect(),
            ),
            ("first_id", id(page.first())),
            ("last_id", id(page.last())),
            ("has_more", (page.len() < rest.len()).into()),
        ])
    }

    fn look(
        &self,
        service: Service,
        id: &str,
        engine: &Engine,
        counters: &Counters,
    ) -> Answered<Json> {
        let mut state = self.lock();
        let batch = state.find(service, id)?;
        if batch.results.is_none() {
            if batch.looks >= batch.play.polls || batch.cancelled {
                let results = self.make(batch, engine, counters);
                batch.results = Some(results);
            } else {
                batch.looks += 1;
            }
        }
        Ok(formats::show(batch))
    }

    fn cancel(&self, service: Service, id: &str) -> Answered<Json> {
        let mut state = self.lock();
        let batch = state.find(service, id)?;
        batch.cancelled |= batch.results.is_none();
        Ok(formats::show(batch))
    }

    fn results(&self, id: &str) -> Answered<Bytes> {
        let mut state = self.lock();
        let batch = state.find(Service::Messages, id)?;
        match &batch.results {
            Some(results) => Ok(formats::message_results(results, batch.end())),
            None => Err((404, "the results are not ready".to_owned())),
        }
    }

    /// Answers the calls of a batch that has ended.
    fn make(&self, batch: &Batch, engine: &Engine, counters: &Counters) -> Vec<Done> {
        let mut placed: Vec<(u64, Done)> = Vec::with_capacity(batch.calls.len());
        for call in &batch.calls {
            let hash = RequestHash::new(&call.body, Some(call.id.as_bytes()));
            let draws = Draws::new(hash.request, self.seed, u64::from(call.attempt));
            let finished = batch.end() != BatchEnd::Failed
                && draws.unit(Purpose::Finished) < batch.play.finish;
            let answer = finished.then(|| {
                let (service, body) = (batch.service, &call.body);
                let scripted = service.respond(engine, body, hash.request, call.attempt, None);
                counters.count_decision(&scripted.role, scripted.fault);
                counters.record(|| LogEntry {
                    key: call.id.clone(),
                    attempt: call.attempt,
                    role: scripted.role.to_string(),
                    status: scripted.status,
                    fault: scripted.fault,
                });
                let whole = scripted.is_whole();
                let status = if whole { scripted.status } else { 500 };
                let body = if whole { scripted.body } else { Bytes::new() };
                let paid = (status == 200).then_some(hash.key);
                counters.replied(status, body.len(), paid);
                (status, body)
            });
            let place = if batch.play.in_order {
                placed.len() as u64
            } else {
                draws.bits(Purpose::Place)
            };
            let id = call.id.clone();
            placed.push((place, Done { id, answer }));
        }
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, done)| done).collect()
    }
}

impl State {
    fn find(&mut self, service: Service, id: &str) -> Answered<&mut Batch> {
        let mut ours = self.batches.iter_mut();
        ours.find(|batch| batch.service == service && batch.id == id)
            .ok_or_else(|| (404, format!("No batch found with id '{id}'")))
    }
}

impl Batch {
    /// How it ends, or ended.
    fn end(&self) -> BatchEnd {
        if self.cancelled {
            BatchEnd::Cancelled
        } else {
            self.play.end
        }
    }
}
