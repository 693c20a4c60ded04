//! Endpoints that do wrong, over real HTTP. Each ends in a complete run, in typed failure rows, or in
//! a suspended run that goes on later; nothing is lost and the sums are exact.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::Duration;

use forgemark_contract::json::Json;
use forgemark_dialogue::run::{Ending, Summary};
use forgemark_dialogue::{DialogueError, MaxFailed};
use forgemark_model::Budget;
use forgemark_model::scripted::{Behaviour, Dialogue, Fault, FaultRule, Latency, Matcher, Script};
use forgemark_testkit::MemDisk;
use forgemark_testkit::endpoint::Endpoint;

use super::bench::{Bench, assert_same, http, standing};
use super::counts::assert_sums;

/// Faults that a client meets by asking again.
fn passing() -> Vec<Fault> {
    vec![
        Fault::rate_limit(None),
        Fault::rate_limit(Some(0)),
        Fault::status(500),
        Fault::status(502),
        Fault::status(503),
        Fault::Stall,
        Fault::CutBeforeHeaders,
        Fault::CutMidBody,
        Fault::Html,
        Fault::MalformedJson,
    ]
}

fn bench(endpoint: &Endpoint) -> Bench {
    Bench::http(&[endpoint.base_url()])
        .set("run.total_samples", 4)
        .set("run.concurrency", 4)
}

fn complete(bench: &Bench) -> Summary {
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_sums(bench, summary.good, &summary.dropped);
    summary
}

fn plain_files() -> BTreeMap<String, Vec<u8>> {
    let endpoint = Endpoint::dialogue().unwrap();
    let plain = bench(&endpoint);
    assert_eq!(complete(&plain).good, 4);
    plain.artifacts()
}

#[test]
fn what_passes_leaves_no_trace_in_any_file() {
    let expected = plain_files();
    for fault in passing() {
        // A stall costs its whole time limit, so it strikes fewer calls.
        let rate = if fault == Fault::Stall { 0.15 } else { 0.4 };
        let mut rule = FaultRule::at_rate(fault.clone(), rate);
        rule.attempts = vec![1, 2];
        let endpoint = Endpoint::of(Behaviour::NONE.fault(rule)).unwrap();
        let bench = bench(&endpoint);
        let summary = complete(&bench);
        assert!(
            summary.dropped.is_empty(),
            "{fault:?}: {:?}",
            summary.dropped
        );
        let stats = endpoint.stats();
        let struck = stats.faults.get(fault.name()).copied().unwrap_or(0);
        assert!(struck >= 1, "{fault:?}: {:?}", stats.faults);
        assert_same(&expected, &bench.artifacts(), fault.name());
    }
}

#[test]
fn acceptance_8_2_13_a_storm_of_429_is_waited_for() {
    let expected = plain_files();
    for retry_after in [None, Some(1)] {
        let endpoint = Endpoint::start(&Script::new(0).storm(0.25, retry_after)).unwrap();
        let bench = bench(&endpoint);
        assert!(complete(&bench).dropped.is_empty());
        assert!(endpoint.stats().replies_by_status[&429] >= 4);
        assert_same(&expected, &bench.artifacts(), "after the storm");
    }
}

#[test]
fn acceptance_8_2_5_equal_files_over_http_whatever_the_latencies_are() {
    let dialogue = Dialogue {
        conflict_rate: 0.15,
        shared_questions: 4,
        min_score: 3,
        ..Dialogue::PLAIN
    };
    let with = |latency: Latency, concurrency: i64| {
        let script = Script::new(5)
            .dialogue(dialogue)
            .otherwise(Behaviour::NONE.latency(latency));
        let endpoint = Endpoint::start(&script).unwrap();
        let bench = bench(&endpoint)
            .set("run.total_samples", 16)
            .set("run.batch_size", 4)
            .set("run.concurrency", concurrency)
            .set("judge.accept.min_score", 5.0);
        complete(&bench);
        bench.artifacts()
    };
    let still = with(Latency::NONE, 1);
    for (min_ms, max_ms, concurrency) in [(0.0, 3.0, 4), (0.0, 12.0, 64), (2.0, 5.0, 7)] {
        let files = with(Latency::Uniform { min_ms, max_ms }, concurrency);
        assert_same(
            &still,
            &files,
            &format!("{min_ms} to {max_ms} ms, {concurrency} slots"),
        );
    }
}

