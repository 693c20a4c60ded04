//! Services beside chat: a web search, a reranker, vectors. JSON in, JSON out, and journaled like a call of a model.
//!
//! ```text
//! Caller::ask(service, item, request) ── key = hash ──> journal: known? ──yes──> the stored answer
//!                                           │ no: one at a time for a key
//!                                        budget ──> attempts over the pool ──> CallRecord ──> Asked { answer or failure, durable }
//! ```
//!
//! A service is a pool of endpoints as a model is one, so limits, pauses, breakers, proxies, the hiding of keys, budgets and
//! totals are the same; its name is the role of its records. What differs is what its failures mean ([`WhenDown`]), and that
//! equal requests with equal sample numbers are one call: the second asker waits for the first and reads its answer from the
//! journal.

mod exchange;
pub mod rank;
pub mod search;
pub mod vectors;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{Json, parse, to_compact};
use forgemark_contract::time::Timestamp;
use forgemark_journal::{CallOutcome, CallRecord, Durable, Record, Usage};

use self::exchange::{Ended, Exchange};
use crate::budget::Amount;
use crate::caller::{CallError, Caller};
use crate::chat::ChatRequest;
use crate::config::{BuildError, EndpointConfig, HttpConfig, Params, Retry, RoleParams};
use crate::endpoint::Endpoint;
use crate::http::Clients;
use crate::pool::Pool;
use crate::wire::ErrorKind;

/// Keeps the keys of services apart from those of calls of models.
const KEY_DOMAIN: &[u8] = b"forgemark service 1\n";

/// Bytes of JSON a token, roughly, for limits of tokens a minute.
const BYTES_PER_TOKEN: u64 = 4;

/// One service, and where it is served.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// The model's or the provider's name: part of every key, and the model of the records.
    pub model: String,
    /// Where it is; at least one.
    pub endpoints: Vec<EndpointConfig>,
    /// What its base addresses lead to.
    pub address: Address,
    /// How a request travels.
    pub method: Method,
    /// What it costs.
    pub price: Price,
    /// How failures of its endpoints are met.
    pub retry: Retry,
    /// What becomes of a request that no endpoint can serve.
    pub when_down: WhenDown,
}

/// What a base address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The service itself, as it is written.
    Exact,
    /// The versioned part, beside whose chat the service is: this path, which the base address may end in, begins with a
    /// slash.
    Beside(&'static str),
}

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As the JSON body of a POST.
    Post,
    /// As the query of a GET; its values are texts and numbers.
    Get,
}

/// What a service costs; `None` is unknown, which is never shown as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// Micro US dollars for a request that was answered.
    Call(Option<u64>),
    /// Micro US dollars for a million tokens, as far as the endpoint says how many there were.
    Tokens(Option<u64>),
}

/// What becomes of a request that no endpoint can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenDown {
    /// [`CallError::Unusable`]: nothing is recorded, the run suspends and asks again later. For what the work rests on.
    Suspend,
    /// After as many failed attempts as [`Retry::answered_failures`] says, or when [`Retry::deadline`] is over: a typed
    /// failure, journaled, with which the work goes on. For what it can do without.
    Fail,
}

/// What is asked of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRequest {
    /// The request; it decides the key.
    pub body: Json,
    /// Equal bodies with equal numbers are one call.
    pub sample: u64,
}

/// Says what is wrong with an answer that came as a success, as a fragment. Such an answer is a failed attempt.
pub type Check<'a> = &'a (dyn Fn(&Json) -> Result<(), String> + Sync);

/// A typed failure of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ServiceFailure {
    /// Its kind.
    pub kind: ErrorKind,
    /// What happened, without secrets.
    pub detail: String,
}

