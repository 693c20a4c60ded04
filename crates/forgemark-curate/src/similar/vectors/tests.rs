#![expect(clippy::float_cmp, reason = "exact results are the point")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn search(distance: f64, scorer: Scorer) -> Search {
    Search {
        distance,
        scorer,
        threads: 2,
    }
}

fn views(rows: &[Vec<f32>]) -> Vec<Option<&[f32]>> {
    rows.iter().map(|row| Some(row.as_slice())).collect()
}

/// The same numbers everywhere, from -1 up to below 1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// Rows around a few centres with a common mean, of different lengths, a part of them moved to just around `distance` of an
/// earlier row, a few equal to one.
pub(super) fn clustered(n: usize, dim: usize, distance: f64, seed: u64) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(seed);
    let centres: Vec<Vec<f32>> = (0..12)
        .map(|_| {
            (0..dim)
                .map(|k| 0.6 + numbers.next() / (1.0 + k as f32 * 0.1))
                .collect()
        })
        .collect();
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for place in 0..n {
        let mut row: Vec<f32> = match place % 5 {
            3 if place > 8 => {
                let earlier = rows[place * 7 % (place - 1)].clone();
                let angle =
                    (1.0 - distance).acos() * (0.97 + 0.06 * f64::from(numbers.next().abs()));
                turned(&earlier, angle, &mut numbers)
            }
            4 if place > 8 && place % 3 == 0 => rows[place - 4].clone(),
            _ => {
                let centre = &centres[place % centres.len()];
                centre
                    .iter()
                    .map(|value| value + 0.8 * numbers.next())
                    .collect()
            }
        };
        if place % 2 == 1 && place % 15 != 9 {
            for value in &mut row {
                *value *= 3.5;
            }
        }
        rows.push(row);
    }
    rows
}

/// `row` turned by `angle` into a random direction.
fn turned(row: &[f32], angle: f64, numbers: &mut Numbers) -> Vec<f32> {
    let length = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let x: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
    let size = length(&x);
    let mut side: Vec<f64> = x.iter().map(|_| f64::from(numbers.next())).collect();
    let share: f64 = side.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>() / (size * size);
    side.iter_mut().zip(&x).for_each(|(a, b)| *a -= share * b);
    let side_size = length(&side);
    let mixed = x
        .iter()
        .zip(&side)
        .map(|(x, s)| x * angle.cos() + s / side_size * size * angle.sin());
    mixed.map(|x| x as f32).collect()
}

fn agree(rows: &[Option<&[f32]>], search: &Search) -> Greedy {
    let fast = first_kept_wins(rows, search);
    let naive = naive_first_kept_wins(rows, search);
    assert_eq!(fast.keeper, naive.keeper, "{search:?}");
    fast
}

#[test]
fn the_fast_way_answers_as_the_naive_one_on_clusters() {
    for (n, dim, distance) in [
        (900, 96, 0.05),
        (700, 384, 0.2),
        (600, 33, 0.01),
        (400, 200, 0.5),
    ] {
        let rows = clustered(n, dim, distance, 7);
        for scorer in [Scorer::Double, Scorer::SequentialF32] {
            let greedy = agree(&views(&rows), &search(distance, scorer));
            let dropped = greedy.keeper.iter().flatten().count();
            assert!(
                dropped > n / 20 && dropped < n,
                "{dropped} of {n} at {distance}"
            );
        }
    }
}

