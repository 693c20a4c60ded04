//! Users of the original: their configurations, variables, seed topics and output folders.

use std::path::Path;

use forgemark_contract::json::{self, Json};
use forgemark_model::scripted::Script;
use forgemark_testkit::endpoint::Endpoint;

use crate::command::{Bench, assert_says, code};

/// The released file, where the material for tests lies beside the checkout.
fn released() -> Option<String> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dialogue/config.yaml");
    std::fs::read_to_string(beside).ok()
}

#[test]
fn it_is_accepted_with_warnings_that_name_what_does_nothing() {
    let Some(text) = released() else {
        println!("skipped: no material for tests beside the checkout");
        return;
    };
    let bench = Bench::new().file("c.yaml", text);
    let output = bench.run(&["config", "show", "c.yaml"]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 0, "{said}");
    assert!(
        said.lines().all(|line| line.starts_with("warning: ")),
        "{said}"
    );
    for key in [
        "`store.backend` and 4 more keys",
        "`llm.vllm.model` and 11 more keys",
        "(c.yaml:24:14)",
    ] {
        assert!(said.contains(key), "{key}\n{said}");
    }
    // What is shown is a configuration with the same values.
    let bench = bench.file("again.yaml", &output.stdout);
    let again = bench.run(&["-qq", "config", "show", "again.yaml"]);
    assert_eq!(
        String::from_utf8(again.stdout),
        String::from_utf8(output.stdout)
    );
    assert_eq!(again.stderr, b"");
}

/// A configuration in the original's words, with names of its earlier versions.
const CONFIG: &str = "\
run:
  batch_size: 2
  total_samples: 1024
  target_languages: [english, msa]
  run_id: ''
  n_turns: 2
  data: {seeding: {topics: {path: data/seeds/topics.yaml, enabled: true, probability: 1.0}}}
llm:
  backend: openai
  agents:
    qa_generator: {provider: openai, model: gpt-x, base_url: '', temperature: null, extra: {}}
    kb_responder: {provider: gemini, model: gemini/flash, base_url: ''}
    qa_judge: {provider: gemini, model: gemini/flash, base_url: ''}
store: {backend: postgres, postgres: {dsn: ''}}
retrieval: {default_k: 3}
judge: {enabled: true, mode: online, granularity: per_turn}
personas: {enabled: true, path: src/dlgforge/prompts/personas.yaml}
saving: {output_dir: outputs}
";

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter. \
    The ferry needs forty minutes to the island. Bicycles travel free of charge on Sundays.\n";

const TOPICS: &str = "# asked often\nWater:\n- When does the water of the northern bay boil?\n";

/// The folder of a user of the original, whose models are moved to this address by variables alone.
fn project(config: impl AsRef<[u8]>, topics: impl AsRef<[u8]>, url: &str) -> Bench {
    let mut bench = Bench::new()
        .file("config.yaml", config)
        .file("data/seeds/topics.yaml", topics)
        .file("knowledge/guide.txt", TEXT.repeat(20))
        .env("TOTAL_SAMPLES", "1")
        .env("MAX_TURNS", "3");
    for role in ["USER", "KB_RESPONDER", "QA_JUDGE"] {
        bench = bench.env(&format!("LLM_{role}_BASE_URL"), url);
    }
    bench
}

fn rows(bench: &Bench, path: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(bench.path(path)).unwrap();
    text.lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .collect()
}

