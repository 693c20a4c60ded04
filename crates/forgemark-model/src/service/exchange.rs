//! One request against the pool of a service: attempts until there is an answer, or none can be had.

use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{Json, parse, to_compact};
use forgemark_journal::Attempt;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::{Check, Method, ServiceFailure, ServiceState, WhenDown};
use crate::adapt::{Accepts, Sent};
use crate::caller::{CallError, Shared};
use crate::chat::reply::not_json;
use crate::config::Wire;
use crate::endpoint::Endpoint;
use crate::http::{self, RawAnswer};
use crate::pool::{Ask, Permit};
use crate::retry::{bounded, millis, pauses};
use crate::wire::{Answer, ErrorKind, Fault, classify, classify_inner};

/// Attempts that a record tells of.
const MAX_HISTORY: usize = 64;

/// A request to be made.
pub(super) struct Exchange<'a> {
    pub(super) shared: &'a Shared,
    pub(super) service: &'a ServiceState,
    pub(super) key: CallKey,
    pub(super) body: &'a Bytes,
    pub(super) check: Check<'a>,
}

/// How a request ended.
pub(super) struct Ended {
    pub(super) outcome: Result<(Json, Bytes), (ServiceFailure, Bytes)>,
    /// Tokens that the endpoint counted.
    pub(super) tokens: Option<u64>,
    pub(super) endpoint: String,
    /// Failed attempts, oldest first.
    pub(super) attempts: Vec<Attempt>,
    /// Time of the last attempt.
    pub(super) latency: Duration,
}

/// An answer with what it says of tokens.
struct Success {
    tree: Json,
    body: Bytes,
    tokens: Option<u64>,
}

