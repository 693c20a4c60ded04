//! Runs of the original that go on here, and those that are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use forgemark_contract::json::{self, Json};
use forgemark_corpus::Corpus;
use forgemark_dialogue::DialogueError;
use forgemark_dialogue::check::Kind;
use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{Agent, Backend};
use forgemark_run::Cancel;

use super::bench::{Bench, Counting, OUT, assert_same, corpus, script};
use super::check::{Files, check_files, count, disk_of, files_of, said, without_journal};
use super::original::{Talk, Wave, folder, question};

/// A case of the matrix: what lies there, which state is named, and what must come of it.
struct Case {
    name: &'static str,
    waves: Vec<Wave>,
    resume: &'static str,
    languages: &'static [&'static str],
    batch: i64,
    total: u64,
}

fn wave(id: &str, language: &'static str, total: u64, batched: bool, talks: Vec<Talk>) -> Wave {
    Wave {
        id: id.to_owned(),
        language,
        batched,
        total,
        talks,
    }
}

fn dropped(id: &str, turns: usize) -> Talk {
    Talk {
        status: "dropped",
        ..Talk::open(id, turns, 3)
    }
}

/// Complete, but the original was killed before it wrote the rows.
fn unwritten(id: &str) -> Talk {
    Talk {
        has_rows: false,
        ..Talk::done(id)
    }
}

fn cases() -> Vec<Case> {
    let single = |id: &str, total, talk| wave(id, "en", total, false, vec![talk]);
    let batch = |id: &str, total, talks| wave(id, "en", total, true, talks);
    vec![
        Case {
            name: "single, wave 0",
            waves: vec![single("demo", 3, Talk::open("demo", 1, 3))],
            resume: "demo",
            languages: &["en"],
            batch: 1,
            total: 3,
        },
        Case {
            name: "single, wave k",
            waves: vec![
                single("demo", 4, Talk::done("demo")),
                single("demo-0001", 4, Talk::done("demo-0001")),
                single("demo-0002", 4, Talk::open("demo-0002", 2, 3)),
            ],
            resume: "demo-0002",
            languages: &["en"],
            batch: 1,
            total: 4,
        },
        Case {
            name: "single, second language",
            waves: vec![
                single("demo-en", 2, Talk::done("demo-en")),
                single("demo-en-0001", 2, Talk::done("demo-en-0001")),
                wave("demo-de", "de", 2, false, vec![Talk::open("demo-de", 1, 2)]),
            ],
            resume: "demo-de",
            languages: &["en", "de"],
            batch: 1,
            total: 2,
        },
        Case {
            name: "single, finished",
            waves: vec![
                single("demo", 2, Talk::done("demo")),
                single("demo-0001", 2, Talk::done("demo-0001")),
            ],
            resume: "demo",
            languages: &["en"],
            batch: 1,
            total: 2,
        },
        Case {
            name: "batched, wave 0",
            waves: vec![batch(
                "demo",
                6,
                vec![
                    Talk::open("demo-0000", 1, 3),
                    dropped("demo-0001", 0),
                    unwritten("demo-0002"),
                ],
            )],
            resume: "demo",
            languages: &["en"],
            batch: 3,
            total: 6,
        },
        Case {
            name: "batched, wave k",
            waves: vec![
                batch(
                    "demo",
                    6,
                    vec![Talk::done("demo-0000"), Talk::done("demo-0001")],
                ),
                batch(
                    "demo-0001",
                    6,
                    vec![
                        Talk::open("demo-0001-0000", 2, 3),
                        dropped("demo-0001-0001", 1),
                    ],
                ),
            ],
            resume: "demo-0001",
            languages: &["en"],
            batch: 2,
            total: 6,
        },
        Case {
            name: "batched, first wave of two named",
            waves: vec![
                batch(
                    "demo",
                    6,
                    vec![Talk::done("demo-0000"), Talk::done("demo-0001")],
                ),
                batch(
                    "demo-0001",
                    6,
                    vec![
                        Talk::open("demo-0001-0000", 0, 3),
                        Talk::open("demo-0001-0001", 0, 2),
                    ],
                ),
            ],
            resume: "demo",
            languages: &["en"],
            batch: 2,
            total: 6,
        },
        Case {
            name: "batched, partial last wave",
            waves: vec![
                batch(
                    "demo",
                    5,
                    (0..3)
                        .map(|n| Talk::done(&format!("demo-{n:04}")))
                        .collect(),
                ),
                batch(
                    "demo-0001",
                    5,
                    vec![
                        Talk::open("demo-0001-0000", 1, 2),
                        unwritten("demo-0001-0001"),
                    ],
                ),
            ],
            resume: "demo-0001",
            languages: &["en"],
            batch: 3,
            total: 5,
        },
        Case {
            name: "batched, second language",
            waves: vec![
                batch(
                    "demo-en",
                    2,
                    vec![Talk::done("demo-en-0000"), Talk::done("demo-en-0001")],
                ),
                wave(
                    "demo-de",
                    "de",
                    2,
                    true,
                    vec![
                        Talk::open("demo-de-0000", 1, 2),
                        Talk::open("demo-de-0001", 1, 3),
                    ],
                ),
            ],
            resume: "demo-de",
            languages: &["en", "de"],
            batch: 2,
            total: 2,
        },
        Case {
            name: "batched, finished",
            waves: vec![
                batch(
                    "demo",
                    3,
                    vec![Talk::done("demo-0000"), Talk::done("demo-0001")],
                ),
                batch("demo-0001", 3, vec![Talk::done("demo-0001-0000")]),
            ],
            resume: "demo-0001",
            languages: &["en"],
            batch: 2,
            total: 3,
        },
    ]
}

