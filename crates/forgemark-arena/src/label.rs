//! What a person does who decides claims: a queue of claims, a blind view of each, a label, a file of labels.
//!
//! ```text
//! Adjudicator ──queue──> tasks ──┐
//!                                ├──> Session: next, previous, skip, jump; verdict, confidence, comment; save, undo
//! evaluations/USER.json ──Book───┘        │
//!                                         ├── view: question, answer, claim, debate, without names
//!                                         └── reveal: names, judges, other people; once the label is saved
//! ```
//!
//! Nothing here knows a terminal: a page in a browser drives the same [`Session`].

mod book;
mod queue;
mod session;
mod view;

use std::io;
use std::path::PathBuf;

use forgemark_contract::arena::FileError;
use forgemark_journal::JournalError;

pub use book::{Book, check_user};
pub use queue::{Information, QueuePolicy, Task, information, queue, ticket};
pub use session::{Draft, Session, Sight};
pub use view::{Kind, Opinion, Reveal, Said, View};

/// The lowest and the highest confidence.
pub const CONFIDENCE: std::ops::RangeInclusive<i64> = 1..=5;

/// The confidence of a label that says none, and of a new one.
pub const USUAL_CONFIDENCE: i64 = 3;

/// The verdicts that a person may give on a claim, each with what it means. `defender_wins_minor` is for critiques only.
pub fn verdicts(ill_posed: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("claimant_wins", "the claim holds"),
        ("defender_wins_incorrect", "the claim does not hold"),
        (
            "defender_wins_minor",
            "it holds, but the fault is one of style",
        ),
        (
            "wrong_problem",
            "something is wrong, but not what is claimed",
        ),
        ("mixed", "part of the claim holds, part of it does not"),
        ("unknown", "I cannot tell"),
        ("other", "none of these: say what in the comment"),
    ]
    .into_iter()
    .filter(move |(word, _)| !ill_posed || *word != "defender_wins_minor")
}

/// A label that cannot be made or kept. Nothing that was saved before is lost.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// A name of a user that is no name of a file everywhere.
    #[error("'{}' cannot be a user's name: {why}", user.escape_debug())]
    User {
        /// The name.
        user: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Somebody else labels under this name.
    #[error(transparent)]
    Lock(#[from] JournalError),
    /// The user's file holds no labels that could be read.
    #[error("{} cannot be read as labels", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: FileError,
    },
    /// The system does not let the user's file be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system does not take the user's file.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no such claim.
    #[error("there is no claim '{}'", key.escape_debug())]
    NoClaim {
        /// The key or ticket that was asked for.
        key: String,
    },
    /// A word that is no verdict on this kind of claim.
    #[error("'{}' is no verdict on this claim", word.escape_debug())]
    NoVerdict {
        /// The word.
        word: String,
        /// Those that are.
        words: Vec<&'static str>,
    },
    /// A label without a verdict.
    #[error("no verdict is chosen")]
    Undecided,
    /// A confidence outside of [`CONFIDENCE`].
    #[error("a confidence is from 1 to 5, not {0}")]
    Confidence(i64),
}
