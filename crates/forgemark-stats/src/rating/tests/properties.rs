//! What holds of every table.

use proptest::prelude::*;

use super::*;

/// Tables of up to four by four in which everybody has won and lost against everybody.
fn full() -> impl Strategy<Value = (usize, usize, Vec<(u32, u32)>)> {
    (1_usize..5, 1_usize..5).prop_flat_map(|(a, q)| {
        let cells = prop::collection::vec((1_u32..9, 1_u32..9), a * q);
        (Just(a), Just(q), cells)
    })
}

fn any() -> impl Strategy<Value = (usize, usize, Vec<(u32, u32)>)> {
    (1_usize..5, 1_usize..5).prop_flat_map(|(a, q)| {
        let cells = prop::collection::vec((0_u32..4, 0_u32..4), a * q);
        (Just(a), Just(q), cells)
    })
}

fn design((answerers, questioners, cells): &(usize, usize, Vec<(u32, u32)>)) -> Design {
    let cells: Vec<_> = cells
        .iter()
        .enumerate()
        .map(|(at, (w, l))| (at / questioners, at % questioners, *w, *l))
        .collect();
    table(*answerers, *questioners, &cells)
}

/// The same with answerers and questioners numbered from the end.
fn turned(design: &Design) -> Design {
    let mut turned = design.clone();
    for item in &mut turned.items {
        item.questioner = design.questioners - 1 - item.questioner;
        for game in &mut item.games {
            game.answerer = design.answerers - 1 - game.answerer;
        }
    }
    turned.items.reverse();
    turned
}

fn same(left: &[Rating], right: &[Rating]) -> bool {
    left.iter()
        .zip(right)
        .all(|(a, b)| match (a.logit, b.logit) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || (a - b).abs() < 1e-7,
            (a, b) => a == b,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_gradient_is_zero_and_the_gauge_holds(cells in full()) {
        let design = design(&cells);
        let found = fit(&design);
        let (theta, psi) = (logits(&found.answerers), logits(&found.questioners));
        prop_assert!(psi.iter().sum::<f64>().abs() < 1e-9);
        let height = |theta: &[f64], psi: &[f64]| -> f64 {
            Counts::new(&design).played().map(|(a, q, w, l)| log_likelihood(w, l, theta[a] - psi[q])).sum()
        };
        prop_assert!((height(&theta, &psi) - found.log_likelihood).abs() < 1e-9);
        for at in 0..theta.len() {
            let (mut up, mut down) = (theta.clone(), theta.clone());
            up[at] += 1e-4;
            down[at] -= 1e-4;
            prop_assert!((height(&up, &psi) - height(&down, &psi)).abs() < 1e-9);
            prop_assert!(height(&up, &psi) < found.log_likelihood);
        }
    }

    #[test]
    fn names_do_not_matter(cells in any()) {
        let design = design(&cells);
        let turned = turned(&design);
        for fitted in [fit, firth] {
            let (found, mut other) = (fitted(&design), fitted(&turned));
            other.answerers.reverse();
            other.questioners.reverse();
            // Where two groups are equally large, which one is rated is a matter of order.
            if found.structure.components == 1 && found.structure.answerers == turned_back(&other.structure.answerers) {
                prop_assert!((found.log_likelihood - other.log_likelihood).abs() < 1e-7);
                prop_assert!(same(&found.answerers, &other.answerers), "{found:?} {other:?}");
                prop_assert!(same(&found.questioners, &other.questioners));
            }
        }
        let (found, mut other) = (choose(&design), choose(&turned));
        other.answerers.reverse();
        other.questioners.reverse();
        prop_assert!(same(&found.answerers, &other.answerers), "{found:?} {other:?}");
        prop_assert!((found.log_evidence - other.log_evidence).abs() < 1e-7);
    }

    #[test]
    fn who_plays_the_other_role_has_the_other_sign(cells in full()) {
        let design = design(&cells);
        let mut swapped = Design { answerers: design.questioners, questioners: design.answerers, items: Vec::new() };
        for item in &design.items {
            for game in &item.games {
                let (wins, losses) = (game.losses, game.wins);
                let game = Game { answerer: item.questioner, wins, losses, judged: None };
                swapped.items.push(Item { questioner: design.answerers.min(item_answerer(item)), games: vec![game] });
            }
        }
        let (found, other) = (fit(&design), fit(&swapped));
        // Distances between the roles turn round; the gauge is another one.
        let distance = logits(&found.answerers)[0] - logits(&found.questioners)[0];
        let turned = logits(&other.answerers)[0] - logits(&other.questioners)[0];
        prop_assert!((distance + turned).abs() < 1e-7, "{distance} {turned}");
        prop_assert!((found.log_likelihood - other.log_likelihood).abs() < 1e-9);
    }
}

fn item_answerer(item: &Item) -> usize {
    item.games[0].answerer
}

fn choose(design: &Design) -> ItemisedFit {
    let sigmas = Sigmas {
        answerers: 1.5,
        questioners: 0.7,
        items: 0.4,
    };
    fit_itemised(design, sigmas)
}

fn turned_back(places: &[Place]) -> Vec<Place> {
    places.iter().rev().copied().collect()
}
