//! From a request to its scripted reply, as a pure function.

mod compile;
mod refusal;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::completion::{self, Answer, ToolCall};
use super::dialogue::{self, Content, Dialogue};
use super::error_body;
use super::fault::{self, Facts, Fault};
use super::ground::Ground;
use super::hash::{Draws, Purpose, hash128};
use super::latency::{Latency, milliseconds};
use super::scan::{self, Scan, scan};
use super::script::{Behaviour, Matcher, Reply, Rule, Script, ScriptError, Stall};
use super::services::{Ranking, Search};
use super::vectors::Asked;
use compile::{Compiled, Said, compile, or};
pub(super) use refusal::{JSON, answer_with, rate_limited};
use refusal::{error_reply, refuse};

/// A compiled script. Immutable: the same request always gets the same answer.
#[derive(Debug)]
pub struct Engine {
    seed: u64,
    models: Vec<String>,
    dialogue: Dialogue,
    dimensions: u32,
    word_vectors: bool,
    rules: Vec<Compiled>,
    otherwise: Compiled,
    hints: Hints,
}

/// The scripted answer to one attempt of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Scripted {
    /// Time to wait before anything is answered.
    pub delay: Duration,
    /// Name of the fault that this answer shows, see [`Fault::name`].
    pub fault: Option<&'static str>,
    /// How the answer travels.
    pub delivery: Delivery,
    /// HTTP status.
    pub status: u16,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body, whatever the delivery makes of it.
    pub body: Bytes,
    /// What the request is for: the name of its response format's JSON schema. Without one, a
    /// request whose text names the keys of a dialogue role has that role; else empty.
    pub role: Cow<'static, str>,
}

impl Scripted {
    /// Whether it is an answer that can stand in the results of a batch: it travels, and is JSON.
    pub(super) fn is_whole(&self) -> bool {
        let travels = matches!(self.delivery, Delivery::Whole | Delivery::Slow { .. });
        travels && self.content_type == JSON && forgemark_contract::json::parse(&self.body).is_ok()
    }
}

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As a whole.
    Whole,
    /// Never: the request stays open.
    Never,
    /// The connection is closed instead.
    CutBeforeHeaders,
    /// The connection is closed when half of the body is sent.
    CutMidBody,
    /// In pieces.
    Slow {
        /// Number of pieces.
        pieces: u32,
        /// Pause between two.
        interval: Duration,
    },
}

/// The identity of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestHash {
    /// Of body and idempotency key: what replies depend on.
    pub(super) request: u128,
    /// Of the idempotency key, or of the body without one: what counts as the same call.
    pub(super) key: u128,
}

impl RequestHash {
    pub(super) fn new(body: &[u8], idempotency_key: Option<&[u8]>) -> Self {
        let body = hash128(0, body);
        match idempotency_key {
            Some(key) => Self {
                request: hash128(body, key),
                key: hash128(1, key),
            },
            None => Self {
                request: hash128(body, b""),
                key: body,
            },
        }
    }
}

const USER_TURN: &str = "user_turn";
const ASSISTANT_TURN: &str = "assistant_turn";
const JUDGE_TURN: &str = "judge_turn";
const JUDGE_CONVERSATION: &str = "judge_conversation";
/// The role of requests for vectors.
const EMBEDDINGS: &str = "embeddings";
/// The role of searches in the web.
const WEB_SEARCH: &str = "web_search";
/// The role of requests to rank documents.
const RERANK: &str = "rerank";
/// The roles that the ready-made replies know.
pub(super) const ROLES: [&str; 4] = [USER_TURN, ASSISTANT_TURN, JUDGE_TURN, JUDGE_CONVERSATION];

