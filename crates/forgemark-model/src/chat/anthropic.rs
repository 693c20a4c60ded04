//! The same exchange in the words of Anthropic's messages
//! (<https://platform.claude.com/docs/en/api/messages>).
//!
//! | ours | theirs |
//! |---|---|
//! | system messages at the start | `system`; later ones are text of the user's turn |
//! | an assistant message with tool calls | blocks `thinking` (as they came), `text`, `tool_use` |
//! | tool messages | blocks `tool_result`, first in the user's turn that follows |
//! | messages of one speaker in a row | one message |
//! | a token limit, or none | `max_tokens`, which is required |
//! | JSON after a schema | `output_config.format`; where that is refused, one forced tool with the schema |
//! | `stop`, a tool choice | `stop_sequences`, `tool_choice` as an object |
//! | seed | nothing: there is none |
//!
//! The key of a call is that of the canonical body all the same, so neither this page nor the endpoint takes part in it.

pub(crate) mod body;
pub(crate) mod reply;

#[cfg(test)]
mod tests;

use forgemark_contract::json::Json;

use super::{ChatRequest, ReplyFormat};
use crate::adapt::{Accepts, Form};
use crate::config::RoleParams;

/// The token limit of a call that has none, without the thinking budget.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 8_192;

/// The parameter of the other protocol that says how long a model thinks; `output_config.effort` here.
pub(crate) const EFFORT: &str = "reasoning_effort";

/// The smallest thinking budget that the protocol takes.
const MIN_THINKING: u64 = 1_024;

/// Whether the role lets the model think.
fn thinks(params: &RoleParams) -> bool {
    params
        .extra_value("thinking")
        .is_some_and(|thinking| matches!(thinking.str_or("type", ""), "enabled" | "adaptive"))
}

/// The thinking budget in tokens, 0 where none is given.
fn thinking_budget(params: &RoleParams) -> u64 {
    let budget = params
        .extra_value("thinking")
        .map(|t| t.at("budget_tokens"));
    budget
        .and_then(Json::as_u64)
        .filter(|_| thinks(params))
        .unwrap_or(0)
}

/// How the form of a reply is asked for: natively ([`Form::Schema`]), by a forced tool ([`Form::Object`]), or in words only.
/// A forced tool excludes other tools and thinking.
pub(crate) fn form(request: &ChatRequest, params: &RoleParams, accepts: Accepts) -> Form {
    let has_schema = matches!(request.format, ReplyFormat::JsonSchema { .. });
    match accepts.form(request) {
        Form::Schema => Form::Schema,
        Form::Object if has_schema && request.tools.is_empty() && !thinks(params) => Form::Object,
        Form::Object | Form::None => Form::None,
    }
}

/// What the protocol refuses of these parameters whatever the model, as a fragment. Found here, it costs no call.
pub(crate) fn check(params: &RoleParams) -> Result<(), String> {
    if !thinks(params) {
        return Ok(());
    }
    let budget = thinking_budget(params);
    if budget != 0 && budget < MIN_THINKING {
        return Err(format!(
            "a thinking budget of {budget} tokens is below {MIN_THINKING}"
        ));
    }
    if let Some(limit) = params.config.max_tokens
        && limit <= budget
    {
        return Err(format!(
            "max_tokens {limit} leaves nothing beside the thinking budget of {budget} tokens"
        ));
    }
    match params.config.temperature {
        Some(temperature) if temperature.to_bits() != 1_f64.to_bits() => Err(format!(
            "temperature {temperature} cannot be set together with thinking"
        )),
        _ => Ok(()),
    }
}
