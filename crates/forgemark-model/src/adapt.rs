//! What an endpoint accepts, learnt from its refusals and remembered for the life of the process.
//!
//! Endpoints differ in the parameters that they take, and nothing announces it: the first call finds out by an error 400.
//! A refused parameter is dropped or renamed for that endpoint, the call is sent again at once, the user is told once
//! ([`crate::Notice::Adapted`]), and later calls are right from the start.
//!
//! ```text
//! response_format   json_schema -> json_object -> none; none beside tools where both together are refused
//! token limit       max_tokens <-> max_completion_tokens -> none
//! temperature, top_p, seed, stop, tool_choice, any extra key    -> none
//! Anthropic: output_config.format -> a forced tool with the schema -> none; its token limit is never left out
//! ```
//!
//! The memory is one word of bits, read by every call without a lock.

#[cfg(test)]
mod tests;

use crate::chat::{ChatRequest, ReplyFormat, ToolChoice, anthropic};
use crate::config::{RoleParams, Wire};

/// How many extra keys a model's roles may have together: one bit each.
pub(crate) const MAX_EXTRAS: usize = 48;

const NO_TEMPERATURE: u64 = 1;
const NO_TOP_P: u64 = 1 << 1;
const NO_SEED: u64 = 1 << 2;
const NO_STOP: u64 = 1 << 3;
const NO_TOOL_CHOICE: u64 = 1 << 4;
const NO_SCHEMA: u64 = 1 << 5;
const NO_OBJECT: u64 = 1 << 6;
const NO_FORM_WITH_TOOLS: u64 = 1 << 7;
const COMPLETION_NAME: u64 = 1 << 8;
const OTHER_NAME_REFUSED: u64 = 1 << 9;
const NO_MAX_TOKENS: u64 = 1 << 10;
const FIRST_EXTRA: u32 = 16;

/// What an endpoint accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts(u64);

/// The form of a reply, as it stands in `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    None,
    Object,
    Schema,
}

/// A parameter that an endpoint may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// `response_format` with this form.
    Form(Form),
    /// `response_format` beside `tools`.
    FormWithTools,
    /// The token limit under the name that was used.
    MaxTokens,
    Temperature,
    TopP,
    Seed,
    Stop,
    ToolChoice,
    /// The extra key with this number.
    Extra(u8),
}

impl Accepts {
    /// An endpoint that refuses nothing.
    pub(crate) const fn everything() -> Self {
        Accepts(0)
    }