impl Engine {
    /// Compiles a script.
    ///
    /// # Errors
    /// A template with an unknown placeholder, or an empty list of replies. A script that
    /// [`Script::from_json`] has read always compiles.
    pub fn new(script: &Script) -> Result<Self, ScriptError> {
        let plain = Behaviour {
            replies: Some(vec![Reply::Dialogue]),
            latency: Some(Latency::NONE),
            stall: Some(Stall { rate: 0.0, ms: 0.0 }),
            reply_bytes: Some(0),
            fail: Some(Vec::new()),
            faults: Some(Vec::new()),
        };
        let otherwise = Rule {
            matcher: Matcher::ANY,
            behaviour: or(&script.otherwise, &plain),
        };
        let rules = script.rules.iter().enumerate().map(|(n, rule)| {
            let behaviour = or(&rule.behaviour, &otherwise.behaviour);
            compile(
                &format!("rules[{n}]."),
                &Rule {
                    behaviour,
                    ..rule.clone()
                },
            )
        });
        Ok(Self {
            seed: script.seed,
            models: script.models.clone(),
            dialogue: script.dialogue,
            dimensions: script.dimensions,
            word_vectors: script.word_vectors,
            rules: rules.collect::<Result<_, _>>()?,
            otherwise: compile("", &otherwise)?,
            hints: Hints::new(),
        })
    }

    /// The models that the script lists.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// The answer to one attempt of a chat completion request.
    ///
    /// `body` is the request's JSON, `idempotency_key` the header of that name, `attempt` counts
    /// from 0. The content of a reply does not depend on the attempt, only its delay and its
    /// fault do. A body that is no chat request is answered with status 400.
    pub fn respond(&self, body: &[u8], idempotency_key: Option<&str>, attempt: u32) -> Scripted {
        let hash = RequestHash::new(body, idempotency_key.map(str::as_bytes));
        self.respond_hashed(body, hash.request, attempt)
    }

    pub(super) fn respond_hashed(&self, body: &[u8], request: u128, attempt: u32) -> Scripted {
        let Some(scan) = scan(body) else {
            return refuse(400, error_body::INVALID_REQUEST);
        };
        if scan.stream {
            return refuse(400, error_body::NO_STREAMING);
        }
        let role = self.role(body, &scan);
        let facts = Facts {
            body,
            tools: scan.first_tool.is_some() && !scan.tools_off,
            tool_result: scan.tool_result,
            vectors: false,
        };
        self.act(role, facts, &scan, request, attempt, |attempt| {
            let invent_topics = matches!(attempt.fault, Some(Fault::InventedCoverageTarget));
            let content_draws = Draws::new(request, self.seed, 0);
            let ground = Ground::new(body, &scan, request, content_draws, invent_topics);
            let size = match attempt.fault {
                Some(Fault::LargeReply { bytes }) => *bytes,
                _ => attempt.rule.reply_bytes,
            };
            completion::write(&ground, self.answer(&ground, attempt), attempt.fault, size)
        })
    }

    /// The answer to one attempt of an embedding request. Its role is `embeddings`; of the faults, those of contents
    /// and of tool calls have no effect.
    pub(super) fn embed_hashed(&self, body: &[u8], request: u128, attempt: u32) -> Scripted {
        let Some(asked) = Asked::read(body, self.dimensions) else {
            return refuse(400, error_body::INVALID_EMBEDDING);
        };
        self.serve(EMBEDDINGS, body, request, attempt, |fault| {
            asked.answer(self.seed, self.word_vectors, fault)
        })
    }

    /// The answer to one attempt of a search in the web, whose role is `web_search`. A reply of the script that is a text
    /// stands for the whole body.
    pub(super) fn search_hashed(&self, body: &[u8], request: u128, attempt: u32) -> Scripted {
        let Some(search) = Search::read(body) else {
            return refuse(400, error_body::INVALID_SEARCH);
        };
        self.serve(WEB_SEARCH, body, request, attempt, |_| {
            search.answer(self.seed)
        })
    }

    /// The answer to one attempt of a ranking, whose role is `rerank`.
    pub(super) fn rank_hashed(&self, body: &[u8], request: u128, attempt: u32) -> Scripted {
        let Some(ranking) = Ranking::read(body) else {
            return refuse(400, error_body::INVALID_RANKING);
        };
        self.serve(RERANK, body, request, attempt, |_| {
            ranking.answer(self.seed)
        })
    }

