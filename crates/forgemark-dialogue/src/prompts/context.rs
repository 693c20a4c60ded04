//! What the roles are told, and how it becomes template variables.

use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::{Object, Value};

use super::{PromptError, Prompts};
use crate::passages::{Passage, attribute, push_block, push_open, push_passage};

/// One exchange of the public history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// The question.
    pub question: &'a str,
    /// The answer.
    pub answer: &'a str,
}

/// What the user role is told.
#[derive(Debug, Clone, Copy)]
pub struct UserTurnContext<'a> {
    /// Language label, as configured.
    pub language: &'a str,
    /// Rendered persona, may be empty.
    pub persona: &'a str,
    /// Number of the turn, from 1.
    pub turn: u32,
    /// Turns of the conversation.
    pub turns: u32,
    /// Question mode: `seeded`, `fresh`, `followup`, `adjacent` or `off_topic`.
    pub mode: &'a str,
    /// Difficulty that the question is to have; empty where the model chooses.
    pub difficulty: &'a str,
    /// Seed topic, may be empty.
    pub seed_topic: &'a str,
    /// Seed question, may be empty.
    pub seed_question: &'a str,
    /// What was said.
    pub history: &'a [Exchange<'a>],
    /// Passages to choose from.
    pub passages: &'a [Passage],
    /// Whether the passages were used up before: another angle is asked for then.
    pub reused: bool,
    /// Questions not to repeat.
    pub recent: &'a [&'a str],
    /// Own questions of this turn that were duplicates.
    pub rejected: &'a [String],
}

/// What the assistant role is told. The user's grounding facts and notes are not part of it.
#[derive(Debug, Clone, Copy)]
pub struct AssistantTurnContext<'a> {
    /// Language label, as configured.
    pub language: &'a str,
    /// Rendered persona, may be empty.
    pub persona: &'a str,
    /// Number of the turn, from 1.
    pub turn: u32,
    /// Turns of the conversation.
    pub turns: u32,
    /// Passages retrieved for the question.
    pub passages: &'a [Passage],
    /// The question.
    pub question: &'a str,
}

/// What a judge is told; question and answer are of the last turn when one turn is judged.
#[derive(Debug, Clone, Copy)]
pub struct JudgeContext<'a> {
    /// Language label, as configured.
    pub language: &'a str,
    /// Allowed reasons.
    pub reasons: &'a [String],
    /// Rendered persona of the asking side.
    pub user_persona: &'a str,
    /// Rendered persona of the answering side.
    pub assistant_persona: &'a str,
    /// What came before; the whole conversation when that is judged.
    pub history: &'a [Exchange<'a>],
    /// Passages that were shown.
    pub passages: &'a [Passage],
    /// The question.
    pub question: &'a str,
    /// The answer.
    pub answer: &'a str,
}

impl UserTurnContext<'_> {
    pub(super) fn values(&self) -> Value {
        let task = Task {
            role: "user_turn",
            language: self.language,
            mode: Some(self.mode),
            turn: Some((self.turn, self.turns)),
        };
        Fields::value(vec![
            ("language", Value::from(self.language)),
            ("language_name", Value::from(language_name(self.language))),
            ("task", Value::from(task.line())),
            ("turn", Value::from(self.turn)),
            ("turns", Value::from(self.turns)),
            ("mode", Value::from(self.mode)),
            ("mode_meaning", Value::from(mode_meaning(self.mode))),
            ("difficulty", Value::from(self.difficulty)),
            ("persona", block("persona", self.persona)),
            ("history", history(self.history)),
            ("passages", passages(self.passages)),
            (
                "recent",
                questions("asked_before", self.recent.iter().copied()),
            ),
            (
                "rejected",
                questions("avoid", self.rejected.iter().map(String::as_str)),
            ),
            ("seed", seed(self.seed_topic, self.seed_question)),
            (
                "reuse",
                Value::from(if self.reused { self.angle() } else { "" }),
            ),
        ])
    }

    /// The angle for used material: it follows from what is offered and from how often this turn
    /// was tried, so that two conversations about one passage tend to differ.
    fn angle(&self) -> &'static str {
        let ids = self
            .passages
            .iter()
            .flat_map(|passage| passage.topic_id.bytes());
        let sum = ids.fold(self.turn as usize, |sum, byte| {
            sum.wrapping_mul(31) + usize::from(byte)
        });
        ANGLES[(sum % 1_000_003 + self.rejected.len() + self.recent.len()) % ANGLES.len()]
    }
}

