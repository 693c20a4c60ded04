//! One small table, every kind.

use super::*;
use crate::json::{Json, parse_str, to_compact};

const fn key(path: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        env: &[],
        doc: "A key.",
        status: Status::Honoured,
    }
}

const WORDS: &[(&str, &[&str])] = &[
    ("poisson", &["pois"]),
    ("exponential", &["exp"]),
    ("uniform", &[]),
];

const KEYS: &[Key] = &[
    key("run.batch_size", Kind::Int { min: 1, max: 4096 }, "1"),
    key(
        "run.turns.mean",
        Kind::Float {
            min: 0.0,
            max: f64::MAX,
        },
        "null",
    ),
    key("run.turns.distribution", Kind::OneOf(WORDS), "\"poisson\""),
    key("run.target_languages", Kind::StrList, "[\"en\"]"),
    key("run.run_id", Kind::Str, "\"\""),
    key("judge.enabled", Kind::Bool, "true"),
    key("saving.output_columns", Kind::Map, "{}"),
    key("llm.routing.endpoints", Kind::List, "[]"),
    Key {
        status: Status::Inert("there is no server"),
        ..key("store.backend", Kind::Any, "\"postgres\"")
    },
    Key {
        status: Status::Refused("it is dangerous"),
        ..key("llm.api_key", Kind::Str, "\"\"")
    },
];

fn find(path: &str) -> &'static Key {
    KEYS.iter().find(|key| key.path == path).unwrap()
}

fn accept(path: &str, text: &str) -> Json {
    find(path).check(&parse_str(text).unwrap()).unwrap()
}

fn refuse(path: &str, text: &str) -> SettingError {
    find(path).check(&parse_str(text).unwrap()).unwrap_err()
}

#[test]
fn checks_values_by_kind() {
    assert_eq!(accept("run.batch_size", "64"), Json::Int(64));
    assert_eq!(accept("run.turns.mean", "6"), Json::Float(6.0));
    assert_eq!(accept("run.turns.mean", "null"), Json::Null);
    assert_eq!(
        accept("run.turns.distribution", "\" EXP\""),
        Json::from("exponential")
    );
    assert_eq!(
        accept("run.target_languages", "\"en, fr,,\""),
        Json::from(vec!["en", "fr"])
    );
    assert_eq!(
        accept("saving.output_columns", "{\"judge\": \"j\"}").at("judge"),
        &Json::from("j")
    );

    assert_eq!(
        refuse("run.batch_size", "0").to_string(),
        "run.batch_size: expected an integer from 1 to 4096, found 0"
    );
    assert_eq!(
        refuse("run.turns.mean", "-1").what,
        "expected a number of at least 0, found -1"
    );
    assert_eq!(
        refuse("judge.enabled", "\"yes\"").what,
        "expected true or false, found \"yes\""
    );
    assert_eq!(
        refuse("run.batch_size", "null").what,
        "expected an integer from 1 to 4096, found null"
    );
    assert_eq!(
        refuse("run.target_languages", "[1]").what,
        "expected a list of texts, found [1]"
    );
    let error = refuse("run.turns.distribution", "\"poison\"");
    assert_eq!(
        error.what,
        "expected one of poisson, exponential, uniform, found \"poison\""
    );
    assert_eq!(error.hint.as_deref(), Some("did you mean 'poisson'?"));
    let long = format!("\"{}\"", "x".repeat(500));
    assert_eq!(
        refuse("run.batch_size", &long).what,
        "expected an integer from 1 to 4096, found a long string"
    );
}

#[test]
fn reads_text_from_environment_and_flags() {
    let read = |path: &str, text: &str| find(path).parse_text(text);
    assert_eq!(read("run.batch_size", " 8 "), Ok(Json::Int(8)));
    assert_eq!(read("judge.enabled", "Off"), Ok(Json::Bool(false)));
    assert_eq!(read("judge.enabled", "1"), Ok(Json::Bool(true)));
    assert_eq!(read("run.turns.mean", ""), Ok(Json::Null));
    assert_eq!(read("run.run_id", "123"), Ok(Json::from("123")));
    assert_eq!(
        read("run.target_languages", "en,ar"),
        Ok(Json::from(vec!["en", "ar"]))
    );
    assert_eq!(
        read("run.target_languages", "[\"en, US\"]"),
        Ok(Json::from(vec!["en, US"]))
    );
    assert_eq!(
        read("llm.routing.endpoints", "[{}]"),
        Ok(Json::from(vec![Json::empty_object()]))
    );
    assert!(read("run.batch_size", "many").is_err());
    assert!(read("judge.enabled", "perhaps").is_err());
}

