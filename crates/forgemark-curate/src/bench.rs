//! What work costs, on data that is made for it: the same rows for the same number, on every machine.
//!
//! No clock is known here: a [`Gauge`] is handed in.

use std::io;
use std::time::Duration;

use forgemark_contract::store::Snapshot;
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
use crate::similar::text::{Proposals, Wording, first_kept_wins};
use crate::spill::Scratch;

mod made;
#[cfg(test)]
mod tests;

pub use made::{Talks, full_record, source_of, talk};

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

/// Exports the records of [`talk`] as conversations in chat messages, without a stage that compares them. The snapshot is
/// [`Talks`], which makes them as they are read, or that of a store that holds them.
///
/// # Errors
/// A snapshot that cannot be read, an output or a temporary file that cannot be used.
pub fn export(
    snapshot: &dyn Snapshot,
    scratch: &dyn Scratch,
    output: &mut dyn Output,
    gauge: &Gauge<'_>,
) -> Result<Exported> {
    let plan = Plan {
        recipe: Recipe::new(Task::Sft, Visibility::at(Timestamp(i64::MAX))),
        format: Format::OpenAi,
        encoding: Encoding::LINES,
        name: "cut".to_owned(),
        split: None,
        mix: None,
        shuffle: None,
    };
    let mut counted = Counting { output, bytes: 0 };
    let start = (gauge.now)();
    let manifest = cut(snapshot, &plan, scratch, &mut counted)?;
    let seconds = (gauge.now)().saturating_sub(start).as_secs_f64();
    let files = manifest.json.items("files").iter();
    let mut lines = files.filter(|file| file.str_or("path", "") == "cut.jsonl");
    Ok(Exported {
        rows: snapshot.stats()?.rows,
        lines: manifest.sides.iter().map(|side| side.lines).sum(),
        bytes: counted.bytes,
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
    let texts: Vec<String> = (0..rows).map(made::short_text).collect();
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

/// Counts bytes on their way.
struct Counting<'o> {
    output: &'o mut dyn Output,
    bytes: u64,
}

impl Output for Counting<'_> {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.output.append(name, bytes)
    }
}

/// Counts bytes and keeps none.
pub(crate) struct Counted(pub(crate) u64);

impl Output for Counted {
    fn append(&mut self, _: &str, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}
