//! From resolved values to the typed configuration, and the conflicts between keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgemark_contract::arena::{Epoch, slug};
use forgemark_contract::json::Json;
use forgemark_contract::settings::{Resolved, SettingError, nearest};
use forgemark_model::settings;

use super::model::{Field, Fields, Models, reasoning};
use super::originals::{self, Originals};
use super::{
    AnswerSettings, Confidence, ControlSettings, CritiqueMode, CritiqueSettings, CustomCritique,
    DebateSettings, Gate, JudgeSettings, Model, Protocol, QuestionSettings, Run, Settings, Topic,
};
use crate::policy::{PRESETS, Policy};

/// Reads a file that the configuration names, relative to it. `None` says that there is no such file; an error is a fragment
/// (`cannot read ...`).
pub type ReadFile<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, String> + 'a;

impl Settings {
    /// Types the resolved values. `file` reads what they name.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path it concerns; what stands in a file of the original is named with the file and
    /// its line.
    pub fn new(values: &Resolved, file: &ReadFile<'_>) -> Result<Self, Vec<SettingError>> {
        let mut problems = Vec::new();
        match read(values, file, &mut problems) {
            Ok(settings) if problems.is_empty() => Ok(settings),
            Ok(_) => Err(problems),
            Err(error) => {
                problems.push(error);
                Err(problems)
            }
        }
    }