fn bench_of(case: &Case, agent: &Arc<Counting>) -> Bench {
    // Reading the documents again and again would take most of the time of these tests.
    static CORPUS: OnceLock<Arc<Corpus>> = OnceLock::new();
    let languages: Vec<Json> = case.languages.iter().map(|label| (*label).into()).collect();
    let corpus = Arc::clone(CORPUS.get_or_init(|| corpus(6, 8)));
    Bench::with(corpus, Backend::Agent(Arc::clone(agent) as Arc<dyn Agent>))
        .on(&disk_of(&folder(&case.waves)))
        .set("run.batch_size", case.batch)
        .set("run.total_samples", case.total)
        .set("run.target_languages", Json::Array(languages))
        .set("run.resume_run_id", case.resume)
        .set("run.concurrency", 3)
}

fn counting() -> Arc<Counting> {
    Arc::new(Counting::new(&script(5, Dialogue::PLAIN)))
}

/// The dataset's rows by conversation; none comes twice.
fn by_id(bench: &Bench) -> BTreeMap<String, Json> {
    let mut rows = BTreeMap::new();
    for row in bench.rows("synthetic_qa.jsonl") {
        let id = row.str_or("conversation_id", "").to_owned();
        assert!(rows.insert(id.clone(), row).is_none(), "{id} twice");
    }
    rows
}

