//! What the models are asked to reply, as schemas, and the typed reading of it.
//!
//! ```text
//! text ──tagged──> question, answer                              a generated question
//! text ──json──> Json ──from_json──> SelfCheck, Critique, Turn, Judgment
//!          │                 └ ReplyError: asked again, then repaired, then a typed failure
//!          └ ParseStatus: how the JSON was found
//! ```
//!
//! With [`Protocol::Forgemark1`] a reading is strict where a decision hangs on a field: a verdict outside its vocabulary, a missing
//! `ill_posed` or a confidence out of range is an error in words for the model. With [`Protocol::Crb1`] such replies become what the
//! original makes of them: verdict `unknown`, no concession, not ill-posed. An object that echoes the JSON Schema is an error with
//! both.

mod mend;
mod repair;
mod schema;
mod tags;

#[cfg(test)]
mod tests;

use forgemark_contract::arena::{CLAIM_VERDICTS, CRITIQUE_VERDICTS};
use forgemark_contract::json::{Json, Object, parse_lenient, parse_str};

pub use repair::repaired;
pub use schema::{
    ANSWER_CHECK, CRITIQUE, CRITIQUE_CHECK, DEBATE_TURN, JUDGE_CRITIQUE, JUDGE_ILL_POSED,
    QUESTION_CHECK, critique_format, judgment_format, self_check_format, turn_format,
};
pub use tags::{Tagged, retagged, tagged};

use super::config::{Confidence, Protocol};

/// How a reply became a typed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseStatus {
    /// The whole reply was JSON.
    Exact,
    /// JSON was found in the reply: in a code block, between braces, with small slips.
    Lenient,
    /// The second reply, after the model was told what is wrong with the first.
    AskedAgain,
    /// What the repair model made of the reply.
    Repaired,
    /// Nothing could be read.
    Failed,
}

impl ParseStatus {
    /// The word in sidecars.
    pub fn as_str(self) -> &'static str {
        match self {
            ParseStatus::Exact => "exact",
            ParseStatus::Lenient => "lenient",
            ParseStatus::AskedAgain => "asked_again",
            ParseStatus::Repaired => "repaired",
            ParseStatus::Failed => "failed",
        }
    }
}

/// A reply that cannot be used, in words that the model can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ReplyError {
    /// Which kind.
    pub kind: ReplyProblem,
    /// What is wrong, as a fragment.
    pub detail: String,
}

/// The kinds of unusable replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyProblem {
    /// No text at all.
    Empty,
    /// A tag is missing, or nothing stands behind it.
    NoTags,
    /// No JSON object in it.
    NotJson,
    /// The JSON Schema, in place of an object that follows it.
    SchemaEcho,
    /// An object with a missing or wrong field.
    BadField,
    /// What the repair model wrote is not what the reply says.
    Unfaithful,
}

impl ReplyProblem {
    /// The word in sidecars.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplyProblem::Empty => "empty",
            ReplyProblem::NoTags => "no_tags",
            ReplyProblem::NotJson => "not_json",
            ReplyProblem::SchemaEcho => "schema_echo",
            ReplyProblem::BadField => "bad_field",
            ReplyProblem::Unfaithful => "unfaithful_repair",
        }
    }
}

fn fail<T>(kind: ReplyProblem, detail: impl Into<String>) -> Result<T, ReplyError> {
    Err(ReplyError {
        kind,
        detail: detail.into(),
    })
}

/// The JSON object of a reply and how it was found: the whole reply, an object in it, or one whose LaTeX stands with single
/// backslashes.
///
/// # Errors
/// [`ReplyProblem::Empty`] and [`ReplyProblem::NotJson`].
pub fn json(text: &str) -> Result<(Json, ParseStatus), ReplyError> {
    if text.trim().is_empty() {
        return fail(ReplyProblem::Empty, "the reply is empty");
    }
    let (value, status) = match parse_str(text) {
        Ok(value) => (value, ParseStatus::Exact),
        Err(_) => match parse_lenient(text).or_else(|| parse_lenient(&mend::mended(text))) {
            Some(value) => (value, ParseStatus::Lenient),
            None => return fail(ReplyProblem::NotJson, "the reply is not valid JSON"),
        },
    };
    match value {
        Json::Object(_) => Ok((value, status)),
        other => fail(
            ReplyProblem::NotJson,
            format!("the reply is {}, not a JSON object", other.type_name()),
        ),
    }
}

