//! The configuration of `forgemark export`: the table of its keys, and what a plan is made of when they are read.

mod keys;

#[cfg(test)]
mod tests;

use forgemark_contract::json::Json;
use forgemark_contract::settings::{Resolved, SettingError};
use forgemark_contract::time::Timestamp;

use crate::compat;
use crate::encode::{Compression, Container, Encoding, Shards};
use crate::formats::{self, Format};
use crate::recipe::{
    Answers, Choose, HoldoutRule, LabelRule, LanguageRule, LengthRule, NearRule, OnFind, OnMissing,
    Order, PairRule, Recipe, RedactRule, RewardRule, SemanticRule, Task, Ties, Unit,
};
use crate::redact::Kind;
use crate::select::{Filter, Path, Visibility, filter_from_expression, filter_from_original};
use crate::similar::text::Proposals;
use crate::split::{How, MixRule, SplitRule};

pub use keys::KEYS;

/// What the command says and a file does not.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The task.
    pub task: compat::Task,
    /// When the command started: lifetimes are judged then, unless the configuration names an instant.
    pub now: Timestamp,
    /// Cores of the machine.
    pub cores: usize,
}

/// The resolved configuration, typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    /// The default profile.
    Cut(Box<CutSettings>),
    /// The profile `lance-context-1`.
    Original {
        /// What the original would be asked for; without the vectors of `vectors_file`.
        config: Box<compat::Config>,
        /// The file of vectors that no record may be near.
        vectors_file: Option<String>,
    },
}

/// What a cut of the default profile is made by, but for the rows and the name.
#[derive(Debug, Clone, PartialEq)]
pub struct CutSettings {
    /// What is made; the items of its holdout come from [`CutSettings::holdout_files`].
    pub recipe: Recipe,
    /// The trainer's columns.
    pub format: Format,
    /// What the rows are kept in.
    pub encoding: Encoding,
    /// Files of evaluation items.
    pub holdout_files: Vec<String>,
    /// What tokens are counted with, where they are.
    pub tokens: Option<TokenFiles>,
    /// How examples are divided.
    pub split: Option<SplitRule>,
    /// How much of each source is taken.
    pub mix: Option<MixRule>,
    /// The seed of the order of lines.
    pub shuffle: Option<u64>,
}

/// What tokens are counted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFiles {
    /// Most tokens of a unit.
    pub max: usize,
    /// The `tokenizer.json`.
    pub tokenizer: String,
    /// The chat template.
    pub template: Option<String>,
}

impl Settings {
    /// Types the resolved values.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path it concerns.
    pub fn read(values: &Resolved, call: Call) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader {
            values,
            problems: Vec::new(),
        };
        let settings = match values.str("profile") {
            Ok("lance-context-1") => reader.original(call),
            Ok(_) => reader.cut(call).map(|cut| Settings::Cut(Box::new(cut))),
            Err(error) => Err(error),
        };
        match settings {
            Ok(settings) if reader.problems.is_empty() => Ok(settings),
            Ok(_) => Err(reader.problems),
            Err(error) => {
                reader.problems.push(error);
                Err(reader.problems)
            }
        }
    }
}

struct Reader<'v> {
    values: &'v Resolved,
    problems: Vec<SettingError>,
}