/// Every reply of a role has this fault.
fn always(role: &str, fault: Fault) -> Script {
    Script::new(0).rule(Matcher::role(role), Behaviour::NONE.always(fault))
}

#[test]
fn replies_that_are_never_usable_end_in_typed_rows() {
    let cases = [
        (Fault::MalformedContent, "parse_error"),
        (Fault::ProseContent, "parse_error"),
        (Fault::EmptyContent, "parse_error"),
        (Fault::NullContent, "parse_error"),
        (Fault::FinishLength, "model_error"),
        (Fault::FinishContentFilter, "model_error"),
        (Fault::Refusal, "model_error"),
    ];
    for (fault, word) in cases {
        for role in ["user_turn", "assistant_turn"] {
            let endpoint = Endpoint::start(&always(role, fault.clone())).unwrap();
            let bench = bench(&endpoint)
                .set("run.concurrency", 2)
                .options(|options| options.max_failed = Some(MaxFailed::Count(2)));
            let summary = bench.run();
            let what = format!("{role} with {fault:?}");
            assert_eq!(summary.ending, Ending::TooManyFailed, "{what}");
            let reasons: Vec<&str> = summary.dropped.keys().copied().collect();
            assert_eq!((summary.good, reasons), (0, vec![word]), "{what}");
            assert_sums(&bench, 0, &summary.dropped);
            for row in bench.rows("synthetic_qa.jsonl") {
                let drop = row.at("forgemark").at("drop").clone();
                assert!(!drop.str_or("detail", "").is_empty(), "{what}: {drop:?}");
                assert_eq!(drop.at("turn").as_i64(), Some(1), "{what}");
            }
        }
    }
}

#[test]
fn a_judge_that_is_never_usable_gives_an_error_and_no_score() {
    for (granularity, schema) in [
        ("turn", "judge_turn"),
        ("conversation", "judge_conversation"),
    ] {
        for fault in [
            Fault::MalformedContent,
            Fault::EmptyContent,
            Fault::FinishContentFilter,
        ] {
            let endpoint = Endpoint::start(&always(schema, fault.clone())).unwrap();
            let bench = bench(&endpoint).set("judge.granularity", granularity);
            let summary = complete(&bench);
            assert_eq!((summary.good, summary.mean_score), (4, None), "{fault:?}");
            for row in bench.rows("synthetic_qa.jsonl") {
                let turns = row.at("turns").as_array().unwrap();
                let error = if granularity == "turn" {
                    turns[0].at("forgemark").at("judge_error")
                } else {
                    row.at("forgemark").at("judge_error")
                };
                assert!(
                    !error.str_or("kind", "").is_empty(),
                    "{granularity}, {fault:?}: {error:?}"
                );
                assert!(
                    turns
                        .iter()
                        .all(|turn| turn.at("qa_judge").at("score").as_f64().is_none())
                );
            }
            // The conversation was to be judged, so it stands in the judged file, without a score.
            let judged = bench.rows("conversations_sharegpt_judged.jsonl");
            assert_eq!(judged.len(), 4);
            for row in &judged {
                assert!(
                    row.at("judge").at("avg_score").as_f64().is_none(),
                    "{row:?}"
                );
            }
            // With a lowest score, no verdict is no acceptance.
            let strict = bench
                .clone()
                .on(&MemDisk::new())
                .set("judge.accept.min_score", 0.5)
                .options(|options| options.max_failed = Some(MaxFailed::Count(1)));
            let summary = strict.run();
            assert_eq!(
                summary.dropped.keys().copied().collect::<Vec<_>>(),
                ["judge_reject"]
            );
        }
    }
}

