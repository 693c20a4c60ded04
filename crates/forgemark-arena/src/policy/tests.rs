use super::*;

#[test]
fn a_policy_survives_its_file() {
    for name in PRESETS {
        let policy = Policy::preset(name).unwrap();
        let text = to_compact(&policy.to_json());
        assert_eq!(Policy::from_file(&text, "other"), Ok(policy));
    }
    assert_eq!(Policy::preset("other"), None);
}

#[test]
fn a_file_changes_a_preset() {
    let file = br#"{"base": "head", "rules": {"evaluator": {"mixed": "dropped"}}, "people": {"model": "m"}, "without_judges": ["b", "a", "b"]}"#;
    let policy = Policy::from_file(file, "mine").unwrap();
    let head = Policy::preset("head").unwrap();
    assert_eq!(policy.name, "mine");
    assert_eq!(policy.evaluator.mixed, Mixed::Dropped);
    assert_eq!(policy.validity, head.validity);
    assert_eq!(policy.people, People::Model("m".to_owned()));
    assert_eq!(policy.without_judges, ["a", "b"]);
}

#[test]
fn the_digest_knows_the_fields_and_not_the_name() {
    let digests = PRESETS.map(|name| Policy::preset(name).unwrap().digest());
    assert!(digests.iter().all(|digest| digest.len() == 16));
    assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
    let head = Policy::preset("head").unwrap();
    assert_eq!(head.varied("x", |_| {}).digest(), digests[0]);
    let other = head.with_rules("head", |rule| rule.quorum = Quorum::None);
    assert_ne!(other.digest(), digests[0]);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    for (file, expected) in [
        ("[]", "policy: expected an object, found array"),
        (
            r#"{"base": "heads"}"#,
            "base: there is no 'heads' (known: head, stats, panel-then-human)",
        ),
        (
            r#"{"rule": {}}"#,
            "policy: there is no 'rule' (known: base, name, rules, contradictor_scope, missing_contradictor, orphans, label_keys, people, without_judges)",
        ),
        (
            r#"{"rules": {"evaluator": {"mixed": 3}}}"#,
            "rules.evaluator.mixed: expected a string, found integer",
        ),
        (
            r#"{"rules": {"evaluator": {"mixed": "none"}}}"#,
            "rules.evaluator.mixed: there is no 'none' (known: claimant, defender, dropped, abstains)",
        ),
        (
            r#"{"people": "all"}"#,
            "people: expected \"humans\" or {\"model\": SLUG}, found string",
        ),
        ("{", "line 1, column 2: expected a key in double quotes"),
    ] {
        let error = Policy::from_file(file.as_bytes(), "p").unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
