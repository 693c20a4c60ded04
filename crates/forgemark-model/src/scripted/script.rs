//! The script: what a scripted model says, how long it takes and what goes wrong.
//!
//! ```yaml
//! seed: 7                       # every choice follows from seed, request and attempt
//! models: [scripted-1]          # what GET /v1/models lists; any name is answered
//! dimensions: 64                # of the vectors that POST /v1/embeddings answers with; they follow from the texts
//! word_vectors: true            # ... and texts of the same words are near each other
//! reply_bytes: 1500             # replies are padded to this size
//! latency: {log_normal_ms: {p5: 50, p95: 500, min: 50, max: 500}}
//! stall_rate: 0.01              # one request in a hundred takes stall_ms longer
//! stall_ms: 5000
//! storm_s: 60                   # 429 for a minute from the first call on
//! storm_retry_after_s: 1
//! dialogue: {conflict_rate: 0.01, paraphrase_rate: 0.005, shared_questions: 16, min_score: 6, max_score: 10}
//! faults:                       # the first that strikes
//!   - {kind: rate_limit, retry_after_s: 1, rate: 0.02}
//!   - {kind: context_length, over_bytes: 40000}
//!   - {kind: cut_mid_body, attempts: [1], rate: 0.01}
//! batches:                      # the first batch is played by the first entry, those beyond the list by the last
//!   - {polls: 2, end: expired, finish: 0.5}
//!   - {polls: 1, end: completed, in_order: true, cut_submit: true}
//! rules:                        # the first that matches; what it leaves out comes from above
//!   - match: {role: judge_turn, contains: "Question: why", model: big}
//!     reply: {json: {score: "{n}", reasons: ["{passage}"], notes: "", question_ok: true, answer_ok: true}}
//!     fail: [503, rate_limit, ok]   # first, second and third attempt
//!   - match: {contains: weather}
//!     reply:
//!       - {text: "Sunny, says {topic_id}."}
//!       - {tool_call: {name: weather, arguments: {city: "{question}"}}}
//! roles:                        # short for a rule on a role, tried after the rules
//!   user_turn: {latency: 20, faults: []}
//! ```
//!
//! Without a `reply`, the ready-made dialogue replies answer (`builtin: dialogue`).
//!
//! A fault is named by its [`Fault`] variant in snake case, or by its status: `503`, `stall`,
//! `{kind: status, status: 503, retry_after_s: 2}`, `{kind: rate_limit, retry_after_s: 1}`,
//! `{kind: unsupported_parameter, parameter: response_format, value: json_schema}`,
//! `{kind: large_reply, bytes: 8388608}`, `{kind: slow_body, pieces: 8, interval_ms: 50}`. In
//! `faults` each may have `rate`, `attempts` and `over_bytes`; see [`FaultRule`].

mod place;
mod read;
mod read_fault;

use forgemark_contract::json::Json;

use super::dialogue::Dialogue;
use super::fault::{Fault, FaultRule};
use super::latency::Latency;

/// A whole script. Build it here or read it with [`Script::from_json`].
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Seed of every choice.
    pub seed: u64,
    /// Model names that `GET /v1/models` lists. Requests may name any model.
    pub models: Vec<String>,
    /// The ready-made dialogue replies.
    pub dialogue: Dialogue,
    /// The length of vectors where a request does not ask for one, from 1 to 16,384.
    pub dimensions: u32,
    /// Whether vectors are sums over the words of a text, so that texts with the same words are near; else any two texts are
    /// far apart.
    pub word_vectors: bool,
    /// A time of 429 at the start; HTTP server only.
    pub storm: Option<Storm>,
    /// How batches are played, by the order in which they come; the last entry is for all further ones. HTTP server only.
    pub batches: Vec<BatchPlay>,
    /// Tried in order; the first that matches decides.
    pub rules: Vec<Rule>,
    /// For requests that no rule matches, and for what a rule leaves out.
    pub otherwise: Behaviour,
}

/// A window of wall time in which every chat call gets 429: the only behaviour that depends on
/// the time. It begins with the first chat call that the server gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storm {
    /// Length in seconds.
    pub seconds: f64,
    /// Value of `Retry-After`; no header when absent.
    pub retry_after_s: Option<u32>,
}

