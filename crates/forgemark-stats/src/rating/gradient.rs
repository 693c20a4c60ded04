//! The optimiser of the original rating script, for comparison with numbers that it made.

use super::{Counts, Design, log_likelihood, sigmoid};

/// The settings of the ascent; the defaults are the script's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AscentRules {
    /// Most iterations.
    pub iterations: u32,
    /// The step is this over `sqrt(iteration + 1)`.
    pub rate: f64,
    /// The ascent ends when both the log-likelihood and every strength change by less.
    pub tolerance: f64,
    /// The ridge: `ridge * x` is taken from the gradient of every strength.
    pub ridge: f64,
}

impl Default for AscentRules {
    fn default() -> Self {
        AscentRules {
            iterations: 3_000,
            rate: 0.05,
            tolerance: 1e-6,
            ridge: 1e-4,
        }
    }
}

/// Where the ascent ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ascent {
    /// Strengths of the answerers in logits; 0 for who played no game.
    pub answerers: Vec<f64>,
    /// Strengths of the questioners; their mean is 0.
    pub questioners: Vec<f64>,
    /// The log-likelihood there, without the ridge.
    pub log_likelihood: f64,
    /// How many iterations there were.
    pub iterations: u32,
    /// Whether the tolerance was met. On a table of a few thousand games it is not.
    pub converged: bool,
}

/// Gradient ascent with a falling step on the penalised log-likelihood, from strengths of 0. After each step the questioners are
/// shifted to the mean 0 and the answerers by as much.
///
/// It does not reach the maximum; [`fit`](super::fit) does.
pub fn ascend(design: &Design, rules: &AscentRules) -> Ascent {
    let counts = Counts::new(design);
    let mut out = Ascent {
        answerers: vec![0.0; counts.answerers],
        questioners: vec![0.0; counts.questioners],
        log_likelihood: 0.0,
        iterations: 0,
        converged: false,
    };
    let height = |answerers: &[f64], questioners: &[f64]| -> f64 {
        let games = counts.played();
        games
            .map(|(a, q, wins, losses)| log_likelihood(wins, losses, answerers[a] - questioners[q]))
            .sum()
    };
    out.log_likelihood = height(&out.answerers, &out.questioners);
    while out.iterations < rules.iterations && !out.converged {
        let mut up: Vec<f64> = out.answerers.iter().map(|x| -rules.ridge * x).collect();
        let mut down: Vec<f64> = out.questioners.iter().map(|x| -rules.ridge * x).collect();
        for (a, q, wins, losses) in counts.played() {
            let p = sigmoid(out.answerers[a] - out.questioners[q]);
            let slope = wins - (wins + losses) * p;
            up[a] += slope;
            down[q] -= slope;
        }
        let step = rules.rate / f64::from(out.iterations + 1).sqrt();
        let mut longest = 0.0_f64;
        let values = out.answerers.iter_mut().chain(&mut out.questioners);
        for (value, slope) in values.zip(up.iter().chain(&down)) {
            *value += step * slope;
            longest = longest.max((step * slope).abs());
        }
        let mean = out.questioners.iter().sum::<f64>() / out.questioners.len().max(1) as f64;
        for value in out.answerers.iter_mut().chain(&mut out.questioners) {
            *value -= mean;
        }
        let reached = height(&out.answerers, &out.questioners);
        out.iterations += 1;
        out.converged =
            (reached - out.log_likelihood).abs() < rules.tolerance && longest < rules.tolerance;
        out.log_likelihood = reached;
    }
    out
}