/// A request with its outcome.
#[derive(Debug)]
pub struct Asked {
    /// Its key.
    pub key: CallKey,
    /// When its outcome arrived, once and for all.
    pub at: Timestamp,
    /// The answer, or the typed failure.
    pub outcome: Result<Json, ServiceFailure>,
    /// Tokens, where the endpoint says.
    pub usage: Usage,
    /// Cost in micro US dollars; `None` when the price or the number of tokens is unknown.
    pub cost_micro_usd: Option<u64>,
    /// Resolves when the outcome is safe in the journal.
    pub durable: Durable,
    /// Whether it came from the journal.
    pub replayed: bool,
}

/// A service of a caller.
pub(crate) struct ServiceState {
    pub(crate) name: String,
    pub(crate) model: String,
    pub(crate) pool: Arc<Pool>,
    pub(crate) method: Method,
    price: Price,
    pub(crate) when_down: WhenDown,
    /// What the classification of errors wants to know of a chat request: nothing of the kind was sent.
    pub(crate) request: ChatRequest,
    pub(crate) params: RoleParams,
    /// The calls under way, so that equal ones are one.
    under_way: Mutex<HashMap<CallKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl fmt::Debug for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceState")
            .field("name", &self.name)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl ServiceState {
    /// Checks and prepares a service.
    pub(crate) fn new(
        name: &str,
        config: &ServiceConfig,
        http: &HttpConfig,
        clients: &mut Clients<'_>,
    ) -> Result<Self, BuildError> {
        if config.endpoints.is_empty() {
            return Err(BuildError::NoEndpoint {
                model: name.to_owned(),
            });
        }
        let mut endpoints = Vec::with_capacity(config.endpoints.len());
        for settings in &config.endpoints {
            endpoints.push(endpoint(name, config, settings, http, clients)?);
        }
        Ok(ServiceState {
            name: name.to_owned(),
            model: config.model.clone(),
            pool: Arc::new(Pool::new(
                name.to_owned(),
                config.retry,
                endpoints,
                &config.endpoints,
            )),
            method: config.method,
            price: config.price,
            when_down: config.when_down,
            request: ChatRequest::new(Vec::new(), 0),
            params: RoleParams::plain(Params::default()),
            under_way: Mutex::default(),
        })
    }

    fn key(&self, body: &[u8], sample: u64) -> CallKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(KEY_DOMAIN);
        for part in [self.name.as_bytes(), self.model.as_bytes(), body] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(&sample.to_le_bytes());
        CallKey(*hasher.finalize().as_bytes())
    }

    /// The right to make the call of this key; whoever else wants to waits.
    fn turn(&self, key: CallKey) -> Turn<'_> {
        let mut under_way = self.lock();
        let gate = Arc::clone(under_way.entry(key).or_default());
        Turn {
            service: self,
            key,
            gate: Some(gate),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallKey, Arc<tokio::sync::Mutex<()>>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn cost(&self, outcome: Result<Option<u64>, ()>) -> Option<u64> {
        match (self.price, outcome) {
            // Nobody charges for an error.
            (_, Err(())) => Some(0),
            (Price::Call(price), Ok(_)) => price,
            (Price::Tokens(price), Ok(tokens)) => {
                let cost = u128::from(price?) * u128::from(tokens?);
                Some(u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX))
            }
        }
    }
}

/// A place in the row of those who want one call.
struct Turn<'s> {
    service: &'s ServiceState,
    key: CallKey,
    gate: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl Turn<'_> {
    async fn wait(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match &self.gate {
            Some(gate) => Some(gate.lock().await),
            None => None,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut under_way = self.service.lock();
        drop(self.gate.take());
        // The last one takes the entry out; who comes later finds the answer in the journal.
        let alone = under_way
            .get(&self.key)
            .is_some_and(|gate| Arc::strong_count(gate) == 1);
        if alone {
            under_way.remove(&self.key);
        }
    }
}

