//! The judges of `judge.panel`.

use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::{Resolved, SettingError};
use forgemark_model::settings;

use super::RoleSettings;

/// How several judgements of one thing become its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The mean of the scores.
    Mean,
    /// Their median; the mean of the two in the middle where their number is even.
    Median,
}

impl Aggregate {
    /// The word in the configuration and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Aggregate::Mean => "mean",
            Aggregate::Median => "median",
        }
    }

    /// The score of scores; `None` without any.
    pub fn of(self, scores: &[f64]) -> Option<f64> {
        match self {
            Aggregate::Mean => forgemark_stats::mean(scores),
            Aggregate::Median => forgemark_stats::median(scores),
        }
    }
}

const PATH: &str = "judge.panel";
const FIELDS: [&str; 12] = [
    "name",
    "provider",
    "model",
    "base_url",
    "api_key_env",
    "temperature",
    "max_tokens",
    "top_p",
    "timeout_s",
    "max_retries",
    "extra",
    "wire",
];

/// Reads the panel. An entry is the name of a model or a mapping; what it leaves out it has from `judge`, the role
/// `llm.agents.judge`.
pub(super) fn panel(
    values: &Resolved,
    judge: &RoleSettings,
    problems: &mut Vec<SettingError>,
) -> Vec<RoleSettings> {
    let mut panel: Vec<RoleSettings> = Vec::new();
    let entries = values.get(PATH).as_array().unwrap_or_default();
    for (place, entry) in entries.iter().enumerate() {
        let path = format!("{PATH}[{place}]");
        let Some(seat) = seat(entry, &path, judge, problems) else {
            continue;
        };
        if panel.iter().any(|other| other.role == seat.role) {
            problems.push(
                SettingError::new(&path, format!("has the name {:?} a second time", seat.role))
                    .with_hint("give each entry a `name` of its own; to ask one judge several times set `judge.repeats`"),
            );
            continue;
        }
        panel.push(seat);
    }
    panel
}

fn seat(
    entry: &Json,
    path: &str,
    judge: &RoleSettings,
    problems: &mut Vec<SettingError>,
) -> Option<RoleSettings> {
    let bare = entry
        .as_str()
        .map(|model| Json::object([("model", Json::from(model))]));
    let entry = bare.as_ref().unwrap_or(entry);
    let Some(fields) = entry.as_object() else {
        problems.push(
            SettingError::new(path, format!("is {}", entry.type_name()))
                .with_hint("write the name of a model, or a mapping with `model`"),
        );
        return None;
    };
    settings::unknown_fields(entry, &FIELDS, path, problems);
    let mut found = judge.clone();
    path.clone_into(&mut found.path);
    let mut read = Reader {
        fields,
        path,
        problems,
    };
    if let Some(text) = read.text("provider") {
        // Another provider has another server and another key.
        found.provider = text;
        found.base_url.clear();
        found.api_key_env = None;
    }
    if let Some(text) = read.text("model") {
        found.model = text;
    }
    if let Some(text) = read.text("base_url") {
        found.base_url = text;
    }
    if let Some(text) = read.text("api_key_env") {
        found.api_key_env = Some(text);
    }
    if let Some(n) = read.number("temperature", 0.0, 100.0) {
        found.temperature = Some(n);
    }
    if let Some(n) = read.number("max_tokens", 1.0, 1e8) {
        found.max_tokens = Some(n as u64);
    }
    if let Some(n) = read.number("top_p", 0.0, 1.0) {
        found.top_p = Some(n);
    }
    if let Some(n) = read.number("timeout_s", 0.001, 86_400.0) {
        found.timeout_s = Some(n);
    }
    if let Some(n) = read.number("max_retries", 0.0, 99.0) {
        found.max_retries = Some(n as u64);
    }
    match fields.get("extra") {
        None | Some(Json::Null) => {}
        Some(Json::Object(extra)) => found.extra = Object::clone(extra),
        Some(other) => read.wrong("extra", other, "a mapping of request fields"),
    }
    let name = read.text("name").unwrap_or_else(|| found.agent_name());
    if let Some(wire) = settings::wire(entry, path, problems) {
        found.wire = Some(wire);
    }
    if found.model.is_empty() || matches!(name.as_str(), "" | "user" | "assistant") {
        problems.push(
            SettingError::new(path, "needs a model and a name that is no other role's")
                .with_hint("write `model: NAME`, or `{name: WORD, model: NAME}`"),
        );
        return None;
    }
    found.role = name;
    Some(found)
}

struct Reader<'a> {
    fields: &'a Object,
    path: &'a str,
    problems: &'a mut Vec<SettingError>,
}

impl Reader<'_> {
    fn wrong(&mut self, key: &str, found: &Json, wanted: &str) {
        let what = format!("{key} is {}", found.type_name());
        self.problems
            .push(SettingError::new(self.path, what).with_hint(format!("write {wanted}")));
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.fields.get(key)? {
            Json::Null => None,
            value => {
                let text = value.as_str().map(|text| text.trim().to_owned());
                if text.is_none() {
                    self.wrong(key, value, "text");
                }
                text
            }
        }
    }

    fn number(&mut self, key: &str, low: f64, high: f64) -> Option<f64> {
        match self.fields.get(key)? {
            Json::Null => None,
            value => {
                let number = value.as_f64().filter(|n| (low..=high).contains(n));
                if number.is_none() {
                    self.wrong(key, value, &format!("a number from {low} to {high}"));
                }
                number
            }
        }
    }
}
