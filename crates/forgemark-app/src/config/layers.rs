//! The layering itself: defaults, then the file, then the environment, then flags.

use std::collections::BTreeMap;

use forgemark_contract::json::{self, Json, Object};
use forgemark_contract::settings::{Key, Kind, Origin, Resolved, SettingError, Status};

use super::places::Places;
use super::problem::{ConfigError, Place, Problem, setting_message};
use super::suggest;
use super::value::{self, Rejected};
use super::yaml::{self, Entry, Node, Span, Value};
use super::{Inputs, Loaded};
use crate::env::{self, Environment};

/// Most keys that a warning names; of more it names the first and counts the rest.
const MAX_NAMED: usize = 3;

/// A value given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag with its dashes: `--set`, `--concurrency`.
    pub name: String,
    /// The key that it sets.
    pub path: String,
    /// The value as text.
    pub value: String,
}

impl Flag {
    /// A flag of its own, such as `--concurrency`, that sets one key.
    pub fn named(name: &str, path: &str, value: &dyn std::fmt::Display) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            value: value.to_string(),
        }
    }

    /// Reads the argument of `--set`: `key=value`, where an empty value is an empty text.
    ///
    /// # Errors
    /// What is wrong, for clap's message.
    pub fn parse_set(argument: &str) -> Result<Self, String> {
        match argument.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => Ok(Flag {
                name: "--set".to_owned(),
                path: path.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected key=value, such as run.batch_size=4".to_owned()),
        }
    }
}

pub(super) fn load(inputs: &Inputs<'_>) -> Result<Loaded, ConfigError> {
    let places = Places::of(inputs.file);
    let settings = Resolved::defaults(inputs.keys).map_err(|error| ConfigError {
        subject: "the table of keys (a bug in forgemark)".to_owned(),
        problems: vec![Problem {
            message: setting_message(&error),
            path: error.path,
            place: None,
            hints: Vec::new(),
        }],
    })?;
    let mut layers = Layers {
        keys: inputs.keys,
        settings,
        places,
        problems: Vec::new(),
        noted: BTreeMap::new(),
        warnings: Vec::new(),
    };
    if let Some(file) = inputs.file {
        layers.file(&file.text);
        layers.implied_in_file(inputs.env_implies);
    }
    layers.environment(inputs.env, inputs.env_implies);
    for flag in inputs.flags {
        layers.flag(flag);
    }
    if !layers.problems.is_empty() {
        return Err(ConfigError::new(layers.problems, &layers.places));
    }
    layers.note_statuses();
    Ok(Loaded {
        settings: layers.settings,
        warnings: layers.warnings,
        places: layers.places,
    })
}

struct Layers<'a> {
    keys: &'a [Key],
    settings: Resolved,
    places: Places,
    problems: Vec<Problem>,
    /// Keys that were set and are replaced or inert, with the place of the last setting.
    noted: BTreeMap<&'static str, (Status, Option<Place>)>,
    warnings: Vec<Problem>,
}

