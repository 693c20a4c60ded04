use forgemark_contract::json::parse_str;

use super::super::engine::Engine;
use super::*;

fn read(text: &str) -> Result<Script, ScriptError> {
    Script::from_json(&parse_str(text).expect("the test's own JSON"))
}

#[test]
fn the_full_example_is_read() {
    let script = read(
        r#"{"seed": 7, "models": ["scripted-1"], "reply_bytes": 1500, "description": "all of it",
        "latency": {"log_normal_ms": {"p5": 50, "p95": 500, "min": 50, "max": 500}},
        "stall_rate": 0.01, "stall_ms": 5000, "storm_s": 60, "storm_retry_after_s": 1,
        "dialogue": {"conflict_rate": 0.01, "paraphrase_rate": 0.005, "shared_questions": 4, "min_score": 2, "max_score": 9},
        "faults": [{"kind": "rate_limit", "retry_after_s": 1, "rate": 0.02},
                   {"kind": "context_length", "over_bytes": 40000},
                   {"kind": "cut_mid_body", "attempts": [1, 2], "rate": 0.01}],
        "rules": [
          {"match": {"role": "judge_turn", "contains": "Question: why", "model": "big"},
           "reply": {"json": {"score": "{n}", "reasons": ["{passage}"]}},
           "fail": [503, "rate_limit", "ok", null, {"kind": "slow_body", "pieces": 3}]},
          {"match": {"contains": ["weather", "now"]},
           "reply": ["plain {n}", {"text": "Sunny, says {topic_id}."},
                     {"tool_call": {"name": "weather", "arguments": {"city": "{question}"}}},
                     {"tool_call": {"name": "raw", "arguments": "not json"}}, {"builtin": "dialogue"}]}],
        "roles": {"user_turn": {"latency": 20, "faults": []},
                  "assistant_turn": {"latency": {"uniform_ms": [10, 20]}, "stall_rate": 0},
                  "judge_conversation": {"latency": {"fixed_ms": 1.5}}}}"#,
    )
    .unwrap();
    assert_eq!((script.seed, script.rules.len()), (7, 5));
    assert_eq!(
        script.storm,
        Some(Storm {
            seconds: 60.0,
            retry_after_s: Some(1)
        })
    );
    assert_eq!(script.dialogue.shared_questions, 4);
    assert_eq!(
        (script.dialogue.min_score, script.dialogue.max_score),
        (2, 9)
    );
    let all = &script.otherwise;
    assert_eq!(
        all.stall,
        Some(Stall {
            rate: 0.01,
            ms: 5_000.0
        })
    );
    assert_eq!(all.reply_bytes, Some(1_500));
    let faults = all.faults.as_deref().unwrap();
    assert_eq!(
        faults[0],
        FaultRule::at_rate(Fault::rate_limit(Some(1)), 0.02)
    );
    assert_eq!(
        faults[1],
        FaultRule::over_bytes(Fault::ContextLength, 40_000)
    );
    assert_eq!(faults[2].attempts, [1, 2]);
    let judge = &script.rules[0];
    assert_eq!(judge.matcher.contains, ["Question: why"]);
    assert_eq!(
        judge.behaviour.fail.as_deref().unwrap(),
        [
            Some(Fault::status(503)),
            Some(Fault::rate_limit(None)),
            None,
            None,
            Some(Fault::SlowBody {
                pieces: 3,
                interval_ms: 50
            })
        ]
    );
    assert_eq!(script.rules[1].behaviour.replies.as_ref().unwrap().len(), 5);
    assert_eq!(script.rules[2].matcher, Matcher::role("user_turn"));
    assert_eq!(script.rules[2].behaviour.faults, Some(Vec::new()));
    assert_eq!(
        script.rules[3].behaviour.latency,
        Some(Latency::Uniform {
            min_ms: 10.0,
            max_ms: 20.0
        })
    );
    assert!(Engine::new(&script).is_ok());
}

