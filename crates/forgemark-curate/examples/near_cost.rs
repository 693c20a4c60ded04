//! What near duplicates among texts cost: `cargo run --release -p forgemark-curate --example near_cost -- TEXTS`.

use std::time::Instant;

use forgemark_curate::similar::text::{Proposals, Wording, first_kept_wins};

const WORDS: [&str; 24] = [
    "bolt", "thread", "lock", "torque", "the", "of", "a", "blue", "manual", "wheel", "check",
    "before", "pressure", "valve", "never", "always", "oil", "filter", "change", "every", "month",
    "and", "then", "pump",
];

#[expect(clippy::print_stdout, reason = "a measurement that is run by hand")]
fn main() {
    let n: usize = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let texts: Vec<String> = (0..n)
        .map(|_| {
            let words = (0..10 + next(8)).map(|_| match next(3) {
                0 => format!("item{}", next(5_000)),
                _ => WORDS[next(WORDS.len())].to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let views: Vec<&str> = texts.iter().map(String::as_str).collect();
    let start = Instant::now();
    let keeper = first_kept_wins(
        &views,
        &Wording {
            shingle: 5,
            jaccard: 0.8,
            proposals: Proposals::MinHash,
        },
    );
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{n} texts: {seconds:.1} s, {} dropped",
        keeper.iter().flatten().count()
    );
}
