//! One call against a pool: attempts until there is an outcome, or none can be had.
//!
//! ```text
//!        ┌────────────────────────────── pause, or another endpoint ──────────────────────────────┐
//!        v                                                                                         │
//!   acquire ──> send ──> reply ──────────────────────────────────────────────> outcome              │
//!     │           ├── 429, endpoint unusable ──────────────────────────────────────────────────────┤
//!     │           ├── parameter refused: adapt; context too long: trim, else failure ───────────────┤
//!     │           ├── content filter ──────────────────────────────────────────> failure            │
//!     │           ├── invalid request ─── endpoint serves others? ── yes ──────> failure     no ────┤
//!     │           └── 5xx, no chat, cut, timeout ── often enough while it serves others? ─> failure, else
//!     └── nothing succeeded for long enough, probe fails too ──> unusable
//! ```
//!
//! What decides between a failure (recorded, drops the item) and an unusable endpoint (suspends the run) is whether the
//! endpoint serves other calls; see [`blame`].

pub(crate) mod blame;
pub(crate) mod probe;
mod trim;

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::time::Timestamp;
use forgemark_journal::Attempt;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use self::blame::{Blame, Evidence, Tally};
use self::trim::Trimmer;
use crate::adapt::{Accepts, Feature, Sent};
use crate::caller::{CallError, Shared};
use crate::chat::body::RequestBody;
use crate::chat::reply::{ReplyError, parse_reply};
use crate::chat::{ChatReply, ChatRequest, Failure, FailureKind};
use crate::config::{Retry, RoleParams};
use crate::endpoint::Endpoint;
use crate::http;
use crate::meter::Notice;
use crate::pool::{Ask, Hopeless, Permit, Pool};
use crate::secret::Scrubber;
use crate::wire::{Answer, ErrorKind, Fault, classify, classify_inner};

/// Parameters that one call may see refused before it is an invalid request; there are hardly more.
const MAX_ADAPTATIONS: usize = 24;

/// Attempts that a record tells of: the first half and the last half of them, when there were more.
const MAX_HISTORY: usize = 64;

/// A call to be made.
pub(crate) struct Exchange<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) pool: &'a Pool,
    pub(crate) model: &'a str,
    pub(crate) params: &'a RoleParams,
    pub(crate) request: &'a ChatRequest,
    pub(crate) body: &'a RequestBody,
    pub(crate) key: CallKey,
    /// Hash of the conversation, for affinity.
    pub(crate) conversation: u64,
    /// Probable tokens, prompt and completion.
    pub(crate) tokens: u64,
    pub(crate) attempt_timeout: Duration,
}

/// How a call ended.
pub(crate) struct Ended {
    pub(crate) outcome: Result<ChatReply, (Failure, Bytes)>,
    /// The endpoint's name.
    pub(crate) endpoint: String,
    /// Failed attempts, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    /// Time of the last attempt.
    pub(crate) latency: Duration,
}

/// The pauses between the attempts of a call; without end.
pub(crate) type Pauses = <ExponentialBuilder as BackoffBuilder>::Backoff;

/// The pauses of `retry`, with the jitter of this seed.
pub(crate) fn pauses(retry: &Retry, seed: u64) -> Pauses {
    ExponentialBuilder::new()
        .with_jitter()
        .with_jitter_seed(seed)
        .with_factor(2.0)
        .with_min_delay(retry.backoff)
        .with_max_delay(retry.max_backoff)
        .without_max_times()
        .build()
}

/// A call on its way.
struct Run<'a> {
    x: &'a Exchange<'a>,
    ask: Ask,
    attempts: Vec<Attempt>,
    /// Attempts that were sent.
    sent: u32,
    adaptations: usize,
    trimmer: Trimmer,
    /// The request after trimming, if it was trimmed.
    trimmed: Option<(ChatRequest, RequestBody)>,
    backoff: Pauses,
    /// Time in failed attempts and pauses; waiting for a place and rate limits are not the request's doing.
    spent: Duration,
    evidence: Evidence,
    /// Times that the request was refused by an endpoint that took no probe either.
    refusals: u32,
}

/// What to do after a failed attempt.
enum Next {
    Again,
    Pause,
    Fail(FailureKind),
}

