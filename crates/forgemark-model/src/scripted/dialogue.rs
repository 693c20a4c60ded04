//! Ready-made replies for the four roles of a dialogue: valid, grounded in the passages that the
//! prompt offers, and different for each request.

use forgemark_contract::dialogue::{CONFIDENCES, DIFFICULTIES, INTENTS};

use super::completion::{ToolCall, escape_into};
use super::ground::Ground;
use super::hash::{Draws, Purpose, hash128};
use super::passages::clip;
use super::words;

/// How the ready-made dialogue replies behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dialogue {
    /// Probability in `[0, 1]` that a user's question is one of a few shared ones, so that exact
    /// duplicates arise.
    pub conflict_rate: f64,
    /// Probability in `[0, 1]` that it is a shared one with one word changed, so that near
    /// duplicates arise.
    pub paraphrase_rate: f64,
    /// How many shared questions there are; at least 1.
    pub shared_questions: u32,
    /// Lowest score of the judges, 0 to 10.
    pub min_score: u32,
    /// Highest score of the judges, `min_score` to 10.
    pub max_score: u32,
}

impl Dialogue {
    /// No planted duplicates, scores from 6 to 10.
    pub const PLAIN: Self = Self {
        conflict_rate: 0.0,
        paraphrase_rate: 0.0,
        shared_questions: 16,
        min_score: 6,
        max_score: 10,
    };
}

/// A text under construction that remembers where padding may go.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The text, not escaped.
    pub(super) text: Vec<u8>,
    /// Where harmless words may be put in.
    pub(super) pad_at: Option<usize>,
}

impl Content {
    fn new() -> Self {
        Self {
            text: Vec::with_capacity(1_024),
            pad_at: None,
        }
    }

    fn raw(&mut self, json: &str) -> &mut Self {
        self.text.extend_from_slice(json.as_bytes());
        self
    }

    fn quoted(&mut self, text: &str) -> &mut Self {
        self.text.push(b'"');
        escape_into(&mut self.text, text.as_bytes());
        self.text.push(b'"');
        self
    }

    /// A string that padding may lengthen.
    fn padded(&mut self, text: &str) -> &mut Self {
        self.quoted(text);
        self.pad_at = Some(self.text.len() - 1);
        self
    }
}

/// The plan and the message of the user.
pub(super) fn user_turn(ground: &Ground<'_>, seed: u64, settings: &Dialogue) -> Content {
    let draws = ground.draws;
    let snippet = ground.snippet();
    let mut out = Content::new();
    out.raw("{\"user_message\":")
        .quoted(&user_message(draws, seed, settings, &snippet));
    out.raw(",\"intent\":\"")
        .raw(INTENTS[draws.below(Purpose::Intent, INTENTS.len())]);
    out.raw("\",\"difficulty\":\"");
    out.raw(DIFFICULTIES[draws.below(Purpose::Difficulty, DIFFICULTIES.len())]);
    out.raw("\",\"grounding_facts\":[");
    if !snippet.is_empty() {
        out.raw("{\"fact\":").quoted(&snippet);
        out.raw(",\"source_descriptor\":")
            .quoted(&ground.source())
            .raw("}");
    }
    out.raw("],\"coverage_target\":").quoted(&ground.topic_id());
    out.raw(",\"notes_for_assistant\":[")
        .padded("cite the passage")
        .raw("]}");
    out
}

fn user_message(draws: Draws, seed: u64, settings: &Dialogue, snippet: &str) -> String {
    let shared = |purpose| {
        let n = draws.below(purpose, settings.shared_questions.max(1) as usize);
        // The request has no part in a shared question.
        Draws::new(hash128(0, &(n as u64).to_le_bytes()), seed, u64::MAX)
    };
    if draws.hit(Purpose::Conflict, settings.conflict_rate) {
        return words::question(shared(Purpose::Question), "", None);
    }
    if draws.hit(Purpose::Paraphrase, settings.paraphrase_rate) {
        let place = draws.below(Purpose::Number, 64);
        return words::question(shared(Purpose::Question), "", Some((place, draws)));
    }
    let phrase = words::phrase(snippet, 3, draws.bits(Purpose::Passage));
    words::question(draws, &phrase, None)
}

