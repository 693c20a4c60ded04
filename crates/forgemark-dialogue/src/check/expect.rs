//! What a conversation's rows have to be: functions of its row in `synthetic_qa.jsonl`, by the rules that write them.

use std::sync::Arc;

use forgemark_contract::dialogue::derive::{self, Head};
use forgemark_contract::dialogue::{
    Columns, ConversationFile, DatasetRow, IndexRow, Personas, ShareGptRow,
};
use forgemark_contract::json::{Json, Object, to_line, to_pretty};

use super::grounding::source_path;
use super::side::ledger_part;

/// Whether a conversation belongs into the `ShareGPT` files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    /// It has to be there.
    Yes,
    /// It may be there: the original keeps dropped conversations.
    Maybe,
    /// It may not be there.
    No,
}

/// The rows of one conversation.
pub(super) struct Expect<'a> {
    pub(super) row: &'a DatasetRow,
    head: Head,
    n_turns: i64,
    language: String,
    personas: Personas,
    /// Keys that `inputs` does not settle, so that their values in other rows are taken as they are.
    pub(super) own: Vec<&'static str>,
}

impl<'a> Expect<'a> {
    pub(super) fn new(row: &'a DatasetRow) -> Self {
        let inputs = &row.inputs;
        let mut own = Vec::new();
        let mut text = |key: &str, names: &'static str| -> String {
            if let Some(text) = inputs.at(key).to_text() {
                return text.into_owned();
            }
            own.push(names);
            String::new()
        };
        let granularity = text("judge_granularity", "judge_granularity");
        let language = text("target_language", "language");
        let personas = Personas {
            user: text("user_persona", "user"),
            assistant: text("assistant_persona", "assistant"),
            user_id: text("user_persona_id", "user_id"),
            assistant_id: text("assistant_persona_id", "assistant_id"),
            extra: Object::new(),
        };
        if inputs.at("n_turns").as_i64().is_none() {
            own.push("n_turns");
        }
        Expect {
            row,
            head: Head {
                conversation_id: row.conversation_id.clone(),
                timestamp: row.timestamp.clone(),
                judge_granularity: granularity,
                conversation_judge: Arc::clone(&row.conversation_judge),
            },
            n_turns: inputs.i64_or("n_turns", 0),
            language,
            personas,
            own,
        }
    }

    /// What a row of ours has of ours. One of another program that was judged later has the judging alone.
    fn ours(&self) -> Option<&Json> {
        let ours = self.row.forgemark.as_ref();
        ours.filter(|_| crate::judge::is_ours(ours))
    }

    /// Whether the row is of ours, with all that we add.
    pub(super) fn is_ours(&self) -> bool {
        self.ours().is_some()
    }

    /// `completed`, `dropped`, or nothing where the row does not say.
    pub(super) fn status(&self) -> &str {
        match self.ours() {
            Some(ours) => ours.str_or("status", ""),
            None => self.row.inputs.str_or("conversation_status", ""),
        }
    }

    /// The turns that the conversation was to have, where that is known.
    pub(super) fn target(&self) -> Option<i64> {
        self.row.inputs.at("n_turns").as_i64()
    }

    pub(super) fn export(&self) -> Export {
        match (self.is_ours(), self.status()) {
            _ if self.row.turns.is_empty() => Export::No,
            (true, "dropped") => Export::No,
            (false, "dropped" | "active") => Export::Maybe,
            _ => Export::Yes,
        }
    }

    pub(super) fn is_judged(&self) -> bool {
        let enabled = self.row.inputs.bool_or("judge_enabled", false);
        derive::is_judged(&self.row.turns, &self.row.conversation_judge, enabled)
    }

    /// The row with all that follows from its turns made again.
    pub(super) fn dataset(&self) -> Vec<u8> {
        let row = self.row;
        let turns = &row.turns;
        let empty = Arc::new(Json::empty_object());
        let last = turns.last();
        let answer = last.map_or_else(|| Arc::clone(&empty), |turn| Arc::clone(&turn.kb_answer));
        to_line(&DatasetRow {
            qa_generation_plan: last.map_or_else(
                || Arc::clone(&empty),
                |turn| Arc::clone(&turn.qa_generation),
            ),
            qa_judge: last.map_or(empty, |turn| Arc::clone(&turn.qa_judge)),
            kb_final_answer: Arc::clone(&answer),
            raw_result: answer,
            conversation_history: Arc::new(derive::history(turns)),
            messages: Arc::new(derive::dataset_messages(turns)),
            ..row.clone()
        })
    }

    /// The rows of `turns.jsonl`.
    pub(super) fn turn(&self, place: usize) -> Vec<u8> {
        let turn = &self.row.turns[place];
        let mut row = derive::turn_row(&self.head, turn);
        row.forgemark.clone_from(&turn.forgemark);
        to_line(&row)
    }

    /// The row of the ledger for a turn, without what it says itself; `None` for a turn without a question.
    pub(super) fn ledger(&self, place: usize) -> Option<Vec<u8>> {
        let turn = &self.row.turns[place];
        let source = source_path(turn).unwrap_or_default();
        let mut row = derive::ledger_row("", &source, turn)?;
        if let (Some(ours), Some(_)) = (self.ours(), &turn.forgemark) {
            row.forgemark = Some(Json::object([
                (
                    "conversation_id",
                    Json::from(self.row.conversation_id.as_str()),
                ),
                ("turn_index", Json::from(turn.turn_index)),
                ("run_id", ours.at("run_id").clone()),
                ("language", Json::from(self.language.as_str())),
            ]));
        }
        Some(to_line(&ledger_part(&row.to_json())))
    }

    /// The rows of the `ShareGPT` file and of the judged one.
    pub(super) fn sharegpt(&self, columns: &Columns, judged: bool) -> Vec<u8> {
        let turns = &self.row.turns;
        let mut metadata = derive::metadata(
            &self.head,
            turns,
            self.n_turns,
            &self.language,
            &self.personas,
        );
        metadata.forgemark.clone_from(&self.row.forgemark);
        let row = ShareGptRow {
            messages: Arc::new(derive::sharegpt_messages(turns)),
            messages_with_tools: Arc::new(derive::messages_with_tools(turns)),
            metadata,
            user_reasoning: Arc::new(derive::user_reasoning(turns)),
            assistant_reasoning: Arc::new(derive::assistant_reasoning(turns)),
            judge: judged.then(|| derive::judge_payload(turns, &self.row.conversation_judge)),
            extra: Object::new(),
        };
        to_line(&row.renamed(columns))
    }

    /// The row of the index; `prefix` stands before `conversations/`.
    pub(super) fn index(&self, prefix: &str) -> Vec<u8> {
        let row = self.row;
        to_line(&IndexRow {
            conversation_id: row.conversation_id.clone(),
            timestamp: row.timestamp.clone(),
            n_turns: self.n_turns,
            seed_question: row.question.clone(),
            language: self.language.clone(),
            conversation_file: format!("{prefix}conversations/{}.json", row.conversation_id),
            extra: Object::new(),
            forgemark: self.ours().map(|ours| {
                Json::object([
                    ("status", ours.at("status").clone()),
                    ("drop_reason", ours.at("drop_reason").clone()),
                    ("turns", Json::from(row.turns.len())),
                ])
            }),
        })
    }

    /// The conversation's own file.
    pub(super) fn file(&self) -> Vec<u8> {
        let row = self.row;
        let turns = &row.turns;
        to_pretty(&ConversationFile {
            conversation_id: row.conversation_id.clone(),
            timestamp: row.timestamp.clone(),
            seed_question: row.question.clone(),
            inputs: Arc::clone(&row.inputs),
            n_turns: self.n_turns,
            language: self.language.clone(),
            personas: self.personas.clone(),
            messages: Arc::new(derive::dataset_messages(turns)),
            messages_with_tools: Arc::new(derive::messages_with_tools(turns)),
            user_reasoning: Arc::new(derive::user_reasoning(turns)),
            assistant_reasoning: Arc::new(derive::assistant_reasoning(turns)),
            conversation_judge: Arc::clone(&row.conversation_judge),
            turns: turns.clone(),
            conversation_history: Arc::new(derive::history(turns)),
            raw_results: row.raw_results.clone(),
            extra: Object::new(),
            forgemark: row.forgemark.clone(),
        })
    }
}
