//! Why a run cannot begin or go on.

use std::path::PathBuf;

use forgemark_contract::arena::{EpochError, FileError};
use forgemark_journal::JournalError;
use forgemark_model::{BuildError, CallError};

use crate::corpus::CorpusError;

/// Why a run of an arena cannot begin or go on. What was committed stays.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// The journal, the disk or the lock.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A file of the folder holds nothing that can be read, and must not be written over.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// A line of a file of ours is none.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A line of questions from elsewhere cannot be taken; nothing was.
    #[error("{}:{line}: {what}", path.display())]
    Brought {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The first epoch of the format is asked for, and replacements too, which it has no place for.
    #[error(
        "the first epoch of the format has one attempt for each question, and {attempts} are allowed"
    )]
    OneAttempt {
        /// Attempts that the configuration allows.
        attempts: u32,
    },
    /// The first epoch of the format is asked for and cannot hold a file.
    #[error("{path}: {source}")]
    Epoch {
        /// The file.
        path: String,
        /// The entry.
        source: EpochError,
    },
    /// The models cannot be set up.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The endpoints of a model do not answer.
    #[error("the model {model} cannot be reached: {what}")]
    Probe {
        /// The model.
        model: String,
        /// What its endpoints said.
        what: String,
    },
    /// A call that a run cannot go on without.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A template that replaces a built-in one fails on what it is given.
    #[error(transparent)]
    Prompt(#[from] std::sync::Arc<super::prompts::PromptError>),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

impl ArenaError {
    /// What to do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            ArenaError::Journal(error) => vec![error.remedy()],
            ArenaError::Unreadable { .. } => vec![
                "restore it from a copy, or let `forgemark arena check DIR --fix` put it aside"
                    .to_owned(),
            ],
            ArenaError::Line { path, .. } => vec![format!(
                "restore the file from a copy; without {} records count as brought along",
                path.display()
            )],
            ArenaError::Brought { .. } => vec![
                "correct the line and run the command again; nothing of the file was taken".to_owned(),
            ],
            ArenaError::Epoch { .. } | ArenaError::OneAttempt { .. } => vec![
                "the first epoch has one attempt for each question: set `output.epoch: 2`, or allow one attempt only"
                    .to_owned(),
            ],
            ArenaError::Probe { .. } => {
                vec!["start the server, or correct the model's endpoint and key".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
