//! What the models are asked to reply, as schemas, and the typed reading of it.
//!
//! A reading is strict where the pipeline relies on a field and tolerant where nothing depends on
//! it. The model's object is kept for the artifacts as it was written; what deviates from the
//! vocabulary is flagged, not changed. A score that is missing or no number in [0, 10] is an error,
//! never 0. An error names everything that is wrong, in words for the model, because it is asked
//! once more and no oftener.

mod schema;

use std::sync::Arc;

use forgemark_contract::dialogue::{CONFIDENCES, DIFFICULTIES, INTENTS};
use forgemark_contract::json::{Json, Object};

pub use schema::{assistant_turn_schema, judge_schema, user_turn_schema};

/// Schema name of the user role's reply.
pub const USER_TURN: &str = "user_turn";
/// Schema name of the assistant role's reply.
pub const ASSISTANT_TURN: &str = "assistant_turn";
/// Schema name of the judge's reply about a turn.
pub const JUDGE_TURN: &str = "judge_turn";
/// Schema name of the judge's reply about a conversation.
pub const JUDGE_CONVERSATION: &str = "judge_conversation";

/// A reply of the user role.
#[derive(Debug, Clone, PartialEq)]
pub struct UserTurn {
    /// The question, without white space at its ends.
    pub question: String,
    /// The topic that it claims to cover, not empty; it may be invented.
    pub coverage_target: String,
    /// Descriptors that the grounding facts name.
    pub fact_sources: Vec<String>,
    /// Deviations from the vocabulary.
    pub flags: Vec<String>,
    /// The object, verbatim.
    pub json: Arc<Json>,
}

impl UserTurn {
    /// Reads a reply: `user_message` and `coverage_target` are needed, `grounding_facts` has to be
    /// a list; `intent` and `difficulty` outside the vocabulary, missing facts and facts without a
    /// source are flagged.
    ///
    /// # Errors
    /// What is wrong, for the model.
    pub fn from_json(value: &Json) -> Result<Self, String> {
        let mut reader = Reader::new(value)?;
        let question = reader.needed_text("user_message");
        let coverage_target = reader.needed_text("coverage_target");
        let facts = reader.list("grounding_facts", true);
        reader.list("notes_for_assistant", false);
        reader.vocabulary("intent", &INTENTS);
        reader.vocabulary("difficulty", &DIFFICULTIES);
        let fact_sources: Vec<String> = facts
            .iter()
            .filter_map(|fact| fact.get("source_descriptor")?.to_text())
            .map(|source| source.trim().to_owned())
            .filter(|source| !source.is_empty())
            .collect();
        if facts.is_empty() {
            reader.flag("grounding_facts is empty");
        } else if fact_sources.len() < facts.len() {
            reader.flag("a grounding fact names no source");
        }
        let flags = reader.finish()?;
        Ok(Self {
            question,
            coverage_target,
            fact_sources,
            flags,
            json: Arc::new(value.clone()),
        })
    }
}

/// A reply of the assistant role.
#[derive(Debug, Clone, PartialEq)]
pub struct AssistantTurn {
    /// The answer, without white space at its ends.
    pub answer: String,
    /// Deviations.
    pub flags: Vec<String>,
    /// The object with `did_web_search` filled in and `retrieval_queries` cleaned.
    pub json: Arc<Json>,
}

impl AssistantTurn {
    /// Reads a reply: only `assistant_message` is needed; a trace that is missing or no object and
    /// a confidence outside the vocabulary are flagged.
    ///
    /// `retrieval_queries` become lists without what is no query: blanks, names of languages, and
    /// single words of up to two characters.
    ///
    /// # Errors
    /// What is wrong, for the model.
    pub fn from_json(value: &Json) -> Result<Self, String> {
        let mut reader = Reader::new(value)?;
        let answer = reader.needed_text("assistant_message");
        let mut object = reader.object.clone();
        match object.get_mut("reasoning_trace") {
            Some(Json::Object(trace)) => {
                if let Some(Json::Object(queries)) = trace.get_mut("retrieval_queries") {
                    clean_queries(queries);
                }
                match trace.get("confidence").and_then(Json::as_str) {
                    Some(word) if CONFIDENCES.contains(&word) => {}
                    Some(word) => {
                        reader.flag(format!("confidence {word:?} is not in the vocabulary"));
                    }
                    None => reader.flag("confidence is missing"),
                }
            }
            Some(_) => reader.flag("reasoning_trace is not an object"),
            None => reader.flag("reasoning_trace is missing"),
        }
        if object
            .get("did_web_search")
            .and_then(Json::as_bool)
            .is_none()
        {
            // What was done decides; see `tools::tell_the_truth`.
            object.insert("did_web_search", false);
        }
        let flags = reader.finish()?;
        Ok(Self {
            answer,
            flags,
            json: Arc::new(Json::Object(object)),
        })
    }
}