/// What must hold of a folder after the run has ended, whatever happened in between.
fn assert_gone_on(case: &Case, bench: &Bench) {
    let name = case.name;
    let before = folder(&case.waves);
    let after = without_journal(files_of(&bench.disk));
    for (path, bytes) in &before {
        let kept = if path.contains('/') {
            path.ends_with("last_run_id.txt") || after[path] == *bytes
        } else {
            after[path].starts_with(bytes)
        };
        assert!(kept, "{name}: {path}");
    }
    let rows = by_id(bench);
    let good = |language: &str| {
        let of = rows.values().filter(|row| {
            let inputs = row.at("inputs");
            inputs.str_or("target_language", "") == language
                && row.at("forgemark").str_or("status", "completed") == "completed"
        });
        of.count() as u64
    };
    for language in case.languages {
        assert_eq!(good(language), case.total, "{name}: {language}");
    }
    for talk in case.waves.iter().flat_map(|wave| &wave.talks) {
        let Some(row) = rows.get(&talk.id) else {
            assert!(
                talk.status == "dropped" && talk.turns == 0,
                "{name}: {} has no row",
                talk.id
            );
            continue;
        };
        let turns = row.items("turns");
        let wanted = if talk.status == "dropped" {
            talk.turns
        } else {
            talk.target
        };
        assert_eq!(turns.len(), wanted, "{name}: {}", talk.id);
        for (index, turn) in turns.iter().enumerate().take(talk.turns) {
            assert_eq!(
                turn.at("qa_generation").str_or("user_message", ""),
                question(&talk.id, index + 1),
                "{name}: the turn is kept"
            );
            assert!(turn.get("forgemark").is_none(), "{name}: not made here");
        }
        assert_eq!(
            row.at("inputs").str_or("user_persona_id", ""),
            "field_tech",
            "{name}"
        );
    }
    // Every question stands once in the ledger, those of turns that were kept included.
    let ledger = bench.rows("coverage_ledger.jsonl");
    let hashes: BTreeSet<&str> = ledger
        .iter()
        .map(|row| row.str_or("question_hash", ""))
        .collect();
    assert_eq!(hashes.len(), ledger.len(), "{name}");
    let turns: usize = rows.values().map(|row| row.items("turns").len()).sum();
    assert_eq!(ledger.len(), turns, "{name}");
    let report = check_files(&files_of(&bench.disk));
    assert!(report.is_clean(), "{name}: {}", said(&report));
}

#[test]
fn acceptance_8_2_4_runs_of_the_original_go_on() {
    for case in cases() {
        let name = case.name;
        let agent = counting();
        let bench = bench_of(&case, &agent);
        let summary = bench.run();
        if name.ends_with("finished") {
            assert_eq!(summary.ending, Ending::AlreadyComplete, "{name}");
            assert_eq!(agent.calls(), 0, "{name}");
            assert_same(&folder(&case.waves), &bench.artifacts(), name);
        } else {
            assert_eq!(summary.ending, Ending::Complete, "{name}");
        }
        assert_eq!(
            (summary.run_id.as_str(), summary.good),
            ("demo", case.total * case.languages.len() as u64),
            "{name}"
        );
        assert_gone_on(&case, &bench);
        // The state is still named in the configuration, or not any more: there is nothing left to do.
        // A state says which run was named, so that of the open wave alone may be written anew.
        let settled = || {
            let mut files = bench.artifacts();
            files.retain(|path, _| !path.starts_with("run_state/demo-"));
            files
        };
        let (files, rows, calls) = (bench.artifacts(), settled(), agent.calls());
        for resume in [case.resume, "demo", ""] {
            let again = bench.clone().set("run.resume_run_id", resume).run();
            assert_eq!(again.ending, Ending::AlreadyComplete, "{name}: {resume}");
            assert_eq!(again.good, summary.good, "{name}");
            if resume == case.resume {
                assert_same(&files, &bench.artifacts(), name);
            }
            assert_same(&rows, &settled(), name);
        }
        assert_eq!(agent.calls(), calls, "{name}");
        // It is an ordinary run: a raised total extends it.
        let more = bench.clone().set("run.total_samples", case.total + 2).run();
        assert_eq!(more.ending, Ending::Complete, "{name}");
        assert_eq!(more.run_id, summary.run_id, "{name}");
    }
}

mod heavy {
    use super::*;

    #[test]
    fn acceptance_8_2_4_a_run_of_the_original_goes_on_after_it_was_stopped_here() {
        for case in cases() {
            let whole = bench_of(&case, &counting());
            whole.run();
            for at in [1, 4, 9] {
                let cancel = Cancel::new();
                let stop = cancel.clone();
                let first = Counting::new(&script(5, Dialogue::PLAIN)).before(move |n, _| {
                    if n == at {
                        stop.cancel();
                    }
                    None
                });
                let stopped = bench_of(&case, &first);
                stopped.try_run_with(cancel).unwrap();
                // The state may be gone by then: what is needed of it was kept.
                let mut files = files_of(&stopped.disk.kill());
                for wave in &case.waves {
                    files.insert(format!("run_state/{}.json", wave.id), b"{".to_vec());
                }
                let mut later = bench_of(&case, &counting()).on(&disk_of(&files));
                later.run();
                for wave in &case.waves {
                    let path = Path::new(OUT).join(format!("run_state/{}.json", wave.id));
                    assert_eq!(later.disk.files()[&path], b"{");
                }
                let mut files = files_of(&later.disk);
                files.extend(folder(&case.waves).into_iter().filter(|(path, _)| {
                    path.starts_with("run_state/") && !path.ends_with("last_run_id.txt")
                }));
                later.disk = disk_of(&files);
                assert_gone_on(&case, &later);
                assert_same(&whole.artifacts(), &later.artifacts(), case.name);
            }
        }
    }
}

