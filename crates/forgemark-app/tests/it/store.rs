//! `forgemark store` over a store in memory.

use std::fs;
use std::path::{Path, PathBuf};

use forgemark_app::commands::store::cuts::remember;
use forgemark_app::exit::Exit;
use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::memory::MemoryStores;
use forgemark_contract::time::Timestamp;

use crate::program::{Said, forgemark};

struct Bench {
    stores: MemoryStores,
    home: tempfile::TempDir,
}

impl Bench {
    /// A place with an empty store `s`.
    fn new() -> Self {
        let bench = Bench {
            stores: MemoryStores::default(),
            home: tempfile::tempdir().unwrap(),
        };
        let made = bench.run("store init s", &[]);
        assert_eq!(made.exit, Exit::Done, "{made:?}");
        bench
    }

    /// Runs a command whose words hold no space, and then `more`.
    fn run(&self, words: &str, more: &[&str]) -> Said {
        let mut args: Vec<&str> = words.split(' ').collect();
        args.extend(more);
        forgemark(&self.stores, &args)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Ingests and answers added, changed, unchanged, retired, refused.
    fn ingest(&self, path: &str, more: &[&str]) -> [i64; 5] {
        let said = self.run("store ingest s --json", &[&[path], more].concat());
        let json = said.json();
        assert!(json.get("added").is_some(), "{said:?}");
        let refused = json.i64_or("refused", -1);
        let exit = if refused == 0 {
            Exit::Done
        } else {
            Exit::Findings
        };
        assert_eq!(said.exit, exit, "{said:?}");
        ["added", "changed", "unchanged", "retired", "refused"].map(|key| json.i64_or(key, -1))
    }

    fn rows(&self, more: &[&str]) -> Vec<Json> {
        let said = self.run("store list s --json", more);
        assert_eq!(said.exit, Exit::Done, "{said:?}");
        json_lines(&said.out)
    }
}

fn json_lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| parse_str(line).unwrap()).collect()
}

fn texts(rows: &[Json]) -> Vec<&str> {
    rows.iter()
        .map(|row| row.str_or("text_payload", "-"))
        .collect()
}

#[test]
fn a_dialogue_folder_is_taken_in_once() {
    let bench = Bench::new();
    let dir = bench.path("demo");
    let made = bench.run("demo --progress none --dir", &[dir.to_str().unwrap()]);
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    let outputs = dir.join("outputs");
    let outputs = outputs.to_str().unwrap();
    let [added, changed, unchanged, retired, refused] = bench.ingest(outputs, &[]);
    assert!(added > 40, "{added}");
    assert_eq!([changed, unchanged, retired, refused], [0; 4]);
    let before = bench.rows(&[]);
    assert_eq!(bench.ingest(outputs, &[]), [0, 0, added, 0, 0]);
    assert_eq!(bench.rows(&[]), before);
    let rewarded = bench.rows(&["--where", "metadata.reward is not missing"]);
    assert!(rewarded.len() > 8, "{}", rewarded.len());
    for row in &rewarded {
        let metadata = row.at("metadata");
        assert_eq!(metadata.str_or("reward_source", ""), "judge");
        assert!(
            metadata
                .at("reward")
                .as_f64()
                .is_some_and(|n| (0.0..=1.0).contains(&n))
        );
        assert!(metadata.at("support").at("score").as_f64().is_some());
    }
    assert!(
        before
            .iter()
            .any(|row| !row.at("message").items("tool_calls").is_empty())
    );
    // The other score changes what is trained on, and only that.
    let [added, changed, ..] = bench.ingest(outputs, &["--reward", "support"]);
    assert_eq!((added, changed as usize), (0, before.len()));
    let sources = bench.rows(&["--where", "metadata.reward_source = \"support\""]);
    assert_eq!(sources.len(), rewarded.len());
}