    /// The answer to a request that is no chat: a text of the script, or what `write` makes under a fault of vectors.
    fn serve(
        &self,
        role: &'static str,
        body: &[u8],
        request: u128,
        attempt: u32,
        write: impl FnOnce(Option<&Fault>) -> Vec<u8>,
    ) -> Scripted {
        let model = scan::member(body, b"model").and_then(scan::string_inside);
        let scan = Scan {
            model: model.unwrap_or_default(),
            ..Scan::default()
        };
        let facts = Facts {
            body,
            tools: false,
            tool_result: false,
            vectors: role == EMBEDDINGS,
        };
        self.act(
            Cow::Borrowed(role),
            facts,
            &scan,
            request,
            attempt,
            |attempt| match attempt.rule.replies.first() {
                Some(Said::Text(template)) => {
                    let draws = Draws::new(request, self.seed, 0);
                    let mut said = Vec::new();
                    template.expand(&Ground::new(body, &scan, request, draws, false), &mut said);
                    said
                }
                _ => write(attempt.fault),
            },
        )
    }

    /// What the rule of a request makes of the reply that `write` writes.
    fn act(
        &self,
        role: Cow<'static, str>,
        facts: Facts<'_>,
        scan: &Scan<'_>,
        request: u128,
        attempt: u32,
        write: impl FnOnce(&Attempt<'_>) -> Vec<u8>,
    ) -> Scripted {
        let matches = |rule: &&Compiled| rule.matches(&role, facts.body, scan);
        let rule = self.rules.iter().find(matches).unwrap_or(&self.otherwise);
        let draws = Draws::new(request, self.seed, u64::from(attempt) + 1);
        let fault = fault::choose(&rule.fail, &rule.faults, &facts, attempt, draws);
        let mut scripted = fault.and_then(error_reply).unwrap_or_else(|| {
            let attempt = Attempt {
                rule,
                role: &role,
                facts,
                fault,
                draws,
            };
            succeed(write(&attempt), &attempt)
        });
        scripted.fault = fault.map(Fault::name);
        scripted.delivery = delivery(fault);
        scripted.role = role;
        scripted
    }

    fn role(&self, body: &[u8], scan: &Scan<'_>) -> Cow<'static, str> {
        match scan.schema_name {
            Some(name) => match ROLES.iter().find(|role| role.as_bytes() == name) {
                Some(role) => Cow::Borrowed(role),
                None => Cow::Owned(String::from_utf8_lossy(name).into_owned()),
            },
            None => Cow::Borrowed(self.hints.role(body)),
        }
    }

    fn answer(&self, ground: &Ground<'_>, attempt: &Attempt<'_>) -> Answer {
        let Attempt {
            rule,
            role,
            facts,
            fault,
            ..
        } = *attempt;
        let wants_tool = match fault {
            Some(Fault::EndlessToolCalls) => facts.tools,
            Some(fault) if needs_content(fault) => false,
            _ => facts.tools && !facts.tool_result,
        };
        if wants_tool {
            let calls = rule.replies.iter().filter_map(|reply| match reply {
                Said::ToolCall { name, arguments } => Some((name, arguments)),
                _ => None,
            });
            let n = calls.clone().count();
            if let Some((name, arguments)) = calls
                .clone()
                .nth(ground.draws.below(Purpose::ReplyChoice, n))
            {
                let mut text = Vec::new();
                arguments.expand(ground, &mut text);
                return Answer::ToolCall(ToolCall {
                    name: name.clone(),
                    arguments: text,
                });
            }
            // A fault of tool calls needs one, even where the script says nothing of tools.
            let ready_made = rule.replies.contains(&Said::Dialogue);
            if ready_made || fault.is_some_and(needs_tool_call) {
                return Answer::ToolCall(dialogue::search_call(ground));
            }
        }
        let texts = rule
            .replies
            .iter()
            .filter(|reply| !matches!(reply, Said::ToolCall { .. }));
        let n = texts.clone().count();
        Answer::Content(
            match texts
                .clone()
                .nth(ground.draws.below(Purpose::ReplyChoice, n))
            {
                Some(Said::Text(template)) => {
                    let mut content = Content::default();
                    template.expand(ground, &mut content.text);
                    content
                }
                Some(Said::Dialogue) => match role {
                    USER_TURN => dialogue::user_turn(ground, self.seed, &self.dialogue),
                    ASSISTANT_TURN => dialogue::assistant_turn(ground),
                    JUDGE_TURN | JUDGE_CONVERSATION => dialogue::judgement(ground, &self.dialogue),
                    _ => dialogue::plain(ground),
                },
                _ => dialogue::plain(ground),
            },
        )
    }
}

/// A success with this body, after the time that it takes.
fn succeed(mut body: Vec<u8>, attempt: &Attempt<'_>) -> Scripted {
    let Attempt {
        rule, fault, draws, ..
    } = *attempt;
    if matches!(fault, Some(Fault::MalformedJson)) {
        body.truncate(body.len() * 2 / 3);
    }
    let mut delay = rule.latency.draw(draws);
    if draws.hit(Purpose::StallLatency, rule.stall.rate) {
        delay += milliseconds(rule.stall.ms);
    }
    Scripted {
        delay,
        ..answer_with(200, JSON, Bytes::from(body))
    }
}

/// One attempt of a request, and what was decided about it.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    rule: &'a Compiled,
    role: &'a str,
    facts: Facts<'a>,
    fault: Option<&'a Fault>,
    draws: Draws,
}

/// Keys that only the prompt of one dialogue role names, for requests without a JSON schema.
#[derive(Debug)]
struct Hints {
    judge: Finder<'static>,
    whole: Finder<'static>,
    assistant: Finder<'static>,
    user: Finder<'static>,
}

impl Hints {
    fn new() -> Self {
        Self {
            judge: Finder::new("question_ok"),
            whole: Finder::new(JUDGE_CONVERSATION),
            assistant: Finder::new("reasoning_trace"),
            user: Finder::new("notes_for_assistant"),
        }
    }

