//! `forgemark doctor`

use forgemark_contract::json::{self, Json};
use forgemark_model::scripted::{Script, Server};

use crate::command::{Bench, code};

fn config(base_url: &str) -> String {
    format!(
        "llm:\n  agents:\n    user: {{model: scripted-1, base_url: {base_url}}}\n    assistant: {{model: absent-1, base_url: {base_url}}}\n"
    )
}

fn report(bench: &Bench, args: &[&str]) -> (i32, Json) {
    let mut all = vec!["doctor", "--json"];
    all.extend(args);
    let output = bench.run(&all);
    let report = json::parse(&output.stdout).unwrap();
    (code(&output), report)
}

/// The lines of one check: level and text.
fn lines(report: &Json, check: &str) -> Vec<String> {
    let rows = report
        .items("checks")
        .iter()
        .filter(|row| row.str_or("check", "") == check);
    rows.map(|row| format!("{} {}", row.str_or("level", ""), row.str_or("text", "")))
        .collect()
}

#[test]
fn without_a_configuration_the_machine_is_checked() {
    let (exit, report) = report(&Bench::new(), &[]);
    assert_eq!(exit, 0, "{report:?}");
    assert!(report.bool_or("ok", false));
    assert_eq!(lines(&report, "clock").len(), 1);
}

#[test]
fn a_working_setup() {
    let server = Server::start(&Script::new(0), "127.0.0.1:0".parse().unwrap()).unwrap();
    let bench = Bench::new()
        .file("c.yaml", config(&server.base_url()))
        .file("knowledge/a.txt", "text")
        .file("knowledge/b.bin", "x");
    let (exit, report) = report(&bench, &["c.yaml"]);
    assert_eq!(exit, 0, "{report:?}");
    assert_eq!(lines(&report, "documents"), ["ok 1 file in knowledge, 4 B"]);
    assert_eq!(lines(&report, "output"), ["ok outputs will be created"]);
    assert_eq!(lines(&report, "lock"), ["ok no run works there"]);
    let user = lines(&report, "user");
    assert!(
        user[0].ends_with("lists scripted-1") && user[1].contains("gave a token of scripted-1 in"),
        "{user:?}"
    );
    let assistant = lines(&report, "assistant");
    assert!(
        assistant[0].starts_with("warn") && assistant[0].ends_with("does not list absent-1"),
        "{assistant:?}"
    );
    assert!(server.stats().probes >= 2);
    assert!(!bench.path("outputs").exists(), "nothing is left behind");
}

#[test]
fn everything_that_fails_is_in_one_report() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bench = Bench::new()
        .file("c.yaml", config(&format!("http://{closed}")))
        .file("outputs", "a file");
    let (exit, report) = report(&bench, &["c.yaml"]);
    assert_eq!(exit, 1);
    assert_eq!(lines(&report, "output"), ["fail outputs is not a folder"]);
    assert_eq!(
        lines(&report, "documents"),
        ["fail there is no folder knowledge"]
    );
    assert!(
        lines(&report, "user")
            .iter()
            .any(|line| line.starts_with("fail")),
        "{report:?}"
    );
}

#[test]
fn keys_are_named_and_never_shown() {
    let text =
        "llm: {agents: {user: {model: m}, assistant: {model: openai/m, api_key_env: OTHER_KEY}}}";
    let bench = Bench::new()
        .file("c.yaml", text)
        .file("knowledge/a.md", "x")
        .env("OTHER_KEY", "topsecret-1234");
    let shown = bench.shown(&["doctor", "c.yaml", "--offline"]);
    assert!(!shown.contains("topsecret"), "{shown}");
    assert!(
        shown.contains("OPENAI_API_KEY is not set") && shown.contains("OTHER_KEY is set"),
        "{shown}"
    );
    assert!(shown.starts_with("exit 1"), "{shown}");
}

