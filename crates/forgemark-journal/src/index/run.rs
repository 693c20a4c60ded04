//! One sorted run.
//!
//! ```text
//! block × n   entries (hash u64, value u64) × 255 at most · count u32 · number u32 · 0 u32 · crc32 u32   (4,096 bytes)
//! fences      first hash of every stride-th block
//! filter      bits of a Bloom filter over the hashes
//! trailer     magic "FMINDEX1" · stride u64 · entries · blocks · fences · filter words · largest hash · crc32 of all
//!             from the fences on, as u64                                                                   (64 bytes)
//! ```

mod cursor;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Entry;
use crate::error::JournalError;
use crate::frame::{u32_at, u64_at};
use crate::storage::{ReadFile, Storage};

pub(super) use cursor::merge;
pub(super) use write::RunWriter;

const MAGIC: &[u8; 8] = b"FMINDEX1";
const BLOCK: usize = 4096;
const ENTRY: usize = 16;
/// Entries of a full block.
const FULL: usize = 255;
const TRAILER: usize = 64;
const MAX_FENCES: u64 = 4096;
const MAX_FILTER_WORDS: u64 = 1 << 17;
/// Bits a key and number of probes; about 1 % of absent keys pass, until the filter reaches its largest size.
const FILTER_BITS_PER_ENTRY: u64 = 10;
const PROBES: u64 = 5;

/// A run that is open to be read.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    entries: u64,
    blocks: u64,
    stride: u64,
    fences: Vec<u64>,
    filter: Filter,
    largest: u64,
}

impl Run {
    /// Opens the run at `path`, which must have `entries` entries.
    pub(super) fn open(
        storage: &dyn Storage,
        path: &Path,
        entries: u64,
    ) -> Result<Run, JournalError> {
        let damage = |what: &str| JournalError::corrupt(path, 0, what);
        let len = storage.len(path).map_err(JournalError::read(path))?;
        let len = len.ok_or_else(|| damage("run is missing"))?;
        let file = storage.open_read(path).map_err(JournalError::read(path))?;
        let mut trailer = [0; TRAILER];
        let Some(trailer_at) = len.checked_sub(TRAILER as u64) else {
            return Err(damage("run without trailer"));
        };
        file.read_exact_at(&mut trailer, trailer_at)
            .map_err(JournalError::read(path))?;
        let field = |place: usize| u64_at(&trailer, place * 8);
        let (stride, blocks, fences, words) = (field(1), field(3), field(4), field(5));
        let footer = fences.saturating_add(words).saturating_mul(8);
        let sound = trailer.starts_with(MAGIC)
            && field(2) == entries
            && stride > 0
            && fences <= MAX_FENCES
            && words <= MAX_FILTER_WORDS
            && words > 0
            && blocks > 0
            && blocks.checked_mul(BLOCK as u64) == trailer_at.checked_sub(footer);
        if !sound {
            return Err(damage("run with a wrong trailer"));
        }
        let mut bytes = vec![0; footer as usize];
        file.read_exact_at(&mut bytes, trailer_at - footer)
            .map_err(JournalError::read(path))?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes);
        crc.update(&trailer[..TRAILER - 8]);
        if u64::from(crc.finalize()) != field(7) {
            return Err(JournalError::corrupt(
                path,
                trailer_at - footer,
                "checksum of the footer",
            ));
        }
        let (fences, filter) = bytes.split_at(fences as usize * 8);
        Ok(Run {
            path: path.to_owned(),
            entries,
            blocks,
            stride,
            fences: words_of(fences),
            filter: Filter {
                words: words_of(filter),
            },
            largest: field(6),
            file,
        })
    }

    /// Appends the values under `hash`.
    pub(super) fn lookup(&self, hash: u64, values: &mut Vec<u64>) -> Result<(), JournalError> {
        if hash > self.largest
            || self.fences.first().is_none_or(|first| hash < *first)
            || !self.filter.may_hold(hash)
        {
            return Ok(());
        }
        // The first block that ends at `hash` or later is in `low..=high`.
        let fence = self.fences.partition_point(|first| *first < hash) as u64;
        let mut low = fence.saturating_sub(1) * self.stride;
        let mut high = (fence * self.stride).min(self.blocks - 1);
        let mut guess = self.guess(hash, fence, low, high);
        let mut block = Block::new();
        let mut number = loop {
            block.read(self, guess)?;
            if block.last() < hash {
                low = guess + 1;
            } else if block.first() < hash || guess == low {
                break guess;
            } else {
                high = guess;
            }
            guess = low + high.saturating_sub(low) / 2;
        };
        loop {
            for (found, value) in block.entries() {
                if found == hash {
                    values.push(value);
                }
            }
            number += 1;
            if block.last() > hash || number == self.blocks {
                return Ok(());
            }
            block.read(self, number)?;
            if block.first() > hash {
                return Ok(());
            }
        }
    }

    /// Where `hash` would stand between its fences if hashes are spread evenly.
    fn guess(&self, hash: u64, fence: u64, low: u64, high: u64) -> u64 {
        let at = |place: u64| self.fences.get(place as usize).copied();
        let from = at(fence.saturating_sub(1)).unwrap_or(0);
        let to = at(fence).unwrap_or(self.largest);
        if to <= from {
            return low;
        }
        let share = hash.saturating_sub(from) as f64 / (to - from) as f64;
        (low + ((high - low) as f64 * share) as u64).clamp(low, high)
    }

    /// Reads everything and checks checksums, order and count.
    pub(super) fn verify(&self) -> Result<u64, JournalError> {
        let mut block = Block::new();
        let mut before: Option<Entry> = None;
        let mut count = 0;
        for number in 0..self.blocks {
            block.read(self, number)?;
            for entry in block.entries() {
                if before.is_some_and(|before| before >= entry) || !self.filter.may_hold(entry.0) {
                    return Err(self.damage(number, "entries out of order"));
                }
                before = Some(entry);
                count += 1;
            }
        }
        if count != self.entries {
            return Err(self.damage(0, "wrong number of entries"));
        }
        Ok(count)
    }

    fn damage(&self, block: u64, what: &str) -> JournalError {
        JournalError::corrupt(&self.path, block * BLOCK as u64, what)
    }
}

