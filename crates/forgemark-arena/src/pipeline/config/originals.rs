//! The configuration files of the original, read as they are: `models.json`, `runs.json`, `topic_info.json`, `parsing.json`,
//! `illposed_overrides.json`.
//!
//! A model of `models.json` has the default temperature where it has none, and the provider's where it is null; the default itself
//! is 0.2 where the file has none, as in the original. An entry without roles has all of them.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object, parse};
use forgemark_contract::settings::{Resolved, SettingError, nearest};

use super::model::Models;
use super::place::{Step, line};
use super::read::{ReadFile, run};
use super::{IllPosedOverride, Model, OverrideKey, Run, Topic};

/// How the message begins of a file that is not there.
pub(super) const MISSING: &str = "there is no file";

/// Temperature of models that say nothing in a file that says nothing.
const DEFAULT_TEMPERATURE: f64 = 0.2;

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Originals {
    pub(super) models: Vec<Model>,
    pub(super) runs: Vec<Run>,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) parser: Option<Model>,
    pub(super) overrides: Vec<IllPosedOverride>,
}

/// A file that was parsed.
struct Source {
    /// The key of the configuration that names it.
    path: &'static str,
    name: String,
    text: String,
    value: Json,
}

impl Source {
    /// An error at a place of the file, named by the file and its line.
    fn error(&self, at: &[Step<'_>], what: &str) -> SettingError {
        let line = line(&self.text, at);
        SettingError::new(self.path, format!("{}:{line}: {what}", self.name))
    }

    /// Gives the problems that were found while an entry was read the file's place.
    fn place(&self, at: &[Step<'_>], found: Vec<SettingError>, problems: &mut Vec<SettingError>) {
        for error in found {
            let placed = self.error(at, &format!("{} {}", error.path, error.what));
            problems.push(match error.hint {
                Some(hint) => placed.with_hint(hint),
                None => placed,
            });
        }
    }

    fn unknown(
        &self,
        at: &[Step<'_>],
        object: &Object,
        known: &[&str],
        problems: &mut Vec<SettingError>,
    ) {
        for key in object.keys().filter(|key| !known.contains(key)) {
            let mut place = at.to_vec();
            place.push(Step::Key(key));
            let error = self.error(&place, &format!("there is no key {key:?}"));
            problems.push(match nearest(key, known.iter().copied()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint(format!("known keys: {}", known.join(", "))),
            });
        }
    }
}

impl Originals {
    pub(super) fn read(
        values: &Resolved,
        file: &ReadFile<'_>,
        models: &Models,
        problems: &mut Vec<SettingError>,
    ) -> Result<Self, SettingError> {
        let folder = values.opt_str("configs")?;
        let mut found = 0;
        let mut open = |key: &'static str, name: &str, problems: &mut Vec<SettingError>| {
            let own = values.opt_str(key)?;
            let path = match (own, folder) {
                (Some(path), _) => path.to_owned(),
                (None, Some(folder)) => format!("{}/{name}", folder.trim_end_matches('/')),
                (None, None) => return Ok(None),
            };
            let source = load(
                own.map_or("configs", |_| key),
                &path,
                own.is_some(),
                file,
                problems,
            );
            found += usize::from(source.is_some());
            Ok::<_, SettingError>(source)
        };
        let sources = [
            open("files.models", "models.json", problems)?,
            open("files.runs", "runs.json", problems)?,
            open("files.topics", "topic_info.json", problems)?,
            open("files.parsing", "parsing.json", problems)?,
            open(
                "files.illposed_overrides",
                "illposed_overrides.json",
                problems,
            )?,
        ];
        if let Some(folder) = folder
            && found == 0
            && problems.is_empty()
        {
            problems.push(
                SettingError::new("configs", format!("{MISSING} models.json, runs.json, topic_info.json, parsing.json or illposed_overrides.json in {folder:?}"))
                    .with_hint("name the folder that holds them, relative to the configuration"),
            );
        }
        let [registry, runs, topics, parsing, overrides] = sources;
        Ok(Self {
            models: registry.map_or_else(Vec::new, |source| read_models(&source, models, problems)),
            runs: runs.map_or_else(Vec::new, |source| read_runs(&source, problems)),
            topics: topics.map_or_else(BTreeMap::new, |source| read_topics(&source, problems)),
            parser: parsing.and_then(|source| read_parser(&source, models, problems)),
            overrides: overrides.map_or_else(Vec::new, |source| read_overrides(&source, problems)),
        })
    }
}

fn load(
    key: &'static str,
    path: &str,
    needed: bool,
    file: &ReadFile<'_>,
    problems: &mut Vec<SettingError>,
) -> Option<Source> {
    let bytes = match file(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            if needed {
                problems.push(
                    SettingError::new(key, format!("{MISSING} {path:?}"))
                        .with_hint("paths are relative to the configuration"),
                );
            }
            return None;
        }
        Err(error) => {
            problems.push(SettingError::new(key, error));
            return None;
        }
    };
    match parse(&bytes) {
        Ok(value) => Some(Source {
            path: key,
            name: path.to_owned(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            value,
        }),
        Err(error) => {
            let what = format!(
                "{path}:{}:{}: not JSON: {}",
                error.line, error.column, error.what
            );
            problems.push(SettingError::new(key, what).with_hint("correct the file"));
            None
        }
    }
}

fn read_models(source: &Source, models: &Models, problems: &mut Vec<SettingError>) -> Vec<Model> {
    let known = ["default_temperature", "default_reasoning", "models"];
    if let Some(object) = source.value.as_object() {
        source.unknown(&[], object, &known, problems);
    }
    let Some(entries) = source.value.at("models").as_array() else {
        let error = source.error(&[Step::Key("models")], "there is no list `models`");
        problems.push(error.with_hint("write {\"models\": [{\"name\": \"provider/model\"}]}"));
        return Vec::new();
    };
    let default = |key: &str, fallback: Json| source.value.get(key).cloned().unwrap_or(fallback);
    let temperature = default("default_temperature", Json::Float(DEFAULT_TEMPERATURE));
    let reasoning = default("default_reasoning", Json::Null);
    let mut read = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = [Step::Key("models"), Step::Index(index)];
        let mut entry = entry.clone();
        if let Some(object) = entry.as_object_mut() {
            for (key, value) in [("temperature", &temperature), ("reasoning", &reasoning)] {
                if !object.contains_key(key) {
                    object.insert(key, value.clone());
                }
            }
        }
        let mut found = Vec::new();
        let label = match entry.at("name").as_str() {
            Some(name) => format!("the model {name:?}"),
            None => format!("model {index}"),
        };
        let model = models.model(&entry, &label, &mut found);
        source.place(&at, found, problems);
        read.extend(model.map(|mut model| {
            model.call.path = format!("{}[{index}]", source.path);
            model
        }));
    }
    read
}

fn read_runs(source: &Source, problems: &mut Vec<SettingError>) -> Vec<Run> {
    let Some(object) = source.value.as_object() else {
        let error = source.error(&[], "the file is no object of runs");
        problems.push(error.with_hint("write {\"1\": {\"topic\": \"number_theory\"}}"));
        return Vec::new();
    };
    let mut runs = Vec::new();
    for (id, entry) in object {
        let mut found = Vec::new();
        runs.extend(run(id, entry, &format!("run {id}"), &mut found));
        source.place(&[Step::Key(id)], found, problems);
    }
    runs
}

fn read_topics(source: &Source, problems: &mut Vec<SettingError>) -> BTreeMap<String, Topic> {
    let Some(entries) = source.value.as_array() else {
        let error = source.error(&[], "the file is no list of topics");
        problems.push(
            error.with_hint("write [{\"slug\": \"number_theory\", \"name\": \"Number theory\"}]"),
        );
        return BTreeMap::new();
    };
    let mut topics = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let at = [Step::Index(index)];
        if let Some(object) = entry.as_object() {
            source.unknown(
                &at,
                object,
                &["code", "name", "core_mathematics", "slug"],
                problems,
            );
        }
        match (entry.at("slug").as_str(), entry.at("name").as_str()) {
            (Some(slug), Some(name)) => {
                let topic = Topic {
                    slug: slug.to_owned(),
                    name: name.to_owned(),
                };
                topics.insert(slug.to_owned(), topic);
            }
            _ => problems.push(
                source
                    .error(&at, "the topic has no slug or no name")
                    .with_hint("give it both, as texts"),
            ),
        }
    }
    topics
}

