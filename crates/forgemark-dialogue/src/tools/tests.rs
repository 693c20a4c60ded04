use std::path::PathBuf;

use forgemark_corpus::{CorpusOptions, PdfChild};
use forgemark_journal::DiskStorage;

use super::*;

fn corpus() -> Corpus {
    let folder = tempfile::tempdir().unwrap();
    let sentences: Vec<String> = (0..200)
        .map(|n| format!("Pump {n} moves {} litres.", n * 13 % 101))
        .collect();
    let text = sentences.join(" ");
    std::fs::write(folder.path().join("pumps.txt"), text).unwrap();
    let child = PdfChild {
        program: PathBuf::from("/nowhere"),
        leading_args: Vec::new(),
    };
    let options = CorpusOptions::new(folder.path(), folder.path().join(".index"), child);
    Corpus::open(&DiskStorage, &options).unwrap().0
}

fn call(name: &str, arguments: &str) -> Executed {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    execute(&corpus(), 2, &call, 0, "let me look")
}

fn error(executed: &Executed) -> String {
    assert!(executed.chunks.is_empty());
    executed.event.result.str_or("error", "").to_owned()
}

#[test]
fn a_search_returns_passages_and_where_they_come_from() {
    let done = call(SEARCH, r#"{"query": " pump 17 ", "k": 3}"#);
    assert_eq!(done.chunks.len(), 3);
    let result = &done.event.result;
    assert_eq!(result.str_or("query", ""), "pump 17");
    let results = result.at("results").as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0].str_or("source", ""), "pumps.txt");
    let found = |passage: &Json| passage.str_or("content", "").contains("Pump 17 ");
    assert!(results.iter().any(found), "{results:?}");
    assert_eq!(result.str_or("rendered", "").lines().count(), 3);
    assert_eq!(done.event.id.as_deref(), Some("c1"));
    assert_eq!(
        done.event.arguments.at("k").as_i64(),
        Some(3),
        "the arguments as they came"
    );
}

#[test]
fn the_number_of_passages_is_kept_in_bounds() {
    for (arguments, expected) in [
        (r#"{"query": "pump"}"#, 2),
        (r#"{"query": "pump", "k": 0}"#, 1),
        (r#"{"query": "pump", "k": -4}"#, 2),
        (r#"{"query": "pump", "k": "many"}"#, 2),
        (r#"{"query": "pump", "k": null}"#, 2),
        (
            r#"{"query": "pump", "k": 1000000000000}"#,
            corpus().chunks().len().min(20),
        ),
    ] {
        assert_eq!(
            call(SEARCH, arguments).chunks.len(),
            expected,
            "{arguments}"
        );
    }
}

#[test]
fn what_is_not_understood_is_answered_with_what_is() {
    let unknown = call("web_search", r#"{"query": "pump"}"#);
    assert!(error(&unknown).contains("web_search") && error(&unknown).contains(SEARCH));
    for arguments in ["[1]", "\"pump\"", "pump", "{\"query\": \"pump\"", "17"] {
        let done = call(SEARCH, arguments);
        assert!(error(&done).contains("JSON object"), "{arguments}");
        assert_eq!(
            done.event.arguments.str_or("unparsed", ""),
            arguments,
            "kept for the rows"
        );
    }
    for arguments in [
        "",
        "  ",
        "{}",
        r#"{"query": ""}"#,
        r#"{"query": "  "}"#,
        r#"{"query": 5}"#,
        r#"{"query": null}"#,
    ] {
        assert!(
            error(&call(SEARCH, arguments)).contains("query"),
            "{arguments}"
        );
    }
}

#[test]
fn the_schema_of_the_rows_is_that_of_the_request() {
    let Json::Array(tools) = schema() else {
        panic!("a list")
    };
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0].str_or("type", ""), "function");
    let function = tools[0].at("function");
    assert_eq!(function.str_or("name", ""), SEARCH);
    assert_eq!(
        function
            .at("parameters")
            .at("required")
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
