//! What an endpoint's failure means. This is the only place that looks at status codes and error texts.
//!
//! | answer | kind | then |
//! |---|---|---|
//! | 429, 529 | rate limited | the endpoint cools as long as it asks, its limit is cut once, the call goes on |
//! | 429 or other with `insufficient_quota` and the like, 402 | no credit | endpoint unusable |
//! | 401, 403, or 400 about the key | key refused | endpoint unusable |
//! | 404 or 400 about the model | no such model | endpoint unusable |
//! | 404, 405, 3xx otherwise | no chat completions at this address | endpoint unusable, unless it has served before |
//! | tools not offered by the server | no tools | endpoint unusable |
//! | 400, 413 about the length | context length | oldest droppable messages are dropped |
//! | 400, 422 about a parameter that was sent | unsupported | parameter dropped or renamed, sent again |
//! | 400, 403 about the content | content filter | typed failure |
//! | other 4xx | invalid request | typed failure when the endpoint serves others |
//! | 5xx, 408, 409, 425 | server error | retried |
//! | 200 that is no chat completion | no chat | retried |
//! | no connection, cut connection, timeout | transport | retried |
//!
//! Sources: the error pages of `OpenAI` (<https://platform.openai.com/docs/guides/error-codes>), Anthropic, Mistral, Gemini,
//! `DeepSeek`, Groq and `OpenRouter`, and the sources of `vLLM`, llama.cpp, Ollama, LM Studio and TGI.

mod refused;
pub(crate) mod retry_after;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::json::{Json, parse};
use forgemark_contract::time::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::adapt::{Feature, Sent};
use crate::chat::reply::excerpt;

/// The closed set of ways in which an attempt fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Too many requests or tokens; later it works.
    RateLimited,
    /// The account has no credit.
    NoCredit,
    /// The key is refused.
    Auth,
    /// The endpoint does not have the model.
    NoModel,
    /// There are no chat completions, or no embeddings, at this address.
    NoRoute,
    /// The server or the model takes no tools.
    NoTools,
    /// The request is longer than the context.
    ContextLength,
    /// A parameter is refused.
    Unsupported,
    /// A filter refuses the request.
    ContentFilter,
    /// The request is refused for another reason.
    InvalidRequest,
    /// The server failed.
    Server,
    /// The body of a success is no chat completion, or no list of vectors where those were asked for.
    NotChat,
    /// No connection.
    Connect,
    /// The connection broke before the end of the body.
    Cut,
    /// No answer in time.
    Timeout,
}

impl ErrorKind {
    /// A few words for messages and the attempt history.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::RateLimited => "rate limited",
            ErrorKind::NoCredit => "no credit left",
            ErrorKind::Auth => "key refused",
            ErrorKind::NoModel => "model not found",
            ErrorKind::NoRoute => "no such service at this address",
            ErrorKind::NoTools => "no tool calls here",
            ErrorKind::ContextLength => "context length exceeded",
            ErrorKind::Unsupported => "parameter refused",
            ErrorKind::ContentFilter => "content filter",
            ErrorKind::InvalidRequest => "invalid request",
            ErrorKind::Server => "server error",
            ErrorKind::NotChat => "no answer of a model",
            ErrorKind::Connect => "no connection",
            ErrorKind::Cut => "connection cut",
            ErrorKind::Timeout => "timeout",
        }
    }

    /// The kind of these words.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [
            ErrorKind::RateLimited,
            ErrorKind::NoCredit,
            ErrorKind::Auth,
            ErrorKind::NoModel,
            ErrorKind::NoRoute,
            ErrorKind::NoTools,
            ErrorKind::ContextLength,
            ErrorKind::Unsupported,
            ErrorKind::ContentFilter,
            ErrorKind::InvalidRequest,
            ErrorKind::Server,
            ErrorKind::NotChat,
            ErrorKind::Connect,
            ErrorKind::Cut,
            ErrorKind::Timeout,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// Whether the endpoint itself says that no call can work, so that waiting does not help.
    pub fn is_unusable(self) -> bool {
        matches!(
            self,
            ErrorKind::NoCredit
                | ErrorKind::Auth
                | ErrorKind::NoModel
                | ErrorKind::NoRoute
                | ErrorKind::NoTools
        )
    }

    /// Whether the endpoint works and only finds fault with the request.
    pub(crate) fn is_about_request(self) -> bool {
        matches!(
            self,
            ErrorKind::ContextLength
                | ErrorKind::Unsupported
                | ErrorKind::ContentFilter
                | ErrorKind::InvalidRequest
        )
    }

    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_transient(self) -> bool {
        !self.is_unusable() && !self.is_about_request()
    }

    /// Whether the endpoint received the request and answered it with an error of its own.
    pub(crate) fn is_answered_failure(self) -> bool {
        matches!(self, ErrorKind::Server | ErrorKind::NotChat)
    }
}