/// How a batch goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchPlay {
    /// How often it is looked at before it has ended.
    pub polls: u32,
    /// How it ends.
    pub end: BatchEnd,
    /// Probability in `[0, 1]` for each call that it was finished by then.
    pub finish: f64,
    /// Whether results stand in the order of the calls; else in one that follows from the seed.
    pub in_order: bool,
    /// The batch is taken, and the connection closed before anybody is told so.
    pub cut_submit: bool,
}

impl BatchPlay {
    /// Ends after one look with every call finished, results in another order.
    pub const PLAIN: Self = Self {
        polls: 1,
        end: BatchEnd::Completed,
        finish: 1.0,
        in_order: false,
        cut_submit: false,
    };

    /// Ends like this with each call finished at this rate.
    pub fn partial(end: BatchEnd, finish: f64) -> Self {
        Self {
            end,
            finish,
            ..Self::PLAIN
        }
    }
}

/// How a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// As it should; calls that are not finished have an error.
    Completed,
    /// Its time was over.
    Expired,
    /// Somebody cancelled it.
    Cancelled,
    /// It was found to be faulty, and no call was made.
    Failed,
}

impl BatchEnd {
    /// The word in scripts and in `OpenAI`'s protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The end of this word.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [
            Self::Completed,
            Self::Expired,
            Self::Cancelled,
            Self::Failed,
        ]
        .into_iter()
        .find(|end| end.as_str() == word)
    }
}

/// A behaviour for some requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which requests.
    pub matcher: Matcher,
    /// What happens to them.
    pub behaviour: Behaviour,
}

/// Which requests a rule is for: all that satisfy every condition given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// Name of the response format's JSON schema (or what stands for it, see
    /// [`super::Scripted::role`]).
    pub role: Option<String>,
    /// Value of `model`.
    pub model: Option<String>,
    /// Texts that all stand in one of the request's strings.
    pub contains: Vec<String>,
}

impl Matcher {
    /// Every request.
    pub const ANY: Self = Self {
        role: None,
        model: None,
        contains: Vec::new(),
    };

    /// Requests of a role.
    pub fn role(role: &str) -> Self {
        Self {
            role: Some(role.to_owned()),
            ..Self::ANY
        }
    }

    /// Requests for a model.
    pub fn model(model: &str) -> Self {
        Self {
            model: Some(model.to_owned()),
            ..Self::ANY
        }
    }

    /// Requests with this text in one of their strings.
    pub fn contains(text: &str) -> Self {
        Self {
            contains: vec![text.to_owned()],
            ..Self::ANY
        }
    }
}

/// What is said, when, and what goes wrong. What is `None` comes from [`Script::otherwise`].
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// The replies to choose from. A tool call is chosen when the request offers tools and has no
    /// tool result behind its last user message; another reply when not.
    pub replies: Option<Vec<Reply>>,
    /// Time to the reply.
    pub latency: Option<Latency>,
    /// Replies that take longer.
    pub stall: Option<Stall>,
    /// Size that a completion's body is padded to, in bytes. Ready-made replies grow in a text
    /// that nothing is measured on; scripted ones stay as they are, and the body gets a member
    /// `padding`.
    pub reply_bytes: Option<usize>,
    /// The fault of the first attempt, the second and so on (`None`: none); attempts beyond the
    /// list are subject to `faults`.
    pub fail: Option<Vec<Option<Fault>>>,
    /// The first that strikes is the fault of the attempt.
    pub faults: Option<Vec<FaultRule>>,
}

/// A share of replies that take longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// Probability in `[0, 1]`.
    pub rate: f64,
    /// Time on top of the latency, in milliseconds.
    pub ms: f64,
}