impl Reader<'_> {
    fn cut(&mut self, call: Call) -> Result<CutSettings, SettingError> {
        let values = self.values;
        let threads = match values.usize("threads")? {
            0 => call.cores.max(1),
            threads => threads,
        };
        let mut recipe = Recipe::new(self.task(call.task)?, self.visibility(call.now)?);
        recipe.filter = self.filter()?;
        recipe.unit = match values.str("unit")? {
            "record" => Unit::Record,
            "turn_pair" => Unit::TurnPair,
            "conversation" => Unit::Conversation,
            "branch" => Unit::Branch,
            "candidate_group" => Unit::CandidateGroup,
            _ => recipe.unit,
        };
        recipe.group_by = self.paths("group_by")?;
        recipe.order = match values.str("order")? {
            "given" => Order::Given,
            "reward" => Order::Reward,
            "length" => Order::Length,
            _ => Order::Time,
        };
        recipe.scope = values.str_list("scope")?;
        recipe.answers = match values.str("answers")? {
            "best" => Answers::Best,
            _ => Answers::All,
        };
        if let Some(min) = values.opt_f64("reward.min")? {
            let on_missing = self.on_missing("reward.on_missing")?;
            recipe.reward = Some(RewardRule { min, on_missing });
        }
        recipe.exact = values.bool("dedup.exact")?;
        if let Some(jaccard) = values.opt_f64("dedup.near.jaccard")? {
            recipe.near = Some(NearRule {
                shingle: values.usize("dedup.near.shingle")?,
                jaccard,
                proposals: match values.str("dedup.near.proposals")? {
                    "all" => Proposals::All,
                    _ => Proposals::MinHash,
                },
            });
        }
        if let Some(distance) = values.opt_f64("dedup.semantic.distance")? {
            recipe.semantic = Some(SemanticRule {
                distance,
                on_missing: self.on_missing("dedup.semantic.on_missing")?,
                threads,
            });
        }
        let holdout_files = values.str_list("holdout.files")?;
        if !holdout_files.is_empty() {
            recipe.holdout = Some(HoldoutRule {
                items: Vec::new(),
                n: values.usize("holdout.n")?,
                share: values.f64("holdout.share")?,
                distance: values.opt_f64("holdout.distance")?,
                on_missing: self.on_missing("holdout.on_missing")?,
                threads,
            });
        }
        recipe.redact = self.redact()?;
        let allowed = values.str_list("language.allowed")?;
        if !allowed.is_empty() {
            recipe.language = Some(LanguageRule {
                allowed,
                confidence: values.f64("language.confidence")?,
                on_unsure: self.on_missing("language.on_unsure")?,
            });
        }
        recipe.length = self.length()?;
        if let Err(error) = recipe.check() {
            // What only the items of holdout files can settle is judged when they are there.
            let empty = recipe.holdout.is_some();
            if !(empty && error.to_string().starts_with("holdout.items")) {
                self.problems.push(recipe_problem(&error));
            }
        }
        let word = values.str("shape")?;
        let Some(format) = Format::of_word(word) else {
            return Err(SettingError::new("shape", format!("no such shape: {word}")));
        };
        let encoding = self.encoding(format)?;
        let task = formats::Task::from(&recipe.task);
        if let Err(error) = encoding.check_for(format, task) {
            self.problems.push(recipe_problem(&error));
        }
        Ok(CutSettings {
            recipe,
            format,
            encoding,
            holdout_files,
            tokens: self.tokens()?,
            split: self.split(threads)?,
            mix: self.mix()?,
            shuffle: values.opt_u64("shuffle")?,
        })
    }

    fn encoding(&self, format: Format) -> Result<Encoding, SettingError> {
        let values = self.values;
        let container = Container::of_word(values.str("format")?);
        let container = container.unwrap_or_else(|| Container::of_format(format));
        let compression = Compression::of_word(values.str("compression")?);
        let shards = match (values.opt_u64("shards")?, values.opt_u64("shard_rows")?) {
            (Some(_), Some(_)) => {
                return Err(SettingError::new(
                    "shard_rows",
                    "shards says already how many files there are; give one of the two",
                ));
            }
            (Some(count), None) => Shards::Count(u32::try_from(count).unwrap_or(u32::MAX)),
            (None, Some(rows)) => Shards::Rows(rows),
            (None, None) => Shards::One,
        };
        Ok(Encoding {
            container,
            compression: compression.unwrap_or_else(|| Compression::of_container(container)),
            shards,
        })
    }

    fn task(&self, task: compat::Task) -> Result<Task, SettingError> {
        let values = self.values;
        Ok(match task {
            compat::Task::Sft => Task::Sft,
            compat::Task::Rollout => Task::Rollout {
                drop_zero_variance: values.bool("rollout.drop_zero_variance")?,
            },
            compat::Task::Preference => match values.str("preference.form")? {
                "labels" => Task::Labels(LabelRule {
                    good: values.f64("preference.good")?,
                    bad: values.f64("preference.bad")?,
                }),
                "ranked" => Task::Ranked,
                _ => Task::Pairs(PairRule {
                    choose: match values.str("preference.choose")? {
                        "all" => Choose::All,
                        "top" => Choose::Top(values.usize("preference.top")?),
                        _ => Choose::BestWorst,
                    },
                    margin: values.f64("preference.margin")?,
                    min_chosen: values.opt_f64("preference.min_chosen")?,
                    ties: match values.str("preference.ties")? {
                        "first" => Ties::First,
                        _ => Ties::Skip,
                    },
                    identical: values.bool("preference.identical")?,
                }),
            },
        })
    }

    fn visibility(&mut self, now: Timestamp) -> Result<Visibility, SettingError> {
        let key = "select.reference_time";
        let reference_time = match self.values.opt_str(key)? {
            None => now,
            Some(text) => Timestamp::parse(text).unwrap_or_else(|error| {
                self.problems
                    .push(SettingError::new(key, error.to_string()));
                now
            }),
        };
        Ok(Visibility {
            include_expired: self.values.bool("select.include_expired")?,
            include_retired: self.values.bool("select.include_retired")?,
            reference_time,
        })
    }

    fn filter(&mut self) -> Result<Filter, SettingError> {
        let mut all = Vec::new();
        match filter_from_original(self.values.map("select.filters")?) {
            Ok(Filter::All(filters)) => all.extend(filters),
            Ok(filter) => all.push(filter),
            Err(error) => {
                let problem = SettingError::new("select.filters", error.to_string());
                self.problems.push(problem);
            }
        }
        if let Some(text) = self.values.opt_str("select.where")? {
            match filter_from_expression(text) {
                Ok(filter) => all.push(filter),
                Err(error) => {
                    let problem = SettingError::new("select.where", error.to_string());
                    self.problems.push(problem);
                }
            }
        }
        Ok(Filter::All(all))
    }

    fn path(&mut self, key: &str, text: &str) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                let problem = SettingError::new(key, error.to_string());
                self.problems.push(problem);
                None
            }
        }
    }

    fn paths(&mut self, key: &str) -> Result<Vec<Path>, SettingError> {
        let texts = self.values.str_list(key)?;
        Ok(texts
            .iter()
            .filter_map(|text| self.path(key, text))
            .collect())
    }

    fn on_missing(&self, key: &str) -> Result<OnMissing, SettingError> {
        Ok(match self.values.str(key)? {
            "keep" => OnMissing::Keep,
            "drop" => OnMissing::Drop,
            _ => OnMissing::Error,
        })
    }

    fn redact(&mut self) -> Result<Option<RedactRule>, SettingError> {
        let key = "redact.kinds";
        let names = self.values.str_list(key)?;
        if names.is_empty() {
            return Ok(None);
        }
        let mut kinds = Vec::new();
        for name in &names {
            let known = Kind::ALL
                .into_iter()
                .find(|kind| kind.word().eq_ignore_ascii_case(name));
            match known {
                Some(kind) => kinds.push(kind),
                None if name == "all" => kinds.extend(Kind::ALL),
                None => {
                    let words = Kind::ALL.map(Kind::word).join(", ").to_lowercase();
                    let problem = SettingError::new(key, format!("no such kind: {name}"));
                    self.problems
                        .push(problem.with_hint(format!("one of {words}, or all")));
                }
            }
        }
        kinds.dedup();
        let on_find = match self.values.str("redact.on_find")? {
            "drop" => OnFind::Drop,
            _ => OnFind::Replace,
        };
        Ok(Some(RedactRule { kinds, on_find }))
    }

    fn length(&self) -> Result<Option<LengthRule>, SettingError> {
        let values = self.values;
        let min_characters = values.usize("length.min_characters")?;
        let most = |key| -> Result<Option<usize>, SettingError> {
            let most = values.opt_u64(key)?;
            Ok(most.map(|most| usize::try_from(most).unwrap_or(usize::MAX)))
        };
        let max_characters = most("length.max_characters")?;
        let max_words = most("length.max_words")?;
        let asked = min_characters > 0 || max_characters.is_some() || max_words.is_some();
        Ok(asked.then(|| LengthRule {
            min_characters,
            max_characters: max_characters.unwrap_or(usize::MAX),
            max_words: max_words.unwrap_or(usize::MAX),
        }))
    }

    fn tokens(&mut self) -> Result<Option<TokenFiles>, SettingError> {
        let values = self.values;
        let max = values.opt_u64("length.max_tokens")?;
        let template = values.opt_str("length.chat_template")?;
        let Some(tokenizer) = values.opt_str("length.tokenizer")? else {
            if max.is_some() || template.is_some() {
                self.problems.push(
                    SettingError::new("length.tokenizer", "names no file to count tokens with")
                        .with_hint("the tokenizer.json of the model that is to be trained"),
                );
            }
            return Ok(None);
        };
        Ok(Some(TokenFiles {
            max: max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)),
            tokenizer: tokenizer.to_owned(),
            template: template.map(str::to_owned),
        }))
    }

    fn shares(&mut self, key: &str) -> Result<Vec<(String, f64)>, SettingError> {
        let mut shares = Vec::new();
        for (name, value) in self.values.map(key)? {
            match value.as_f64().filter(|share| *share >= 0.0) {
                Some(share) => shares.push((name.to_owned(), share)),
                None => self.problems.push(SettingError::new(
                    format!("{key}.{name}"),
                    "expected a number of at least 0",
                )),
            }
        }
        Ok(shares)
    }

    fn split(&mut self, threads: usize) -> Result<Option<SplitRule>, SettingError> {
        let sides = self.shares("split.sides")?;
        if sides.is_empty() {
            return Ok(None);
        }
        let sum: f64 = sides.iter().map(|(_, share)| share).sum();
        if (sum - 1.0).abs() > 1e-9 {
            self.problems.push(SettingError::new(
                "split.sides",
                format!("the shares sum to {sum}, not to 1"),
            ));
        }
        let stratum = self.values.opt_str("split.stratum")?;
        let stratum = stratum.and_then(|text| self.path("split.stratum", text));
        let how = match self.values.str("split.how")? {
            "quota" => How::Quota { stratum },
            "time" => How::Time,
            _ => How::Hash,
        };
        Ok(Some(SplitRule {
            sides,
            how,
            seed: self.values.u64("split.seed")?,
            together: self.paths("split.together")?,
            near: self.values.opt_f64("split.near")?,
            threads,
        }))
    }

    fn mix(&mut self) -> Result<Option<MixRule>, SettingError> {
        let Some(by) = self.values.opt_str("mix.by")? else {
            return Ok(None);
        };
        let Some(by) = self.path("mix.by", by) else {
            return Ok(None);
        };
        let parts = self.shares("mix.parts")?;
        if parts.is_empty() {
            self.problems.push(
                SettingError::new("mix.parts", "names no part of the mixture")
                    .with_hint("such as {forum: 2, manual: 1}, or remove mix.by"),
            );
        }
        Ok(Some(MixRule {
            by,
            parts: parts
                .into_iter()
                .map(|(value, part)| (Json::from(value), part))
                .collect(),
            seed: self.values.u64("mix.seed")?,
        }))
    }

    fn original(&mut self, call: Call) -> Result<Settings, SettingError> {
        let values = self.values;
        let threshold = |key| -> Result<Option<f32>, SettingError> {
            Ok(values.opt_f64(key)?.map(|value| value as f32))
        };
        let mut config = compat::Config::at(call.now);
        config.task = call.task;
        config.visibility = self.visibility(call.now)?;
        config.filter = self.filter()?;
        let summary = values.map("select.filters")?;
        config.filters_summary = (!summary.is_empty()).then(|| Json::Object(summary.clone()));
        config.group_by = self.group_by("compat.group_by")?;
        config.form =
            compat::Form::of_word(values.str("compat.preference_form")?).unwrap_or_default();
        config.dedup_threshold = threshold("compat.dedup_threshold")?;
        config.decontaminate_threshold = threshold("compat.decontaminate_threshold")?;
        config.min_reward = values.opt_f64("compat.min_reward")?;
        config.emit_stats = values.bool("compat.emit_stats")?;
        if let Some(eval_fraction) = values.opt_f64("compat.eval_fraction")? {
            config.split = Some(compat::Split {
                eval_fraction,
                by: self.group_by("compat.split_by")?,
                seed: values.u64("compat.seed")?,
            });
        }
        let vectors_file = values.opt_str("compat.decontaminate_file")?;
        if vectors_file.is_some() != config.decontaminate_threshold.is_some() {
            self.problems.push(SettingError::new(
                "compat.decontaminate_threshold",
                "a file of vectors and a threshold are set together or not at all",
            ));
        }
        Ok(Settings::Original {
            config: Box::new(config),
            vectors_file: vectors_file.map(str::to_owned),
        })
    }

    fn group_by(&mut self, key: &str) -> Result<compat::GroupBy, SettingError> {
        let label = self.values.str(key)?;
        Ok(compat::GroupBy::of_label(label).unwrap_or_else(|| {
            self.problems.push(
                SettingError::new(key, format!("no such grouping: {label}")).with_hint(
                    "none, session_id, run_id, tenant, source, bot_id or external_id_prefix:DELIMITER",
                ),
            );
            compat::GroupBy::default()
        }))
    }
}

fn recipe_problem(error: &crate::CurateError) -> SettingError {
    match error {
        crate::CurateError::Recipe { key, what } => {
            SettingError::new(config_key(key), what.clone())
        }
        other => SettingError::new("", other.to_string()),
    }
}

/// Where a rule of the recipe stands in the configuration.
fn config_key(rule: &str) -> String {
    match rule.split_once('.') {
        Some(("near" | "semantic", _)) => format!("dedup.{rule}"),
        Some(("pairs", key)) => format!("preference.{key}"),
        Some(("labels", key)) => format!("preference.{key}"),
        _ => rule.to_owned(),
    }
}
