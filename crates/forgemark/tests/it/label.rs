//! `forgemark arena label` in a pseudo terminal, and without one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use forgemark_testkit::arena;
use nix::pty::{Winsize, openpty};

use crate::command::{Bench, assert_says};

fn bench() -> Bench {
    let files = arena::contested().into_iter();
    files.fold(
        Bench::new().env("TERM", "xterm-256color"),
        |bench, (path, text)| bench.file(&format!("arena/{path}"), text),
    )
}

/// The program in a pseudo terminal. It is ended when the test ends, however that is.
struct Labeller {
    child: Child,
    terminal: File,
    seen: Vec<u8>,
}

impl Labeller {
    fn start(bench: &Bench) -> Self {
        let size = Winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut command = bench.command(&["arena", "label", "arena", "--user", "ann"]);
        command.stdin(end()).stdout(end()).stderr(end());
        Labeller {
            child: command.spawn().unwrap(),
            terminal: File::from(pair.master),
            seen: Vec::new(),
        }
    }

    /// Reads until the program has written this since the last wait.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let found = |seen: &[u8]| {
            seen.windows(text.len())
                .position(|part| part == text.as_bytes())
        };
        loop {
            if let Some(at) = found(&self.seen) {
                self.seen.drain(..at + text.len());
                return;
            }
            assert!(
                self.read(),
                "{text}: {}",
                String::from_utf8_lossy(&self.seen)
            );
        }
    }

    /// Reads once; whether there was anything. The other end of a terminal that nobody has open any more is an error.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let n = self.terminal.read(&mut buffer).unwrap_or(0);
        self.seen.extend_from_slice(&buffer[..n]);
        n > 0
    }

    fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }
}

impl Drop for Labeller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn labels(bench: &Bench) -> String {
    std::fs::read_to_string(bench.path("arena/evaluations/ann.json")).unwrap()
}

#[test]
fn what_is_saved_survives_a_kill_and_the_next_start_goes_on() {
    let bench = bench();
    let mut labeller = Labeller::start(&bench);
    labeller.wait_for("claim 1/2");
    labeller.press("4");
    labeller.wait_for("unsaved");
    labeller.press("\r");
    labeller.wait_for("saved:");
    // Another process is kept off while this one runs.
    let shown = bench.shown(&[
        "arena",
        "label",
        "arena",
        "--user",
        "ann",
        "--verdict",
        "x=mixed",
    ]);
    assert_says(&shown, 2, &["arena/.forgemark/label-ann.lock", "process "]);
    drop(labeller);
    assert_eq!(
        labels(&bench)
            .matches("\"verdict\": \"wrong_problem\"")
            .count(),
        1
    );

    let mut labeller = Labeller::start(&bench);
    labeller.wait_for("claim 2/2");
    labeller.press("1");
    labeller.wait_for("unsaved");
    labeller.press("ctwo\r\r");
    labeller.wait_for("saved:");
    labeller.press("q");
    // The terminal is given back: the alternate screen is left.
    labeller.wait_for("\u{1b}[?1049l");
    labeller.wait_for("2 of 2 claims labelled: arena/evaluations/ann.json");
    assert!(labeller.child.wait().unwrap().success());
    let labels = labels(&bench);
    assert!(labels.contains("\"comment\": \"two\""), "{labels}");
    assert_eq!(labels.matches("\"run_id\"").count(), 2);
}

#[test]
fn without_a_terminal_the_way_is_said() {
    let shown = bench().shown(&["arena", "label", "arena", "--user", "ann"]);
    assert_says(
        &shown,
        2,
        &["labelling needs a terminal", "--verdict KEY=VERDICT"],
    );
}

