//! Findings, and that the schema says what the check says.

use super::*;
use crate::dialogue::samples::artifacts;
use crate::dialogue::{Columns, ShareGptRow};
use crate::json::{Json, Object, parse_str, to_compact, to_line};
use crate::time::Timestamp;

fn set(value: &mut Json, path: &[Step], new: Option<Json>) {
    let (last, parents) = path.split_last().unwrap();
    let mut place = value;
    for step in parents {
        place = match step {
            Step::Key(key) => place.as_object_mut().unwrap().get_mut(key).unwrap(),
            Step::Index(index) => &mut place.as_array_mut().unwrap()[*index],
        };
    }
    match (last, new) {
        (Step::Key(key), Some(new)) => _ = place.as_object_mut().unwrap().insert(key, new),
        (Step::Key(key), None) => _ = place.as_object_mut().unwrap().remove(key),
        (Step::Index(index), Some(new)) => place.as_array_mut().unwrap()[*index] = new,
        (Step::Index(index), None) => _ = place.as_array_mut().unwrap().remove(*index),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn paths(value: &Json, here: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let children: Vec<(Step, &Json)> = match value {
        Json::Object(object) => object
            .iter()
            .map(|(key, child)| (Step::Key(key.to_owned()), child))
            .collect(),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(place, child)| (Step::Index(place), child))
            .collect(),
        _ => return,
    };
    for (step, child) in children {
        here.push(step);
        found.push(here.clone());
        paths(child, here, found);
        here.pop();
    }
}

/// As much of JSON Schema as our schemas use.
fn is_valid(schema: &Json, value: &Json, root: &Json) -> bool {
    let known = [
        "$schema",
        "title",
        "$defs",
        "description",
        "deprecated",
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "allOf",
        "enum",
        "pattern",
        "minimum",
        "minLength",
        "maxProperties",
        "$ref",
        "if",
        "then",
        "else",
    ];
    let Some(rules) = schema.as_object() else {
        panic!("a schema is an object")
    };
    rules.iter().all(|(keyword, rule)| match keyword {
        "type" => match rule.as_str().unwrap() {
            "number" => {
                matches!(value, Json::Int(_) | Json::BigInt(_))
                    || value.as_f64().is_some_and(f64::is_finite)
            }
            "integer" => matches!(value, Json::Int(_) | Json::BigInt(_)),
            name => value.type_name() == name,
        },
        "properties" => rule
            .as_object()
            .unwrap()
            .iter()
            .all(|(key, inner)| value.get(key).is_none_or(|v| is_valid(inner, v, root))),
        "required" => value.as_object().is_none_or(|object| {
            rule.as_array()
                .unwrap()
                .iter()
                .all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| is_valid(rule, item, root))),
        "anyOf" => rule
            .as_array()
            .unwrap()
            .iter()
            .any(|choice| is_valid(choice, value, root)),
        "allOf" => rule
            .as_array()
            .unwrap()
            .iter()
            .all(|part| is_valid(part, value, root)),
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| number >= rule.as_f64().unwrap()),
        "minLength" => value.as_str() != Some(""),
        "maxProperties" => value.as_object().is_none_or(Object::is_empty),
        "pattern" => matches_pattern(rule.as_str().unwrap(), value),
        "$ref" => {
            let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            is_valid(root.at("$defs").get(name).unwrap(), value, root)
        }
        "if" => {
            let branch = if is_valid(rule, value, root) {
                "then"
            } else {
                "else"
            };
            is_valid(schema.at(branch), value, root)
        }
        other => {
            assert!(known.contains(&other), "unknown keyword {other}");
            true
        }
    })
}

/// Our four patterns, without an engine for expressions.
fn matches_pattern(pattern: &str, value: &Json) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    let time = |suffix: &str| {
        text.ends_with(suffix) && text.get(10..11) == Some("T") && Timestamp::parse(text).is_ok()
    };
    let hash = text.len() == 16 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
    match pattern {
        "^[0-9a-f]{16}$" => hash,
        "^([0-9a-f]{16})?$" => hash || text.is_empty(),
        _ if pattern.ends_with("Z$") => time("Z"),
        _ if pattern.ends_with("\\+00:00$") => time("+00:00"),
        _ => panic!("unknown pattern {pattern}"),
    }
}

#[test]
fn good_artifacts_have_no_findings() {
    for (kind, value) in artifacts() {
        assert_eq!(check_line(kind, &value), [], "{}", kind.path());
        let schema = schema(kind);
        assert!(is_valid(&schema, &value, &schema), "{}", kind.path());
    }
}

