//! The one way to call a model: known replies from the journal, new ones into it.
//!
//! ```text
//! call ──> body, key ──> journal.lookup ──known──────────────────────────> replay
//!                             │ new
//!                             v
//!                        budget ──> endpoint or agent ──> CallRecord ──> journal.append ──> Called
//! ```
//!
//! The reply may be looked at as soon as it is there; nothing may be built on it (the next paid call of the conversation,
//! an artifact) before its [`Called::durable`] has resolved.

mod build;
mod drain;
mod key;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::time::Timestamp;
use forgemark_journal::{Attempt, CallOutcome, CallRecord, Durable, Journal, JournalError, Record};
use futures_util::future::join_all;
use tokio::time::Instant;

pub(crate) use self::drain::Drain;
use crate::agent::{Agent, raw_body};
use crate::batch::{self, Batches, Delivered};
use crate::budget::{Amount, BudgetStop, Ledger, Reservation};
use crate::chat::body::RequestBody;
use crate::chat::reply::parse_reply;
use crate::chat::{ChatReply, ChatRequest, Failure, FailureKind, Usage};
use crate::config::{Prices, RoleParams};
use crate::meter::{Meter, MeterSnapshot};
use crate::pool::{EndpointError, EndpointSnapshot, Pool};
use crate::retry::{Ended, Exchange, pauses, probe};
use crate::secret::Scrubber;
use crate::service::ServiceState;
use crate::wire::ErrorKind;

/// Where instants come from. The application decides whether it is the machine's clock or a logical one.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The share of a new reply in the running mean of a role's completion tokens is one in this many.
const MEAN_STEP: u64 = 16;

/// What a reply is taken to have before any was seen, unless the token limit is lower.
const FIRST_COMPLETION: u64 = 512;

/// What stands for the endpoint of a call that an agent of this process answered.
pub const IN_PROCESS: &str = "in-process";

/// Probes of a role before it is given up, the first included.
const PROBES: u32 = 4;

/// Longest time until the last of them is sent.
const PROBE_PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of JSON a token, roughly, for estimates.
const BYTES_PER_TOKEN: u64 = 4;

/// Calls the models of a run's roles. Clones share everything.
#[derive(Clone)]
pub struct Caller {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) roles: BTreeMap<String, RoleState>,
    /// One for each model that is served over HTTP.
    pools: Vec<Arc<Pool>>,
    /// One for each of them that has batches, now or from an earlier process.
    pub(crate) batches: Vec<Arc<Batches>>,
    pub(crate) journal: Journal,
    ledger: Ledger,
    services: BTreeMap<String, ServiceState>,
    pub(crate) shared: Shared,
}

/// What everything below the caller needs.
pub(crate) struct Shared {
    pub(crate) meter: Meter,
    pub(crate) clock: Clock,
    pub(crate) scrubber: Scrubber,
    pub(crate) drain: Arc<Drain>,
    pub(crate) max_body: usize,
}

pub(crate) struct RoleState {
    name: String,
    /// The model's name on the wire.
    pub(crate) model: String,
    target: Target,
    /// The batches that new calls go with.
    batches: Option<Arc<Batches>>,
    pub(crate) params: RoleParams,
    prices: Option<Prices>,
    attempt_timeout: Option<Duration>,
    /// Running mean of the completion tokens.
    completion: AtomicU64,
}

enum Target {
    Pool(Arc<Pool>),
    Agent(Arc<dyn Agent>),
}

/// A call with its outcome.
#[derive(Debug)]
pub struct Called {
    /// Its key.
    pub key: CallKey,
    /// When its outcome arrived, once and for all: a replayed call has the instant of the first time.
    pub at: Timestamp,
    /// The reply, or the typed failure. A reply may still be cut, filtered, refused or empty; see [`ChatReply::typed`].
    pub outcome: Result<ChatReply, Failure>,
    /// Tokens.
    pub usage: Usage,
    /// Cost in micro US dollars; `None` when the price or the usage is unknown.
    pub cost_micro_usd: Option<u64>,
    /// Resolves when the outcome is safe in the journal.
    pub durable: Durable,
    /// Whether it came from the journal.
    pub replayed: bool,
}

