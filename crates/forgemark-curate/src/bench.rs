//! What work costs, on data that is made for it: the same rows for the same number, on every machine.
//!
//! No clock is known here: a [`Gauge`] is handed in.

use std::io;
use std::time::Duration;

use forgemark_contract::store::{
    ContextRecord, Hit, Key, Metric, Parts, RowNumber, Rows, Scan, Search, Snapshot, StoreError,
    StoreStats,
};
use forgemark_contract::text::hex;
use forgemark_contract::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::cut::{Plan, cut};
use crate::encode::Encoding;
use crate::error::Result;
use crate::formats::Format;
use crate::output::Output;
use crate::recipe::{Recipe, Task};
use crate::select::Visibility;
use crate::similar::text::{Proposals, Wording, finish, first_kept_wins};
use crate::spill::Scratch;

#[cfg(test)]
mod tests;

/// What is read before and after.
pub struct Gauge<'g> {
    /// Time since any fixed instant.
    pub now: &'g dyn Fn() -> Duration,
    /// The most memory that the process ever held, in bytes; 0 where it cannot be told.
    pub peak: &'g dyn Fn() -> u64,
}

/// What an export has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// Records.
    pub rows: u64,
    /// Lines that were written.
    pub lines: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// The most memory that the process ever held, in bytes.
    pub peak_bytes: u64,
    /// SHA-256 of the file of lines.
    pub digest: String,
}

/// What finding near duplicates has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Texts.
    pub rows: u64,
    /// Texts that give way to another.
    pub dropped: u64,
    /// The probability with which a pair at the threshold is missed.
    pub miss_probability: f64,
    /// How long it took.
    pub seconds: f64,
    /// The most memory that the process ever held, in bytes.
    pub peak_bytes: u64,
    /// SHA-256 of the places of the texts that stay, eight bytes each, the lowest first.
    pub digest: String,
}

/// Messages of a conversation.
const TURNS: u64 = 5;

/// Exports `rows` records of 500 characters, five to a conversation, as conversations in chat messages, without a stage that
/// compares them. The records are made as they are read, so that what is measured is the export and not a store; the
/// bytes go nowhere.
///
/// # Errors
/// A temporary file that cannot be used.
pub fn export(rows: u64, scratch: &dyn Scratch, gauge: &Gauge<'_>) -> Result<Exported> {
    let plan = Plan {
        recipe: Recipe::new(Task::Sft, Visibility::at(Timestamp(i64::MAX))),
        format: Format::OpenAi,
        encoding: Encoding::LINES,
        name: "cut".to_owned(),
        split: None,
        mix: None,
        shuffle: None,
    };
    let mut output = Counted(0);
    let start = (gauge.now)();
    let manifest = cut(&Talks(rows), &plan, scratch, &mut output)?;
    let seconds = (gauge.now)().saturating_sub(start).as_secs_f64();
    let files = manifest.json.items("files").iter();
    let mut lines = files.filter(|file| file.str_or("path", "") == "cut.jsonl");
    Ok(Exported {
        rows,
        lines: manifest.sides.iter().map(|side| side.lines).sum(),
        bytes: output.0,
        seconds,
        peak_bytes: (gauge.peak)(),
        digest: lines
            .next()
            .map_or("", |file| file.str_or("sha256", ""))
            .to_owned(),
    })
}

/// Finds near duplicates by their wording, with `MinHash`, among `rows` texts of 10 to 17 words.
pub fn minhash(rows: u64, gauge: &Gauge<'_>) -> Compared {
    let texts: Vec<String> = (0..rows).map(short_text).collect();
    let views: Vec<&str> = texts.iter().map(String::as_str).collect();
    let wording = Wording {
        shingle: 5,
        jaccard: 0.8,
        proposals: Proposals::MinHash,
    };
    let start = (gauge.now)();
    let keepers = first_kept_wins(&views, &wording);
    let seconds = (gauge.now)().saturating_sub(start).as_secs_f64();
    Compared {
        rows,
        dropped: keepers.iter().flatten().count() as u64,
        miss_probability: wording.miss_probability(),
        seconds,
        peak_bytes: (gauge.peak)(),
        digest: kept_digest(&keepers),
    }
}

