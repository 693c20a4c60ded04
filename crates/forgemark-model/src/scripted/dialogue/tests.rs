use std::collections::{BTreeMap, BTreeSet};

use forgemark_contract::json::{Json, parse};

use super::super::scan::scan;
use super::*;

fn body(n: usize) -> Vec<u8> {
    format!(
        r#"{{"messages":[{{"role":"user","content":"Request {n}.\n<passage id=\"aa-1\" source=\"g.md#chunk1\">The pump \"X\" starts at nine each morning. It stops at noon when the tank is full.</passage><passage id=\"bb-2\" source=\"h.md#chunk0\">A valve closes the line as soon as the pressure drops.</passage>"}}]}}"#
    )
    .into_bytes()
}

fn with<T>(n: usize, make: impl Fn(&Ground<'_>) -> T) -> T {
    let body = body(n);
    let scan = scan(&body).unwrap();
    let request = hash128(0, &body);
    make(&Ground::new(
        &body,
        &scan,
        request,
        Draws::new(request, 7, 0),
        false,
    ))
}

fn user(n: usize, settings: &Dialogue) -> Json {
    parse(&with(n, |ground| user_turn(ground, 7, settings).text)).unwrap()
}

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn the_user_is_grounded_in_one_offered_passage() {
    let mut targets = BTreeSet::new();
    for n in 0..200 {
        let reply = user(n, &Dialogue::PLAIN);
        assert_eq!(
            keys(&reply),
            [
                "user_message",
                "intent",
                "difficulty",
                "grounding_facts",
                "coverage_target",
                "notes_for_assistant"
            ]
        );
        let fact = &reply.items("grounding_facts")[0];
        let (source, text) = match reply.str_or("coverage_target", "") {
            "aa-1" => (
                "g.md#chunk1",
                "The pump \"X\" starts at nine each morning. It stops at noon when the tank is full.",
            ),
            "bb-2" => (
                "h.md#chunk0",
                "A valve closes the line as soon as the pressure drops.",
            ),
            other => panic!("{other}"),
        };
        assert_eq!(fact.str_or("source_descriptor", ""), source);
        assert!(text.contains(fact.str_or("fact", "missing")), "{fact:?}");
        targets.insert(reply.str_or("coverage_target", "").to_owned());
    }
    assert_eq!(targets.len(), 2);
}

#[test]
fn messages_are_unique_but_for_the_planted_ones() {
    let message = |n, settings: &Dialogue| user(n, settings).str_or("user_message", "").to_owned();
    let plain: BTreeSet<String> = (0..2_000).map(|n| message(n, &Dialogue::PLAIN)).collect();
    assert_eq!(plain.len(), 2_000);

    let planted = Dialogue {
        conflict_rate: 0.1,
        shared_questions: 4,
        ..Dialogue::PLAIN
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for n in 0..2_000 {
        *counts.entry(message(n, &planted)).or_default() += 1;
    }
    let shared: Vec<usize> = counts.into_values().filter(|n| *n > 1).collect();
    assert_eq!(shared.len(), 4);
    assert!(
        (150..250).contains(&shared.iter().sum::<usize>()),
        "{shared:?}"
    );

    let every = Dialogue {
        conflict_rate: 1.0,
        shared_questions: 4,
        ..Dialogue::PLAIN
    };
    let bases: BTreeSet<String> = (0..200).map(|n| message(n, &every)).collect();
    let near = Dialogue {
        paraphrase_rate: 1.0,
        shared_questions: 4,
        ..Dialogue::PLAIN
    };
    for n in 0..200 {
        let text = message(n, &near);
        let differences = |base: &String| {
            let pairs = base.split(' ').zip(text.split(' '));
            pairs.filter(|(left, right)| left != right).count()
        };
        assert_eq!(bases.iter().map(differences).min(), Some(1), "{text}");
    }
}

#[test]
fn the_assistant_cites_what_it_was_given() {
    let reply = parse(&with(3, |ground| assistant_turn(ground).text)).unwrap();
    assert_eq!(
        keys(&reply),
        ["assistant_message", "reasoning_trace", "did_web_search"]
    );
    let trace = reply.at("reasoning_trace");
    assert_eq!(
        keys(trace),
        [
            "question",
            "retrieval_queries",
            "evidence",
            "premises",
            "thinking",
            "confidence",
            "known_limits"
        ]
    );
    assert_eq!(
        keys(trace.at("retrieval_queries")),
        ["vector_db_search", "web_search"]
    );
    let content = trace.items("evidence")[0].str_or("content", "missing");
    assert!(
        reply.str_or("assistant_message", "").ends_with(content),
        "{reply:?}"
    );
    let call = with(3, search_call);
    assert_eq!(call.name, "vector_db_search");
    assert!(
        parse(&call.arguments)
            .unwrap()
            .str_or("query", "")
            .starts_with("Request 3.")
    );
}

#[test]
fn judges_stay_in_their_range() {
    let settings = Dialogue {
        min_score: 3,
        max_score: 5,
        ..Dialogue::PLAIN
    };
    let scores: BTreeSet<i64> = (0..200)
        .map(|n| {
            let verdict = parse(&with(n, |ground| judgement(ground, &settings).text)).unwrap();
            assert_eq!(
                keys(&verdict),
                ["score", "reasons", "notes", "question_ok", "answer_ok"]
            );
            let score = verdict.i64_or("score", -1);
            assert_eq!(verdict.bool_or("answer_ok", false), score >= 5);
            score
        })
        .collect();
    assert_eq!(scores, BTreeSet::from([3, 4, 5]));
}

#[test]
fn without_passages_all_is_still_valid() {
    let body = br#"{"messages":[]}"#;
    let scan = scan(body).unwrap();
    let ground = Ground::new(body, &scan, 5, Draws::new(5, 7, 0), false);
    for content in [
        user_turn(&ground, 7, &Dialogue::PLAIN),
        assistant_turn(&ground),
        judgement(&ground, &Dialogue::PLAIN),
    ] {
        assert!(parse(&content.text).is_ok());
        assert!(content.pad_at.is_some_and(|at| content.text[at] == b'"'));
    }
    assert_eq!(plain(&ground).text, b"Scripted reply 00000005.");
}