/// Why a call has no outcome. Nothing is recorded; the same call may be made again later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// A budget is spent: a stop, not a defect.
    #[error(transparent)]
    Budget(#[from] BudgetStop),
    /// The run drains.
    #[error("cancelled while the run drains")]
    Cancelled,
    /// Every endpoint of the model is unusable. The run should stop.
    #[error(transparent)]
    Unusable(EndpointError),
    /// The journal failed. The run must stop.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A role that was not configured.
    #[error("no model is configured for the role '{0}'")]
    UnknownRole(String),
}

/// What a probe of a role found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleProbe {
    /// The role.
    pub role: String,
    /// The model's name on the wire.
    pub model: String,
    /// Each endpoint; empty for an agent of this process, which needs no probe.
    pub endpoints: Vec<EndpointProbe>,
}

/// What a probe of an endpoint found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointProbe {
    /// The endpoint.
    pub endpoint: String,
    /// How long a one-token reply took, or what is wrong, without secrets.
    pub result: Result<Duration, (ErrorKind, String)>,
}

impl RoleProbe {
    /// Whether the role can be served. An endpoint that has too many requests knows the key and the
    /// model, and calls wait for it.
    pub fn is_usable(&self) -> bool {
        let serves = |e: &EndpointProbe| match &e.result {
            Ok(_) => true,
            Err((kind, _)) => *kind == ErrorKind::RateLimited,
        };
        self.endpoints.is_empty() || self.endpoints.iter().any(serves)
    }

