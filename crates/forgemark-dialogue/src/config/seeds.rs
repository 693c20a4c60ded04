//! Seed topics: questions that begin some conversations.
//!
//! Accepted shapes are the original's, old and new:
//!
//! | shape | example |
//! |---|---|
//! | structured, which [`SeedFile::to_json`] writes | `variants: {english: {care: [How?]}}` with `defaults`, `aliases` |
//! | structured with `topics` | `topics: {care: {english: [How?]}}` or any of the three below |
//! | bare variants | `english: {care: [How?]}` |
//! | topics of variants | `care: {english: [How?]}` |
//! | bare topics | `care: [How?]` |
//!
//! Topics that are outside of variants are told from variants by their names: where fewer than half of the outer
//! names and at least one of the inner ones are a variant's ([`VARIANTS`]), topics are outside. A list of questions that
//! belongs to no variant is English.

use forgemark_contract::json::{Json, Object};

/// Topics and their questions, in file order.
type Topics = Vec<(String, Vec<String>)>;

/// A seed topic file, whatever its shape was.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedFile {
    variants: Vec<(String, Topics)>,
    by_language: Vec<(String, String)>,
    aliases: Vec<(String, String)>,
    fallback: String,
}

/// A seed topic file, ready to be asked by language.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedTopics {
    /// Share of conversations that are seeded, in [0, 1].
    pub probability: f64,
    variant: String,
    variants: Vec<(String, Topics)>,
    by_language: Vec<(String, String)>,
    aliases: Vec<(String, String)>,
    fallback: String,
}

/// Why a seed topic file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// The file has another shape.
    #[error("{0}")]
    Shape(String),
    /// Neither the file nor its aliases have the configured variant.
    #[error("there is no variant `{variant}`")]
    UnknownVariant {
        /// What the configuration asks for.
        variant: String,
        /// The variants that have questions, in file order, then the aliases.
        known: Vec<String>,
    },
}

impl From<String> for SeedError {
    fn from(what: String) -> Self {
        Self::Shape(what)
    }
}

/// Version of the structured shape.
const VERSION: i64 = 1;
/// Keys that are not topics or variants.
const META: [&str; 6] = [
    "version",
    "defaults",
    "aliases",
    "final_fallback",
    "variants",
    "topics",
];
/// Variant of a language where the file does not say.
const BY_LANGUAGE: [(&str, &str); 3] = [("ar", "msa"), ("en", "english"), ("fr", "france")];
/// Names by which variants are known in files that do not say what is one.
const VARIANTS: [&str; 12] = [
    "ar",
    "arabic",
    "en",
    "english",
    "fr",
    "france",
    "msa",
    "morocco",
    "egypt",
    "gulf",
    "levantine",
    "saudi",
];
/// Variant of questions that carry none.
const DEFAULT_VARIANT: &str = "english";

impl SeedFile {
    /// Reads a file of any shape.
    ///
    /// # Errors
    /// What is wrong with its shape.
    pub fn from_json(file: &Json) -> Result<Self, SeedError> {
        let shape = |what: &str| SeedError::Shape(what.to_owned());
        let root = file
            .as_object()
            .ok_or_else(|| shape("the file is not a mapping"))?;
        let section = |name: &str| {
            let value = file.get(name).filter(|value| !value.is_null());
            value
                .map(|value| {
                    value
                        .as_object()
                        .ok_or_else(|| shape(&format!("`{name}` is not a mapping")))
                })
                .transpose()
        };
        let variants = match (section("variants")?, section("topics")?) {
            (Some(body), _) => by_variant(body)?,
            (None, Some(body)) => of_any_shape(body)?,
            (None, None) => {
                let bare = root.iter().filter(|(key, _)| !META.contains(key));
                of_any_shape(
                    &bare
                        .map(|(key, value)| (key.to_owned(), value.clone()))
                        .collect(),
                )?
            }
        };
        if variants
            .iter()
            .all(|(_, topics)| topics.iter().all(|(_, questions)| questions.is_empty()))
        {
            return Err(shape("there is no question in the file"));
        }
        let pairs = |value: Option<&Json>| -> Vec<(String, String)> {
            value
                .and_then(Json::as_object)
                .into_iter()
                .flat_map(Object::iter)
                .filter_map(|(key, value)| Some((key.to_lowercase(), value.as_str()?.to_owned())))
                .collect()
        };
        let defaults = file.get("defaults");
        Ok(Self {
            variants,
            by_language: pairs(defaults.and_then(|table| table.get("by_target_language"))),
            aliases: pairs(file.get("aliases")),
            fallback: defaults
                .and_then(|table| table.get("final_fallback"))
                .or_else(|| file.get("final_fallback"))
                .and_then(Json::as_str)
                .unwrap_or(DEFAULT_VARIANT)
                .to_owned(),
        })
    }

