//! The itemised model beside derivatives taken by differences and beside numbers by hand.

use super::*;
use crate::linear::Symmetric;

fn three() -> Design {
    let game = |answerer, wins, losses| Game {
        answerer,
        wins,
        losses,
        judged: None,
    };
    let item = |questioner, games: &[Game]| Item {
        questioner,
        games: games.to_vec(),
    };
    Design {
        answerers: 3,
        questioners: 2,
        items: vec![
            item(
                0,
                &[game(0, 1.0, 0.0), game(1, 0.0, 1.0), game(2, 1.0, 0.0)],
            ),
            item(0, &[game(0, 1.0, 0.0), game(2, 0.0, 1.0)]),
            item(1, &[game(1, 1.0, 0.0), game(0, 1.0, 1.0)]),
            item(1, &[]),
        ],
    }
}

const SIGMAS: Sigmas = Sigmas {
    answerers: 1.3,
    questioners: 0.8,
    items: 0.6,
};

/// The log-posterior from its definition, in the free coordinates: two betas, two alphas, three deltas.
fn height(x: &[f64]) -> f64 {
    let beta = [x[0], x[1], -x[0] - x[1]];
    let (alpha, delta) = (&x[2..4], &x[4..7]);
    let design = three();
    let mut sum = 0.0;
    for (at, item) in design.items.iter().enumerate() {
        for game in &item.games {
            let d = beta[game.answerer] - alpha[item.questioner] - delta[at];
            sum += game.wins * (1.0 / (1.0 + (-d).exp())).ln();
            sum += game.losses * (1.0 / (1.0 + d.exp())).ln();
        }
    }
    let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
    let Sigmas {
        answerers: b,
        questioners: a,
        items: d,
    } = SIGMAS;
    sum - squares(&beta) / (2.0 * b * b)
        - squares(alpha) / (2.0 * a * a)
        - squares(delta) / (2.0 * d * d)
        - 2.0 * b.ln()
        - 2.0 * a.ln()
        - 3.0 * d.ln()
}

#[test]
fn the_maximum_its_curvature_and_its_errors_are_those_of_the_definition() {
    let found = fit_itemised(&three(), SIGMAS);
    let betas = logits(&found.answerers);
    close(betas.iter().sum::<f64>(), 0.0, 1e-10);
    let mut at = betas[..2].to_vec();
    at.extend(logits(&found.questioners));
    at.extend(found.items.iter().flatten());
    assert_eq!((at.len(), found.items[3]), (7, None));
    close(height(&at), found.log_posterior, 1e-10);
    let h = 1e-4;
    let moved = |moves: &[(usize, f64)]| {
        let mut x = at.clone();
        for (i, by) in moves {
            x[*i] += by;
        }
        height(&x)
    };
    let mut curvature = Symmetric::zeros(7);
    for i in 0..7 {
        close(moved(&[(i, h)]) - moved(&[(i, -h)]), 0.0, 1e-9);
        for j in 0..=i {
            let second = if i == j {
                (moved(&[(i, h)]) - 2.0 * height(&at) + moved(&[(i, -h)])) / (h * h)
            } else {
                (moved(&[(i, h), (j, h)]) - moved(&[(i, h), (j, -h)]) - moved(&[(i, -h), (j, h)])
                    + moved(&[(i, -h), (j, -h)]))
                    / (4.0 * h * h)
            };
            curvature.add(i, j, -second);
        }
    }
    let factor = curvature.cholesky().unwrap();
    close(
        found.log_evidence,
        found.log_posterior - factor.log_det() / 2.0,
        1e-5,
    );
    let covariance = factor.inverse();
    close(
        found.answerers[1].error.unwrap(),
        covariance.get(1, 1).sqrt(),
        1e-5,
    );
    close(
        found.questioners[0].error.unwrap(),
        covariance.get(2, 2).sqrt(),
        1e-5,
    );
    let last = covariance.get(0, 0) + covariance.get(1, 1) + 2.0 * covariance.get(0, 1);
    close(found.answerers[2].error.unwrap(), last.sqrt(), 1e-5);
}

#[test]
fn evidence_is_largest_at_the_sigmas_that_it_chooses() {
    let planted = super::coverage::itemised_design(6, 6, 30, SIGMAS, 17);
    let found = choose_sigmas(&planted);
    let at = |answerers: f64, questioners: f64, items: f64| {
        let sigmas = Sigmas {
            answerers: found.sigmas.answerers * answerers,
            questioners: found.sigmas.questioners * questioners,
            items: found.sigmas.items * items,
        };
        fit_itemised(&planted, sigmas).log_evidence
    };
    close(at(1.0, 1.0, 1.0), found.log_evidence, 1e-9);
    for by in [0.95, 1.05] {
        for other in [at(by, 1.0, 1.0), at(1.0, by, 1.0), at(1.0, 1.0, by)] {
            assert!(other < found.log_evidence, "{other} {found:?}");
        }
    }
    // Six answerers say little of how much they differ; the widths are right to a factor of two or so.
    for (found, planted) in [
        (found.sigmas.answerers, SIGMAS.answerers),
        (found.sigmas.questioners, SIGMAS.questioners),
        (found.sigmas.items, SIGMAS.items),
    ] {
        assert!((0.4..2.5).contains(&(found / planted)), "{found} {planted}");
    }
}

#[test]
fn resampled_items_surround_the_maximum() {
    let planted = super::coverage::itemised_design(4, 4, 30, SIGMAS, 23);
    let exact = fit_itemised(&planted, SIGMAS);
    let drawn = bootstrap_itemised(&planted, &exact, 200, 9);
    for (rating, spread) in exact.answerers.iter().zip(&drawn.answerers) {
        let interval = spread.interval.unwrap();
        let logit = rating.logit.unwrap();
        assert!(
            interval.low < logit && logit < interval.high,
            "{rating:?} {interval:?}"
        );
        assert!(spread.infinite < 1e-12);
    }
}
