use std::path::Path;

use super::*;
use crate::json::{Json, parse_str};
use crate::store::Content;

fn options() -> Options {
    Options {
        origin: "set".to_owned(),
        source: None,
        reward: RewardFrom::Judge,
        now: Timestamp::from_epoch_seconds(1_900_000_000),
    }
}

fn lines(text: &str) -> Vec<Result<Unit, Problem>> {
    let mut lines = Lines::new("a.jsonl", None, options());
    let read = text
        .split('\n')
        .zip(1..)
        .map(|(line, number)| lines.line(number, line.as_bytes()));
    read.filter_map(Result::transpose).collect()
}

fn records(text: &str) -> Vec<ContextRecord> {
    let units = lines(text).into_iter().map(|unit| unit.unwrap().records);
    units.flatten().collect()
}

fn problem(text: &str) -> String {
    let found = lines(text).into_iter().find_map(Result::err);
    found.unwrap().to_string()
}

/// `role: text` of each record.
fn said(records: &[ContextRecord]) -> Vec<String> {
    let line = |record: &ContextRecord| {
        format!(
            "{}: {}",
            record.role,
            record.text_payload.as_deref().unwrap_or("-")
        )
    };
    records.iter().map(line).collect()
}

fn at(record: &ContextRecord, path: &str) -> Json {
    let path = crate::store::select::Path::parse(path).unwrap();
    path.value(record)
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

#[test]
fn a_chat_with_tools_keeps_its_structure() {
    let rows = records(
        r#"{"id": "c7", "tools": [{"type": "function"}], "score": 3, "note": null, "messages": [
            {"role": "system", "content": "be brief", "agent": "m", "odd": [1]},
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "u"}}]},
            {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "x", "content": "4"},
            {"role": "assistant", "content": "four", "weight": 0, "refusal": null}]}"#
            .replace('\n', " ")
            .as_str(),
    );
    assert_eq!(
        said(&rows),
        [
            "system: be brief",
            "user: look",
            "assistant: -",
            "tool: 4",
            "assistant: four"
        ]
    );
    assert_eq!(at(&rows[0], "metadata.agent"), "m".into());
    let odd = rows[0].message.as_ref().unwrap().extra.get("odd");
    assert_eq!(odd, Some(&parse_str("[1]").unwrap()));
    assert_eq!(rows[4].message.as_ref().unwrap().extra.len(), 0);
    let parts = rows[1]
        .message
        .as_ref()
        .and_then(|message| message.content.as_ref());
    assert!(parts.is_some_and(Content::has_media));
    let call = rows[2].message.as_ref().unwrap();
    assert_eq!(call.tool_calls[0].function.name, "f");
    assert_eq!(call.reasoning.as_deref(), Some("hm"));
    assert_eq!(
        rows[3].message.as_ref().unwrap().tool_call_id.as_deref(),
        Some("x")
    );
    assert_eq!(rows[4].message.as_ref().unwrap().train, Some(false));
    assert_eq!(at(&rows[0], "metadata.tools").items("").len(), 0);
    assert!(at(&rows[0], "metadata.tools").as_array().is_some());
    assert!(at(&rows[1], "metadata.tools").is_null());
    assert!(
        rows.iter()
            .all(|row| at(row, "metadata.score") == Json::Int(3))
    );
    assert!(
        rows.iter()
            .all(|row| row.session_id.as_deref() == Some("set/c7"))
    );
    assert_eq!(rows[3].external_id.as_deref(), Some("set/c7/3"));
    assert_eq!(rows[3].id, record_id("set/c7/3"));
    assert_eq!(
        rows.iter().map(|row| row.seq.unwrap()).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
}

#[test]
fn a_record_id_is_the_hash_that_its_description_says() {
    // printf 'forgemark-record\nset/c7/3' | sha256sum | cut -c1-32
    assert_eq!(record_id("set/c7/3"), "034dacc3af30fa16cd49876eaa014c7c");
}

