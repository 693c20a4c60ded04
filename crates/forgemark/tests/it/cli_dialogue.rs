//! Dialogue runs by the binary: the demo, what it leaves behind, and how it takes what goes wrong.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forgemark_contract::json::{self, Json};
use forgemark_model::scripted::{Behaviour, Latency, Matcher, Script};
use forgemark_testkit::endpoint::Endpoint;

use crate::command::{Bench, assert_says, code};

const TEXT: &str = "Water boils at 100 degrees at sea level. Ice melts at 0 degrees in the valley. \
    The lighthouse was built in 1862 by Anna Berg. The harbour closes at nine in winter. \
    The ferry needs forty minutes to the island. Bicycles travel free of charge on Sundays.\n";

const OFFLINE: &str = "llm: {agents: {user: {model: 'offline:user'}, assistant: {model: 'offline:assistant'}, judge: {model: 'offline:judge'}}}\n";

fn offline(more: &str) -> Bench {
    Bench::new()
        .file("c.yaml", format!("{more}\n{OFFLINE}"))
        .file("knowledge/a.txt", TEXT.repeat(3))
}

/// A run whose conversations take long enough to be stopped in their middle.
fn slow(endpoint: &Endpoint) -> Bench {
    let url = endpoint.base_url();
    let config = format!(
        "run: {{total_samples: 6, concurrency: 2}}\n\
         llm:\n  agents:\n    user: {{model: scripted-1, base_url: '{url}'}}\n    assistant: {{model: scripted-1, base_url: '{url}'}}\n"
    );
    Bench::new()
        .file("c.yaml", config)
        .file("knowledge/a.txt", TEXT.repeat(20))
        .env("SOURCE_DATE_EPOCH", "1700000000")
}

