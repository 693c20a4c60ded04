//! One HTTP endpoint: its address and headers, worked out once, and what is known about its condition.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use tokio::time::Instant;

use crate::adapt::Accepts;
use crate::breaker::{Breaker, BreakerConfig, Gate};
use crate::config::{BuildError, EndpointConfig, Retry, Wire};
use crate::limit::{Aimd, Bucket};
use crate::retry::blame::Tally;
use crate::wire::{ErrorKind, Fault};

/// How fast the failure rate follows: each answer counts a fifth.
const RATE_STEP: f64 = 0.2;

/// What is left of an endpoint's weight when it fails all the time. Above zero, so that the score stays finite.
const MIN_HEALTH: f64 = 0.05;

/// The version of Anthropic's protocol that is spoken.
const ANTHROPIC: &str = "2023-06-01";

/// Longest pause after a 429 without a wait, in multiples of the first.
const MAX_PAUSE_STEPS: u32 = 5;

/// The fixed part of an endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) client: reqwest::Client,
    pub(crate) wire: Wire,
    /// The model's name here, where it differs.
    pub(crate) model: Option<String>,
    pub(crate) weight: f64,
    accepts: AtomicU64,
}

impl Endpoint {
    /// Checks and prepares an endpoint of the model called `model`.
    pub(crate) fn new(
        model: &str,
        wire_model: &str,
        config: &EndpointConfig,
        user_agent: &str,
        client: impl FnOnce(&Url) -> Result<reqwest::Client, BuildError>,
    ) -> Result<Self, BuildError> {
        let wrong = |what: String| BuildError::Endpoint {
            model: model.to_owned(),
            endpoint: config.name.clone(),
            what,
        };
        if !(config.weight.is_finite() && config.weight > 0.0) {
            return Err(wrong(format!("weight {} is not above 0", config.weight)));
        }
        let url = chat_url(&config.base_url, config.wire).map_err(wrong)?;
        let headers = headers(config, user_agent).map_err(wrong)?;
        // Known to refuse the older name; asking would cost an error at the start of every run.
        let accepts = if url.host_str() == Some("api.openai.com") {
            Accepts::completion_name()
        } else {
            Accepts::everything()
        };
        Ok(Endpoint {
            name: config.name.clone(),
            client: client(&url)?,
            wire: config.wire,
            url,
            headers,
            model: config.model.clone().filter(|name| name != wire_model),
            weight: config.weight,
            accepts: AtomicU64::new(accepts.bits()),
        })
    }

    /// The address of another service beside the chat: `path` begins with a slash.
    pub(crate) fn beside(&self, path: &str) -> Url {
        let chat = chat_path(self.wire);
        let before = self.url.path().strip_suffix(chat).unwrap_or_default();
        let mut url = self.url.clone();
        url.set_path(&format!("{before}{path}"));
        url
    }

    /// What it accepts, as far as is known.
    pub(crate) fn accepts(&self) -> Accepts {
        Accepts::from_bits(self.accepts.load(Ordering::Relaxed))
    }

