//! The division into train and eval by a hash of a key.

use forgemark_contract::store::ContextRecord;

use super::config::Split;
use crate::similar::text::finish;

/// Whether a record belongs to the eval side.
pub(super) fn is_eval(split: &Split, record: &ContextRecord) -> bool {
    fraction(split.seed, &split.by.key(record)) < split.eval_fraction
}

/// A key as a number from 0 up to below 1: FNV-1a over the seed (little endian) and the key, then `MurmurHash3`'s 64-bit
/// finalizer, then the upper 53 bits.
pub(crate) fn fraction(seed: u64, key: &str) -> f64 {
    let bytes = seed.to_le_bytes().into_iter().chain(key.bytes());
    let hash = finish(bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }));
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// The names of the two sides of `path`: `.train` and `.eval` before the last dot of the last part, or at the end where
/// that has none. Parts are divided by `/` only.
pub fn split_paths(path: &str) -> (String, String) {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = path[name..].rfind('.').map_or(path.len(), |dot| name + dot);
    let (stem, extension) = path.split_at(dot);
    let side = |side: &str| format!("{stem}.{side}{extension}");
    (side("train"), side("eval"))
}
