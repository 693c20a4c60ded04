//! From artifacts to records: what a line of a training set, a conversation or a file of an arena becomes in the store.
//!
//! ```text
//! JSONL of messages, records, rollouts ──┐
//! synthetic_qa.jsonl of a dialogue run ──┼─ Lines ──┐
//!                                        │          ├──> Unit: records of one conversation, with keys that never change
//! files of an arena ─────────────────────┴─ Arena ──┘     or Problem: file, line, field, reason
//! ```
//!
//! Everything here is a function of text: files are read by the caller, line by line, and nothing is written.
//!
//! **Keys.** A unit (a line, a conversation, a question of an arena) has a key `K`: its own id where the row has one, else the
//! first 16 hexadecimal digits of the SHA-256 of the line; of equal keys in one file the second gets `~1` behind it, and so on.
//! A record's external id is `ORIGIN/K/PLACE`, where `ORIGIN` is [`Options::origin`] and `PLACE` the position of the message
//! (`0`, `1`, ... and `chosen.0`, `rejected.0` for candidates); `ORIGIN/K` is its session. Its id is the first 32 hexadecimal
//! digits of the SHA-256 of `forgemark-record`, a line feed and the external id. So whoever ingests a file again upserts
//! the same records, wherever the file lies and however its lines are ordered; rows without an id of their own that change
//! become other records.
//!
//! **Digest.** `origin_digest` is the SHA-256 of `forgemark-ingest-1`, the `source` and `reward` of [`Options`], and what the unit was
//! read from: the line without the white space around it, or the entry of an arena with what was adjudicated about it. A
//! store leaves a record alone whose digest it has already, so what was edited there survives.
//!
//! **Order and time.** `seq` is the position in the unit and decides the order. `created_at` is the time that the artifact gives;
//! where it gives none it is that of the record before, and for the first one [`Options::now`] plus the microseconds that say
//! how many such units came before it, so that time, too, sorts as the file does. A time that is not later than that of the
//! record before it (a clock that was set back, or two messages of one instant) is raised to one microsecond after that one,
//! and where it was earlier than it the time as given stays in `metadata.given_created_at`.
//!
//! **Metadata.** Other keys of a row are kept: short values (numbers, truth values, texts of up to 200 characters) in the
//! metadata of each record of the row, where filters find them, others in that of its first record. Short values of other keys of a
//! message stand in the metadata of its record, others in the message. What exports read
//! (`reward`, `reward_source`, `rank`, `label`) stands with the answer that it is about.

mod arena;
mod chat;
mod dialogue;
mod lines;
mod rows;
mod unit;

#[cfg(test)]
mod tests;

pub use arena::{ADJUDICATIONS, Arena};
pub use lines::{Lines, RowShape};

use std::str::FromStr;

use crate::store::ContextRecord;
use crate::text::sha256_hex;
use crate::time::Timestamp;

/// What the caller decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What keys are made with: two files whose rows have the same ids need two of these. Usually the name of the data set.
    pub origin: String,
    /// The `source` of every record; without it that of the row, else `origin`.
    pub source: Option<String>,
    /// Which score of a conversation becomes its reward.
    pub reward: RewardFrom,
    /// The time of what has none.
    pub now: Timestamp,
}

impl Options {
    /// The digest of what a unit was read from.
    fn digest(&self, parts: &[&[u8]]) -> String {
        let source = self.source.as_deref().unwrap_or_default();
        let reward = RewardFrom::WORDS[usize::from(self.reward == RewardFrom::Support)];
        let mut bytes = format!("forgemark-ingest-1\n{source}\n{reward}").into_bytes();
        for part in parts {
            bytes.push(b'\n');
            bytes.extend_from_slice(part);
        }
        sha256_hex(&bytes)
    }
}

/// Which score of a conversation becomes `metadata.reward`. Both stay in the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RewardFrom {
    /// The judge's score, else the support score.
    #[default]
    Judge,
    /// The support score, else the judge's.
    Support,
}

impl RewardFrom {
    /// The words of the choices.
    pub const WORDS: [&'static str; 2] = ["judge", "support"];
}

impl FromStr for RewardFrom {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "judge" => Ok(RewardFrom::Judge),
            "support" => Ok(RewardFrom::Support),
            _ => Err(format!("expected judge or support, found {word}")),
        }
    }
}

/// Records that stand and fall together: those of one conversation, or those of one entry of an arena.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unit {
    /// The records, each after the one that it follows.
    pub records: Vec<ContextRecord>,
    /// The session that holds these records and no others, so that what it held before and is not among them is no longer in the
    /// artifact; `None` where others may join the session.
    pub session: Option<String>,
}

/// A line, entry or file that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{what}", self.place(), if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) })]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1; for a file that is one value the place of the entry in its list, from 0, stands in `field`.
    pub line: Option<u64>,
    /// The place inside the line, such as `messages[2].role`; empty for the line itself.
    pub field: String,
    /// What is wrong, with what was expected.
    pub what: String,
}

impl Problem {
    /// `FILE:LINE`, or the file alone.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        }
    }
}

/// The id of the record with this external id; see the head of this module.
pub fn record_id(external_id: &str) -> String {
    let mut id = sha256_hex(format!("forgemark-record\n{external_id}").as_bytes());
    id.truncate(32);
    id
}
