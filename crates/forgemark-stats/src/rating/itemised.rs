//! The itemised model: a difficulty of its own for each question, and priors whose widths the data choose.

use super::search::maximise;
use super::{Design, Rating, log_likelihood, sigmoid};
use crate::linear::Symmetric;

const MAX_STEPS: u32 = 50;
const MAX_HALVINGS: i32 = 40;

/// Steps this small, in logits, are taken without looking: convergence is quadratic here, and what they gain drowns in rounding.
const SURE_STEP: f64 = 1e-4;

/// A step this small is the last one.
const LAST_STEP: f64 = 1e-9;

/// The range in which standard deviations of priors are searched, in natural logarithms: from 0.001 to 1,000 logits.
const LOG_BOUNDS: (f64, f64) = (-6.907_755_278_982_137, 6.907_755_278_982_137);

/// The standard deviations of the three priors, in logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmas {
    /// Of the answerers' strengths.
    pub answerers: f64,
    /// Of the questioners' strengths.
    pub questioners: f64,
    /// Of the questions' difficulties.
    pub items: f64,
}

impl Default for Sigmas {
    fn default() -> Self {
        Sigmas {
            answerers: 1.0,
            questioners: 1.0,
            items: 1.0,
        }
    }
}

/// The itemised model at the maximum of its posterior.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemisedFit {
    /// The answerers, whose strengths sum to 0; standard errors are those of the Laplace approximation.
    pub answerers: Vec<Rating>,
    /// The questioners.
    pub questioners: Vec<Rating>,
    /// The difficulty of each item beyond its questioner's; `None` for items without games.
    pub items: Vec<Option<f64>>,
    /// The widths of the priors.
    pub sigmas: Sigmas,
    /// The log-likelihood there.
    pub log_likelihood: f64,
    /// The log-posterior there, see [`fit_itemised`].
    pub log_posterior: f64,
    /// Laplace's approximation of the log-evidence.
    pub log_evidence: f64,
    /// How many of Newton's steps it took.
    pub steps: u32,
}

/// The itemised Bradley-Terry model at the maximum of its posterior:
/// `P(b answers item q of a) = sigmoid(beta_b - alpha_a - delta_q)`, `sum beta = 0`, with Gaussian priors on all three.
///
/// With `n` answerers, `m` questioners and `k` items that played, the log-posterior is the log-likelihood
/// `- sum beta^2 / 2 s_b^2 - sum alpha^2 / 2 s_a^2 - sum delta^2 / 2 s_d^2 - (n - 1) ln s_b - m ln s_a - k ln s_d` (the sum over
/// all `n` betas; constants that no sigma changes are left out), and the log-evidence is that at the maximum
/// `- 1/2 ln det(-H)`, with `H` its Hessian in the coordinates `beta_1 .. beta_(n - 1), alpha, delta`. The powers of `2 pi` of
/// priors and approximation cancel. Who played no game is `None`.
///
/// The items are eliminated from each Newton step (their block is diagonal), so the cost grows linearly with them.
///
/// # Source
/// S. Marro and others, "Benchmarking at the Edge of Comprehension", arXiv 2602.14307 (2026), for the model; the evidence is that of
/// D. J. C. `MacKay`, "Bayesian interpolation", Neural Computation 4 (1992).
pub fn fit_itemised(design: &Design, sigmas: Sigmas) -> ItemisedFit {
    let times = vec![1; design.items.len()];
    let mut posterior = Posterior::new(design, &times, sigmas);
    posterior.run();
    posterior.finish()
}