/// The assistant's first move: a search for what was asked.
pub(super) fn search_call(ground: &Ground<'_>) -> ToolCall {
    let mut arguments = Vec::with_capacity(160);
    arguments.extend_from_slice(b"{\"query\":\"");
    escape_into(&mut arguments, query(ground).as_bytes());
    arguments.extend_from_slice(b"\"}");
    let name = ground.scan.first_tool.unwrap_or(b"vector_db_search");
    ToolCall {
        name: String::from_utf8_lossy(name).into_owned(),
        arguments,
    }
}

fn query(ground: &Ground<'_>) -> String {
    let question = ground.question();
    if question.is_empty() {
        ground.hash8()
    } else {
        clip(question, 90)
    }
}

/// The assistant's message and its trace.
pub(super) fn assistant_turn(ground: &Ground<'_>) -> Content {
    let snippet = ground.snippet();
    let source = ground.source();
    let confidence = CONFIDENCES[ground.draws.below(Purpose::Confidence, CONFIDENCES.len())];
    let mut out = Content::new();
    out.raw("{\"assistant_message\":");
    if snippet.is_empty() {
        out.quoted("The documents at hand do not say.");
    } else if source.is_empty() {
        out.quoted(&snippet);
    } else {
        out.quoted(&format!("According to {source}: {snippet}"));
    }
    out.raw(",\"reasoning_trace\":{\"question\":")
        .quoted(ground.question());
    out.raw(",\"retrieval_queries\":{\"vector_db_search\":[")
        .quoted(&query(ground));
    out.raw("],\"web_search\":[]},\"evidence\":[");
    let refs = if snippet.is_empty() {
        "[]"
    } else {
        out.raw("{\"id\":\"E1\",\"cue\":").quoted(&source);
        out.raw(",\"content\":").quoted(&snippet).raw("}");
        "[\"E1\"]"
    };
    out.raw("],\"premises\":[{\"id\":\"P1\",\"text\":");
    out.quoted(if snippet.is_empty() {
        "nothing was found"
    } else {
        &snippet
    });
    out.raw(",\"evidence_refs\":").raw(refs);
    out.raw("}],\"thinking\":[{\"text\":")
        .padded("The passage answers the question.");
    out.raw("}],\"confidence\":\"").raw(confidence);
    out.raw("\",\"known_limits\":[]},\"did_web_search\":false}");
    out
}

/// A judge's verdict on a turn or a conversation.
pub(super) fn judgement(ground: &Ground<'_>, settings: &Dialogue) -> Content {
    let span = settings.max_score.saturating_sub(settings.min_score) as usize + 1;
    let score = settings.min_score as usize + ground.draws.below(Purpose::Score, span);
    let mut out = Content::new();
    out.raw("{\"score\":").raw(&score.to_string());
    out.raw(",\"reasons\":[")
        .quoted(if score < 5 { "vague" } else { "grounded" });
    out.raw("],\"notes\":").padded("Scripted verdict.");
    out.raw(",\"question_ok\":true,\"answer_ok\":");
    out.raw(if score < 5 { "false}" } else { "true}" });
    out
}

/// What a request without a known role gets.
pub(super) fn plain(ground: &Ground<'_>) -> Content {
    let mut out = Content::new();
    out.raw("Scripted reply ").raw(&ground.hash8()).raw(".");
    let snippet = ground.snippet();
    if !snippet.is_empty() {
        out.raw(" ").raw(&snippet);
    }
    out.pad_at = Some(out.text.len());
    out
}

#[cfg(test)]
mod tests;