#[test]
fn replies_that_are_sometimes_unusable_cost_conversations_and_no_more() {
    let faults = [
        Fault::MalformedContent,
        Fault::EmptyContent,
        Fault::FinishLength,
        Fault::FinishContentFilter,
        Fault::Refusal,
        Fault::ProseContent,
        Fault::NullContent,
    ];
    let behaviour = faults.into_iter().fold(Behaviour::NONE, |all, fault| {
        all.fault(FaultRule::at_rate(fault, 0.05))
    });
    let endpoint = Endpoint::of(behaviour).unwrap();
    let bench = bench(&endpoint)
        .set("run.total_samples", 20)
        .set("run.batch_size", 5)
        .set("coverage.question_dedup_retries", 1);
    let summary = complete(&bench);
    assert_eq!(summary.good, 20);
    let allowed = BTreeSet::from(["parse_error", "model_error"]);
    assert!(
        summary.dropped.keys().all(|word| allowed.contains(word)),
        "{:?}",
        summary.dropped
    );
    assert_eq!(endpoint.stats().faults.len(), 7);
}

#[test]
fn odd_wrapping_is_read_and_kept() {
    for fault in [
        Fault::FencedContent,
        Fault::LoneSurrogate,
        Fault::ReasoningContent,
    ] {
        let endpoint = Endpoint::of(Behaviour::NONE.always(fault.clone())).unwrap();
        let bench = bench(&endpoint).set("run.total_samples", 2);
        let summary = complete(&bench);
        assert_eq!((summary.good, summary.dropped.len()), (2, 0), "{fault:?}");
        let rows = bench.rows("turns.jsonl");
        let reasoned = rows
            .iter()
            .filter(|row| !row.at("forgemark").at("reasoning_content").is_null())
            .count();
        assert_eq!(
            reasoned,
            if fault == Fault::ReasoningContent {
                rows.len()
            } else {
                0
            },
            "{fault:?}"
        );
        if fault == Fault::LoneSurrogate {
            let text = bench.artifacts()["synthetic_qa.jsonl"].clone();
            let escaped = text
                .windows(3)
                .filter(|window| window.eq_ignore_ascii_case(b"\\ud"))
                .count();
            assert!(
                escaped > 0,
                "the lone surrogate stands in the rows as an escape"
            );
        }
    }
}

/// Tool events of a run, turn by turn.
fn events(bench: &Bench) -> Vec<Vec<Json>> {
    let mut all = Vec::new();
    for row in bench.rows("synthetic_qa.jsonl") {
        for turn in row.at("turns").as_array().unwrap() {
            all.push(turn.at("tool_events").as_array().unwrap().to_vec());
        }
    }
    all
}

#[test]
fn tool_calls_may_be_as_wrong_as_they_like() {
    let faults = [
        Fault::ToolIdNull,
        Fault::ToolIdNumber,
        Fault::ToolIdEmpty,
        Fault::ToolIdDuplicate,
        Fault::ToolIdReused,
        Fault::InventedToolName,
        Fault::InvalidToolArguments,
        Fault::EndlessToolCalls,
    ];
    for fault in faults {
        let endpoint = Endpoint::start(&always("assistant_turn", fault.clone())).unwrap();
        let bench = bench(&endpoint)
            .set("run.total_samples", 2)
            .set("tools.max_rounds", 3);
        let summary = complete(&bench);
        assert_eq!((summary.good, summary.dropped.len()), (2, 0), "{fault:?}");
        for events in events(&bench) {
            assert!(!events.is_empty(), "{fault:?}: no tool event");
            let ids: Vec<&str> = events.iter().map(|event| event.str_or("id", "")).collect();
            assert!(ids.iter().all(|id| !id.is_empty()), "{fault:?}: {ids:?}");
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!(unique.len(), ids.len(), "{fault:?}: {ids:?}");
            let refused = events
                .iter()
                .filter(|event| event.at("result").get("error").is_some())
                .count();
            let wrong = matches!(fault, Fault::InventedToolName | Fault::InvalidToolArguments);
            assert_eq!(refused > 0, wrong, "{fault:?}: {events:?}");
            if fault == Fault::EndlessToolCalls {
                assert_eq!(events.len(), 3, "as many rounds as allowed");
            }
        }
        // Calls and their results match in the exported messages.
        for row in bench.rows("conversations_sharegpt.jsonl") {
            let mut open: Vec<String> = Vec::new();
            for message in row.at("messages_with_tools").as_array().unwrap() {
                for call in message.at("tool_calls").as_array().unwrap_or_default() {
                    open.push(call.str_or("id", "").to_owned());
                }
                let answers = message.str_or("tool_call_id", "");
                if !answers.is_empty() {
                    let at = open.iter().position(|id| id == answers);
                    open.remove(
                        at.unwrap_or_else(|| panic!("{fault:?}: {answers} answers no call")),
                    );
                }
            }
            assert!(open.is_empty(), "{fault:?}: {open:?} are not answered");
        }
    }
}