/// What a self-check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The questioner's answer to its own question.
    OwnAnswer,
    /// An answer.
    Answer,
    /// A critique, which is never ill-posed.
    Critique,
}

/// A model's check of what it wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfCheck {
    /// Whether the verdict is `pass`.
    pub passes: bool,
    /// Whether the question is called ill-posed.
    pub ill_posed: bool,
    /// What is wrong.
    pub issues: Vec<String>,
    /// What should change: the feedback of the next round. Empty where nothing was said.
    pub improvements: String,
    /// Deviations that decide nothing.
    pub flags: Vec<String>,
    /// The object, as the model wrote it.
    pub json: Json,
}

impl SelfCheck {
    /// Reads an object.
    ///
    /// # Errors
    /// [`ReplyProblem::SchemaEcho`] and [`ReplyProblem::BadField`].
    pub fn from_json(
        value: &Json,
        checked: Checked,
        protocol: Protocol,
    ) -> Result<Self, ReplyError> {
        let mut reader = Reader::new(value)?;
        let strict = protocol == Protocol::Forgemark1;
        let passes = match reader.word("verdict") {
            Some(word) if word == "pass" => true,
            Some(word) if word == "fail" => false,
            Some(word) if strict || checked != Checked::Critique => {
                reader.error(format!("`verdict` is {word:?}, but must be pass or fail"));
                false
            }
            None if strict => {
                reader.error("`verdict` is missing, but must be pass or fail");
                false
            }
            Some(_) => {
                reader.flag("verdict is neither pass nor fail");
                false
            }
            None => {
                reader.flag("verdict is missing");
                false
            }
        };
        let ill_posed = match (checked, reader.flag_of("ill_posed")) {
            (Checked::Critique, _) => false,
            (_, Some(ill_posed)) => ill_posed,
            (_, None) if strict => {
                reader.error("`ill_posed` must be true or false");
                false
            }
            (_, None) => {
                reader.flag("ill_posed is missing");
                false
            }
        };
        let issues = reader.texts("issues");
        let improvements = reader.texts("improvements").join(JOINT);
        if strict && !passes && !ill_posed && issues.is_empty() && improvements.is_empty() {
            reader.error("a check that fails must name issues or improvements");
        }
        let flags = reader.finish()?;
        Ok(SelfCheck {
            passes,
            ill_posed,
            issues,
            improvements,
            flags,
            json: value.clone(),
        })
    }

    /// What stands for a check that could not be read: a failed one that says so.
    pub fn unreadable(checked: Checked) -> Self {
        let issue = "the check could not be read";
        let mut object = Object::from([("verdict", Json::from("fail"))]);
        if checked != Checked::Critique {
            object.insert("ill_posed", false);
        }
        object.insert("issues", Json::Array(vec![Json::from(issue)]));
        object.insert("improvements", "");
        SelfCheck {
            passes: false,
            ill_posed: false,
            issues: vec![issue.to_owned()],
            improvements: String::new(),
            flags: vec!["unreadable".to_owned()],
            json: Json::Object(object),
        }
    }
}

/// What a critic says of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Critique {
    /// One of [`CRITIQUE_VERDICTS`].
    pub verdict: String,
    /// Why.
    pub notes: String,
    /// What should change.
    pub suggestions: Option<String>,
    /// Deviations that decide nothing.
    pub flags: Vec<String>,
}

impl Critique {
    /// Reads an object. With the original's protocol a verdict outside the vocabulary and missing notes give the verdict
    /// `unknown`.
    ///
    /// # Errors
    /// [`ReplyProblem::SchemaEcho`] and [`ReplyProblem::BadField`].
    pub fn from_json(value: &Json, protocol: Protocol) -> Result<Self, ReplyError> {
        let mut reader = Reader::new(value)?;
        let strict = protocol == Protocol::Forgemark1;
        let known = &CRITIQUE_VERDICTS[..CRITIQUE_VERDICTS.len() - 1];
        let mut verdict = reader.verdict(known, strict);
        let has_notes = value.get("notes").is_some();
        let notes = reader.texts("notes").join(JOINT);
        if strict && notes.trim().is_empty() {
            reader.error("`notes` must say why");
        } else if !has_notes {
            "unknown".clone_into(&mut verdict);
        }
        let suggestions =
            Some(reader.texts("suggestions").join(JOINT)).filter(|text| !text.trim().is_empty());
        let flags = reader.finish()?;
        Ok(Critique {
            verdict,
            notes,
            suggestions,
            flags,
        })
    }