/// SHA-256 over the places of what stays, that is of `None`, each as eight bytes in little-endian order, the lowest first.
pub fn kept_digest<T>(keepers: &[Option<T>]) -> String {
    let mut kept = Sha256::new();
    for (place, keeper) in keepers.iter().enumerate() {
        if keeper.is_none() {
            kept.update((place as u64).to_le_bytes());
        }
    }
    hex(&kept.finalize())
}

const WORDS: [&str; 24] = [
    "bolt", "thread", "lock", "torque", "the", "of", "a", "blue", "manual", "wheel", "check",
    "before", "pressure", "valve", "never", "always", "oil", "filter", "change", "every", "month",
    "and", "then", "pump",
];

/// Numbers below a bound, the same for the same start.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        finish(self.0) % bound
    }
}

/// Every tenth text repeats an earlier one with one word more.
fn short_text(number: u64) -> String {
    let mut numbers = Numbers(number << 20);
    if number % 10 == 9 {
        let of = numbers.below(number);
        let of = of - u64::from(of % 10 == 9);
        return format!("{} again", short_text(of));
    }
    let count = 10 + numbers.below(8);
    let words = (0..count).map(|_| match numbers.below(3) {
        0 => format!("item{}", numbers.below(5_000)),
        _ => WORDS[numbers.below(WORDS.len() as u64) as usize].to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Conversations that are made as they are read.
struct Talks(u64);

impl Talks {
    fn row(number: u64, parts: Parts) -> ContextRecord {
        let mut numbers = Numbers(number << 20);
        let mut text = String::new();
        while parts.text && text.len() < 500 {
            text.push_str(WORDS[numbers.below(WORDS.len() as u64) as usize]);
            text.push(' ');
        }
        text.truncate(500);
        let role = if (number % TURNS).is_multiple_of(2) {
            "user"
        } else {
            "assistant"
        };
        let id = format!("{:016x}-{number:012}", finish(number));
        ContextRecord {
            session_id: Some(format!("session-{:016x}", finish(number / TURNS))),
            run_id: "run".to_owned(),
            text_payload: parts.text.then_some(text),
            ..ContextRecord::text(id, role, "", Timestamp(number as i64 * 1_000))
        }
    }
}

impl Snapshot for Talks {
    fn uri(&self) -> &'static str {
        "made:talks"
    }

    fn version(&self) -> u64 {
        1
    }

    fn stats(&self) -> std::result::Result<StoreStats, StoreError> {
        Ok(StoreStats {
            rows: self.0,
            tombstones: 0,
            vectors: 0,
            dimensions: None,
            metric: Metric::Cosine,
            model: None,
            files: 0,
            bytes: 0,
            dead_rows: 0,
            indexes: Vec::new(),
            foreign: false,
        })
    }

    fn scan<'s>(&'s self, scan: &Scan) -> std::result::Result<Rows<'s>, StoreError> {
        let parts = scan.parts;
        let end = scan
            .limit
            .map_or(self.0, |limit| self.0.min(scan.offset + limit));
        let rows = (scan.offset..end).map(move |row| Ok((RowNumber(row), Talks::row(row, parts))));
        Ok(Box::new(rows))
    }

    fn take(
        &self,
        rows: &[RowNumber],
        parts: Parts,
    ) -> std::result::Result<Vec<ContextRecord>, StoreError> {
        Ok(rows.iter().map(|row| Talks::row(row.0, parts)).collect())
    }

    fn get(&self, _: &Key) -> std::result::Result<Option<ContextRecord>, StoreError> {
        Ok(None)
    }

    fn search(&self, _: &Search) -> std::result::Result<Vec<Hit>, StoreError> {
        Ok(Vec::new())
    }
}

/// Counts bytes.
pub(crate) struct Counted(pub(crate) u64);

impl Output for Counted {
    fn append(&mut self, _: &str, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}