    /// Remembers what it accepts, if that is still what it was when the caller looked. Whether it was.
    pub(crate) fn learn(&self, seen: Accepts, new: Accepts) -> bool {
        self.accepts
            .compare_exchange(
                seen.bits(),
                new.bits(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }
}

/// Where the chat is under the versioned part of an address.
fn chat_path(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAi => "/chat/completions",
        Wire::Anthropic => "/messages",
    }
}

/// The address of the chat under a base address.
///
/// `http://h:1`, `http://h:1/v1`, `https://h/openai/v1/` and `https://h/v1/chat/completions` all work; a base path that has
/// neither a version nor ends with `openai` gets `/v1`. A query (Azure's `api-version`) is kept.
pub(crate) fn chat_url(base: &str, wire: Wire) -> Result<Url, String> {
    let chat = chat_path(wire);
    let base = base.trim();
    if !base.starts_with("http://") && !base.starts_with("https://") {
        return Err(format!(
            "base_url '{base}' does not begin with http:// or https://"
        ));
    }
    let mut url =
        Url::parse(base).map_err(|error| format!("base_url '{base}' is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("base_url holds a user name or a password".to_owned());
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let versioned = |segment: &str| {
        let mut chars = segment.chars();
        chars.next() == Some('v') && chars.next().is_some_and(|c| c.is_ascii_digit())
    };
    let path = if path.ends_with(chat) {
        path
    } else if path.ends_with("/openai") || path.split('/').any(versioned) {
        format!("{path}{chat}")
    } else {
        format!("{path}/v1{chat}")
    };
    url.set_path(&path);
    Ok(url)
}

/// Whether an address is this machine's own, which no proxy can reach for us.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn headers(config: &EndpointConfig, user_agent: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(8 + config.headers.len());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let agent = HeaderValue::from_str(user_agent)
        .map_err(|_| format!("user agent '{user_agent}' is no header value"))?;
    headers.insert(USER_AGENT, agent);
    if config.wire == Wire::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC));
    }
    if let Some(key) = &config.api_key {
        let (name, value) = match config.wire {
            Wire::OpenAi => (AUTHORIZATION, format!("Bearer {}", key.expose())),
            Wire::Anthropic => (
                HeaderName::from_static("x-api-key"),
                key.expose().to_owned(),
            ),
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| "the API key has characters that a header cannot hold".to_owned())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    for (name, secret) in &config.headers {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("'{name}' is no header name"))?;
        let mut value = HeaderValue::from_str(secret.expose())
            .map_err(|_| format!("the value of header '{name}' cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

/// The condition of an endpoint; kept under the pool's lock.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) aimd: Aimd,
    pub(crate) breaker: Breaker,
    pub(crate) in_flight: usize,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    /// Left alone until then, after a 429.
    cool_until: Option<Instant>,
    /// Whether the endpoint itself named that time.
    cool_asked: bool,
    /// 429 episodes since the last success.
    pauses: u32,
    /// Recent share of failures, in `[0, 1]`.
    failure_rate: f64,
    /// First failure since the last success, while failures keep coming.
    pub(crate) failing_since: Option<Instant>,
    last_failure: Option<Instant>,
    /// Whether it ever served.
    served: bool,
    /// The last failure.
    pub(crate) last_error: Option<(ErrorKind, String)>,
    pub(crate) counts: Counts,
}

/// What happened at an endpoint since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) succeeded: u64,
    pub(crate) rate_limited: u64,
    pub(crate) failed: u64,
}

/// Whether an endpoint can take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Yes.
    Now,
    /// Yes, as the call that tests it.
    Test,
    /// Not before this instant.
    At(Instant),
    /// Not before a call ends.
    Full,
}

impl Condition {
    pub(crate) fn new(config: &EndpointConfig, retry: &Retry, now: Instant) -> Self {
        Condition {
            aimd: Aimd::new(
                config.start_in_flight,
                config.max_in_flight,
                config.adaptive,
            ),
            breaker: Breaker::new(BreakerConfig {
                failures: retry.breaker_failures.max(1),
                pause: retry.breaker_pause,
                max_pause: retry.max_breaker_pause,
                unusable_pause: retry.unusable_recheck,
            }),
            in_flight: 0,
            requests: config.requests_per_minute.map(|n| Bucket::new(n, now)),
            tokens: config.tokens_per_minute.map(|n| Bucket::new(n, now)),
            cool_until: None,
            cool_asked: false,
            pauses: 0,
            failure_rate: 0.0,
            failing_since: None,
            last_failure: None,
            served: false,
            last_error: None,
            counts: Counts::default(),
        }
    }

    /// Whether a call of about `tokens` tokens can go now.
    pub(crate) fn ready(&mut self, tokens: f64, now: Instant) -> Ready {
        let test = match self.breaker.gate(now) {
            Gate::Pass => false,
            Gate::Test => true,
            Gate::At(until) => return Ready::At(until),
            Gate::Testing => return Ready::Full,
        };
        if let Some(until) = self.cool_until
            && now < until
        {
            return Ready::At(until);
        }
        if self.in_flight >= self.aimd.limit() {
            return Ready::Full;
        }
        let later = |bucket: &mut Option<Bucket>, amount| {
            bucket
                .as_mut()
                .and_then(|bucket| bucket.ready_at(amount, now))
        };
        let wait = later(&mut self.requests, 1.0).max(later(&mut self.tokens, tokens));
        match (wait, test) {
            (Some(at), _) => Ready::At(at),
            (None, true) => Ready::Test,
            (None, false) => Ready::Now,
        }
    }

    /// A call goes.
    pub(crate) fn begin(&mut self, tokens: f64, test: bool) {
        self.in_flight += 1;
        self.counts.sent += 1;
        if test {
            self.breaker.begin_test();
        }
        if let Some(bucket) = &mut self.requests {
            bucket.take(1.0);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(tokens);
        }
    }

    /// A call has ended, however: its place is free and unused tokens go back.
    pub(crate) fn end(&mut self, unused_tokens: f64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(bucket) = &mut self.tokens {
            bucket.refund(unused_tokens);
        }
    }

