//! Names of items.

use std::hash::{DefaultHasher, Hasher};

/// A hash of the conversation that `item` belongs to: of what stands before its last `/`, or of the whole name. Only for
/// affinity; it reaches no file.
pub(super) fn conversation(item: &str) -> u64 {
    let name = item.rsplit_once('/').map_or(item, |(name, _)| name);
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}
