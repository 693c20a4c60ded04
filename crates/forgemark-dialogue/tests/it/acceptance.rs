//! Acceptance checks that stand alone; the others bear their numbers where they belong, as `acceptance_8_2_N_...`.
//!
//! | check | what has to hold | where |
//! |---|---|---|
//! | 2 | key sets of all nine artifacts, whatever is judged, dropped, seeded and searched | here |
//! | 3 | killed at every write and at every call, the same command ends with equal files | `kill_matrix`, here |
//! | 5 | equal seed and replies give equal questions and order under any concurrency and latency | `determinism`, `faults` |
//! | 13 | storms of 429, endpoints that fail fast, all of them down and back; a run ends with reasons | `faults` |
//! | 14 | the second of two processes on a folder is refused | `kill_matrix`, and the binary's `cli_dialogue` |

use std::collections::BTreeSet;
use std::sync::Arc;

use forgemark_contract::json::{Json, parse_str};
use forgemark_dialogue::config::SeedTopics;
use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;
use forgemark_model::{Agent, Backend};
use forgemark_testkit::endpoint::Endpoint;
use forgemark_testkit::{Fault, FaultKind, MemDisk};

use super::bench::{Bench, Counting, artifacts, assert_same, corpus, script, standing};
use super::services::{Seen, searching};

const DATASET: &str = "conversation_id timestamp question inputs qa_generation_plan kb_final_answer qa_judge \
                       conversation_judge turns conversation_history messages raw_result raw_results";
const LEDGER: &str = "timestamp topic_id source_path question question_hash question_mode seed_topic seed_question \
                      seed_question_hash";
const TURN_ROW: &str = "conversation_id timestamp turn_index user_message assistant_message question_mode seed_topic \
                        seed_question intent difficulty coverage_target grounding_facts notes_for_assistant reasoning_trace \
                        did_web_search judge_granularity judge_score judge_reasons judge_notes judge_question_ok judge_answer_ok \
                        conversation_judge_score conversation_judge_reasons";
const SHAREGPT: &str = "messages messages_with_tools metadata user_reasoning assistant_reasoning";
const METADATA: &str = "conversation_id timestamp n_turns language judge_granularity personas difficulty_sequence \
                        difficulty_max intent_sequence coverage_targets question_modes seed_topics seed_questions";
const JUDGE: &str = "per_turn avg_score conversation";
const CONVERSATION: &str = "conversation_id timestamp seed_question inputs n_turns language personas messages \
                            messages_with_tools user_reasoning assistant_reasoning conversation_judge turns \
                            conversation_history raw_results";
const INDEX: &str = "conversation_id timestamp n_turns seed_question language conversation_file";
const SINGLE_STATE: &str = "run_id status updated_at n_turns inputs turns raw_results";
const BATCHED_STATE: &str = "run_id status updated_at n_turns batch_size inputs conversations";
const SLOT: &str =
    "conversation_index conversation_id target_n_turns status drop_reason inputs turns raw_results";
const TURN: &str = "turn_index qa_generation kb_answer qa_judge qa_agent_used_name kb_agent_used_name seed_topic \
                    seed_question question_mode tool_events";
const TOOL_EVENT: &str = "id name arguments result";
const TOOL_RESULT: &str = "query results rendered";
const RAW: &str = "turn_index attempt qa_raw kb_raw judge_raw qa_output kb_output qa_judge";
const RAW_CONVERSATION: &str = "conversation_judge_raw conversation_judge";
const INPUTS: &str = "question target_language target_languages question_seed run_id resume_run_id total_samples \
                      min_turns max_turns turn_count_distribution turn_count_mean seed_topics_path seed_topics_variant \
                      seed_topics_probability seed_topics_enabled retrieval_default_k user_persona assistant_persona \
                      user_persona_id assistant_persona_id user_agent_used_name assistant_agent_used_name judge_enabled \
                      judge_granularity judge_reasons project_root config_dir n_turns";
const BATCHED_INPUTS: &str = "batch_size conversation_index conversation_status drop_reason";

/// The keys of an object, sorted; ours is left out where `ours` says that it has to be there.
#[track_caller]
fn assert_keys(value: &Json, expected: &[&str], ours: bool, what: &str) {
    let mut found: Vec<&str> = value.as_object().expect(what).keys().collect();
    if ours {
        assert_eq!(
            found.pop(),
            Some("forgemark"),
            "{what}: our key is the last"
        );
    }
    found.sort_unstable();
    let mut expected: Vec<&str> = expected
        .iter()
        .flat_map(|keys| keys.split_whitespace())
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "{what}");
}

/// Keys of an object that may have ours where there is something to say.
#[track_caller]
fn assert_keys_or_more(value: &Json, expected: &[&str], ours: bool, what: &str) {
    let more = value.get("forgemark").is_some();
    assert!(ours || !more, "{what}");
    assert_keys(value, expected, more, what);
}

/// What a run of the matrix is made with.
#[derive(Debug, Clone, Copy)]
struct Case {
    judging: &'static str,
    batch: i64,
    ours: bool,
    web: bool,
}