#[test]
fn in_the_profile_compat_ids_of_the_original_are_not_used_again() {
    let case = cases()
        .into_iter()
        .find(|case| case.name == "batched, wave k");
    let case = case.unwrap();
    let bench = bench_of(&case, &counting()).set("saving.profile", "compat");
    let summary = bench.run();
    assert_eq!(
        (summary.ending, summary.run_id.as_str()),
        (Ending::Complete, "demo-resumed")
    );
    let rows = by_id(&bench);
    assert!(rows.contains_key("demo-0001-0000"), "{:?}", rows.keys());
    assert!(
        rows.keys().any(|id| id.starts_with("demo-resumed-")),
        "{:?}",
        rows.keys()
    );
    // Beginning a run under the name of one that is there would write over its files.
    let bench = bench_of(&case, &counting())
        .set("saving.profile", "compat")
        .set("run.resume_run_id", "")
        .set("run.run_id", "demo");
    assert!(matches!(
        bench.try_run(),
        Err(DialogueError::ForeignState { .. })
    ));
    assert_same(
        &folder(&case.waves),
        &bench.artifacts(),
        "nothing is touched",
    );
}

/// A change of the state's text, and what the refusal says.
fn refused(files: &Files, resume: &str, change: impl Fn(Bench) -> Bench, says: &str) {
    let case = Case {
        name: "",
        waves: Vec::new(),
        resume: "",
        languages: &["en"],
        batch: 2,
        total: 6,
    };
    let agent = counting();
    let bench =
        change(bench_of(&case, &agent).on(&disk_of(files))).set("run.resume_run_id", resume);
    match bench.try_run() {
        Err(error @ DialogueError::ForeignState { .. }) => {
            let text = error.to_string();
            assert!(text.contains(says), "{says}: {text}");
            assert!(text.contains(&format!("run_state/{resume}.json")), "{text}");
        }
        other => panic!("{says}: {other:?}"),
    }
    assert_eq!(agent.calls(), 0);
    assert_eq!(
        &without_journal(files_of(&bench.disk)),
        files,
        "{says}: every byte is as it was"
    );
}

