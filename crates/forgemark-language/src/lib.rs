//! Which language and script a text is in, and whether that is what a label asks for.
//!
//! ```text
//! text  ─┬─ letters by script (Unicode) ──┐
//!        └─ language (trigrams) ──────────┴─> Finding: detected, confidence, script, share, verdict
//! label ─── Label: language, scripts, variety ┘
//! ```
//!
//! A label is free text (`en`, `French`, `Moroccan Arabic`, `ar-MA`). What it asks for beyond a language, a region or a
//! dialect, cannot be told from a text by this method; then script and language are checked and the verdict is
//! [`Verdict::Unverifiable`], never a match. Short texts are [`Verdict::Undetermined`].
//!
//! # Known failures
//! Closely related languages in one script (Norwegian and Danish, Czech and Slovak, Croatian and Slovene, Indonesian and
//! Malay) are taken for each other; a text that quotes more of another language than it has of its own is judged by what
//! it quotes. [`tell`] knows about seventy languages; of others only the script is checked.

mod label;
mod scripts;

pub use label::{Finding, Label, Verdict};

/// What a text seems to be written in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// ISO 639-3 code.
    pub code: &'static str,
    /// English name.
    pub name: &'static str,
    /// How sure, in [0, 1]: the distance to the second best language, against what is usual at this length.
    pub confidence: f64,
}

/// The language of a text; `None` for a text without letters of a known script.
pub fn tell(text: &str) -> Option<Told> {
    let info = whatlang::detect(text)?;
    Some(Told {
        code: info.lang().code(),
        name: info.lang().eng_name(),
        confidence: info.confidence(),
    })
}

/// Whether [`tell`] may answer with this ISO 639-3 code.
pub fn is_known(code: &str) -> bool {
    whatlang::Lang::from_code(code).is_some()
}