impl Case {
    fn bench(self, endpoint: &Endpoint) -> Bench {
        // Some questions are asked twice and no second attempt is made, so conversations drop; seeds begin the others.
        let dialogue = Dialogue {
            conflict_rate: 0.3,
            shared_questions: 2,
            ..Dialogue::PLAIN
        };
        let mut bench = if self.web {
            searching(endpoint, dialogue, &Seen::default()).set("run.total_samples", 24)
        } else {
            Bench::scripted(17, dialogue).0
        };
        let seeds = parse_str(
            r#"{"english": {"Valves": ["How does a valve open?", "Why does a valve leak?"]}}"#,
        );
        bench.seeds = Some(SeedTopics::from_json(&seeds.unwrap(), "", 0.5).unwrap());
        let profile = if self.ours { "forgemark" } else { "compat" };
        let bench = bench
            .set("run.batch_size", self.batch)
            .set("run.turns.max", 3)
            .set("run.data.seeding.topics.enabled", true)
            .set("run.data.seeding.topics.probability", 0.5)
            .set("coverage.question_dedup_retries", 0)
            .set("saving.profile", profile);
        match self.judging {
            "off" => bench.set("judge.enabled", false),
            granularity => bench.set("judge.granularity", granularity),
        }
    }

    fn inputs(self, inputs: &Json, what: &str) {
        let mut expected = vec![INPUTS];
        if self.batch > 1 {
            expected.push(BATCHED_INPUTS);
        }
        // The verdict stands there only where there is one: a conversation that dropped in its first turn has none.
        if self.judging == "conversation" && inputs.get("conversation_judge").is_some() {
            expected.push("conversation_judge");
        }
        assert_keys(inputs, &expected, false, what);
    }

    fn turns(self, turns: &[Json]) -> u64 {
        for turn in turns {
            assert_keys(turn, &[TURN], self.ours, "a turn");
            for event in turn.items("tool_events") {
                assert_keys_or_more(event, &[TOOL_EVENT], self.ours, "a tool event");
                let web = event.str_or("name", "") == "web_search";
                assert_eq!(web, self.web);
                assert_keys(event.at("result"), &[TOOL_RESULT], false, "a result");
                let hit = if web {
                    "title link snippet"
                } else {
                    "source chunk_index content"
                };
                for found in event.at("result").items("results") {
                    assert_keys(found, &[hit], false, "what a tool found");
                }
            }
            let judged = turn
                .at("qa_judge")
                .as_object()
                .is_some_and(|judge| !judge.is_empty());
            assert_eq!(judged, self.judging == "turn", "{:?}", turn.at("qa_judge"));
        }
        turns
            .iter()
            .map(|turn| turn.items("tool_events").len() as u64)
            .sum()
    }

    fn raws(self, raws: &[Json]) {
        for raw in raws {
            if raw.get("conversation_judge_raw").is_some() {
                assert_eq!(self.judging, "conversation");
                assert_keys(raw, &[RAW_CONVERSATION], false, "a raw verdict");
            } else {
                assert_keys_or_more(raw, &[RAW], self.ours, "a raw turn");
            }
        }
    }
}

/// Checks a run's nine artifacts.
fn nine_artifacts(case: Case, endpoint: &Endpoint) {
    let bench = case.bench(endpoint);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete, "{case:?}");
    assert!(!summary.dropped.is_empty(), "{case:?}: nothing was dropped");
    let ours = case.ours;
    let (mut events, mut seeded) = (0, 0);
    for row in bench.rows("synthetic_qa.jsonl") {
        assert_keys(&row, &[DATASET], ours, "synthetic_qa");
        case.inputs(row.at("inputs"), "inputs");
        events += case.turns(row.items("turns"));
        case.raws(row.items("raw_results"));
    }
    assert!(events > 0, "{case:?}: no tool was called");
    for row in bench.rows("coverage_ledger.jsonl") {
        assert_keys(&row, &[LEDGER], ours, "ledger");
        seeded += u64::from(!row.str_or("seed_question_hash", "").is_empty());
    }
    assert!(seeded > 0, "{case:?}: no question came from a seed");
    for row in bench.rows("turns.jsonl") {
        assert_keys(&row, &[TURN_ROW], ours, "turns");
        assert_eq!(row.at("judge_score").is_null(), case.judging != "turn");
        assert_eq!(row.at("did_web_search").as_bool(), Some(case.web));
    }
    for (name, columns) in [
        ("conversations_sharegpt.jsonl", vec![SHAREGPT]),
        (
            "conversations_sharegpt_judged.jsonl",
            vec![SHAREGPT, "judge"],
        ),
    ] {
        let rows = bench.rows(name);
        let judged = columns.len() > 1;
        assert_eq!(rows.is_empty(), judged && case.judging == "off", "{name}");
        for row in rows {
            assert_keys(&row, &columns, false, name);
            assert_keys(row.at("metadata"), &[METADATA], ours, "metadata");
            if judged {
                assert_keys(row.at("judge"), &[JUDGE], false, "judge");
            }
        }
    }
    let index = bench.rows("conversations_index.jsonl");
    let mut standings = BTreeSet::new();
    for row in &index {
        assert_keys(row, &[INDEX], ours, "index");
        standings.insert(standing(row).0);
        let id = row.str_or("conversation_id", "");
        let file = bench.file(&format!("conversations/{id}.json"));
        assert_keys(&file, &[CONVERSATION], ours, "a conversation");
        case.inputs(file.at("inputs"), "inputs of a conversation");
        case.turns(file.items("turns"));
        case.raws(file.items("raw_results"));
    }
    assert_eq!(standings.len(), if ours { 2 } else { 1 }, "{standings:?}");
    states(case, &bench, index.len());
}

