//! The request body, in two parts: what is the same for every endpoint, and what an endpoint may see differently.
//!
//! ```text
//! {"messages":[…],"tools":[…]   ,"tool_choice":…,"response_format":…,"model":…,"temperature":…,…}
//! '-------- core ----------'    '-------------------------- tail -------------------------------'
//! ```
//!
//! The canonical body is the one for an endpoint that accepts everything and knows the model by the role's name. It is
//! built once, hashed once (the call's key) and, with most endpoints, sent as it is. An endpoint with another model name
//! or with parameters that it refuses gets the same core with another tail.

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{Style, WriteJson, Writer};

use super::{ChatRequest, Message, ReplyFormat, Role, ToolChoice, ToolSpec, anthropic};
use crate::adapt::{Accepts, Form};
use crate::config::{RoleParams, Wire};
use crate::endpoint::Endpoint;

/// What the hash of a canonical body begins with. Changing the body's layout changes every key, and then this has to
/// change too, so that a journal of an older layout is never half matched.
const KEY_DOMAIN: &[u8] = b"forgemark call 1\n";

/// A request as bytes.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody {
    canonical: Bytes,
    core_len: usize,
}

impl RequestBody {
    /// Writes the canonical body of `request` for a role that calls the model `model`.
    pub(crate) fn new(request: &ChatRequest, model: &str, params: &RoleParams) -> Self {
        let mut out = Vec::with_capacity(estimate_len(request));
        write_core(&mut out, request, params.config.replay_reasoning);
        let core_len = out.len();
        write_tail(&mut out, request, model, params, Accepts::everything());
        RequestBody {
            canonical: Bytes::from(out),
            core_len,
        }
    }

    /// The key of the call: a hash of the canonical body and the sample number. Neither the endpoint nor what it
    /// refuses takes part.
    pub(crate) fn key(&self, sample: u64) -> CallKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(KEY_DOMAIN);
        hasher.update(&self.canonical);
        hasher.update(&sample.to_le_bytes());
        CallKey(*hasher.finalize().as_bytes())
    }

    /// The length of the canonical body in bytes.
    pub(crate) fn len(&self) -> usize {
        self.canonical.len()
    }

    /// The canonical body itself; it costs a reference count.
    pub(crate) fn canonical(&self) -> Bytes {
        self.canonical.clone()
    }

    /// The body that `endpoint` gets, which knows the model as `model` unless it has a name of its own for it.
    pub(crate) fn for_endpoint(
        &self,
        endpoint: &Endpoint,
        request: &ChatRequest,
        model: &str,
        params: &RoleParams,
        accepts: Accepts,
    ) -> Bytes {
        let name = endpoint.model.as_deref().unwrap_or(model);
        match endpoint.wire {
            Wire::Anthropic => anthropic::body::write(request, name, params, accepts),
            Wire::OpenAi if accepts == Accepts::everything() && endpoint.model.is_none() => {
                self.canonical()
            }
            Wire::OpenAi => self.adapted(request, name, params, accepts),
        }
    }

    /// The body for an endpoint that knows the model as `model` and accepts `accepts`.
    pub(super) fn adapted(
        &self,
        request: &ChatRequest,
        model: &str,
        params: &RoleParams,
        accepts: Accepts,
    ) -> Bytes {
        let mut out = Vec::with_capacity(self.canonical.len() + 64);
        out.extend_from_slice(self.canonical.get(..self.core_len).unwrap_or_default());
        write_tail(&mut out, request, model, params, accepts);
        Bytes::from(out)
    }
}

/// Room for the body, so that it is rarely moved while it grows: text grows by its escapes and each message by its frame.
fn estimate_len(request: &ChatRequest) -> usize {
    let text: usize = request
        .messages
        .iter()
        .map(|message| message.content.len() + message.content.len() / 8 + 64)
        .sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| tool.parameters.text().len() + tool.description.len() + 256)
        .sum();
    let schema = match &request.format {
        ReplyFormat::JsonSchema { schema, .. } => schema.text().len(),
        ReplyFormat::Text | ReplyFormat::JsonObject => 0,
    };
    text + tools + schema + 512
}

fn write_core(out: &mut Vec<u8>, request: &ChatRequest, replay_reasoning: bool) {
    out.extend_from_slice(b"{\"messages\":");
    let mut w = Writer::new(out, Style::COMPACT);
    w.begin_array();
    for message in &request.messages {
        write_message(&mut w, message, replay_reasoning);
    }
    w.end_array();
    if !request.tools.is_empty() {
        out.extend_from_slice(b",\"tools\":");
        let mut w = Writer::new(out, Style::COMPACT);
        w.begin_array();
        for tool in &request.tools {
            write_tool(&mut w, tool);
        }
        w.end_array();
    }
}