    /// What stands for a critique that could not be read: the reply itself, with the verdict `unknown`.
    pub fn unreadable(raw: &str) -> Self {
        Critique {
            verdict: "unknown".to_owned(),
            notes: raw.to_owned(),
            suggestions: None,
            flags: vec!["unreadable".to_owned()],
        }
    }

    /// The claim as debaters and judges read it.
    pub fn claim(&self) -> String {
        claim(&self.verdict, &self.notes, self.suggestions.as_deref())
    }
}

/// The claim of a critique as debaters and judges read it.
pub fn claim(verdict: &str, notes: &str, suggestions: Option<&str>) -> String {
    let mut text = format!("Verdict: {verdict}\nNotes: {notes}");
    if let Some(suggestions) = suggestions.filter(|text| !text.trim().is_empty()) {
        text.push_str("\nSuggestions: ");
        text.push_str(suggestions);
    }
    text
}

/// The claim of a check that calls a question ill-posed, as debaters and judges read it. An evaluation is an open object: what
/// is missing is left out.
pub fn ill_posed_claim(evaluation: &Json) -> String {
    let view = forgemark_contract::arena::SelfCheck(evaluation);
    let mut text = "The question is ill-posed.".to_owned();
    for (label, parts) in [
        ("Issues", view.issues()),
        ("What would make it well-posed", view.improvements()),
    ] {
        let joined = parts.join(JOINT);
        if !joined.trim().is_empty() {
            for part in ["\n", label, ": ", &joined] {
                text.push_str(part);
            }
        }
    }
    text
}

/// One message of a debate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The argument.
    pub message: String,
    /// Whether the speaker gives in.
    pub concede: bool,
    /// Deviations that decide nothing.
    pub flags: Vec<String>,
}

impl Turn {
    /// Reads an object.
    ///
    /// # Errors
    /// [`ReplyProblem::SchemaEcho`], and [`ReplyProblem::BadField`] without a message.
    pub fn from_json(value: &Json) -> Result<Self, ReplyError> {
        let mut reader = Reader::new(value)?;
        let message = reader.texts("message").join("\n");
        if message.trim().is_empty() {
            reader.error("`message` must be text");
        }
        let concede = reader.flag_of("concede").unwrap_or_else(|| {
            reader.flag("concede is missing");
            false
        });
        let flags = reader.finish()?;
        Ok(Turn {
            message,
            concede,
            flags,
        })
    }

    /// What stands for a message that could not be read: the reply itself, without a concession.
    pub fn unreadable(raw: &str) -> Self {
        Turn {
            message: raw.to_owned(),
            concede: false,
            flags: vec!["unreadable".to_owned()],
        }
    }
}

/// What kind of claim a judge decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// That an answer has a fault.
    Critique,
    /// That a question is ill-posed.
    IllPosed,
}

impl Task {
    /// The verdicts of the task, `unknown` last.
    pub fn verdicts(self) -> Vec<&'static str> {
        let minor = |word: &&str| self == Task::Critique || *word != "defender_wins_minor";
        CLAIM_VERDICTS.into_iter().filter(minor).collect()
    }
}

/// What a judge decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgment {
    /// One of [`Task::verdicts`].
    pub verdict: String,
    /// From 1 to 5.
    pub confidence: Option<i64>,
    /// Why; may be empty with the original's protocol.
    pub reasoning: String,
    /// Deviations that decide nothing.
    pub flags: Vec<String>,
}

