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
    let corpus = corpus();
    let read = read(&call, 2, false);
    let (result, chunks) = match read.wanted {
        Wanted::Passages { query, k } => {
            let hits = corpus.search(&query, k, &|_| true);
            let chunks: Vec<ChunkId> = hits.into_iter().map(|hit| hit.chunk).collect();
            (passages(&corpus, &query, &chunks), chunks)
        }
        Wanted::Pages { query } => panic!("no web search is offered, and {query} was looked for"),
        Wanted::Nothing(why) => (refusal(&why), Vec::new()),
    };
    Executed {
        event: event(&call, read.arguments, result, 0, "let me look"),
        chunks,
    }
}

/// An executed call and the passages that it found.
struct Executed {
    event: ToolEvent,
    chunks: Vec<ChunkId>,
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
    let Json::Array(tools) = schema(false) else {
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

#[test]
fn the_web_is_searched_only_where_that_is_offered() {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: WEB.to_owned(),
        arguments: r#"{"query": " pump prices ", "k": 9}"#.to_owned(),
    };
    let query = "pump prices".to_owned();
    assert_eq!(read(&call, 2, true).wanted, Wanted::Pages { query });
    let Wanted::Nothing(why) = read(&call, 2, false).wanted else {
        panic!("it was not offered");
    };
    assert!(why.contains("the only tool is"), "{why}");
    assert_eq!(specs(true).len(), 2);
    assert_eq!(specs(false).len(), 1);
}

#[test]
fn rows_tell_what_was_done_and_not_what_was_claimed() {
    let search = |name: &str, result: Json| {
        let call = ToolCall {
            id: "c".to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
        };
        event(&call, Json::empty_object(), result, 0, "")
    };
    let claim = |web: bool| {
        let mut answer = Json::object([
            (
                "reasoning_trace",
                Json::object([("retrieval_queries", Json::from("anything"))]),
            ),
            ("did_web_search", Json::from(web)),
        ]);
        move |events: &[ToolEvent]| {
            let flag = tell_the_truth(&mut answer, events);
            (answer, flag)
        }
    };
    let (none, flag) = claim(true)(&[]);
    assert_eq!(none.at("did_web_search").as_bool(), Some(false));
    assert!(flag.is_some_and(|flag| flag.contains("true")));

    let failed = search(WEB, failed("prices", "timeout"));
    let (only_failed, _) = claim(true)(std::slice::from_ref(&failed));
    assert_eq!(only_failed.at("did_web_search").as_bool(), Some(false));

    let events = [
        failed,
        search(SEARCH, found("pumps", vec![], String::new())),
        search(WEB, pages("pump prices", &[])),
    ];
    let (searched, flag) = claim(true)(&events);
    assert_eq!(
        (searched.at("did_web_search").as_bool(), flag),
        (Some(true), None)
    );
    let queries = searched.at("reasoning_trace").at("retrieval_queries");
    let texts = |name: &str| -> Vec<String> {
        let items = queries.items(name).iter();
        items
            .map(|item| item.as_str().unwrap_or("").to_owned())
            .collect()
    };
    assert_eq!(texts(SEARCH), ["pumps"]);
    assert_eq!(texts(WEB), ["prices", "pump prices"]);
}
