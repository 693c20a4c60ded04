//! Rules made ready: nothing left open, templates and search texts prepared.

use forgemark_contract::json::Json;
use memchr::memmem::Finder;

use crate::scripted::completion::escape_into;
use crate::scripted::fault::{Fault, FaultRule};
use crate::scripted::latency::Latency;
use crate::scripted::scan::Scan;
use crate::scripted::script::{Behaviour, Reply, Rule, ScriptError, Stall};
use crate::scripted::template::Template;

/// A rule with nothing left open.
#[derive(Debug)]
pub(super) struct Compiled {
    role: Option<String>,
    /// As it stands in a body.
    model: Option<Vec<u8>>,
    contains: Vec<Finder<'static>>,
    pub(super) replies: Vec<Said>,
    pub(super) latency: Latency,
    pub(super) stall: Stall,
    pub(super) reply_bytes: usize,
    pub(super) fail: Vec<Option<Fault>>,
    pub(super) faults: Vec<FaultRule>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Text(Template),
    ToolCall { name: String, arguments: Template },
    Dialogue,
}

impl Compiled {
    pub(super) fn matches(&self, role: &str, body: &[u8], scan: &Scan<'_>) -> bool {
        self.role.as_ref().is_none_or(|wanted| wanted == role)
            && self
                .model
                .as_ref()
                .is_none_or(|wanted| wanted == scan.model)
            && self.contains.iter().all(|text| text.find(body).is_some())
    }
}

pub(super) fn or(first: &Behaviour, second: &Behaviour) -> Behaviour {
    Behaviour {
        replies: first.replies.clone().or_else(|| second.replies.clone()),
        latency: first.latency.or(second.latency),
        stall: first.stall.or(second.stall),
        reply_bytes: first.reply_bytes.or(second.reply_bytes),
        fail: first.fail.clone().or_else(|| second.fail.clone()),
        faults: first.faults.clone().or_else(|| second.faults.clone()),
    }
}

pub(super) fn compile(path: &str, rule: &Rule) -> Result<Compiled, ScriptError> {
    let behaviour = &rule.behaviour;
    let escaped = |text: &str| {
        let mut bytes = Vec::new();
        escape_into(&mut bytes, text.as_bytes());
        bytes
    };
    let replies = behaviour.replies.as_deref().unwrap_or_default();
    if replies.is_empty() {
        return Err(ScriptError::new(&format!("{path}reply"), "is empty"));
    }
    let said = replies.iter().enumerate().map(|(n, reply)| {
        let place = |what: String| ScriptError::new(&format!("{path}reply[{n}]"), what);
        Ok(match reply {
            Reply::Text(text) => Said::Text(Template::text(text).map_err(place)?),
            Reply::Json(value) => Said::Text(Template::json(value).map_err(place)?),
            Reply::ToolCall { name, arguments } => Said::ToolCall {
                name: name.clone(),
                arguments: match arguments {
                    Json::Str(text) => Template::text(text),
                    value => Template::json(value),
                }
                .map_err(place)?,
            },
            Reply::Dialogue => Said::Dialogue,
        })
    });
    Ok(Compiled {
        role: rule.matcher.role.clone(),
        model: rule.matcher.model.as_deref().map(escaped),
        contains: rule
            .matcher
            .contains
            .iter()
            .map(|text| Finder::new(&escaped(text)).into_owned())
            .collect(),
        replies: said.collect::<Result<_, _>>()?,
        latency: behaviour.latency.unwrap_or(Latency::NONE),
        stall: behaviour.stall.unwrap_or(Stall { rate: 0.0, ms: 0.0 }),
        reply_bytes: behaviour.reply_bytes.unwrap_or(0),
        fail: behaviour.fail.clone().unwrap_or_default(),
        faults: behaviour.faults.clone().unwrap_or_default(),
    })
}
