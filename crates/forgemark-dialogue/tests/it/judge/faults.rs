//! Faults of judges, over real HTTP: they pass, or end in typed reasons, or leave a command that goes on later.

use forgemark_dialogue::judge::{JUDGEMENTS, Options};
use forgemark_dialogue::run::Ending;
use forgemark_model::Budget;
use forgemark_model::scripted::{Behaviour, Dialogue, Fault, FaultRule};
use forgemark_testkit::endpoint::Endpoint;

use super::{clean, model, offline};
use crate::bench::{Bench, assert_same, http, script};

/// The folder of a run, and its judge at an endpoint.
fn at(endpoint: &Endpoint) -> Bench {
    let agent = model();
    let mut bench = offline(&agent);
    bench.run();
    bench.backend = http(&[endpoint.base_url()]);
    bench
}

#[test]
fn what_passes_leaves_no_trace() {
    let plain = Endpoint::start(&script(7, Dialogue::PLAIN)).unwrap();
    let expected = at(&plain);
    assert_eq!(expected.judge().ending, Ending::Complete);
    for fault in [
        Fault::rate_limit(None),
        Fault::rate_limit(Some(0)),
        Fault::status(500),
        Fault::CutMidBody,
    ] {
        let mut rule = FaultRule::at_rate(fault.clone(), 0.5);
        rule.attempts = vec![1, 2];
        let script = script(7, Dialogue::PLAIN).otherwise(Behaviour::NONE.fault(rule));
        let endpoint = Endpoint::start(&script).unwrap();
        let bench = at(&endpoint);
        let summary = bench.judge();
        assert_eq!(summary.ending, Ending::Complete, "{fault:?}");
        assert!(summary.failed.is_empty(), "{fault:?}: {:?}", summary.failed);
        assert!(
            endpoint.stats().faults.values().sum::<u64>() >= 1,
            "{fault:?}"
        );
        assert_same(&expected.artifacts(), &bench.artifacts(), fault.name());
    }
}

#[test]
fn what_does_not_pass_is_a_typed_reason() {
    for (fault, kind) in [
        (Fault::ProseContent, "bad_output"),
        (Fault::EmptyContent, "empty"),
        (Fault::Refusal, "refusal"),
        (Fault::FinishLength, "length"),
    ] {
        let rule = FaultRule::at_rate(fault.clone(), 1.0);
        let endpoint = Endpoint::of(Behaviour::NONE.fault(rule)).unwrap();
        let bench = at(&endpoint);
        let summary = bench.judge();
        assert_eq!(summary.ending, Ending::Complete, "{fault:?}");
        assert_eq!(
            summary.failed.keys().collect::<Vec<_>>(),
            [kind],
            "{fault:?}"
        );
        assert_eq!(summary.mean_score, None, "{fault:?}");
        clean(&bench, fault.name());
    }
}

#[test]
fn an_endpoint_that_is_down_leaves_what_was_judged_and_the_command_goes_on() {
    let rule = FaultRule::at_rate(Fault::status(503), 1.0);
    let endpoint = Endpoint::of(Behaviour::NONE.fault(rule)).unwrap();
    let bench = at(&endpoint);
    let before = bench.artifacts();
    let summary = bench.judge();
    // An endpoint that only says so is either given up, or a typed failure of the calls.
    match &summary.ending {
        Ending::EndpointsUnusable(_) => assert_eq!(summary.judged, 0),
        Ending::Complete => assert_eq!(summary.mean_score, None),
        other => panic!("{other:?}"),
    }
    if summary.judged == 0 {
        let mut after = bench.artifacts();
        assert_eq!(after.remove(JUDGEMENTS), Some(Vec::new()));
        assert_same(&before, &after, "nothing was judged");
    }
    clean(&bench, "down");
    let well = Endpoint::start(&script(7, Dialogue::PLAIN)).unwrap();
    let mut again = bench.clone();
    again.backend = http(&[well.base_url()]);
    let summary = again
        .try_judge(Options {
            retry_failed: true,
            ..Options::default()
        })
        .unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.failed.is_empty());
    clean(&again, "up again");
}

#[test]
fn a_budget_stops_it_with_whole_conversations_judged() {
    let agent = model();
    let mut bench = offline(&agent).set("run.concurrency", 1);
    bench.run();
    let made = agent.calls();
    bench.budget = Budget {
        // What the run took counts: it is the run's budget.
        max_calls: Some(made + 3),
        ..Budget::default()
    };
    let summary = bench.judge();
    assert!(
        matches!(summary.ending, Ending::Budget(_)),
        "{:?}",
        summary.ending
    );
    assert_eq!(agent.calls(), made + 3);
    assert!(summary.judged < 4);
    clean(&bench, "a part of the budget");
    bench.budget = Budget::default();
    let summary = bench.judge();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(agent.calls(), made + summary.units, "nothing is paid twice");
    clean(&bench, "no budget");
}