/// Checks the run states and the name of the last one.
fn states(case: Case, bench: &Bench, conversations: usize) {
    let files = bench.artifacts();
    let mut seen = 0;
    let mut waves = BTreeSet::new();
    for name in files.keys() {
        let Some(wave) = name
            .strip_prefix("run_state/")
            .and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        waves.insert(wave.to_owned());
        let state = bench.file(name);
        if case.batch == 1 {
            assert_keys_or_more(&state, &[SINGLE_STATE], case.ours, "a single state");
            case.inputs(state.at("inputs"), "inputs of a state");
            case.turns(state.items("turns"));
            seen += 1;
            continue;
        }
        assert_keys_or_more(&state, &[BATCHED_STATE], case.ours, "a batched state");
        for slot in state.items("conversations") {
            assert_keys_or_more(slot, &[SLOT], case.ours, "a slot");
            case.inputs(slot.at("inputs"), "inputs of a slot");
            case.turns(slot.items("turns"));
            case.raws(slot.items("raw_results"));
            let dropped = slot.str_or("status", "") == "dropped";
            assert_eq!(dropped, !slot.str_or("drop_reason", "").is_empty());
            seen += 1;
        }
    }
    assert_eq!(
        seen, conversations,
        "{case:?}: every conversation stands in one state"
    );
    let last = String::from_utf8(files["run_state/last_run_id.txt"].clone()).unwrap();
    assert!(waves.contains(&last), "{last} is a wave");
}

mod heavy {
    #[test]
    fn acceptance_8_2_2_key_sets_of_all_nine_artifacts() {
        let endpoint = super::Endpoint::dialogue().unwrap();
        for (judging, web) in [
            ("off", false),
            ("turn", false),
            ("conversation", false),
            ("turn", true),
        ] {
            for batch in [1, 3] {
                for ours in [false, true] {
                    let case = super::Case {
                        judging,
                        batch,
                        ours,
                        web,
                    };
                    super::nine_artifacts(case, &endpoint);
                }
            }
        }
    }
}

/// Kills the command while a call is under way: nothing that is written from then on reaches the disk.
#[test]
fn acceptance_8_2_3_kill_matrix_of_every_call() {
    let corpus = corpus(2, 4);
    let start = |disk: &MemDisk, kill_at: u64| {
        let agent = Counting::new(&script(31, Dialogue::PLAIN)).before({
            let disk = disk.clone();
            move |n, _| {
                if n == kill_at {
                    disk.set_fault(Fault {
                        at: disk.points() + 1,
                        kind: FaultKind::Crash,
                    });
                }
                None
            }
        });
        let bench = Bench::with(
            Arc::clone(&corpus),
            Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>),
        )
        .on(disk)
        .set("run.total_samples", 3)
        .set("run.batch_size", 2)
        .set("run.concurrency", 2);
        (
            bench.try_run().map(|summary| summary.ending),
            agent.calls(),
            bench,
        )
    };
    let whole = MemDisk::new();
    let (ended, calls, reference) = start(&whole, 0);
    assert_eq!(ended.unwrap(), Ending::Complete);
    let files = artifacts(&whole);
    // No turn twice, and no question in the ledger that no turn asks.
    let turns = reference.rows("turns.jsonl");
    let asked: Vec<&str> = turns
        .iter()
        .map(|row| row.str_or("user_message", ""))
        .collect();
    let places: BTreeSet<_> = turns
        .iter()
        .map(|row| {
            (
                row.str_or("conversation_id", ""),
                row.at("turn_index").as_i64(),
            )
        })
        .collect();
    assert_eq!((turns.len(), places.len()), (6, 6));
    for row in reference.rows("coverage_ledger.jsonl") {
        assert!(asked.contains(&row.str_or("question", "")), "{row:?}");
    }
    for at in 1..=calls {
        let disk = MemDisk::new();
        let (ended, first, _) = start(&disk, at);
        assert!(
            disk.fault_happened() && ended.is_err(),
            "call {at}: {ended:?}"
        );
        let next = disk.kill();
        let (ended, second, _) = start(&next, 0);
        assert_eq!(ended.unwrap(), Ending::Complete, "call {at}");
        assert_same(&files, &artifacts(&next), &format!("killed at call {at}"));
        // In flight in two slots, and the last reply of each conversation, which only its commit waits for.
        assert!(
            first + second <= calls + 2 + 3,
            "call {at}: {first} and {second} calls"
        );
    }
    println!("killed at each of {calls} calls");
}