#[test]
fn an_invented_topic_is_flagged_and_dedup_works_on() {
    let dialogue = Dialogue {
        conflict_rate: 0.3,
        shared_questions: 2,
        ..Dialogue::PLAIN
    };
    let script = always("user_turn", Fault::InventedCoverageTarget).dialogue(dialogue);
    let endpoint = Endpoint::start(&script).unwrap();
    let bench = bench(&endpoint).set("run.total_samples", 10);
    let summary = complete(&bench);
    assert_eq!(summary.good, 10);
    let rows = bench.rows("turns.jsonl");
    let mut asked = BTreeSet::new();
    for row in &rows {
        assert!(
            row.str_or("coverage_target", "").starts_with("invented-"),
            "kept as the model said it"
        );
        let coverage = row.at("forgemark").at("coverage");
        let how = coverage.str_or("claim", "");
        assert!(how == "mapped" || how == "invented", "{coverage:?}");
        assert_eq!(coverage.at("topic_id").as_str().is_some(), how == "mapped");
        assert!(asked.insert(row.str_or("user_message", "").to_owned()));
    }
    assert!(
        rows.iter()
            .any(|row| row.at("forgemark").at("attempt").as_i64() > Some(0))
    );
}

#[test]
fn a_history_that_is_too_long_is_trimmed_and_the_run_completes() {
    // Requests of the first turns fit, those of the later ones do not.
    let sizes = Endpoint::dialogue().unwrap();
    let shape = |endpoint: &Endpoint| {
        bench(endpoint)
            .set("run.total_samples", 2)
            .set("run.turns.min", 6)
            .set("run.turns.max", 6)
            .set("tools.max_rounds", 0)
            .set("judge.enabled", false)
    };
    complete(&shape(&sizes));
    let stats = sizes.stats();
    let mut struck = 0;
    for over in (1..14).map(|n| n * 1_000) {
        let rule = FaultRule::over_bytes(Fault::ContextLength, over);
        let script =
            Script::new(0).rule(Matcher::role("assistant_turn"), Behaviour::NONE.fault(rule));
        let endpoint = Endpoint::start(&script).unwrap();
        let bench =
            shape(&endpoint).options(|options| options.max_failed = Some(MaxFailed::Count(2)));
        let summary = bench.run();
        let hits = endpoint
            .stats()
            .faults
            .get("context_length")
            .copied()
            .unwrap_or(0);
        assert_sums(&bench, summary.good, &summary.dropped);
        match summary.ending {
            Ending::Complete => struck += u64::from(hits > 0),
            // Not even a request without history fits: a typed failure.
            Ending::TooManyFailed => {
                assert_eq!(
                    summary.dropped.keys().copied().collect::<Vec<_>>(),
                    ["model_error"]
                );
            }
            other => panic!("over {over}: {other:?}"),
        }
    }
    assert!(
        struck > 0,
        "no limit between 1 and 14 kB met only the later turns: {stats:?}"
    );
}

/// A port on which nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