    fn role(&self, body: &[u8]) -> &'static str {
        let has = |finder: &Finder<'_>| finder.find(body).is_some();
        if has(&self.judge) {
            if has(&self.whole) {
                JUDGE_CONVERSATION
            } else {
                JUDGE_TURN
            }
        } else if has(&self.assistant) {
            ASSISTANT_TURN
        } else if has(&self.user) {
            USER_TURN
        } else {
            ""
        }
    }
}

/// The fault shows in a content, so there has to be one.
fn needs_content(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::MalformedContent
            | Fault::FencedContent
            | Fault::ProseContent
            | Fault::EmptyContent
            | Fault::NullContent
            | Fault::FinishLength
            | Fault::FinishContentFilter
            | Fault::Refusal
            | Fault::ReasoningContent
            | Fault::LoneSurrogate
    )
}

/// The fault shows in a tool call, so there has to be one.
fn needs_tool_call(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::ToolIdNull
            | Fault::ToolIdNumber
            | Fault::ToolIdEmpty
            | Fault::ToolIdDuplicate
            | Fault::ToolIdReused
            | Fault::EndlessToolCalls
            | Fault::InventedToolName
            | Fault::InvalidToolArguments
    )
}

fn delivery(fault: Option<&Fault>) -> Delivery {
    match fault {
        Some(Fault::Stall) => Delivery::Never,
        Some(Fault::CutBeforeHeaders) => Delivery::CutBeforeHeaders,
        Some(Fault::CutMidBody) => Delivery::CutMidBody,
        Some(Fault::SlowBody {
            pieces,
            interval_ms,
        }) => Delivery::Slow {
            pieces: (*pieces).max(1),
            interval: Duration::from_millis(u64::from(*interval_ms)),
        },
        _ => Delivery::Whole,
    }
}

#[cfg(test)]
mod tests;
