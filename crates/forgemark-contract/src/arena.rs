//! The records of an arena, in which models question, answer, criticise, debate and judge each other.
//!
//! ```text
//! benchmarks/Q.json                              Benchmark    what Q asked, with Q's own answer
//! answers/Q/A.json                               Answer       what A answered to Q
//! critiques/MODE/Q/C__A.json                     Critique     what C says of A's answer to Q
//! debates/illposed/Q/A.json                      Debate       A claims that Q's question is ill-posed
//! debates/critiques/MODE/Q/C__A.json             Debate       C claims a fault of A's answer
//! automated_evaluations/J.json                   Judgment     what J decided about claims
//! evaluations/USER.json                          Label        what a person decided
//! synthetic_adjudications/J.json                 Label        what a model decided in a person's place
//! adjudications.jsonl                            Adjudication what a policy made of all decisions; ours
//! provenance.jsonl                               Provenance   how each record was made; ours
//! (in memory)                                    JudgingTask, Metadata
//! ```
//!
//! Names of models are slugs. Two epochs of the format are read: the first has an `id` on decisions and no
//! `outer_attempt`, the second has keys instead of ids. [`ListFile`] keeps what a file holds and writes it back, byte for
//! byte where a pipeline wrote it.
//!
//! The readers want little (see [`crate::shape`]); evaluations are open objects, because models wrote them, and
//! [`SelfCheck`] is the typed view of one.

mod adjudication;
mod answer;
mod critique;
mod debate;
mod decision;
mod evaluation;
mod file;
mod key;
mod layout;
mod place;
mod provenance;
mod question;

#[cfg(test)]
mod tests;

pub use adjudication::Adjudication;
pub use answer::{Answer, AnswerAttempt};
pub use critique::{Critique, CritiqueAttempt};
pub use debate::{Debate, Message};
pub use decision::{JudgingTask, Judgment, Label, Metadata};
pub use evaluation::SelfCheck;
pub use file::{Entry, Epoch, EpochError, FileError, ListFile, Row, Slot};
pub use key::{AnswerKey, ClaimKey, QuestionKey, epoch_one_id};
pub use place::{FileKind, Place};
pub use provenance::Provenance;
pub use question::{Benchmark, Generation, Refinement};

use crate::shape::{Record, Table};

/// Every record with its name and where it stands, for lists of schemas. The last two stand in no file.
pub const RECORDS: [(&str, &str, &Table); 10] = [
    (
        "arena-benchmark",
        "benchmarks/<questioner>.json",
        Benchmark::TABLE,
    ),
    (
        "arena-answer",
        "answers/<questioner>/<answerer>.json",
        Answer::TABLE,
    ),
    (
        "arena-critique",
        "critiques/<mode>/<questioner>/<critic>__<answerer>.json",
        Critique::TABLE,
    ),
    (
        "arena-debate",
        "debates/critiques/<mode>/<questioner>/<critic>__<answerer>.json",
        Debate::TABLE,
    ),
    (
        "arena-judgment",
        "automated_evaluations/<judge>.json",
        Judgment::TABLE,
    ),
    ("arena-label", "evaluations/<user>.json", Label::TABLE),
    (
        "arena-adjudication",
        "adjudications.jsonl",
        Adjudication::TABLE,
    ),
    ("arena-provenance", "provenance.jsonl", Provenance::TABLE),
    (
        "arena-judging-task",
        "what a judge is asked",
        JudgingTask::TABLE,
    ),
    ("arena-metadata", "how something was made", Metadata::TABLE),
];

/// The statuses of a question and of an answer.
pub const STATUSES: [&str; 3] = ["succeeded", "failed", "ill-posed"];

/// The statuses of a critique and of a judgment.
pub const PLAIN_STATUSES: [&str; 2] = ["succeeded", "failed"];

/// The verdicts of a critique; `unknown` is a reply that could not be read.
pub const CRITIQUE_VERDICTS: [&str; 5] =
    ["correct", "incorrect", "insufficient", "obscure", "unknown"];

/// The verdicts of a judge on the claim of a critique; the fault is one of substance unless it is `defender_wins_minor`.
pub const CLAIM_VERDICTS: [&str; 6] = [
    "claimant_wins",
    "defender_wins_incorrect",
    "defender_wins_minor",
    "wrong_problem",
    "mixed",
    "unknown",
];

/// What a person may decide beyond [`CLAIM_VERDICTS`].
pub const LABEL_ONLY_VERDICTS: [&str; 2] = ["other", "invalid"];

/// The mode in which a model criticises the questioner's own answer.
pub const CONTRADICTOR: &str = "contradictor";

/// The mode in which the questioner criticises an answer to its question.
pub const EVALUATOR: &str = "evaluator";

/// The slug of a model: its name with `/` and `:` replaced by `-`.
pub fn slug(name: &str) -> String {
    name.replace(['/', ':'], "-")
}