#[test]
fn claims_are_listed_shown_and_labelled_without_a_terminal() {
    let bench = bench();
    let label = |args: &[&str]| {
        let all = ["arena", "label", "arena", "--user", "ann"];
        bench.shown(&[&all, args].concat())
    };
    let listed = label(&["--list"]);
    assert_says(
        &listed,
        0,
        &["the answer is faulty", "Number theory", "0 of 2 labelled"],
    );
    for name in arena::ANSWERERS.iter().chain(&[arena::QUESTIONER]) {
        assert!(!listed.contains(name), "{listed}");
    }
    assert!(
        !bench.path("arena/.forgemark").exists(),
        "listing writes nothing"
    );
    let ticket = listed
        .split_whitespace()
        .find(|word| word.len() == 10 && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .unwrap();
    let shown = label(&["--show", ticket]);
    assert_says(&shown, 0, &["As [claimant] knows", "Round 1, defender"]);
    assert!(
        !shown.contains("wrong_problem") && !shown.contains("gpt"),
        "{shown}"
    );

    let verdict = |word: &str| format!("{ticket}={word}");
    let shown = label(&["--verdict", &verdict("mixd")]);
    assert_says(
        &shown,
        2,
        &["'mixd' is no verdict", "did you mean `mixed`?"],
    );
    let shown = label(&["--verdict", "nowhere=mixed"]);
    assert_says(&shown, 2, &["there is no claim 'nowhere'", "--list"]);
    assert_says(&label(&["--verdict", ticket]), 2, &["KEY=VERDICT"]);
    assert_says(
        &label(&["--verdict", &verdict("mixed"), "--confidence", "6"]),
        2,
        &["1..=5"],
    );
    assert_says(&label(&["--confidence", "5"]), 2, &["--verdict"]);
    assert!(!bench.path("arena/evaluations").exists());

    let told = ["--confidence", "5", "--comment", "so"];
    let shown = label(&[&["--verdict", &verdict("mixed")], &told[..]].concat());
    assert_says(&shown, 0, &["mixed saved in arena/evaluations/ann.json"]);
    // What is not said again stays.
    assert_says(
        &label(&["--verdict", &verdict("other"), "--json"]),
        0,
        &["\"confidence\": 5, \"comment\": \"so\""],
    );
    assert_says(
        &label(&["--list", "--queue", "rank-information"]),
        0,
        &["other", "1 of 2 labelled", "swaps"],
    );
    let shown = label(&["--show", ticket]);
    assert_says(
        &shown,
        0,
        &[
            "Your label: other, confidence 5",
            "Judge deepseek-v3: claimant_wins",
        ],
    );
    let shown = label(&["--show", ticket, "--json"]);
    assert_says(
        &shown,
        0,
        &["\"names_replaced\": 0", "\"claimant\": \"openai-gpt-4o\""],
    );
}

#[test]
fn what_cannot_be_labelled_is_said_with_file_and_remedy() {
    let label = |bench: &Bench, user: &str| {
        bench.shown(&["arena", "label", "arena", "--user", user, "--list"])
    };
    let shown = label(&bench(), "../ann");
    assert_says(&shown, 2, &["'../ann' cannot be a user's name"]);
    let cut = bench().file("arena/evaluations/ann.json", "{\"decisions\": [{\"type\"");
    let shown = label(&cut, "ann");
    assert_says(
        &shown,
        1,
        &[
            "arena/evaluations/ann.json cannot be read as labels",
            "line 1, column 23",
        ],
    );
    assert_eq!(labels(&cut), "{\"decisions\": [{\"type\"");
}

/// The commands that read an arena, each with what it is called with; how a store takes it in is tested with the store.
const READERS: [&[&str]; 3] = [
    &["arena", "check", "arena"],
    &["arena", "stats", "arena"],
    &["arena", "label", "arena", "--user", "ann", "--list"],
];

#[test]
fn a_cut_file_is_named_by_every_command() {
    let path = "critiques/evaluator/openai-gpt-4o/openai-gpt-4o__meta-llama-4.json";
    let whole = arena::contested();
    let (_, text) = whole.iter().find(|(found, _)| found == path).unwrap();
    let bench = bench().file(&format!("arena/{path}"), &text[..text.len() / 2]);
    for command in READERS {
        let shown = bench.shown(command);
        assert!(
            shown.contains(&format!("{path}: line 1, column ")),
            "{command:?}: {shown}"
        );
    }
}

#[test]
fn two_files_of_one_key_are_named_by_every_command() {
    // A second file of the same critic and answerer, below another questioner's name.
    let path = "critiques/evaluator/openai-gpt-4o/openai-gpt-4o__meta-llama-4.json";
    let other = "critiques/evaluator/openai-gpt-4o/openai-gpt-4o__other.json";
    let whole = arena::contested();
    let (_, text) = whole.iter().find(|(found, _)| found == path).unwrap();
    let bench = bench().file(&format!("arena/{other}"), text);
    let key = "1/openai-gpt-4o/meta-llama-4/openai-gpt-4o/evaluator/1";
    for command in READERS {
        let shown = bench.shown(command);
        for part in [other, key] {
            assert!(shown.contains(part), "{command:?}: {part}: {shown}");
        }
    }
}

#[test]
fn a_record_in_a_wrong_place_is_named_by_every_command() {
    let path = "answers/openai-gpt-4o/meta-llama-4.json";
    let whole = arena::contested();
    let (_, text) = whole.iter().find(|(found, _)| found == path).unwrap();
    let other = text.replace(
        "\"answer_model\": \"meta-llama-4\"",
        "\"answer_model\": \"qwen-3\"",
    );
    let bench = bench().file(&format!("arena/{path}"), &other);
    let said = "answers/openai-gpt-4o/meta-llama-4.json[0]: 1/openai-gpt-4o/qwen-3/1: answer_model: expected meta-llama-4, found qwen-3";
    for command in READERS {
        let shown = bench.shown(command);
        assert!(shown.contains(said), "{command:?}: {shown}");
    }
}