/// One failed attempt.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) status: Option<u16>,
    /// How long the endpoint asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// What it says, without secrets once it has passed the scrubber.
    pub(crate) detail: String,
    /// The raw body of the error.
    pub(crate) body: Bytes,
    /// For [`ErrorKind::Unsupported`]: which parameter.
    pub(crate) refused: Option<Feature>,
}

impl Fault {
    /// A failure of the transport.
    pub(crate) fn transport(kind: ErrorKind, detail: String) -> Self {
        Fault {
            kind,
            status: None,
            retry_after: None,
            detail,
            body: Bytes::new(),
            refused: None,
        }
    }

    /// One line for messages and the attempt history.
    pub(crate) fn line(&self) -> String {
        let kind = self.kind.as_str();
        match (self.status, self.detail.is_empty()) {
            (Some(status), false) => format!("{kind} ({status}): {}", self.detail),
            (Some(status), true) => format!("{kind} ({status})"),
            (None, false) => format!("{kind}: {}", self.detail),
            (None, true) => kind.to_owned(),
        }
    }
}

/// An answer that was no success, or an error inside a success.
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
    /// When it came.
    pub(crate) now: Timestamp,
}

/// What an error says, whatever its shape.
#[derive(Debug, Default)]
struct ErrorText {
    message: String,
    /// Type, code and status words in lower case, separated by spaces.
    code: String,
    /// The parameter that it names.
    param: String,
    /// A status number in the body, for errors that come with a 200.
    number: Option<u16>,
    /// A JSON error at all, as opposed to a page of a proxy.
    json: bool,
}

/// Classifies an answer with an error status. `sent` says what the body held.
pub(crate) fn classify(answer: &Answer<'_>, sent: &Sent<'_>) -> Fault {
    let text = match parse(&answer.body) {
        Ok(json) => ErrorText::of(&json),
        Err(_) => ErrorText {
            message: excerpt(&answer.body),
            ..ErrorText::default()
        },
    };
    fault(answer, answer.status.as_u16(), &text, sent)
}

/// Classifies an error object inside a 200 body.
pub(crate) fn classify_inner(answer: &Answer<'_>, error: &Json, sent: &Sent<'_>) -> Fault {
    let text = ErrorText::of(error);
    // Without a number of its own it is the server's failure.
    let status = text.number.filter(|number| *number >= 400).unwrap_or(500);
    fault(answer, status, &text, sent)
}

fn fault(answer: &Answer<'_>, status: u16, text: &ErrorText, sent: &Sent<'_>) -> Fault {
    let lower = text.message.to_lowercase();
    let (kind, refused) = kind_of(status, text, &lower, sent);
    let retry_after = match kind {
        ErrorKind::RateLimited | ErrorKind::Server => {
            retry_after::find(answer.headers, &answer.body, &lower, answer.now)
        }
        _ => None,
    };
    Fault {
        kind,
        status: Some(status),
        retry_after,
        detail: shorten(&text.message),
        body: answer.body.clone(),
        refused,
    }
}

fn kind_of(
    status: u16,
    text: &ErrorText,
    lower: &str,
    sent: &Sent<'_>,
) -> (ErrorKind, Option<Feature>) {
    let any = |words: &[&str]| {
        words
            .iter()
            .any(|word| lower.contains(word) || text.code.contains(word))
    };
    let plain = |kind| (kind, None);
    if status == 402 || any(NO_CREDIT) {
        return plain(ErrorKind::NoCredit);
    }
    // 529 is Anthropic's 429 for everybody: the service has more than it bears.
    if status == 429 || status == 529 {
        return plain(ErrorKind::RateLimited);
    }
    if (400..500).contains(&status) && any(TOOLS_REFUSED) && sent.has_tools() {
        return plain(ErrorKind::NoTools);
    }
    match status {
        401 => plain(ErrorKind::Auth),
        403 if any(FILTERED) => plain(ErrorKind::ContentFilter),
        403 | 407 => plain(ErrorKind::Auth),
        404 if text.json && any(&["model"]) => plain(ErrorKind::NoModel),
        404 | 405 | 410 => plain(ErrorKind::NoRoute),
        300..=399 => plain(ErrorKind::NoRoute),
        // A conflict, an early or a slow request: the standard says to send it again.
        408 | 409 | 425 => plain(ErrorKind::Server),
        400..=499 if any(TOO_LONG) || status == 413 => plain(ErrorKind::ContextLength),
        400..=499 if any(BAD_KEY) => plain(ErrorKind::Auth),
        400..=499 if any(NO_SUCH_MODEL) => plain(ErrorKind::NoModel),
        400..=499 if any(FILTERED) => plain(ErrorKind::ContentFilter),
        400..=499 => match refused::find(text, lower, sent) {
            Some(feature) => (ErrorKind::Unsupported, Some(feature)),
            None => plain(ErrorKind::InvalidRequest),
        },
        // llama.cpp and some proxies answer 500 or 501 to what they do not know.
        500 | 501 if refused::says_unsupported(lower) => match refused::find(text, lower, sent) {
            Some(feature) => (ErrorKind::Unsupported, Some(feature)),
            None => plain(ErrorKind::Server),
        },
        500 if any(TOO_LONG) => plain(ErrorKind::ContextLength),
        _ => plain(ErrorKind::Server),
    }
}