#[test]
fn an_empty_script_is_a_script() {
    assert_eq!(read("{}").unwrap(), Script::new(0));
    assert_eq!(
        read(r#"{"rules": null, "latency": null}"#).unwrap(),
        Script::new(0)
    );
}

#[test]
fn errors_name_the_path_and_the_way_out() {
    for (text, path, what) in [
        ("[]", "script", "expected an object, found array"),
        (r#"{"sed": 1}"#, "sed", "unknown key; known are seed,"),
        (
            r#"{"seed": -1}"#,
            "seed",
            "expected a whole number of at least 0, found integer",
        ),
        (r#"{"seed": "x"}"#, "seed", "found string"),
        (r#"{"match": {}}"#, "match", "unknown key"),
        (
            r#"{"models": ["a", 1]}"#,
            "models[1]",
            "expected a string, found integer",
        ),
        (
            r#"{"storm_retry_after_s": 1}"#,
            "storm_retry_after_s",
            "needs `storm_s`",
        ),
        (
            r#"{"stall_rate": 0.5}"#,
            "script",
            "`stall_rate` needs `stall_ms`",
        ),
        (
            r#"{"stall_ms": 5}"#,
            "script",
            "`stall_ms` needs `stall_rate`",
        ),
        (
            r#"{"stall_rate": 1.5, "stall_ms": 1}"#,
            "stall_rate",
            "1.5 is not from 0 to 1",
        ),
        (
            r#"{"dialogue": {"conflict": 1}}"#,
            "dialogue.conflict",
            "unknown key",
        ),
        (
            r#"{"dialogue": {"min_score": 8, "max_score": 3}}"#,
            "dialogue.max_score",
            "3 is not from 8 to 10",
        ),
        (
            r#"{"latency": "fast"}"#,
            "latency",
            "expected milliseconds, or exactly one of",
        ),
        (r#"{"latency": {}}"#, "latency", "exactly one of"),
        (
            r#"{"latency": {"fixed_ms": 1, "uniform_ms": [1, 2]}}"#,
            "latency",
            "exactly one of",
        ),
        (
            r#"{"latency": {"uniform_ms": [2, 1]}}"#,
            "latency.uniform_ms",
            "2 is not from 0 to 1",
        ),
        (
            r#"{"latency": {"uniform_ms": [1]}}"#,
            "latency.uniform_ms",
            "expected [min, max]",
        ),
        (
            r#"{"latency": {"uniform_ms": [1, "2", 3]}}"#,
            "latency.uniform_ms",
            "expected [min, max]",
        ),
        (
            r#"{"latency": {"log_normal_ms": {"p5": 1}}}"#,
            "latency.log_normal_ms",
            "expected p5 and p95",
        ),
        (
            r#"{"latency": {"log_normal_ms": {"p5": 3, "p95": 2}}}"#,
            "latency.log_normal_ms",
            "p5 is above",
        ),
        (r#"{"latency": -1}"#, "latency", "-1 is not from 0"),
        (r#"{"latency": NaN}"#, "latency", "NaN is not from 0"),
        (
            r#"{"fail": "500"}"#,
            "fail",
            "expected a list, found string",
        ),
        (
            r#"{"fail": [503, "boom"]}"#,
            "fail[1]",
            "unknown fault `boom`; known are rate_limit,",
        ),
        (
            r#"{"fail": [200]}"#,
            "fail[0]",
            "status 200 is not from 400 to 599",
        ),
        (r#"{"faults": [{"rate": 1}]}"#, "faults[0]", "has no `kind`"),
        (
            r#"{"faults": [{"kind": "stall", "bytes": 1}]}"#,
            "faults[0].bytes",
            "unknown key",
        ),
        (
            r#"{"faults": [{"kind": "html", "attempts": [0]}]}"#,
            "faults[0].attempts[0]",
            "from 1",
        ),
        (
            r#"{"faults": [{"kind": "slow_body", "pieces": 0}]}"#,
            "faults[0].pieces",
            "0 is not from 1",
        ),
        (
            r#"{"rules": [{"reply": "x"}]}"#,
            "rules[0]",
            "has no `match`",
        ),
        (
            r#"{"rules": [{"match": {"rol": "x"}}]}"#,
            "rules[0].match.rol",
            "unknown key",
        ),
        (r#"{"reply": []}"#, "reply", "is empty"),
        (r#"{"reply": {}}"#, "reply", "expected exactly one of text"),
        (
            r#"{"reply": {"text": "a", "json": 1}}"#,
            "reply",
            "expected exactly one of text",
        ),
        (
            r#"{"reply": ["{oops}"]}"#,
            "reply[0]",
            "unknown placeholder `{oops}`",
        ),
        (
            r#"{"rules": [{"match": {}, "reply": {"json": ["{oops}"]}}]}"#,
            "rules[0].reply.json",
            "placeholder",
        ),
        (
            r#"{"reply": {"builtin": "poem"}}"#,
            "reply.builtin",
            "unknown builtin `poem`",
        ),
        (
            r#"{"reply": {"tool_call": {"arguments": {}}}}"#,
            "reply.tool_call",
            "has no `name`",
        ),
        (
            r#"{"reply": {"tool_call": {"name": "f", "arguments": 3}}}"#,
            "reply.tool_call.arguments",
            "expected an object",
        ),
        (
            r#"{"roles": {"user_turn": {"latncy": 1}}}"#,
            "roles.user_turn.latncy",
            "unknown key",
        ),
        (
            r#"{"roles": []}"#,
            "roles",
            "expected an object, found array",
        ),
    ] {
        let error = read(text).expect_err(text);
        assert_eq!(error.path, path, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
        assert_eq!(error.to_string(), format!("script: {path}: {}", error.what));
    }
}

#[test]
fn a_built_script_is_checked_when_it_is_compiled() {
    let script = Script::new(1)
        .rule(Matcher::ANY, Behaviour::text("fine"))
        .rule(
            Matcher::ANY,
            Behaviour::text("fine").reply(Reply::Text("{bad}".to_owned())),
        );
    assert_eq!(Engine::new(&script).unwrap_err().path, "rules[1].reply[1]");
    let empty = Script::new(1).otherwise(Behaviour {
        replies: Some(vec![]),
        ..Behaviour::NONE
    });
    assert_eq!(Engine::new(&empty).unwrap_err().path, "reply");
}