#[test]
fn a_state_that_is_damaged_or_disagrees_is_refused_and_left_as_it_is() {
    let waves = vec![
        wave(
            "demo",
            "en",
            6,
            true,
            vec![Talk::done("demo-0000"), Talk::done("demo-0001")],
        ),
        wave(
            "demo-0001",
            "en",
            6,
            true,
            vec![
                Talk::open("demo-0001-0000", 2, 3),
                Talk::open("demo-0001-0001", 1, 2),
            ],
        ),
    ];
    let whole = folder(&waves);
    let path = "run_state/demo-0001.json";
    let text = String::from_utf8(whole[path].clone()).unwrap();
    let same = |bench: Bench| bench;
    let with = |text: String| {
        let mut files = whole.clone();
        files.insert(path.to_owned(), text.into_bytes());
        files
    };
    // In a damaged file the reason is in the file itself.
    let cut = with(text[..text.len() / 2].to_owned());
    refused(&cut, "demo-0001", same, "it is no JSON");
    refused(&with(String::new()), "demo-0001", same, "it is no JSON");
    for (from, to, says) in [
        (
            "\"run_id\": \"demo-0001\",\n  \"status\"",
            "\"run_id\": \"other\",\n  \"status\"",
            "state of run other",
        ),
        (
            "\"batch_size\": 2,\n  \"inputs\"",
            "\"batch_size\": 3,\n  \"inputs\"",
            "batch_size is 3 and it has 2",
        ),
        (
            "\"conversation_id\": \"demo-0001-0001\"",
            "\"conversation_id\": \"demo-0001-0000\"",
            "twice",
        ),
        (
            "\"conversation_id\": \"demo-0001-0001\"",
            "\"conversation_id\": \"../x\"",
            "not one of the run's",
        ),
        (
            "\"conversation_index\": 1,\n      \"conversation_id\"",
            "\"conversation_index\": 5,\n      \"conversation_id\"",
            "stands at place 1",
        ),
        (
            "\"turn_index\": 2,\n          \"qa_generation\"",
            "\"turn_index\": 3,\n          \"qa_generation\"",
            "not numbered from 1",
        ),
        (
            "\"target_n_turns\": 3",
            "\"target_n_turns\": 1",
            "n_turns is 3",
        ),
        (
            "\"n_turns\": 3,\n  \"batch_size\"",
            "\"n_turns\": 9,\n  \"batch_size\"",
            "n_turns is 9",
        ),
        (
            "\"status\": \"active\"",
            "\"status\": \"completed\"",
            "completed with 2 of 3",
        ),
        (
            "\"qa_agent_used_name\"",
            "\"qa_agent\"",
            "qa_agent_used_name",
        ),
        ("2030-01-02T03:04:05.000006Z", "yesterday", "updated_at"),
    ] {
        assert!(text.contains(from), "{from}\n{text}");
        refused(&with(text.replacen(from, to, 1)), "demo-0001", same, says);
    }
    // Here state and configuration are at odds.
    refused(
        &whole,
        "demo-0001",
        |bench| bench.set("run.batch_size", 4),
        "its batch_size is 2",
    );
    refused(
        &whole,
        "demo-0001",
        |bench| bench.set("run.target_languages", Json::from(vec![Json::from("fr")])),
        "is not in `run.target_languages` (fr)",
    );
    let single = folder(&[wave("solo", "en", 6, false, vec![Talk::open("solo", 1, 2)])]);
    refused(&single, "solo", same, "with `run.batch_size: 1`");
    // A state that was not named belongs to the run as well.
    let mut files = whole.clone();
    let first = String::from_utf8(files["run_state/demo.json"].clone()).unwrap();
    files.insert("run_state/demo.json".to_owned(), first[..99].into());
    let bench = bench_of(&cases()[5], &counting()).on(&disk_of(&files));
    let error = bench.try_run().unwrap_err().to_string();
    assert!(error.contains("run_state/demo.json"), "{error}");
    assert_eq!(without_journal(files_of(&bench.disk)), files);
    // One of ours whose journal is gone.
    let ours = Bench::new(counting()).set("run.total_samples", 1);
    ours.run();
    let files = without_journal(files_of(&ours.disk));
    let id = files
        .keys()
        .find_map(|path| path.strip_prefix("run_state/")?.strip_suffix(".json"));
    refused(&files, id.unwrap(), same, "written by forgemark");
}

#[test]
fn a_state_that_is_not_there_is_told_with_those_that_are() {
    let case = &cases()[5];
    let bench = bench_of(case, &counting()).set("run.resume_run_id", "dmeo");
    match bench.try_run() {
        Err(error @ DialogueError::UnknownRun { .. }) => {
            let hints = error.hints().join("\n");
            assert!(hints.contains("demo, demo-0001"), "{hints}");
        }
        other => panic!("{other:?}"),
    }
    assert_same(
        &folder(&case.waves),
        &bench.artifacts(),
        "nothing is touched",
    );
}