#[test]
fn resolves_with_origins_and_types() {
    let mut resolved = Resolved::defaults(KEYS).unwrap();
    let file = Origin::File {
        path: "run.yaml".to_owned(),
        line: 3,
        column: 5,
    };
    resolved.set("run.batch_size", Json::Int(64), file.clone());
    assert_eq!(resolved.i64("run.batch_size"), Ok(64));
    assert_eq!(resolved.usize("run.batch_size"), Ok(64));
    assert_eq!(
        resolved.origin("run.batch_size").to_string(),
        "run.yaml:3:5"
    );
    assert!(resolved.is_set("run.batch_size") && !resolved.is_set("judge.enabled"));
    assert_eq!(resolved.bool("judge.enabled"), Ok(true));
    assert_eq!(resolved.opt_f64("run.turns.mean"), Ok(None));
    assert_eq!(resolved.opt_str("run.run_id"), Ok(None));
    assert_eq!(resolved.str("run.turns.distribution"), Ok("poisson"));
    assert_eq!(
        resolved.str_list("run.target_languages"),
        Ok(vec!["en".to_owned()])
    );
    assert!(resolved.map("saving.output_columns").unwrap().is_empty());
    assert!(resolved.list("llm.routing.endpoints").unwrap().is_empty());
    assert_eq!(resolved.get("run.nothing"), &Json::Null);

    let error = resolved.i64("run.batch_sice").unwrap_err();
    assert_eq!(
        error.hint.as_deref(),
        Some("did you mean 'run.batch_size'?")
    );
    assert!(resolved.opt_i64("run.nothing").is_err());
    assert_eq!(
        resolved.bool("run.batch_size").unwrap_err().what,
        "expected true or false, found integer"
    );
    let tree = resolved.to_json();
    assert_eq!(
        tree.at("run").at("turns").at("distribution"),
        &Json::from("poisson")
    );
    assert_eq!(resolved.iter().count(), KEYS.len());
}

#[test]
fn a_wrong_default_is_found() {
    assert!(Resolved::defaults(&[key("a", Kind::Bool, "7")]).is_err());
    assert!(Resolved::defaults(&[key("a", Kind::Any, "{")]).is_err());
}

#[test]
fn finds_near_names_only() {
    let names = ["batch_size", "total_samples", "run_id"];
    assert_eq!(nearest("batchsize", names), Some("batch_size"));
    assert_eq!(nearest("Batch_Sizes", names), Some("batch_size"));
    assert_eq!(nearest("temperature", names), None);
    assert_eq!(nearest("x", []), None);
}

#[test]
fn the_schema_nests_and_closes() {
    let schema = settings_schema(KEYS, "run");
    let run = schema.at("properties").at("run");
    assert_eq!(run.at("additionalProperties"), &Json::Bool(false));
    let size = run.at("properties").at("batch_size");
    let expected =
        r#"{"type":"integer","minimum":1,"maximum":4096,"default":1,"description":"A key."}"#;
    assert_eq!(String::from_utf8(to_compact(size)).unwrap(), expected);
    let mean = run.at("properties").at("turns").at("properties").at("mean");
    assert_eq!(mean.items("anyOf").len(), 2);
    let backend = schema
        .at("properties")
        .at("store")
        .at("properties")
        .at("backend");
    assert!(
        backend.bool_or("deprecated", false)
            && backend
                .str_or("description", "")
                .contains("there is no server")
    );
    assert!(
        schema
            .at("properties")
            .at("llm")
            .at("properties")
            .get("api_key")
            .is_none()
    );
}