#[test]
fn acceptance_8_2_13_a_run_without_endpoints_ends_with_reasons_and_goes_on_later() {
    let bench = Bench::http(&[closed_port()])
        .set("run.total_samples", 4)
        .set("run.concurrency", 4);
    let summary = bench.run();
    let Ending::EndpointsUnusable(reason) = &summary.ending else {
        panic!("{:?}", summary.ending);
    };
    assert!(
        reason.contains("e0: ") && reason.contains("nothing succeeded for 0.6 s"),
        "{reason}"
    );
    assert_eq!(
        (summary.good, summary.dropped.len()),
        (0, 0),
        "nothing is dropped for it"
    );
    assert_sums(&bench, 0, &summary.dropped);
    let probed = bench.clone().options(|options| options.skip_probe = false);
    match probed.try_run() {
        Err(error @ DialogueError::Probe { .. }) => assert!(!error.hints().is_empty()),
        other => panic!("{other:?}"),
    }
    let endpoint = Endpoint::dialogue().unwrap();
    let mut later = bench;
    later.backend = http(&[endpoint.base_url()]);
    let summary = complete(&later);
    assert_eq!(summary.good, 4);
    assert_same(
        &plain_files(),
        &later.artifacts(),
        "after the endpoint came back",
    );
    assert_eq!(endpoint.stats().paid_again, 0);
}

#[test]
fn an_endpoint_that_fails_at_the_very_start_is_asked_again() {
    for fault in [Fault::status(500), Fault::CutMidBody, Fault::Html] {
        let mut rule = FaultRule::at_rate(fault.clone(), 1.0);
        rule.attempts = vec![1, 2];
        let endpoint = Endpoint::of(Behaviour::NONE.fault(rule)).unwrap();
        let probed = bench(&endpoint).options(|options| options.skip_probe = false);
        let summary = complete(&probed);
        assert_eq!((summary.good, summary.dropped.len()), (4, 0), "{fault:?}");
        assert!(
            endpoint.stats().probes >= 5,
            "{fault:?}: two more than three roles need"
        );
    }
}

#[test]
fn one_dead_endpoint_of_two_costs_time_and_nothing_else() {
    let expected = plain_files();
    let (good, bad) = (
        Endpoint::dialogue().unwrap(),
        Endpoint::of(Behaviour::NONE.always(Fault::Stall)).unwrap(),
    );
    let refusing = Endpoint::of(Behaviour::NONE.always(Fault::status(401))).unwrap();
    for other in [closed_port(), bad.base_url(), refusing.base_url()] {
        let mut bench = bench(&good);
        bench.backend = http(&[other.clone(), good.base_url()]);
        let summary = complete(&bench);
        assert!(summary.dropped.is_empty(), "{other}: {:?}", summary.dropped);
        assert_same(&expected, &bench.artifacts(), &other);
    }
}

#[test]
fn acceptance_8_2_13_an_endpoint_that_fails_at_once_draws_no_calls_to_it() {
    let expected = plain_files();
    for fault in [Fault::status(500), Fault::Html, Fault::CutBeforeHeaders] {
        let (good, bad) = (
            Endpoint::dialogue().unwrap(),
            Endpoint::of(Behaviour::NONE.always(fault.clone())).unwrap(),
        );
        let mut bench = bench(&good);
        bench.backend = http(&[bad.base_url(), good.base_url()]);
        let summary = complete(&bench);
        assert!(
            summary.dropped.is_empty(),
            "{fault:?}: {:?}",
            summary.dropped
        );
        assert_same(&expected, &bench.artifacts(), fault.name());
        // It answers faster than the other one, and is asked only to see whether it works again.
        let (asked, served) = (bad.stats().faults[fault.name()], good.calls());
        assert!(
            asked >= 1 && asked < served,
            "{fault:?}: {asked} calls went to it, {served} to the other"
        );
    }
}

