//! The statistics of a set of conversations, as the original writes them.
//!
//! Words are what Python's `str.split` gives; tokens are estimated as a quarter of the characters, rounded up, of each
//! message without the white space around it; a message of white space is none. Means have four decimals, rounded as
//! Python's `round` does. A conversation has as many turns as its metadata says, else as were judged, else as the user
//! speaks.

mod histogram;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use forgemark_contract::json::{Json, Object};
use forgemark_contract::text::{is_python_space, python_strip};

pub use histogram::{histogram, mean4, score_bucket};

/// The language of rows that name none.
const NO_LANGUAGE: &str = "unknown";

/// Statistics as rows are added. Memory is one entry for each different number.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    records: u64,
    languages: BTreeMap<String, u64>,
    turns: BTreeMap<u64, u64>,
    average: Scores,
    per_turn: Scores,
    conversation: Scores,
    messages: u64,
    words: BTreeMap<u64, u64>,
    tokens: BTreeMap<u64, u64>,
}

/// Numeric scores.
#[derive(Debug, Clone, Default)]
struct Scores {
    n: u64,
    sum: f64,
    buckets: BTreeMap<u64, u64>,
}

impl Scores {
    fn add(&mut self, score: f64) {
        self.n += 1;
        self.sum += score;
        *self.buckets.entry(score_bucket(score)).or_default() += 1;
    }

    fn mean(&self) -> Json {
        match self.n {
            0 => Json::Null,
            n => Json::Float(mean4(self.sum, n)),
        }
    }
}

impl Stats {
    /// Adds a row whose columns have their default names.
    pub fn add(&mut self, row: &Json) {
        self.records += 1;
        let metadata = row.at("metadata");
        let language = match metadata.str_or("language", "") {
            "" => NO_LANGUAGE,
            language => language,
        };
        *self.languages.entry(language.to_owned()).or_default() += 1;
        let judge = row.at("judge");
        let judged = judge.items("per_turn");
        let messages = row.items("messages");
        let turns = match metadata.get("n_turns").and_then(Json::as_u64) {
            Some(turns) if turns > 0 => turns,
            _ if !judged.is_empty() => judged.len() as u64,
            _ => {
                let by_user = |message: &&Json| message.str_or("role", "") == "user";
                messages.iter().filter(by_user).count() as u64
            }
        };
        *self.turns.entry(turns).or_default() += 1;
        let whole = score(judge.at("conversation").at("score"));
        if let Some(average) = score(judge.at("avg_score")).or(whole) {
            self.average.add(average);
        }
        if let Some(whole) = whole {
            self.conversation.add(whole);
        }
        for score in judged.iter().filter_map(|turn| score(turn.at("score"))) {
            self.per_turn.add(score);
        }
        let (mut words, mut tokens) = (0, 0);
        for message in messages {
            let content = message.at("content").to_text().unwrap_or_default();
            let content = python_strip(&content);
            if !content.is_empty() {
                self.messages += 1;
                words += word_count(content);
                tokens += (content.chars().count() as u64).div_ceil(4);
            }
        }
        *self.words.entry(words).or_default() += 1;
        *self.tokens.entry(tokens).or_default() += 1;
    }

    /// Rows that were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// All turns.
    pub fn turns(&self) -> u64 {
        total(&self.turns)
    }

    /// The statistics in their order of keys, for `dataset_stats.json` ([`forgemark_contract::json::to_pretty`]).
    pub fn to_json(&self, source_file: &str) -> Json {
        let extreme = |found: Option<&u64>| Json::from(found.copied());
        let mean = |sum: u64, n: u64| Json::Float(mean4(sum as f64, n));
        let (words, tokens) = (total(&self.words), total(&self.tokens));
        Json::object([
            ("source_file", Json::from(source_file)),
            ("records", Json::from(self.records)),
            ("languages", Json::from(self.languages.clone())),
            (
                "turn_count",
                Json::object([
                    ("min", extreme(self.turns.keys().next())),
                    ("max", extreme(self.turns.keys().next_back())),
                    ("avg", mean(self.turns(), self.records)),
                    ("distribution", counted(&self.turns)),
                ]),
            ),
            (
                "judge",
                Json::object([
                    ("conversations_with_scores", Json::from(self.average.n)),
                    ("avg_score_mean", self.average.mean()),
                    ("avg_score_distribution", counted(&self.average.buckets)),
                    ("per_turn_score_mean", self.per_turn.mean()),
                    (
                        "per_turn_score_distribution",
                        counted(&self.per_turn.buckets),
                    ),
                    ("conversation_score_mean", self.conversation.mean()),
                    (
                        "conversation_score_distribution",
                        counted(&self.conversation.buckets),
                    ),
                ]),
            ),
            (
                "text",
                Json::object([
                    ("avg_words_per_conversation", mean(words, self.records)),
                    (
                        "avg_tokens_per_conversation_estimate",
                        mean(tokens, self.records),
                    ),
                    ("avg_words_per_message", mean(words, self.messages)),
                    (
                        "avg_tokens_per_message_estimate",
                        mean(tokens, self.messages),
                    ),
                    ("word_count_distribution", histogram(&self.words).into()),
                    (
                        "token_estimate_distribution",
                        histogram(&self.tokens).into(),
                    ),
                ]),
            ),
        ])
    }
}

/// A score, where there is a number. Python takes booleans for numbers, and so does the original.
fn score(value: &Json) -> Option<f64> {
    let number = value.as_bool().map(|value| f64::from(u8::from(value)));
    number
        .or_else(|| value.as_f64())
        .filter(|score| score.is_finite())
}

fn word_count(text: &str) -> u64 {
    let words = text.split(is_python_space);
    words.filter(|word| !word.is_empty()).count() as u64
}

/// The sum of all numbers.
fn total(numbers: &BTreeMap<u64, u64>) -> u64 {
    let each = numbers.iter().map(|(number, n)| number.saturating_mul(*n));
    each.fold(0, u64::saturating_add)
}

/// How often each number stands, under the number as text.
fn counted(numbers: &BTreeMap<u64, u64>) -> Json {
    let entries = numbers
        .iter()
        .map(|(number, n)| (number.to_string(), Json::from(*n)));
    Json::Object(entries.collect::<Object>())
}