impl AssistantTurnContext<'_> {
    pub(super) fn values(&self) -> Value {
        let task = Task {
            role: "assistant_turn",
            language: self.language,
            mode: None,
            turn: Some((self.turn, self.turns)),
        };
        Fields::value(vec![
            ("language", Value::from(self.language)),
            ("language_name", Value::from(language_name(self.language))),
            ("task", Value::from(task.line())),
            ("turn", Value::from(self.turn)),
            ("turns", Value::from(self.turns)),
            ("persona", block("persona", self.persona)),
            ("passages", passages(self.passages)),
            ("question", block("question", self.question)),
        ])
    }
}

impl JudgeContext<'_> {
    pub(super) fn turn_values(&self) -> Value {
        let mut values = self.common("judge_turn");
        values.push(("question", block("question", self.question)));
        values.push(("answer", block("answer", self.answer)));
        Fields::value(values)
    }

    pub(super) fn conversation_values(&self) -> Value {
        let mut values = self.common("judge_conversation");
        values.push(("turns", Value::from(self.history.len())));
        Fields::value(values)
    }

    fn common(&self, role: &'static str) -> Vec<(&'static str, Value)> {
        let task = Task {
            role,
            language: self.language,
            mode: None,
            turn: None,
        };
        vec![
            ("language", Value::from(self.language)),
            ("language_name", Value::from(language_name(self.language))),
            ("task", Value::from(task.line())),
            ("reasons", reasons(self.reasons)),
            ("user_persona", block("persona", self.user_persona)),
            (
                "assistant_persona",
                block("persona", self.assistant_persona),
            ),
            ("history", history(self.history)),
            ("passages", passages(self.passages)),
        ]
    }
}

/// Renders every template once with and once without the optional values, so that most of what
/// could fail on values is found before any call.
pub(super) fn rehearse(prompts: &Prompts) -> Result<(), PromptError> {
    for word in ["", "x"] {
        let full = !word.is_empty();
        let exchanges = [Exchange {
            question: "q",
            answer: "a",
        }];
        let history: &[Exchange<'_>] = if full { &exchanges } else { &[] };
        let list: &[&str] = if full { &["x"] } else { &[] };
        let owned: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
        prompts.user_turn(&UserTurnContext {
            difficulty: "",
            language: "en",
            persona: word,
            turn: 1,
            turns: 1,
            mode: "fresh",
            seed_topic: word,
            seed_question: word,
            history,
            passages: &[],
            reused: full,
            recent: list,
            rejected: &owned,
        })?;
        prompts.assistant_turn(&AssistantTurnContext {
            language: "en",
            persona: word,
            turn: 1,
            turns: 1,
            passages: &[],
            question: "q",
        })?;
        let judge = JudgeContext {
            language: "en",
            reasons: &owned,
            user_persona: word,
            assistant_persona: word,
            history,
            passages: &[],
            question: "q",
            answer: "a",
        };
        prompts.judge_turn(&judge)?;
        prompts.judge_conversation(&judge)?;
    }
    Ok(())
}

/// The variables of one call. A template looks a handful of names up, which a list answers faster
/// than a map that would have to be built first.
#[derive(Debug)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn value(fields: Vec<(&'static str, Value)>) -> Value {
        Value::from_object(Self(fields))
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.clone())
    }
}

/// The line that says to a program what the prompt is.
struct Task<'a> {
    role: &'static str,
    language: &'a str,
    mode: Option<&'a str>,
    turn: Option<(u32, u32)>,
}

impl Task<'_> {
    fn line(&self) -> String {
        let mut out = String::with_capacity(96);
        out.push_str("<task");
        attribute(&mut out, "role", self.role);
        attribute(&mut out, "language", self.language);
        if let Some(mode) = self.mode {
            attribute(&mut out, "mode", mode);
        }
        if let Some((turn, turns)) = self.turn {
            // Writing to a string cannot fail.
            let _ = write!(out, " turn=\"{turn}\" turns=\"{turns}\"");
        }
        out.push_str(" />");
        out
    }
}

fn block(name: &str, text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::from("");
    }
    let mut out = String::with_capacity(text.len() + 2 * name.len() + 8);
    push_block(&mut out, name, &[], text);
    Value::from(out)
}