#[test]
fn the_schema_and_the_check_agree_on_every_damage() {
    let replacements = [
        "null",
        "true",
        "-1",
        "0",
        "1.5",
        "\"\"",
        "\"x\"",
        "[]",
        "[null]",
        "{}",
        "{\"x\": 1}",
    ];
    let mut n_damages = 0;
    let mut n_found = 0;
    for (kind, good) in artifacts() {
        let schema = schema(kind);
        let mut places = Vec::new();
        paths(&good, &mut Vec::new(), &mut places);
        for place in places {
            let news = replacements
                .iter()
                .map(|text| Some(parse_str(text).unwrap()))
                .chain([None]);
            for new in news {
                let mut bad = good.clone();
                set(&mut bad, &place, new);
                let findings = check_line(kind, &bad);
                assert_eq!(
                    findings.is_empty(),
                    is_valid(&schema, &bad, &schema),
                    "{} at {place:?}: {findings:?}",
                    kind.path()
                );
                n_damages += 1;
                n_found += usize::from(!findings.is_empty());
            }
        }
    }
    assert!(
        n_damages > 5_000 && n_found > 2_000,
        "{n_found} of {n_damages}"
    );
}

#[test]
fn findings_name_the_place_and_the_expectation() {
    let (kind, mut value) = artifacts().remove(0);
    set(
        &mut value,
        &[
            Step::Key("turns".to_owned()),
            Step::Index(1),
            Step::Key("seed_topic".to_owned()),
        ],
        Some(Json::Null),
    );
    set(
        &mut value,
        &[
            Step::Key("messages".to_owned()),
            Step::Index(0),
            Step::Key("role".to_owned()),
        ],
        Some("human".into()),
    );
    set(
        &mut value,
        &[Step::Key("timestamp".to_owned())],
        Some("yesterday".into()),
    );
    set(&mut value, &[Step::Key("question".to_owned())], None);
    let found: Vec<String> = check_line(kind, &value)
        .into_iter()
        .map(|f| format!("{}: {}", f.path, f.what))
        .collect();
    let expected = [
        "timestamp: expected a timestamp such as 2030-01-02T03:04:05.000006+00:00, found string \"yesterday\"",
        "question: missing; DatasetRow needs it",
        "turns[1].seed_topic: expected a string, found null",
        "messages[0].role: expected one of system, user, assistant, tool, found string \"human\"",
    ];
    assert_eq!(found, expected);
    let found = check_line(ArtifactKind::Turns, &Json::from(vec![1]));
    assert_eq!(
        (found[0].path.as_str(), found[0].what.as_str()),
        ("$", "expected an object, found array")
    );
}

#[test]
fn renamed_columns_are_checked_under_their_names() {
    let columns = Columns::new(&Object::from([("judge", "verdict".into())])).unwrap();
    let row = crate::dialogue::samples::sharegpt_row();
    let value = crate::json::parse(&to_line(&row.renamed(&columns))).unwrap();
    assert_eq!(check_sharegpt(true, &columns, &value), []);
    let baseline = ShareGptRow { judge: None, ..row };
    let value = baseline.to_json();
    assert_eq!(check_sharegpt(false, &columns, &value), []);
    let found = check_sharegpt(true, &columns, &value);
    assert_eq!((found.len(), found[0].path.as_str()), (1, "verdict"));
    let found = check_line(ArtifactKind::ShareGptJudged, &value);
    assert_eq!((found.len(), found[0].path.as_str()), (1, "judge"));
}

#[test]
fn the_older_name_of_a_key_is_fine() {
    let (kind, value) = artifacts().remove(1);
    let line = String::from_utf8(to_line(&value))
        .unwrap()
        .replace("source_path", "source");
    let old = parse_str(&line).unwrap();
    assert_eq!(check_line(kind, &old), []);
    let schema = schema(kind);
    assert!(is_valid(&schema, &old, &schema));
    assert!(!String::from_utf8(to_compact(&schema)).unwrap().is_empty());
}

#[test]
fn paths_tell_the_kind() {
    let vectors = [
        ("synthetic_qa.jsonl", Some(ArtifactKind::SyntheticQa)),
        (
            "conversations/demo-0000.json",
            Some(ArtifactKind::Conversation),
        ),
        ("run_state/demo.json", Some(ArtifactKind::RunState)),
        ("run_state/last_run_id.txt", Some(ArtifactKind::LastRunId)),
        ("conversations/.json", None),
        ("conversations/a/b.json", None),
        ("other.jsonl", None),
    ];
    for (path, kind) in vectors {
        assert_eq!(ArtifactKind::of_path(path), kind, "{path}");
    }
    assert_eq!(
        ArtifactKind::ALL
            .iter()
            .filter(|kind| kind.is_lines())
            .count(),
        6
    );
}