/// Search words that models put in place of a query.
const LANGUAGE_WORDS: [&str; 14] = [
    "ar",
    "en",
    "fr",
    "english",
    "french",
    "arabic",
    "morocco",
    "moroccan",
    "egypt",
    "egyptian",
    "levantine",
    "uae",
    "gulf",
    "saudi",
];

fn clean_queries(queries: &mut Object) {
    for key in ["vector_db_search", "web_search"] {
        let Some(value) = queries.get_mut(key) else {
            continue;
        };
        let texts = match std::mem::replace(value, Json::Null) {
            Json::Array(items) => items,
            Json::Null => Vec::new(),
            other => vec![other],
        };
        *value = Json::Array(texts.into_iter().filter(is_query).collect());
    }
}

fn is_query(text: &Json) -> bool {
    let Some(text) = text.to_text() else {
        return false;
    };
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => false,
        (Some(word), None) => {
            word.chars().count() > 2 && !LANGUAGE_WORDS.contains(&word.to_lowercase().as_str())
        }
        _ => true,
    }
}

/// A reply of a judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// In [0, 10].
    pub score: f64,
    /// Deviations.
    pub flags: Vec<String>,
    /// The object, verbatim.
    pub json: Arc<Json>,
}

impl Verdict {
    /// Reads a reply: `score` has to be a number in [0, 10]; `reasons` that are not in the configured
    /// vocabulary `reasons` stay and are flagged, as are missing judgments.
    ///
    /// # Errors
    /// What is wrong, for the model.
    pub fn from_json(value: &Json, reasons: &[String]) -> Result<Self, String> {
        let mut reader = Reader::new(value)?;
        let score = reader.score();
        for reason in reader.list("reasons", false) {
            match reason.to_text() {
                Some(word) if reasons.iter().any(|known| **known == *word) => {}
                Some(word) => {
                    reader.flag(format!("judge reason {word:?} is not in the vocabulary"));
                }
                None => reader.flag("a judge reason is no text"),
            }
        }
        for key in ["question_ok", "answer_ok"] {
            match reader.object.get(key) {
                Some(Json::Bool(_)) => {}
                Some(_) => reader.flag(format!("{key} is neither true nor false")),
                None => reader.flag(format!("{key} is missing")),
            }
        }
        let flags = reader.finish()?;
        Ok(Self {
            score,
            flags,
            json: Arc::new(value.clone()),
        })
    }
}

/// Collects what is wrong with a reply and what merely deviates.
struct Reader<'a> {
    object: &'a Object,
    errors: Vec<String>,
    flags: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(value: &'a Json) -> Result<Self, String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("the reply is {}, not a JSON object", value.type_name()))?;
        Ok(Self {
            object,
            errors: Vec::new(),
            flags: Vec::new(),
        })
    }

    fn flag(&mut self, what: impl Into<String>) {
        self.flags.push(what.into());
    }

    /// Text that must be there, trimmed.
    fn needed_text(&mut self, key: &str) -> String {
        let text = match self.object.get(key) {
            None => Err(format!("`{key}` is missing")),
            Some(value) => match value.to_text() {
                None => Err(format!(
                    "`{key}` is {}, but must be text",
                    value.type_name()
                )),
                Some(text) if text.trim().is_empty() => Err(format!("`{key}` is empty")),
                Some(text) => Ok(text.trim().to_owned()),
            },
        };
        text.unwrap_or_else(|error| {
            self.errors.push(error);
            String::new()
        })
    }

    /// A list, empty where there is none; missing is an error only when it is `needed`.
    fn list(&mut self, key: &str, needed: bool) -> &'a [Json] {
        match self.object.get(key) {
            Some(Json::Array(items)) => return items,
            Some(Json::Null) | None if !needed => {}
            Some(other) => {
                self.errors.push(format!(
                    "`{key}` is {}, but must be a list",
                    other.type_name()
                ));
            }
            None => self.errors.push(format!("`{key}` is missing")),
        }
        &[]
    }

    fn vocabulary(&mut self, key: &str, known: &[&str]) {
        match self.object.get(key).map(|value| (value, value.as_str())) {
            Some((_, Some(word))) if known.contains(&word) => {}
            Some((_, Some(word))) => self.flag(format!("{key} {word:?} is not in the vocabulary")),
            Some((value, None)) => self.flag(format!("{key} is {}", value.type_name())),
            None => self.flag(format!("{key} is missing")),
        }
    }

    fn score(&mut self) -> f64 {
        let error = match self.object.get("score") {
            None => "`score` is missing".to_owned(),
            Some(value) => match value.as_f64() {
                Some(score) if (0.0..=10.0).contains(&score) => return score,
                Some(score) => format!("`score` is {score}, but must lie between 0 and 10"),
                None => format!("`score` is {}, but must be a number", value.type_name()),
            },
        };
        self.errors.push(error);
        0.0
    }

    fn finish(self) -> Result<Vec<String>, String> {
        if self.errors.is_empty() {
            Ok(self.flags)
        } else {
            Err(self.errors.join("; "))
        }
    }
}

#[cfg(test)]
mod tests;