impl Judgment {
    /// Reads an object. With the original's protocol a verdict outside the vocabulary is `unknown`, and so is one without the
    /// confidence that is required; with ours both are errors. `unknown` itself is an answer that a judge may give.
    ///
    /// # Errors
    /// [`ReplyProblem::SchemaEcho`] and [`ReplyProblem::BadField`].
    pub fn from_json(
        value: &Json,
        task: Task,
        confidence: Confidence,
        protocol: Protocol,
    ) -> Result<Self, ReplyError> {
        let mut reader = Reader::new(value)?;
        let strict = protocol == Protocol::Forgemark1;
        let known = task.verdicts();
        let mut verdict = reader.verdict(&known, strict);
        let sure = reader.confidence();
        if sure.is_none() {
            match (confidence, strict) {
                (Confidence::Required, true) => {
                    reader.error("`confidence` must be a whole number from 1 to 5");
                }
                (Confidence::Required, false) => "unknown".clone_into(&mut verdict),
                (Confidence::Optional, _) => reader.flag("confidence is missing"),
            }
        }
        let reasoning = reader.texts("reasoning").join("\n");
        if strict && reasoning.trim().is_empty() {
            reader.error("`reasoning` must say why");
        }
        let flags = reader.finish()?;
        Ok(Judgment {
            verdict,
            confidence: sure,
            reasoning,
            flags,
        })
    }
}

/// Between the parts of a list that stands where text was asked for.
const JOINT: &str = "; ";

/// Collects what is wrong with an object and what merely deviates.
struct Reader<'a> {
    object: &'a Object,
    errors: Vec<String>,
    flags: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(value: &'a Json) -> Result<Self, ReplyError> {
        let Some(object) = value.as_object() else {
            let found = value.type_name();
            return fail(
                ReplyProblem::NotJson,
                format!("the reply is {found}, not a JSON object"),
            );
        };
        // A schema has its fields below `properties`, and none of them at the top.
        if value.at("properties").as_object().is_some() && value.get("verdict").is_none() {
            return fail(
                ReplyProblem::SchemaEcho,
                "the reply is the JSON Schema, not an object that follows it",
            );
        }
        Ok(Self {
            object,
            errors: Vec::new(),
            flags: Vec::new(),
        })
    }

    fn error(&mut self, what: impl Into<String>) {
        self.errors.push(what.into());
    }

    fn flag(&mut self, what: impl Into<String>) {
        self.flags.push(what.into());
    }

    /// A word, trimmed and in lower case.
    fn word(&self, key: &str) -> Option<String> {
        let text = self.object.get(key)?.to_text()?;
        Some(text.trim().to_lowercase())
    }

    /// The verdict, one of `known`; any other is an error where the protocol is `strict`, and else unknown.
    fn verdict(&mut self, known: &[&str], strict: bool) -> String {
        match self.word("verdict") {
            Some(word) if known.contains(&word.as_str()) => word,
            Some(word) if strict => {
                let words = known.join(", ");
                self.error(format!("`verdict` is {word:?}, but must be one of {words}"));
                word
            }
            None if strict => {
                self.error(format!("`verdict` must be one of {}", known.join(", ")));
                String::new()
            }
            _ => "unknown".to_owned(),
        }
    }

    /// A truth value; one that is written as text is taken and flagged.
    fn flag_of(&mut self, key: &str) -> Option<bool> {
        match self.object.get(key)? {
            Json::Bool(value) => Some(*value),
            other => {
                let value = match other.to_text()?.trim().to_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => return None,
                };
                self.flag(format!("{key} is text"));
                Some(value)
            }
        }
    }

    /// The texts of a list, or the only one; empty where there is nothing.
    fn texts(&mut self, key: &str) -> Vec<String> {
        let texts: Vec<String> = match self.object.get(key) {
            None | Some(Json::Null) => return Vec::new(),
            Some(Json::Array(items)) => items
                .iter()
                .filter_map(|item| item.to_text().map(std::borrow::Cow::into_owned))
                .collect(),
            Some(other) => {
                let text = other.to_text().map(std::borrow::Cow::into_owned);
                if text.is_none() {
                    self.flag(format!("{key} is {}", other.type_name()));
                }
                text.into_iter().collect()
            }
        };
        texts
            .into_iter()
            .filter(|text| !text.trim().is_empty())
            .collect()
    }

    /// A whole number from 1 to 5, however it is written.
    fn confidence(&mut self) -> Option<i64> {
        let value = self.object.get("confidence")?;
        let number = match value.to_text() {
            Some(text) => {
                let number = text.trim().parse().ok()?;
                self.flag("confidence is text");
                number
            }
            None => value.as_f64()?,
        };
        ((1.0..=5.0).contains(&number) && number.fract() == 0.0).then_some(number as i64)
    }

    fn finish(self) -> Result<Vec<String>, ReplyError> {
        if self.errors.is_empty() {
            Ok(self.flags)
        } else {
            fail(ReplyProblem::BadField, self.errors.join("; "))
        }
    }
}
