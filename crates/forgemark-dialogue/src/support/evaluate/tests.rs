use super::*;

#[test]
fn the_set_is_whole() {
    let claims = labelled_claims();
    assert_eq!(claims.len(), CLAIMS.lines().count());
    assert!(claims.len() >= 60);
    let supported = claims.iter().filter(|claim| claim.supported).count();
    assert!(
        supported * 3 >= claims.len() && supported * 3 <= claims.len() * 2,
        "{supported}"
    );
    for kind in [
        "verbatim",
        "paraphrase",
        "number-changed",
        "negated",
        "entity-swapped",
        "unrelated",
        "other-language",
    ] {
        let n = claims.iter().filter(|claim| claim.kind == kind).count();
        assert!(n >= 8, "{kind}: {n}");
    }
    let texts: std::collections::BTreeSet<&str> =
        claims.iter().map(|claim| claim.claim.as_str()).collect();
    assert_eq!(texts.len(), claims.len(), "a claim stands twice");
}

#[test]
fn the_score_is_worth_something() {
    let found = evaluate();
    for kind in &found.by_kind {
        println!("{kind:?}");
    }
    println!("{:?} {:?} {:?}", found.precision, found.recall, found.f1);
    assert_eq!(found.counts.n(), found.n as u64);
    assert_eq!(
        found.by_kind.iter().map(|kind| kind.n).sum::<usize>(),
        found.n
    );
    // Loose floors: the set is small. What the score is for (few false alarms on what was quoted,
    // few changed numbers let through) has to hold; paraphrases and other languages may fail.
    assert!(found.precision.unwrap().value >= 0.8);
    assert!(found.recall.unwrap().value >= 0.3);
    let right = |kind: &str| {
        let kind = found
            .by_kind
            .iter()
            .find(|found| found.kind == kind)
            .unwrap();
        kind.right as f64 / kind.n as f64
    };
    assert!(right("verbatim") >= 0.95);
    assert!(right("unrelated") >= 0.95);
    assert!(right("number-changed") >= 0.9);
    assert!(right("negated") >= 0.8);
    assert!(right("entity-swapped") >= 0.7);
}
