//! What labels of people say about a panel's decisions, carried into the games.

use super::{Decision, Design, Game};

/// How often people contradict a panel, counted on claims that both decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labelled {
    /// Claims that the panel upheld and people labelled.
    pub upheld: u64,
    /// Of these, how many people rejected.
    pub upheld_wrongly: u64,
    /// Claims that the panel rejected and people labelled.
    pub rejected: u64,
    /// Of these, how many people upheld.
    pub rejected_wrongly: u64,
}

impl Labelled {
    /// The probability that people would contradict a decision, `(wrong + 1/2) / (n + 1)`: the mean of the posterior from
    /// Jeffreys' prior. It is 1/2 where nothing is labelled, and never 0 or 1.
    ///
    /// # Source
    /// H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proceedings of the Royal Society A
    /// 186 (1946).
    pub fn error(&self, decision: Decision) -> f64 {
        let (wrong, n) = match decision {
            Decision::Claimant => (self.upheld_wrongly, self.upheld),
            Decision::Defender => (self.rejected_wrongly, self.rejected),
        };
        (wrong as f64 + 0.5) / (n as f64 + 1.0)
    }
}

/// The design with every judged game weighted by what people would say: with `e` the probability that they contradict the
/// decision ([`Labelled::error`]), the winner keeps `1 - e` of the game and the loser gets `e`.
///
/// This assumes that the labelled claims are like the other ones with the same decision. Labels that people give to contested
/// claims first make the panel look worse than it is, so the correction is an upper bound then. A decision of which no claim is
/// labelled is left as it is: nothing is known of its errors.
///
/// # Source
/// The predictive values of a classification in place of its result: W. J. Rogan and B. Gladen, "Estimating prevalence from the
/// results of a screening test", American Journal of Epidemiology 107 (1978).
pub fn corrected(design: &Design, labelled: &Labelled) -> Design {
    let error = |decision: Decision| {
        let n = match decision {
            Decision::Claimant => labelled.upheld,
            Decision::Defender => labelled.rejected,
        };
        if n == 0 {
            0.0
        } else {
            labelled.error(decision)
        }
    };
    let mut out = design.clone();
    for game in out.items.iter_mut().flat_map(|item| &mut item.games) {
        if let Some(decision) = game.judged {
            let e = error(decision);
            let Game { wins, losses, .. } = *game;
            game.wins = wins * (1.0 - e) + losses * e;
            game.losses = losses * (1.0 - e) + wins * e;
        }
    }
    out
}