#[test]
fn a_run_that_is_begun_beside_the_originals_counts_its_questions_and_passages() {
    let case = cases()
        .into_iter()
        .find(|case| case.name == "batched, finished");
    let case = case.unwrap();
    // The first question of the new run repeats one of the original's.
    let repeated = question("demo-0001", 2);
    let agent = Counting::new(&script(5, Dialogue::PLAIN)).before({
        let repeated = repeated.clone();
        move |n, request| {
            let user = super::bench::role(request) == "user_turn";
            (n == 1 && user).then(|| reply(&repeated))
        }
    });
    let bench = bench_of(&case, &agent)
        .set("run.resume_run_id", "")
        .set("run.batch_size", 1)
        .set("run.total_samples", 4)
        .set("run.concurrency", 1);
    let summary = bench.run();
    assert_eq!((summary.ending, summary.good), (Ending::Complete, 4));
    let turns = bench.rows("turns.jsonl");
    let made: Vec<&Json> = turns
        .iter()
        .filter(|row| row.get("forgemark").is_some())
        .collect();
    let asked = |row: &&Json| row.str_or("user_message", "") == repeated;
    assert!(!made.iter().any(asked), "it was asked again");
    assert_eq!(made[0].at("forgemark").i64_or("attempt", -1), 1);
    // Passages 1 and 2 of the first document are covered, so the first offers go without them.
    let covered: Vec<String> = (1..=2)
        .map(|n| forgemark_contract::ids::topic_id("section-00.txt", n))
        .collect();
    let corpus = &bench.corpus;
    assert!(
        covered
            .iter()
            .all(|topic| corpus.find_topic(topic).is_some())
    );
    let offered = made[0].at("forgemark").items("offered");
    assert!(!offered.is_empty());
    for topic in offered {
        assert!(
            !covered.contains(&topic.as_str().unwrap().to_owned()),
            "{topic:?}"
        );
    }
}

/// A user turn that asks this.
fn reply(question: &str) -> forgemark_model::AgentReply {
    let text = format!(
        r#"{{"user_message": "{question}", "intent": "how_to", "difficulty": "easy", "grounding_facts": [], "coverage_target": "x", "notes_for_assistant": []}}"#
    );
    forgemark_model::AgentReply::json(&json::parse_str(&text).unwrap())
}

#[test]
fn a_folder_of_the_original_is_read_and_found_clean() {
    // Finished or stopped anywhere: what is under way has its questions in the ledger and its turns in a state.
    for case in cases() {
        let mut waves = case.waves.clone();
        for talk in waves.iter_mut().flat_map(|wave| &mut wave.talks) {
            // The original writes the rows of all that is not under way.
            talk.has_rows = talk.status != "active" && talk.turns > 0;
        }
        let report = check_files(&folder(&waves));
        assert!(report.is_clean(), "{}: {}", case.name, said(&report));
    }
    // A question of which there is no turn at all is found.
    let mut files = folder(&cases()[0].waves);
    let mut state = json::parse(&files["run_state/demo.json"]).unwrap();
    for key in ["turns", "raw_results"] {
        let list = state.as_object_mut().and_then(|state| state.get_mut(key));
        list.and_then(Json::as_array_mut).unwrap().clear();
    }
    files.insert("run_state/demo.json".to_owned(), json::to_pretty(&state));
    let report = check_files(&files);
    assert_eq!(count(&report, Kind::Orphan), 1, "{}", said(&report));
}

#[test]
fn rows_of_the_released_sample_stay_where_they_are() {
    let Some(shared) = forgemark_testkit::shared_dir() else {
        println!("skipped: there is no folder of shared files");
        return;
    };
    let sample = "data/dialogue/release_assets/sample_dataset/source";
    let name = "conversations_sharegpt_judged.jsonl";
    let judged = std::fs::read(shared.join(sample).join(name)).unwrap();
    let plain: Vec<u8> = judged
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .flat_map(|line| {
            let mut row = json::parse(line).unwrap().into_object();
            row.remove("judge");
            let mut line = json::to_line(&Json::Object(row));
            line.push(b'\n');
            line
        })
        .collect();
    let files = Files::from([
        (name.to_owned(), judged),
        ("conversations_sharegpt.jsonl".to_owned(), plain),
    ]);
    let report = check_files(&files);
    assert!(report.is_clean(), "{}", said(&report));
    let bench = Bench::new(counting())
        .on(&disk_of(&files))
        .set("run.total_samples", 2);
    assert_eq!(bench.run().ending, Ending::Complete);
    let after = bench.artifacts();
    for (path, bytes) in &files {
        assert!(after[path].starts_with(bytes), "{path}");
        assert_eq!(bench.rows(path).len(), 4, "{path}");
    }
}