fn passages(list: &[Passage]) -> Value {
    let size: usize = list.iter().map(|passage| passage.text.len() + 160).sum();
    let mut out = String::with_capacity(size);
    for passage in list {
        push_passage(&mut out, passage);
    }
    Value::from(out)
}

fn history(exchanges: &[Exchange<'_>]) -> Value {
    if exchanges.is_empty() {
        return Value::from("");
    }
    let size: usize = exchanges
        .iter()
        .map(|one| one.question.len() + one.answer.len() + 96)
        .sum();
    let mut out = String::with_capacity(size);
    push_open(&mut out, "history", &[]);
    for (index, exchange) in exchanges.iter().enumerate() {
        let _ = writeln!(out, "<turn index=\"{}\">", index + 1);
        push_block(&mut out, "question", &[], exchange.question);
        push_block(&mut out, "answer", &[], exchange.answer);
        out.push_str("</turn>\n");
    }
    out.push_str("</history>\n");
    Value::from(out)
}

/// A list of questions, one a line; a line break inside one becomes a space.
fn questions<'a>(name: &str, texts: impl Iterator<Item = &'a str>) -> Value {
    let mut lines = String::new();
    for text in texts {
        lines.push_str(if lines.is_empty() { "- " } else { "\n- " });
        for (index, word) in text.split_whitespace().enumerate() {
            if index > 0 {
                lines.push(' ');
            }
            lines.push_str(word);
        }
    }
    block(name, &lines)
}

fn reasons(list: &[String]) -> Value {
    block("reasons", &list.join("\n"))
}

fn seed(topic: &str, question: &str) -> Value {
    match (topic.trim(), question.trim()) {
        ("", question) => block("seed", question),
        (topic, "") => block("seed", topic),
        (topic, question) => block("seed", &format!("Topic: {topic}\n{question}")),
    }
}

/// Ways to ask about a passage that was asked about before.
const ANGLES: [&str; 8] = [
    "why it is so, or what it is good for.",
    "what follows if it is not done, or not in time.",
    "an exception, a limit or a special case.",
    "how two of the things that are named differ.",
    "what somebody has to do, step by step.",
    "a concrete situation in which somebody needs to know this.",
    "what a beginner would get wrong about it.",
    "a number, a date or a quantity, and what it means in practice.",
];

/// What a question mode asks for.
fn mode_meaning(mode: &str) -> &'static str {
    match mode {
        "seeded" => "the conversation opens with the given topic or question.",
        "followup" => {
            "stay with the last answer: ask about a detail, a reason, a consequence or an unclear \
             point of it."
        }
        "adjacent" => {
            "move on to something near the last answer that has not been talked about yet."
        }
        "off_topic" => {
            "turn to another subject that the passages hold, with a natural change of subject."
        }
        _ => "bring up a new subject from the passages; do not tie it to what was said before.",
    }
}

/// A language label in words that a model understands: codes of common languages are spelled
/// out, everything else is taken as it is ("Moroccan Arabic" says more than a code).
pub fn language_name(label: &str) -> &str {
    const NAMES: [(&str, &str); 27] = [
        ("ar", "Arabic"),
        ("de", "German"),
        ("egypt", "Egyptian Arabic"),
        ("en", "English"),
        ("english", "English"),
        ("es", "Spanish"),
        ("fa", "Persian"),
        ("fr", "French"),
        ("france", "French"),
        ("gulf", "Gulf Arabic"),
        ("hi", "Hindi"),
        ("id", "Indonesian"),
        ("it", "Italian"),
        ("ja", "Japanese"),
        ("ko", "Korean"),
        ("levantine", "Levantine Arabic"),
        ("morocco", "Moroccan Arabic (Darija)"),
        ("msa", "Modern Standard Arabic"),
        ("nl", "Dutch"),
        ("pl", "Polish"),
        ("pt", "Portuguese"),
        ("ru", "Russian"),
        ("sv", "Swedish"),
        ("tr", "Turkish"),
        ("uk", "Ukrainian"),
        ("ur", "Urdu"),
        ("zh", "Chinese"),
    ];
    let known = NAMES
        .iter()
        .find(|(code, _)| code.eq_ignore_ascii_case(label.trim()));
    known.map_or(label, |(_, name)| name)
}
