//! Vectors of texts: one batch in, one vector for each text out.
//!
//! ```text
//! texts ─> parts that the endpoint takes ─> POST {base}/embeddings ─┬─ vectors, checked ─────> in the order of the texts
//!               ^                                                   ├─ 429, 5xx, cut: pause, again
//!               └────────────── half as many ───────────────────────┤
//!                                                                   └─ refused, or no such answer: error
//! ```
//!
//! The pool, the pauses, the classification of errors and the hiding of keys are those of chat. Nothing is journaled: whoever
//! asks keeps the vectors, and asks again only for those that it has not.

pub(crate) mod answer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use forgemark_contract::json::{Style, Writer};
use reqwest::header::HeaderValue;

use self::answer::{Answered, read};
use crate::adapt::{Accepts, Sent};
use crate::caller::Clock;
use crate::chat::ChatRequest;
use crate::chat::reply::excerpt;
use crate::config::{BuildError, EndpointConfig, HttpConfig, Params, Retry, RoleParams, Wire};
use crate::endpoint::Endpoint;
use crate::http::{Clients, RawAnswer, post};
use crate::pool::{Ask, EndpointError, Pool};
use crate::retry::{bounded, pauses};
use crate::secret::Scrubber;
use crate::wire::{Answer, ErrorKind, Fault, classify, classify_inner};

/// Bytes of text a token, roughly, for limits of tokens a minute.
const BYTES_PER_TOKEN: usize = 4;

/// Vectors on their way.
pub type Embedding<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Vec<f32>>, EmbedError>> + Send + 'a>>;

/// What makes vectors of texts.
pub trait Embed: Send + Sync {
    /// The vectors of `texts`, in their order, all of one length and of finite numbers.
    ///
    /// # Errors
    /// [`EmbedError`].
    ///
    /// # Cancel safety
    /// Dropping it abandons a call in flight, which may be paid for.
    fn embed<'a>(&'a self, texts: &'a [String]) -> Embedding<'a>;

    /// What was spent so far.
    fn spent(&self) -> Spent;
}

/// What vectors cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Calls that were answered.
    pub calls: u64,
    /// Attempts that failed and were made again.
    pub retries: u64,
    /// Tokens, as far as the endpoint says.
    pub tokens: u64,
    /// Calls whose tokens it did not say.
    pub uncounted: u64,
}

/// Why there are no vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The endpoint cannot be used, or failed for too long.
    #[error(transparent)]
    Unusable(EndpointError),
    /// The endpoint takes these texts in no smaller number either.
    #[error("{} refused: {error}; the text begins with {begins:?} and has {bytes} bytes", match texts { 1 => "a text was".to_owned(), n => format!("{n} texts were") })]
    Refused {
        /// The kind of refusal.
        kind: ErrorKind,
        /// What it said, without secrets.
        error: String,
        /// How many texts were sent.
        texts: usize,
        /// The first words of the first.
        begins: String,
        /// The length of the first.
        bytes: usize,
    },
    /// The answer holds no such vectors.
    #[error("the answer to {texts} texts cannot be used: {what}")]
    Answer {
        /// How many texts were sent.
        texts: usize,
        /// What is wrong.
        what: Wrong,
    },
}

/// What is wrong with an answer that came as a success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not a vector for each text.
    #[error("{found} vectors came back")]
    Count {
        /// How many there were.
        found: usize,
    },
    /// Two vectors for one text, or one for a text that was not sent.
    #[error("item {item} has the index {index}")]
    Index {
        /// The position in the answer.
        item: usize,
        /// What it says.
        index: i64,
    },
    /// A vector of another length.
    #[error("the vector of text {text} has {found} values and not {expected}")]
    Length {
        /// The position of the text.
        text: usize,
        /// Its length.
        found: usize,
        /// The length that was asked for, or that of the first vector.
        expected: usize,
    },
    /// Something else than a list of numbers, or a number that is not finite as 32 bits.
    #[error("the vector of text {text} {what}")]
    Value {
        /// The position of the text.
        text: usize,
        /// What stands there.
        what: String,
    },
}