impl<'a> Exchange<'a> {
    /// Makes the call.
    ///
    /// # Errors
    /// [`CallError::Unusable`] or [`CallError::Cancelled`]; nothing of it is to be recorded.
    ///
    /// # Cancel safety
    /// Safe: dropping it closes the connection of the attempt in flight and frees its place.
    pub(crate) async fn run(&'a self) -> Result<Ended, CallError> {
        let retry = &self.pool.retry;
        let mut run = Run {
            x: self,
            ask: Ask {
                conversation: self.conversation,
                tokens: self.tokens as f64,
                tried: 0,
            },
            attempts: Vec::new(),
            sent: 0,
            adaptations: 0,
            trimmer: Trimmer::new(self.request.droppable.clone()),
            trimmed: None,
            backoff: pauses(retry, self.key.prefix()),
            spent: Duration::ZERO,
            evidence: Evidence::new(retry.answered_failures),
            refusals: 0,
        };
        run.go().await
    }
}

impl<'a> Run<'a> {
    async fn go(&mut self) -> Result<Ended, CallError> {
        let key = HeaderValue::from_str(&self.x.key.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        loop {
            let permit = self.acquire().await?;
            let Some(endpoint) = permit.endpoint() else {
                return Err(CallError::Unusable(self.x.pool.error()));
            };
            let accepts = endpoint.accepts();
            let number = self.sent;
            self.sent = self.sent.saturating_add(1);
            self.x.shared.meter.on_attempt(number);
            let limit = self.attempt_limit();
            let (request, bytes) = self.wire_body(endpoint, accepts);
            let sent = Sent {
                wire: endpoint.wire,
                accepts,
                request,
                params: self.x.params,
            };
            let began = permit.sent_at;
            let result = attempt(self.x.shared, endpoint, bytes, &key, number, limit, &sent).await;
            match result {
                Ok(reply) => {
                    let used = reply.usage.prompt + reply.usage.completion;
                    permit.succeed(reply.usage_known.then_some(used));
                    return Ok(self.ended(Ok(reply), endpoint, began));
                }
                Err(fault) => {
                    let (index, tally) = (permit.index, permit.tally);
                    self.note(endpoint, &fault, began);
                    permit.fail(&fault);
                    let next = self
                        .decide(&fault, endpoint, index, accepts, tally, began)
                        .await?;
                    match next {
                        Next::Again => {}
                        Next::Pause => self.pause(index).await?,
                        Next::Fail(kind) => {
                            let failure = Failure {
                                kind,
                                detail: fault.line(),
                            };
                            return Ok(self.ended(Err((failure, fault.body)), endpoint, began));
                        }
                    }
                }
            }
        }
    }

    fn ended(
        &mut self,
        outcome: Result<ChatReply, (Failure, Bytes)>,
        endpoint: &Endpoint,
        began: Instant,
    ) -> Ended {
        Ended {
            outcome,
            endpoint: endpoint.name.clone(),
            attempts: std::mem::take(&mut self.attempts),
            latency: began.elapsed(),
        }
    }

    /// A place at an endpoint; the slow way looks out for a drain and for the end of all hope.
    async fn acquire(&self) -> Result<Permit<'a>, CallError> {
        let pool = self.x.pool;
        loop {
            if self.x.shared.drain.is_draining() {
                return Err(CallError::Cancelled);
            }
            let done = if let Some(done) = pool.try_acquire(&self.ask) {
                done
            } else {
                let _waits = self.x.shared.meter.waiting();
                tokio::select! {
                    done = pool.acquire(&self.ask) => done,
                    () = self.x.shared.drain.drained() => return Err(CallError::Cancelled),
                }
            };
            match done {
                Ok(permit) => return Ok(permit),
                Err(Hopeless::Certain) => return Err(CallError::Unusable(pool.error())),
                Err(Hopeless::Likely) => probe::confirm(self.x.shared, pool, self.x.model).await,
            }
        }
    }

    /// What is left of the deadline bounds an attempt. Once it is over, the call only lives on because the endpoint
    /// serves nobody, and then it has to wait like everybody.
    fn attempt_limit(&self) -> Duration {
        let left = self.x.pool.retry.deadline.saturating_sub(self.spent);
        if left.is_zero() {
            self.x.attempt_timeout
        } else {
            self.x.attempt_timeout.min(left)
        }
    }

