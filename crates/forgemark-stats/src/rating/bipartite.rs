//! Bipartite Bradley-Terry by exact maximum likelihood.

use super::{Counts, Design, Place, Rating, Structure, log_likelihood, sigmoid};
use crate::linear::{Cholesky, Symmetric};

const MAX_STEPS: u32 = 50;
const MAX_HALVINGS: i32 = 40;

/// Steps this small, in logits, are taken without looking: convergence is quadratic here, and what they gain drowns in rounding.
const SURE_STEP: f64 = 1e-4;

/// A step this small is the last one.
const LAST_STEP: f64 = 1e-9;

/// Strengths with their errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The answerers.
    pub answerers: Vec<Rating>,
    /// The questioners.
    pub questioners: Vec<Rating>,
    /// The log-likelihood at its maximum (in the limit where strengths are infinite); 0 or less.
    pub log_likelihood: f64,
    /// How many of Newton's steps it took.
    pub steps: u32,
    /// Who can be compared with whom.
    pub structure: Structure,
}

/// The maximum-likelihood strengths, by Newton's method without a penalty.
///
/// The log-likelihood `sum wins ln p + losses ln (1 - p)` with `p = sigmoid(theta - psi)` is concave, so the maximum is
/// the only one. Gauge: the mean of the questioners in the core is 0. Outside the core ([`Structure`]) strengths are infinite, or
/// `None`; games between the core and the rest are then certain and contribute 0. Standard errors are those of the inverse
/// observed information, carried into the gauge: `var(x_i - mean psi)`. Without a core everybody is `None`.
pub fn fit(design: &Design) -> Fit {
    let counts = Counts::new(design);
    let structure = Structure::of(&counts);
    let mut newton = Newton::new(&counts, &structure);
    let steps = newton.run(&counts);
    let errors = newton.errors(&counts);
    let rating = |place: Place, node: usize| match place {
        Place::Core => Rating {
            logit: newton.strength(node),
            error: errors.get(newton.slots[node]).copied().flatten(),
        },
        Place::Above => infinite(f64::INFINITY),
        Place::Below => infinite(f64::NEG_INFINITY),
        Place::Apart => Rating::default(),
    };
    let role = |places: &[Place], first: usize| {
        let nodes = places.iter().enumerate();
        nodes
            .map(|(at, place)| rating(*place, first + at))
            .collect()
    };
    Fit {
        answerers: role(&structure.answerers, 0),
        questioners: role(&structure.questioners, counts.answerers),
        log_likelihood: newton.log_likelihood(&counts, &newton.values),
        steps,
        structure,
    }
}

fn infinite(logit: f64) -> Rating {
    let (logit, error) = (Some(logit), None);
    Rating { logit, error }
}

/// Newton's method on the core of a table.
#[derive(Debug)]
pub(super) struct Newton {
    answerers: usize,
    /// The place of each node (answerers, then questioners) among `values`; `usize::MAX` outside the core.
    pub(super) slots: Vec<usize>,
    /// Strengths in the core, answerers first; the mean of the questioners is 0 after [`Newton::run`].
    pub(super) values: Vec<f64>,
    first_questioner: usize,
}

impl Newton {
    pub(super) fn new(counts: &Counts, structure: &Structure) -> Self {
        let mut slots = Vec::new();
        let mut next = 0;
        let mut first_questioner = 0;
        for (node, place) in (structure.answerers.iter())
            .chain(&structure.questioners)
            .enumerate()
        {
            if node == counts.answerers {
                first_questioner = next;
            }
            if *place == Place::Core {
                slots.push(next);
                next += 1;
            } else {
                slots.push(usize::MAX);
            }
        }
        Newton {
            answerers: counts.answerers,
            slots,
            values: vec![0.0; next],
            first_questioner,
        }
    }

    pub(super) fn strength(&self, node: usize) -> Option<f64> {
        self.values.get(*self.slots.get(node)?).copied()
    }

