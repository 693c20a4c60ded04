//! A model as a configuration names it, and the fields of any entry of a list.

use forgemark_contract::arena::slug;
use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::{SettingError, nearest};
use forgemark_model::settings::{self, RoleSettings};

use super::{Model, Reasoning, Role, reasoning_extra};

/// Fields of a model; `api_key` is known so that it gets its own words.
const MODEL_FIELDS: [&str; 20] = [
    "name",
    "roles",
    "display_name",
    "aliases",
    "provider",
    "model",
    "base_url",
    "endpoints",
    "api_key_env",
    "api_key",
    "wire",
    "batch",
    "temperature",
    "top_p",
    "max_tokens",
    "reasoning",
    "timeout_s",
    "max_retries",
    "extra",
    "skill",
];

/// What holds for every model that does not say otherwise.
pub(super) struct Models {
    pub(super) api_key_env: Option<String>,
    pub(super) temperature: Option<f64>,
    pub(super) reasoning: Option<Reasoning>,
    pub(super) batch: bool,
}

impl Models {
    /// The model of an entry, a name or a mapping, at `path`.
    pub(super) fn model(
        &self,
        entry: &Json,
        path: &str,
        problems: &mut Vec<SettingError>,
    ) -> Option<Model> {
        let bare = entry
            .as_str()
            .map(|name| Json::object([("name", Json::from(name))]));
        let entry = bare.as_ref().unwrap_or(entry);
        if entry.as_object().is_none() {
            problems.push(
                SettingError::new(path, format!("is {}", entry.type_name()))
                    .with_hint("write a name, or a mapping with name"),
            );
            return None;
        }
        settings::unknown_fields(entry, &MODEL_FIELDS, path, problems);
        if entry.get("api_key").is_some() {
            problems.push(
                SettingError::new(path, "holds a key in the file").with_hint(
                    "put the key into an environment variable and name it in api_key_env",
                ),
            );
        }
        let mut fields = Fields {
            entry,
            path,
            problems,
        };
        let model_name = fields.text("model");
        let name = fields
            .text("name")
            .or_else(|| model_name.clone())
            .unwrap_or_default();
        if name.is_empty() {
            fields.problem("has no name", "write `name: PROVIDER/MODEL`");
            return None;
        }
        let roles = fields.roles();
        let reasoning = match fields.word("reasoning", &Reasoning::ALL.map(Reasoning::as_str)) {
            Field::Absent => self.reasoning,
            Field::Null => None,
            Field::Value(word) => reasoning(&word),
        };
        let temperature = match fields.number("temperature", 0.0, 100.0) {
            Field::Absent => self.temperature,
            Field::Null => None,
            Field::Value(number) => Some(number),
        };
        let skill = fields.number("skill", 0.0, 1.0).value();
        let mut extra = match entry.get("extra") {
            None | Some(Json::Null) => Object::new(),
            Some(Json::Object(extra)) => extra.clone(),
            Some(other) => {
                let what = format!("extra is {}", other.type_name());
                fields.problem(what, "write a mapping of request fields");
                Object::new()
            }
        };
        if let Some(reasoning) = reasoning {
            reasoning_extra(&mut extra, reasoning);
        }
        let wire = model_name.unwrap_or_else(|| name.clone());
        let is_solver = wire == super::super::solver::NAME;
        if is_solver && skill.is_none() {
            fields.problem(
                "is an offline:solver without a skill",
                "add `skill: 0.8`, a number from 0 (always wrong) to 1 (never wrong)",
            );
        }
        if !is_solver && skill.is_some() {
            fields.problem(
                format!("has a skill, but its model is {wire}"),
                "skills are for `model: offline:solver`; remove it",
            );
        }
        let slug = slug(&name);
        // Solvers are models of their own, with calls of their own, however they are called.
        let wire = match skill {
            Some(skill) => format!("{wire}/{slug}/{skill}"),
            None => wire,
        };
        let call = RoleSettings {
            role: slug.clone(),
            path: path.to_owned(),
            provider: fields.text("provider").unwrap_or_default(),
            model: wire,
            base_url: fields.text("base_url").unwrap_or_default(),
            temperature,
            max_tokens: fields
                .number("max_tokens", 1.0, 1e8)
                .value()
                .map(|n| n as u64),
            top_p: fields.number("top_p", 0.0, 1.0).value(),
            timeout_s: fields.number("timeout_s", 0.001, 86_400.0).value(),
            max_retries: fields
                .number("max_retries", 0.0, 99.0)
                .value()
                .map(|n| n as u64),
            api_key_env: fields
                .text("api_key_env")
                .or_else(|| self.api_key_env.clone()),
            extra,
            endpoints: Vec::new(),
            wire: settings::wire(entry, path, fields.problems),
            batch: fields.flag("batch").unwrap_or(self.batch),
        };
        let display_name = fields.text("display_name").unwrap_or_else(|| name.clone());
        let aliases = fields.texts("aliases");
        let endpoints = match entry.get("endpoints") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(items)) => settings::entry_endpoints(
                items,
                &format!("{path}.endpoints"),
                call.api_key_env.as_deref(),
                problems,
            ),
            Some(other) => {
                let what = format!("endpoints is {}", other.type_name());
                problems.push(SettingError::new(path, what).with_hint("write a list of base URLs"));
                Vec::new()
            }
        };
        Some(Model {
            name,
            slug,
            display_name,
            aliases,
            roles,
            call: RoleSettings { endpoints, ..call },
            reasoning,
            skill,
        })
    }
}

