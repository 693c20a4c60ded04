//! Intervals and ranks from resampled items.

use super::bipartite::Newton;
use super::itemised::Posterior;
use super::{Counts, Decision, Design, Fit, ItemisedFit, Labelled, Place, Structure, corrected};
use crate::draw::Draw;
use crate::interval::Interval;

/// Stream of the draws of labels, apart from those of items: resample `r` has the streams `2 r` and `2 r + 1`.
const STREAMS: u64 = 2;

/// What the resamples say of everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// The answerers.
    pub answerers: Vec<Spread>,
    /// The questioners.
    pub questioners: Vec<Spread>,
    /// How many resamples there were.
    pub resamples: u32,
    /// How many of them were separated: at least one strength was infinite.
    pub separated: u32,
}

/// What the resamples say of one model in one role.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The 2.5 and 97.5 percentiles of the strength in logits, infinities included; `None` when no resample has one.
    pub interval: Option<Interval>,
    /// The 2.5 and 97.5 percentiles of the rank within the role; 1 is the strongest.
    pub rank: Option<(u32, u32)>,
    /// Share of the resamples in which the strength is infinite, in [0, 1].
    pub infinite: f64,
    /// Share of the resamples in which nothing compares it with the rest, in [0, 1]; they enter no percentile.
    pub absent: f64,
}

/// Resamples of whole items (with all their games, because games on one question are not independent), drawn with
/// replacement, each fitted by maximum likelihood as [`fit`](super::fit) does.
///
/// `reference` is the fit of the design itself. Percentiles are those of [`quantile`](crate::quantile), and of two neighbours of which
/// one is infinite the outer one. In a separated resample strengths outside the core are plus or minus infinity; so that these
/// do not move everybody else, the gauge is that the questioners of the core have the mean that they have in `reference`, which is
/// the gauge of the fit whenever all of them are there.
///
/// # Source
/// B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979); resampling of clusters: A. C. Davison
/// and D. V. Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8.
pub fn bootstrap(design: &Design, reference: &Fit, resamples: u32, seed: u64) -> Bootstrap {
    let mut sampler = Sampler::new(design, reference);
    gather(design, resamples, |number| {
        let mut draw = Draw::new(seed, STREAMS * u64::from(number));
        sampler.sample(design, &mut draw)
    })
}

/// As [`bootstrap`] with games [`corrected`] by labels, which are drawn anew in each resample too: the number of errors from a
/// binomial with the estimated rate. `reference` is the fit of the corrected design.
pub fn bootstrap_corrected(
    design: &Design,
    labelled: &Labelled,
    reference: &Fit,
    resamples: u32,
    seed: u64,
) -> Bootstrap {
    let mut sampler = Sampler::new(design, reference);
    gather(design, resamples, |number| {
        let stream = STREAMS * u64::from(number);
        let mut labels = Draw::new(seed, stream + 1);
        let mut redraw = |n: u64, decision| labels.binomial(n, labelled.error(decision));
        let drawn = Labelled {
            upheld_wrongly: redraw(labelled.upheld, Decision::Claimant),
            rejected_wrongly: redraw(labelled.rejected, Decision::Defender),
            ..*labelled
        };
        let design = corrected(design, &drawn);
        sampler.sample(&design, &mut Draw::new(seed, stream))
    })
}

/// As [`bootstrap`] for the itemised model, at the sigmas of `reference`: an item that is drawn twice counts as two items.
pub fn bootstrap_itemised(
    design: &Design,
    reference: &ItemisedFit,
    resamples: u32,
    seed: u64,
) -> Bootstrap {
    let start: Vec<f64> = (reference.answerers.iter())
        .chain(&reference.questioners)
        .map(|rating| rating.logit.unwrap_or(0.0))
        .collect();
    let plays: Vec<bool> = (reference.answerers.iter())
        .chain(&reference.questioners)
        .map(|rating| rating.logit.is_some())
        .collect();
    let mut times = vec![0; design.items.len()];
    gather(design, resamples, |number| {
        let mut draw = Draw::new(seed, STREAMS * u64::from(number));
        draw.multiplicities(&mut times);
        let mut posterior = Posterior::new(design, &times, reference.sigmas);
        posterior.values.clone_from(&start);
        posterior.run();
        let values = posterior.values.iter().zip(&plays);
        values
            .map(|(value, plays)| plays.then_some(*value))
            .collect()
    })
}

struct Sampler {
    counts: Counts,
    times: Vec<u32>,
    /// The strengths of the reference, answerers first.
    reference: Vec<Option<f64>>,
}