impl Layers<'_> {
    fn key(&self, path: &str) -> Option<Key> {
        self.keys.iter().find(|key| key.path == path).copied()
    }

    /// The path under which a key goes now. An earlier name, of it or of a section above it, is noted with its place.
    fn current(&mut self, path: String, place: Option<&Place>) -> String {
        let mut path = path;
        // A name may have changed twice; the table has no circles.
        while let Some((key, to)) = self.keys.iter().find_map(|key| match key.status {
            Status::Renamed(to) if is_within(&path, key.path) => Some((key, to)),
            _ => None,
        }) {
            self.noted.insert(key.path, (key.status, place.cloned()));
            path = format!("{to}{}", &path[key.path.len()..]);
        }
        path
    }

    fn problem(&mut self, message: String, path: &str, place: Option<Place>, hints: Vec<String>) {
        self.problems.push(Problem {
            message,
            path: path.to_owned(),
            place,
            hints,
        });
    }

    fn setting_problem(&mut self, error: &SettingError, place: Option<Place>) {
        let hints = error.hint.iter().cloned().collect();
        self.problem(setting_message(error), &error.path, place, hints);
    }

    fn file(&mut self, text: &str) {
        let parsed = yaml::parse(text);
        for problem in parsed.problems {
            let place = self.places.in_file(problem.at, &problem.label);
            self.problem(problem.what, "", place, problem.hint.into_iter().collect());
        }
        let Some(root) = parsed.root.filter(|root| !root.is_null()) else {
            if self.problems.is_empty() {
                let message = format!("{} is empty", self.places.subject());
                self.problem(
                    message,
                    "",
                    None,
                    vec!["`forgemark config keys` lists every key".to_owned()],
                );
            }
            return;
        };
        if let Value::Mapping(entries) = &root.value {
            self.section("", entries);
        } else {
            let message = "a configuration is a mapping of keys to values".to_owned();
            let place = self.places.in_file(root.at, "");
            let hint = "begin with a section, such as `run:`".to_owned();
            self.problem(message, "", place, vec![hint]);
        }
        // Syntax and duplicates were found first; the reader goes from top to bottom.
        self.problems.sort_by_key(|problem| {
            problem
                .place
                .as_ref()
                .map_or((0, 0), |p| (p.at.line, p.at.column))
        });
    }

    fn section(&mut self, section: &str, entries: &[Entry]) {
        for entry in entries {
            let place = self.places.in_file(entry.key_at, "");
            let path = self.current(suggest::join(section, &entry.key), place.as_ref());
            if let Some(key) = self.key(&path) {
                self.places.remember(&path, &entry.value);
                self.file_value(&key, &entry.value);
            } else if suggest::children(self.keys, &path).is_empty() {
                let hints = suggest::for_unknown(self.keys, section, &entry.key);
                self.problem(format!("unknown key `{path}`"), &path, place, hints);
            } else {
                self.subsection(&path, &entry.value);
            }
        }
    }

    fn subsection(&mut self, path: &str, node: &Node) {
        self.places.remember_section(path, node.at);
        match &node.value {
            Value::Mapping(entries) => self.section(path, entries),
            // A section whose keys are all commented out.
            _ if node.is_null() => {}
            _ => {
                let inside: Vec<String> = suggest::children(self.keys, path)
                    .iter()
                    .map(|child| format!("`{child}`"))
                    .collect();
                let hint = format!("`{path}` has {}", inside.join(", "));
                let place = self.places.in_file(node.at, "");
                self.problem(
                    format!("`{path}`: expected a mapping"),
                    path,
                    place,
                    vec![hint],
                );
            }
        }
    }

    fn file_value(&mut self, key: &Key, node: &Node) {
        let place = |layers: &Self, at: Span| layers.places.in_file(at, "");
        if matches!(self.settings.origin(key.path), Origin::File { .. }) {
            let message = format!("`{}` is set under an earlier name too", key.path);
            let hints = vec!["remove one of the two".to_owned()];
            return self.problem(message, key.path, place(self, node.at), hints);
        }
        match value::from_node(key, node) {
            Ok(value) => {
                let file = self.places.subject();
                let origin = Origin::File {
                    path: file,
                    line: node.at.line,
                    column: node.at.column,
                };
                let value = self.over_default(key, value);
                let place = place(self, node.at);
                self.set(key, value, origin, place);
            }
            Err(rejected) => {
                for Rejected { error, at } in rejected {
                    let place = place(self, at.unwrap_or(node.at));
                    self.setting_problem(&error, place);
                }
            }
        }
    }

    /// Free-form objects of the file are laid over the default, as the sections around them are.
    fn over_default(&self, key: &Key, value: Json) -> Json {
        match (key.kind, self.settings.get(key.path), &value) {
            (Kind::Map, Json::Object(default), Json::Object(over)) => {
                let mut merged = default.clone();
                value::merge(&mut merged, over);
                Json::Object(merged)
            }
            _ => value,
        }
    }

    fn environment(&mut self, env: &Environment, implies: &[(&str, &str, &str)]) {
        let keys = self.keys.iter();
        for key in keys.filter(|key| !matches!(key.status, Status::Renamed(_))) {
            let generic = env::generic_name(key.path);
            let mut winner: Option<(&str, &str)> = None;
            for name in std::iter::once(generic.as_str()).chain(key.env.iter().copied()) {
                match (env.get(name), winner) {
                    (Err(error), _) => self.problem(error.to_string(), key.path, None, Vec::new()),
                    (Ok(None), _) => {}
                    (Ok(Some(text)), None) => winner = Some((name, text)),
                    (Ok(Some(text)), Some((first, taken))) if text != taken => {
                        let message = format!(
                            "{name} is ignored: {first} also sets `{}` and comes first",
                            key.path
                        );
                        self.warnings.push(Problem {
                            message,
                            path: key.path.to_owned(),
                            place: None,
                            hints: Vec::new(),
                        });
                    }
                    (Ok(Some(_)), Some(_)) => {}
                }
            }
            if let Some((name, text)) = winner {
                self.text_value(key, Origin::Env(name.to_owned()), name, text);
            }
        }
        for (name, path, value) in implies {
            let set = matches!(env.get(name), Ok(Some(_)));
            let own = matches!(self.settings.origin(path), Origin::Env(_));
            if let (true, false, Some(key)) = (set, own, self.key(path)) {
                self.implied(&key, Origin::Env((*name).to_owned()), value);
            }
        }
        self.unknown_variables(env);
    }

    /// An earlier name may say what two keys say now.
    fn implied_in_file(&mut self, implies: &[(&str, &str, &str)]) {
        for (name, path, value) in implies {
            let Some((Status::Renamed(to), _)) = self.noted.get(name) else {
                continue;
            };
            let origin = self.settings.origin(to).clone();
            let own = matches!(self.settings.origin(path), Origin::File { .. });
            if let (false, Some(key)) = (own, self.key(path)) {
                self.implied(&key, origin, value);
            }
        }
    }

    fn implied(&mut self, key: &Key, origin: Origin, value: &str) {
        let checked =
            json::parse_str(value).map_err(|error| SettingError::new(key.path, error.to_string()));
        match checked.and_then(|value| key.check(&value)) {
            Ok(value) => self.set(key, value, origin, None),
            Err(error) => self.setting_problem(&error, None),
        }
    }

    /// A misspelt `FORGEMARK_RUN__BATCHSIZE` would otherwise do nothing, silently. It may also belong
    /// to another pipeline, so it is no error.
    fn unknown_variables(&mut self, env: &Environment) {
        let known: Vec<String> = self
            .keys
            .iter()
            .map(|key| env::generic_name(key.path))
            .collect();
        for name in env
            .names()
            .filter(|name| name.starts_with(env::PREFIX) && name.contains("__"))
        {
            if known.iter().any(|key| key == name) {
                continue;
            }
            let near =
                forgemark_contract::settings::nearest(name, known.iter().map(String::as_str));
            let Some(near) = near else { continue };
            self.warnings.push(Problem {
                message: format!(
                    "the environment variable {name} sets no key; did you mean {near}?"
                ),
                path: String::new(),
                place: None,
                hints: Vec::new(),
            });
        }
    }

    fn text_value(&mut self, key: &Key, origin: Origin, shown: &str, text: &str) {
        let place = Places::in_text(&origin, shown, text);
        match value::from_text(key, text) {
            Ok(value) => {
                self.places.remember_text(key.path, place.clone());
                self.set(key, value, origin, Some(place));
            }
            Err(error) => self.setting_problem(&error, Some(place)),
        }
    }

    fn flag(&mut self, flag: &Flag) {
        let origin = Origin::Flag(flag.name.clone());
        let given = Places::in_text(&origin, &flag.path, &flag.value);
        let path = self.current(flag.path.clone(), Some(&given));
        let flag = &Flag {
            path,
            ..flag.clone()
        };
        // A flag of its own does not name the key.
        let shown = if flag.name == "--set" {
            flag.path.as_str()
        } else {
            flag.name.as_str()
        };
        if let Some(key) = self.key(&flag.path) {
            return self.text_value(&key, origin, shown, &flag.value);
        }
        let place = Places::in_text(&origin, shown, &flag.value);
        // `--set llm.agents.user.extra.top_k=5`: one value inside a free-form object.
        let above = self
            .keys
            .iter()
            .find(|key| key.kind == Kind::Map && is_within(&flag.path, key.path));
        if let Some(key) = above.copied() {
            let inner = &flag.path[key.path.len() + 1..];
            return match yaml::parse_json(&flag.value) {
                Ok(value) => {
                    let mut object = self.settings.get(key.path).clone().into_object();
                    value::merge(&mut object, &nested(inner, value));
                    self.places.remember_text(&flag.path, place.clone());
                    self.set(&key, Json::Object(object), origin, Some(place));
                }
                Err(problem) => {
                    self.problem(
                        format!("`{}`: {}", flag.path, problem.what),
                        &flag.path,
                        Some(place),
                        problem.hint.into_iter().collect(),
                    );
                }
            };
        }
        let children = suggest::children(self.keys, &flag.path);
        let (message, hints) = if children.is_empty() {
            (
                format!("unknown key `{}`", flag.path),
                suggest::for_unknown_path(self.keys, &flag.path),
            )
        } else {
            let inside: Vec<String> = children
                .iter()
                .map(|child| format!("`{}.{child}`", flag.path))
                .collect();
            (
                format!("`{}` is a section, not a key", flag.path),
                vec![format!("it has {}", inside.join(", "))],
            )
        };
        let at = Span {
            line: 1,
            column: 1,
            len: flag.path.chars().count(),
        };
        self.problem(message, &flag.path, Some(Place { at, ..place }), hints);
    }

    fn set(&mut self, key: &Key, value: Json, origin: Origin, place: Option<Place>) {
        match key.status {
            Status::Honoured | Status::Renamed(_) => {}
            Status::Refused(why) => {
                // What repeats the default or says nothing asks for nothing.
                if value != *self.settings.get(key.path) && value.is_truthy() {
                    self.problem(
                        format!("`{}` is refused: {why}", key.path),
                        key.path,
                        place,
                        Vec::new(),
                    );
                }
                return;
            }
            status @ (Status::Replaced(_) | Status::Inert(_)) => {
                self.noted.insert(key.path, (status, place));
            }
        }
        self.settings.set(key.path, value, origin);
    }

    /// One warning for each reason, with all keys that it concerns.
    fn note_statuses(&mut self) {
        let mut reasons: BTreeMap<String, Vec<(&str, Option<Place>)>> = BTreeMap::new();
        for (path, (status, place)) in std::mem::take(&mut self.noted) {
            let reason = match status {
                Status::Replaced(by) => format!("replaced: {by}"),
                Status::Inert(why) => format!("without effect: {why}"),
                Status::Renamed(to) => format!("an earlier name: write `{to}`"),
                Status::Honoured | Status::Refused(_) => continue,
            };
            reasons.entry(reason).or_default().push((path, place));
        }
        for (reason, mut keys) in reasons {
            keys.sort_by_key(|(_, place)| place.as_ref().map(|place| place.at));
            let mut names: Vec<String> = keys
                .iter()
                .take(MAX_NAMED)
                .map(|(path, _)| format!("`{path}`"))
                .collect();
            if keys.len() > MAX_NAMED {
                names.truncate(1);
                names.push(format!("{} more keys", keys.len() - 1));
            }
            let last = names.pop().unwrap_or_default();
            let (names, are) = if names.is_empty() {
                (last, "is")
            } else {
                (format!("{} and {last}", names.join(", ")), "are")
            };
            self.warnings.push(Problem {
                message: format!("{names} {are} {reason}"),
                path: keys[0].0.to_owned(),
                place: keys.swap_remove(0).1,
                hints: Vec::new(),
            });
        }
    }
}

/// Whether a path is that of a section or below it.
fn is_within(path: &str, section: &str) -> bool {
    path.strip_prefix(section)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `a.b` and a value as `{a: {b: value}}`.
fn nested(path: &str, value: Json) -> Object {
    match path.split_once('.') {
        None => Object::from([(path, value)]),
        Some((head, rest)) => Object::from([(head, Json::Object(nested(rest, value)))]),
    }
}