/// The fit whose sigmas maximise the evidence (empirical Bayes), each between 0.001 and 1,000 logits. A sigma at the lower
/// end says that the data show no such variation.
pub fn choose_sigmas(design: &Design) -> ItemisedFit {
    let times = vec![1; design.items.len()];
    let mut posterior = Posterior::new(design, &times, Sigmas::default());
    let at = |logs: &[f64; 3]| {
        let [answerers, questioners, items] =
            logs.map(|log| log.clamp(LOG_BOUNDS.0, LOG_BOUNDS.1).exp());
        Sigmas {
            answerers,
            questioners,
            items,
        }
    };
    // From wide and from narrow items, because evidence may have a maximum where items do not vary and one where they do.
    let mut best: Option<([f64; 3], f64)> = None;
    for start in [[0.5, 0.5, 0.0], [0.5, 0.5, -3.0]] {
        let found = maximise(
            |logs| {
                posterior.sigmas = at(logs);
                posterior.run();
                // Beyond the bounds it falls, so that the search comes back.
                let beyond: f64 = (logs.iter())
                    .map(|log| (log - log.clamp(LOG_BOUNDS.0, LOG_BOUNDS.1)).abs())
                    .sum();
                posterior.log_evidence().unwrap_or(f64::NEG_INFINITY) - beyond
            },
            start,
            0.5,
        );
        if best.is_none_or(|(_, value)| found.1 > value) {
            best = Some(found);
        }
    }
    let logs = best.map_or([0.0; 3], |(logs, _)| logs);
    fit_itemised(design, at(&logs))
}

/// The posterior of a design, each item taken so many times.
pub(super) struct Posterior<'d> {
    design: &'d Design,
    times: &'d [u32],
    pub(super) sigmas: Sigmas,
    /// Who played at all in the design, answerers first.
    plays: Vec<bool>,
    /// Strengths, answerers first.
    pub(super) values: Vec<f64>,
    items: Vec<f64>,
    steps: u32,
}

/// One evaluation of the derivatives.
struct Slopes {
    /// Of the strengths after the items are eliminated, in free coordinates.
    gradient: Vec<f64>,
    schur: Symmetric,
    items: Vec<Option<ItemSlope>>,
}

/// What one item's difficulty adds.
#[derive(Debug, Clone)]
struct ItemSlope {
    curvature: f64,
    slope: f64,
    /// How it is bound to the strengths: node, value.
    ties: Vec<(usize, f64)>,
}

impl<'d> Posterior<'d> {
    pub(super) fn new(design: &'d Design, times: &'d [u32], sigmas: Sigmas) -> Self {
        let n = design.answerers + design.questioners;
        let mut plays = vec![false; n];
        for item in &design.items {
            for game in item
                .games
                .iter()
                .filter(|game| game.wins + game.losses > 0.0)
            {
                plays[game.answerer] = true;
                plays[design.answerers + item.questioner] = true;
            }
        }
        Posterior {
            design,
            times,
            sigmas,
            plays,
            values: vec![0.0; n],
            items: vec![0.0; design.items.len()],
            steps: 0,
        }
    }

    /// The last answerer that plays, whose strength is minus the sum of the others'.
    fn bound(&self) -> Option<usize> {
        (0..self.design.answerers).rfind(|at| self.plays[*at])
    }

    /// The place of each node among the free coordinates.
    fn free(&self) -> (Vec<usize>, usize) {
        let bound = self.bound();
        let mut next = 0;
        let places = self.plays.iter().enumerate().map(|(node, plays)| {
            if *plays && Some(node) != bound {
                next += 1;
                next - 1
            } else {
                usize::MAX
            }
        });
        let places = places.collect();
        (places, next)
    }

    fn played(&self) -> impl Iterator<Item = (usize, f64)> {
        let design = self.design;
        (self.times.iter().enumerate())
            .filter(|(at, times)| {
                **times > 0
                    && design.items[*at]
                        .games
                        .iter()
                        .any(|g| g.wins + g.losses > 0.0)
            })
            .map(|(at, times)| (at, f64::from(*times)))
    }

    fn likelihood(&self, values: &[f64], items: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (at, times) in self.played() {
            let item = &self.design.items[at];
            let against = values[self.design.answerers + item.questioner] + items[at];
            for game in &item.games {
                sum +=
                    times * log_likelihood(game.wins, game.losses, values[game.answerer] - against);
            }
        }
        sum
    }

