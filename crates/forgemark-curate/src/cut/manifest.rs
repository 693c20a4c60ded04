//! The manifest of a cut: enough to prove it offline.

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object, to_compact, to_pretty};
use forgemark_contract::store::Snapshot;
use forgemark_contract::text::{hex, sha256_hex};
use forgemark_contract::time::Timestamp;
use sha2::{Digest, Sha256};

use super::Plan;
use crate::encode::Shards;
use crate::output::FileDigest;
use crate::recipe::{Recipe, Task};
use crate::similar::text::Wording;
use crate::split::{How, Sides};
use crate::spread::Spread;

/// The version of the manifest's schema.
pub(super) const SCHEMA_VERSION: &str = "forgemark-cut-1";

/// What one side holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its name; empty without a split.
    pub name: String,
    /// The share that was asked for.
    pub share: f64,
    /// Examples.
    pub examples: u64,
    /// Lines, which are more where an example is written as several.
    pub lines: u64,
    /// The names of the files that hold them, in order.
    pub files: Vec<String>,
}

/// What was made, from what and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The whole, as it is written.
    pub json: Json,
    /// The sides.
    pub sides: Vec<Side>,
    /// What was left after each stage, in their order.
    pub counts: Vec<(String, u64)>,
}

impl Manifest {
    pub(super) fn new(
        plan: &Plan,
        snapshot: &dyn Snapshot,
        counts: &[(&'static str, u64)],
        sides: Vec<Side>,
        split: Option<&Sides>,
    ) -> Self {
        let recipe = recipe_json(plan);
        let counts: Vec<(String, u64)> = counts
            .iter()
            .map(|(stage, count)| ((*stage).to_owned(), *count))
            .collect();
        let count_entries = counts
            .iter()
            .map(|(stage, count)| (stage.clone(), Json::from(*count)));
        let side_entries = sides.iter().map(|side| {
            Json::object([
                ("name", Json::from(&side.name)),
                ("share", side.share.into()),
                ("examples", side.examples.into()),
                ("lines", side.lines.into()),
                ("files", side.files.as_slice().into()),
            ])
        });
        let mut json = Object::from([
            ("schema_version", Json::from(SCHEMA_VERSION)),
            ("tool_version", env!("CARGO_PKG_VERSION").into()),
            ("context_uri", Json::from(snapshot.uri())),
            ("version", snapshot.version().into()),
            (
                "reference_time",
                plan.recipe.visibility.reference_time.ledger_style().into(),
            ),
            ("recipe", recipe.clone()),
            ("recipe_sha256", sha256_hex(&to_compact(&recipe)).into()),
            ("counts", Json::Object(count_entries.collect())),
            ("sides", side_entries.collect()),
        ]);
        if let Some(holdout) = holdout_json(&plan.recipe) {
            json.insert("holdout", holdout);
        }
        if let (Some(rule), Some(split)) = (&plan.split, split) {
            let closest = split.closest.iter().map(|closest| {
                Json::object([
                    (
                        "sides",
                        vec![
                            rule.sides[closest.sides.0].0.as_str(),
                            &rule.sides[closest.sides.1].0,
                        ]
                        .into(),
                    ),
                    (
                        "examples",
                        vec![closest.examples.0.as_str(), &closest.examples.1].into(),
                    ),
                    ("similarity", closest.similarity.into()),
                ])
            });
            json.insert(
                "split",
                Json::object([
                    ("components", split.components.into()),
                    ("closest", closest.collect()),
                ]),
            );
        }
        Manifest {
            json: Json::Object(json),
            sides,
            counts,
        }
    }

    /// Says when a row was changed last, where any says it.
    pub(super) fn set_changed_at(&mut self, changed_at: Option<Timestamp>) {
        if let (Some(object), Some(at)) = (self.json.as_object_mut(), changed_at) {
            object.insert("changed_at", at.ledger_style());
        }
    }

    /// Says how many tokens the examples have, before a mixture takes some of them.
    pub(super) fn set_tokens(&mut self, tokens: &[u32]) {
        let sum: u64 = tokens.iter().copied().map(u64::from).sum();
        let spread = Spread::of(tokens.iter().copied().map(f64::from).collect());
        let mut entries = Object::from([("sum", Json::from(sum))]);
        if let Some(spread) = spread {
            entries.insert("count", spread.count);
            for (key, value) in [
                ("min", spread.min),
                ("median", spread.median),
                ("p95", spread.p95),
                ("max", spread.max),
                ("mean", spread.mean),
            ] {
                entries.insert(key, value);
            }
        }
        if let Some(object) = self.json.as_object_mut() {
            object.insert("tokens", entries);
        }
    }

    /// Says which cut this one goes on from, and how many units have its decision.
    pub(super) fn set_previous(&mut self, version: u64, units: u64) {
        if let Some(object) = self.json.as_object_mut() {
            let previous = [("version", Json::from(version)), ("units", units.into())];
            object.insert("previous", Json::object(previous));
        }
    }

    pub(super) fn set_files(&mut self, files: &[FileDigest]) {
        let files = files.iter().map(|file| {
            Json::object([
                ("path", Json::from(&file.name)),
                ("bytes", file.bytes.into()),
                ("lines", file.lines.into()),
                ("sha256", Json::from(&file.sha256)),
            ])
        });
        if let Some(object) = self.json.as_object_mut() {
            object.insert("files", files.collect::<Json>());
        }
    }

    /// The file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = to_pretty(&self.json);
        bytes.push(b'\n');
        bytes
    }
}

/// The identity of the evaluation items.
pub(super) fn holdout_json(recipe: &Recipe) -> Option<Json> {
    let holdout = recipe.holdout.as_ref()?;
    let mut digest = Sha256::new();
    // The digest of a list of all items, without the list.
    for (place, item) in holdout.items.iter().enumerate() {
        digest.update(if place == 0 { b"[" } else { b"," });
        let vector = item.vector.iter().flatten();
        let item = Json::Array(vec![
            Json::from(&item.id),
            Json::from(&item.text),
            vector.map(|x| Json::from(f64::from(*x))).collect(),
        ]);
        digest.update(to_compact(&item));
    }
    digest.update(if holdout.items.is_empty() {
        &b"[]"[..]
    } else {
        b"]"
    });
    Some(Json::object([
        ("items", holdout.items.len().into()),
        ("sha256", hex(&digest.finalize()).into()),
    ]))
}

pub(super) fn recipe_json(plan: &Plan) -> Json {
    let recipe: &Recipe = &plan.recipe;
    let mut json = Object::from([
        ("task", Json::from(recipe.task.word())),
        ("format", plan.format.word().into()),
        ("container", plan.encoding.container.word().into()),
        ("compression", plan.encoding.compression.word().into()),
        ("unit", recipe.unit.word().into()),
        (
            "group_by",
            recipe
                .group_by
                .iter()
                .map(|path| Json::from(path.to_string()))
                .collect(),
        ),
        ("order", recipe.order.word().into()),
        ("include_expired", recipe.visibility.include_expired.into()),
        ("include_retired", recipe.visibility.include_retired.into()),
        ("filter", format!("{:?}", recipe.filter).into()),
        ("scope", recipe.scope.as_slice().into()),
        (
            "answers",
            format!("{:?}", recipe.answers).to_lowercase().into(),
        ),
    ]);
    match &recipe.task {
        Task::Sft | Task::Ranked => {}
        Task::Pairs(rule) => _ = json.insert("pairs", format!("{rule:?}")),
        Task::Labels(rule) => {
            json.insert(
                "labels",
                Json::object([("good", rule.good.into()), ("bad", rule.bad.into())]),
            );
        }
        Task::Rollout { drop_zero_variance } => {
            json.insert("drop_zero_variance", *drop_zero_variance);
        }
    }
    if let Some(rule) = recipe.reward {
        json.insert(
            "reward",
            Json::object([
                ("min", rule.min.into()),
                ("on_missing", missing(rule.on_missing)),
            ]),
        );
    }
    if recipe.exact {
        json.insert("exact", true);
    }
    if let Some(rule) = recipe.near {
        let wording = Wording {
            shingle: rule.shingle,
            jaccard: rule.jaccard,
            proposals: rule.proposals,
        };
        let near = [
            ("shingle", Json::from(rule.shingle)),
            ("jaccard", rule.jaccard.into()),
            (
                "proposals",
                format!("{:?}", rule.proposals).to_lowercase().into(),
            ),
            ("miss_probability", wording.miss_probability().into()),
        ];
        json.insert("near", Json::object(near));
    }
    if let Some(rule) = recipe.semantic {
        json.insert(
            "semantic",
            Json::object([
                ("distance", rule.distance.into()),
                ("on_missing", missing(rule.on_missing)),
            ]),
        );
    }
    if let Some(rule) = &recipe.holdout {
        let holdout = [
            ("n", rule.n.into()),
            ("share", rule.share.into()),
            ("distance", rule.distance.into()),
            ("on_missing", missing(rule.on_missing)),
        ];
        json.insert("holdout", Json::object(holdout));
    }
    if let Some(rule) = &recipe.language {
        let language = [
            ("allowed", rule.allowed.as_slice().into()),
            ("confidence", rule.confidence.into()),
            ("on_unsure", missing(rule.on_unsure)),
        ];
        json.insert("language", Json::object(language));
    }
    if let Some(rule) = &recipe.redact {
        let kinds = rule
            .kinds
            .iter()
            .map(|kind| Json::from(kind.word()))
            .collect();
        let on_find = format!("{:?}", rule.on_find).to_lowercase();
        json.insert(
            "redact",
            Json::object([("kinds", kinds), ("on_find", on_find.into())]),
        );
    }
    if let Some(rule) = recipe.length {
        let length = [
            ("min_characters", rule.min_characters.into()),
            ("max_characters", rule.max_characters.into()),
            ("max_words", rule.max_words.into()),
        ];
        json.insert("length", Json::object(length));
    }
    if let Some(rule) = &recipe.tokens {
        let template = rule.template.as_ref().map(|(digest, _)| digest.clone());
        let tokens = [
            ("max", rule.max.into()),
            ("tokenizer_sha256", Json::from(&rule.digest)),
            ("template_sha256", template.into()),
        ];
        json.insert("tokens", Json::object(tokens));
    }
    if let Some(rule) = &plan.split {
        let how = match &rule.how {
            How::Hash => "hash".to_owned(),
            How::Quota { stratum: None } => "quota".to_owned(),
            How::Quota {
                stratum: Some(path),
            } => format!("quota by {path}"),
            How::Time => "time".to_owned(),
        };
        let sides = rule
            .sides
            .iter()
            .map(|(name, share)| (name.clone(), Json::from(*share)));
        let split = [
            ("sides", Json::Object(sides.collect())),
            ("how", how.into()),
            ("seed", rule.seed.into()),
            (
                "together",
                rule.together
                    .iter()
                    .map(|path| Json::from(path.to_string()))
                    .collect(),
            ),
            ("near", rule.near.into()),
        ];
        json.insert("split", Json::object(split));
    }
    if let Some(rule) = &plan.mix {
        let parts = rule
            .parts
            .iter()
            .map(|(value, part)| Json::Array(vec![value.clone(), (*part).into()]));
        json.insert(
            "mix",
            Json::object([
                ("by", rule.by.to_string().into()),
                ("parts", parts.collect()),
                ("seed", rule.seed.into()),
            ]),
        );
    }
    match plan.encoding.shards {
        Shards::One => {}
        Shards::Count(count) => _ = json.insert("shards", u64::from(count)),
        Shards::Rows(rows) => _ = json.insert("shard_rows", rows),
    }
    if let Some(seed) = plan.shuffle {
        json.insert("shuffle", seed);
    }
    Json::Object(json)
}

fn missing(rule: crate::recipe::OnMissing) -> Json {
    format!("{rule:?}").to_lowercase().into()
}

/// What one example has become from one cut to another.
///
/// `before` and `after` are the lines of the provenance of both; `decisions` those of the later one. An example that went
/// comes with what was decided on one of its records.
pub fn diff(before: &[Json], after: &[Json], decisions: &[Json]) -> Vec<(String, String)> {
    fn by_id(lines: &[Json]) -> BTreeMap<&str, &Json> {
        lines
            .iter()
            .map(|line| (line.str_or("id", ""), line))
            .collect()
    }
    let (before, after) = (by_id(before), by_id(after));
    let dropped = |line: &Json| {
        let about = |decision: &&Json| {
            decision.at("kept").as_bool() == Some(false)
                && decision
                    .items("records")
                    .iter()
                    .any(|record| line.items("record_ids").contains(record))
        };
        decisions.iter().find(about).map(|decision| {
            let by = decision
                .at("by")
                .as_str()
                .map(|by| format!(", by {by}"))
                .unwrap_or_default();
            format!(
                "{}: {}{by}",
                decision.str_or("stage", ""),
                decision.str_or("why", "")
            )
        })
    };
    let mut changes = Vec::new();
    for (id, line) in &before {
        match after.get(id) {
            None => {
                let why =
                    dropped(line).unwrap_or_else(|| "its records are no longer there".to_owned());
                changes.push(((*id).to_owned(), format!("went ({why})")));
            }
            Some(now) if now != line => {
                changes.push(((*id).to_owned(), "changed where it is from".to_owned()));
            }
            Some(_) => {}
        }
    }
    let came = after.keys().filter(|id| !before.contains_key(*id));
    changes.extend(came.map(|id| ((*id).to_owned(), "came".to_owned())));
    changes.sort();
    changes
}
