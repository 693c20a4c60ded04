//! Statistics of conversations, and bundles: a folder that can be published as it is.
//!
//! ```text
//! ShareGPT file ── Source: which file, why, its columns, its committed rows
//!      │ row by row
//!      ├──────────────────────> Stats ── JSON ── plots
//!      └── fit (strict schema) ─> rows ─> Stats, Facts ──> card, manifest ──> Staged ──> the folder, at once
//! ```
//!
//! Everything in a bundle but the provenance is a function of its rows, so `prove` makes it again and compares bytes.

mod card;
mod error;
mod facts;
mod fit;
mod make;
mod manifest;
mod plots;
mod prove;
mod source;
pub mod stats;

pub use error::BundleError;
pub use facts::Facts;
pub use fit::Changes;
pub use make::{Made, Request, make};
pub use manifest::is_bundle;
pub(crate) use manifest::is_there;
pub use plots::{Plot, plots};
pub use prove::prove;
pub use source::{Source, Wanted, statistics};

/// The card of a bundle.
pub(crate) const CARD: &str = "README.md";
/// What a bundle is made of, with the digest of each file.
pub(crate) const MANIFEST: &str = "bundle.json";
/// The schema of a bundle's rows.
pub(crate) const SCHEMA: &str = "schema.json";