fn assert_made(bench: &Bench, languages: usize) {
    let shown = bench.shown(&["dialogue", "run", "config.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let made = rows(bench, "outputs/conversations_sharegpt_judged.jsonl");
    assert_eq!(made.len(), languages);
    let labels: std::collections::BTreeSet<&str> = made
        .iter()
        .map(|row| row.at("metadata").str_or("language", ""))
        .collect();
    assert_eq!(labels.len(), languages);
    assert_says(&bench.shown(&["validate", "outputs"]), 0, &[]);
    let listed = bench.shown(&["dialogue", "show", "outputs"]);
    assert_says(&listed, 0, &["completed"]);
    let again = bench.shown(&["dialogue", "run", "config.yaml"]);
    assert_says(&again, 0, &["nothing was done"]);
}

#[test]
fn the_released_configuration_runs_as_it_is() {
    let (Some(text), Some(shared)) = (released(), forgemark_testkit::shared_dir()) else {
        println!("skipped: no material for tests beside the checkout");
        return;
    };
    let topics = shared.join("data/dialogue/data/seeds/topics.yaml");
    let endpoint = Endpoint::start(&Script::new(0)).unwrap();
    let bench = project(text, std::fs::read(topics).unwrap(), &endpoint.base_url());
    assert_made(&bench, 5);
    // The seed topics that it names are used once a variable says so.
    let seeded = bench
        .env("SEED_TOPICS_ENABLED", "true")
        .env("SEED_TOPICS_PROBABILITY", "1")
        .env("OUTPUT_DIR", "seeded");
    let shown = seeded.shown(&["dialogue", "run", "config.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let turns = rows(&seeded, "seeded/turns.jsonl");
    let first = turns.iter().filter(|row| row.i64_or("turn_index", 0) == 1);
    for row in first {
        assert_eq!(row.str_or("question_mode", ""), "seeded");
        assert!(!row.str_or("seed_topic", "").is_empty());
    }
}

#[test]
fn a_configuration_with_earlier_names_runs_as_it_is() {
    let endpoint = Endpoint::start(&Script::new(0)).unwrap();
    let bench = project(CONFIG, TOPICS, &endpoint.base_url());
    assert_made(&bench, 2);
    let turns = rows(&bench, "outputs/turns.jsonl");
    assert_eq!(turns.len(), 4, "two turns each, as `run.n_turns` says");
    let shown = bench.shown(&["dialogue", "run", "config.yaml"]);
    for said in [
        "`llm.agents.qa_generator` is an earlier name: write `llm.agents.user`",
        "`run.n_turns` is an earlier name: write `run.turns.exact`",
        "`personas.path`",
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
}

#[test]
fn secrets_are_taken_from_a_dot_env_file_beside_the_configuration() {
    let endpoint = Endpoint::start(&Script::new(0)).unwrap();
    let bench = project(CONFIG, TOPICS, &endpoint.base_url())
        .env("LLM_QA_GENERATOR_API_KEY_ENV", "ASKERS_API_KEY");
    let run = ["dialogue", "run", "config.yaml"];
    assert_says(&bench.shown(&run), 2, &["ASKERS_API_KEY"]);
    let bench = bench.file(
        ".env",
        "ASKERS_API_KEY='not-so-secret-1'\nLLM_QA_GENERATOR_API_KEY_ENV=OTHER\nTOTAL_SAMPLES=9\n",
    );
    let shown = bench.shown(&run);
    assert_says(&shown, 0, &["TOTAL_SAMPLES left out"]);
    assert!(!shown.contains("not-so-secret-1"), "{shown}");
    assert_eq!(rows(&bench, "outputs/synthetic_qa.jsonl").len(), 2);
}

#[test]
fn servers_that_are_not_started_here_are_attached() {
    let endpoint = Endpoint::start(&Script::new(0)).unwrap();
    let config = |mode: &str| {
        format!(
            "run: {{total_samples: 1}}\nllm:\n  mode: {mode}\n  routing: {{endpoints: ['{}']}}\n  agents: {{user: {{model: m}}, assistant: {{model: m}}}}\n",
            endpoint.base_url()
        )
    };
    let bench = Bench::new()
        .file("knowledge/guide.txt", TEXT.repeat(20))
        .file("c.yaml", config("vllm_attach"))
        .file("managed.yaml", config("vllm_managed"));
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let managed = bench.shown(&["dialogue", "run", "managed.yaml"]);
    assert_says(
        &managed,
        2,
        &["vllm_managed", "vllm_attach", "managed.yaml:3"],
    );
}

#[test]
fn seed_topics_are_migrated() {
    let bench = project(CONFIG, TOPICS, "http://127.0.0.1:9/v1");
    let path = bench.path("data/seeds/topics.yaml");
    let migrate = ["dialogue", "seeds-migrate", "config.yaml"];
    let refused = bench.shown(&migrate);
    assert_says(
        &refused,
        2,
        &["is there already", "--overwrite", "comments are not kept"],
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TOPICS);
    let done = bench.shown(&[&migrate[..], &["--overwrite"]].concat());
    assert_says(&done, 0, &["1 variants, 1 topics, 1 questions"]);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "version: 1\ndefaults:\n  by_target_language: {}\n  final_fallback: english\naliases: {}\nvariants:\n  english:\n    Water:\n    - \"When does the water of the northern bay boil?\"\n"
    );
    // A folder with an index and a file for each variant, into another file.
    let bench = bench
        .file(
            "old/index.json",
            "{\"aliases\": {\"arabic\": \"msa\"}, \"final_fallback\": \"msa\"}",
        )
        .file(
            "old/msa.yml",
            "Water: ['متى يغلي الماء؟', \"a: 'b' # c\"]\n",
        )
        .file(
            "old/english.yaml",
            "topics: {Water: [When?], 'yes': ['no']}\n",
        );
    let folder = bench.shown(
        &[
            &migrate[..],
            &[
                "--source-file",
                "old",
                "--dest-file",
                "new/t.yaml",
                "--json",
            ],
        ]
        .concat(),
    );
    assert_says(&folder, 0, &["\"variants\": 2", "\"questions\": 4"]);
    let again = bench.shown(
        &[
            &migrate[..],
            &["--source-file", "new/t.yaml", "--dest-file", "new/u.yaml"],
        ]
        .concat(),
    );
    assert!(again.starts_with("exit 0\n"), "{again}");
    let text = std::fs::read_to_string(bench.path("new/t.yaml")).unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.path("new/u.yaml")).unwrap(),
        text
    );
    for part in [
        "final_fallback: msa",
        "arabic: msa",
        "متى يغلي الماء؟",
        "\"a: 'b' # c\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let missing = bench.shown(
        &[
            &migrate[..],
            &["--source-file", "nowhere.yaml", "--overwrite"],
        ]
        .concat(),
    );
    assert_says(&missing, 2, &["nowhere.yaml", "--source-file"]);
    let bench = bench.file("bad.yaml", "Water: 3\n");
    let bad = bench.shown(&[&migrate[..], &["--source-file", "bad.yaml", "--overwrite"]].concat());
    assert_says(&bad, 2, &["topic `Water` is not a list of questions"]);
    assert!(!bench.path("data/seeds/.topics.yaml.tmp").exists());
}

#[test]
fn the_released_seed_topics_are_migrated_to_the_same() {
    let Some(shared) = forgemark_testkit::shared_dir() else {
        println!("skipped: no material for tests beside the checkout");
        return;
    };
    let text = std::fs::read(shared.join("data/dialogue/data/seeds/topics.yaml")).unwrap();
    let bench = project(CONFIG, text, "http://127.0.0.1:9/v1");
    let done = bench.shown(&["dialogue", "seeds-migrate", "config.yaml", "--overwrite"]);
    assert_says(&done, 0, &["8 variants"]);
}

/// A folder as the original leaves it, stopped in its second wave: the profile `compat` writes its format, and what was
/// made after the stop is taken out again.
fn stopped() -> Bench {
    let config = "run: {run_id: demo, batch_size: 2, total_samples: 4, turns: {mode: exact, exact: 2}}\n\
        judge: {mode: online}\nsaving: {profile: compat}\n\
        llm: {agents: {user: {model: 'scripted:dialogue'}, assistant: {model: 'scripted:dialogue'}, judge: {model: 'scripted:dialogue'}}}\n";
    let bench = Bench::new()
        .file("config.yaml", config)
        .file("knowledge/guide.txt", TEXT.repeat(20));
    let shown = bench.shown(&["dialogue", "run", "config.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    std::fs::remove_dir_all(bench.path("outputs/.forgemark")).unwrap();
    let gone = "demo-0001-0001";
    for entry in std::fs::read_dir(bench.path("outputs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let ledger = path.ends_with("coverage_ledger.jsonl");
        let mut kept: Vec<&str> = text.lines().filter(|line| !line.contains(gone)).collect();
        if ledger {
            // The last turn of the last conversation was not asked.
            kept.pop();
        }
        std::fs::write(&path, kept.join("\n") + "\n").unwrap();
    }
    std::fs::remove_file(bench.path(&format!("outputs/conversations/{gone}.json"))).unwrap();
    let path = bench.path("outputs/run_state/demo-0001.json");
    let mut state = json::parse(&std::fs::read(&path).unwrap()).unwrap();
    let object = state.as_object_mut().unwrap();
    object.insert("status", "in_progress");
    let slots = object.get_mut("conversations").and_then(Json::as_array_mut);
    let slot = slots.unwrap()[1].as_object_mut().unwrap();
    slot.insert("status", "active");
    for key in ["turns", "raw_results"] {
        slot.get_mut(key)
            .and_then(Json::as_array_mut)
            .unwrap()
            .truncate(1);
    }
    std::fs::write(&path, json::to_pretty(&state)).unwrap();
    bench
}

#[test]
fn a_folder_of_the_original_is_shown_proven_and_gone_on_with() {
    let bench = stopped();
    let before = std::fs::read(bench.path("outputs/run_state/demo-0001.json")).unwrap();
    assert_says(&bench.shown(&["validate", "outputs"]), 0, &[]);
    let listed = bench.shown(&["dialogue", "show", "outputs"]);
    assert_says(&listed, 0, &["demo-0001-0000"]);
    assert_says(
        &bench.shown(&["dialogue", "show", "outputs", "demo-0000"]),
        0,
        &["demo-0000"],
    );
    // Moving is one command: the configuration as it is, and the state that is to go on.
    let run = [
        "dialogue",
        "run",
        "config.yaml",
        "--set",
        "saving.profile=forgemark",
    ];
    let unknown = bench.shown(&[&run[..], &["--set", "run.resume_run_id=demo-0007"]].concat());
    assert_says(&unknown, 2, &["demo-0007", "demo, demo-0001"]);
    let bench = bench.env("RESUME_RUN_ID", "demo-0001");
    let shown = bench.shown(&run);
    assert_says(&shown, 0, &["continuing run demo", "4 of 4"]);
    let dataset = rows(&bench, "outputs/synthetic_qa.jsonl");
    assert_eq!(dataset.len(), 4);
    let last = &dataset[3];
    assert_eq!(last.str_or("conversation_id", ""), "demo-0001-0001");
    assert_eq!(last.items("turns").len(), 2);
    assert_eq!(last.at("forgemark").i64_or("taken_over", -1), 1);
    assert_says(&bench.shown(&["validate", "outputs"]), 0, &[]);
    assert_eq!(
        std::fs::read(bench.path("outputs/run_state/demo-0001.json")).unwrap(),
        before
    );
    assert_says(&bench.shown(&run), 0, &["nothing was done"]);
    assert_says(&bench.shown(&["status", "outputs"]), 0, &["demo"]);
}

#[test]
fn a_damaged_state_of_the_original_is_refused_and_left_as_it_is() {
    let bench = stopped().env("RESUME_RUN_ID", "demo-0001");
    let path = bench.path("outputs/run_state/demo-0001.json");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    let dataset = std::fs::read(bench.path("outputs/synthetic_qa.jsonl")).unwrap();
    let shown = bench.shown(&["dialogue", "run", "config.yaml"]);
    assert!(shown.starts_with("exit 2\n"), "{shown}");
    for part in ["demo-0001.json", "it is no JSON", "nothing was changed"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), whole[..whole.len() - 40]);
    assert_eq!(
        std::fs::read(bench.path("outputs/synthetic_qa.jsonl")).unwrap(),
        dataset
    );
}
