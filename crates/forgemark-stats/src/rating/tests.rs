mod coverage;
mod itemised;
mod properties;

use super::*;

/// A design with one item for each pair: answerer, questioner, wins, losses.
fn table(answerers: usize, questioners: usize, cells: &[(usize, usize, u32, u32)]) -> Design {
    let items = cells
        .iter()
        .map(|(answerer, questioner, wins, losses)| Item {
            questioner: *questioner,
            games: vec![Game {
                answerer: *answerer,
                wins: f64::from(*wins),
                losses: f64::from(*losses),
                judged: None,
            }],
        });
    Design {
        answerers,
        questioners,
        items: items.collect(),
    }
}

fn logits(ratings: &[Rating]) -> Vec<f64> {
    ratings.iter().map(|rating| rating.logit.unwrap()).collect()
}

fn close(left: f64, right: f64, by: f64) {
    assert!((left - right).abs() <= by, "{left} is not {right}");
}

#[test]
fn one_pair_by_hand() {
    let found = fit(&table(1, 1, &[(0, 0, 30, 10)]));
    close(found.answerers[0].logit.unwrap(), 3.0_f64.ln(), 1e-9);
    close(found.questioners[0].logit.unwrap(), 0.0, 1e-12);
    // The variance of a logit is 1 / (n p (1 - p)) = 1 / 7.5; the gauge has none.
    close(
        found.answerers[0].error.unwrap(),
        7.5_f64.sqrt().recip(),
        1e-9,
    );
    close(found.questioners[0].error.unwrap(), 0.0, 1e-12);
    close(
        found.log_likelihood,
        30.0 * 0.75_f64.ln() + 10.0 * 0.25_f64.ln(),
        1e-9,
    );
    close(
        found.answerers[0].elo().unwrap(),
        1000.0 + 400.0 * 3.0_f64.log10(),
        1e-9,
    );
    assert!(found.structure.is_whole());
}

#[test]
fn two_questioners_by_hand() {
    // One answerer: each questioner's distance from it is a logit of its own; the mean of the two is 0.
    let found = fit(&table(1, 2, &[(0, 0, 3, 1), (0, 1, 1, 1)]));
    let third = 3.0_f64.ln();
    close(found.answerers[0].logit.unwrap(), third / 2.0, 1e-9);
    close(found.questioners[0].logit.unwrap(), -third / 2.0, 1e-9);
    close(found.questioners[1].logit.unwrap(), third / 2.0, 1e-9);
    // Var of a distance: 1 / (4 * 3/16) = 4/3 and 1 / (2 / 4) = 2. The answerer is their mean, a questioner half their difference.
    close(
        found.answerers[0].error.unwrap(),
        ((4.0 / 3.0 + 2.0) / 4.0_f64).sqrt(),
        1e-9,
    );
    close(
        found.questioners[0].error.unwrap(),
        ((4.0 / 3.0 + 2.0) / 4.0_f64).sqrt(),
        1e-9,
    );
}

#[test]
fn who_never_loses_has_no_finite_strength() {
    let design = table(
        3,
        2,
        &[
            (0, 0, 5, 0),
            (0, 1, 5, 0),
            (1, 0, 3, 2),
            (1, 1, 2, 3),
            (2, 0, 0, 4),
        ],
    );
    let found = fit(&design);
    assert_eq!(found.answerers[0].logit, Some(f64::INFINITY));
    assert_eq!(found.answerers[0].error, None);
    assert_eq!(found.answerers[2].logit, Some(f64::NEG_INFINITY));
    let structure = &found.structure;
    assert_eq!(
        structure.answerers,
        [Place::Above, Place::Core, Place::Below]
    );
    assert_eq!((structure.components, structure.is_whole()), (1, false));
    // The games that are certain contribute nothing.
    let core = fit(&table(1, 2, &[(0, 0, 3, 2), (0, 1, 2, 3)]));
    close(found.log_likelihood, core.log_likelihood, 1e-9);
    close(
        found.questioners[1].logit.unwrap(),
        core.questioners[1].logit.unwrap(),
        1e-9,
    );

    let tamed = firth(&design);
    let strengths = logits(&tamed.answerers);
    assert!(strengths.iter().all(|x| x.is_finite()), "{strengths:?}");
    assert!(strengths[0] > strengths[1] && strengths[1] > strengths[2]);
    close(logits(&tamed.questioners).iter().sum::<f64>(), 0.0, 1e-9);
}

