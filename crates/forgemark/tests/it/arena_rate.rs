//! `forgemark arena stats`, `rate`, `policy` and `adjudicate` on a small arena: `q` and `r` ask, `a` and `b` answer too.

use forgemark_contract::json::{Json, parse};

use crate::command::{Bench, assert_says, code};

/// Questions of one model, one for each run.
fn questions(runs: &[&str]) -> String {
    let entries: Vec<String> = runs
        .iter()
        .map(|run| {
            format!(
                r#"{{"run_id":"{run}","outer_attempt":1,"topic_slug":"sums","status":"succeeded","generation_rounds":[{{"refinement_rounds":[{{"round":1,"question":"What is <b>1+1</b>?","answer":"2","evaluation":{{"verdict":"pass"}}}}],"status":"succeeded"}}]}}"#
            )
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn answers(asker: &str, answerer: &str, runs: &[&str]) -> String {
    let entries: Vec<String> = runs
        .iter()
        .map(|run| {
            format!(
                r#"{{"question_model":"{asker}","answer_model":"{answerer}","question":"What is 1+1?","run_id":"{run}","outer_attempt":1,"status":"succeeded","attempts":[{{"round":1,"answer":"</div><script>alert(1)</script>"}}]}}"#
            )
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn critiques(asker: &str, critic: &str, answerer: &str, verdicts: &[(&str, &str)]) -> String {
    let entries: Vec<String> = verdicts
        .iter()
        .map(|(run, verdict)| {
            format!(
                r#"{{"question":"What is 1+1?","run_id":"{run}","outer_attempt":1,"question_author":"{asker}","critic":"{critic}","answer_author":"{answerer}","status":"succeeded","attempts":[{{"round":1,"raw_critique":"c","verdict":"{verdict}","notes":"n"}}]}}"#
            )
        })
        .collect();
    format!("[{}]", entries.join(","))
}

fn decisions(asker: &str, answerer: &str, decided: &[(&str, &str)]) -> String {
    let entries: Vec<String> = decided
        .iter()
        .map(|(run, verdict)| {
            format!(
                r#"{{"type":"critique","mode":"evaluator","question_model":"{asker}","answer_model":"{answerer}","critic_model":"{asker}","verdict":"{verdict}","confidence":5,"run_id":"{run}","outer_attempt":1}}"#
            )
        })
        .collect();
    format!(r#"{{"decisions":[{}]}}"#, entries.join(","))
}

/// `a` wins two of three games against `q` and `b` one of three; a person decides what the judges do not.
fn arena() -> Bench {
    let runs = ["1", "2", "3"];
    let own = [("1", "correct"), ("2", "correct"), ("3", "correct")];
    let found = [("1", "correct"), ("2", "incorrect"), ("3", "incorrect")];
    Bench::new()
        .file("arena/benchmarks/q.json", questions(&runs))
        .file("arena/answers/q/a.json", answers("q", "a", &runs))
        .file("arena/answers/q/b.json", answers("q", "b", &runs))
        .file(
            "arena/critiques/contradictor/q/a__q.json",
            critiques("q", "a", "q", &own),
        )
        .file(
            "arena/critiques/contradictor/q/b__q.json",
            critiques("q", "b", "q", &own),
        )
        .file(
            "arena/critiques/evaluator/q/q__a.json",
            critiques("q", "q", "a", &found),
        )
        .file(
            "arena/critiques/evaluator/q/q__b.json",
            critiques("q", "q", "b", &found),
        )
        .file(
            "arena/automated_evaluations/j.json",
            decisions("q", "a", &[("2", "claimant_wins"), ("3", "wrong_problem")]),
        )
        .file(
            "arena/automated_evaluations/k.json",
            decisions("q", "b", &[("2", "claimant_wins"), ("3", "unknown")]),
        )
        .file(
            "arena/evaluations/eve.json",
            decisions("q", "b", &[("3", "mixed")]),
        )
}

fn json(bench: &Bench, args: &[&str]) -> Json {
    let output = bench.run(args);
    assert_eq!(
        code(&output),
        0,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&output.stdout).unwrap()
}

#[test]
fn games_are_counted_and_rated() {
    let bench = arena();
    let value = json(
        &bench,
        &["arena", "rate", "arena", "--json", "--bootstrap", "50"],
    );
    assert_eq!(value.at("games").as_u64(), Some(6));
    assert_eq!(value.at("valid_questions").as_u64(), Some(3));
    assert_eq!(
        value.at("policy").at("name").as_str(),
        Some("panel-then-human")
    );
    let rows = value.items("ratings");
    let row = |model: &str| {
        rows.iter()
            .find(|row| row.at("model").as_str() == Some(model))
            .unwrap()
    };
    assert_eq!(
        (row("a").at("wins").as_u64(), row("a").at("losses").as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!(
        (row("b").at("wins").as_u64(), row("b").at("losses").as_u64()),
        (Some(1), Some(2))
    );
    // Against one questioner a rating is the logit of the share: 400 log10 2 to each side.
    let elo = row("a").at("elo").as_f64().unwrap();
    assert!(
        (elo - (1000.0 + 400.0 * 2.0_f64.log10())).abs() < 1e-6,
        "{elo}"
    );
    // The panel alone leaves one open.
    let value = json(
        &bench,
        &[
            "arena",
            "rate",
            "arena",
            "--json",
            "--policy",
            "head",
            "--bootstrap",
            "0",
        ],
    );
    assert_eq!(
        (value.at("games").as_u64(), value.at("unresolved").as_u64()),
        (Some(5), Some(1))
    );
}

#[test]
fn every_model_and_output_works() {
    let bench = arena();
    for model in ["bipartite", "itemised", "firth", "corrected", "gradient"] {
        let shown = bench.shown(&[
            "arena",
            "rate",
            "arena",
            "--model",
            model,
            "--bootstrap",
            "20",
        ]);
        assert_says(
            &shown,
            0,
            &[
                &format!("model             {model}"),
                "policy panel-then-human (",
            ],
        );
    }
    let args = [
        "arena",
        "rate",
        "arena",
        "--bootstrap",
        "20",
        "--sensitivity",
        "--csv",
        "out/r.csv",
        "--svg",
        "out/svg",
        "--html",
        "out/site",
    ];
    let shown = bench.shown(&args);
    assert_says(&shown, 0, &["without j", "mixed defender", "quorum full"]);
    let read = |path: &str| std::fs::read_to_string(bench.path(path)).unwrap();
    assert!(read("out/r.csv").starts_with("role,model,elo,"));
    assert_eq!(read("out/r.csv").lines().count(), 4);
    assert!(read("out/svg/answerers.svg").starts_with("<svg "));
    assert!(read("out/svg/matrix.svg").contains("</svg>"));
    let page = read("out/site/questions/0000-q--run-1--attempt-1.html");
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script"),
        "{page}"
    );
    assert!(read("out/site/index.html").contains("questions/0000-q--run-1--attempt-1.html"));
    bench.shown(&[
        "arena",
        "rate",
        "arena",
        "--bootstrap",
        "0",
        "--html",
        "out/one.html",
    ]);
    assert!(read("out/one.html").contains("href=\"#q0\""));
}

#[test]
fn statistics_say_what_the_decisions_add_up_to() {
    let bench = arena();
    let shown = bench.shown(&["arena", "stats", "arena"]);
    assert_says(
        &shown,
        0,
        &["policy stats (", "critique upheld", "Krippendorff"],
    );
    let value = json(&bench, &["arena", "stats", "arena", "--json"]);
    let outcomes = value.at("flow_outcomes");
    let count = |key: &str| outcomes.at(key).as_u64();
    assert_eq!(
        (
            count("candidates"),
            count("answerer_wins"),
            count("questioner_wins"),
            count("dropped")
        ),
        (Some(6), Some(3), Some(2), Some(1))
    );
}

#[test]
fn a_policy_is_printed_in_full_and_read_back() {
    let bench = arena();
    let printed = bench.run(&["arena", "policy", "head", "--json"]);
    assert_eq!(code(&printed), 0);
    std::fs::write(bench.path("mine.json"), &printed.stdout).unwrap();
    let digest = |args: &[&str]| {
        let value = json(
            &bench,
            &[
                &["arena", "rate", "arena", "--bootstrap", "0", "--json"],
                args,
            ]
            .concat(),
        );
        value.at("policy_digest").as_str().unwrap().to_owned()
    };
    assert_eq!(
        digest(&["--policy", "head"]),
        digest(&["--policy", "mine.json"])
    );
    let shown = bench.shown(&["arena", "policy"]);
    assert_says(
        &shown,
        0,
        &[
            "policy head (",
            "policy stats (",
            "policy panel-then-human (",
            "people-then-panel",
        ],
    );
    let shown = bench.shown(&["arena", "rate", "arena", "--policy", "heads"]);
    assert_says(
        &shown,
        2,
        &[
            "there is no policy and no file 'heads'",
            "did you mean `head`?",
        ],
    );
    let bench = bench.file(
        "bad.json",
        r#"{"rules": {"evaluator": {"quorom": "full"}}}"#,
    );
    let shown = bench.shown(&["arena", "rate", "arena", "--policy", "bad.json"]);
    assert_says(
        &shown,
        2,
        &[
            "bad.json: rules.evaluator: there is no 'quorom'",
            "did you mean `quorum`?",
        ],
    );
}

#[test]
fn adjudications_say_who_is_right() {
    let bench = arena();
    let shown = bench.shown(&["arena", "adjudicate", "arena"]);
    assert_says(&shown, 0, &["arena/adjudications.jsonl: 13 adjudications"]);
    let text = std::fs::read_to_string(bench.path("arena/adjudications.jsonl")).unwrap();
    let lines: Vec<Json> = text
        .lines()
        .map(|line| parse(line.as_bytes()).unwrap())
        .collect();
    let of = |subject: &str| {
        lines
            .iter()
            .filter(|line| line.at("subject").as_str() == Some(subject))
            .count()
    };
    assert_eq!((of("question"), of("claim"), of("answer")), (3, 4, 6));
    let answer = lines
        .iter()
        .rfind(|line| line.at("answer_model").as_str() == Some("b"))
        .unwrap();
    assert_eq!(answer.at("outcome").as_str(), Some("wrong"));
    assert_eq!(answer.at("reason").as_str(), Some("critique_upheld"));
    assert_eq!(answer.items("decided_by"), [Json::from("eve")]);
    assert_eq!(answer.at("reward").as_f64(), Some(0.0));
    // The file stands beside the arena's and disturbs nothing.
    let again = bench.run(&["arena", "adjudicate", "arena", "--json"]);
    assert_eq!(code(&again), 0);
    assert_eq!(
        std::fs::read_to_string(bench.path("arena/adjudications.jsonl")).unwrap(),
        text
    );
}

#[test]
fn parts_are_rated_by_themselves() {
    let rate = |more: &[&str]| {
        let all = [
            "arena",
            "rate",
            "arena",
            "--model",
            "firth",
            "--bootstrap",
            "0",
        ];
        arena().shown(&[&all, more].concat())
    };
    let shown = rate(&["--by", "topic"]);
    assert_says(&shown, 0, &["Each topic by itself", "sums"]);
    let shown = rate(&["--by", "attempt", "--json"]);
    let line = shown.lines().find(|line| line.starts_with('{')).unwrap();
    let value = parse(line.as_bytes()).unwrap();
    assert_eq!(value.str_or("parts_by", ""), "attempt");
    let parts = value.items("parts");
    // There is one attempt only, so it is all there is.
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].str_or("part", ""), "1");
    for key in ["games", "valid_questions", "log_likelihood"] {
        assert_eq!(parts[0].at(key), value.at(key), "{key}");
    }
}