fn endpoint(
    name: &str,
    config: &ServiceConfig,
    settings: &EndpointConfig,
    http: &HttpConfig,
    clients: &mut Clients<'_>,
) -> Result<Endpoint, BuildError> {
    let base = settings.base_url.trim();
    let base_url = match config.address {
        Address::Exact => base,
        Address::Beside(path) => {
            let base = base.trim_end_matches('/');
            base.strip_suffix(path).unwrap_or(base)
        }
    };
    let settings = EndpointConfig {
        base_url: base_url.to_owned(),
        ..settings.clone()
    };
    let mut made = Endpoint::new(name, &config.model, &settings, &http.user_agent, |url| {
        clients.get(url)
    })?;
    made.url = match config.address {
        Address::Beside(path) => made.beside(path),
        Address::Exact => reqwest::Url::parse(base_url).map_err(|error| BuildError::Endpoint {
            model: name.to_owned(),
            endpoint: settings.name.clone(),
            what: format!("base_url '{base_url}' is not a URL: {error}"),
        })?,
    };
    Ok(made)
}

impl Caller {
    /// Asks a service for `item` (a path, as in [`Caller::call`]). An answer that `check` refuses is a failed attempt.
    ///
    /// # Errors
    /// [`CallError`] when the run cannot go on with it. A failure of the request itself is in [`Asked::outcome`].
    ///
    /// # Cancel safety
    /// Dropping it abandons a call in flight (which may be paid for) and records nothing.
    pub async fn ask(
        &self,
        service: &str,
        item: &str,
        request: &ServiceRequest,
        check: Check<'_>,
    ) -> Result<Asked, CallError> {
        let state = self.service(service)?;
        let body = Bytes::from(to_compact(&request.body));
        let key = state.key(&body, request.sample);
        let turn = state.turn(key);
        let _mine = turn.wait().await;
        if let Some(record) = self.journal().lookup(&key)? {
            self.meter().on_replayed();
            return Ok(replay(record, self.journal().flush()));
        }
        let ended = self.send(state, key, &body, check).await?;
        Ok(self.keep_asked(state, item, key, ended, true))
    }

    /// Asks a service, and journals what it cost but not what it said: for answers that the asker keeps, durably, before it
    /// asks for more. Equal requests are different calls.
    ///
    /// # Errors
    /// As [`Caller::ask`].
    ///
    /// # Cancel safety
    /// As [`Caller::ask`].
    pub async fn ask_unkept(
        &self,
        service: &str,
        item: &str,
        request: &ServiceRequest,
        check: Check<'_>,
    ) -> Result<Asked, CallError> {
        let state = self.service(service)?;
        let body = Bytes::from(to_compact(&request.body));
        let receipt = [b"receipt\n".as_slice(), item.as_bytes(), b"\n", &body].concat();
        let key = state.key(&receipt, request.sample);
        let ended = self.send(state, key, &body, check).await?;
        Ok(self.keep_asked(state, item, key, ended, false))
    }

    /// The answer to a request, when the journal has one.
    ///
    /// # Errors
    /// [`CallError::UnknownRole`] for a service that was not configured, and a journal that cannot be read.
    pub fn known(
        &self,
        service: &str,
        request: &ServiceRequest,
    ) -> Result<Option<Json>, CallError> {
        let state = self.service(service)?;
        let body = to_compact(&request.body);
        let record = self.journal().lookup(&state.key(&body, request.sample))?;
        Ok(record.and_then(|record| replay(record, self.journal().flush()).outcome.ok()))
    }

    /// Whether a service of this name is configured.
    pub fn has_service(&self, service: &str) -> bool {
        self.service(service).is_ok()
    }

    /// Asks a service once, before any work, and keeps nothing of the answer.
    ///
    /// # Errors
    /// [`CallError::UnknownRole`]; what is wrong with the endpoints is in the result.
    pub async fn probe_service(
        &self,
        service: &str,
        body: &Json,
        check: Check<'_>,
    ) -> Result<Result<Duration, ServiceFailure>, CallError> {
        let state = self.service(service)?;
        let body = Bytes::from(to_compact(body));
        let exchange = Exchange {
            shared: self.shared(),
            service: state,
            key: CallKey::of(b"probe"),
            body: &body,
            check,
        };
        Ok(exchange.once().await)
    }

