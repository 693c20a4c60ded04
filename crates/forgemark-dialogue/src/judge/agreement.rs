//! What several judgements of the same things have in common.

use std::collections::BTreeMap;

use forgemark_stats::{Alpha, Score, alpha_interval, mean, sample_std};

use crate::config::RoleSettings;

/// Bootstrap draws of alpha.
const RESAMPLES: u32 = 1_000;
/// Scores that differ by no more than this count as equal in pairs, in points of the scale from 0 to 10.
const NEAR: f64 = 1.0;

/// One score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) unit: u32,
    pub(super) judge: u32,
    pub(super) repeat: u32,
    pub(super) value: f64,
}

/// Agreement of judges, and of each judge with itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreement {
    /// Each judge, in the order of the configuration.
    pub judges: Vec<JudgeMarks>,
    /// Krippendorff's alpha of the judges (interval metric, each judge's mean over its repeats); `None` where it is not
    /// defined: one judge, or no variance.
    pub alpha: Option<Alpha>,
    /// Krippendorff's alpha of the repeats of all judges, each judge's repeats of a thing as its raters.
    pub alpha_of_repeats: Option<Alpha>,
    /// Each two judges.
    pub pairs: Vec<Pair>,
}

/// The scores of one judge.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeMarks {
    /// Its name.
    pub name: String,
    /// Its model.
    pub model: String,
    /// Judgements that could be read.
    pub n: u64,
    /// Their mean, in [0, 10].
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub sd: Option<f64>,
    /// Standard deviation of its repeats of one thing, pooled over the things that it judged several times: the square
    /// root of the mean variance, weighted by repeats less one.
    pub repeat_sd: Option<f64>,
}

/// Two judges on the things that both judged, each by its mean over repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// Things that both judged.
    pub n: u64,
    /// Of these, how many scores are at most one point apart.
    pub near: u64,
    /// Mean of the absolute differences.
    pub mean_difference: Option<f64>,
    /// Mean of second less first: how much milder the second is.
    pub bias: Option<f64>,
}

/// The agreement in these scores.
pub(super) fn of(judges: &[&RoleSettings], repeats: u32, marks: &[Mark]) -> Agreement {
    let mut by_unit: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    for mark in marks {
        let key = (mark.judge, mark.unit);
        by_unit.entry(key).or_default().push(mark.value);
    }
    let means: BTreeMap<(u32, u32), f64> = by_unit
        .iter()
        .filter_map(|(key, values)| Some((*key, mean(values)?)))
        .collect();
    let of_judge = |judge: u32| {
        by_unit
            .range((judge, 0)..=(judge, u32::MAX))
            .map(|(_, v)| v)
    };
    let judges: Vec<JudgeMarks> = (0..)
        .zip(judges)
        .map(|(place, settings)| {
            let all: Vec<f64> = of_judge(place).flatten().copied().collect();
            JudgeMarks {
                name: settings.role.clone(),
                model: settings.agent_name(),
                n: all.len() as u64,
                mean: mean(&all),
                sd: sample_std(&all),
                repeat_sd: pooled(of_judge(place)),
            }
        })
        .collect();
    let scores: Vec<Score> = means
        .iter()
        .map(|((judge, unit), value)| Score {
            unit: *unit,
            rater: *judge,
            value: *value,
        })
        .collect();
    let units = marks.iter().map(|mark| mark.unit + 1).max().unwrap_or(0);
    // A thing that two judges judge twice is two things here: only a judge's own repeats are compared.
    let repeated: Vec<Score> = marks
        .iter()
        .map(|mark| Score {
            unit: mark.judge * units + mark.unit,
            rater: mark.repeat,
            value: mark.value,
        })
        .collect();
    let mut pairs = Vec::new();
    for (first, a) in (0..).zip(&judges) {
        for (second, b) in (0..).zip(&judges).skip(first as usize + 1) {
            let differences: Vec<f64> = (0..units)
                .filter_map(|unit| Some(means.get(&(second, unit))? - means.get(&(first, unit))?))
                .collect();
            let apart: Vec<f64> = differences.iter().map(|value| value.abs()).collect();
            pairs.push(Pair {
                first: a.name.clone(),
                second: b.name.clone(),
                n: differences.len() as u64,
                near: apart.iter().filter(|apart| **apart <= NEAR).count() as u64,
                mean_difference: mean(&apart),
                bias: mean(&differences),
            });
        }
    }
    Agreement {
        alpha: (judges.len() > 1)
            .then(|| alpha_interval(&scores, RESAMPLES, 0))
            .flatten(),
        alpha_of_repeats: (repeats > 1)
            .then(|| alpha_interval(&repeated, RESAMPLES, 0))
            .flatten(),
        judges,
        pairs,
    }
}

fn pooled<'a>(units: impl Iterator<Item = &'a Vec<f64>>) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for values in units {
        if let Some(sd) = sample_std(values) {
            let n = values.len() as f64 - 1.0;
            squares += sd * sd * n;
            freedom += n;
        }
    }
    (freedom > 0.0).then(|| (squares / freedom).sqrt())
}

#[cfg(test)]
mod tests;