    fn log_posterior(&self, values: &[f64], items: &[f64]) -> f64 {
        let (answerers, questioners) = self.plays.split_at(self.design.answerers);
        let count = |plays: &[bool]| plays.iter().filter(|plays| **plays).count() as f64;
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let (betas, alphas) = values.split_at(self.design.answerers);
        let Sigmas {
            answerers: b,
            questioners: a,
            items: d,
        } = self.sigmas;
        let (mut deltas, mut k) = (0.0, 0.0);
        for (at, times) in self.played() {
            deltas += times * items[at] * items[at];
            k += times;
        }
        self.likelihood(values, items)
            - squares(betas) / (2.0 * b * b)
            - squares(alphas) / (2.0 * a * a)
            - deltas / (2.0 * d * d)
            - (count(answerers) - 1.0).max(0.0) * b.ln()
            - count(questioners) * a.ln()
            - k * d.ln()
    }

    fn slopes(&self) -> Slopes {
        let n = self.values.len();
        let answerers = self.design.answerers;
        let Sigmas {
            answerers: s_b,
            questioners: s_a,
            items: s_d,
        } = self.sigmas;
        let mut gradient = vec![0.0; n];
        let mut full = Symmetric::zeros(n);
        for (node, plays) in self.plays.iter().enumerate() {
            if *plays {
                let sigma = if node < answerers { s_b } else { s_a };
                let precision = 1.0 / (sigma * sigma);
                gradient[node] -= self.values[node] * precision;
                full.add(node, node, precision);
            }
        }
        let mut items = vec![None; self.items.len()];
        for (at, times) in self.played() {
            let item = &self.design.items[at];
            let asker = answerers + item.questioner;
            let against = self.values[asker] + self.items[at];
            let precision = 1.0 / (s_d * s_d);
            let (mut curvature, mut slope) = (precision, -self.items[at] * precision);
            let mut ties: Vec<(usize, f64)> = Vec::with_capacity(item.games.len() + 1);
            let mut all = 0.0;
            for game in &item.games {
                let b = game.answerer;
                let p = sigmoid(self.values[b] - against);
                let count = game.wins + game.losses;
                let (up, weight) = (game.wins - count * p, count * p * (1.0 - p));
                gradient[b] += times * up;
                gradient[asker] -= times * up;
                slope -= up;
                curvature += weight;
                full.add(b, b, times * weight);
                full.add(b, asker, -times * weight);
                full.add(asker, asker, times * weight);
                match ties.iter_mut().find(|(node, _)| *node == b) {
                    Some((_, tie)) => *tie -= weight,
                    None => ties.push((b, -weight)),
                }
                all += weight;
            }
            ties.push((asker, all));
            // The item's unknown is solved for and put back: Schur's complement.
            for (place, (i, tie)) in ties.iter().enumerate() {
                gradient[*i] -= times * tie * slope / curvature;
                for (j, other) in &ties[..=place] {
                    full.add(*i, *j, -times * tie * other / curvature);
                }
            }
            items[at] = Some(ItemSlope {
                curvature,
                slope,
                ties,
            });
        }
        let (places, size) = self.free();
        let mut free_gradient = vec![0.0; size];
        let mut schur = Symmetric::zeros(size);
        let bound = self.bound();
        for (node, slope) in gradient.iter().enumerate() {
            for (to, sign) in spread(node, bound, &places, answerers) {
                free_gradient[to] += sign * slope;
            }
        }
        for i in 0..n {
            let rows: Vec<(usize, f64)> = spread(i, bound, &places, answerers).collect();
            for j in 0..n {
                let value = full.get(i, j);
                if value == 0.0 {
                    continue;
                }
                for (column, by) in spread(j, bound, &places, answerers) {
                    for (row, sign) in rows.iter().filter(|(row, _)| *row >= column) {
                        schur.add(*row, column, sign * by * value);
                    }
                }
            }
        }
        Slopes {
            gradient: free_gradient,
            schur,
            items,
        }
    }

