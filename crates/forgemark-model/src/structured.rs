//! Replies that have to be JSON of a certain shape.
//!
//! ```text
//! call ──> tolerant parse ──> validate ──> value
//!              └──── error ─────┴──> one re-ask that carries the bad reply and names the error ──> value, or BadOutput
//! ```
//!
//! The request asks for the form natively where the endpoint has it ([`crate::ReplyFormat`]), and in words always. A failure is a
//! failure: it is never turned into a default value. The re-ask is a call of its own with its own key, so both replies stand in
//! the journal and a resumed run goes the same way.

#[cfg(test)]
mod tests;

use forgemark_contract::json::{Json, parse_lenient};

use crate::caller::{CallError, Called, Caller};
use crate::chat::{ChatReply, ChatRequest, Failure, FailureKind, Finish, Message};

/// What the model is told about a reply that could not be used. `{error}` is replaced.
pub const REASK: &str = "Your reply could not be used: {error}. Send the complete corrected reply again, as one JSON \
                         object and nothing else.";

/// How much of a bad reply is shown to the model again, in characters: enough to correct it, and no more than a reply
/// should be long.
const SHOWN: usize = 8_000;

/// A question for JSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonAsk<'a> {
    /// The role.
    pub role: &'a str,
    /// The item; see [`Caller::call`].
    pub item: &'a str,
    /// The request.
    pub request: &'a ChatRequest,
    /// The words of the re-ask, with `{error}` in them; [`REASK`] unless a template replaces it.
    pub reask: &'a str,
}

/// The answer to a [`JsonAsk`].
#[derive(Debug)]
pub struct JsonAnswer<T> {
    /// What `validate` made of the reply, or the typed failure.
    pub outcome: Result<T, Failure>,
    /// The calls that were made, one or two, in order. The last one decided.
    pub calls: Vec<Called>,
}

/// Asks for JSON. `validate` turns the parsed value into what the caller wants or says what is wrong with it, as a fragment
/// that the model can act on.
///
/// # Errors
/// [`CallError`] when the run cannot go on; failures of the model are in the answer.
///
/// # Cancel safety
/// As [`Caller::call`].
pub async fn ask_json<T>(
    caller: &Caller,
    ask: &JsonAsk<'_>,
    validate: impl Fn(&Json) -> Result<T, String>,
) -> Result<JsonAnswer<T>, CallError> {
    let first = caller.call(ask.role, ask.item, ask.request).await?;
    let problem = match first.outcome.as_ref().map(|reply| read(reply, &validate)) {
        Ok(Ok(value)) => return Ok(answer(Ok(value), vec![first])),
        Ok(Err(Problem::Failure(failure))) => return Ok(answer(Err(failure), vec![first])),
        Err(failure) => return Ok(answer(Err(failure.clone()), vec![first])),
        Ok(Err(Problem::Fixable(problem))) => problem,
    };
    let Ok(reply) = &first.outcome else {
        return Ok(answer(Err(problem), vec![first]));
    };
    let again = reask(ask.request, &reply.content, &problem.detail, ask.reask);
    // The conversation goes on from the first reply, so that has to be safe before more is paid for.
    first.durable.clone().await?;
    let second = caller.call(ask.role, ask.item, &again).await?;
    let outcome = match &second.outcome {
        Ok(reply) => read(reply, &validate).map_err(Problem::into_failure),
        Err(failure) => Err(failure.clone()),
    };
    Ok(answer(outcome, vec![first, second]))
}

fn answer<T>(outcome: Result<T, Failure>, calls: Vec<Called>) -> JsonAnswer<T> {
    JsonAnswer { outcome, calls }
}

/// What is wrong with a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Asking again does not help: cut, filtered or refused.
    Failure(Failure),
    /// The model may do better when it is told: no JSON, the wrong shape, or empty. Twice, it is this failure.
    Fixable(Failure),
}

impl Problem {
    /// The failure that this is when there is no second chance.
    pub fn into_failure(self) -> Failure {
        match self {
            Problem::Failure(failure) | Problem::Fixable(failure) => failure,
        }
    }
}

/// Reads a reply that has to be JSON, for callers that run their own loop (with tools).
///
/// # Errors
/// The [`Problem`].
pub fn read<T>(
    reply: &ChatReply,
    validate: impl Fn(&Json) -> Result<T, String>,
) -> Result<T, Problem> {
    // A cut reply is not parsed, whatever it holds: what is missing would be missed silently.
    if let Some(failure) = reply.failure() {
        return Err(match failure.kind {
            FailureKind::Empty => Problem::Fixable(failure),
            _ => Problem::Failure(failure),
        });
    }
    let fixable = |detail: String| {
        Problem::Fixable(Failure {
            kind: FailureKind::BadOutput,
            detail,
        })
    };
    if reply.finish == Finish::ToolCalls && reply.content.trim().is_empty() {
        return Err(fixable("the reply is a tool call, no JSON".to_owned()));
    }
    let json = parse_lenient(&reply.content)
        .ok_or_else(|| fixable("the reply is not valid JSON".to_owned()))?;
    validate(&json).map_err(fixable)
}

/// The request that asks again: everything so far, the bad reply, and what is wrong with it.
pub fn reask(request: &ChatRequest, said: &str, error: &str, template: &str) -> ChatRequest {
    let shown: String = said.chars().take(SHOWN).collect();
    let mut again = request.clone();
    if !shown.trim().is_empty() {
        again.messages.push(Message::assistant(shown));
    }
    again
        .messages
        .push(Message::user(template.replace("{error}", error)));
    again
}