    /// Pairs of the core that met: slots, wins, losses.
    fn played(&self, counts: &Counts) -> impl Iterator<Item = (usize, usize, f64, f64)> {
        counts.played().filter_map(|(answerer, questioner, w, l)| {
            let (a, q) = (
                self.slots[answerer],
                self.slots[self.answerers + questioner],
            );
            (a != usize::MAX && q != usize::MAX).then_some((a, q, w, l))
        })
    }

    pub(super) fn log_likelihood(&self, counts: &Counts, values: &[f64]) -> f64 {
        let games = self.played(counts);
        games
            .map(|(a, q, wins, losses)| log_likelihood(wins, losses, values[a] - values[q]))
            .sum()
    }

    /// The gradient, and the factor of the information with the last questioner held fixed.
    fn derivatives(&self, counts: &Counts) -> (Vec<f64>, Option<Cholesky>) {
        let free = self.values.len().saturating_sub(1);
        let mut gradient = vec![0.0; free + 1];
        let mut information = Symmetric::zeros(free);
        for (a, q, wins, losses) in self.played(counts) {
            let p = sigmoid(self.values[a] - self.values[q]);
            let n = wins + losses;
            let slope = wins - n * p;
            gradient[a] += slope;
            gradient[q] -= slope;
            let weight = n * p * (1.0 - p);
            information.add(a, a, weight);
            if q < free {
                information.add(q, q, weight);
                information.add(a, q, -weight);
            }
        }
        gradient.truncate(free);
        (gradient, information.cholesky())
    }

    /// Climbs from where `values` is; how many steps it took.
    pub(super) fn run(&mut self, counts: &Counts) -> u32 {
        let mut steps = 0;
        let mut height = self.log_likelihood(counts, &self.values);
        while steps < MAX_STEPS && !self.values.is_empty() {
            let (mut step, factor) = self.derivatives(counts);
            let Some(factor) = factor else { break };
            factor.solve(&mut step);
            steps += 1;
            let longest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            let moved = |scale: f64| -> Vec<f64> {
                let ends = self.values.iter().zip(step.iter().chain(&[0.0]));
                ends.map(|(value, step)| value + scale * step).collect()
            };
            if longest < SURE_STEP {
                self.values = moved(1.0);
                if longest < LAST_STEP {
                    break;
                }
                continue;
            }
            let mut tries = (0..MAX_HALVINGS).map(|halvings| {
                let next = moved(0.5_f64.powi(halvings));
                let reached = self.log_likelihood(counts, &next);
                (next, reached)
            });
            let Some((next, reached)) = tries.find(|(_, reached)| *reached >= height) else {
                break;
            };
            (self.values, height) = (next, reached);
        }
        let shift = mean_of(&self.values[self.first_questioner..]);
        for value in &mut self.values {
            *value -= shift;
        }
        steps
    }

    /// The standard error at each slot, in the gauge of the questioners' mean.
    fn errors(&self, counts: &Counts) -> Vec<Option<f64>> {
        let n = self.values.len();
        let Some(factor) = self.derivatives(counts).1.filter(|_| n > 0) else {
            return vec![None; n];
        };
        gauge_errors(&factor.inverse(), n, self.first_questioner..n)
    }
}

/// Standard errors of `x_i - mean over gauge of x`, from the covariance with the last of `n` values held fixed.
pub(super) fn gauge_errors(
    covariance: &Symmetric,
    n: usize,
    gauge: std::ops::Range<usize>,
) -> Vec<Option<f64>> {
    let at = |i: usize, j: usize| {
        if i + 1 == n || j + 1 == n {
            0.0
        } else {
            covariance.get(i, j)
        }
    };
    let size = gauge.len() as f64;
    let with_mean = |i: usize| gauge.clone().map(|j| at(i, j)).sum::<f64>() / size;
    let of_mean = gauge.clone().map(with_mean).sum::<f64>() / size;
    (0..n)
        .map(|i| {
            let variance = at(i, i) - 2.0 * with_mean(i) + of_mean;
            // A single questioner is its own gauge: its variance is 0 but for rounding.
            Some(variance.max(0.0).sqrt())
        })
        .collect()
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len().max(1)) as f64
}