    /// Climbs from where the values are.
    pub(super) fn run(&mut self) {
        let mut height = self.log_posterior(&self.values, &self.items);
        self.steps = 0;
        let (places, _) = self.free();
        let bound = self.bound();
        while self.steps < MAX_STEPS {
            let slopes = self.slopes();
            let mut step = slopes.gradient;
            let Some(factor) = slopes.schur.cholesky() else {
                break;
            };
            factor.solve(&mut step);
            self.steps += 1;
            let mut nodes = vec![0.0; self.values.len()];
            for (node, value) in nodes.iter_mut().enumerate() {
                let parts = spread(node, bound, &places, self.design.answerers);
                *value = parts.map(|(from, sign)| sign * step[from]).sum();
            }
            let item_steps: Vec<f64> = slopes
                .items
                .iter()
                .map(|item| match item {
                    Some(item) => {
                        let bent: f64 = (item.ties.iter())
                            .map(|(node, tie)| tie * nodes[*node])
                            .sum();
                        (item.slope - bent) / item.curvature
                    }
                    None => 0.0,
                })
                .collect();
            let longest = nodes
                .iter()
                .chain(&item_steps)
                .fold(0.0_f64, |most, x| most.max(x.abs()));
            let moved = |scale: f64| -> (Vec<f64>, Vec<f64>) {
                let along = |values: &[f64], steps: &[f64]| -> Vec<f64> {
                    let ends = values.iter().zip(steps);
                    ends.map(|(x, step)| x + scale * step).collect()
                };
                (along(&self.values, &nodes), along(&self.items, &item_steps))
            };
            if longest < SURE_STEP {
                (self.values, self.items) = moved(1.0);
                if longest < LAST_STEP {
                    break;
                }
                continue;
            }
            let mut tries = (0..MAX_HALVINGS).map(|halvings| {
                let (values, items) = moved(0.5_f64.powi(halvings));
                let reached = self.log_posterior(&values, &items);
                (values, items, reached)
            });
            let Some(found) = tries.find(|(.., reached)| *reached >= height) else {
                break;
            };
            (self.values, self.items, height) = found;
        }
    }

    fn log_evidence(&self) -> Option<f64> {
        let slopes = self.slopes();
        let items: f64 = slopes
            .items
            .iter()
            .zip(self.times)
            .filter_map(|(item, times)| Some(item.as_ref()?.curvature.ln() * f64::from(*times)))
            .sum();
        let determinant = slopes.schur.cholesky()?.log_det() + items;
        Some(self.log_posterior(&self.values, &self.items) - determinant / 2.0)
    }

    fn finish(self) -> ItemisedFit {
        let answerers = self.design.answerers;
        let covariance = self
            .slopes()
            .schur
            .cholesky()
            .map(|factor| factor.inverse());
        let (places, _) = self.free();
        let bound = self.bound();
        let rating = |node: usize| {
            if !self.plays[node] {
                return Rating::default();
            }
            let parts: Vec<_> = spread(node, bound, &places, answerers).collect();
            let variance = covariance.as_ref().map(|covariance| {
                let pairs = parts.iter().flat_map(|(i, s)| {
                    parts
                        .iter()
                        .map(move |(j, t)| s * t * covariance.get(*i, *j))
                });
                pairs.sum::<f64>()
            });
            Rating {
                logit: Some(self.values[node]),
                error: variance.map(|variance| variance.max(0.0).sqrt()),
            }
        };
        let mut items = vec![None; self.items.len()];
        for (at, _) in self.played() {
            items[at] = Some(self.items[at]);
        }
        ItemisedFit {
            answerers: (0..answerers).map(rating).collect(),
            questioners: (answerers..self.values.len()).map(rating).collect(),
            items,
            sigmas: self.sigmas,
            log_likelihood: self.likelihood(&self.values, &self.items),
            log_posterior: self.log_posterior(&self.values, &self.items),
            log_evidence: self.log_evidence().unwrap_or(f64::NEG_INFINITY),
            steps: self.steps,
        }
    }
}

/// How a node's strength is made of the free coordinates: itself, or minus all other answerers.
fn spread(
    node: usize,
    bound: Option<usize>,
    places: &[usize],
    answerers: usize,
) -> impl Iterator<Item = (usize, f64)> {
    let (range, sign) = if Some(node) == bound {
        (0..answerers, -1.0)
    } else {
        (node..node + 1, 1.0)
    };
    (places[range].iter())
        .filter(|place| **place != usize::MAX)
        .map(move |place| (*place, sign))
}
