//! What a fault leaves, and whether two runs left the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{FaultKind, MemDisk};

/// What the next process finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The process is killed; everything that it wrote is there.
    Kill,
    /// The power fails; nothing is there that was not synced.
    PowerLoss,
    /// The power fails; some of what was not synced is there.
    PartialPowerLoss,
    /// The disk takes nothing more.
    FullDisk,
    /// The disk takes a part of a write.
    ShortWrite,
}

impl Then {
    /// All five.
    pub const ALL: [Then; 5] = [
        Then::Kill,
        Then::PowerLoss,
        Then::PartialPowerLoss,
        Then::FullDisk,
        Then::ShortWrite,
    ];

    /// What the disk does at the point.
    pub fn fault(self) -> FaultKind {
        match self {
            Then::Kill | Then::PowerLoss | Then::PartialPowerLoss => FaultKind::Crash,
            Then::FullDisk => FaultKind::NoSpace,
            Then::ShortWrite => FaultKind::ShortWrite,
        }
    }

    /// The disk that the next process finds; `seed` chooses what a power loss spares.
    pub fn next(self, disk: &MemDisk, seed: u64) -> MemDisk {
        match self {
            Then::Kill | Then::FullDisk | Then::ShortWrite => disk.kill(),
            Then::PowerLoss => disk.power_loss(),
            Then::PartialPowerLoss => disk.power_loss_keeping(seed),
        }
    }
}

/// Every file below `out` but those of the journal's own folder, by its path from there.
pub fn artifacts(disk: &MemDisk, out: &Path) -> BTreeMap<String, Vec<u8>> {
    let relative = |path: PathBuf| Some(path.strip_prefix(out).ok()?.to_str()?.to_owned());
    disk.files()
        .into_iter()
        .filter_map(|(path, bytes)| Some((relative(path)?, bytes)))
        .filter(|(path, _)| !path.starts_with(".forgemark"))
        .collect()
}

/// Fails at the first file that differs, and says where.
///
/// # Panics
/// That is how it fails.
#[track_caller]
pub fn assert_same(
    left: &BTreeMap<String, Vec<u8>>,
    right: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(left), names(right), "{what}: other files");
    for (name, bytes) in left {
        let other = &right[name];
        assert!(bytes == other, "{what}: {}", difference(name, bytes, other));
    }
}

/// Where two files part, with what stands around it in both.
fn difference(name: &str, left: &[u8], right: &[u8]) -> String {
    let at = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let show = |bytes: &[u8]| {
        let from = at.saturating_sub(120).min(bytes.len());
        let piece = &bytes[from..(at + 120).min(bytes.len())];
        String::from_utf8_lossy(piece).into_owned()
    };
    let (left_length, right_length) = (left.len(), right.len());
    format!(
        "{name} differs at byte {at} of {left_length} and {right_length}:\n{}\n{}",
        show(left),
        show(right)
    )
}
