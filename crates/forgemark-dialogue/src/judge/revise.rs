//! Putting judgements into the rows that bear them.
//!
//! A row is changed as a tree: only the keys that say something of the judging are set, and everything else, keys that
//! nobody here knows included, stays as it stands. What follows from a row's turns in other files is made by the rules that
//! made it first (`contract::dialogue::derive`).

use std::sync::Arc;

use forgemark_contract::dialogue::derive::{self, Head, is_judgement, mean_score};
use forgemark_contract::dialogue::{Columns, DatasetRow};
use forgemark_contract::json::{Json, Object};

use super::ruling::Ruling;
use crate::config::{Aggregate, Judging};
use crate::render::round4;

/// The keys of `turns.jsonl` that say something of the judging.
const TURN_KEYS: [&str; 8] = [
    "judge_granularity",
    "judge_score",
    "judge_reasons",
    "judge_notes",
    "judge_question_ok",
    "judge_answer_ok",
    "conversation_judge_score",
    "conversation_judge_reasons",
];

/// The keys of `inputs` that late judging changes in a conversation.
pub(crate) const INPUT_KEYS: [&str; 3] = ["judge_enabled", "judge_granularity", "judge_reasons"];

/// What the inputs of a row say of its judging, where somebody has judged. A run writes the state of its open wave anew
/// from its configuration, and must not take that back.
pub(crate) fn inputs_of_later(row: &DatasetRow) -> Vec<(&'static str, Json)> {
    if !row.inputs.bool_or("judge_enabled", false) {
        return Vec::new();
    }
    INPUT_KEYS
        .into_iter()
        .filter_map(|key| Some((key, row.inputs.get(key)?.clone())))
        .collect()
}

/// The judging of one conversation, ready to be written.
pub(super) struct Sentence<'a> {
    pub(super) granularity: Judging,
    /// Whether the conversation counts as judged as a whole: by this judging or by an earlier one.
    pub(super) whole: bool,
    pub(super) aggregate: Aggregate,
    pub(super) reasons: &'a [String],
    /// What stands under `forgemark.judging` for this granularity; `None` where rows have no keys of ours.
    pub(super) about: Option<Object>,
    pub(super) rulings: &'a [Ruling],
}

/// Whether a conversation is judged as a whole before a judging by turn.
pub(super) fn is_whole(row: &DatasetRow) -> bool {
    let asked = row.inputs.bool_or("judge_enabled", false)
        && row.inputs.str_or("judge_granularity", "") == "conversation";
    let failed = |ours: &Json| ours.get("judge_error").is_some();
    asked || is_judgement(&row.conversation_judge) || row.forgemark.as_ref().is_some_and(failed)
}

pub(super) fn word(granularity: Judging) -> &'static str {
    match granularity {
        Judging::Conversation => "conversation",
        Judging::Turn | Judging::Off => "turn",
    }
}

/// The object under a key; made when it is missing or something else.
fn object_at<'a>(object: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    if object.get(key).and_then(Json::as_object).is_none() {
        object.insert(key, Json::empty_object());
    }
    object.get_mut(key)?.as_object_mut()
}

impl Sentence<'_> {
    fn of_turn(&self, index: &Json) -> Option<&Ruling> {
        let index = index.as_i64()?;
        self.rulings.iter().find(|one| one.turn == Some(index))
    }

    fn of_all(&self) -> Option<&Ruling> {
        self.rulings.iter().find(|one| one.turn.is_none())
    }

    fn verdict(&self, ruling: &Ruling) -> Json {
        ruling
            .verdict(self.aggregate)
            .map_or_else(Json::empty_object, |verdict| (*verdict).clone())
    }

    /// Changes any object that holds the turns of a conversation: its row, its own file, its slot in a state.
    pub(super) fn revise(&self, whole: &mut Json) {
        let Some(object) = whole.as_object_mut() else {
            return;
        };
        let mut last = None;
        for turn in object
            .get_mut("turns")
            .and_then(Json::as_array_mut)
            .into_iter()
            .flatten()
        {
            self.turn(turn);
            last = Some(turn.at("qa_judge").clone());
        }
        if let (Some(judge), Some(last)) = (object.get_mut("qa_judge"), last) {
            *judge = last;
        }
        if let Some(raw) = object.get_mut("raw_results").and_then(Json::as_array_mut) {
            self.raw(raw);
        }
        if let Some(ruling) = self.of_all()
            && let Some(judge) = object.get_mut("conversation_judge")
        {
            *judge = self.verdict(ruling);
        }
        // A slot of a state has neither key; its judgement of the whole stands in its raw results alone.
        let whole_judge = object.get("conversation_judge").cloned();
        if let Some(Json::Object(inputs)) = object.get_mut("inputs") {
            self.inputs(inputs, whole_judge.as_ref());
        }
        if let Some(judge) = &whole_judge {
            self.summary(object, judge);
        }
    }

    fn turn(&self, turn: &mut Json) {
        let Some(ruling) = self.of_turn(turn.at("turn_index")) else {
            return;
        };
        let Some(turn) = turn.as_object_mut() else {
            return;
        };
        turn.insert("qa_judge", self.verdict(ruling));
        if self.about.is_none() {
            return;
        }
        if let Some(ours) = object_at(turn, "forgemark") {
            match ruling.error() {
                Some(error) => ours.insert("judge_error", error),
                None => ours.remove("judge_error"),
            };
            ours.insert("judge", Json::Object(ruling.sidecar()));
        }
    }

    fn raw(&self, raw: &mut Vec<Json>) {
        if let Some(ruling) = self.of_all() {
            raw.retain(|one| one.get("conversation_judge_raw").is_none());
            if ruling.readable() > 0 {
                raw.push(Json::object([
                    ("conversation_judge_raw", ruling.raw()),
                    ("conversation_judge", self.verdict(ruling)),
                ]));
            }
        }
        for ruling in self.rulings.iter().filter(|one| one.turn.is_some()) {
            // The original keeps the attempts that it rejected; the last one is the turn's.
            let of_turn = |one: &&mut Json| one.at("turn_index").as_i64() == ruling.turn;
            if let Some(Json::Object(attempt)) = raw.iter_mut().rev().find(of_turn) {
                attempt.insert("judge_raw", ruling.raw());
                attempt.insert("qa_judge", self.verdict(ruling));
            }
        }
    }

    /// `inputs` says how the conversation is judged now: as a whole where it is, else by turn.
    fn inputs(&self, inputs: &mut Object, whole_judge: Option<&Json>) {
        inputs.insert("judge_enabled", true);
        let granularity = if self.whole {
            Judging::Conversation
        } else {
            Judging::Turn
        };
        inputs.insert("judge_granularity", word(granularity));
        inputs.insert("judge_reasons", Json::from(self.reasons));
        match whole_judge {
            Some(judge) if self.whole => {
                inputs.insert("conversation_judge", judge.clone());
            }
            // What an earlier judging by conversation has left there.
            Some(_) if inputs.contains_key("conversation_judge") => {
                inputs.insert("conversation_judge", Json::empty_object());
            }
            _ => {}
        }
    }

    fn summary(&self, object: &mut Object, whole_judge: &Json) {
        let Some(about) = &self.about else { return };
        let scores = object
            .get("turns")
            .and_then(Json::as_array)
            .unwrap_or_default();
        let score = match whole_judge.at("score").as_f64() {
            Some(score) => Some(score),
            None => mean_score(scores.iter().map(|turn| turn.at("qa_judge").at("score"))),
        };
        let Some(ours) = object_at(object, "forgemark") else {
            return;
        };
        ours.insert("judge_score", Json::from(score.map(round4)));
        let mut about = about.clone();
        if let Some(ruling) = self.of_all() {
            match ruling.error() {
                Some(error) => ours.insert("judge_error", error),
                None => ours.remove("judge_error"),
            };
            for (key, value) in &ruling.sidecar() {
                about.insert(key, value.clone());
            }
        }
        if let Some(judging) = object_at(ours, "judging") {
            judging.insert(word(self.granularity), Json::Object(about));
        }
    }
}