    /// Finds what is wrong with the values alone, without the files that they name.
    ///
    /// # Errors
    /// As [`Settings::new`].
    pub fn check(values: &Resolved) -> Result<(), Vec<SettingError>> {
        let named = ["configs", "files.models", "files.runs", "files.topics"];
        let elsewhere = named.iter().any(|path| values.is_set(path));
        let mut problems = Vec::new();
        if let Err(error) = read(values, &|_| Ok(None), &mut problems) {
            problems.push(error);
        }
        // What only the files can say is not missed here.
        problems.retain(|error| {
            let missing = error.what.starts_with(originals::MISSING) || error.path == "policy";
            let needs = elsewhere
                && ["models", "runs", "topics", "critiques.custom"].contains(&error.path.as_str());
            !missing && !needs
        });
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn read(
    values: &Resolved,
    file: &ReadFile<'_>,
    problems: &mut Vec<SettingError>,
) -> Result<Settings, SettingError> {
    let protocol = match values.str("protocol")? {
        "crb-1" => Protocol::Crb1,
        _ => Protocol::Forgemark1,
    };
    let batch = settings::batch(values)?;
    let reader = Models {
        api_key_env: values.opt_str("llm.api_key_env")?.map(str::to_owned),
        temperature: values.opt_f64("llm.temperature")?,
        reasoning: values.opt_str("llm.reasoning")?.and_then(reasoning),
        batch: batch.enabled,
    };
    let originals = Originals::read(values, file, &reader, problems)?;
    let mut models = originals.models;
    for (index, entry) in values.list("models")?.iter().enumerate() {
        models.extend(reader.model(entry, &format!("models[{index}]"), problems));
    }
    registry(&models, problems);
    let parser = match values.map("parsing")? {
        empty if empty.is_empty() => originals.parser,
        own => reader.model(&Json::Object(own.clone()), "parsing", problems),
    };
    let topics = topics(values, originals.topics, problems)?;
    let runs = runs(values, originals.runs, &topics, problems)?;
    let self_improve = values.bool("critiques.self_improve")?;
    let modes = modes(values, problems)?;
    let custom = custom(values, &models, problems)?;
    if modes.contains(&CritiqueMode::Custom) == custom.is_empty() {
        problems.push(if custom.is_empty() {
            SettingError::new(
                "critiques.modes",
                "has the mode custom without `critiques.custom`",
            )
            .with_hint("list [questioner, answerer, critic] under critiques.custom")
        } else {
            SettingError::new("critiques.custom", "is set, but the mode custom is not")
                .with_hint("add custom to critiques.modes")
        });
    }
    let gate = match values.opt_str("critiques.gate")? {
        Some("verdict") => Gate::Verdict,
        Some(_) => Gate::SelfCheck,
        None if protocol == Protocol::Forgemark1 && self_improve => Gate::SelfCheck,
        None => Gate::Verdict,
    };
    if gate == Gate::SelfCheck && !self_improve {
        problems.push(
            SettingError::new(
                "critiques.gate",
                "is self_check, but critics do not check themselves",
            )
            .with_hint("set critiques.self_improve: true or critiques.gate: verdict"),
        );
    }
    Ok(Settings {
        parser,
        runs,
        topics,
        protocol,
        questions: QuestionSettings {
            max_question_attempts: small(values, "questions.max_question_attempts")?,
            max_rounds: small(values, "questions.max_rounds")?,
            max_outer_attempts: small(values, "questions.max_outer_attempts")?,
            limit: values.opt_u64("questions.limit")?,
        },
        answers: AnswerSettings {
            max_rounds: small(values, "answers.max_rounds")?,
            allow_self_answering: values.bool("answers.allow_self_answering")?,
            rerun_failures: values.bool("answers.rerun_failures")?,
            limit: values.opt_u64("answers.limit")?,
            ill_posed_overrides: originals.overrides,
        },
        critiques: CritiqueSettings {
            modes,
            custom,
            self_improve,
            gate,
            max_rounds: small(values, "critiques.max_rounds")?,
            rerun_failures: values.bool("critiques.rerun_failures")?,
            limit: values.opt_u64("critiques.limit")?,
        },
        debates: DebateSettings {
            rounds: small(values, "debates.rounds")?,
            allow_concede: values.bool("debates.allow_concede")?,
            transcript_chars: values.usize("debates.transcript_chars")?,
            limit: values.opt_u64("debates.limit")?,
        },
        judge: JudgeSettings {
            allow_no_debate: values.bool("judge.allow_no_debate")?,
            force_correct_critiques: values.bool("judge.force_correct_critiques")?,
            confidence: match values.str("judge.confidence")? {
                "optional" => Confidence::Optional,
                _ => Confidence::Required,
            },
            retry_failed: values
                .opt_bool("judge.retry_failed")?
                .unwrap_or(protocol == Protocol::Forgemark1),
            overwrite: values.bool("judge.overwrite")?,
            limit: values.opt_u64("judge.limit")?,
        },
        policy: policy(values, file, problems)?,
        controls: ControlSettings {
            planted_faults: small(values, "controls.planted_faults")?,
            planted_correct: small(values, "controls.planted_correct")?,
        },
        prompts: values.opt_str("prompts")?.map(PathBuf::from),
        output_dir: PathBuf::from(values.str("output.dir")?),
        epoch: match values.u64("output.epoch")? {
            1 => Epoch::One,
            _ => Epoch::Two,
        },
        concurrency: values.usize("run.concurrency")?.max(1),
        seed: values.u64("run.seed")?,
        budget: settings::budget(values)?,
        endpoints: settings::endpoints(values, problems)?,
        ca_file: settings::ca_file(values)?,
        batch,
        prices: settings::prices(values, problems)?,
        limits: settings::limits(values)?,
        models,
    })
}

fn small(values: &Resolved, path: &str) -> Result<u32, SettingError> {
    Ok(u32::try_from(values.u64(path)?).unwrap_or(u32::MAX))
}

/// Refuses what two models share, and a registry without models.
fn registry(models: &[Model], problems: &mut Vec<SettingError>) {
    if models.is_empty() {
        problems.push(
            SettingError::new("models", "names no model")
                .with_hint("list them under `models`, or name a models.json under `files.models`"),
        );
    }
    let mut seen: BTreeMap<&str, &Model> = BTreeMap::new();
    for model in models {
        if let Some(first) = seen.insert(&model.slug, model) {
            let (a, b, slug) = (&first.name, &model.name, &model.slug);
            problems.push(
                SettingError::new(
                    model.call.path.clone(),
                    format!("{a:?} and {b:?} both have the slug {slug}, which names their files"),
                )
                .with_hint(
                    "give one of them another `name`, and `model` for its name at the endpoint",
                ),
            );
        }
    }
}

fn topics(
    values: &Resolved,
    mut topics: BTreeMap<String, Topic>,
    problems: &mut Vec<SettingError>,
) -> Result<BTreeMap<String, Topic>, SettingError> {
    for (index, entry) in values.list("topics")?.iter().enumerate() {
        let path = format!("topics[{index}]");
        if let Some(topic) = topic(entry, &path, problems) {
            topics.insert(topic.slug.clone(), topic);
        }
    }
    Ok(topics)
}

/// The topic of an entry: a name, or a mapping.
fn topic(entry: &Json, path: &str, problems: &mut Vec<SettingError>) -> Option<Topic> {
    let bare = entry
        .as_str()
        .map(|name| Json::object([("name", Json::from(name))]));
    let entry = bare.as_ref().unwrap_or(entry);
    settings::unknown_fields(entry, &["slug", "name"], path, problems);
    let mut fields = Fields {
        entry,
        path,
        problems,
    };
    let (slug, name) = (fields.text("slug"), fields.text("name"));
    let slug = slug.or_else(|| name.as_deref().map(topic_slug));
    let Some(slug) = slug.filter(|slug| !slug.is_empty()) else {
        fields.problem(
            "names no topic",
            "write a name, or `{slug: ..., name: ...}`",
        );
        return None;
    };
    Some(Topic {
        name: name.unwrap_or_else(|| slug.replace('_', " ")),
        slug,
    })
}

/// Words of a name in lower case with `_` between them.
fn topic_slug(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

fn runs(
    values: &Resolved,
    mut runs: Vec<Run>,
    topics: &BTreeMap<String, Topic>,
    problems: &mut Vec<SettingError>,
) -> Result<Vec<Run>, SettingError> {
    for (id, entry) in values.map("runs")? {
        let path = format!("runs.{id}");
        if let Some(run) = run(id, entry, &path, problems) {
            runs.retain(|known| known.id != run.id);
            runs.push(run);
        }
    }
    if runs.is_empty() {
        let ordered = values.list("topics")?.len();
        // Without runs every topic of the configuration is one, in its order; of a file, by slug.
        let mut slugs: Vec<&Topic> = topics.values().collect();
        if ordered == slugs.len() {
            let place = |topic: &&Topic| {
                values.list("topics").ok().and_then(|list| {
                    list.iter().position(|entry| {
                        entry
                            .as_str()
                            .is_some_and(|name| topic_slug(name) == topic.slug)
                            || entry.at("slug").as_str() == Some(topic.slug.as_str())
                            || entry.at("name").as_str() == Some(topic.name.as_str())
                    })
                })
            };
            slugs.sort_by_key(place);
        }
        runs.extend(slugs.into_iter().enumerate().map(|(index, topic)| Run {
            id: (index + 1).to_string(),
            topic: topic.slug.clone(),
            outer_attempt: 1,
        }));
    }
    if runs.is_empty() {
        problems.push(
            SettingError::new("runs", "there is no run")
                .with_hint("list `topics`, or name a runs.json under `files.runs`"),
        );
    }
    for run in &runs {
        if !topics.is_empty() && !topics.contains_key(&run.topic) {
            let near = nearest(&run.topic, topics.keys().map(String::as_str));
            let error = SettingError::new(
                "runs",
                format!(
                    "run {} has the topic {:?}, which is not among the topics",
                    run.id, run.topic
                ),
            );
            problems.push(match near {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("add it to `topics`"),
            });
        }
    }
    runs.sort_by(|a, b| order(&a.id).cmp(&order(&b.id)));
    Ok(runs)
}

/// Numbers first, in their order, then the others by name.
fn order(id: &str) -> (bool, u64, &str) {
    match id.parse::<u64>() {
        Ok(number) => (false, number, id),
        Err(_) => (true, 0, id),
    }
}

/// A run of a mapping of runs: the slug of a topic, or a mapping.
pub(super) fn run(
    id: &str,
    entry: &Json,
    path: &str,
    problems: &mut Vec<SettingError>,
) -> Option<Run> {
    let mut fields = Fields {
        entry,
        path,
        problems,
    };
    let (topic, outer_attempt) = match entry {
        Json::Str(topic) => (Some(topic.trim().to_owned()), Field::Absent),
        Json::Object(_) => {
            settings::unknown_fields(entry, &["topic", "outer_attempt"], path, fields.problems);
            (
                fields.text("topic"),
                fields.number("outer_attempt", 1.0, 1e6),
            )
        }
        _ => (None, Field::Absent),
    };
    let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
        fields.problem(
            "names no topic",
            "write the slug of a topic, or `{topic: SLUG}`",
        );
        return None;
    };
    if id.trim().is_empty() || id.contains('/') {
        fields.problem(
            format!("{id:?} cannot be the id of a run"),
            "use a number or a word without a slash",
        );
        return None;
    }
    Some(Run {
        id: id.to_owned(),
        topic,
        outer_attempt: outer_attempt.value().map_or(1, |n| n as i64),
    })
}

fn modes(
    values: &Resolved,
    problems: &mut Vec<SettingError>,
) -> Result<Vec<CritiqueMode>, SettingError> {
    let mut modes = Vec::new();
    for word in values.str_list("critiques.modes")? {
        let known = CritiqueMode::ALL.map(CritiqueMode::as_str);
        let mode = CritiqueMode::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word);
        if mode.is_none() {
            let error = SettingError::new("critiques.modes", format!("there is no mode {word:?}"));
            problems.push(match nearest(&word, known) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint(format!("known: {}", known.join(", "))),
            });
        }
        modes.extend(mode);
    }
    modes.sort_unstable();
    modes.dedup();
    Ok(modes)
}