    fn wire_body(&self, endpoint: &Endpoint, accepts: Accepts) -> (&ChatRequest, Bytes) {
        let (request, body) = match &self.trimmed {
            Some((request, body)) => (request, body),
            None => (self.x.request, self.x.body),
        };
        let bytes = body.for_endpoint(endpoint, request, self.x.model, self.x.params, accepts);
        (request, bytes)
    }

    fn note(&mut self, endpoint: &Endpoint, fault: &Fault, began: Instant) {
        let meter = &self.x.shared.meter;
        if fault.kind == ErrorKind::RateLimited {
            meter.on_rate_limited();
        }
        if fault.kind.is_unusable() {
            meter.notice(Notice::EndpointUnusable {
                model: self.x.pool.model.clone(),
                endpoint: endpoint.name.clone(),
                error: fault.line(),
            });
        }
        if self.attempts.len() >= MAX_HISTORY {
            self.attempts.remove(MAX_HISTORY / 2);
        }
        self.attempts.push(Attempt {
            at: (self.x.shared.clock)(),
            endpoint: endpoint.name.clone(),
            ms: millis(began.elapsed()),
            what: fault.line(),
            status: fault.status,
            retry_after_ms: fault.retry_after.map(millis),
        });
    }

    /// Adds to what the history says of the last attempt.
    fn remark(&mut self, remark: &str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.what.push_str("; ");
            attempt.what.push_str(remark);
        }
    }

    async fn decide(
        &mut self,
        fault: &Fault,
        endpoint: &Endpoint,
        index: usize,
        accepts: Accepts,
        tally: Tally,
        began: Instant,
    ) -> Result<Next, CallError> {
        let kind = fault.kind;
        if let Some(feature) = fault.refused
            && kind == ErrorKind::Unsupported
        {
            return Ok(self.adapt(endpoint, accepts, feature));
        }
        match kind {
            ErrorKind::ContextLength => Ok(self.trim()),
            ErrorKind::ContentFilter => Ok(Next::Fail(FailureKind::ContentFilter)),
            // The endpoint's condition says when it may be asked again.
            ErrorKind::RateLimited => Ok(Next::Again),
            kind if kind.is_unusable() => Ok(Next::Again),
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => {
                self.invalid(endpoint, index, tally).await
            }
            _ => {
                self.spent += began.elapsed();
                self.transport(kind, endpoint, index, tally).await
            }
        }
    }

    /// Remembers what the endpoint refuses. Another call may have been faster; then this one only has to look again.
    fn adapt(&mut self, endpoint: &Endpoint, accepts: Accepts, feature: Feature) -> Next {
        self.adaptations += 1;
        if self.adaptations > MAX_ADAPTATIONS {
            return Next::Fail(FailureKind::InvalidRequest);
        }
        let (new, what) = accepts.without(feature, self.x.params, endpoint.wire);
        if endpoint.learn(accepts, new) {
            self.remark(&what);
            self.x.shared.meter.notice(Notice::Adapted {
                model: self.x.pool.model.clone(),
                endpoint: endpoint.name.clone(),
                what,
            });
        }
        Next::Again
    }

    fn trim(&mut self) -> Next {
        let Some((request, dropped)) = self.trimmer.next(self.x.request) else {
            return Next::Fail(FailureKind::ContextLength);
        };
        self.remark(&format!("trimmed {dropped} messages"));
        let body = RequestBody::new(&request, self.x.model, self.x.params);
        self.trimmed = Some((request, body));
        Next::Again
    }

    /// The endpoint does not take this request. That is the request's fault only if the endpoint takes others at this
    /// very time: a gateway that lost its configuration refuses everything, and must not drop one item after the other.
    async fn invalid(
        &mut self,
        endpoint: &Endpoint,
        index: usize,
        sent: Tally,
    ) -> Result<Next, CallError> {
        let x = self.x;
        let works = x.pool.tally(index).served > sent.served
            || probe::endpoint(x.shared, x.pool, index, endpoint, x.model, 0)
                .await
                .is_ok();
        if works {
            return Ok(Next::Fail(FailureKind::InvalidRequest));
        }
        self.refusals += 1;
        if self.refusals >= x.pool.retry.answered_failures.max(1) {
            return Err(CallError::Unusable(x.pool.error()));
        }
        Ok(Next::Pause)
    }

    async fn transport(
        &mut self,
        kind: ErrorKind,
        endpoint: &Endpoint,
        index: usize,
        sent: Tally,
    ) -> Result<Next, CallError> {
        let x = self.x;
        let answered = kind.is_answered_failure();
        let late = self.spent >= x.pool.retry.deadline;
        match self
            .evidence
            .add(index, answered, sent, x.pool.tally(index))
        {
            Blame::Request => return Ok(Next::Fail(FailureKind::ModelError)),
            Blame::Open if late => return Ok(Next::Fail(FailureKind::ModelError)),
            Blame::Open => {}
            Blame::Alone if late || answered && self.evidence.wants_probe() => {
                let result = probe::endpoint(x.shared, x.pool, index, endpoint, x.model, 0).await;
                if result.is_ok() && late {
                    return Ok(Next::Fail(FailureKind::ModelError));
                }
                if result.is_ok() {
                    self.evidence.probe_succeeded(index, x.pool.tally(index));
                }
            }
            Blame::Alone => {}
        }
        Ok(Next::Pause)
    }

    /// Turns to another endpoint at once, or pauses when there is none.
    async fn pause(&mut self, index: usize) -> Result<(), CallError> {
        self.ask.tried |= 1 << (index % 64);
        if self.x.pool.has_other(&self.ask) {
            return Ok(());
        }
        self.ask.tried = 0;
        let pause = self.backoff.next().unwrap_or(self.x.pool.retry.max_backoff);
        self.spent += pause;
        let _waits = self.x.shared.meter.waiting();
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.x.shared.drain.drained() => Err(CallError::Cancelled),
        }
    }
}

