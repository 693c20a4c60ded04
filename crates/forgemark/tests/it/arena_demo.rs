//! `forgemark arena demo`: from nothing to a leaderboard.

use crate::command::{Bench, assert_says};

#[test]
fn a_leaderboard_from_nothing() {
    let bench = Bench::new();
    let demo = bench.shown(&["arena", "demo", "--dir", "demo"]);
    assert_says(
        &demo,
        0,
        &[
            "complete",
            "made by simulated models of declared skills, not by language models",
            "next: forgemark arena stats demo/arena",
        ],
    );
    assert!(bench.path("demo/leaderboard/index.html").exists());
    // The planted order of skills is the order of the answerers.
    let table = demo.split_once("answerer").map_or("", |(_, rest)| rest);
    let table = table.split_once("questioner").map_or("", |(rest, _)| rest);
    let places: Vec<Option<usize>> = ["90", "80", "65", "50", "30"]
        .iter()
        .map(|skill| table.find(&format!("solver-{skill}")))
        .collect();
    assert!(places.iter().all(Option::is_some), "{table}");
    assert!(places.is_sorted(), "{table}");

    let again = bench.shown(&["arena", "demo", "--dir", "demo"]);
    assert_says(&again, 0, &["complete before; nothing was done"]);

    let bench = bench.file("demo/arena.yaml", "models: [mine]\n");
    let other = bench.shown(&["arena", "demo", "--dir", "demo"]);
    assert_says(
        &other,
        2,
        &["with other settings", "forgemark arena run demo/arena.yaml"],
    );
}