impl Sampler {
    fn new(design: &Design, reference: &Fit) -> Self {
        let reference = reference.answerers.iter().chain(&reference.questioners);
        Sampler {
            counts: Counts::new(design),
            times: vec![0; design.items.len()],
            reference: reference
                .map(|rating| rating.logit.filter(|logit| logit.is_finite()))
                .collect(),
        }
    }

    fn sample(&mut self, design: &Design, draw: &mut Draw) -> Vec<Option<f64>> {
        draw.multiplicities(&mut self.times);
        self.counts.clear();
        for (item, times) in design.items.iter().zip(&self.times) {
            if *times > 0 {
                self.counts.add(item, f64::from(*times));
            }
        }
        let structure = Structure::of(&self.counts);
        let mut newton = Newton::new(&self.counts, &structure);
        for (slot, start) in newton.slots.iter().zip(&self.reference) {
            if let (Some(value), Some(start)) = (newton.values.get_mut(*slot), start) {
                *value = *start;
            }
        }
        newton.run(&self.counts);
        let held = newton.slots.iter().zip(&self.reference);
        let held = held.skip(design.answerers);
        let held: Vec<f64> = held
            .filter(|(slot, _)| **slot != usize::MAX)
            .filter_map(|(_, reference)| *reference)
            .collect();
        let shift = held.iter().sum::<f64>() / held.len().max(1) as f64;
        let places = structure.answerers.iter().chain(&structure.questioners);
        places
            .enumerate()
            .map(|(node, place)| match place {
                Place::Core => newton.strength(node).map(|strength| strength + shift),
                Place::Above => Some(f64::INFINITY),
                Place::Below => Some(f64::NEG_INFINITY),
                Place::Apart => None,
            })
            .collect()
    }
}

fn gather(
    design: &Design,
    resamples: u32,
    mut sample: impl FnMut(u32) -> Vec<Option<f64>>,
) -> Bootstrap {
    let n = design.answerers + design.questioners;
    let mut strengths = vec![Vec::with_capacity(resamples as usize); n];
    let mut ranks = vec![Vec::with_capacity(resamples as usize); n];
    let mut separated = 0;
    for number in 0..resamples {
        let drawn = sample(number);
        let infinite = |strength: &Option<f64>| strength.is_some_and(f64::is_infinite);
        separated += u32::from(drawn.iter().any(infinite));
        for (role, first) in [
            (&drawn[..design.answerers], 0),
            (&drawn[design.answerers..], design.answerers),
        ] {
            for (at, strength) in role.iter().enumerate() {
                let Some(strength) = *strength else { continue };
                let others = role.iter().flatten();
                let above = others.clone().filter(|other| **other > strength).count();
                let level = others
                    .filter(|other| other.total_cmp(&strength).is_eq())
                    .count();
                strengths[first + at].push(strength);
                ranks[first + at].push((above + 1, above + level));
            }
        }
    }
    let all = f64::from(resamples.max(1));
    let spread = |node: usize| {
        let strengths: &Vec<f64> = &strengths[node];
        let infinite = strengths.iter().filter(|strength| strength.is_infinite());
        Spread {
            interval: interval(strengths),
            rank: rank(&ranks[node]),
            infinite: infinite.count() as f64 / all,
            absent: (all - strengths.len() as f64) / all,
        }
    };
    Bootstrap {
        answerers: (0..design.answerers).map(spread).collect(),
        questioners: (design.answerers..n).map(spread).collect(),
        resamples,
        separated,
    }
}

/// The 2.5 and 97.5 percentiles.
fn interval(values: &[f64]) -> Option<Interval> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = |q: f64| {
        let position = last as f64 * q;
        let below = position.floor() as usize;
        let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
        (low, high, position - below as f64)
    };
    let between = |(low, high, share): (f64, f64, f64)| low + share * (high - low);
    let (low, high) = (at(0.025), at(0.975));
    Some(Interval {
        low: if low.0.is_finite() && low.1.is_finite() {
            between(low)
        } else {
            low.0
        },
        high: if high.0.is_finite() && high.1.is_finite() {
            between(high)
        } else {
            high.1
        },
    })
}

/// The best rank at 2.5 % and the worst at 97.5 %, as ranks that occur.
fn rank(ranks: &[(usize, usize)]) -> Option<(u32, u32)> {
    let last = ranks.len().checked_sub(1)?;
    let mut best: Vec<usize> = ranks.iter().map(|(best, _)| *best).collect();
    let mut worst: Vec<usize> = ranks.iter().map(|(_, worst)| *worst).collect();
    best.sort_unstable();
    worst.sort_unstable();
    let low = best[(last as f64 * 0.025).floor() as usize];
    let high = worst[(last as f64 * 0.975).ceil() as usize];
    Some((low as u32, high as u32))
}
