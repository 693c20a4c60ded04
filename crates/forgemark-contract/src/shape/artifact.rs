//! The artifacts by name: which file holds which record.

use super::check::{check, check_renamed};
use super::{Field, Record, Shape, ShapeFinding, schema_document};
use crate::dialogue::{
    Columns, ConversationFile, DatasetRow, IndexRow, LedgerRow, RunState, ShareGptRow, TurnRow,
};
use crate::json::Json;

/// A kind of file of the dialogue contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// `synthetic_qa.jsonl`: one row a conversation.
    SyntheticQa,
    /// `coverage_ledger.jsonl`: one row an accepted turn.
    CoverageLedger,
    /// `turns.jsonl`: one row a turn.
    Turns,
    /// `conversations_sharegpt.jsonl`: one row a conversation.
    ShareGpt,
    /// `conversations_sharegpt_judged.jsonl`: one row a judged conversation.
    ShareGptJudged,
    /// `conversations/<conversation_id>.json`: one file a conversation.
    Conversation,
    /// `conversations_index.jsonl`: one row a conversation.
    ConversationsIndex,
    /// `run_state/<run_id>.json`: one file a run or wave.
    RunState,
    /// `run_state/last_run_id.txt`: the id of the latest state, without a line feed.
    LastRunId,
}

impl ArtifactKind {
    /// All nine, in the order of the contract.
    pub const ALL: [ArtifactKind; 9] = [
        ArtifactKind::SyntheticQa,
        ArtifactKind::CoverageLedger,
        ArtifactKind::Turns,
        ArtifactKind::ShareGpt,
        ArtifactKind::ShareGptJudged,
        ArtifactKind::Conversation,
        ArtifactKind::ConversationsIndex,
        ArtifactKind::RunState,
        ArtifactKind::LastRunId,
    ];

    /// The path inside the output folder; a part in angle brackets stands for an id.
    pub fn path(self) -> &'static str {
        match self {
            ArtifactKind::SyntheticQa => "synthetic_qa.jsonl",
            ArtifactKind::CoverageLedger => "coverage_ledger.jsonl",
            ArtifactKind::Turns => "turns.jsonl",
            ArtifactKind::ShareGpt => "conversations_sharegpt.jsonl",
            ArtifactKind::ShareGptJudged => "conversations_sharegpt_judged.jsonl",
            ArtifactKind::Conversation => "conversations/<conversation_id>.json",
            ArtifactKind::ConversationsIndex => "conversations_index.jsonl",
            ArtifactKind::RunState => "run_state/<run_id>.json",
            ArtifactKind::LastRunId => "run_state/last_run_id.txt",
        }
    }

    /// Whether the file is JSONL, one value a line.
    pub fn is_lines(self) -> bool {
        !matches!(
            self,
            ArtifactKind::Conversation | ArtifactKind::RunState | ArtifactKind::LastRunId
        )
    }

    /// The kind of the file at `path`, relative to the output folder with `/` between its parts.
    pub fn of_path(path: &str) -> Option<Self> {
        ArtifactKind::ALL
            .into_iter()
            .find(|kind| match kind.path().split_once('<') {
                Some((folder, _)) => {
                    let name = path
                        .strip_prefix(folder)
                        .and_then(|rest| rest.strip_suffix(".json"));
                    name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
                }
                None => kind.path() == path,
            })
    }

    /// What one value of the file must be.
    pub fn shape(self) -> Shape {
        match self {
            ArtifactKind::SyntheticQa => DatasetRow::SHAPE,
            ArtifactKind::CoverageLedger => LedgerRow::SHAPE,
            ArtifactKind::Turns => TurnRow::SHAPE,
            ArtifactKind::ShareGpt => ShareGptRow::SHAPE,
            ArtifactKind::ShareGptJudged => Shape::Having {
                table: ShareGptRow::TABLE,
                key: "judge",
            },
            ArtifactKind::Conversation => ConversationFile::SHAPE,
            ArtifactKind::ConversationsIndex => IndexRow::SHAPE,
            ArtifactKind::RunState => RunState::SHAPE,
            ArtifactKind::LastRunId => Shape::Filled,
        }
    }
}

/// Everything in one value of an artifact that is not as the contract says: a line of a JSONL file, the content of a
/// JSON file, or the text of `last_run_id.txt` as a string.
pub fn check_line(kind: ArtifactKind, value: &Json) -> Vec<ShapeFinding> {
    check(kind.shape(), value)
}

/// As [`check_line`] for a `ShareGPT` row with renamed columns; `judged` says which of the two files it is from.
pub fn check_sharegpt(judged: bool, columns: &Columns, value: &Json) -> Vec<ShapeFinding> {
    check_renamed(
        ShareGptRow::TABLE,
        judged.then_some("judge"),
        value,
        &|key| columns.name(key),
    )
}

/// The JSON Schema (draft 2020-12) of one value of an artifact.
pub fn schema(kind: ArtifactKind) -> Json {
    schema_document(kind.shape(), kind.path())
}