    /// It served a call. `waiting` says that others wait for a place.
    pub(crate) fn on_success(&mut self, waiting: bool) {
        let saturated = waiting || self.in_flight >= self.aimd.limit();
        self.aimd.on_success(saturated);
        self.breaker.on_success();
        self.failure_rate *= 1.0 - RATE_STEP;
        self.failing_since = None;
        self.pauses = 0;
        self.served = true;
        self.counts.succeeded += 1;
    }

    /// It failed a call that was sent at `sent_at`.
    pub(crate) fn on_fault(
        &mut self,
        fault: &Fault,
        sent_at: Instant,
        now: Instant,
        retry: &Retry,
    ) {
        match fault.kind {
            kind if kind.is_about_request() => {
                self.breaker.on_success();
                self.failing_since = None;
                return;
            }
            ErrorKind::RateLimited => self.on_rate_limited(fault, sent_at, now, retry),
            // A gateway that loses its route for a while answers 404 in between.
            ErrorKind::NoRoute if self.served => self.on_transport(sent_at, now),
            kind if kind.is_unusable() => self.breaker.on_unusable(now),
            _ => {
                self.on_transport(sent_at, now);
                if let Some(wait) = fault.retry_after {
                    self.cool(now + wait.min(retry.max_retry_after), true);
                }
            }
        }
        self.note_failing(fault, sent_at, now, retry);
    }

    /// It refuses even a one-token call, so it will refuse every other.
    pub(crate) fn refuse(&mut self, fault: &Fault, now: Instant, retry: &Retry) {
        self.breaker.on_unusable(now);
        self.note_failing(fault, now, now, retry);
    }

    fn on_transport(&mut self, sent_at: Instant, now: Instant) {
        self.breaker.on_failure(sent_at, now);
        self.failure_rate += (1.0 - self.failure_rate) * RATE_STEP;
        self.counts.failed += 1;
    }

    fn on_rate_limited(&mut self, fault: &Fault, sent_at: Instant, now: Instant, retry: &Retry) {
        self.counts.rate_limited += 1;
        // It is there, only busy.
        self.breaker.on_success();
        let new_episode = self.aimd.on_rate_limited(sent_at, now);
        if let Some(wait) = fault.retry_after {
            // "Retry-After: 0" right after a 429 is no invitation to hammer.
            let wait = wait.min(retry.max_retry_after).max(retry.rate_limit_pause);
            self.cool(now + wait, true);
        } else if new_episode {
            let doubled = 1 << self.pauses.min(MAX_PAUSE_STEPS);
            self.cool(now + retry.rate_limit_pause.saturating_mul(doubled), false);
        }
        if new_episode {
            self.pauses = self.pauses.saturating_add(1);
        }
    }

    fn cool(&mut self, until: Instant, asked: bool) {
        if self.cool_until.is_none_or(|old| old < until) {
            self.cool_until = Some(until);
            self.cool_asked = asked;
        }
    }

    fn note_failing(&mut self, fault: &Fault, sent_at: Instant, now: Instant, retry: &Retry) {
        // After a long time without a call an old failure says nothing any more.
        let quiet_since = self
            .last_failure
            .max(self.cool_until.filter(|until| *until < now));
        let longest_pause = retry.max_backoff * 2 + retry.max_breaker_pause;
        let stale = quiet_since.is_some_and(|at| {
            sent_at.saturating_duration_since(at) > retry.give_up_after + longest_pause
        });
        if stale {
            self.failing_since = None;
        }
        self.failing_since.get_or_insert(now);
        self.last_failure = Some(now);
        self.last_error = Some((fault.kind, fault.line()));
    }

    /// From when on the pool may give this endpoint up: `None` while it works or may still, else an instant.
    pub(crate) fn hopeless_at(&self, retry: &Retry) -> Option<Instant> {
        let by_failing = self.failing_since? + retry.give_up_after;
        // An endpoint that said when to come back is asked then.
        let asked = self.cool_until.filter(|_| self.cool_asked);
        Some(asked.map_or(by_failing, |until| by_failing.max(until)))
    }

    /// What it has done so far.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            served: self.counts.succeeded,
            failed: self.counts.failed,
        }
    }

    /// The weight's share that recent failures leave, in `(0, 1]`.
    pub(crate) fn health(&self) -> f64 {
        (1.0 - self.failure_rate).max(MIN_HEALTH)
    }

    /// How long it will be left alone, if it is.
    pub(crate) fn paused_for(&self, now: Instant) -> Option<Duration> {
        let open = match self.breaker.gate(now) {
            Gate::At(until) => Some(until),
            _ => None,
        };
        let until = self.cool_until.max(open)?;
        until
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}