/// A model behind an OpenAI-compatible `/embeddings`.
pub struct HttpEmbedder {
    model: String,
    dimensions: Option<u32>,
    pool: Pool,
    scrubber: Scrubber,
    clock: Clock,
    max_body: usize,
    params: RoleParams,
    request: ChatRequest,
    /// Texts of a call that the endpoint takes, as far as is known.
    most: AtomicUsize,
    /// The length of all vectors; 0 before the first.
    length: AtomicUsize,
    calls: AtomicU64,
    retries: AtomicU64,
    tokens: AtomicU64,
    uncounted: AtomicU64,
}

impl fmt::Debug for HttpEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEmbedder")
            .field("model", &self.model)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

impl HttpEmbedder {
    /// The model of this name at an endpoint, whose base address may end in `/embeddings`. `dimensions` are asked for where
    /// given; else the vectors are as long as the model makes them. Sends nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] where the endpoint cannot be used as it is configured.
    pub fn new(
        model: &str,
        dimensions: Option<u32>,
        config: &EndpointConfig,
        http: &HttpConfig,
        retry: Retry,
        clock: Clock,
    ) -> Result<Self, BuildError> {
        if config.wire == Wire::Anthropic {
            return Err(BuildError::Endpoint {
                model: model.to_owned(),
                endpoint: config.name.clone(),
                what: "Anthropic's protocol has no vectors".to_owned(),
            });
        }
        let base = config.base_url.trim().trim_end_matches('/');
        let config = EndpointConfig {
            base_url: base.strip_suffix("/embeddings").unwrap_or(base).to_owned(),
            ..config.clone()
        };
        let mut clients = Clients::new(http, 1);
        let mut endpoint = Endpoint::new(model, model, &config, &http.user_agent, |url| {
            clients.get(url)
        })?;
        endpoint.url = endpoint.beside("/embeddings");
        let headers = config.headers.iter().map(|(_, value)| value);
        Ok(HttpEmbedder {
            model: config.model.as_deref().unwrap_or(model).to_owned(),
            dimensions,
            scrubber: Scrubber::new(config.api_key.iter().chain(headers)),
            pool: Pool::new(model.to_owned(), retry, vec![endpoint], &[config]),
            clock,
            max_body: http.max_body,
            params: RoleParams::plain(Params::default()),
            request: ChatRequest::new(Vec::new(), 0),
            most: AtomicUsize::new(usize::MAX),
            length: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            uncounted: AtomicU64::new(0),
        })
    }

    async fn all(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        while let Some(rest) = texts.get(vectors.len()..).filter(|rest| !rest.is_empty()) {
            let most = self.most.load(Ordering::Relaxed).max(1);
            let part = rest.get(..most.min(rest.len())).unwrap_or(rest);
            match self.call(part).await? {
                Ok(found) => vectors.extend(found),
                // Many texts together may be too many or too long where each alone is not.
                Err(_) if part.len() > 1 => self.most.store(part.len() / 2, Ordering::Relaxed),
                Err(fault) => return Err(refused(&fault, part)),
            }
        }
        Ok(vectors)
    }

