//! One task: the calls behind one record, in order.
//!
//! A task is a sequence of calls that is a function of the replies, so a task that was cut short is simply begun again: the
//! journal knows the replies that were paid for.

use std::collections::BTreeMap;

use forgemark_contract::arena::Provenance;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{Json, Object};
use forgemark_model::{CallError, ChatReply, ChatRequest, Failure, FailureKind, Message, Usage};
use tokio::sync::SemaphorePermit;

use super::config::Protocol;
use super::engine::{Engine, Halt};
use super::prompts::Prompt;
use super::replies::{ParseStatus, ReplyError, Tagged, json, repaired, retagged, tagged};

/// The failure of a record whose maker never approved of it.
pub(crate) const SELF_CHECK: &str = "self_check";

/// The failure of a judgment whose judge says that it does not know.
pub(crate) const UNDECIDED: &str = "undecided";

/// How often the parsing model is asked to repair one reply under the original's rules.
const REPAIRS: u32 = 3;

/// How much of a bad reply its writer is shown again, in characters.
const SHOWN: usize = 8_000;

/// The role of the model that repairs replies; no slug has a colon.
pub const PARSER: &str = "model:parser";

/// The calls behind one record.
#[derive(Debug)]
pub(crate) struct Task<'e> {
    pub(crate) engine: &'e Engine,
    record: String,
    trail: Trail,
    _slot: SemaphorePermit<'e>,
}

/// What is known of a record beside the record.
#[derive(Debug, Default)]
struct Trail {
    calls: Vec<CallKey>,
    usage: Usage,
    prompts: BTreeMap<String, String>,
    redactions: Vec<Json>,
    notes: Vec<String>,
}

/// A reply that was to be read.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    /// What the model wrote last; empty when the call failed.
    pub(crate) text: String,
    /// What it says, or why it says nothing.
    pub(crate) value: Result<T, Failure>,
}

impl<T> Asked<T> {
    fn failed(text: String, failure: Failure) -> Self {
        Asked {
            text,
            value: Err(failure),
        }
    }
}

/// A reply that was looked at.
enum Read<T> {
    /// It says something, or asking again does not help.
    Done(Asked<T>),
    /// It cannot be read: the text, and why.
    Again(String, String),
}

impl<'e> Task<'e> {
    /// Begins a task of a model when there is a place for it.
    pub(crate) async fn begin(
        engine: &'e Engine,
        model: &str,
        record: String,
    ) -> Result<Self, Halt> {
        let slot = engine.slot(model).await?;
        Ok(Task {
            engine,
            record,
            trail: Trail::default(),
            _slot: slot,
        })
    }

