//! Ratings of models that question and of models that answer, from games between the two.
//!
//! ```text
//! Design: items (questions) with a questioner, and games of answerers on each
//!    ├── structure    what can be compared at all: components, separation
//!    ├── fit          bipartite Bradley-Terry, exact maximum likelihood, standard errors
//!    ├── firth        the same with a penalty that keeps every rating finite
//!    ├── bootstrap    intervals and ranks from resampled items
//!    ├── itemised     a difficulty for each item; evidence chooses how much each part varies
//!    └── gradient     the optimiser of the original program, for comparison
//! ```
//!
//! In a game an answerer meets a question of a questioner, and one of the two roles wins. A model's strength in a role is a
//! logit: `P(answerer wins) = 1 / (1 + exp(-(theta - psi)))`. Only differences count, so a gauge fixes the rest: the
//! mean of the questioners (bipartite) or of the answerers (itemised) is 0. On the Elo scale that is 1000, and ten times the odds
//! are 400 points: `1000 + 400 / ln 10 * logit`.
//!
//! # Source
//! R. A. Bradley and M. E. Terry, "Rank analysis of incomplete block designs: I", Biometrika 39 (1952). L. R. Ford,
//! "Solution of a ranking problem from binary comparisons", American Mathematical Monthly 64 (1957), for when the maximum exists.

mod bipartite;
mod bootstrap;
mod calibrate;
mod firth;
mod gradient;
mod itemised;
mod search;
mod structure;

pub use bipartite::{Fit, fit};
pub use bootstrap::{Bootstrap, Spread, bootstrap, bootstrap_corrected, bootstrap_itemised};
pub use calibrate::{Labelled, corrected};
pub use firth::firth;
pub use gradient::{Ascent, AscentRules, ascend};
pub use itemised::{ItemisedFit, Sigmas, choose_sigmas, fit_itemised};
pub use structure::{Place, Structure};

/// Elo points of one unit of logit: `400 / ln 10`.
pub const ELO_PER_LOGIT: f64 = 400.0 / std::f64::consts::LN_10;

/// The Elo rating of a logit of 0.
pub const ELO_BASE: f64 = 1000.0;

/// A logit on the Elo scale; infinities stay infinite.
pub fn elo(logit: f64) -> f64 {
    ELO_BASE + ELO_PER_LOGIT * logit
}

/// One game, or several of the same answerer on the same item taken together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Game {
    /// The answerer, from 0.
    pub answerer: usize,
    /// How often the answerer wins; fractions are allowed.
    pub wins: f64,
    /// How often the questioner wins.
    pub losses: f64,
    /// The decision about a claim that the result stands on, if any; [`corrected`] may doubt it.
    pub judged: Option<Decision>,
}

/// Who is right about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Who alleges the fault.
    Claimant,
    /// Who defends.
    Defender,
}

/// A question with the games on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The questioner, from 0.
    pub questioner: usize,
    /// The games.
    pub games: Vec<Game>,
}

/// Everything that was played.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Design {
    /// How many answerers there are.
    pub answerers: usize,
    /// How many questioners there are.
    pub questioners: usize,
    /// The questions.
    pub items: Vec<Item>,
}

/// A strength with its standard error, both in logits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rating {
    /// The strength; infinite where the likelihood has no finite maximum, `None` where nothing compares it with the rest.
    pub logit: Option<f64>,
    /// Its standard error in the gauge of the fit; `None` where the strength is not finite.
    pub error: Option<f64>,
}

impl Rating {
    /// The strength on the Elo scale.
    pub fn elo(&self) -> Option<f64> {
        self.logit.map(elo)
    }

    /// The standard error in Elo points.
    pub fn elo_error(&self) -> Option<f64> {
        self.error.map(|error| error * ELO_PER_LOGIT)
    }
}

/// Wins and losses of every pair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    pub(crate) answerers: usize,
    pub(crate) questioners: usize,
    /// By answerer, then questioner.
    cells: Vec<(f64, f64)>,
}

impl Counts {
    pub(crate) fn new(design: &Design) -> Self {
        let (answerers, questioners) = (design.answerers, design.questioners);
        let cells = vec![(0.0, 0.0); answerers * questioners];
        let mut counts = Counts {
            answerers,
            questioners,
            cells,
        };
        for item in &design.items {
            counts.add(item, 1.0);
        }
        counts
    }

    /// Adds the games of an item, so many times.
    pub(crate) fn add(&mut self, item: &Item, times: f64) {
        for game in &item.games {
            let at = game.answerer * self.questioners + item.questioner;
            if let Some((wins, losses)) = self.cells.get_mut(at) {
                *wins += game.wins * times;
                *losses += game.losses * times;
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.cells.fill((0.0, 0.0));
    }

    /// Pairs that met: answerer, questioner, wins, losses.
    pub(crate) fn played(&self) -> impl Iterator<Item = (usize, usize, f64, f64)> {
        let cells = self.cells.iter().enumerate();
        cells
            .filter(|(_, (wins, losses))| wins + losses > 0.0)
            .map(|(at, (wins, losses))| {
                let (answerer, questioner) = (at / self.questioners, at % self.questioners);
                (answerer, questioner, *wins, *losses)
            })
    }
}

/// `1 / (1 + exp(-x))` without overflow.
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let grown = x.exp();
        grown / (1.0 + grown)
    }
}

/// `ln sigmoid(x)` without overflow.
pub(crate) fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// The log-likelihood of so many wins and losses at a difference in strength; counts of 0 contribute 0 at any difference.
pub(crate) fn log_likelihood(wins: f64, losses: f64, difference: f64) -> f64 {
    let part = |times: f64, x: f64| {
        if times > 0.0 {
            times * log_sigmoid(x)
        } else {
            0.0
        }
    };
    part(wins, difference) + part(losses, -difference)
}

#[cfg(test)]
mod tests;