#[test]
fn groups_that_never_met_cannot_be_compared() {
    let cells = [(0, 0, 3, 2), (0, 1, 2, 3), (1, 2, 1, 1), (2, 2, 2, 0)];
    let found = fit(&table(4, 3, &cells));
    assert_eq!(found.structure.components, 2);
    assert!(found.answerers[0].logit.is_some() && found.questioners[1].logit.is_some());
    assert_eq!(found.answerers[1..], [Rating::default(); 3]);
    assert_eq!(found.questioners[2], Rating::default());
    assert_eq!(found.structure.answerers[3], Place::Apart);
    assert_eq!(firth(&table(4, 3, &cells)).answerers[1], Rating::default());

    for design in [
        table(0, 0, &[]),
        table(2, 1, &[]),
        table(1, 1, &[(0, 0, 3, 0)]),
    ] {
        let found = fit(&design);
        assert!(found.answerers.iter().all(|rating| rating.logit.is_none()));
        assert_eq!(
            found
                .structure
                .questioners
                .iter()
                .filter(|p| **p == Place::Core)
                .count(),
            0
        );
        let drawn = bootstrap(&design, &found, 20, 3);
        assert!(
            drawn
                .answerers
                .iter()
                .all(|spread| spread.interval.is_none() || spread.absent < 1.0)
        );
        choose_sigmas(&design);
        ascend(&design, &AscentRules::default());
        firth(&design);
    }
}

#[test]
fn firth_of_one_pair_adds_half_a_game_to_each_side() {
    for (wins, losses) in [(4, 0), (7, 2), (0, 1)] {
        let found = firth(&table(1, 1, &[(0, 0, wins, losses)]));
        let expected = ((f64::from(wins) + 0.5) / (f64::from(losses) + 0.5)).ln();
        close(found.answerers[0].logit.unwrap(), expected, 1e-7);
    }
}

#[test]
fn the_ascent_of_the_original_climbs_to_the_same_maximum() {
    let design = table(
        2,
        2,
        &[(0, 0, 9, 3), (0, 1, 6, 6), (1, 0, 5, 7), (1, 1, 3, 9)],
    );
    let rules = AscentRules {
        ridge: 0.0,
        tolerance: 1e-12,
        iterations: 20_000,
        ..AscentRules::default()
    };
    let (climbed, exact) = (ascend(&design, &rules), fit(&design));
    assert!(climbed.converged);
    for (found, rating) in climbed.answerers.iter().zip(&exact.answerers) {
        close(*found, rating.logit.unwrap(), 1e-6);
    }
    close(climbed.log_likelihood, exact.log_likelihood, 1e-9);
    let short = AscentRules {
        iterations: 3,
        ..rules
    };
    let stopped = ascend(&design, &short);
    assert_eq!((stopped.iterations, stopped.converged), (3, false));
    assert!(stopped.log_likelihood < exact.log_likelihood);
}

#[test]
fn separated_resamples_count_as_infinite() {
    // Ten items of one game each; the answerer loses one of them, so about a third of the resamples have no loss.
    let mut design = table(2, 1, &[(1, 0, 20, 20)]);
    for lost in 0..10 {
        design.items.push(Item {
            questioner: 0,
            games: vec![Game {
                answerer: 0,
                wins: f64::from(u8::from(lost != 0)),
                losses: f64::from(u8::from(lost == 0)),
                judged: None,
            }],
        });
    }
    let exact = fit(&design);
    let drawn = bootstrap(&design, &exact, 500, 11);
    assert_eq!(drawn, bootstrap(&design, &exact, 500, 11));
    let spread = drawn.answerers[0];
    assert!((0.2..0.5).contains(&spread.infinite), "{spread:?}");
    let interval = spread.interval.unwrap();
    assert!(interval.high.is_infinite() && interval.high > 0.0);
    assert!(interval.low.is_finite() && interval.low < exact.answerers[0].logit.unwrap());
    assert_eq!(spread.rank, Some((1, 1)));
    assert!(drawn.separated >= (500.0 * spread.infinite) as u32);
    // The item of the other answerer is missing in about a third of them; it is absent there.
    assert!((0.2..0.5).contains(&drawn.answerers[1].absent), "{drawn:?}");
}

#[test]
fn labels_move_judged_games_only() {
    let mut design = table(1, 1, &[(0, 0, 8, 2), (0, 0, 4, 6)]);
    design.items[1].games[0].judged = Some(Decision::Claimant);
    let labelled = Labelled {
        upheld: 9,
        upheld_wrongly: 1,
        rejected: 0,
        rejected_wrongly: 0,
    };
    close(labelled.error(Decision::Claimant), 0.15, 1e-12);
    let moved = corrected(&design, &labelled);
    assert_eq!(moved.items[0], design.items[0]);
    close(moved.items[1].games[0].wins, 4.0 * 0.85 + 6.0 * 0.15, 1e-12);
    close(
        moved.items[1].games[0].losses,
        6.0 * 0.85 + 4.0 * 0.15,
        1e-12,
    );
    assert_eq!(corrected(&design, &Labelled::default()), design);
    let exact = fit(&moved);
    let drawn = bootstrap_corrected(&design, &labelled, &exact, 200, 5);
    let interval = drawn.answerers[0].interval.unwrap();
    let rating = exact.answerers[0].logit.unwrap();
    assert!(
        interval.low < rating && rating < interval.high,
        "{interval:?}"
    );
}