#[test]
fn acceptance_8_2_13_all_endpoints_go_down_in_the_middle_and_come_back() {
    let script = Script::new(0).otherwise(Behaviour::NONE.latency(Latency::Uniform {
        min_ms: 1.0,
        max_ms: 4.0,
    }));
    let whole = Endpoint::start(&script).unwrap();
    let reference = bench(&whole)
        .set("run.total_samples", 12)
        .set("run.batch_size", 4);
    complete(&reference);
    let calls = whole.calls();
    let (mut disk, mut made, mut downs) = (MemDisk::new(), 0, 0);
    for after in [10, 25, 31] {
        let endpoint = Endpoint::start(&script).unwrap();
        let mut bench = reference.clone().on(&disk);
        bench.backend = http(&[endpoint.base_url()]);
        let running = std::thread::spawn(move || (bench.try_run(), bench));
        assert!(endpoint.wait_until(|stats| stats.paid >= after));
        made += endpoint.stop().paid;
        let (ended, bench) = running.join().unwrap();
        let summary = ended.unwrap();
        assert!(
            matches!(summary.ending, Ending::EndpointsUnusable(_)),
            "{:?}",
            summary.ending
        );
        assert!(summary.dropped.is_empty(), "{:?}", summary.dropped);
        assert_sums(&bench, summary.good, &summary.dropped);
        disk = bench.disk.kill();
        downs += 1;
    }
    let endpoint = Endpoint::start(&script).unwrap();
    let mut bench = reference.clone().on(&disk);
    bench.backend = http(&[endpoint.base_url()]);
    assert_eq!(complete(&bench).good, 12);
    assert_same(
        &reference.artifacts(),
        &bench.artifacts(),
        "after three interruptions",
    );
    made += endpoint.calls();
    let in_flight = 4 * downs;
    assert!(
        made <= calls + in_flight,
        "{made} calls, {calls} without interruption"
    );
}

#[test]
fn a_budget_stops_the_run_and_a_raised_one_goes_on() {
    let whole = Endpoint::dialogue().unwrap();
    let reference = bench(&whole);
    complete(&reference);
    let calls = whole.calls();
    let endpoint = Endpoint::dialogue().unwrap();
    let mut bench = bench(&endpoint);
    for (n, most) in [calls / 4, calls / 2, calls - 1].into_iter().enumerate() {
        bench.budget = Budget {
            max_calls: Some(most),
            ..Budget::default()
        };
        let summary = bench.run();
        assert!(
            matches!(summary.ending, Ending::Budget(_)),
            "{n}: {:?}",
            summary.ending
        );
        assert!(
            endpoint.calls() <= most,
            "{} calls of {most}",
            endpoint.calls()
        );
        assert_eq!(
            summary.totals.all().calls,
            endpoint.calls(),
            "the sums go over all parts"
        );
        assert!(summary.dropped.is_empty(), "a spent budget drops nothing");
        assert_sums(&bench, summary.good, &summary.dropped);
        for row in bench.rows("conversations_index.jsonl") {
            assert_eq!(standing(&row).0, "completed");
        }
    }
    bench.budget = Budget::default();
    complete(&bench);
    assert_same(&reference.artifacts(), &bench.artifacts(), "in four parts");
    assert_eq!((endpoint.calls(), endpoint.stats().paid_again), (calls, 0));
}

#[test]
fn slow_and_large_replies_arrive() {
    let slow = Fault::SlowBody {
        pieces: 4,
        interval_ms: 5,
    };
    let behaviour = Behaviour::NONE
        .fault(FaultRule::at_rate(slow, 0.2))
        .fault(FaultRule::at_rate(
            Fault::LargeReply { bytes: 1 << 20 },
            0.1,
        ));
    let endpoint = Endpoint::of(behaviour).unwrap();
    // Faults are drawn by the requests, which the name is a part of: by it, both kinds strike.
    let mut bench = bench(&endpoint).set("run.run_id", "slow-1");
    bench.retry.attempt_timeout = Duration::from_secs(20);
    bench.retry.deadline = Duration::from_mins(1);
    assert_eq!(complete(&bench).good, 4);
    assert_eq!(endpoint.stats().faults.len(), 2);
}
