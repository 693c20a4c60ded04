//! Tables drawn from the model: the intervals hold what was planted as often as they say.

use super::*;
use crate::draw::Draw;
use crate::interval::Z_95;

const TABLES: u64 = 500;

/// Strengths of a role, spread over about 2.5 logits (400 Elo points to each side of the mean).
fn planted(n: usize, draw: &mut Draw) -> Vec<f64> {
    (0..n).map(|_| 0.9 * draw.normal()).collect()
}

/// A table in which everybody answers `items` questions of everybody.
fn drawn(theta: &[f64], psi: &[f64], items: usize, draw: &mut Draw) -> Design {
    let mut design = Design {
        answerers: theta.len(),
        questioners: psi.len(),
        items: Vec::new(),
    };
    for (questioner, strength) in psi.iter().enumerate() {
        for _ in 0..items {
            let games = theta.iter().enumerate().map(|(answerer, theta)| {
                let won = draw.unit() < sigmoid(theta - strength);
                Game {
                    answerer,
                    wins: f64::from(u8::from(won)),
                    losses: f64::from(u8::from(!won)),
                    judged: None,
                }
            });
            let games = games.collect();
            design.items.push(Item { questioner, games });
        }
    }
    design
}

/// A table drawn from the itemised model.
pub(super) fn itemised_design(
    answerers: usize,
    questioners: usize,
    items: usize,
    sigmas: Sigmas,
    seed: u64,
) -> Design {
    let mut draw = Draw::new(seed, 0);
    let theta: Vec<f64> = (0..answerers)
        .map(|_| sigmas.answerers * draw.normal())
        .collect();
    let mut design = Design {
        answerers,
        questioners,
        items: Vec::new(),
    };
    for questioner in 0..questioners {
        let psi = sigmas.questioners * draw.normal();
        for _ in 0..items {
            let delta = sigmas.items * draw.normal();
            let mut one = drawn(&theta, &[psi + delta], 1, &mut draw);
            one.items[0].questioner = questioner;
            design.items.append(&mut one.items);
        }
    }
    design
}

/// The share of planted strengths that intervals hold, in percent.
fn share(
    seed: u64,
    items: usize,
    mut holds: impl FnMut(&Design, &Fit, u64) -> Vec<Option<(f64, f64)>>,
) -> f64 {
    let (mut inside, mut all) = (0, 0);
    for number in 0..TABLES {
        let mut draw = Draw::new(seed, number);
        let (theta, psi) = (planted(4, &mut draw), planted(4, &mut draw));
        let design = drawn(&theta, &psi, items, &mut draw);
        let found = fit(&design);
        let mean = psi.iter().sum::<f64>() / psi.len() as f64;
        let truth = theta.iter().chain(&psi).map(|x| x - mean);
        for (interval, truth) in holds(&design, &found, number).into_iter().zip(truth) {
            let (low, high) = interval.unwrap();
            inside += u32::from(low <= truth && truth <= high);
            all += 1;
        }
    }
    100.0 * f64::from(inside) / f64::from(all)
}

#[test]
fn intervals_of_standard_errors_hold_what_was_planted() {
    let found = share(101, 20, |_, found, _| {
        let ratings = found.answerers.iter().chain(&found.questioners);
        ratings
            .map(|rating| {
                // Separated tables have no such interval; the whole line holds everything.
                let (Some(logit), Some(error)) = (rating.logit, rating.error) else {
                    return Some((f64::NEG_INFINITY, f64::INFINITY));
                };
                Some((logit - Z_95 * error, logit + Z_95 * error))
            })
            .collect()
    });
    assert!((92.0..=98.0).contains(&found), "{found}");
}

#[test]
fn intervals_of_resamples_hold_what_was_planted() {
    let found = share(202, 40, |design, found, number| {
        let drawn = bootstrap(design, found, 100, number);
        let spreads = drawn.answerers.iter().chain(&drawn.questioners);
        spreads
            .map(|spread| {
                spread
                    .interval
                    .map(|interval| (interval.low, interval.high))
            })
            .collect()
    });
    assert!((92.0..=98.0).contains(&found), "{found}");
}