/// The word of a configuration.
pub(super) fn reasoning(word: &str) -> Option<Reasoning> {
    Reasoning::ALL
        .into_iter()
        .find(|known| known.as_str() == word)
}

/// A field of an entry.
pub(super) enum Field<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Field<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Field::Value(value) => Some(value),
            Field::Absent | Field::Null => None,
        }
    }
}

/// Reads the fields of an entry; what is wrong goes to `problems`.
pub(super) struct Fields<'a> {
    pub(super) entry: &'a Json,
    pub(super) path: &'a str,
    pub(super) problems: &'a mut Vec<SettingError>,
}

impl Fields<'_> {
    pub(super) fn problem(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .push(SettingError::new(self.path, what).with_hint(hint));
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.entry.get(key) {
            None | Some(Json::Null) => None,
            Some(Json::Str(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(other) => {
                let what = format!("{key} is {}, but must be text", other.type_name());
                self.problem(
                    what,
                    format!("write `{key}: ...`, in quotes if it looks like a number"),
                );
                None
            }
        }
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let items = match self.entry.get(key) {
            None | Some(Json::Null) => return Vec::new(),
            Some(Json::Array(items)) if items.iter().all(Json::is_string) => items,
            Some(_) => {
                self.problem(
                    format!("{key} is no list of texts"),
                    format!("write `{key}: [\"...\", \"...\"]`"),
                );
                return Vec::new();
            }
        };
        items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    }

    pub(super) fn number(&mut self, key: &str, min: f64, max: f64) -> Field<f64> {
        match self.entry.get(key) {
            None => Field::Absent,
            Some(Json::Null) => Field::Null,
            Some(value) => {
                let number = value.as_f64().filter(|n| (min..=max).contains(n));
                if number.is_none() {
                    self.problem(
                        format!("{key} is no number from {min} to {max}"),
                        format!("correct `{key}` or remove it"),
                    );
                }
                number.map_or(Field::Null, Field::Value)
            }
        }
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.entry.get(key) {
            None | Some(Json::Null) => None,
            Some(Json::Bool(flag)) => Some(*flag),
            Some(other) => {
                let what = format!("{key} is {}, but must be true or false", other.type_name());
                self.problem(what, format!("write `{key}: true` or `{key}: false`"));
                None
            }
        }
    }

    fn word(&mut self, key: &str, known: &[&str]) -> Field<String> {
        match self.entry.get(key) {
            None => Field::Absent,
            Some(Json::Null) => Field::Null,
            Some(value) => {
                let word = value.as_str().filter(|word| known.contains(word));
                if word.is_none() {
                    let hint = format!("known: {}, null", known.join(", "));
                    self.problem(format!("{key} is none of the words that there are"), hint);
                }
                word.map_or(Field::Null, |word| Field::Value(word.to_owned()))
            }
        }
    }

    /// The roles; all when none are named.
    fn roles(&mut self) -> Vec<Role> {
        if self.entry.get("roles").is_none_or(Json::is_null) {
            return Role::ALL.to_vec();
        }
        let mut roles = Vec::new();
        for word in self.texts("roles") {
            let found = Role::ALL.into_iter().find(|role| role.as_str() == word);
            if found.is_none() {
                let known = Role::ALL.map(Role::as_str);
                let hint = match nearest(&word, known) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("known: {}", known.join(", ")),
                };
                self.problem(format!("has no role {word:?} to take"), hint);
            }
            roles.extend(found);
        }
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}
