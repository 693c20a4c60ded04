use std::collections::BTreeMap;

use forgemark_contract::json::{Json, parse_str, to_compact};
use proptest::prelude::*;

use super::*;

fn counts(numbers: &[u64]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for number in numbers {
        *counts.entry(*number).or_default() += 1;
    }
    counts
}

fn bins(numbers: &[u64]) -> String {
    String::from_utf8(to_compact(&histogram(&counts(numbers)))).unwrap()
}

/// Values of Python's `round(sum / n, 4)`; a product rounded and divided again gives others for the last three.
#[test]
fn means_are_rounded_as_python_rounds() {
    for (sum, n, expected) in [
        (1.0, 32, 0.0312),
        (3.0, 32, 0.0938),
        (5.0, 32, 0.1562),
        (7.0, 32, 0.2188),
        (56.0, 11, 5.0909),
        (2286.0, 22, 103.9091),
        (3323.0, 22, 151.0455),
        (1.0, 3, 0.3333),
        (0.0, 7, 0.0),
        (0.1 + 0.2, 3, 0.1),
        (1_000_000_001.0, 7, 142_857_143.0),
        (12_345.678_95, 1, 12_345.678_9),
        (0.000_15, 1, 0.000_1),
        (1.000_05, 1, 1.000_1),
    ] {
        let found = mean4(sum, n);
        assert!(
            found.to_bits() == f64::to_bits(expected),
            "{sum} / {n}: {found}"
        );
    }
    assert!(mean4(0.0, 0).to_bits() == 0, "nothing has the mean 0");
}

#[test]
fn scores_go_to_the_even_neighbour_and_stay_between_0_and_10() {
    let buckets = [
        0.5, 1.5, 2.5, 3.5, 4.4999, 4.5, 7.51, 8.5, 9.5, -3.0, 10.4, 85.0,
    ];
    assert_eq!(
        buckets.map(score_bucket),
        [0, 2, 2, 4, 4, 4, 8, 8, 10, 0, 10, 10]
    );
}

#[test]
fn bins_are_at_most_twelve_of_one_width() {
    assert_eq!(bins(&[]), "{}");
    assert_eq!(bins(&[7, 7, 7]), r#"{"7-7":3}"#);
    // Twelve values: a bin each. Thirteen: bins of two.
    let twelve: Vec<u64> = (1..=12).collect();
    assert_eq!(histogram(&counts(&twelve)).len(), 12);
    assert_eq!(
        bins(&(1..=13).collect::<Vec<_>>()),
        r#"{"1-2":2,"3-4":2,"5-6":2,"7-8":2,"9-10":2,"11-12":2,"13-13":1}"#
    );
    assert_eq!(bins(&[729, 1557]), r#"{"729-798":1,"1499-1557":1}"#);
    assert_eq!(bins(&[0, u64::MAX - 1]).matches(':').count(), 2);
}

proptest! {
    #[test]
    fn every_number_is_in_one_bin(numbers in proptest::collection::vec(0_u64..100_000, 1..200)) {
        let made = histogram(&counts(&numbers));
        prop_assert!(made.len() <= 12);
        let mut last_end = None;
        let mut total = 0;
        for (label, n) in &made {
            let (first, last) = label.split_once('-').unwrap();
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            prop_assert!(first <= last && last_end.is_none_or(|end| end < first), "{label}");
            let inside = numbers.iter().filter(|x| (first..=last).contains(*x)).count() as u64;
            prop_assert_eq!(n.as_u64(), Some(inside), "{}", label);
            prop_assert!(inside > 0, "an empty bin: {}", label);
            last_end = Some(last);
            total += inside;
        }
        prop_assert_eq!(total, numbers.len() as u64);
        prop_assert_eq!(last_end, numbers.iter().copied().max());
    }
}

fn stats(rows: &[&str]) -> Json {
    let mut stats = Stats::default();
    for row in rows {
        stats.add(&parse_str(row).unwrap());
    }
    stats.to_json("rows.jsonl")
}

#[test]
fn a_missing_average_is_the_score_of_the_conversation() {
    let made = stats(&[
        r#"{"messages": [], "metadata": {"n_turns": 3, "language": "b"}, "judge": {"per_turn": [], "avg_score": null, "conversation": {"score": 7}}}"#,
        r#"{"messages": [], "metadata": {"n_turns": 3, "language": "a"}, "judge": {"per_turn": [{"score": 2}, {"score": "9"}, {"score": true}], "avg_score": 1.5, "conversation": {}}}"#,
        r#"{"messages": [], "metadata": {"language": "b"}, "judge": {"per_turn": [{"score": null}], "avg_score": null, "conversation": {}}}"#,
    ]);
    let judge = made.at("judge");
    assert_eq!(judge.at("conversations_with_scores"), &Json::Int(2));
    assert_eq!(judge.at("avg_score_mean"), &Json::Float(4.25));
    assert_eq!(
        String::from_utf8(to_compact(judge.at("avg_score_distribution"))).unwrap(),
        r#"{"2":1,"7":1}"#,
        "1.5 goes to 2; buckets without any are left out"
    );
    // A text is no score; Python takes `true` for 1.
    assert_eq!(judge.at("per_turn_score_mean"), &Json::Float(1.5));
    assert_eq!(judge.at("conversation_score_mean"), &Json::Float(7.0));
    assert_eq!(
        made.at("languages")
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn turns_are_planned_else_judged_else_asked() {
    let made = stats(&[
        r#"{"messages": [{"role": "user", "content": "a"}], "metadata": {"n_turns": 4}, "judge": {"per_turn": [{}]}}"#,
        r#"{"messages": [{"role": "user", "content": "a"}], "metadata": {"n_turns": 0}, "judge": {"per_turn": [{}, {}]}}"#,
        r#"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "metadata": {}}"#,
    ]);
    let turns = made.at("turn_count");
    assert_eq!(
        String::from_utf8(to_compact(turns)).unwrap(),
        r#"{"min":1,"max":4,"avg":2.3333,"distribution":{"1":1,"2":1,"4":1}}"#
    );
    assert_eq!(made.at("languages").i64_or("unknown", 0), 3);
}

#[test]
fn absurd_numbers_of_turns_are_counted_without_overflow() {
    let row = r#"{"messages": [], "metadata": {"n_turns": 9223372036854775807}}"#;
    let made = stats(&[row, row, row]);
    assert_eq!(made.at("turn_count").at("max"), &Json::Int(i64::MAX));
}

#[test]
fn words_and_tokens_are_of_the_text_without_what_is_around_it() {
    let made = stats(&[
        "{\"metadata\": {}, \"messages\": [{\"content\": \" ab\\u00a0cd\\u001eef \\n\"}, {\"content\": \" \\n\"}, {\"content\": null}]}",
        "{\"metadata\": {}, \"messages\": [{\"content\": \"\u{1f600}\u{e9}\u{4e2d}\"}]}",
    ]);
    let text = made.at("text");
    // "ab cd ef" has 8 characters and 3 words; three characters beyond ASCII are one token.
    assert_eq!(text.at("avg_words_per_conversation"), &Json::Float(2.0));
    assert_eq!(
        text.at("avg_tokens_per_conversation_estimate"),
        &Json::Float(1.5)
    );
    assert_eq!(text.at("avg_words_per_message"), &Json::Float(2.0));
}