impl Exchange<'_> {
    /// Makes the request, of about `tokens` tokens.
    pub(super) async fn run(&self, tokens: u64) -> Result<Ended, CallError> {
        let pool = &self.service.pool;
        let retry = &pool.retry;
        let ask = Ask {
            conversation: 0,
            tokens: tokens as f64,
            tried: 0,
        };
        let deadline = Instant::now() + retry.deadline;
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut last: Option<(Fault, String)> = None;
        let mut backoff = pauses(retry, self.key.prefix());
        let mut number = 0;
        let give_up = |last: Option<(Fault, String)>, attempts, latency| {
            let (fault, endpoint) = last.unwrap_or_else(|| {
                let error = pool.error();
                let endpoint = error.endpoints.first();
                let kind = endpoint.and_then(|e| e.kind).unwrap_or(ErrorKind::Timeout);
                let name = endpoint.map_or_else(String::new, |e| e.endpoint.clone());
                (Fault::transport(kind, error.to_string()), name)
            });
            let failure = ServiceFailure {
                kind: fault.kind,
                detail: fault.line(),
            };
            Ended {
                outcome: Err((failure, fault.body)),
                tokens: None,
                endpoint,
                attempts,
                latency,
            }
        };
        loop {
            let permit = match self.acquire(&ask, deadline).await? {
                Some(permit) => permit,
                None if self.service.when_down == WhenDown::Suspend => {
                    return Err(CallError::Unusable(pool.error()));
                }
                None => return Ok(give_up(last, attempts, Duration::ZERO)),
            };
            let Some(endpoint) = permit.endpoint() else {
                return Err(CallError::Unusable(pool.error()));
            };
            self.shared.meter.on_attempt(number);
            let began = permit.sent_at;
            let result = self.attempt(endpoint, number).await;
            number = number.saturating_add(1);
            let fault = match result {
                Ok(success) => {
                    permit.succeed(success.tokens);
                    return Ok(Ended {
                        outcome: Ok((success.tree, success.body)),
                        tokens: success.tokens,
                        endpoint: endpoint.name.clone(),
                        attempts,
                        latency: began.elapsed(),
                    });
                }
                Err(fault) => fault,
            };
            self.note(&mut attempts, endpoint, &fault, began);
            permit.fail(&fault);
            let kind = fault.kind;
            let name = endpoint.name.clone();
            let late = Instant::now() >= deadline || number >= retry.answered_failures.max(1);
            last = Some((fault, name));
            let fails = self.service.when_down == WhenDown::Fail && late;
            if kind.is_about_request() || fails {
                return Ok(give_up(last, attempts, began.elapsed()));
            }
            // A pool whose endpoints all say that no request can work, or that say when to come back, knows what to do.
            if kind.is_transient() && kind != ErrorKind::RateLimited {
                let pause = backoff.next().unwrap_or(retry.max_backoff);
                let _waits = self.shared.meter.waiting();
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.shared.drain.drained() => return Err(CallError::Cancelled),
                }
            }
        }
    }

    /// One attempt at the first endpoint that can take it.
    pub(super) async fn once(&self) -> Result<Duration, ServiceFailure> {
        let mut last = ServiceFailure {
            kind: ErrorKind::Connect,
            detail: "there is no endpoint".to_owned(),
        };
        for endpoint in &self.service.pool.endpoints {
            let began = Instant::now();
            match self.attempt(endpoint, 0).await {
                Ok(_) => return Ok(began.elapsed()),
                Err(fault) => {
                    last = ServiceFailure {
                        kind: fault.kind,
                        detail: format!("{}: {}", endpoint.name, fault.line()),
                    };
                }
            }
        }
        Err(last)
    }

    /// A place at an endpoint; `None` when there will be none, or none in time for a service that the work can do without.
    async fn acquire(&self, ask: &Ask, deadline: Instant) -> Result<Option<Permit<'_>>, CallError> {
        if self.shared.drain.is_draining() {
            return Err(CallError::Cancelled);
        }
        let pool = &self.service.pool;
        if let Some(done) = pool.try_acquire(ask) {
            return Ok(done.ok());
        }
        let bounded = self.service.when_down == WhenDown::Fail;
        let _waits = self.shared.meter.waiting();
        tokio::select! {
            done = pool.acquire(ask) => Ok(done.ok()),
            () = self.shared.drain.drained() => Err(CallError::Cancelled),
            () = tokio::time::sleep_until(deadline), if bounded => Ok(None),
        }
    }

    async fn attempt(&self, endpoint: &Endpoint, number: u32) -> Result<Success, Fault> {
        let key = HeaderValue::from_str(&self.key.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        let limit = self.service.pool.retry.attempt_timeout;
        let max = self.shared.max_body;
        let judge = |raw: RawAnswer| self.judge(raw);
        let scrubber = &self.shared.scrubber;
        match self.service.method {
            Method::Post => {
                let body = match &endpoint.model {
                    Some(model) => renamed(self.body, model),
                    None => self.body.clone(),
                };
                let post = http::post(endpoint, body, &key, number, max);
                bounded(scrubber, post, limit, judge).await
            }
            Method::Get => {
                let get = http::get(endpoint, pairs(self.body), &key, number, max);
                bounded(scrubber, get, limit, judge).await
            }
        }
    }

    fn judge(&self, raw: RawAnswer) -> Result<Success, Fault> {
        let sent = Sent {
            wire: Wire::OpenAi,
            accepts: Accepts::everything(),
            request: &self.service.request,
            params: &self.service.params,
        };
        let answer = Answer {
            status: raw.status,
            headers: &raw.headers,
            body: self.shared.scrubber.reply(raw.body),
            now: (self.shared.clock)(),
        };
        if !raw.status.is_success() {
            return Err(classify(&answer, &sent));
        }
        let unreadable = |what: String| Fault {
            status: Some(raw.status.as_u16()),
            body: answer.body.clone(),
            ..Fault::transport(ErrorKind::NotChat, what)
        };
        let tree = parse(&answer.body)
            .map_err(|error| unreadable(not_json(&answer.body, &error.to_string())))?;
        let error = tree.at("error");
        if error.is_truthy() {
            return Err(classify_inner(&answer, error, &sent));
        }
        (self.check)(&tree).map_err(unreadable)?;
        let usage = tree.at("usage");
        let tokens = usage.at("prompt_tokens").as_u64();
        Ok(Success {
            tokens: tokens.or_else(|| usage.at("total_tokens").as_u64()),
            body: answer.body.clone(),
            tree,
        })
    }

    fn note(
        &self,
        attempts: &mut Vec<Attempt>,
        endpoint: &Endpoint,
        fault: &Fault,
        began: Instant,
    ) {
        if fault.kind == ErrorKind::RateLimited {
            self.shared.meter.on_rate_limited();
        }
        if attempts.len() >= MAX_HISTORY {
            attempts.remove(MAX_HISTORY / 2);
        }
        attempts.push(Attempt {
            at: (self.shared.clock)(),
            endpoint: endpoint.name.clone(),
            ms: millis(began.elapsed()),
            what: fault.line(),
            status: fault.status,
            retry_after_ms: fault.retry_after.map(millis),
        });
    }
}

/// The request with the model's name at this endpoint; one that names no model stays as it is.
fn renamed(body: &Bytes, model: &str) -> Bytes {
    match parse(body) {
        Ok(Json::Object(mut object)) if object.contains_key("model") => {
            object.insert("model", model);
            Bytes::from(to_compact(&Json::Object(object)))
        }
        _ => body.clone(),
    }
}

/// The members of a request as the pairs of a query.
fn pairs(body: &[u8]) -> Vec<(String, String)> {
    let Ok(Json::Object(object)) = parse(body) else {
        return Vec::new();
    };
    object
        .iter()
        .map(|(name, value)| {
            let value = value.to_text().unwrap_or_default();
            (name.to_owned(), value.into_owned())
        })
        .collect()
}