    /// The structured shape, from which [`SeedFile::from_json`] reads the same again.
    pub fn to_json(&self) -> Json {
        let words = |pairs: &[(String, String)]| {
            let pairs = pairs.iter();
            Json::Object(
                pairs
                    .map(|(from, to)| (from.clone(), Json::from(to.as_str())))
                    .collect(),
            )
        };
        let topics = |topics: &Topics| {
            let lists = topics.iter().map(|(topic, questions)| {
                let list = questions.iter().map(|text| Json::from(text.as_str()));
                (topic.clone(), Json::Array(list.collect()))
            });
            Json::Object(lists.collect())
        };
        let variants = self.variants.iter();
        Json::object([
            ("version", Json::from(VERSION)),
            (
                "defaults",
                Json::object([
                    ("by_target_language", words(&self.by_language)),
                    ("final_fallback", Json::from(self.fallback.as_str())),
                ]),
            ),
            ("aliases", words(&self.aliases)),
            (
                "variants",
                Json::Object(
                    variants
                        .map(|(variant, body)| (variant.clone(), topics(body)))
                        .collect(),
                ),
            ),
        ])
    }

    /// Variants, topics and questions in the file.
    pub fn counts(&self) -> (usize, usize, usize) {
        let topics = self.variants.iter().flat_map(|(_, topics)| topics);
        (
            self.variants.len(),
            topics.clone().count(),
            topics.map(|(_, questions)| questions.len()).sum(),
        )
    }
}

impl SeedTopics {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with its shape, or a variant that neither the file nor its aliases have.
    pub fn from_json(file: &Json, variant: &str, probability: f64) -> Result<Self, SeedError> {
        let file = SeedFile::from_json(file)?;
        let seeds = Self {
            probability,
            variant: variant.trim().to_owned(),
            variants: file.variants,
            by_language: file.by_language,
            aliases: file.aliases,
            fallback: file.fallback,
        };
        seeds.check_variant()?;
        Ok(seeds)
    }

    /// Fails when the configured variant, or what its alias stands for, has no questions.
    fn check_variant(&self) -> Result<(), SeedError> {
        let has = |name: &str| {
            let mut variants = self.variants.iter();
            variants.any(|(variant, topics)| variant == name && !topics.is_empty())
        };
        let wanted = self.variant.to_lowercase();
        let mut aliases = self.aliases.iter().filter(|(_, to)| has(to));
        if self.variant.is_empty() || has(&self.variant) || aliases.any(|(from, _)| *from == wanted)
        {
            return Ok(());
        }
        let variants = self.variants.iter().map(|(variant, _)| variant);
        let aliases = self.aliases.iter().filter(|(_, to)| has(to));
        Err(SeedError::UnknownVariant {
            variant: self.variant.clone(),
            known: variants
                .filter(|variant| has(variant))
                .chain(aliases.map(|(from, _)| from).filter(|from| !has(from)))
                .cloned()
                .collect(),
        })
    }