    /// Whether the role cannot be served now, but perhaps in a moment.
    fn may_pass(&self) -> bool {
        let passes = |e: &EndpointProbe| matches!(&e.result, Err((kind, _)) if kind.is_transient());
        !self.is_usable() && self.endpoints.iter().any(passes)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<&String> = self.inner.roles.keys().collect();
        f.debug_struct("Caller")
            .field("roles", &roles)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// Calls the model of `role` for `item` (a path; what stands before its last `/` names the conversation, whose calls
    /// prefer one endpoint).
    ///
    /// # Errors
    /// [`CallError`] when the run cannot go on with the call. A failure of the call itself is in [`Called::outcome`].
    ///
    /// # Cancel safety
    /// Dropping it abandons a call in flight (which may be paid for) and records nothing.
    pub async fn call(
        &self,
        role: &str,
        item: &str,
        request: &ChatRequest,
    ) -> Result<Called, CallError> {
        let inner = &*self.inner;
        let role = inner
            .roles
            .get(role)
            .ok_or_else(|| CallError::UnknownRole(role.to_owned()))?;
        let body = RequestBody::new(request, &role.model, &role.params);
        let key = body.key(request.sample);
        if let Some(record) = inner.journal.lookup(&key)? {
            inner.shared.meter.on_replayed();
            return Ok(replay(record, request, inner.journal.flush()));
        }
        if inner.shared.drain.is_draining() {
            return Err(CallError::Cancelled);
        }
        // A reply that cannot be kept would be paid for again.
        if let Some(error) = inner.journal.failure() {
            return Err(CallError::Journal(error));
        }
        if let Some(batches) = inner.under_way(&key) {
            // It is paid for, or will be, whatever the budget says.
            let call = batch_call(role, item, request, &body);
            if let Some(called) = self.wait_for(batches, key, call).await? {
                return Ok(called);
            }
        }
        let tokens = role.estimate(body.len());
        let reservation = inner.admit(role.amount(tokens)).await?;
        if let Some(batches) = &role.batches {
            let call = batch_call(role, item, request, &body);
            if let Some(called) = self.wait_for(batches, key, call).await? {
                return Ok(called);
            }
        }
        let ended = match &role.target {
            Target::Agent(agent) => inner.ask_agent(role, agent.as_ref(), request),
            Target::Pool(pool) => {
                let exchange = Exchange {
                    shared: &inner.shared,
                    pool,
                    model: &role.model,
                    params: &role.params,
                    request,
                    body: &body,
                    key,
                    conversation: key::conversation(item),
                    tokens: tokens.prompt + tokens.completion,
                    attempt_timeout: role.attempt_timeout.unwrap_or(pool.retry.attempt_timeout),
                };
                exchange.run().await?
            }
        };
        Ok(inner.record(role, item, key, ended, tokens, reservation))
    }

    /// Waits for the batch that a call goes with; `None` when it has to be sent by itself after all. The reply is booked
    /// where it arrives, so a reservation of the caller's is only given back.
    async fn wait_for(
        &self,
        batches: &Arc<Batches>,
        key: CallKey,
        call: batch::Call,
    ) -> Result<Option<Called>, CallError> {
        let request = call.request.clone();
        let ticket = batches.join(&self.inner, key, call);
        let _waits = self.inner.shared.meter.waiting();
        match ticket.wait().await {
            Delivered::Single => Ok(None),
            Delivered::Error(error) => Err(error),
            Delivered::Record(record, durable) => Ok(Some(Called {
                replayed: false,
                ..replay(*record, &request, durable)
            })),
        }
    }

    /// Asks every endpoint of a role for one token, before any work.
    ///
    /// # Errors
    /// [`CallError::UnknownRole`]; what is wrong with the endpoints is in the result.
    pub async fn probe(&self, role: &str) -> Result<RoleProbe, CallError> {
        self.probe_once(role, 0).await
    }

    async fn probe_once(&self, role: &str, earlier: u32) -> Result<RoleProbe, CallError> {
        let inner = &*self.inner;
        let role = inner
            .roles
            .get(role)
            .ok_or_else(|| CallError::UnknownRole(role.to_owned()))?;
        let endpoints = match &role.target {
            Target::Agent(_) => Vec::new(),
            Target::Pool(pool) => {
                let probes =
                    pool.endpoints
                        .iter()
                        .enumerate()
                        .map(|(index, endpoint)| async move {
                            let result = probe::endpoint(
                                &inner.shared,
                                pool,
                                index,
                                endpoint,
                                &role.model,
                                earlier,
                            )
                            .await;
                            EndpointProbe {
                                endpoint: endpoint.name.clone(),
                                result: result.map_err(|fault| (fault.kind, fault.line())),
                            }
                        });
                join_all(probes).await
            }
        };
        Ok(RoleProbe {
            role: role.name.clone(),
            model: role.model.clone(),
            endpoints,
        })
    }

    /// As [`Caller::probe`], but again after a pause while no endpoint can serve the role and one of them failed in a
    /// way that passes: a few times, with the pauses of calls, for 15 seconds at most. Answers with the last
    /// probe.
    ///
    /// # Errors
    /// As [`Caller::probe`].
    ///
    /// # Cancel safety
    /// Safe: dropping it ends the waiting.
    pub async fn probe_patiently(&self, role: &str) -> Result<RoleProbe, CallError> {
        let began = Instant::now();
        let mut found = self.probe(role).await?;
        let Some(Target::Pool(pool)) = self.inner.roles.get(role).map(|role| &role.target) else {
            return Ok(found);
        };
        for (earlier, pause) in (1..PROBES).zip(pauses(&pool.retry, 0)) {
            if !found.may_pass() || began.elapsed() + pause > PROBE_PATIENCE {
                break;
            }
            tokio::time::sleep(pause).await;
            found = self.probe_once(role, earlier).await?;
        }
        Ok(found)
    }

    /// The names of the roles, in order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.inner.roles.keys().map(String::as_str)
    }

    /// Lets the attempts in flight end and starts no other: calls that wait or would be sent again return
    /// [`CallError::Cancelled`], known replies are still replayed. There is no way back.
    pub fn drain(&self) {
        self.inner.shared.drain.drain();
    }