#[test]
fn models_of_this_program_need_no_network() {
    let text =
        "llm: {agents: {user: {model: scripted:dialogue}, assistant: {model: offline:nobody}}}";
    let bench = Bench::new()
        .file("c.yaml", text)
        .file("knowledge/a.md", "x");
    let (exit, report) = report(&bench, &["c.yaml"]);
    assert_eq!(exit, 1);
    assert_eq!(
        lines(&report, "user"),
        ["ok scripted:dialogue runs in this process"]
    );
    assert_eq!(
        lines(&report, "assistant"),
        ["fail offline:nobody is no model of this program"]
    );
}

#[test]
fn a_configuration_that_is_wrong() {
    let bench = Bench::new().file("c.yaml", "run: {speed: 3}\n");
    let output = bench.run(&["doctor", "c.yaml"]);
    assert_eq!(code(&output), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown key `run.speed`"));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        shown.contains("c.yaml:1:7: unknown key `run.speed`"),
        "{shown}"
    );
}

#[test]
fn personas_seed_topics_and_prompts_are_read_as_a_run_reads_them() {
    let texts = "personas: {path: p.yaml}\nprompts: templates\nrun:\n  data:\n    seeding:\n      topics: {enabled: true, path: s.yaml, variant: englsh}\nllm: {agents: {user: {model: \"offline:user\"}, assistant: {model: \"offline:assistant\"}}}\n";
    let good = Bench::new()
        .file("c.yaml", texts.replace("englsh", "english"))
        .file("knowledge/a.txt", "text")
        .file("templates/.keep", "")
        .file(
            "p.yaml",
            "personas: {user: [{id: a, name: A, traits: [b], style: c}], assistant: [{id: a, name: A, traits: [b], style: c}]}\n",
        )
        .file("s.yaml", "english: {care: [\"How?\"]}\n");
    let (_, working) = report(&good, &["c.yaml", "--offline"]);
    assert_eq!(lines(&working, "personas"), ["ok can be used"]);
    assert_eq!(lines(&working, "seed topics"), ["ok can be used"]);
    assert_eq!(lines(&working, "prompts"), ["ok templates can be used"]);
    let bad = Bench::new()
        .file("c.yaml", texts)
        .file("knowledge/a.txt", "text")
        .file("p.yaml", "personas: {user: []}\n")
        .file("s.yaml", "english: {care: [\"How?\"]}\n");
    let (exit, failing) = report(&bad, &["c.yaml", "--offline"]);
    assert_eq!(exit, 1);
    for (check, place, what) in [
        ("personas", "c.yaml:1", "p.yaml"),
        (
            "seed topics",
            "c.yaml:6",
            "there is no variant `englsh` in ./s.yaml",
        ),
        ("prompts", "c.yaml:2", "there is no folder ./templates"),
    ] {
        let found = lines(&failing, check);
        assert_eq!(found.len(), 1, "{failing:?}");
        assert!(found[0].starts_with("fail "), "{found:?}");
        assert!(found[0].contains(place), "{found:?} has no {place}");
        assert!(found[0].contains(what), "{found:?} has no {what}");
    }
}

#[test]
fn the_configuration_of_an_arena_is_read_as_an_arena_reads_it() {
    let server = Server::start(&Script::new(0), "127.0.0.1:0".parse().unwrap()).unwrap();
    let text = format!(
        "topics: [algebra]\nmodels:\n  - {{name: lab/one, model: scripted-1, base_url: \"{}\"}}\n  - {{name: lab/two, model: 'offline:solver', skill: 0.5}}\n",
        server.base_url()
    );
    let bench = Bench::new().file("a.yaml", text);
    let (exit, report) = report(&bench, &["a.yaml"]);
    assert_eq!(exit, 0, "{report:?}");
    assert_eq!(lines(&report, "output"), ["ok arena will be created"]);
    let solver = lines(&report, "lab-two");
    assert_eq!(
        solver,
        ["ok offline:solver/lab-two/0.5 runs in this process"]
    );
    let served = lines(&report, "lab-one");
    assert!(served[0].ends_with("lists scripted-1"), "{served:?}");
    assert!(served[1].contains("gave a token"), "{served:?}");
}
