//! `forgemark dialogue judge` by the binary: what it prints, its exit codes, and that the configuration stays as it is.

use forgemark_contract::json::{self, Json};

use crate::command::{Bench, assert_says, code};

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter. \
    The ferry needs forty minutes to the island. Bicycles travel free of charge on Sundays.\n";

/// Three conversations, whose run does not judge.
fn made(agents: &str) -> Bench {
    let config = format!(
        "run: {{total_samples: 3, turns: {{min: 2, max: 2}}}}\njudge: {{mode: offline}}\nllm: {{agents: {{{agents}}}}}\n"
    );
    let bench = Bench::new()
        .file("c.yaml", config)
        .file("knowledge/a.txt", TEXT.repeat(20));
    let run = bench.run(&["dialogue", "run", "c.yaml", "--progress", "none"]);
    assert_eq!(code(&run), 0);
    bench
}

const OFFLINE: &str = "user: {model: 'offline:user'}, assistant: {model: 'offline:assistant'}, judge: {model: 'offline:judge'}";

fn judge(bench: &Bench, more: &[&str]) -> Json {
    let mut args = vec!["dialogue", "judge", "c.yaml", "--json"];
    args.extend(more);
    let output = bench.run(&args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(code(&output), 0, "{said}");
    json::parse(&output.stdout).unwrap()
}

#[test]
fn conversations_are_judged_later_and_the_configuration_stays() {
    let bench = made(OFFLINE);
    let config = std::fs::read(bench.path("c.yaml")).unwrap();
    let estimate = judge(&bench, &["--estimate"]);
    assert_eq!(estimate.at("calls").at("judge").as_u64(), Some(6));
    assert_eq!(estimate.at("judged").as_u64(), Some(0));

    let shown = bench.shown(&["dialogue", "judge", "c.yaml"]);
    assert_says(
        &shown,
        0,
        &[
            "complete",
            "conversations judged",
            "3 of 3",
            "without a score",
            "mean score (0 to 10)",
            "next: forgemark validate",
        ],
    );
    let shown = bench.shown(&["dialogue", "judge", "c.yaml"]);
    assert_says(&shown, 0, &["nothing was done"]);
    let whole = judge(&bench, &["--granularity", "conversation"]);
    assert_eq!(whole.str_or("granularity", ""), "conversation");
    assert_eq!(
        (whole.at("judged_now").as_u64(), whole.at("units").as_u64()),
        (Some(3), Some(3))
    );
    let panel =
        "judge.panel=[{name: a, model: 'offline:judge'}, {name: b, model: 'scripted:dialogue'}]";
    let shown = bench.shown(&[
        "dialogue", "judge", "c.yaml", "--repeat", "2", "--set", panel,
    ]);
    assert_says(
        &shown,
        0,
        &[
            "sd of repeats",
            "a / b",
            "within 1 point",
            "Krippendorff's alpha",
        ],
    );
    let again = judge(&bench, &["--repeat", "2", "--set", panel]);
    assert_eq!(again.at("judged_now").as_u64(), Some(0));
    assert_eq!(again.items("judges").len(), 2);
    assert_eq!(again.items("pairs").len(), 1);

    assert_says(
        &bench.shown(&["status", "outputs"]),
        0,
        &["judged later", "6 by turn", "a, b"],
    );
    assert_says(
        &bench.shown(&["validate", "outputs"]),
        0,
        &["judgements.jsonl"],
    );
    let run = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert_says(&run, 0, &["nothing was done"]);
    assert_says(&bench.shown(&["validate", "outputs"]), 0, &[]);
    assert_eq!(std::fs::read(bench.path("c.yaml")).unwrap(), config);
}

#[test]
fn a_part_is_exit_5_and_the_same_command_goes_on() {
    let bench = made(OFFLINE);
    let shown = bench.shown(&["dialogue", "judge", "c.yaml", "--limit", "1"]);
    assert_says(
        &shown,
        5,
        &["1 of 3", "the same command goes on with the rest"],
    );
    assert_says(&bench.shown(&["validate", "outputs"]), 0, &[]);
    let rest = judge(&bench, &[]);
    assert_eq!(
        (rest.at("judged").as_u64(), rest.at("judged_now").as_u64()),
        (Some(3), Some(2))
    );
}

#[test]
fn what_is_missing_is_named() {
    let bench = made("user: {model: 'offline:user'}, assistant: {model: 'offline:assistant'}");
    let shown = bench.shown(&["dialogue", "judge", "c.yaml"]);
    assert_says(
        &shown,
        2,
        &["llm.agents.judge.model", "is not set", "offline:judge"],
    );
    let judge = "llm.agents.judge.model=offline:judge";
    let shown = bench.shown(&[
        "dialogue",
        "judge",
        "c.yaml",
        "--set",
        judge,
        "--set",
        "saving.output_dir=elsewhere",
    ]);
    assert!(
        shown.contains("there is no synthetic_qa.jsonl in"),
        "{shown}"
    );
    assert!(!shown.starts_with("exit 0"), "{shown}");
    assert!(!bench.path("elsewhere").exists(), "nothing is made");
    for (panel, what) in [
        ("judge.panel=[{name: a, modl: x}]", "modl"),
        ("judge.panel=[m, m]", "a second time"),
        ("judge.panel=[{model: m, api_key: x}]", "api_key"),
    ] {
        let shown = bench.shown(&[
            "dialogue", "judge", "c.yaml", "--set", judge, "--set", panel,
        ]);
        assert!(
            shown.starts_with("exit 2") && shown.contains(what),
            "{panel}: {shown}"
        );
    }
}