/// The head of the rows of a conversation.
fn head(row: &DatasetRow) -> Head {
    Head {
        conversation_id: row.conversation_id.clone(),
        timestamp: row.timestamp.clone(),
        judge_granularity: row.inputs.str_or("judge_granularity", "turn").to_owned(),
        conversation_judge: Arc::clone(&row.conversation_judge),
    }
}

/// Changes a row of `turns.jsonl` to what the revised conversation says.
pub(super) fn turn_line(line: &mut Json, row: &DatasetRow) {
    let index = line.at("turn_index").as_i64();
    let turn = row.turns.iter().find(|turn| Some(turn.turn_index) == index);
    let (Some(turn), Some(object)) = (turn, line.as_object_mut()) else {
        return;
    };
    let made = derive::turn_row(&head(row), turn).to_json();
    for key in TURN_KEYS {
        object.insert(key, made.at(key).clone());
    }
    if let Some(ours) = &turn.forgemark {
        object.insert("forgemark", ours.clone());
    }
}

/// Changes a row of either `ShareGPT` file to what the revised conversation says; with `judged` it gets the judge's column.
pub(super) fn sharegpt_line(line: &mut Json, row: &DatasetRow, columns: &Columns, judged: bool) {
    let Some(object) = line.as_object_mut() else {
        return;
    };
    if let Some(Json::Object(metadata)) = object.get_mut(columns.name("metadata")) {
        metadata.insert("judge_granularity", head(row).judge_granularity);
        if let Some(ours) = &row.forgemark {
            metadata.insert("forgemark", ours.clone());
        }
    }
    if judged {
        let payload = derive::judge_payload(&row.turns, &row.conversation_judge);
        object.insert(columns.name("judge"), payload.to_json());
    }
}

/// Whether the revised conversation belongs in the judged `ShareGPT` file.
pub(super) fn is_judged(row: &DatasetRow) -> bool {
    let enabled = row.inputs.bool_or("judge_enabled", false);
    derive::is_judged(&row.turns, &row.conversation_judge, enabled)
}

/// The conversations that a run state may hold.
pub(super) fn in_state(state: &Json, wave: &str) -> Vec<String> {
    match state.get("conversations").and_then(Json::as_array) {
        Some(slots) => {
            let id = |slot: &Json| slot.str_or("conversation_id", "").to_owned();
            slots.iter().map(id).collect()
        }
        // A single state is its conversation: ours is slot 0 of its wave, the original's has the id of the run.
        None => vec![format!("{wave}-s0000"), wave.to_owned()],
    }
}

/// Changes a run state where `revise` changes one of its conversations.
pub(super) fn state(
    state: &mut Json,
    wave: &str,
    revise: &mut dyn FnMut(&str, &mut Json) -> bool,
) -> bool {
    let ids = in_state(state, wave);
    let slots = state
        .as_object_mut()
        .and_then(|state| state.get_mut("conversations"))
        .and_then(Json::as_array_mut);
    match slots {
        Some(slots) => {
            let mut changed = false;
            for (id, slot) in ids.iter().zip(slots) {
                changed |= revise(id, slot);
            }
            changed
        }
        None => ids.iter().any(|id| revise(id, state)),
    }
}