/// One attempt: send, read, parse, and say what a failure means. Secrets are scrubbed here, so nothing behind this sees any.
pub(crate) async fn attempt(
    shared: &Shared,
    endpoint: &Endpoint,
    body: Bytes,
    key: &HeaderValue,
    number: u32,
    limit: Duration,
    sent: &Sent<'_>,
) -> Result<ChatReply, Fault> {
    let post = http::post(endpoint, body, key, number, shared.max_body);
    bounded(&shared.scrubber, post, limit, |answer| {
        judge(shared, answer, sent)
    })
    .await
}

/// Waits for an answer no longer than `limit`, judges it, and takes secrets out of what went wrong.
pub(crate) async fn bounded<T>(
    scrubber: &Scrubber,
    post: impl Future<Output = Result<http::RawAnswer, Fault>>,
    limit: Duration,
    judge: impl FnOnce(http::RawAnswer) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let result = match tokio::time::timeout(limit, post).await {
        Ok(Ok(answer)) => judge(answer),
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(Fault::transport(
            ErrorKind::Timeout,
            format!("no whole answer within {} s", limit.as_secs_f64()),
        )),
    };
    result.map_err(|mut fault| {
        fault.detail = scrubber.text(&fault.detail).into_owned();
        fault.body = scrubber.error_body(fault.body);
        fault
    })
}

fn judge(shared: &Shared, raw: http::RawAnswer, sent: &Sent<'_>) -> Result<ChatReply, Fault> {
    let now = || -> Timestamp { (shared.clock)() };
    if !raw.status.is_success() {
        let answer = Answer {
            status: raw.status,
            headers: &raw.headers,
            body: raw.body,
            now: now(),
        };
        return Err(classify(&answer, sent));
    }
    let body = shared.scrubber.reply(raw.body);
    match parse_reply(&body, sent.request) {
        Ok(reply) => Ok(reply),
        Err(ReplyError::NotChat(what)) => Err(Fault {
            status: Some(raw.status.as_u16()),
            body,
            ..Fault::transport(ErrorKind::NotChat, what)
        }),
        Err(ReplyError::Error(error)) => {
            let answer = Answer {
                status: raw.status,
                headers: &raw.headers,
                body,
                now: now(),
            };
            Err(classify_inner(&answer, &error, sent))
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