    /// The vectors of texts that go together, or why the endpoint does not take them so.
    async fn call(&self, texts: &[String]) -> Result<Result<Vec<Vec<f32>>, Fault>, EmbedError> {
        let body = self.body(texts);
        let hash = blake3::hash(&body);
        let key = HeaderValue::from_str(&hash.to_hex()).unwrap_or(HeaderValue::from_static(""));
        let bytes: usize = texts.iter().map(String::len).sum();
        let ask = Ask {
            conversation: 0,
            tokens: (bytes / BYTES_PER_TOKEN) as f64,
            tried: 0,
        };
        let seed = hash.as_bytes().first_chunk::<8>().copied();
        let mut pauses = pauses(&self.pool.retry, seed.map_or(0, u64::from_le_bytes));
        let mut number = 0;
        loop {
            let permit = self.pool.acquire(&ask).await;
            let permit = permit.map_err(|_| EmbedError::Unusable(self.pool.error()))?;
            let Some(endpoint) = permit.endpoint() else {
                return Err(EmbedError::Unusable(self.pool.error()));
            };
            let sending = post(endpoint, body.clone(), &key, number, self.max_body);
            let limit = self.pool.retry.attempt_timeout;
            let result = bounded(&self.scrubber, sending, limit, |raw| {
                self.judge(raw, texts.len())
            });
            match result.await {
                Ok(answered) => {
                    permit.succeed(answered.tokens);
                    return self.book(answered, texts.len()).map(Ok);
                }
                Err(fault) => {
                    permit.fail(&fault);
                    let kind = fault.kind;
                    if kind.is_about_request() {
                        return Ok(Err(fault));
                    }
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    number = number.saturating_add(1);
                    // What the endpoint itself says of when to come back is the pool's to know.
                    if kind.is_transient() && kind != ErrorKind::RateLimited {
                        let pause = pauses.next().unwrap_or(self.pool.retry.max_backoff);
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        }
    }

    fn body(&self, texts: &[String]) -> Bytes {
        let mut out = Vec::with_capacity(texts.iter().map(String::len).sum::<usize>() + 256);
        let mut w = Writer::new(&mut out, Style::COMPACT);
        w.begin_object();
        w.field("model", self.model.as_str());
        w.field("input", texts);
        if let Some(dimensions) = &self.dimensions {
            w.field("dimensions", dimensions);
        }
        w.field("encoding_format", "float");
        w.end_object();
        Bytes::from(out)
    }

    fn judge(&self, raw: RawAnswer, texts: usize) -> Result<Answered, Fault> {
        let sent = Sent {
            wire: Wire::OpenAi,
            accepts: Accepts::everything(),
            request: &self.request,
            params: &self.params,
        };
        let answer = Answer {
            status: raw.status,
            headers: &raw.headers,
            body: raw.body,
            now: (self.clock)(),
        };
        if !raw.status.is_success() {
            return Err(classify(&answer, &sent));
        }
        match read(&answer.body, texts) {
            Ok(answered) => Ok(answered),
            Err(answer::Unreadable::Error(error)) => Err(classify_inner(&answer, &error, &sent)),
            Err(answer::Unreadable::NoAnswer(what)) => Err(Fault {
                status: Some(raw.status.as_u16()),
                body: answer.body.clone(),
                ..Fault::transport(ErrorKind::NotChat, what)
            }),
        }
    }

    /// Counts an answer, and holds it against what was asked for and what came before.
    fn book(&self, answered: Answered, texts: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match answered.tokens {
            Some(tokens) => self.tokens.fetch_add(tokens, Ordering::Relaxed),
            None => self.uncounted.fetch_add(1, Ordering::Relaxed),
        };
        let wrong = |what| EmbedError::Answer { texts, what };
        let vectors = answered.vectors.map_err(wrong)?;
        let before = self.length.load(Ordering::Relaxed);
        let expected = match (self.dimensions, before) {
            (Some(asked), _) => asked as usize,
            (None, 0) => vectors.first().map_or(0, Vec::len),
            (None, before) => before,
        };
        let other = vectors.iter().position(|vector| vector.len() != expected);
        if let Some((text, vector)) = other.and_then(|text| Some((text, vectors.get(text)?))) {
            let found = vector.len();
            return Err(wrong(Wrong::Length {
                text,
                found,
                expected,
            }));
        }
        self.length.store(expected, Ordering::Relaxed);
        Ok(vectors)
    }
}

impl Embed for HttpEmbedder {
    fn embed<'a>(&'a self, texts: &'a [String]) -> Embedding<'a> {
        Box::pin(self.all(texts))
    }

    fn spent(&self) -> Spent {
        Spent {
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            tokens: self.tokens.load(Ordering::Relaxed),
            uncounted: self.uncounted.load(Ordering::Relaxed),
        }
    }
}

fn refused(fault: &Fault, texts: &[String]) -> EmbedError {
    let first = texts.first().map_or("", String::as_str);
    EmbedError::Refused {
        kind: fault.kind,
        error: fault.line(),
        texts: texts.len(),
        begins: excerpt(first.as_bytes()),
        bytes: first.len(),
    }
}