const NO_CREDIT: &[&str] = &[
    "insufficient_quota",
    "insufficient balance",
    "insufficient_balance",
    "insufficient credit",
    "insufficient_credit",
    "insufficient funds",
    "credit balance is too low",
    "billing_hard_limit_reached",
    "billing hard limit",
    "billing_not_active",
];

const TOOLS_REFUSED: &[&str] = &[
    "does not support tools",
    "does not support function calling",
    "support tool use",
    "tools are not supported",
    "tool use is not supported",
    "tool calling is not supported",
    "enable-auto-tool-choice",
    "tool-call-parser",
    "tools param requires --jinja",
];

const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context length",
    "context window",
    "context size",
    "max_model_len",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "exceeds the maximum number of tokens",
    "reduce the length of the messages",
    "inputs tokens + max_new_tokens",
    "inputs` tokens + `max_new_tokens",
    "request too large",
    "request_too_large",
    "exceed context limit",
];

const BAD_KEY: &[&str] = &[
    "api key not valid",
    "invalid api key",
    "invalid_api_key",
    "incorrect api key",
    "api_key_invalid",
    "authentication_error",
];

const NO_SUCH_MODEL: &[&str] = &[
    "model_not_found",
    "is not a valid model id",
    "model not exist",
    "no such model",
    "unknown model",
    "invalid model name",
    "invalid_model",
];

const FILTERED: &[&str] = &[
    "content_filter",
    "content_policy",
    "content filtering policy",
    "content management policy",
    "data_inspection_failed",
    "moderation",
    "flagged",
    "safety system",
    "prohibited_content",
];

impl ErrorText {
    /// Reads the shapes that are in use: `{"error": {…}}`, `{"error": "…"}`, the same in an array (Gemini), fields at the top
    /// (vLLM, Mistral), `{"detail": …}` (`FastAPI`), and the error object itself.
    fn of(json: &Json) -> Self {
        let json = json.as_array().and_then(<[Json]>::first).unwrap_or(json);
        let error = match json.at("error") {
            Json::Null => json,
            error => error,
        };
        let mut text = ErrorText {
            json: true,
            ..ErrorText::default()
        };
        if let Some(message) = error.as_str() {
            message.clone_into(&mut text.message);
        }
        text.add_message(error.at("message"));
        text.add_message(json.at("detail"));
        text.add_message(error.at("detail"));
        // OpenRouter wraps what the provider behind it said.
        if let Some(raw) = error.at("metadata").at("raw").to_text() {
            text.add_text(&raw);
        }
        for value in [
            error.at("type"),
            error.at("code"),
            error.at("status"),
            error.at("error_type"),
            json.at("error_type"),
        ] {
            match value {
                Json::Str(word) => {
                    text.code.push(' ');
                    text.code.push_str(&word.to_lowercase());
                }
                Json::Int(number) => text.number = u16::try_from(*number).ok(),
                _ => {}
            }
        }
        if text.number.is_none() {
            text.number = error.at("code").as_str().and_then(|code| code.parse().ok());
        }
        if let Some(param) = error.at("param").as_str() {
            param.clone_into(&mut text.param);
        }
        if text.message.is_empty() {
            text.message = excerpt(&forgemark_contract::json::to_compact(json));
        }
        text
    }

    /// A message may be text, a list of validation errors (`loc`, `msg`), or an object around one.
    fn add_message(&mut self, value: &Json) {
        match value {
            Json::Str(part) => self.add_text(part),
            Json::Array(items) => {
                for item in items.iter().take(8) {
                    if let Some(part) = item.as_str() {
                        self.add_text(part);
                        continue;
                    }
                    let place: Vec<&str> =
                        item.items("loc").iter().filter_map(Json::as_str).collect();
                    let part = format!(
                        "{}: {} {}",
                        place.join("."),
                        item.str_or("msg", ""),
                        item.str_or("type", "")
                    );
                    self.add_text(part.trim());
                    if self.param.is_empty()
                        && let Some(last) = place.last()
                    {
                        (*last).clone_into(&mut self.param);
                    }
                }
            }
            Json::Object(_) => self.add_message(value.at("detail")),
            _ => {}
        }
    }

    fn add_text(&mut self, part: &str) {
        if !self.message.is_empty() {
            self.message.push_str("; ");
        }
        self.message.push_str(part);
    }
}

/// One line of at most 300 characters.
fn shorten(message: &str) -> String {
    let mut line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 300 {
        line = line.chars().take(300).collect();
        line.push('…');
    }
    line
}