    /// The counters and notices.
    pub fn meter(&self) -> &Meter {
        &self.inner.shared.meter
    }

    /// The counters, with what is in flight and how much may be.
    pub fn snapshot(&self) -> MeterSnapshot {
        let mut snapshot = self.inner.shared.meter.snapshot();
        for pool in &self.inner.pools {
            let (in_flight, limit) = pool.load();
            snapshot.in_flight += in_flight as u64;
            snapshot.limit += limit as u64;
        }
        snapshot
    }

    /// The condition of every endpoint.
    pub fn endpoints(&self) -> Vec<EndpointSnapshot> {
        self.inner
            .pools
            .iter()
            .flat_map(|pool| pool.snapshot())
            .collect()
    }

    /// The journal that the calls go to.
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(crate) fn services(&self) -> &BTreeMap<String, ServiceState> {
        &self.inner.services
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) async fn admit(&self, amount: Amount) -> Result<Reservation<'_>, CallError> {
        self.inner.admit(amount).await
    }
}

impl Inner {
    async fn admit(&self, amount: Amount) -> Result<Reservation<'_>, CallError> {
        if let Some(reservation) = self.ledger.try_admit(amount)? {
            return Ok(reservation);
        }
        let _waits = self.shared.meter.waiting();
        tokio::select! {
            admitted = self.ledger.admit(amount) => Ok(admitted?),
            () = self.shared.drain.drained() => Err(CallError::Cancelled),
        }
    }

    /// The batches that a call is under way with, whether its model takes batches still or not.
    fn under_way(&self, key: &CallKey) -> Option<&Arc<Batches>> {
        self.batches.iter().find(|batches| batches.has(key))
    }

    /// Books a reply that came with a batch.
    pub(crate) fn book(&self, role: &str, usage: Usage, known: bool, cost_micro_usd: Option<u64>) {
        if let Some(role) = self.roles.get(role).filter(|_| known) {
            role.learn_completion(usage.completion);
        }
        self.ledger.book(Amount {
            cost_micro_usd: cost_micro_usd.unwrap_or(0),
            tokens: usage.prompt + usage.completion,
            calls: 1,
        });
        self.shared.meter.on_call(false, usage, cost_micro_usd);
    }

    fn ask_agent(&self, role: &RoleState, agent: &dyn Agent, request: &ChatRequest) -> Ended {
        let began = Instant::now();
        self.shared.meter.on_attempt(0);
        let body = raw_body(&role.model, &agent.reply(request));
        let outcome = parse_reply(&body, request).map_err(|error| {
            let failure = Failure {
                kind: FailureKind::ModelError,
                detail: format!("the agent's reply cannot be read: {error:?}"),
            };
            (failure, body)
        });
        Ended {
            outcome,
            endpoint: IN_PROCESS.to_owned(),
            attempts: Vec::new(),
            latency: began.elapsed(),
        }
    }

    /// Books a call and hands it to the journal. Nothing is awaited between the reply and this, so a call that was paid for
    /// is lost only with the process.
    fn record(
        &self,
        role: &RoleState,
        item: &str,
        key: CallKey,
        ended: Ended,
        estimate: Usage,
        reservation: Reservation<'_>,
    ) -> Called {
        let Ended {
            outcome,
            endpoint,
            attempts,
            latency,
        } = ended;
        let at = (self.shared.clock)();
        let (usage, known) = match &outcome {
            Ok(reply) => (reply.usage, reply.usage_known),
            // Nobody charges for an error.
            Err(_) => (Usage::default(), true),
        };
        if outcome.is_ok() && known {
            role.learn_completion(usage.completion);
        }
        let cost_micro_usd = match (&role.target, role.prices) {
            (Target::Agent(_), _) => Some(0),
            (Target::Pool(_), Some(prices)) if known => Some(prices.cost(usage)),
            (Target::Pool(_), _) => None,
        };
        // A budget has to count what it cannot see, else it never ends.
        let counted = if known { usage } else { estimate };
        reservation.settle(Amount {
            cost_micro_usd: cost_micro_usd.unwrap_or_else(|| role.cost(counted)),
            tokens: counted.prompt + counted.completion,
            calls: 1,
        });
        self.shared
            .meter
            .on_call(outcome.is_err(), usage, cost_micro_usd);
        let (stored, outcome) = split(outcome);
        let durable = self.journal.append(Record::Call(call_record(
            key,
            at,
            item,
            role,
            endpoint,
            attempts,
            usage,
            cost_micro_usd,
            latency,
            stored,
        )));
        Called {
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

fn batch_call(
    role: &RoleState,
    item: &str,
    request: &ChatRequest,
    body: &RequestBody,
) -> batch::Call {
    batch::Call {
        role: role.name.clone(),
        item: item.to_owned(),
        request: request.clone(),
        body: body.clone(),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the record; a struct would be the record itself"
)]
fn call_record(
    key: CallKey,
    at: Timestamp,
    item: &str,
    role: &RoleState,
    endpoint: String,
    attempts: Vec<Attempt>,
    usage: Usage,
    cost_micro_usd: Option<u64>,
    latency: Duration,
    outcome: CallOutcome,
) -> CallRecord {
    CallRecord {
        key,
        at,
        item: item.to_owned(),
        role: role.name.clone(),
        model: role.model.clone(),
        endpoint,
        attempts,
        usage,
        cost_micro_usd,
        latency_ms: crate::retry::millis(latency),
        outcome,
    }
}

/// The outcome for the journal and the one for the caller.
fn split(
    outcome: Result<ChatReply, (Failure, Bytes)>,
) -> (CallOutcome, Result<ChatReply, Failure>) {
    match outcome {
        Ok(reply) => (CallOutcome::Reply(reply.body.clone()), Ok(reply)),
        Err((failure, body)) => {
            let stored = CallOutcome::Failure {
                kind: failure.kind.as_str().to_owned(),
                detail: failure.detail.clone(),
                body,
            };
            (stored, Err(failure))
        }
    }
}

fn replay(record: CallRecord, request: &ChatRequest, durable: Durable) -> Called {
    let outcome = match record.outcome {
        CallOutcome::Reply(body) => parse_reply(&body, request).map_err(|error| Failure {
            kind: FailureKind::ModelError,
            detail: format!("the stored reply cannot be read: {error:?}"),
        }),
        CallOutcome::Failure { kind, detail, .. } => Err(Failure {
            kind: FailureKind::from_word(&kind).unwrap_or(FailureKind::ModelError),
            detail,
        }),
    };
    Called {
        key: record.key,
        at: record.at,
        outcome,
        usage: record.usage,
        cost_micro_usd: record.cost_micro_usd,
        durable,
        replayed: true,
    }
}

impl RoleState {
    /// What a call with a body of `bytes` will probably use.
    fn estimate(&self, bytes: usize) -> Usage {
        Usage {
            prompt: bytes as u64 / BYTES_PER_TOKEN,
            completion: self.completion.load(Ordering::Relaxed),
            ..Usage::default()
        }
    }

    fn amount(&self, usage: Usage) -> Amount {
        Amount {
            cost_micro_usd: self.cost(usage),
            tokens: usage.prompt + usage.completion,
            calls: 1,
        }
    }

    fn cost(&self, usage: Usage) -> u64 {
        match &self.target {
            Target::Agent(_) => 0,
            Target::Pool(_) => self.prices.map_or(0, |prices| prices.cost(usage)),
        }
    }

    /// Two calls that end together may lose one of their steps, which an estimate bears.
    fn learn_completion(&self, tokens: u64) {
        let mean = self.completion.load(Ordering::Relaxed);
        let next = (mean * (MEAN_STEP - 1) + tokens).div_ceil(MEAN_STEP);
        self.completion.store(next, Ordering::Relaxed);
    }
}