fn write_message(w: &mut Writer<'_>, message: &Message, replay_reasoning: bool) {
    w.begin_object();
    w.field("role", message.role.as_str());
    w.key("content");
    if message.content.is_empty() && !message.tool_calls.is_empty() {
        w.null();
    } else {
        w.str(&message.content);
    }
    if let Some(reasoning) = &message.reasoning
        && replay_reasoning
    {
        w.field("reasoning_content", reasoning.as_str());
    }
    if !message.tool_calls.is_empty() {
        w.key("tool_calls");
        w.begin_array();
        for call in &message.tool_calls {
            w.begin_object();
            w.field("id", call.id.as_str());
            w.field("type", "function");
            w.key("function");
            w.begin_object();
            w.field("name", call.name.as_str());
            w.field("arguments", call.arguments.as_str());
            w.end_object();
            w.end_object();
        }
        w.end_array();
    }
    if let Some(id) = &message.tool_call_id {
        w.field("tool_call_id", id.as_str());
    }
    // The name of a tool message is no part of today's API; strict endpoints refuse it there.
    if let Some(name) = &message.name
        && message.role != Role::Tool
    {
        w.field("name", name.as_str());
    }
    w.end_object();
}

fn write_tool(w: &mut Writer<'_>, tool: &ToolSpec) {
    w.begin_object();
    w.field("type", "function");
    w.key("function");
    w.begin_object();
    w.field("name", tool.name.as_str());
    w.field("description", tool.description.as_str());
    w.key("parameters");
    w.raw(tool.parameters.text());
    w.end_object();
    w.end_object();
}

/// Writes what follows the core, the closing brace included.
fn write_tail(
    out: &mut Vec<u8>,
    request: &ChatRequest,
    model: &str,
    params: &RoleParams,
    accepts: Accepts,
) {
    if !request.tools.is_empty() && accepts.tool_choice() {
        write_tool_choice(out, &request.tool_choice);
    }
    write_format(out, request, accepts);
    field(out, "model", model);
    let config = &params.config;
    if let Some(temperature) = config.temperature
        && accepts.temperature()
    {
        field(out, "temperature", &temperature);
    }
    if let Some(top_p) = config.top_p
        && accepts.top_p()
    {
        field(out, "top_p", &top_p);
    }
    if let Some(limit) = config.max_tokens
        && let Some(name) = accepts.max_tokens_name()
    {
        field(out, name, &limit);
    }
    if let Some(seed) = config.seed
        && accepts.seed()
    {
        field(out, "seed", &sample_seed(seed, request.sample));
    }
    if !config.stop.is_empty() && accepts.stop() {
        field(out, "stop", &config.stop);
    }
    for ((name, value), (_, number)) in config.extra.iter().zip(params.extras()) {
        if accepts.extra(number) {
            field(out, name, value);
        }
    }
    out.push(b'}');
}

fn write_tool_choice(out: &mut Vec<u8>, choice: &ToolChoice) {
    match choice {
        ToolChoice::Auto => {}
        ToolChoice::None => field(out, "tool_choice", "none"),
        ToolChoice::Required => field(out, "tool_choice", "required"),
        ToolChoice::Named(name) => {
            out.extend_from_slice(
                b",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":",
            );
            Writer::new(out, Style::COMPACT).str(name);
            out.extend_from_slice(b"}}");
        }
    }
}

fn write_format(out: &mut Vec<u8>, request: &ChatRequest, accepts: Accepts) {
    match (accepts.form(request), &request.format) {
        (Form::Schema, ReplyFormat::JsonSchema { name, schema }) => {
            out.extend_from_slice(
                b",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":",
            );
            Writer::new(out, Style::COMPACT).str(name);
            out.extend_from_slice(b",\"strict\":true,\"schema\":");
            out.extend_from_slice(schema.text());
            out.extend_from_slice(b"}}");
        }
        (Form::Object, _) => {
            out.extend_from_slice(b",\"response_format\":{\"type\":\"json_object\"}");
        }
        (Form::Schema | Form::None, _) => {}
    }
}

/// The seed of a sample: the configured one moved by the sample number, so that a second try of the same prompt is a
/// second sample, in the 31 bits that every endpoint takes.
fn sample_seed(seed: u64, sample: u64) -> u64 {
    seed.wrapping_add(sample) & 0x7FFF_FFFF
}

fn field(out: &mut Vec<u8>, key: &str, value: &(impl WriteJson + ?Sized)) {
    out.push(b',');
    Writer::new(out, Style::COMPACT).str(key);
    out.push(b':');
    value.write_json(&mut Writer::new(out, Style::COMPACT));
}
