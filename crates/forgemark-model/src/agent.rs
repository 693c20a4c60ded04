//! Models that live in this process: the offline agents, and scripted ones in tests.
//!
//! An agent sees the same request as an endpoint. Its reply is turned into the body that an endpoint would have sent and
//! goes through the same parser and the same journal, so a pipeline cannot tell the difference and a resumed run does not
//! ask the agent again. Agents run inline, on the task of the caller: they must not block, and should stay below a
//! millisecond.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use forgemark_contract::json::{Json, Style, Writer, to_compact};

use crate::chat::{ChatRequest, Finish, Usage};

/// A model in this process.
pub trait Agent: Send + Sync {
    /// The reply to `request`. It must be a function of the request alone (`request.sample` included): the journal
    /// relies on it no more than with an endpoint, but byte-identical runs do.
    fn reply(&self, request: &ChatRequest) -> AgentReply;
}

/// What an agent says.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReply {
    /// The text; may be empty when tools are called.
    pub content: String,
    /// What it thought, if it says so.
    pub reasoning: Option<String>,
    /// The tools that it calls.
    pub tool_calls: Vec<AgentToolCall>,
    /// Why it stopped. [`AgentReply::text`] and [`AgentReply::tools`] set the usual ones.
    pub finish: Finish,
    /// Tokens, for an agent that counts them; `None` reports no usage.
    pub usage: Option<Usage>,
}

/// A tool call of an agent. Ids are given when the reply is read.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Json,
}

impl AgentReply {
    /// A reply of text.
    pub fn text(content: impl Into<String>) -> Self {
        AgentReply {
            content: content.into(),
            reasoning: None,
            tool_calls: Vec::new(),
            finish: Finish::Stop,
            usage: None,
        }
    }

    /// A reply of one JSON value, as text.
    pub fn json(value: &Json) -> Self {
        let text = to_compact(value);
        AgentReply::text(String::from_utf8_lossy(&text))
    }

    /// A reply that calls tools.
    pub fn tools(calls: Vec<AgentToolCall>) -> Self {
        AgentReply {
            tool_calls: calls,
            finish: Finish::ToolCalls,
            ..AgentReply::text("")
        }
    }
}

/// The body that an endpoint would have sent for this reply. Equal replies give equal bytes.
pub(crate) fn raw_body(model: &str, reply: &AgentReply) -> Bytes {
    let mut out = Vec::with_capacity(reply.content.len() + 256);
    let mut w = Writer::new(&mut out, Style::COMPACT);
    w.begin_object();
    w.field("object", "chat.completion");
    w.field("model", model);
    w.key("choices");
    w.begin_array();
    w.begin_object();
    w.field("index", &0_u64);
    w.key("message");
    write_message(&mut w, reply);
    w.field("finish_reason", reply.finish.as_str());
    w.end_object();
    w.end_array();
    if let Some(usage) = reply.usage {
        w.key("usage");
        write_usage(&mut w, usage);
    }
    w.end_object();
    Bytes::from(out)
}

fn write_message(w: &mut Writer<'_>, reply: &AgentReply) {
    w.begin_object();
    w.field("role", "assistant");
    w.field("content", reply.content.as_str());
    if let Some(reasoning) = &reply.reasoning {
        w.field("reasoning_content", reasoning.as_str());
    }
    if reply.finish == Finish::Refusal {
        w.field("refusal", reply.content.as_str());
    }
    if !reply.tool_calls.is_empty() {
        w.key("tool_calls");
        w.begin_array();
        for call in &reply.tool_calls {
            let arguments = to_compact(&call.arguments);
            w.begin_object();
            w.field("type", "function");
            w.key("function");
            w.begin_object();
            w.field("name", call.name.as_str());
            w.field("arguments", &*String::from_utf8_lossy(&arguments));
            w.end_object();
            w.end_object();
        }
        w.end_array();
    }
    w.end_object();
}

fn write_usage(w: &mut Writer<'_>, usage: Usage) {
    w.begin_object();
    w.field("prompt_tokens", &usage.prompt);
    w.field("completion_tokens", &usage.completion);
    w.field("total_tokens", &(usage.prompt + usage.completion));
    w.key("prompt_tokens_details");
    w.begin_object();
    w.field("cached_tokens", &usage.cached);
    w.end_object();
    w.key("completion_tokens_details");
    w.begin_object();
    w.field("reasoning_tokens", &usage.reasoning);
    w.end_object();
    w.end_object();
}
