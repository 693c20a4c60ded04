//! Seed topics: questions that begin some conversations.
//!
//! Accepted shapes are the original's: the structured file (`variants` or `topics` with
//! `defaults`, `aliases` and `final_fallback`), a bare `{variant: {topic: [question]}}`, the
//! older `{topic: {variant: [question]}}`, and a flat `{topic: [question]}`.

use forgemark_contract::json::{Json, Object};

/// Topics and their questions, in file order.
type Topics = Vec<(String, Vec<String>)>;

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
/// Variant of questions that carry none.
const DEFAULT_VARIANT: &str = "english";

impl SeedTopics {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with its shape, or a variant that neither the file nor its aliases have.
    pub fn from_json(file: &Json, variant: &str, probability: f64) -> Result<Self, SeedError> {
        let shape = |what: &str| SeedError::Shape(what.to_owned());
        let root = file
            .as_object()
            .ok_or_else(|| shape("the file is not a mapping"))?;
        let body = file
            .get("variants")
            .or_else(|| file.get("topics"))
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_else(|| {
                root.iter()
                    .filter(|(key, _)| !META.contains(key))
                    .map(|(key, value)| (key.to_owned(), value.clone()))
                    .collect()
            });
        let variants = variants(&body)?;
        if variants.iter().all(|(_, topics)| topics.is_empty()) {
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
        let seeds = Self {
            probability,
            variant: variant.trim().to_owned(),
            variants,
            by_language: pairs(defaults.and_then(|table| table.get("by_target_language"))),
            aliases: pairs(file.get("aliases")),
            fallback: defaults
                .and_then(|table| table.get("final_fallback"))
                .or_else(|| file.get("final_fallback"))
                .and_then(Json::as_str)
                .unwrap_or(DEFAULT_VARIANT)
                .to_owned(),
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

fn variants(body: &Object) -> Result<Vec<(String, Topics)>, String> {
    let flat = body.values().all(|value| value.as_array().is_some());
    if flat {
        return Ok(vec![(DEFAULT_VARIANT.to_owned(), topics(body, "")?)]);
    }
    let known = |name: &str| BY_LANGUAGE.iter().any(|(_, variant)| *variant == name);
    let inner_known = body
        .values()
        .filter_map(Json::as_object)
        .flat_map(Object::keys)
        .any(known);
    if inner_known && !body.keys().any(known) {
        return by_topic(body);
    }
    body.iter()
        .map(|(variant, value)| {
            let value = value
                .as_object()
                .ok_or_else(|| format!("variant `{variant}` is not a mapping of topics"))?;
            Ok((variant.to_owned(), topics(value, variant)?))
        })
        .collect()
}

/// The older shape: topics outside, variants inside.
fn by_topic(body: &Object) -> Result<Vec<(String, Topics)>, String> {
    let mut turned: Vec<(String, Topics)> = Vec::new();
    for (topic, value) in body {
        let value = value
            .as_object()
            .ok_or_else(|| format!("topic `{topic}` is not a mapping"))?;
        for (variant, list) in value {
            let questions = questions(list, topic)?;
            match turned.iter_mut().find(|(name, _)| name == variant) {
                Some((_, topics)) => topics.push((topic.to_owned(), questions)),
                None => turned.push((variant.to_owned(), vec![(topic.to_owned(), questions)])),
            }
        }
    }
    Ok(turned)
}

fn topics(body: &Object, variant: &str) -> Result<Topics, String> {
    body.iter()
        .map(|(topic, list)| {
            questions(list, topic)
                .map(|questions| (topic.to_owned(), questions))
                .map_err(|why| {
                    if variant.is_empty() {
                        why
                    } else {
                        format!("{variant}: {why}")
                    }
                })
        })
        .collect()
}

fn questions(list: &Json, topic: &str) -> Result<Vec<String>, String> {
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