#[test]
fn calls_and_results_are_paired_where_a_set_names_none() {
    let rows = records(
        r#"{"conversations": [{"from": "human", "value": "2+2"}, {"from": "function_call", "value": "[{\"name\": \"sum\", \"arguments\": {\"a\": 2}}, {\"name\": \"sum\"}]"}, {"from": "observation", "value": "4"}, {"from": "observation", "value": "0"}, {"from": "gpt", "value": "4"}], "system": "s", "tools": "[{\"name\": \"sum\"}]"}"#,
    );
    assert_eq!(
        said(&rows),
        [
            "system: s",
            "user: 2+2",
            "assistant: -",
            "tool: 4",
            "tool: 0",
            "assistant: 4"
        ]
    );
    let calls = &rows[2].message.as_ref().unwrap().tool_calls;
    assert_eq!(calls[0].function.arguments, r#"{"a":2}"#);
    assert_eq!(calls[1].function.arguments, "{}");
    let answers =
        [&rows[3], &rows[4]].map(|row| row.message.as_ref().unwrap().tool_call_id.clone());
    assert_eq!(
        answers,
        [Some(calls[0].id.clone()), Some(calls[1].id.clone())]
    );
    assert_eq!(
        at(&rows[0], "metadata.tools"),
        parse_str(r#"[{"name":"sum"}]"#).unwrap()
    );
}

#[test]
fn answers_to_one_prompt_are_candidates() {
    let sets = [
        r#"{"prompt": "p", "chosen": "good", "rejected": "bad"}"#,
        r#"{"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "good"}], "rejected": [{"role": "assistant", "content": "bad"}]}"#,
        r#"{"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "good"}], "rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "bad"}]}"#,
        r#"{"prompt": "p", "chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "good"}], "rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "bad"}]}"#,
        r#"{"input": {"messages": [{"role": "user", "content": "p"}]}, "preferred_output": [{"role": "assistant", "content": "good"}], "non_preferred_output": [{"role": "assistant", "content": "bad"}]}"#,
        r#"{"conversations": [{"from": "human", "value": "p"}], "chosen": {"from": "gpt", "value": "good"}, "rejected": {"from": "gpt", "value": "bad"}}"#,
    ];
    for set in sets {
        let rows = records(set);
        assert_eq!(
            said(&rows),
            ["user: p", "assistant: good", "assistant: bad"],
            "{set}"
        );
        let asked = Some(rows[0].id.clone());
        for (row, label) in rows[1..].iter().zip(["chosen", "rejected"]) {
            assert_eq!(row.parent_id, asked, "{set}");
            assert_eq!(row.candidate_group, row.session_id, "{set}");
            assert_eq!(at(row, "metadata.label"), label.into(), "{set}");
            assert!(
                row.external_id
                    .as_ref()
                    .unwrap()
                    .ends_with(&format!("/{label}.0"))
            );
        }
        assert_eq!(rows[0].candidate_group, None);
    }
    let rows = records(r#"{"prompt": "p", "completion": "c", "label": false, "reward": 0.5}"#);
    assert_eq!(at(&rows[1], "metadata.label"), "rejected".into());
    assert_eq!(rows[1].reward(), Some(0.5));
    assert_eq!(rows[0].reward(), None);
    let rows = records(r#"{"prompt": "p", "completion": "c"}"#);
    assert_eq!(
        (said(&rows).len(), rows[1].candidate_group.as_ref()),
        (2, None)
    );
}

#[test]
fn an_answer_of_several_messages_hangs_together() {
    let rows = records(
        r#"{"prompt": "p", "chosen": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}, {"role": "tool", "content": "r"}, {"role": "assistant", "content": "good"}], "rejected": "bad"}"#,
    );
    let ids: Vec<_> = rows.iter().map(|row| Some(row.id.clone())).collect();
    let parents: Vec<_> = rows.iter().map(|row| row.parent_id.clone()).collect();
    assert_eq!(
        parents,
        [
            None,
            ids[0].clone(),
            ids[1].clone(),
            ids[2].clone(),
            ids[0].clone()
        ]
    );
    assert_eq!(
        rows[2].message.as_ref().unwrap().tool_call_id.as_deref(),
        Some("call_0")
    );
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let cases = [
        ("{", "a.jsonl:1: no JSON: column 2: "),
        ("[1]", "a.jsonl:1: expected an object, found array"),
        (
            "{\"a\": 1}",
            "a.jsonl:1: the keys (a) are of no known shape; the shapes are dialogue, messages,",
        ),
        (
            r#"{"messages": [{"role": "user", "content": 3}]}"#,
            "a.jsonl:1: messages[0].content: expected a text or parts, found integer",
        ),
        (
            r#"{"messages": [{"content": "x"}]}"#,
            "a.jsonl:1: messages[0].role: it is missing",
        ),
        (
            r#"{"messages": []}"#,
            "a.jsonl:1: the conversation is empty",
        ),
        (
            r#"{"messages": [{"role": "user"}]}"#,
            "a.jsonl:1: messages[0].content: it is missing",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "x", "weight": 2}]}"#,
            "a.jsonl:1: messages[0].weight: expected 0 or 1, found integer",
        ),
        (
            r#"{"conversations": [{"from": "bob", "value": "x"}]}"#,
            "a.jsonl:1: conversations[0].from: expected one of human,",
        ),
        (
            r#"{"conversations": [{"from": "function_call", "value": "x"}]}"#,
            "a.jsonl:1: conversations[0].value: expected a call as JSON",
        ),
        (
            r#"{"chosen": "a", "rejected": "b"}"#,
            "a.jsonl:1: chosen: the row has no prompt",
        ),
        (
            r#"{"prompt": "p", "chosen": [], "rejected": "b"}"#,
            "a.jsonl:1: chosen: the answer is empty",
        ),
        (
            r#"{"prompt": "p", "completion": "b", "label": 1}"#,
            "a.jsonl:1: label: expected true or false, found integer",
        ),
        (
            r#"{"messages": [{"role": "user", "content": "x"}], "w": NaN}"#,
            "a.jsonl:1: w: expected a finite number, found NaN",
        ),
        (
            r#"{"role": "user", "text_payload": "x", "embedding": [1, NaN]}"#,
            "a.jsonl:1: embedding[1]: expected a finite number",
        ),
        (
            r#"{"role": "user", "text_payload": "x", "colour": "red"}"#,
            "a.jsonl:1: colour: there is no such column",
        ),
        (
            r#"{"role": "user", "text_payload": "x", "created_at": "soon"}"#,
            "a.jsonl:1: created_at: 'soon' is not a timestamp",
        ),
        (
            "{\"prompt\": \"p\", \"completion\": \"c\"}\n{\"conversations\": []}",
            "a.jsonl:2: this is a row of shape sharegpt, and the file is of shape prompt-completion",
        ),
    ];
    for (text, start) in cases {
        let found = problem(text);
        assert!(found.starts_with(start), "{text}\n{found}");
    }
    let mut lines = Lines::new("b", None, options());
    let found = lines.line(3, b"{\"a\": \"\xFF\"}").unwrap_err();
    assert_eq!(found.to_string(), "b:3: invalid UTF-8 at byte 8");
    // A deep line is a problem, not an end.
    let deep = "[".repeat(1_000_000);
    assert!(lines.line(4, deep.as_bytes()).is_err());
    assert_eq!(lines.shape(), None);
}

#[test]
fn marks_breaks_and_blank_lines_are_no_content() {
    let text = "\u{feff}{\"prompt\": \"p\", \"completion\": \"c\"}\r\n\r\n   \n{\"prompt\": \"q\", \"completion\": \"d\"}\r\n";
    assert_eq!(records(text).len(), 4);
    assert_eq!(lines("").len(), 0);
    // A bad first line does not decide the shape.
    let found = lines("nonsense\n{\"prompt\": \"p\", \"completion\": \"c\"}");
    assert!(found[0].is_err() && found[1].is_ok());
}

#[test]
fn keys_follow_content_and_not_place() {
    let (a, b) = (
        r#"{"prompt": "a", "completion": "x"}"#,
        r#"{"prompt": "b", "completion": "x"}"#,
    );
    let ids = |text: &str| {
        let mut ids: Vec<String> = records(text).into_iter().map(|row| row.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(
        ids(&format!("{a}\n{b}\n{a}")),
        ids(&format!("{a}\n{a}\n{b}"))
    );
    let twice = records(&format!("{a}\n{a}"));
    let session = twice[0].session_id.clone().unwrap();
    assert_eq!(twice[2].session_id, Some(format!("{session}~1")));
    assert_eq!(twice[0].origin_digest, twice[2].origin_digest);
}

#[test]
fn order_is_kept_where_times_are_missing_or_go_back() {
    let rows = records(
        r#"{"messages": [{"role": "user", "content": "1", "timestamp": "2030-01-01T00:00:05Z"}, {"role": "assistant", "content": "2", "timestamp": "2030-01-01T00:00:03Z"}, {"role": "user", "content": "3"}, {"role": "assistant", "content": "4", "timestamp": 1893456010}]}"#,
    );
    let start = Timestamp::from_epoch_seconds(1_893_456_000).0;
    let micros: Vec<i64> = rows.iter().map(|row| row.created_at.0 - start).collect();
    assert_eq!(micros, [5_000_000, 5_000_001, 5_000_002, 10_000_000]);
    assert_eq!(
        at(&rows[1], "metadata.given_created_at"),
        "2030-01-01T00:00:03Z".into()
    );
    assert!(at(&rows[2], "metadata.given_created_at").is_null());
    let untimed = records(
        "{\"prompt\": \"a\", \"completion\": \"x\"}\n{\"prompt\": \"b\", \"completion\": \"x\"}",
    );
    let from_now: Vec<i64> = untimed
        .iter()
        .map(|row| row.created_at.0 - options().now.0)
        .collect();
    assert_eq!(from_now, [0, 1, 2, 3]);
}

#[test]
fn records_are_taken_as_they_are() {
    let text = r#"{"id":"r1","run_id":"run","created_at":"2030-01-02T03:04:05Z","role":"assistant","lifecycle_status":"active","content_type":"text/plain","text_payload":"hi","embedding":[0.5,1.0]}"#;
    let rows = records(text);
    let expected = ContextRecord::from_json(&parse_str(text).unwrap()).unwrap();
    let taken = ContextRecord {
        origin_digest: None,
        ..rows[0].clone()
    };
    assert_eq!(taken, expected);
    let rows = records(r#"{"role": "user", "text_payload": "x", "external_id": "mine"}"#);
    assert_eq!(rows[0].id, record_id("mine"));
    assert_eq!(
        (rows[0].lifecycle_status.as_str(), rows[0].created_at),
        ("active", options().now)
    );
    let twice = r#"{"role": "user", "text_payload": "x", "external_id": "mine"}"#;
    assert_eq!(
        problem(&format!("{twice}\n{twice}")),
        "a.jsonl:2: external_id: mine stands in the file already; the first one counts"
    );
    let rows = records(r#"{"role": "user", "text_payload": "x"}"#);
    assert!(rows[0].external_id.as_ref().unwrap().starts_with("set/"));
}

#[test]
fn a_trajectory_keeps_its_tokens() {
    let rows = records(
        r#"{"id":"x","rollout_id":"r","problem_id":"p","sequence_order":2,"role":"assistant","created_at":"2030-01-02T03:04:05Z","content":"4","content_type":"text/plain","output_tokens":[1,2],"reward":1.0,"grader_id":"g","include_in_training":false}"#,
    );
    let row = &rows[0];
    assert_eq!(
        (row.seq, row.reward(), row.lifecycle_status.as_str()),
        (Some(2), Some(1.0), "contradicted")
    );
    assert_eq!(row.session_id.as_deref(), Some("set/r"));
    assert_eq!(at(row, "metadata.reward_source"), "g".into());
    assert_eq!(
        at(row, "metadata.rollout.output_tokens"),
        parse_str("[1,2]").unwrap()
    );
}

const CONVERSATION: &str = r#"{"conversation_id": "r-w0000-s0000", "timestamp": "2030-01-02T03:04:05.000006+00:00", "inputs": {"target_language": "en"}, "conversation_judge": {}, "turns": [
  {"turn_index": 1, "qa_generation": {"user_message": "Why?", "intent": "clarify"}, "kb_answer": {"assistant_message": "So.", "reasoning_trace": {"thinking": ["a", "b"]}},
   "qa_judge": {"score": 8, "reasons": []}, "qa_agent_used_name": "q", "kb_agent_used_name": "k", "seed_topic": "", "seed_question": "", "question_mode": "fresh",
   "tool_events": [{"id": "c", "name": "find", "arguments": {"q": 1}, "result": {"hits": []}}], "forgemark": {"support": {"score": 0.5}, "evidence": [{"source": "d"}]}},
  {"turn_index": 2, "qa_generation": {"user_message": "And?"}, "kb_answer": {"assistant_message": "Then."},
   "qa_judge": {"score": 11}, "qa_agent_used_name": "q", "kb_agent_used_name": "k", "seed_topic": "", "seed_question": "", "question_mode": "followup",
   "tool_events": [], "forgemark": {"support": {"score": 1.0}, "reasoning_content": "hm"}}],
  "forgemark": {"run_id": "r", "status": "STATUS", "drop_reason": "", "tools": [{"type": "function"}]}}"#;

fn conversation(status: &str, reward: RewardFrom) -> Unit {
    let text = CONVERSATION.replace('\n', " ").replace("STATUS", status);
    let options = Options {
        reward,
        ..options()
    };
    let mut lines = Lines::new("synthetic_qa.jsonl", None, options);
    let unit = lines.line(1, text.as_bytes()).unwrap().unwrap();
    let again = lines.line(2, text.as_bytes()).unwrap_err();
    assert_eq!(again.field, "conversation_id");
    unit
}

#[test]
fn a_conversation_brings_its_calls_thoughts_and_scores() {
    let rows = conversation("completed", RewardFrom::Judge).records;
    assert_eq!(
        said(&rows),
        [
            "user: Why?",
            "assistant: -",
            "tool: {\"hits\": []}",
            "assistant: So.",
            "user: And?",
            "assistant: Then."
        ]
    );
    assert_eq!(
        rows[1].message.as_ref().unwrap().tool_calls[0]
            .function
            .name,
        "find"
    );
    assert_eq!(
        rows[2].message.as_ref().unwrap().tool_call_id.as_deref(),
        Some("c")
    );
    assert_eq!(
        rows[3].message.as_ref().unwrap().reasoning.as_deref(),
        Some("a\nb")
    );
    assert_eq!(
        rows[5].message.as_ref().unwrap().reasoning.as_deref(),
        Some("hm")
    );
    // 8 of 10; 11 is no score.
    for row in [&rows[3], &rows[5]] {
        assert_eq!(row.reward(), Some(0.8));
        assert_eq!(at(row, "metadata.reward_source"), "judge".into());
        assert_eq!(
            at(row, "metadata.support.conversation_score"),
            Json::Float(0.75)
        );
    }
    assert_eq!(rows[1].reward(), None);
    assert_eq!(at(&rows[3], "metadata.judge.score"), Json::Float(0.8));
    assert!(at(&rows[5], "metadata.judge.score").is_null());
    assert!(at(&rows[3], "metadata.evidence").as_array().is_some());
    assert_eq!(at(&rows[0], "metadata.dialogue.intent"), "clarify".into());
    assert!(at(&rows[0], "metadata.tools").as_array().is_some());
    assert_eq!(
        (rows[0].run_id.as_str(), rows[0].source.as_deref()),
        ("r", Some("set"))
    );
    assert_eq!(
        rows[0].created_at,
        Timestamp::parse("2030-01-02T03:04:05.000006Z").unwrap()
    );
    let rows = conversation("completed", RewardFrom::Support).records;
    assert_eq!(
        (rows[3].reward(), at(&rows[3], "metadata.reward_source")),
        (Some(0.75), "support".into())
    );
}

#[test]
fn a_dropped_conversation_is_hidden() {
    let unit = conversation("dropped", RewardFrom::Judge);
    assert_eq!(unit.records.len(), 6);
    assert!(
        unit.records
            .iter()
            .all(|row| row.lifecycle_status == "dropped")
    );
    let seen = crate::store::select::list(
        unit.records,
        crate::store::select::Visibility::at(options().now),
        &crate::store::select::Filter::none(),
    );
    assert_eq!(seen, []);
}

const BENCHMARK: &str = r#"[{"run_id": "7", "outer_attempt": 1, "topic_slug": "sums", "status": "succeeded", "generation_rounds": [{"status": "succeeded", "refinement_rounds": [{"round": 1, "question": "1+1?", "answer": "2", "evaluation": {}}]}]},
  {"run_id": "8", "outer_attempt": 1, "topic_slug": "sums", "status": "failed", "generation_rounds": [{"status": "failed", "refinement_rounds": [{"round": 1, "question": "?", "answer": "", "evaluation": {}}]}]}, {}, 5]"#;
const ANSWERS: &str = r#"[{"question_model": "q", "answer_model": "a", "question": "1+1?", "run_id": "7", "outer_attempt": 1, "status": "succeeded", "attempts": [{"round": 1, "answer": "3"}]},
  {"question_model": "q", "answer_model": "a", "question": "?", "run_id": "9", "outer_attempt": 1, "status": "succeeded", "attempts": [{"round": 1, "answer": "3"}]}]"#;
const ILL_POSED: &str = r#"[{"question_model": "q", "answer_model": "b", "question": "1+1?", "run_id": "7", "outer_attempt": 1, "status": "ill-posed", "ill_posed_claim": {"x": 1}, "attempts": [{"round": 1, "answer": "hm"}]}]"#;
const CRITIQUES: &str = r#"[{"question": "1+1?", "run_id": "7", "outer_attempt": 1, "question_author": "q", "critic": "q", "answer_author": "a", "status": "succeeded", "attempts": [{"round": 1, "raw_critique": "no, 2", "verdict": "incorrect", "notes": ""}]}]"#;
const DEBATE: &str = r#"[{"question": "1+1?", "run_id": "7", "outer_attempt": 1, "alice_model": "q", "bob_model": "a", "critic": "q", "answer_author": "a", "history": [{"round": 1, "speaker": "Alice", "message": "wrong"}, {"round": 1, "speaker": "Bob", "message": "yes", "concede": true}]}]"#;
const ADJUDICATED: &str = r#"{"subject": "answer", "run_id": "7", "outer_attempt": 1, "question_model": "q", "answer_model": "a", "outcome": "wrong", "reason": "critique_upheld", "reward": 0, "policy": "p", "policy_digest": "d"}
{"subject": "answer", "run_id": "7", "outer_attempt": 1, "question_model": "q", "answer_model": "q", "outcome": "right", "reason": "critic_correct", "policy": "p", "policy_digest": "d"}
{"subject": "claim", "run_id": "7", "outer_attempt": 1, "question_model": "q", "answer_model": "a", "mode": "evaluator", "critic_model": "q", "outcome": "claimant", "reason": "panel", "policy": "p", "policy_digest": "d"}
{"subject": "claim", "run_id": "7", "outer_attempt": 1, "question_model": "q", "answer_model": "b", "outcome": "right", "reason": "panel", "policy": "p", "policy_digest": "d"}
{"subject": "question", "run_id": "8", "outer_attempt": 1, "question_model": "q", "outcome": "valid", "reason": "x", "policy": "p", "policy_digest": "other"}"#;

fn arena(files: &[(&str, &str)]) -> (Vec<ContextRecord>, Vec<String>) {
    let mut arena = Arena::new(options());
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (path, text) in files {
        assert!(Arena::rank(path).is_some(), "{path}");
        let (units, found) = arena.file(path, text.as_bytes());
        rows.extend(units.into_iter().flat_map(|unit| unit.records));
        problems.extend(found.iter().map(ToString::to_string));
    }
    (rows, problems)
}

#[test]
fn an_arena_is_questions_with_candidates_and_what_is_said_of_them() {
    let (rows, problems) = arena(&[
        (ADJUDICATIONS, ADJUDICATED),
        ("benchmarks/q.json", BENCHMARK),
        ("answers/q/a.json", ANSWERS),
        ("answers/q/b.json", ILL_POSED),
        ("critiques/evaluator/q/q__a.json", CRITIQUES),
        ("debates/critiques/evaluator/q/q__a.json", DEBATE),
    ]);
    assert_eq!(
        problems,
        [
            "adjudications.jsonl:4: outcome: expected one of claimant, defender, dropped, unresolved, found right",
            "adjudications.jsonl:5: policy_digest: the lines before are of another policy; a file holds one",
            "benchmarks/q.json: [3]: expected an object, found integer",
            "answers/q/a.json: [1]: there is no question 9/q/1",
        ]
    );
    let by = |end: &str| {
        let found = rows
            .iter()
            .find(|row| row.external_id.as_ref().unwrap().ends_with(end));
        found.unwrap_or_else(|| panic!("{end}"))
    };
    let question = by("7/q/1/question");
    assert_eq!(
        (question.role.as_str(), question.text_payload.as_deref()),
        ("user", Some("1+1?"))
    );
    let (own, wrong, ill) = (
        by("7/q/1/answer/q"),
        by("7/q/1/answer/a"),
        by("7/q/1/answer/b"),
    );
    for answer in [own, wrong, ill] {
        assert_eq!(answer.parent_id.as_ref(), Some(&question.id));
        assert_eq!(answer.session_id, question.session_id);
        assert_eq!(answer.candidate_group.as_deref(), Some("set/7/q/1"));
    }
    assert_eq!((own.seq, wrong.seq, ill.seq), (Some(1), Some(2), Some(3)));
    assert_eq!(
        (own.reward(), at(own, "metadata.label")),
        (Some(1.0), "chosen".into())
    );
    assert_eq!(
        (wrong.reward(), at(wrong, "metadata.label")),
        (Some(0.0), "rejected".into())
    );
    assert_eq!(
        at(wrong, "metadata.reward_source"),
        "adjudication:p@d".into()
    );
    assert_eq!(
        (ill.reward(), ill.lifecycle_status.as_str()),
        (None, "ill-posed")
    );
    assert_eq!(by("8/q/1/question").lifecycle_status, "failed");
    let critique = by("7/q/1/critique/evaluator/q/a/critique");
    assert_eq!(critique.relationships[0].target_id, wrong.id);
    assert_eq!(
        (critique.role.as_str(), critique.reward()),
        ("critic", Some(1.0))
    );
    let (first, second) = (by("/q/a/debate/0"), by("/q/a/debate/1"));
    assert_eq!(first.parent_id.as_ref(), Some(&critique.id));
    assert_eq!(first.session_id, critique.session_id);
    assert_eq!(second.parent_id.as_ref(), Some(&first.id));
    assert_eq!(
        (second.role.as_str(), at(second, "metadata.arena.concedes")),
        ("defender", true.into())
    );
    assert_eq!(Arena::rank("synthetic_adjudications/j.json"), None);
    assert_eq!(Arena::rank("notes.txt"), None);
}

#[test]
fn decisions_stand_with_the_claim_that_they_are_about() {
    let decision = |kind: &str, rest: &str| {
        format!(
            r#"{{"run_id": "7", "outer_attempt": 1, "type": "{kind}", "question_model": "q", {rest}}}"#
        )
    };
    let of_a = r#""answer_model": "a", "critic_model": "q", "mode": "evaluator""#;
    let file = |rows: &[String]| format!("{{\"decisions\": [{}]}}", rows.join(", "));
    let judged = file(&[
        decision(
            "critique",
            &format!(r#"{of_a}, "verdict": "mixed", "reasoning": "first""#),
        ),
        decision(
            "critique",
            &format!(
                r#"{of_a}, "verdict": "claimant_wins", "confidence": 5, "reasoning": "second", "status": "succeeded""#
            ),
        ),
        decision(
            "illposed",
            r#""answer_model": "b", "verdict": "unknown", "status": "failed", "error": "too long""#,
        ),
        decision(
            "critique",
            r#""answer_model": "z", "critic_model": "q", "mode": "evaluator", "verdict": "mixed""#,
        ),
        decision(
            "critique",
            r#""answer_model": "a", "critic_model": "q", "verdict": "mixed""#,
        ),
    ]);
    let labelled = file(&[
        // The run in the id alone, and a critic that does not belong there.
        r#"{"id": "critique/evaluator/q/q__a/7", "type": "critique", "question_model": "q", "answer_model": "a", "critic_model": "q", "mode": "evaluator", "verdict": "other", "confidence": 2, "comment": "why"}"#.to_owned(),
        decision("illposed", r#""answer_model": "b", "critic_model": "b", "verdict": "ill-posed""#),
    ]);
    let files = [
        ("benchmarks/q.json", BENCHMARK),
        ("answers/q/a.json", ANSWERS),
        ("answers/q/b.json", ILL_POSED),
        ("critiques/evaluator/q/q__a.json", CRITIQUES),
        ("automated_evaluations/j.json", &judged),
        ("evaluations/eve.json", &labelled),
    ];
    let (rows, problems) = arena(&files);
    assert_eq!(
        problems[2..],
        [
            "automated_evaluations/j.json: [0]: 7/q/1/critique/evaluator/q/a is decided again by entry [1], which counts",
            "automated_evaluations/j.json: [3]: there is no critique 7/q/1/critique/evaluator/q/z",
            "automated_evaluations/j.json: [4].mode: it is missing",
        ]
    );
    let by = |end: &str| {
        let found = rows
            .iter()
            .find(|row| row.external_id.as_ref().unwrap().ends_with(end));
        found.unwrap_or_else(|| panic!("{end}"))
    };
    let critique = by("critique/evaluator/q/a/critique");
    let judgment = by("critique/evaluator/q/a/judgment/j");
    assert_eq!(
        (judgment.role.as_str(), judgment.text_payload.as_deref()),
        ("judge", Some("second"))
    );
    assert_eq!(judgment.parent_id.as_ref(), Some(&critique.id));
    assert_eq!(judgment.session_id, critique.session_id);
    assert_eq!(judgment.relationships[0].relation, "judges");
    assert_eq!(
        at(judgment, "metadata.arena.verdict"),
        "claimant_wins".into()
    );
    assert_eq!(at(judgment, "metadata.arena.kind"), "judgment".into());
    assert_eq!(at(judgment, "metadata.arena.confidence"), 5.into());
    let failed = by("illposed/b/judgment/j");
    assert_eq!(
        (
            failed.lifecycle_status.as_str(),
            failed.text_payload.as_deref()
        ),
        ("failed", Some("too long"))
    );
    assert_eq!(failed.parent_id.as_ref(), Some(&by("7/q/1/answer/b").id));
    let label = by("critique/evaluator/q/a/label/eve");
    assert_eq!(
        (label.role.as_str(), label.text_payload.as_deref()),
        ("labeller", Some("why"))
    );
    assert_eq!(at(label, "metadata.arena.user"), "eve".into());
    assert!(label.seq > judgment.seq && judgment.seq > critique.seq);
    assert_eq!(
        by("illposed/b/label/eve").relationships[0].relation,
        "labels"
    );
    // Nothing of it trains anybody.
    assert!(
        rows.iter()
            .all(|row| row.role == "assistant" || row.reward().is_none())
    );
    let (again, _) = arena(&files);
    assert_eq!(again, rows);
}

#[test]
fn an_entry_that_contradicts_its_path_is_refused_with_both() {
    for (path, text, expected) in [
        (
            "answers/q/z.json",
            ANSWERS,
            "answers/q/z.json: [0].answer_model: expected z, as the path says, found a",
        ),
        (
            "critiques/evaluator/q/q__z.json",
            CRITIQUES,
            "critiques/evaluator/q/q__z.json: [0].critic and answer_author: expected q__z, as the path says, found q__a",
        ),
        (
            "debates/critiques/evaluator/q/q__z.json",
            DEBATE,
            "debates/critiques/evaluator/q/q__z.json: [0].who debates: expected q__z, as the path says, found q__a",
        ),
    ] {
        let (_, problems) = arena(&[
            ("benchmarks/q.json", BENCHMARK),
            ("answers/q/a.json", ANSWERS),
            ("answers/q/b.json", ILL_POSED),
            (path, text),
        ]);
        assert!(
            problems.iter().any(|problem| problem == expected),
            "{problems:?}"
        );
    }
}

mod heavy {
    use super::*;

    #[test]
    fn every_decision_of_the_real_arena_has_its_claim() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/arena");
        if !folder.is_dir() {
            eprintln!("skipped: there is no {}", folder.display());
            return;
        }
        let (mut files, mut open) = (Vec::new(), vec![folder.clone()]);
        while let Some(here) = open.pop() {
            for entry in std::fs::read_dir(here).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
                    files.extend(Arena::rank(name).map(|rank| (rank, name.to_owned())));
                }
            }
        }
        files.sort();
        let mut arena = Arena::new(options());
        let mut counts: std::collections::BTreeMap<(usize, &str), usize> = [].into();
        for (rank, name) in &files {
            let (units, found) = arena.file(name, &std::fs::read(folder.join(name)).unwrap());
            *counts.entry((*rank, "records")).or_default() +=
                units.iter().map(|unit| unit.records.len()).sum::<usize>();
            for problem in found {
                let word = if problem.what.contains("again") {
                    "again"
                } else {
                    "alone"
                };
                *counts.entry((*rank, word)).or_default() += 1;
            }
        }
        println!("{counts:?}");
        let of = |rank, word| counts.get(&(rank, word)).copied().unwrap_or(0);
        // 13,665 judgments: 78 decided again, 1,440 + 78 about claims that nothing makes.
        assert_eq!(
            [of(5, "records"), of(5, "again"), of(5, "alone")],
            [12_069, 78, 1_518]
        );
        // 179 labels: one decided again, 26 about 25 critiques and 3 about answers that are not there.
        assert_eq!(
            [of(6, "records"), of(6, "again"), of(6, "alone")],
            [149, 1, 29]
        );
    }
}