/// The run in a process that prints nothing.
fn start_unseen(bench: &Bench) -> Child {
    bench
        .command(&["dialogue", "run", "c.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn endpoint(user_ms: f64) -> Endpoint {
    let slow = Behaviour::NONE.latency(Latency::Fixed { ms: user_ms });
    Endpoint::start(&Script::new(0).rule(Matcher::role("user_turn"), slow)).unwrap()
}

fn lines(bench: &Bench, path: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(bench.path(path)).unwrap();
    text.lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .collect()
}

/// What a child that was started with pipes has printed, once it has ended.
fn read_all(stream: Option<impl std::io::Read>) -> String {
    let mut text = String::new();
    stream.unwrap().read_to_string(&mut text).unwrap();
    text
}

fn training_sets_are_made(bench: &Bench) {
    assert_eq!(lines(bench, "forgemark-demo/cuts/sft/sft.jsonl").len(), 8);
    let labelled = lines(bench, "forgemark-demo/cuts/preference/preference.jsonl");
    for label in [true, false] {
        let any = labelled
            .iter()
            .any(|line| line.at("label") == &Json::Bool(label));
        assert!(any, "no answer is labelled {label}");
    }
    let proven = bench.shown(&["export", "verify", "forgemark-demo/cuts/sft"]);
    assert!(proven.starts_with("exit 0\n"), "{proven}");
}

#[test]
fn the_demo_ends_with_a_table_and_files_and_a_second_one_has_nothing_to_do() {
    let bench = Bench::new();
    let shown = bench.shown(&["demo"]);
    assert_says(
        &shown,
        0,
        &[
            "conversations",
            "8 of 8",
            "mean judge score",
            "mean support",
            "dropped",
            "cost",
            "forgemark-demo/forgemark.yaml",
            "forgemark dialogue show forgemark-demo/outputs",
        ],
    );
    for (file, most) in [
        ("synthetic_qa.jsonl", 8),
        ("conversations_sharegpt.jsonl", 8),
        ("conversations_sharegpt_judged.jsonl", 8),
        ("conversations_index.jsonl", usize::MAX),
    ] {
        let n = lines(&bench, &format!("forgemark-demo/outputs/{file}")).len();
        assert!((8..=most).contains(&n), "{file} has {n} lines");
    }
    if cfg!(feature = "store") {
        training_sets_are_made(&bench);
    }
    let again = bench.shown(&["demo"]);
    assert!(again.starts_with("exit 0\n"), "{again}");
    if cfg!(feature = "store") {
        training_sets_are_made(&bench);
    }
    assert!(again.contains("nothing was done"), "{again}");
    let shown = bench.shown(&["dialogue", "show", "forgemark-demo/outputs"]);
    assert!(shown.contains("completed"), "{shown}");
}

#[test]
fn the_demo_says_which_server_does_not_answer() {
    let bench = Bench::new();
    let closed = "http://127.0.0.1:9/v1";
    let shown = bench.shown(&["demo", "--endpoint", closed, "--model", "m"]);
    assert!(shown.starts_with("exit 3\n"), "{shown}");
    assert!(
        shown.contains("role user") && shown.contains(closed),
        "{shown}"
    );
    let other = bench.shown(&["demo"]);
    assert!(other.starts_with("exit 2\n"), "{other}");
    assert!(
        other.contains("with other settings") && other.contains("--dir"),
        "{other}"
    );
    let half = bench.shown(&["demo", "--dir", "d", "--endpoint", closed]);
    assert!(
        half.starts_with("exit 2\n") && half.contains("--model"),
        "{half}"
    );
    assert!(
        !bench.path("d").exists(),
        "nothing may be made by a wrong command line"
    );
}

#[test]
fn a_refusal_names_the_documents_that_differ_also_the_second_time() {
    let bench = offline("run: {total_samples: 1}").file("knowledge/b.txt", TEXT);
    let run = ["dialogue", "run", "c.yaml"];
    let shown = bench.shown(&run);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    std::fs::rename(bench.path("knowledge/b.txt"), bench.path("knowledge/c.txt")).unwrap();
    let bench = bench
        .file("knowledge/a.txt", TEXT)
        .file("knowledge/new.txt", TEXT.repeat(2));
    // The index has followed the files by the second time.
    for _ in 0..2 {
        let shown = bench.shown(&run);
        assert_says(
            &shown,
            2,
            &[
                "documents changed: a.txt",
                "documents renamed: b.txt to c.txt",
                "documents added: new.txt",
                "--new-run",
            ],
        );
    }
}

#[test]
fn acceptance_8_2_6_used_up_documents_are_said_before_the_run_and_stand_in_its_rows() {
    let bench = offline("run: {total_samples: 3}\ncoverage: {exhaustion: warn}");
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(
        shown.starts_with("exit 0\n") && shown.contains("passages will be offered again"),
        "{shown}"
    );
    let rows = std::fs::read_to_string(bench.path("outputs/synthetic_qa.jsonl")).unwrap();
    assert!(rows.lines().count() >= 3, "{rows}");
    let used_again = rows
        .lines()
        .filter(|row| !row.contains("\"material_uses\": 0"));
    assert!(used_again.count() > 0, "{rows}");
    assert!(
        !rows.contains("\"offered\": []"),
        "no turn is without a passage"
    );
}

#[test]
fn a_forecast_has_intervals_once_something_is_measured() {
    let bench = offline("run: {total_samples: 6, turns: {min: 1, max: 3}}");
    let shown = bench.shown(&["dialogue", "run", "c.yaml", "--estimate"]);
    assert!(shown.contains("disk, assumed:"), "{shown}");
    let json = [
        "dialogue",
        "run",
        "c.yaml",
        "--estimate",
        "--probe",
        "3",
        "--json",
    ];
    let shown = bench.shown(&json);
    assert!(
        shown.contains("\"disk_bytes_interval\"") && shown.contains("prediction interval"),
        "{shown}"
    );
    let shown = bench.shown(&["dialogue", "run", "c.yaml", "--estimate", "--probe", "3"]);
    assert!(
        shown.contains("measured over") && shown.contains("disk "),
        "{shown}"
    );
}

#[test]
fn views_goals_and_languages_are_seen_from_outside() {
    let bench = offline(
        "run: {total_samples: 3}\nsaving: {artifacts: [sharegpt]}\nquotas: {difficulty: {easy: 1}}",
    );
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(
        shown.starts_with("exit 0\n")
            && shown.contains("goal difficulty easy")
            && shown.contains("messages in en"),
        "{shown}"
    );
    assert!(!bench.path("outputs/turns.jsonl").exists());
    let shown = bench.shown(&["validate", "outputs"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let shown = bench.shown(&["status", "outputs", "--json"]);
    assert!(shown.contains("\"dimension\": \"difficulty\""), "{shown}");
    // Without index and files the rows are shown.
    let shown = bench.shown(&["dialogue", "show", "outputs"]);
    assert!(
        shown.starts_with("exit 0\n") && shown.contains("completed"),
        "{shown}"
    );
    let rows = std::fs::read_to_string(bench.path("outputs/synthetic_qa.jsonl")).unwrap();
    let id = rows.split('"').nth(3).unwrap();
    let shown = bench.shown(&["dialogue", "show", "outputs", id]);
    assert!(
        shown.starts_with("exit 0\n") && shown.contains(id),
        "{shown}"
    );
    let shown = bench.shown(&[
        "dialogue",
        "run",
        "c.yaml",
        "--set",
        "quotas.document={nowhere.txt: 1}",
    ]);
    assert!(!shown.starts_with("exit 0\n"), "{shown}");
}

#[test]
fn a_document_that_is_too_large_is_left_out_with_the_key_that_raises_the_limit() {
    let bench = offline("documents: {max_document_mb: 1}").file(
        "knowledge/large.txt",
        TEXT.repeat((1 << 20) / TEXT.len() + 1),
    );
    let shown = bench.shown(&["dialogue", "run", "c.yaml", "--estimate"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    assert!(
        shown.contains("large.txt: it is too large")
            && shown.contains("split it, or raise `documents.max_document_mb`"),
        "{shown}"
    );
}

#[test]
fn a_run_that_was_killed_goes_on_and_pays_for_nothing_twice_but_what_was_in_flight() {
    let endpoint = endpoint(60.0);
    let bench = slow(&endpoint);
    let mut child = start_unseen(&bench);
    assert!(endpoint.wait_until(|stats| stats.calls >= 12));
    // SIGKILL: the process has no chance to do anything.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    assert!(
        shown.contains("6 of 6") && shown.contains("continuing run"),
        "{shown}"
    );
    assert!(
        endpoint.stats().paid_again <= 2,
        "two conversations were in progress, so no more than two calls were in flight"
    );
    assert!(
        bench
            .shown(&["journal", "verify", "outputs"])
            .starts_with("exit 0\n")
    );

    // The same files as without the kill.
    let whole = Bench::new()
        .file("c.yaml", std::fs::read(bench.path("c.yaml")).unwrap())
        .file("knowledge/a.txt", TEXT.repeat(20))
        .env("SOURCE_DATE_EPOCH", "1700000000");
    assert!(
        whole
            .shown(&["dialogue", "run", "c.yaml"])
            .starts_with("exit 0\n")
    );
    for file in [
        "synthetic_qa.jsonl",
        "turns.jsonl",
        "coverage_ledger.jsonl",
        "conversations_index.jsonl",
    ] {
        let path = format!("outputs/{file}");
        assert_eq!(
            std::fs::read_to_string(bench.path(&path)).unwrap(),
            std::fs::read_to_string(whole.path(&path)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn a_server_that_is_busy_at_first_is_waited_for() {
    let endpoint = Endpoint::start(&Script::new(0).storm(1.5, Some(1))).unwrap();
    let shown = slow(&endpoint).shown(&["dialogue", "run", "c.yaml"]);
    assert!(
        shown.starts_with("exit 0\n") && shown.contains("6 of 6"),
        "{shown}"
    );
}

#[test]
fn acceptance_8_2_14_a_second_process_is_refused_and_the_first_is_seen_at_work() {
    let endpoint = endpoint(200.0);
    let bench = slow(&endpoint);
    let mut first = bench
        .command(&["dialogue", "run", "c.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(endpoint.wait_until(|stats| stats.calls >= 4));
    let second = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(second.starts_with("exit 2\n"), "{second}");
    let owner = format!("process {}", first.id());
    assert!(
        second.contains("in use by") && second.contains(&owner),
        "{second}"
    );
    let status = bench.shown(&["status", "outputs"]);
    assert!(status.starts_with("exit 0\n"), "{status}");
    assert!(
        status.contains("working") && status.contains(&owner),
        "{status}"
    );
    let ended = first.wait().unwrap();
    let (stdout, stderr) = (read_all(first.stdout.take()), read_all(first.stderr.take()));
    assert!(ended.success(), "{stdout}{stderr}");
    assert!(stdout.contains("6 of 6"), "{stdout}");
}

#[test]
fn status_tells_what_is_in_progress_and_what_was_when_it_was_killed() {
    let stuck = endpoint(600_000.0);
    let bench = slow(&stuck);
    let mut child = start_unseen(&bench);
    assert!(stuck.wait_until(|stats| stats.in_flight == 2));
    let began = Instant::now();
    let row = |shown: &str, name: &str| {
        let line = shown.lines().find(|line| line.trim().starts_with(name));
        line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let status = || bench.shown(&["status", "outputs"]);
    let wanted = Some("in progress 2, and 0 made that wait for earlier ones".to_owned());
    while row(&status(), "in progress") != wanted {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", status());
        std::thread::sleep(Duration::from_millis(50));
    }
    let shown = status();
    let calls = row(&shown, "calls in flight").unwrap();
    assert!(calls.starts_with("calls in flight 2 of "), "{shown}");

    child.kill().unwrap();
    child.wait().unwrap();
    let shown = status();
    assert!(shown.contains("not working"), "{shown}");
    assert!(
        row(&shown, "in progress when it was stopped").is_some_and(|line| line.contains(" 2, and")),
        "{shown}"
    );

    let quick = endpoint(0.0);
    let config = std::fs::read_to_string(bench.path("c.yaml")).unwrap();
    let bench = bench.file(
        "c.yaml",
        config.replace(&stuck.base_url(), &quick.base_url()),
    );
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let shown = bench.shown(&["status", "outputs"]);
    assert!(!shown.contains("in progress"), "{shown}");
}

#[test]
fn unknown_keys_and_equal_columns_are_shown_where_they_stand() {
    let bench = offline("run: {total_sample: 3}");
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert_says(
        &shown,
        2,
        &[
            "`run.total_sample`",
            "c.yaml:1:7",
            "did you mean `run.total_samples`",
        ],
    );
    let bench = offline("saving: {output_columns: {messages: judge}}");
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert_says(
        &shown,
        2,
        &[
            "`saving.output_columns`",
            "c.yaml:1:",
            "'messages' and 'judge'",
            "`saving.output_columns.messages` or `saving.output_columns.judge`",
        ],
    );
    assert!(!bench.path("outputs").exists(), "nothing was started");
}

#[test]
fn damaged_documents_are_listed_and_the_others_are_used() {
    let bench = offline("run: {total_samples: 1}")
        .file("knowledge/empty.txt", "")
        .file(
            "knowledge/binary.txt",
            [0_u8, 159, 146, 150, 0, 1, 2, 3].repeat(64),
        )
        .file("knowledge/no.pdf", "this is no PDF")
        .file("knowledge/folder.txt/inside.txt", TEXT);
    std::os::unix::fs::symlink(".", bench.path("knowledge/loop")).unwrap();
    std::os::unix::fs::symlink("gone", bench.path("knowledge/gone.txt")).unwrap();
    nix::unistd::mkfifo(
        &bench.path("knowledge/pipe.txt"),
        nix::sys::stat::Mode::S_IRWXU,
    )
    .unwrap();
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    for name in [
        "empty.txt",
        "binary.txt",
        "no.pdf",
        "folder.txt",
        "loop",
        "gone.txt",
        "pipe.txt",
    ] {
        assert!(
            shown.contains(&format!("warning: {name}: it ")),
            "{name}: {shown}"
        );
    }

    // A pipe must not be waited for here either.
    let piped = offline("");
    nix::unistd::mkfifo(
        &piped.path("knowledge/pipe.txt"),
        nix::sys::stat::Mode::S_IRWXU,
    )
    .unwrap();
    let doctor = piped.shown(&["doctor", "c.yaml"]);
    assert!(
        doctor.contains("pipe.txt cannot be read: it is no regular file"),
        "{doctor}"
    );

    let nothing = Bench::new()
        .file("c.yaml", OFFLINE)
        .file("knowledge/empty.txt", "");
    let shown = nothing.shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 2\n"), "{shown}");
    assert!(
        shown.contains("`documents.path`") && shown.contains("no text"),
        "{shown}"
    );
}

#[test]
fn documents_with_too_little_to_ask_end_the_run() {
    let bench = Bench::new()
        .file("c.yaml", format!("run: {{total_samples: 50}}\n{OFFLINE}"))
        .file(
            "knowledge/a.txt",
            "Water boils at 100 degrees at sea level.",
        );
    let shown = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert_says(
        &shown,
        1,
        &[
            "200 conversations in a row were dropped",
            "dedup_exhausted",
            "add documents",
            "--max-failed",
        ],
    );
}

#[test]
fn files_that_the_configuration_names_are_missed_at_its_line() {
    for (config, key) in [
        ("personas: {path: nobody.yaml}", "personas.path"),
        (
            "run: {data: {seeding: {topics: {path: no.yaml}}}}",
            "run.data.seeding.topics.path",
        ),
        ("prompts: nowhere", "prompts"),
        ("saving: {output_dir: c.yaml}", "saving.output_dir"),
    ] {
        let shown = offline(config).shown(&["dialogue", "run", "c.yaml"]);
        assert!(shown.starts_with("exit 2\n"), "{shown}");
        assert!(shown.contains(&format!("`{key}`")), "{shown}");
        assert!(
            shown.contains("--> c.yaml:1:") && shown.contains("hint: "),
            "{shown}"
        );
    }
    let original = "run: {total_samples: 1}\npersonas: {path: src/dlgforge/prompts/personas.yaml}";
    let shown = offline(original).shown(&["dialogue", "run", "c.yaml"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    assert!(
        shown.contains("warning: `personas.path`") && shown.contains("built-in"),
        "{shown}"
    );
}

#[test]
fn a_password_in_an_address_is_refused_and_shown_nowhere() {
    let bench = Bench::new().file("knowledge/a.txt", TEXT).file(
        "c.yaml",
        "llm:\n  agents:\n    user: {model: m, base_url: 'http://me:hunter2@127.0.0.1:9/v1'}\n    assistant: {model: 'offline:assistant'}\n",
    );
    let run = bench.shown(&["dialogue", "run", "c.yaml"]);
    assert!(run.starts_with("exit 2\n"), "{run}");
    assert!(
        run.contains("`llm.agents.user.base_url`") && run.contains("c.yaml:3:"),
        "{run}"
    );
    let show = bench.shown(&["config", "show", "c.yaml"]);
    assert!(show.contains("http://***@127.0.0.1:9/v1"), "{show}");
    let doctor = bench.shown(&["doctor", "c.yaml"]);
    for shown in [run, show, doctor] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// A file system of so many bytes, unmounted at the end. `None` where mounting is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        matches!(mounted, Ok(status) if status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_ends_the_run_and_the_same_command_goes_on_once_there_is_space() {
    let Some(disk) = SmallDisk::new("600k") else {
        println!("skipped: no file system may be mounted here");
        return;
    };
    let bench = Bench::new().file(
        "c.yaml",
        format!("run: {{total_samples: 8, turns: {{min: 2, max: 4}}}}\n{OFFLINE}"),
    );
    assert!(bench.shown(&["demo", "--dir", "d"]).starts_with("exit 0\n"));
    let out = disk.0.path().join("out").display().to_string();
    let args = [
        "dialogue",
        "run",
        "d/forgemark.yaml",
        "--set",
        &format!("saving.output_dir={out}"),
    ];
    let full = bench.shown(&args);
    assert!(full.starts_with("exit 1\n"), "{full}");
    assert!(
        full.contains("No space left on device") && full.contains("hint: "),
        "{full}"
    );
    let more = Command::new("mount")
        .args(["-o", "remount,size=50m"])
        .arg(disk.0.path())
        .status()
        .unwrap();
    assert!(more.success());
    let whole = bench.run(&args);
    assert_eq!(
        code(&whole),
        0,
        "{}",
        String::from_utf8_lossy(&whole.stderr)
    );
    assert!(String::from_utf8_lossy(&whole.stdout).contains("8 of 8"));
    assert!(
        bench
            .shown(&["journal", "verify", &out])
            .starts_with("exit 0\n")
    );
}