    /// Something that a reader of the record should know.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.trail.notes.push(note.into());
    }

    /// Names that were replaced in a prompt.
    pub(crate) fn redacted(&mut self, replacements: impl IntoIterator<Item = Json>) {
        self.trail.redactions.extend(replacements);
    }

    /// Asks a model once. `purpose` tells the calls of a task apart.
    pub(crate) async fn call(
        &mut self,
        role: &str,
        purpose: &str,
        request: &ChatRequest,
    ) -> Result<Result<ChatReply, Failure>, Halt> {
        self.engine.may_ask(role)?;
        let item = format!("{}/{purpose}", self.record);
        let called = self.engine.caller.call(role, &item, request).await;
        let called = called.map_err(|error| self.engine.failed(role, error))?;
        self.trail.calls.push(called.key);
        let usage = &mut self.trail.usage;
        usage.prompt += called.usage.prompt;
        usage.completion += called.usage.completion;
        usage.cached += called.usage.cached;
        usage.reasoning += called.usage.reasoning;
        if !called.replayed {
            // The next call and the record stand on it.
            let durable = called.durable.await.map_err(CallError::Journal);
            durable.map_err(|error| self.engine.failed(role, error))?;
        }
        Ok(called.outcome.and_then(ChatReply::typed))
    }

    /// A request for a prompt.
    fn request(&mut self, purpose: &str, prompt: &Prompt) -> ChatRequest {
        let prompts = &mut self.trail.prompts;
        prompts.insert(prompt.name.to_owned(), prompt.hash.clone());
        prompt.request(self.sample(purpose))
    }

    fn sample(&self, purpose: &str) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.engine.settings.seed.to_le_bytes());
        hasher.update(self.record.as_bytes());
        hasher.update(b"/");
        hasher.update(purpose.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        // Some endpoints take signed seeds.
        u64::from_le_bytes(first) >> 1
    }

    /// Asks for text; an empty reply is asked for once more.
    pub(crate) async fn text(
        &mut self,
        role: &str,
        purpose: &str,
        prompt: &Prompt,
    ) -> Result<Result<String, Failure>, Halt> {
        let request = self.request(purpose, prompt);
        let outcome = match self.call(role, purpose, &request).await? {
            Err(failure) if failure.kind == FailureKind::Empty => {
                let (purpose, request) = self.once_more(purpose, request, None);
                self.call(role, &purpose, &request).await?
            }
            outcome => outcome,
        };
        Ok(outcome.map(|reply| reply.content))
    }

    /// Asks for JSON that `read` understands. A reply that it does not understand is answered with what is wrong, once, and then
    /// given to the parsing model, if there is one, which may add nothing. Under the original's rules that model is asked at
    /// once, up to three times.
    pub(crate) async fn json<T>(
        &mut self,
        role: &str,
        purpose: &str,
        prompt: &Prompt,
        read: impl Fn(&Json) -> Result<T, ReplyError>,
    ) -> Result<Asked<T>, Halt> {
        let request = self.request(purpose, prompt);
        let ours = self.engine.settings.protocol == Protocol::Forgemark1;
        let first = self.call(role, purpose, &request).await?;
        let (mut text, mut error) = match self.read(first, &read) {
            Read::Done(asked) => return Ok(asked),
            Read::Again(text, error) => (text, error),
        };
        if ours {
            let bad = (!text.is_empty()).then_some((text.as_str(), error.as_str()));
            let (purpose, request) = self.once_more(purpose, request, bad);
            let second = self.call(role, &purpose, &request).await?;
            match self.read(second, &read) {
                Read::Done(asked) => {
                    if asked.value.is_ok() {
                        self.note(ParseStatus::AskedAgain.as_str());
                    }
                    return Ok(asked);
                }
                Read::Again(next, why) => {
                    if !next.is_empty() {
                        text = next;
                    }
                    error = why;
                }
            }
        }
        let repairs = if ours { 1 } else { REPAIRS };
        let repairs = match &self.engine.settings.parser {
            Some(_) if !text.is_empty() => repairs,
            _ => 0,
        };
        for round in 1..=repairs {
            let purpose = format!("{purpose}/repair-{round}");
            let prompt = self.engine.prompts.repair(&text, &prompt.format)?;
            let request = self.request(&purpose, &prompt);
            let Ok(reply) = self.call(PARSER, &purpose, &request).await? else {
                continue;
            };
            let value = if ours {
                repaired(&text, &reply.content)
            } else {
                json(&reply.content).map(|(value, _)| value)
            };
            match value.and_then(|value| read(&value)) {
                Ok(value) => {
                    self.note(ParseStatus::Repaired.as_str());
                    let value = Ok(value);
                    return Ok(Asked { text, value });
                }
                Err(why) => error = why.to_string(),
            }
        }
        Ok(Asked {
            text,
            value: Err(bad_output(error)),
        })
    }

    /// Asks for a question and an answer between tags. What has none is asked for again, or given to the parsing model.
    pub(crate) async fn tagged(
        &mut self,
        role: &str,
        purpose: &str,
        prompt: &Prompt,
    ) -> Result<Asked<Tagged>, Halt> {
        let request = self.request(purpose, prompt);
        let reply = match self.call(role, purpose, &request).await? {
            Err(failure) if failure.kind == FailureKind::Empty => {
                let (purpose, request) = self.once_more(purpose, request.clone(), None);
                self.call(role, &purpose, &request).await?
            }
            reply => reply,
        };
        let text = match reply {
            Ok(reply) => reply.content,
            Err(failure) => return Ok(Asked::failed(String::new(), failure)),
        };
        let error = match tagged(&text) {
            Ok(value) => {
                let value = Ok(value);
                return Ok(Asked { text, value });
            }
            Err(error) => error.to_string(),
        };
        let again = if self.engine.settings.parser.is_some() {
            let purpose = format!("{purpose}/tags");
            let prompt = self.engine.prompts.format(&text)?;
            let request = self.request(&purpose, &prompt);
            self.call(PARSER, &purpose, &request).await?
        } else if self.engine.settings.protocol == Protocol::Forgemark1 {
            let (purpose, request) = self.once_more(purpose, request, Some((&text, &error)));
            self.call(role, &purpose, &request).await?
        } else {
            return Ok(Asked::failed(text, bad_output(error)));
        };
        let formatted = self.engine.settings.parser.is_some()
            && self.engine.settings.protocol == Protocol::Forgemark1;
        Ok(match again {
            Ok(reply) => Asked {
                value: if formatted {
                    retagged(&text, &reply.content)
                } else {
                    tagged(&reply.content)
                }
                .map_err(|error| bad_output(error.to_string())),
                text: reply.content,
            },
            Err(failure) => Asked::failed(text, failure),
        })
    }

    /// The same request again: with a bad reply and what is wrong with it, or as another sample.
    fn once_more(
        &self,
        purpose: &str,
        mut request: ChatRequest,
        bad: Option<(&str, &str)>,
    ) -> (String, ChatRequest) {
        let purpose = format!("{purpose}/again");
        match bad {
            Some((text, error)) => {
                let shown: String = text.chars().take(SHOWN).collect();
                request.messages.push(Message::assistant(shown));
                let told = self.engine.prompts.reask().replace("{error}", error);
                request.messages.push(Message::user(told));
            }
            None => request.sample = self.sample(&purpose),
        }
        (purpose, request)
    }

    fn read<T>(
        &mut self,
        reply: Result<ChatReply, Failure>,
        read: impl Fn(&Json) -> Result<T, ReplyError>,
    ) -> Read<T> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(failure) if failure.kind == FailureKind::Empty => {
                return Read::Again(String::new(), failure.detail);
            }
            Err(failure) => return Read::Done(Asked::failed(String::new(), failure)),
        };
        let found = json(&reply.content);
        let found = found.and_then(|(value, status)| Ok((read(&value)?, status)));
        match found {
            Ok((value, status)) => {
                if status != ParseStatus::Exact {
                    self.note(status.as_str());
                }
                Read::Done(Asked {
                    text: reply.content,
                    value: Ok(value),
                })
            }
            Err(error) => Read::Again(reply.content, error.to_string()),
        }
    }

    /// How the record was made, now that it is. `failure` is why it failed, as a word and what was said.
    pub(crate) fn provenance(
        self,
        model: &str,
        status: &str,
        failure: Option<(&str, String)>,
    ) -> Provenance {
        let Trail {
            calls,
            usage,
            prompts,
            redactions,
            notes,
        } = self.trail;
        let prompts = prompts
            .into_iter()
            .map(|(name, digest)| (name, Json::from(digest)));
        let (failure, detail) = failure.unzip();
        Provenance {
            record: self.record,
            model: model.to_owned(),
            protocol: self.engine.settings.protocol.as_str().to_owned(),
            status: status.to_owned(),
            failure: failure.map(str::to_owned),
            detail,
            prompts: prompts.collect(),
            calls: calls.iter().map(CallKey::to_string).collect(),
            usage: Object::from([
                ("prompt", Json::from(usage.prompt)),
                ("completion", Json::from(usage.completion)),
                ("cached", Json::from(usage.cached)),
                ("reasoning", Json::from(usage.reasoning)),
            ]),
            redactions: (!redactions.is_empty()).then_some(redactions),
            notes: (!notes.is_empty()).then_some(notes),
            extra: Object::new(),
        }
    }
}

/// A reply that cannot be read.
fn bad_output(detail: String) -> Failure {
    Failure {
        kind: FailureKind::BadOutput,
        detail,
    }
}

/// A failed call as the reason of a failed record.
pub(crate) fn reason(failure: &Failure) -> (&'static str, String) {
    (failure.kind.as_str(), failure.detail.clone())
}