#[test]
fn a_replaced_or_invalid_question_trains_nobody() {
    let twice = BENCHMARK.replace(
        r#""run_id": "8", "outer_attempt": 1"#,
        r#""run_id": "7", "outer_attempt": 2"#,
    );
    let (rows, _) = arena(&[("benchmarks/q.json", &twice), ("answers/q/a.json", ANSWERS)]);
    assert_eq!(rows[0].lifecycle_status, "replaced");
    let answer = rows
        .iter()
        .find(|row| row.text_payload.as_deref() == Some("3"));
    assert_eq!(answer.unwrap().lifecycle_status, "replaced");
    let line = r#"{"subject": "question", "run_id": "7", "outer_attempt": 1, "question_model": "q", "outcome": "invalid", "reason": "x", "policy": "p", "policy_digest": "d"}"#;
    let (rows, problems) = arena(&[(ADJUDICATIONS, line), ("benchmarks/q.json", BENCHMARK)]);
    assert_eq!(
        (rows[0].lifecycle_status.as_str(), problems.len()),
        ("invalid", 1)
    );
    let (rows, problems) = arena(&[("benchmarks/q.json", "[{\"run_id\": \"7")]);
    assert_eq!((rows.len(), problems.len()), (0, 1));
}

#[test]
fn a_real_arena_is_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/arena");
    if !folder.is_dir() {
        eprintln!("skipped: there is no {}", folder.display());
        return;
    }
    let mut files: Vec<(usize, String)> = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            // All of it takes a debug build ten seconds; the questions of one model are an eighth.
            let of_one = name.ends_with("benchmarks/microsoft-phi-4.json")
                || name.contains("/microsoft-phi-4/");
            files.extend(
                Arena::rank(&name)
                    .filter(|_| of_one)
                    .map(|rank| (rank, name)),
            );
        }
    }
    files.sort();
    let mut arena = Arena::new(options());
    let (mut ids, mut problems) = (std::collections::HashSet::new(), Vec::new());
    let mut roles: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for (_, name) in &files {
        let (units, found) = arena.file(name, &std::fs::read(folder.join(name)).unwrap());
        problems.extend(found.iter().map(ToString::to_string));
        for record in units.into_iter().flat_map(|unit| unit.records) {
            *roles.entry(record.role.clone()).or_default() += 1;
            assert!(ids.insert(record.id.clone()), "{record:?}");
            for edge in record
                .relationships
                .iter()
                .map(|edge| &edge.target_id)
                .chain(&record.parent_id)
            {
                assert!(
                    ids.contains(edge),
                    "{:?} points nowhere",
                    record.external_id
                );
            }
        }
    }
    assert_eq!(problems, [""; 0]);
    assert_eq!(roles["user"], 173);
    assert!(
        roles["assistant"] > 173 && roles["critic"] > 400,
        "{roles:?}"
    );
}