fn read_parser(
    source: &Source,
    models: &Models,
    problems: &mut Vec<SettingError>,
) -> Option<Model> {
    if let Some(object) = source.value.as_object() {
        source.unknown(
            &[],
            object,
            &["model", "temperature", "reasoning"],
            problems,
        );
    }
    let mut found = Vec::new();
    let parser = models.model(&source.value, "the parser", &mut found);
    source.place(&[], found, problems);
    parser.map(|mut parser| {
        source.path.clone_into(&mut parser.call.path);
        parser
    })
}

fn read_overrides(source: &Source, problems: &mut Vec<SettingError>) -> Vec<IllPosedOverride> {
    if let Some(object) = source.value.as_object() {
        source.unknown(&[], object, &["overrides"], problems);
    }
    let Some(pairs) = source.value.at("overrides").as_object() else {
        let error = source.error(&[], "there is no object `overrides`");
        problems.push(
            error.with_hint("write {\"overrides\": {\"questioner/answerer\": {\"0\": \"why\"}}}"),
        );
        return Vec::new();
    };
    let mut overrides = Vec::new();
    for (pair, reasons) in pairs {
        let at = [Step::Key("overrides"), Step::Key(pair)];
        let (Some((questioner, answerer)), Some(reasons)) =
            (pair.split_once('/'), reasons.as_object())
        else {
            let error = source.error(&at, &format!("{pair:?} is no pair of slugs with an object"));
            problems.push(error.with_hint("write \"questioner/answerer\": {\"0\": \"why\"}"));
            continue;
        };
        for (key, reason) in reasons {
            let mut place = at.to_vec();
            place.push(Step::Key(key));
            let (Some(reason), Some(question)) = (reason.as_str(), override_key(key)) else {
                let error = source.error(
                    &place,
                    &format!("{key:?} is no place in the answers, or its reason no text"),
                );
                problems.push(error.with_hint(
                    "the key is the answer's place from 0, or run:ID or run:ID:ATTEMPT",
                ));
                continue;
            };
            overrides.push(IllPosedOverride {
                questioner: questioner.to_owned(),
                answerer: answerer.to_owned(),
                question,
                reason: reason.to_owned(),
            });
        }
    }
    overrides
}

/// `3` is a place, `run:12` a run, `run:12:2` a run and attempt.
fn override_key(key: &str) -> Option<OverrideKey> {
    let Some(run) = key.strip_prefix("run:") else {
        return key.parse().ok().map(OverrideKey::Index);
    };
    let (id, outer_attempt) = match run.rsplit_once(':') {
        Some((id, attempt)) => (id, Some(attempt.parse().ok()?)),
        None => (run, None),
    };
    (!id.is_empty()).then(|| OverrideKey::Run {
        id: id.to_owned(),
        outer_attempt,
    })
}