    fn service(&self, service: &str) -> Result<&ServiceState, CallError> {
        self.services()
            .get(service)
            .ok_or_else(|| CallError::UnknownRole(service.to_owned()))
    }

    async fn send(
        &self,
        state: &ServiceState,
        key: CallKey,
        body: &Bytes,
        check: Check<'_>,
    ) -> Result<Ended, CallError> {
        if self.shared().drain.is_draining() {
            return Err(CallError::Cancelled);
        }
        // An answer that cannot be kept would be paid for again.
        if let Some(error) = self.journal().failure() {
            return Err(CallError::Journal(error));
        }
        let tokens = match state.price {
            Price::Call(_) => 0,
            Price::Tokens(_) => body.len() as u64 / BYTES_PER_TOKEN,
        };
        let amount = |cost: Option<u64>, tokens| Amount {
            cost_micro_usd: cost.unwrap_or(0),
            tokens,
            calls: 1,
        };
        let reservation = self
            .admit(amount(state.cost(Ok(Some(tokens))), tokens))
            .await?;
        let exchange = Exchange {
            shared: self.shared(),
            service: state,
            key,
            body,
            check,
        };
        let ended = exchange.run(tokens).await?;
        let answered = ended.outcome.as_ref().map(|_| ended.tokens).map_err(|_| ());
        reservation.settle(amount(state.cost(answered), ended.tokens.unwrap_or(tokens)));
        Ok(ended)
    }

    /// Books a call and hands it to the journal. Nothing is awaited between the answer and this.
    fn keep_asked(
        &self,
        state: &ServiceState,
        item: &str,
        key: CallKey,
        ended: Ended,
        whole: bool,
    ) -> Asked {
        let at = (self.shared().clock)();
        let usage = Usage {
            prompt: ended.tokens.unwrap_or(0),
            ..Usage::default()
        };
        let answered = ended.outcome.as_ref().map(|_| ended.tokens).map_err(|_| ());
        let cost_micro_usd = state.cost(answered);
        self.meter()
            .on_call(ended.outcome.is_err(), usage, cost_micro_usd);
        let (stored, outcome) = match ended.outcome {
            Ok((tree, body)) => {
                let kept = if whole { body } else { Bytes::new() };
                (CallOutcome::Reply(kept), Ok(tree))
            }
            Err((failure, body)) => {
                let stored = CallOutcome::Failure {
                    kind: failure.kind.as_str().to_owned(),
                    detail: failure.detail.clone(),
                    body,
                };
                (stored, Err(failure))
            }
        };
        let durable = self.journal().append(Record::Call(CallRecord {
            key,
            at,
            item: item.to_owned(),
            role: state.name.clone(),
            model: state.model.clone(),
            endpoint: ended.endpoint,
            attempts: ended.attempts,
            usage,
            cost_micro_usd,
            latency_ms: crate::retry::millis(ended.latency),
            outcome: stored,
        }));
        Asked {
            key,
            at,
            outcome,
            usage,
            cost_micro_usd,
            durable,
            replayed: false,
        }
    }
}

fn replay(record: CallRecord, durable: Durable) -> Asked {
    let outcome = match record.outcome {
        CallOutcome::Reply(body) => parse(&body).map_err(|error| ServiceFailure {
            kind: ErrorKind::NotChat,
            detail: format!("the stored answer cannot be read: {error}"),
        }),
        CallOutcome::Failure { kind, detail, .. } => Err(ServiceFailure {
            kind: ErrorKind::from_word(&kind).unwrap_or(ErrorKind::Server),
            detail,
        }),
    };
    Asked {
        key: record.key,
        at: record.at,
        outcome,
        usage: record.usage,
        cost_micro_usd: record.cost_micro_usd,
        durable,
        replayed: true,
    }
}