    /// Topics and questions for a language label: the first that exists of the configured variant,
    /// its alias, the file's default for the language, its alias, the built-in defaults, the
    /// file's fallback, and English.
    pub fn for_language(&self, language: &str) -> Topics {
        let language = language.to_lowercase();
        let find = |pairs: &[(String, String)], key: &str| {
            pairs
                .iter()
                .find(|(from, _)| from == key)
                .map(|(_, to)| to.clone())
        };
        let mut candidates = Vec::new();
        if !self.variant.is_empty() {
            candidates.push(Some(self.variant.clone()));
            candidates.push(find(&self.aliases, &self.variant.to_lowercase()));
        }
        candidates.push(find(&self.by_language, &language));
        candidates.push(find(&self.aliases, &language));
        candidates.push(
            BY_LANGUAGE
                .iter()
                .find(|(from, _)| *from == language)
                .map(|(_, to)| (*to).to_owned()),
        );
        candidates.push(Some(self.fallback.clone()));
        candidates.push(Some(DEFAULT_VARIANT.to_owned()));
        candidates
            .into_iter()
            .flatten()
            .find_map(|name| {
                self.variants
                    .iter()
                    .find(|(variant, topics)| *variant == name && !topics.is_empty())
                    .map(|(_, topics)| topics.clone())
            })
            .unwrap_or_default()
    }
}

/// Variants outside, topics inside.
fn by_variant(body: &Object) -> Result<Vec<(String, Topics)>, String> {
    body.iter()
        .map(|(variant, value)| {
            let value = value
                .as_object()
                .ok_or_else(|| format!("variant `{variant}` is not a mapping of topics"))?;
            let topics = value
                .iter()
                .map(|(topic, list)| {
                    questions(list, topic)
                        .map(|questions| (topic.to_owned(), questions))
                        .map_err(|why| format!("{variant}: {why}"))
                })
                .collect::<Result<Topics, String>>()?;
            Ok((variant.to_owned(), topics))
        })
        .collect()
}

/// Variants of topics, topics of variants, or bare topics, which may stand among either.
fn of_any_shape(body: &Object) -> Result<Vec<(String, Topics)>, String> {
    let is_known = |name: &str| VARIANTS.contains(&name.to_lowercase().as_str());
    let entries = body.iter().map(|(key, value)| (key, value.clone()));
    let (nested, bare): (Vec<_>, Vec<_>) =
        entries.partition(|(_, value)| value.as_object().is_some());
    let (nested, bare): (Object, Object) =
        (nested.into_iter().collect(), bare.into_iter().collect());
    let outer = nested.keys().filter(|name| is_known(name)).count();
    let is_inner = nested
        .values()
        .filter_map(Json::as_object)
        .flat_map(Object::keys)
        .any(is_known);
    let mut variants = if is_inner && outer * 2 < nested.len() {
        let mut turned = Vec::new();
        for (topic, value) in &nested {
            for (variant, list) in value.as_object().into_iter().flatten() {
                put(&mut turned, variant, topic, questions(list, topic)?);
            }
        }
        turned
    } else {
        by_variant(&nested)?
    };
    for (topic, list) in &bare {
        put(
            &mut variants,
            DEFAULT_VARIANT,
            topic,
            questions(list, topic)?,
        );
    }
    Ok(variants)
}

/// Adds questions to a topic of a variant.
fn put(
    variants: &mut Vec<(String, Topics)>,
    variant: &str,
    topic: &str,
    mut questions: Vec<String>,
) {
    let at = variants.iter().position(|(name, _)| name == variant);
    let at = at.unwrap_or_else(|| {
        variants.push((variant.to_owned(), Topics::new()));
        variants.len() - 1
    });
    let topics = &mut variants[at].1;
    match topics.iter_mut().find(|(name, _)| name == topic) {
        Some((_, known)) => known.append(&mut questions),
        None => topics.push((topic.to_owned(), questions)),
    }
}

fn questions(list: &Json, topic: &str) -> Result<Vec<String>, String> {
    if list.is_null() {
        // A topic whose questions are all commented out.
        return Ok(Vec::new());
    }
    list.as_array()
        .ok_or_else(|| format!("topic `{topic}` is not a list of questions"))?
        .iter()
        .map(|item| {
            item.as_str()
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| format!("topic `{topic}` holds something that is not a question"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