/// A block in memory. Never empty after [`Block::read`].
#[derive(Debug)]
struct Block {
    bytes: [u8; BLOCK],
    count: usize,
}

impl Block {
    fn new() -> Self {
        Block {
            bytes: [0; BLOCK],
            count: 0,
        }
    }

    fn read(&mut self, run: &Run, number: u64) -> Result<(), JournalError> {
        run.file
            .read_exact_at(&mut self.bytes, number * BLOCK as u64)
            .map_err(JournalError::read(&run.path))?;
        self.check(number)
            .ok_or_else(|| run.damage(number, "checksum of a block"))
    }

    /// Checks the bytes of block `number`.
    fn check(&mut self, number: u64) -> Option<()> {
        let crc = u32_at(&self.bytes, BLOCK - 4);
        self.count = u32_at(&self.bytes, FULL * ENTRY) as usize;
        let sound = crc32fast::hash(&self.bytes[..BLOCK - 4]) == crc
            && u32_at(&self.bytes, FULL * ENTRY + 4) == number as u32
            && (1..=FULL).contains(&self.count);
        sound.then_some(())
    }

    fn entry(&self, place: usize) -> Entry {
        (
            u64_at(&self.bytes, place * ENTRY),
            u64_at(&self.bytes, place * ENTRY + 8),
        )
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.count).map(|place| self.entry(place))
    }

    fn first(&self) -> u64 {
        self.entry(0).0
    }

    fn last(&self) -> u64 {
        self.entry(self.count.saturating_sub(1)).0
    }
}

/// A Bloom filter: says `false` only for hashes that are not there.
#[derive(Debug)]
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// A filter for about `entries` hashes.
    fn sized_for(entries: u64) -> Self {
        let words = (entries.saturating_mul(FILTER_BITS_PER_ENTRY) / 64).clamp(1, MAX_FILTER_WORDS);
        Filter {
            words: vec![0; words as usize],
        }
    }

    fn insert(&mut self, hash: u64) {
        let bits = self.words.len() as u64 * 64;
        for bit in probes(hash, bits) {
            self.words[(bit / 64) as usize] |= 1 << (bit % 64);
        }
    }

    fn may_hold(&self, hash: u64) -> bool {
        let bits = self.words.len() as u64 * 64;
        probes(hash, bits).all(|bit| self.words[(bit / 64) as usize] & (1 << (bit % 64)) != 0)
    }
}

/// The bits of a hash: double hashing (Kirsch and Mitzenmacher) over the splitmix64 finalizer, since the caller's hashes
/// need not be well mixed.
fn probes(hash: u64, bits: u64) -> impl Iterator<Item = u64> {
    let mut mixed = hash.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    let step = mixed.rotate_left(32) | 1;
    (0..PROBES).map(move |probe| mixed.wrapping_add(probe.wrapping_mul(step)) % bits)
}

fn words_of(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks_exact(8)
        .map(|chunk| u64_at(chunk, 0))
        .collect()
}
