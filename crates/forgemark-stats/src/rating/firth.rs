//! Firth's penalised likelihood: finite ratings for separated tables too.

use super::bipartite::gauge_errors;
use super::{Counts, Design, Fit, Rating, Structure, log_likelihood, sigmoid};
use crate::linear::{Cholesky, Symmetric};

const MAX_STEPS: u32 = 500;
const MAX_HALVINGS: u32 = 40;
const LAST_STEP: f64 = 1e-10;

/// The strengths at the maximum of `log-likelihood + 1/2 ln det I`, with `I` the information of the strengths.
///
/// The penalty is Jeffreys' prior: it takes away the bias of first order and keeps every strength finite, whoever never lost. It
/// weighs about as much as half a win and half a loss for each role. Gauge and standard errors as in [`fit`](super::fit), over the
/// largest group of roles that games connect; others are `None`. The log-likelihood is given without its penalty.
///
/// # Source
/// D. Firth, "Bias reduction of maximum likelihood estimates", Biometrika 80 (1993); the modified score
/// `sum (w - n p + h (1/2 - p)) x`, with `h` the leverage, is that of G. Heinze and M. Schemper, Statistics in Medicine 21 (2002).
pub fn firth(design: &Design) -> Fit {
    let counts = Counts::new(design);
    let structure = Structure::of(&counts);
    let Some(mut ascent) = Penalised::new(&counts) else {
        return Fit {
            answerers: vec![Rating::default(); counts.answerers],
            questioners: vec![Rating::default(); counts.questioners],
            log_likelihood: 0.0,
            steps: 0,
            structure,
        };
    };
    let steps = ascent.run();
    let values = &ascent.values;
    let first = ascent.first_questioner;
    let questioners = &values[first..];
    let shift = questioners.iter().sum::<f64>() / questioners.len().max(1) as f64;
    let factor = ascent.information(values).cholesky();
    let errors =
        factor.map(|factor| gauge_errors(&factor.inverse(), values.len(), first..values.len()));
    let rating = |node: usize| {
        let slot = ascent.slots[node];
        Rating {
            logit: values.get(slot).map(|value| value - shift),
            error: errors
                .as_ref()
                .and_then(|errors| errors.get(slot).copied().flatten()),
        }
    };
    let n = counts.answerers + counts.questioners;
    Fit {
        answerers: (0..counts.answerers).map(rating).collect(),
        questioners: (counts.answerers..n).map(rating).collect(),
        log_likelihood: ascent.log_likelihood(values),
        steps,
        structure,
    }
}

/// The ascent on one connected group; the last of `values` is held at 0.
struct Penalised {
    slots: Vec<usize>,
    first_questioner: usize,
    values: Vec<f64>,
    /// Slot of the answerer, slot of the questioner, wins, losses.
    played: Vec<(usize, usize, f64, f64)>,
}

impl Penalised {
    /// The group with the most games; `None` without games.
    fn new(counts: &Counts) -> Option<Self> {
        let n = counts.answerers + counts.questioners;
        let mut group: Vec<usize> = (0..n).collect();
        let root = |group: &[usize], mut node: usize| {
            while group[node] != node {
                node = group[node];
            }
            node
        };
        for (answerer, questioner, ..) in counts.played() {
            let (a, q) = (
                root(&group, answerer),
                root(&group, counts.answerers + questioner),
            );
            group[a.max(q)] = a.min(q);
        }
        let mut games = vec![0.0; n];
        for (answerer, _, wins, losses) in counts.played() {
            games[root(&group, answerer)] += wins + losses;
        }
        let mut best = None;
        for (node, games) in games.into_iter().enumerate() {
            if games > best.map_or(0.0, |(_, most)| most) {
                best = Some((node, games));
            }
        }
        let (best, _) = best?;
        let (mut slots, mut size, mut first_questioner) = (Vec::with_capacity(n), 0, 0);
        for node in 0..n {
            if node == counts.answerers {
                first_questioner = size;
            }
            let inside = root(&group, node) == best;
            slots.push(if inside { size } else { usize::MAX });
            size += usize::from(inside);
        }
        let played = counts.played().map(|(answerer, questioner, w, l)| {
            (slots[answerer], slots[counts.answerers + questioner], w, l)
        });
        let played = played.filter(|(a, ..)| *a != usize::MAX).collect();
        let values = vec![0.0; size];
        Some(Penalised {
            slots,
            first_questioner,
            values,
            played,
        })
    }

    fn log_likelihood(&self, values: &[f64]) -> f64 {
        let games = self.played.iter();
        games
            .map(|(a, q, wins, losses)| log_likelihood(*wins, *losses, values[*a] - values[*q]))
            .sum()
    }

    fn information(&self, values: &[f64]) -> Symmetric {
        let free = values.len() - 1;
        let mut information = Symmetric::zeros(free);
        for (a, q, wins, losses) in &self.played {
            let p = sigmoid(values[*a] - values[*q]);
            let weight = (wins + losses) * p * (1.0 - p);
            information.add(*a, *a, weight);
            if *q < free {
                information.add(*q, *q, weight);
                information.add(*a, *q, -weight);
            }
        }
        information
    }

    fn height(&self, values: &[f64]) -> Option<(f64, Cholesky)> {
        let factor = self.information(values).cholesky()?;
        Some((self.log_likelihood(values) + factor.log_det() / 2.0, factor))
    }

    fn run(&mut self) -> u32 {
        let free = self.values.len() - 1;
        let Some((mut height, mut factor)) = self.height(&self.values) else {
            return 0;
        };
        for step_number in 0..MAX_STEPS {
            let inverse = factor.inverse();
            let at = |i: usize, j: usize| {
                if i < free && j < free {
                    inverse.get(i, j)
                } else {
                    0.0
                }
            };
            let mut step = vec![0.0; free + 1];
            for (a, q, wins, losses) in &self.played {
                let p = sigmoid(self.values[*a] - self.values[*q]);
                let n = wins + losses;
                let spread = at(*a, *a) + at(*q, *q) - 2.0 * at(*a, *q);
                let leverage = n * p * (1.0 - p) * spread;
                let slope = wins - n * p + leverage * (0.5 - p);
                step[*a] += slope;
                step[*q] -= slope;
            }
            step.truncate(free);
            factor.solve(&mut step);
            let mut scale = 1.0;
            let mut climbed = false;
            for _ in 0..MAX_HALVINGS {
                let mut next = self.values.clone();
                for (value, step) in next.iter_mut().zip(&step) {
                    *value += scale * step;
                }
                if let Some((reached, at_next)) = self.height(&next)
                    && reached >= height
                {
                    (self.values, height, factor, climbed) = (next, reached, at_next, true);
                    break;
                }
                scale /= 2.0;
            }
            let longest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            if !climbed || longest < LAST_STEP {
                return step_number + 1;
            }
        }
        MAX_STEPS
    }
}
