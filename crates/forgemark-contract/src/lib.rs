//! The contracts: what every file of ours looks like, byte for byte, and nothing else.
//!
//! ```text
//! json      values that keep order, big integers and lone surrogates; reader; byte-exact streaming writer
//! text      the text rules that files depend on: question normalization and hash, language tags, slugs
//! ids       run, conversation, topic and call identifiers
//! time      one instant, two spellings
//! settings  the vocabulary of configuration keys (not their sources)
//! arena     typed records of the files in which models question, answer, criticise and judge each other
//! dialogue  typed records of the nine dialogue artifacts
//! store     typed records of the context store
//! ingest    artifacts of all pipelines and training sets to records of the store
//! shape     one rule table per artifact: shape findings and JSON Schemas
//! ```
//!
//! Invariants: no file, clock, environment or random number is touched here, and no crate of ours is used. The
//! writers reproduce Python's `json.dumps`, because the readers of these files are mostly Python programs and because
//! byte identity is what makes a resumed run comparable with one that was never interrupted.

pub mod arena;
pub mod dialogue;
pub mod ids;
pub mod ingest;
pub mod json;
pub mod settings;
pub mod shape;
pub mod store;
pub mod text;
pub mod time;