#[test]
fn what_changes_in_an_artifact_changes_in_the_store_and_nothing_else_does() {
    let bench = Bench::new();
    let row = |id: &str, texts: &[&str]| {
        let roles = ["user", "assistant"].iter().cycle();
        let said = texts
            .iter()
            .zip(roles)
            .map(|(text, role)| format!(r#"{{"role": "{role}", "content": "{text}"}}"#));
        let said = said.collect::<Vec<_>>().join(",");
        format!(r#"{{"id": "{id}", "messages": [{said}]}}"#)
    };
    let both = [row("a", &["1", "2", "3", "4"]), row("b", &["5", "6"])].join("\n");
    let file = bench.write("set.jsonl", &both);
    assert_eq!(bench.ingest(&file, &[]), [6, 0, 0, 0, 0]);
    let [first, _, _, last, other, _] = bench.rows(&[]).try_into().unwrap();
    // An edit in the store survives, since its origin is what it was.
    let wrong = bench.run("store contradict s", &[other.str_or("id", "")]);
    assert_eq!(wrong.exit, Exit::Done, "{wrong:?}");
    bench.write(
        "set.jsonl",
        &[row("a", &["1", "two"]), row("b", &["5", "6"])].join("\n"),
    );
    assert_eq!(bench.ingest(&file, &[]), [0, 2, 2, 2, 0]);
    let rows = bench.rows(&[]);
    assert_eq!(texts(&rows), ["1", "two", "5", "6"]);
    assert_eq!(rows[0].at("id"), first.at("id"));
    assert_eq!(rows[2].str_or("lifecycle_status", ""), "contradicted");
    // What was there again comes back.
    bench.write("set.jsonl", &both);
    assert_eq!(bench.ingest(&file, &[]), [0, 4, 2, 0, 0]);
    let rows = bench.rows(&[]);
    assert_eq!(texts(&rows), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(rows[3].at("id"), last.at("id"));
}

#[test]
fn an_arena_is_taken_in_once() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/arena");
    if !corpus.is_dir() {
        println!("skipped: there is no {}", corpus.display());
        return;
    }
    // All of it takes a debug build half a minute; the questions of one model, with one kind of critique, are a twentieth.
    let model = "microsoft-phi-4";
    let bench = Bench::new();
    let dir = bench.path("arena");
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(corpus.join(&inside)).unwrap() {
            let entry = entry.unwrap();
            let name = inside.join(entry.file_name());
            let text = name.to_str().unwrap();
            if entry.path().is_dir() {
                open.push(name);
            } else if !text.contains("contradictor") && text.contains(&format!("/{model}/"))
                || text.ends_with(&format!("benchmarks/{model}.json"))
            {
                fs::create_dir_all(dir.join(&inside)).unwrap();
                fs::copy(entry.path(), dir.join(&name)).unwrap();
            }
        }
    }
    let arena = dir.to_str().unwrap();
    let [added, rest @ ..] = bench.ingest(arena, &[]);
    assert!(added > 500, "{added}");
    assert_eq!(rest, [0; 4]);
    assert_eq!(bench.ingest(arena, &[]), [0, 0, added, 0, 0]);
    let questions = bench.rows(&[
        "--include-retired",
        "--where",
        "metadata.arena.kind = \"question\"",
    ]);
    assert_eq!(questions.len(), 173);
    // Adjudications that come later change what they are about.
    let key = questions[0].at("metadata").at("arena");
    let line = format!(
        r#"{{"subject": "answer", "run_id": "{}", "outer_attempt": {}, "question_model": "{model}", "answer_model": "{model}", "outcome": "wrong", "reason": "critique_upheld", "policy": "p", "policy_digest": "d"}}"#,
        key.str_or("run", ""),
        key.i64_or("attempt", 0)
    );
    fs::write(dir.join("adjudications.jsonl"), line).unwrap();
    let [_, changed, _, _, refused] = bench.ingest(arena, &[]);
    assert!(
        (1..=2).contains(&changed) && refused == 0,
        "{changed} {refused}"
    );
    let wrong = bench.rows(&[
        "--include-retired",
        "--where",
        "metadata.label = \"rejected\"",
    ]);
    assert_eq!(wrong.len(), 1);
    assert_eq!(
        wrong[0].at("metadata").str_or("reward_source", ""),
        "adjudication:p@d"
    );
}

#[test]
fn decisions_of_an_arena_are_taken_in_once_and_follow_their_files() {
    let bench = Bench::new();
    for (path, text) in forgemark_testkit::arena::contested() {
        bench.write(&format!("arena/{path}"), &text);
    }
    let dir = bench.path("arena");
    let arena = dir.to_str().unwrap();
    // A question with its own answer, two answers, two critiques, two debates of two messages, two decisions of two judges.
    assert_eq!(bench.ingest(arena, &[]), [2 + 2 + 2 + 4 + 4, 0, 0, 0, 0]);
    assert_eq!(bench.ingest(arena, &[]), [0, 0, 14, 0, 0]);
    let key = "1/openai-gpt-4o/meta-llama-4/openai-gpt-4o/evaluator/1";
    for (verdict, expected) in [("mixed", [1, 0, 14, 0, 0]), ("other", [0, 1, 14, 0, 0])] {
        let label = format!("{key}={verdict}");
        let said = bench.run(
            "arena label",
            &[arena, "--user", "ann", "--verdict", &label],
        );
        assert_eq!(said.exit, Exit::Done, "{said:?}");
        assert_eq!(bench.ingest(arena, &[]), expected);
    }
    let found = bench.rows(&["--where", "role = \"labeller\""]);
    assert_eq!(found.len(), 1);
    let about = found[0].at("metadata").at("arena");
    assert_eq!(
        (about.str_or("verdict", ""), about.str_or("user", "")),
        ("other", "ann")
    );
    let judged = bench.rows(&["--where", "metadata.arena.verdict = \"wrong_problem\""]);
    assert_eq!(judged.len(), 2);
    // What contradicts its path is refused by name, and the rest stays as it is.
    let path = "answers/openai-gpt-4o/google-gemini-3.json";
    let text = fs::read_to_string(dir.join(path)).unwrap();
    let other = text.replace(
        "\"answer_model\": \"google-gemini-3\"",
        "\"answer_model\": \"qwen-3\"",
    );
    fs::write(dir.join(path), other).unwrap();
    let said = bench.run("store ingest s", &[arena]);
    let expected = "answers/openai-gpt-4o/google-gemini-3.json: [0].answer_model: expected google-gemini-3, as the path says, found qwen-3";
    assert!(said.err.contains(expected), "{said:?}");
}

const GOOD: &str = r#"{"prompt": "p", "completion": "c"}"#;

#[test]
fn bad_lines_are_counted_shown_and_put_aside() {
    let bench = Bench::new();
    let text = format!(
        "\u{feff}{GOOD}\r\n\r\nnonsense\r\n{{\"prompt\": \"p\"}}\r\n{{\"messages\": []}}\r\n"
    );
    let file = bench.write("bad.jsonl", &text);
    let aside = bench.path("aside.jsonl");
    let said = bench.run(
        "store ingest s --quarantine",
        &[aside.to_str().unwrap(), &file],
    );
    assert_eq!(said.exit, Exit::Findings);
    for part in [
        format!("{file}:3: no JSON: column 1:"),
        format!("{file}:4: completion: it is missing"),
        format!(
            "{file}:5: this is a row of shape messages, and the file is of shape prompt-completion"
        ),
    ] {
        assert!(said.err.contains(&part), "{part}\n{}", said.err);
    }
    let aside_rows = json_lines(&fs::read_to_string(&aside).unwrap());
    let lines: Vec<i64> = aside_rows.iter().map(|row| row.i64_or("line", 0)).collect();
    assert_eq!(lines, [3, 4, 5]);
    assert_eq!(aside_rows[0].str_or("text", ""), "nonsense\r");
    assert_eq!(bench.rows(&[]).len(), 2);
    // Nothing is written over.
    let again = bench.run(
        "store ingest s --quarantine",
        &[aside.to_str().unwrap(), &file],
    );
    assert_eq!(again.exit, Exit::Usage, "{again:?}");
    // What is good is in already.
    assert_eq!(bench.ingest(&file, &[]), [0, 0, 2, 0, 3]);
    let strict = bench.run("store ingest s --strict", &[&file]);
    assert_eq!(strict.exit, Exit::Findings);
    assert!(strict.err.contains("leave out --strict"), "{}", strict.err);
}

#[test]
fn strict_keeps_what_was_read_before() {
    let bench = Bench::new();
    let file = bench.write(
        "a.jsonl",
        &format!("{GOOD}\nx\n{{\"prompt\": \"q\", \"completion\": \"d\"}}\n"),
    );
    let said = bench.run("store ingest s --strict", &[&file]);
    assert_eq!(said.exit, Exit::Findings);
    assert!(
        said.err.contains("2 records came in before it"),
        "{}",
        said.err
    );
    assert_eq!(bench.rows(&[]).len(), 2);
}

#[test]
fn files_that_hold_nothing_are_said_to() {
    let bench = Bench::new();
    let empty = bench.write("empty.jsonl", "");
    assert_eq!(bench.ingest(&empty, &[]), [0; 5]);
    let unknown = bench.write("unknown.jsonl", "{\"a\": 1}\n{\"b\": 2}\n");
    assert_eq!(bench.ingest(&unknown, &[]), [0, 0, 0, 0, 2]);
    let usage = |args: &[&str]| {
        let said = bench.run("store ingest s", args);
        assert_eq!(said.exit, Exit::Usage, "{said:?}");
        said.err
    };
    let missing = bench.path("missing");
    assert!(usage(&[missing.to_str().unwrap()]).contains("there is no"));
    fs::create_dir(bench.path("bare")).unwrap();
    let bare = bench.path("bare");
    assert!(usage(&[bare.to_str().unwrap()]).contains("holds nothing that can be taken in"));
    assert!(usage(&[&empty, "--shape", "chat"]).contains("there is no shape 'chat'"));
    let made = bench.run("store ingest t", &[&empty]);
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    assert!(made.err.contains("made a new store: t"), "{}", made.err);
}

#[test]
fn a_line_without_an_end_is_passed_over() {
    let bench = Bench::new();
    let path = bench.path("long.jsonl");
    let mut text = vec![b'x'; 100 << 20];
    text.extend_from_slice(format!("\n{GOOD}\n").as_bytes());
    fs::write(&path, text).unwrap();
    let said = bench.run("store ingest s --json", &[path.to_str().unwrap()]);
    let json = said.json();
    assert_eq!((json.i64_or("added", 0), json.i64_or("refused", 0)), (2, 1));
    let what = json.items("problems")[0].str_or("what", "").to_owned();
    assert_eq!(what, "the line has 100.0 MiB; at most 64.0 MiB are read");
}

#[test]
fn a_record_that_the_store_refuses_takes_no_other_with_it() {
    let bench = Bench::new();
    let rows: Vec<String> = (0..9)
        .map(|n| {
            let vector = if n == 4 { "[1.0]" } else { "[1.0, 2.0]" };
            format!(
                r#"{{"id": "r{n}", "role": "user", "text_payload": "{n}", "embedding": {vector}}}"#
            )
        })
        .collect();
    let file = bench.write("rows.jsonl", &rows.join("\n"));
    assert_eq!(bench.ingest(&file, &[]), [8, 0, 0, 0, 1]);
    // Without external ids an equal record is known by its id, and another one is refused.
    assert_eq!(bench.ingest(&file, &[]), [0, 0, 8, 0, 1]);
    let other = rows
        .join("\n")
        .replace("\"text_payload\": \"7\"", "\"text_payload\": \"x\"");
    let file = bench.write("rows.jsonl", &other);
    let said = bench.run("store ingest s", &[&file]);
    assert!(
        said.err.contains("id \"r7\" is held by another record"),
        "{}",
        said.err
    );
    assert_eq!(
        texts(&bench.rows(&[])),
        ["0", "1", "2", "3", "5", "6", "7", "8"]
    );
}

#[test]
fn a_list_goes_out_and_comes_in() {
    let bench = Bench::new();
    let file = bench.write("a.jsonl", &format!("{GOOD}\n"));
    bench.ingest(&file, &[]);
    let out = bench.run("store list s --json --vectors", &[]).out;
    let copy = bench.write("copy.jsonl", &out);
    assert_eq!(bench.run("store init t", &[]).exit, Exit::Done);
    let said = bench.run("store ingest t --json", &[&copy]);
    assert_eq!(said.json().i64_or("added", 0), 2, "{said:?}");
    let there = json_lines(&bench.run("store list t --json", &[]).out);
    let here = bench.rows(&[]);
    for key in [
        "id",
        "external_id",
        "session_id",
        "created_at",
        "metadata",
        "seq",
    ] {
        assert_eq!(here[1].at(key), there[1].at(key), "{key}");
    }
}

/// A store with five records.
fn filled() -> Bench {
    let bench = Bench::new();
    let rows = [
        r#"{"id": "a", "role": "user", "text_payload": "red apple", "source": "x", "metadata": {"n": 1, "tags": ["k"]}, "embedding": [1, 0]}"#,
        r#"{"id": "b", "external_id": "B", "role": "assistant", "text_payload": "green pear", "source": "y", "metadata": {"n": 2}, "embedding": [0, 1]}"#,
        r#"{"id": "c", "role": "user", "text_payload": "red wine", "source": "y", "parent_id": "b", "relationships": [{"target_id": "a", "relation": "answers", "weight": 0.5}]}"#,
        r#"{"id": "d", "role": "user", "text_payload": "old", "expires_at": "2020-01-01T00:00:00Z"}"#,
        r#"{"id": "e", "role": "user", "text_payload": "gone", "retired_at": "2020-01-01T00:00:00Z"}"#,
    ];
    let file = bench.write("rows.jsonl", &rows.join("\n"));
    let said = bench.run("store add s", &[&file]);
    assert_eq!(
        (said.exit, said.out.as_str()),
        (Exit::Done, "5 added; version 2\n"),
        "{said:?}"
    );
    let twice = bench.run("store add s", &[&file]);
    assert_eq!(twice.exit, Exit::Usage);
    assert!(
        twice
            .err
            .contains("held by another record (and 4 more are)"),
        "{}",
        twice.err
    );
    bench
}

#[test]
fn lists_filter_and_page() {
    let bench = filled();
    let ids = |more: &[&str]| {
        let rows = bench.rows(more);
        rows.iter()
            .map(|row| row.str_or("id", "").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["a", "b", "c"]);
    assert_eq!(ids(&["--include-expired"]), ["a", "b", "c", "d"]);
    assert_eq!(ids(&["--include-retired"]), ["a", "b", "c", "e"]);
    assert_eq!(
        ids(&["--where", "role = 'user' and not source in ('x')"]),
        ["c"]
    );
    assert_eq!(
        ids(&["--where", "metadata.tags contains 'k' or metadata.n > 1"]),
        ["a", "b"]
    );
    assert_eq!(
        ids(&["--filters", r#"{"source": "y", "role": null}"#]),
        ["b", "c"]
    );
    assert_eq!(
        ids(&[
            "--filters",
            r#"{"tags": {"contains": "k"}}"#,
            "--where",
            "role = 'user'"
        ]),
        ["a"]
    );
    assert_eq!(ids(&["--limit", "1", "--offset", "1"]), ["b"]);
    let table = bench.run("store list s --limit 2", &[]);
    insta::assert_snapshot!(table.out, @r"
     id   session   seq   role        text
    ─────────────────────────────────────────────
     a    -           -   user        red apple
     b    -           -   assistant   green pear
    ");
    assert!(table.err.contains("there are more"), "{}", table.err);
    for (args, said) in [
        (["--where", "role ="], "--where: column 7: expected a value"),
        (
            ["--filters", "[]"],
            "--filters: expected an object, found array",
        ),
        (
            ["--filters", r#"{"role": 3}"#],
            "--filters: filter role: expected a text or null",
        ),
    ] {
        let found = bench.run("store list s", &args);
        assert_eq!(found.exit, Exit::Usage);
        assert!(found.err.contains(said), "{}", found.err);
    }
}

#[test]
fn records_are_found_by_key_words_vector_and_edge() {
    let bench = filled();
    assert_eq!(
        bench
            .run("store get s a --json", &[])
            .json()
            .str_or("text_payload", ""),
        "red apple"
    );
    assert_eq!(
        bench
            .run("store get s B --external --json", &[])
            .json()
            .str_or("id", ""),
        "b"
    );
    let missing = bench.run("store get s B", &[]);
    assert_eq!(missing.exit, Exit::Usage);
    assert!(
        missing
            .err
            .contains("with --external the key is an external id"),
        "{}",
        missing.err
    );
    let ids = |said: &Said| {
        let hits = json_lines(&said.out);
        hits.iter()
            .map(|hit| hit.at("record").str_or("id", "").to_owned())
            .collect::<Vec<_>>()
    };
    let found = bench.run("store search s red --json --where", &["source = 'y'"]);
    assert_eq!(ids(&found), ["c"]);
    let vector = bench.write("v.json", "[0, 2]");
    let found = bench.run("store search s --json -k 1 --vector", &[&vector]);
    assert_eq!(ids(&found), ["b"]);
    let long = bench.write("v.json", "[0, 2, 3]");
    assert_eq!(
        bench.run("store search s --vector", &[&long]).exit,
        Exit::Usage
    );
    let text = bench.write("v.json", "[0, \"x\"]");
    let wrong = bench.run("store search s --vector", &[&text]);
    assert!(
        wrong.err.contains("[1]: expected a finite number"),
        "{}",
        wrong.err
    );
    assert_eq!(bench.run("store search s", &[]).exit, Exit::Usage);
    let related = json_lines(&bench.run("store related s a --json", &[]).out);
    assert_eq!(
        (related.len(), related[0].str_or("relation", "")),
        (1, "answers")
    );
    let related = bench.run("store related s B --external --relation parent", &[]);
    assert!(related.out.contains("red wine"), "{}", related.out);
}

#[test]
fn records_are_changed_hidden_and_deleted() {
    let bench = filled();
    let done = |words: &str, more: &[&str]| {
        let said = bench.run(words, more);
        assert_eq!(said.exit, Exit::Done, "{words}: {said:?}");
        said
    };
    done(
        "store update s a --set metadata.n=7 --set source=z --clear metadata.tags",
        &[],
    );
    let a = done("store get s a --json", &[]).json();
    assert_eq!(
        (a.at("metadata").i64_or("n", 0), a.str_or("source", "")),
        (7, "z")
    );
    assert!(a.at("metadata").at("tags").is_null());
    let same = done("store update s a --set source=z", &[]);
    assert!(same.out.starts_with("1 unchanged"), "{}", same.out);
    let wrong = bench.run("store update s a --set seq=1", &[]);
    assert!(
        wrong.err.contains("seq: it cannot be changed"),
        "{}",
        wrong.err
    );
    assert_eq!(
        bench.run("store update s a --set seq", &[]).exit,
        Exit::Usage
    );
    assert_eq!(bench.run("store update s a", &[]).exit, Exit::Usage);
    let newer = bench.write(
        "new.jsonl",
        r#"{"id": "a2", "role": "user", "text_payload": "blue apple"}"#,
    );
    done("store supersede s a", &[&newer]);
    done("store contradict s B --external", &[]);
    done("store retire s c --reason", &["it is wrong"]);
    assert_eq!(texts(&bench.rows(&[])), ["green pear", "blue apple"]);
    done("store expire s a2 --at 2020-01-01", &[]);
    assert_eq!(texts(&bench.rows(&[])), ["green pear"]);
    done("store delete s a a2", &[]);
    let all = bench.rows(&["--include-retired", "--include-expired"]);
    assert_eq!(texts(&all), ["green pear", "red wine", "old", "gone"]);
    let none = bench.run("store delete s nobody", &[]);
    assert_eq!(none.exit, Exit::Usage);
    assert!(
        none.err.contains("there is no record with id nobody"),
        "{}",
        none.err
    );
}

#[test]
fn versions_are_named_compared_and_kept() {
    let bench = filled();
    bench.run("store tag s first", &[]);
    bench.run("store update s a --set metadata.n=7", &[]);
    bench.run("store delete s b", &[]);
    let more = bench.write(
        "more.jsonl",
        r#"{"id": "f", "role": "user", "text_payload": "new"}"#,
    );
    bench.run("store add s", &[&more]);
    let diff = bench.run("store diff s first", &[]);
    insta::assert_snapshot!(diff.out, @r"
    changed  a  metadata.n, updated_at
    added    f
    removed  B
    version 2 to 5: 1 added, 1 changed, 1 removed
    ");
    let lines = json_lines(&bench.run("store diff s 2 3 --json", &[]).out);
    assert_eq!((lines.len(), lines[0].str_or("change", "")), (1, "changed"));
    assert_eq!(bench.run("store diff s nothing", &[]).exit, Exit::Usage);
    let at = bench.rows(&["--tag", "first", "--where", "metadata.n = 1"]);
    assert_eq!(at.len(), 1);
    assert_eq!(bench.run("store tag s first 3", &[]).exit, Exit::Usage);
    let versions = json_lines(&bench.run("store versions s --json", &[]).out);
    let numbers: Vec<i64> = versions
        .iter()
        .map(|one| one.i64_or("version", 0))
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(versions[1].items("tags"), [Json::from("first")]);
    let stats = bench.run("store stats s --json", &[]).json();
    assert_eq!(
        (stats.i64_or("records", 0), stats.i64_or("tombstones", 0)),
        (5, 1)
    );
    assert_eq!(bench.run("store stats s", &[]).exit, Exit::Done);
    assert_eq!(bench.run("store compact s", &[]).exit, Exit::Done);
    assert_eq!(bench.run("store index s keys", &[]).exit, Exit::Done);
    let sound = bench.run("store fsck s", &[]);
    assert_eq!(
        (sound.exit, sound.out.as_str()),
        (Exit::Done, "the store is sound\n")
    );
    let lost = r#"{"id": "g", "role": "user", "text_payload": "x", "parent_id": "nobody"}"#;
    let lost = bench.write("lost.jsonl", lost);
    bench.run("store add s", &[&lost]);
    let found = bench.run("store fsck s", &[]);
    assert_eq!(found.exit, Exit::Findings, "{found:?}");
    assert!(found.out.contains("nobody"), "{}", found.out);
    bench.run("store tag s first --remove", &[]);
    let versions = json_lines(&bench.run("store versions s --json", &[]).out);
    assert!(versions.iter().all(|one| one.items("tags").is_empty()));
}

#[test]
fn cuts_are_remembered_and_what_they_cite_is_spared() {
    let bench = Bench::new();
    let store = bench.path("my.store");
    let store = store.to_str().unwrap();
    assert_eq!(bench.run("store init", &[store]).exit, Exit::Done);
    let rows = bench.write(
        "rows.jsonl",
        "{\"id\": \"a\", \"role\": \"user\", \"text_payload\": \"x\"}",
    );
    bench.run("store add", &[store, &rows]);
    for n in 0..4 {
        bench.run(
            "store update",
            &[store, "a", "--set", &format!("metadata.n={n}")],
        );
    }
    let cut = |name: &str, version: u64| {
        let manifest = format!(
            r#"{{"schema_version": "forgemark-cut-1", "context_uri": "{store}", "version": {version}, "files": [{{"path": "{name}.jsonl"}}, {{"path": "{name}.provenance.jsonl"}}]}}"#
        );
        bench.write(&format!("{name}/{name}.manifest.json"), &manifest);
        bench.write(
            &format!("{name}/{name}.provenance.jsonl"),
            "{\"id\": \"e1\", \"record_ids\": [\"ab\"]}\n{\"id\": \"e2\", \"record_ids\": [\"b\", \"a\"]}\n",
        );
        bench.path(name)
    };
    let (known, named) = (cut("known", 3), cut("named", 4));
    let names = ["known.manifest.json".to_owned()];
    remember(store, 3, &known, &names, Timestamp::from_epoch_seconds(9)).unwrap();
    // A line that was cut short harms no other.
    let registry = bench.path("my.store.cuts.jsonl");
    let mut text = fs::read_to_string(&registry).unwrap();
    text.push_str("{\"dir\": \"half");
    fs::write(&registry, text).unwrap();
    let gone = bench.path("gone");
    remember(
        store,
        2,
        &gone,
        &["gone.manifest.json".to_owned()],
        Timestamp::from_epoch_seconds(9),
    )
    .unwrap();
    assert_eq!(fs::read_to_string(&registry).unwrap().lines().count(), 3);

    let held = bench.run("store cuts", &[store, "a", "--json"]).json();
    assert_eq!(held.items("cuts").len(), 1, "{held:?}");
    let lines = held.items("cuts")[0].items("lines");
    assert_eq!(
        (lines[0].str_or("file", ""), lines[0].i64_or("line", 0)),
        ("known.provenance.jsonl", 2)
    );
    let both = bench.run(
        "store cuts",
        &[store, "a", "--cut", named.to_str().unwrap()],
    );
    assert!(
        both.out.contains("named.provenance.jsonl:2")
            && both.out.ends_with("2 of 2 cuts that are known hold it\n"),
        "{}",
        both.out
    );
    assert!(both.err.contains("gone.manifest.json"), "{}", both.err);
    // Also once it is deleted.
    bench.run("store delete", &[store, "a"]);
    assert_eq!(
        bench
            .run("store cuts", &[store, "a", "--json"])
            .json()
            .items("cuts")
            .len(),
        1
    );
    let empty = bench.run(
        "store cuts",
        &[store, "a", "--cut", bench.home.path().to_str().unwrap()],
    );
    assert_eq!(empty.exit, Exit::Usage, "{empty:?}");

    let cleaned = bench.run(
        "store clean-up --before 2999-01-01 --json --cut",
        &[named.to_str().unwrap(), store],
    );
    let spared: Vec<Option<i64>> = cleaned
        .json()
        .items("spared")
        .iter()
        .map(Json::as_i64)
        .collect();
    assert_eq!(spared, [Some(2), Some(3), Some(4)]);
    let versions = json_lines(&bench.run("store versions --json", &[store]).out);
    let numbers: Vec<i64> = versions
        .iter()
        .map(|one| one.i64_or("version", 0))
        .collect();
    assert_eq!(numbers, [2, 3, 4, 7]);
    assert_eq!(bench.run("store clean-up", &[store]).exit, Exit::Usage);
}