    /// An endpoint that is known to want `max_completion_tokens`.
    pub(crate) const fn completion_name() -> Self {
        Accepts(COMPLETION_NAME)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Accepts(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    pub(crate) fn temperature(self) -> bool {
        !self.has(NO_TEMPERATURE)
    }

    pub(crate) fn top_p(self) -> bool {
        !self.has(NO_TOP_P)
    }

    pub(crate) fn seed(self) -> bool {
        !self.has(NO_SEED)
    }

    pub(crate) fn stop(self) -> bool {
        !self.has(NO_STOP)
    }

    pub(crate) fn tool_choice(self) -> bool {
        !self.has(NO_TOOL_CHOICE)
    }

    pub(crate) fn extra(self, number: u8) -> bool {
        !self.has(1 << (FIRST_EXTRA + u32::from(number)))
    }

    /// The name of the token limit, or `None` when the endpoint takes none.
    pub(crate) fn max_tokens_name(self) -> Option<&'static str> {
        if self.has(NO_MAX_TOKENS) {
            None
        } else if self.has(COMPLETION_NAME) {
            Some("max_completion_tokens")
        } else {
            Some("max_tokens")
        }
    }

    /// The strongest accepted form for a request.
    pub(crate) fn form(self, request: &ChatRequest) -> Form {
        if !request.tools.is_empty() && self.has(NO_FORM_WITH_TOOLS) {
            return Form::None;
        }
        match request.format {
            ReplyFormat::JsonSchema { .. } if !self.has(NO_SCHEMA) => Form::Schema,
            ReplyFormat::JsonSchema { .. } | ReplyFormat::JsonObject if !self.has(NO_OBJECT) => {
                Form::Object
            }
            ReplyFormat::JsonSchema { .. } | ReplyFormat::JsonObject | ReplyFormat::Text => {
                Form::None
            }
        }
    }

    /// What the endpoint accepts after it refused `feature`, and the change in words.
    pub(crate) fn without(
        self,
        feature: Feature,
        params: &RoleParams,
        wire: Wire,
    ) -> (Self, String) {
        let (bits, what) = match feature {
            Feature::Form(Form::Schema) if wire == Wire::Anthropic => (
                NO_SCHEMA,
                "output_config refused, a tool with the schema is forced".to_owned(),
            ),
            Feature::Form(_) if wire == Wire::Anthropic => (
                NO_OBJECT,
                "a forced tool refused, the form is asked for in words".to_owned(),
            ),
            Feature::Form(Form::Schema) => (
                NO_SCHEMA,
                "response_format json_schema refused, json_object is sent".to_owned(),
            ),
            Feature::Form(Form::Object | Form::None) => (
                NO_OBJECT,
                "response_format json_object refused, none is sent".to_owned(),
            ),
            Feature::FormWithTools => (
                NO_FORM_WITH_TOOLS,
                "response_format beside tools refused, none is sent with tools".to_owned(),
            ),
            Feature::MaxTokens => return self.without_max_tokens(),
            Feature::Temperature => (NO_TEMPERATURE, dropped("temperature")),
            Feature::TopP => (NO_TOP_P, dropped("top_p")),
            Feature::Seed => (NO_SEED, dropped("seed")),
            Feature::Stop => (NO_STOP, dropped("stop")),
            Feature::ToolChoice => (NO_TOOL_CHOICE, dropped("tool_choice")),
            Feature::Extra(number) => (
                1 << (FIRST_EXTRA + u32::from(number)),
                dropped(params.extra_name(number).unwrap_or("an extra parameter")),
            ),
        };
        (Accepts(self.0 | bits), what)
    }

    /// The other name once, then no limit at all.
    fn without_max_tokens(self) -> (Self, String) {
        let name = self.max_tokens_name().unwrap_or("max_tokens");
        if self.has(OTHER_NAME_REFUSED) {
            return (Accepts(self.0 | NO_MAX_TOKENS), dropped(name));
        }
        let other = Accepts((self.0 | OTHER_NAME_REFUSED) ^ COMPLETION_NAME);
        let new = other.max_tokens_name().unwrap_or("max_tokens");
        (other, format!("{name} refused, {new} is sent"))
    }
}

fn dropped(name: &str) -> String {
    format!("{name} refused, not sent any more")
}

/// What one body held of the parameters that can be refused.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) wire: Wire,
    pub(crate) accepts: Accepts,
    pub(crate) request: &'a ChatRequest,
    pub(crate) params: &'a RoleParams,
}

impl Sent<'_> {
    /// The parameters that this body held, each with the name that an error may give it.
    pub(crate) fn features(&self) -> Vec<(&str, Feature)> {
        let config = &self.params.config;
        let mut features = Vec::new();
        let openai = self.wire == Wire::OpenAi;
        let form = match self.wire {
            Wire::OpenAi => self.accepts.form(self.request),
            Wire::Anthropic => anthropic::form(self.request, self.params, self.accepts),
        };
        if form != Form::None {
            let name = match (self.wire, form) {
                (Wire::OpenAi, _) => "response_format",
                (Wire::Anthropic, Form::Schema) => "output_config",
                (Wire::Anthropic, _) => "tool_choice",
            };
            features.push((name, Feature::Form(form)));
        }
        if let Some(name) = self.accepts.max_tokens_name()
            && config.max_tokens.is_some()
            && openai
        {
            features.push((name, Feature::MaxTokens));
        }
        if config.temperature.is_some() && self.accepts.temperature() {
            features.push(("temperature", Feature::Temperature));
        }
        if config.top_p.is_some() && self.accepts.top_p() {
            features.push(("top_p", Feature::TopP));
        }
        if config.seed.is_some() && self.accepts.seed() && openai {
            features.push(("seed", Feature::Seed));
        }
        if !config.stop.is_empty() && self.accepts.stop() {
            let name = if openai { "stop" } else { "stop_sequences" };
            features.push((name, Feature::Stop));
        }
        let choice = self.request.tool_choice != ToolChoice::Auto && self.accepts.tool_choice();
        if choice && self.has_tools() {
            features.push(("tool_choice", Feature::ToolChoice));
        }
        for (name, number) in self.params.extras() {
            if self.accepts.extra(number) {
                let moved = !openai && name == anthropic::EFFORT;
                let name = if moved { "effort" } else { name };
                features.push((name, Feature::Extra(number)));
            }
        }
        features
    }

    /// Whether the body offered tools.
    pub(crate) fn has_tools(&self) -> bool {
        !self.request.tools.is_empty()
    }
}