#[test]
fn most_pairs_are_settled_by_their_sketches() {
    let rows = clustered(2_500, 128, 0.05, 3);
    let greedy = first_kept_wins(&views(&rows), &search(0.05, Scorer::Double));
    assert!(
        greedy.scored * 20 < greedy.compared,
        "{} of {}",
        greedy.scored,
        greedy.compared
    );
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let rows = clustered(1_500, 64, 0.1, 5);
    let one = Search {
        threads: 1,
        ..search(0.1, Scorer::Double)
    };
    let many = Search { threads: 7, ..one };
    assert_eq!(
        first_kept_wins(&views(&rows), &one).keeper,
        first_kept_wins(&views(&rows), &many).keeper
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Small integers make many equal, parallel, opposite and zero vectors; the extremes leave the range of singles.
    #[test]
    fn the_fast_way_answers_as_the_naive_one_on_anything(
        rows in vec(prop_oneof![
            8 => vec(-2_i8..=2, 4).prop_map(|row| Some(row.into_iter().map(f32::from).collect::<Vec<f32>>())),
            2 => vec(-2.0_f32..2.0, 4).prop_map(Some),
            1 => vec(prop_oneof![Just(1e-30_f32), Just(1e25), Just(f32::NAN), Just(f32::INFINITY), Just(0.0), Just(-3e38)], 4).prop_map(Some),
            1 => vec(-2.0_f32..2.0, 0..6).prop_map(Some),
            1 => Just(None),
        ], 0..90),
        distance in prop_oneof![Just(0.0), Just(1e-8), Just(1e-7), Just(1.0), Just(2.5), Just(-0.1), Just(f64::NAN), 0.0..2.0],
        double in any::<bool>(),
    ) {
        let scorer = if double { Scorer::Double } else { Scorer::SequentialF32 };
        let views: Vec<Option<&[f32]>> = rows.iter().map(Option::as_deref).collect();
        let search = search(distance, scorer);
        prop_assert_eq!(first_kept_wins(&views, &search).keeper, naive_first_kept_wins(&views, &search).keeper);
    }

    #[test]
    fn matches_and_edges_are_those_of_the_naive_loop(seed in any::<u64>(), distance in 0.01_f64..0.6) {
        let rows = clustered(140, 60, distance, seed);
        let views = views(&rows);
        let (held, rows) = views.split_at(50);
        let search = search(distance, Scorer::Double);
        let near = |a: Option<&[f32]>, b: Option<&[f32]>| super::distance(a.unwrap(), b.unwrap(), Scorer::Double).filter(|d| *d <= distance);
        let naive: Vec<Option<Match>> = rows.iter().map(|row| {
            held.iter().enumerate().find_map(|(place, held)| Some(Match { row: place, distance: near(*row, *held)? }))
        }).collect();
        prop_assert_eq!(first_matches(rows, held, &search), naive);

        let mut root: Vec<usize> = (0..rows.len()).collect();
        let mut join = |a: usize, b: usize| {
            let (a, b) = (root[a], root[b]);
            root.iter_mut().filter(|r| **r == a.max(b)).for_each(|r| *r = a.min(b));
        };
        edges(rows, &search, &mut |row, near| join(row, near.row));
        let fast = root.clone();
        root = (0..rows.len()).collect();
        for a in 0..rows.len() {
            for b in 0..a {
                if near(rows[a], rows[b]).is_some() {
                    let (x, y) = (root[a], root[b]);
                    root.iter_mut().filter(|r| **r == x.max(y)).for_each(|r| *r = x.min(y));
                }
            }
        }
        prop_assert_eq!(fast, root);

        let nearest = rows.iter().flat_map(|row| held.iter().filter_map(move |held| super::distance(row.unwrap(), held.unwrap(), Scorer::Double)))
            .min_by(f64::total_cmp).unwrap();
        prop_assert_eq!(most_similar(rows, held).unwrap().1.distance, nearest);
    }
}

#[test]
fn a_copy_follows_the_row_that_it_equals() {
    let rows = vec![
        vec![1.0, 0.0],
        vec![1.0, 0.1],
        vec![1.0, 0.1],
        vec![1.0, 0.0],
        vec![0.0, 1.0],
        vec![0.0, 1.0],
    ];
    let greedy = agree(&views(&rows), &search(0.01, Scorer::Double));
    let keepers: Vec<Option<usize>> = greedy
        .keeper
        .iter()
        .map(|near| near.map(|near| near.row))
        .collect();
    assert_eq!(keepers, [None, Some(0), Some(0), Some(0), None, Some(4)]);
}

#[test]
fn what_has_no_direction_is_named() {
    assert_eq!(unusable(None), Some("it has none"));
    assert_eq!(unusable(Some(&[])), Some("it is empty"));
    assert_eq!(unusable(Some(&[0.0, 0.0])), Some("its length is 0"));
    assert_eq!(
        unusable(Some(&[f32::NAN])),
        Some("a component is not finite")
    );
    assert_eq!(unusable(Some(&[1.0])), None);
}

/// The original scores every row against every row that was kept.
#[test]
fn d07_few_pairs_are_scored() {
    let dim = 64;
    let mut state = 5_u64;
    let mut number = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    let rows: Vec<Vec<f32>> = (0..3_000)
        .map(|_| {
            (0..dim)
                .map(|k| number() / (1.0 + k as f32).sqrt())
                .collect()
        })
        .collect();
    let views: Vec<Option<&[f32]>> = rows.iter().map(|row| Some(row.as_slice())).collect();
    let search = Search {
        distance: 0.05,
        scorer: Scorer::Double,
        threads: 2,
    };
    let fast = first_kept_wins(&views, &search);
    let naive = naive_first_kept_wins(&views, &search);
    assert_eq!(fast.keeper, naive.keeper);
    let kept = fast.keeper.iter().filter(|keeper| keeper.is_none()).count() as u64;
    assert!(kept > 100, "{kept}");
    assert!(
        fast.scored * 4 < naive.scored,
        "{} of {}",
        fast.scored,
        naive.scored
    );
}
