//! How far an answer is supported by the words of the passages: the support score.
//!
//! A cheap lexical measure that stands beside the judge's score, never in its place. The answer is
//! cut into claims (sentences); each claim is compared with every window of one or two adjacent
//! sentences of every passage:
//!
//! ```text
//! recall(claim, window)  = content words and numbers of the claim that the window has
//!                          / content words and numbers of the claim          (distinct, folded)
//! support(claim, window) = recall
//!                          * 0.4  if a number of the claim is not in the window
//!                          * 0.5  if a name of the claim is not in the window, or other words
//!                                 stand where words of the claim would stand
//!                          * 0.4  if one of the two denies and the other does not
//! support(claim)  = max over the windows
//! support(answer) = mean over the claims
//! ```
//!
//! Range [0, 1], higher is better. A claim at [`THRESHOLD`] or above counts as supported.
//! Questions, citations (`guide.md#chunk3`), sentences of fewer than two content words and
//! sentences that say that the material holds no answer are no claims; an answer without claims
//! has no score. Words are folded (case, common English endings, Arabic vowel signs and article),
//! number words up to twenty and the tens count as numbers, a name is a capitalised word inside
//! the claim. Denial is looked for from three words before the first matched word to one behind the
//! last.
//!
//! # Known failures
//! - Paraphrase: the same fact in other words scores low. This is the largest loss of recall.
//! - Other languages: a claim in another language than the passage scores near 0 unless it is
//!   mostly numbers and names.
//! - Roles and order: "A pays B" and "B pays A" have the same words.
//! - A swapped common word is noticed between unchanged neighbours only; elsewhere it costs one
//!   word of recall, which a long claim hardly feels. In return one synonym between unchanged
//!   neighbours is taken for a swap.
//! - Denial by antonym ("forbidden", "open" for "closed"), double denial, and denial whose scope
//!   is not the matched words.
//! - Arithmetic: "four years" is not found in "48 months".
//! - A claim joined from facts of far sentences is compared with two adjacent ones at most.
//! - Only the first 64 distinct words of a claim count.
//!
//! An answer of more than [`LONGEST`] bytes is not scored and says so: [`Support::too_long`].
//!
//! How often it is right is measured on a labelled set: [`evaluate`].

pub(crate) mod sentences;
pub(crate) mod tokens;

mod claims;
mod evaluate;
mod memory;
mod windows;

use std::ops::Range;

pub use evaluate::{Evaluation, KindResult, Labelled, evaluate, labelled_claims};

/// A claim with at least this score counts as supported: most of its words stand in one place and
/// nothing contradicts them. Chosen before the labelled set was scored, not fitted to it.
pub const THRESHOLD: f64 = 0.6;

/// The longest answer that is scored, in bytes. The work grows with the length and no faster, but
/// a reply of megabytes is no answer, and its claims would fill the row and the time of a run.
pub const LONGEST: usize = 256 << 10;

const MISSING_NUMBER: f64 = 0.4;
const OTHER_WORD: f64 = 0.5;
const NEGATION: f64 = 0.4;

/// The support of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Support {
    /// Mean over the claims, in [0, 1]; `None` when the answer makes no claim or is too long.
    pub score: Option<f64>,
    /// The claims, in the order of the answer.
    pub claims: Vec<ClaimSupport>,
    /// The answer has more than [`LONGEST`] bytes and was not looked at: no score, no claims.
    pub too_long: bool,
}

/// The support of one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimSupport {
    /// Where the claim stands in the answer, in bytes.
    pub claim: Range<usize>,
    /// Its support, in [0, 1].
    pub score: f64,
    /// Share of its words that the best window has, in [0, 1].
    pub recall: f64,
    /// The best window; `None` when no window has any word of the claim.
    pub best: Option<Evidence>,
    /// What speaks against the claim in the best window, in the order of [`Doubt`].
    pub doubts: Vec<Doubt>,
}

/// What lowers the support of a claim beside missing words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// A number of the claim is missing.
    NumberMissing,
    /// A name of the claim is missing.
    NameMissing,
    /// Up to three words of the claim are replaced by others, between the same neighbours:
    /// "opened butter at 4 degrees" for "opened yoghurt at 4 degrees".
    WordReplaced,
    /// The claim denies and the window does not, or the other way round.
    NegationDiffers,
}

impl Doubt {
    /// The name that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NumberMissing => "number missing",
            Self::NameMissing => "name missing",
            Self::WordReplaced => "word replaced",
            Self::NegationDiffers => "negation differs",
        }
    }
}

/// Where the support of a claim stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Index into the passages that were given.
    pub passage: usize,
    /// Bytes of that passage's text: one sentence or two adjacent ones.
    pub span: Range<usize>,
}

impl Support {
    /// How many of the claims are supported, by [`THRESHOLD`].
    pub fn supported(&self) -> usize {
        self.claims
            .iter()
            .filter(|claim| claim.score >= THRESHOLD)
            .count()
    }
}

/// Support of `answer` in `passages`, by the formula of this module.
///
/// Deterministic; ties go to the earlier passage, the earlier place and the shorter window.
/// Offsets of [`Evidence`] refer to the texts as given.
pub fn support<P: AsRef<str>>(answer: &str, passages: &[P]) -> Support {
    let none = |too_long| Support {
        score: None,
        claims: Vec::new(),
        too_long,
    };
    if answer.len() > LONGEST {
        return none(true);
    }
    let claims = claims::Claims::read(answer);
    if claims.list.is_empty() {
        return none(false);
    }
    let mut search = windows::Search::new(&claims);
    for passage in passages {
        search.add(passage.as_ref());
    }
    let found = search.finish();
    let total: f64 = found.iter().map(|claim| claim.score).sum();
    Support {
        score: Some(total / found.len() as f64),
        claims: found,
        too_long: false,
    }
}

#[cfg(test)]
mod tests;
