//! What tests share: a small arena, a simulated disk, a scripted endpoint, a redactor, the folder of real files.
//!
//! Development only: no product crate is built with it.

pub mod aftermath;
pub mod arena;
pub mod mem_disk;
pub mod redactor;

#[cfg(feature = "endpoint")]
pub mod endpoint;

use std::path::{Path, PathBuf};

pub use mem_disk::{Fault, FaultKind, MemDisk};
pub use redactor::Redactor;

/// The folder with real files to test with, beside the repository; `None` where it is absent. A test that needs it prints
/// `skipped: ...` and returns then.
pub fn shared_dir() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let shared = repository.parent()?.join("shared");
    shared.is_dir().then_some(shared)
}