fn custom(
    values: &Resolved,
    models: &[Model],
    problems: &mut Vec<SettingError>,
) -> Result<Vec<CustomCritique>, SettingError> {
    const FIELDS: [&str; 3] = ["questioner", "answerer", "critic"];
    let mut triples = Vec::new();
    for (index, entry) in values.list("critiques.custom")?.iter().enumerate() {
        let path = format!("critiques.custom[{index}]");
        settings::unknown_fields(entry, &FIELDS, &path, problems);
        let part = |place: usize| match entry {
            Json::Array(items) if items.len() == FIELDS.len() => items[place].as_str(),
            _ => entry.at(FIELDS[place]).as_str(),
        };
        let mut slugs = Vec::new();
        for (place, field) in FIELDS.iter().enumerate() {
            let Some(name) = part(place) else {
                problems.push(
                    SettingError::new(path.clone(), format!("has no {field}"))
                        .with_hint("write [questioner, answerer, critic]"),
                );
                continue;
            };
            let slug = slug(name);
            if !models.is_empty() && !models.iter().any(|model| model.slug == slug) {
                let error = SettingError::new(
                    "critiques.custom",
                    format!("entry {index}: the {field} {name:?} is no model"),
                );
                let near = nearest(&slug, models.iter().map(|model| model.slug.as_str()));
                problems.push(match near {
                    Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                    None => error.with_hint("name a model of `models`"),
                });
            }
            slugs.push(slug);
        }
        if let [questioner, answerer, critic] = slugs.as_slice() {
            triples.push(CustomCritique {
                questioner: questioner.clone(),
                answerer: answerer.clone(),
                critic: critic.clone(),
            });
        }
    }
    Ok(triples)
}

fn policy(
    values: &Resolved,
    file: &ReadFile<'_>,
    problems: &mut Vec<SettingError>,
) -> Result<Policy, SettingError> {
    let name = values.str("policy")?.trim();
    if let Some(preset) = Policy::preset(name) {
        return Ok(preset);
    }
    let presets = || {
        let near = nearest(name, PRESETS);
        match near {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!(
                "presets are {}; any other word is a policy's JSON file",
                PRESETS.join(", ")
            ),
        }
    };
    let fallback = || {
        Policy::preset(crate::policy::DEFAULT)
            .ok_or_else(|| SettingError::new("policy", "has no default"))
    };
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let problem = match file(name) {
        Ok(Some(bytes)) => match Policy::from_file(&bytes, stem) {
            Ok(policy) => return Ok(policy),
            Err(error) => SettingError::new("policy", format!("{name}: {error}"))
                .with_hint("`forgemark arena policy` prints the fields and their words"),
        },
        Ok(None) => SettingError::new(
            "policy",
            format!("{name:?} is no preset, and there is no such file"),
        )
        .with_hint(presets()),
        Err(error) => SettingError::new("policy", error),
    };
    problems.push(problem);
    fallback()
}