/// Something to say. Texts, and strings inside JSON, may hold placeholders: `{hash8}`, `{n}` (0 to
/// 9; a JSON string that is just `{n}` becomes a number), `{topic_id}`, `{first_topic_id}`,
/// `{passage}`, `{source}`, `{question}`. `{{n}}` is the text `{n}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Plain text.
    Text(String),
    /// A JSON value, written without spaces.
    Json(Json),
    /// A call of a tool.
    ToolCall {
        /// The tool.
        name: String,
        /// Its arguments: an object, or a string with the arguments' text.
        arguments: Json,
    },
    /// Valid replies of the four dialogue roles, text for any other request, and a search first
    /// where the assistant is offered tools.
    Dialogue,
}

impl Script {
    /// A script that answers every request at once with the ready-made dialogue replies.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            models: vec!["scripted-1".to_owned()],
            dialogue: Dialogue::PLAIN,
            dimensions: 64,
            word_vectors: false,
            storm: None,
            batches: vec![BatchPlay::PLAIN],
            rules: Vec::new(),
            otherwise: Behaviour::NONE,
        }
    }

    /// Adds a rule behind the others.
    #[must_use]
    pub fn rule(mut self, matcher: Matcher, behaviour: Behaviour) -> Self {
        self.rules.push(Rule { matcher, behaviour });
        self
    }

    /// Replaces the behaviour that rules fall back on.
    #[must_use]
    pub fn otherwise(mut self, behaviour: Behaviour) -> Self {
        self.otherwise = behaviour;
        self
    }

    /// Replaces the settings of the ready-made dialogue replies.
    #[must_use]
    pub fn dialogue(mut self, dialogue: Dialogue) -> Self {
        self.dialogue = dialogue;
        self
    }

    /// Starts with a window of 429.
    #[must_use]
    pub fn storm(mut self, seconds: f64, retry_after_s: Option<u32>) -> Self {
        self.storm = Some(Storm {
            seconds,
            retry_after_s,
        });
        self
    }

    /// Replaces how batches are played.
    #[must_use]
    pub fn batches(mut self, plays: impl IntoIterator<Item = BatchPlay>) -> Self {
        self.batches = plays.into_iter().collect();
        self
    }

    /// Reads a script; see the module for its shape.
    ///
    /// # Errors
    /// The first key that is unknown, or value that is of the wrong type or out of range.
    pub fn from_json(value: &Json) -> Result<Self, ScriptError> {
        read::script(value)
    }
}

impl Behaviour {
    /// Leaves everything open.
    pub const NONE: Self = Self {
        replies: None,
        latency: None,
        stall: None,
        reply_bytes: None,
        fail: None,
        faults: None,
    };

    /// Says this text.
    pub fn text(text: &str) -> Self {
        Self::NONE.reply(Reply::Text(text.to_owned()))
    }

    /// Adds a reply to choose from.
    #[must_use]
    pub fn reply(mut self, reply: Reply) -> Self {
        self.replies.get_or_insert_default().push(reply);
        self
    }

    /// Sets the time to the reply.
    #[must_use]
    pub fn latency(mut self, latency: Latency) -> Self {
        self.latency = Some(latency);
        self
    }

    /// Makes a share of the replies take `ms` longer.
    #[must_use]
    pub fn stall(mut self, rate: f64, ms: f64) -> Self {
        self.stall = Some(Stall { rate, ms });
        self
    }

    /// Pads completions to this size.
    #[must_use]
    pub fn reply_bytes(mut self, bytes: usize) -> Self {
        self.reply_bytes = Some(bytes);
        self
    }

    /// Sets the faults of the first attempts.
    #[must_use]
    pub fn fail(mut self, faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        self.fail = Some(faults.into_iter().collect());
        self
    }

    /// Adds a fault behind the others.
    #[must_use]
    pub fn fault(mut self, fault: FaultRule) -> Self {
        self.faults.get_or_insert_default().push(fault);
        self
    }

    /// Every attempt of every request has this fault.
    #[must_use]
    pub fn always(self, fault: Fault) -> Self {
        self.fault(FaultRule::at_rate(fault, 1.0))
    }
}

/// A script that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("script: {path}: {what}")]
pub struct ScriptError {
    /// Where: `rules[0].latency`; `script` for the whole.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl ScriptError {
    pub(super) fn new(path: &str, what: impl Into<String>) -> Self {
        let path = if path.is_empty() { "script" } else { path };
        Self {
            path: path.to_owned(),
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests;
