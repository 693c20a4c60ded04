//! Models that do wrong: each ends in a typed failure that can be made again, or in a run that goes on later.

use std::sync::{Arc, Mutex};

use forgemark_arena::pipeline::{Ending, Retry, Stage};
use forgemark_contract::json::Json;
use forgemark_journal::write_atomic;
use forgemark_model::scripted::{Behaviour, Fault, Reply};
use forgemark_model::{AgentReply, Backend, EndpointConfig, Finish};
use forgemark_testkit::endpoint::Endpoint;

use super::bench::{Bench, assert_same};

/// Without replacements, so that every failed record is of a newest attempt and can be made again.
fn plain() -> Bench {
    Bench::new().set("questions.max_outer_attempts", 1)
}

fn whole() -> Bench {
    let bench = plain();
    assert_eq!(bench.run().ending, Ending::Complete);
    bench
}

#[test]
fn a_judge_that_answers_prose_fails_and_is_asked_again_by_the_next_command() {
    let expected = whole();
    let prose = plain().before(|asked| {
        let strikes = asked.name == "lab-dan" && asked.task.starts_with("judge");
        strikes.then(|| AgentReply::text("I would say that Alice has a point here."))
    });
    let summary = prose.run();
    assert_eq!(summary.ending, Ending::Complete);
    let path = "automated_evaluations/lab-dan.json";
    let decisions = prose.entries(path);
    assert_eq!(decisions.len() as u64, summary.failed[&Stage::Judge]);
    for decision in &decisions {
        assert_eq!(decision.str_or("verdict", ""), "unknown");
        assert_eq!(decision.str_or("status", ""), "failed");
        assert!(
            decision.str_or("error", "").starts_with("bad_output"),
            "{decision:?}"
        );
        assert!(decision.str_or("raw_response", "").contains("has a point"));
        assert!(decision.get("confidence").is_none());
    }
    // Everybody else's records are as they would be, and the next command mends the rest.
    let mended = plain().on(&prose.disk);
    let again = mended.run();
    assert_eq!(again.ending, Ending::Complete);
    assert_eq!(again.made[&Stage::Judge] as usize, decisions.len());
    assert_same(&expected.files(), &mended.files(), "asked again");
}

#[test]
fn a_model_that_refuses_fails_by_class_and_only_when_asked_is_tried_again() {
    let expected = whole();
    let refuses = plain().before(|asked| {
        let strikes = asked.name == "lab-cleo" && asked.task == "answer";
        strikes.then(|| AgentReply {
            finish: Finish::Refusal,
            ..AgentReply::text("I cannot help with that.")
        })
    });
    let summary = refuses.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.failed[&Stage::Answers] > 0);
    let answers = refuses.entries("answers/lab-ann/lab-cleo.json");
    assert!(!answers.is_empty());
    for answer in &answers {
        assert_eq!(answer.str_or("status", ""), "failed");
        assert!(answer.items("attempts").is_empty());
    }
    let lines = refuses.lines("provenance.jsonl");
    let refused = lines
        .iter()
        .filter(|line| line.str_or("failure", "") == "refusal");
    assert_eq!(refused.count() as u64, summary.failed[&Stage::Answers]);

    let sound = plain().on(&refuses.disk);
    assert_eq!(sound.run().ending, Ending::AlreadyComplete, "nobody asked");
    let other = sound.clone().options(|options| {
        options.retry = Some(Retry::Class("bad_output".to_owned()));
    });
    assert_eq!(
        other.run().ending,
        Ending::AlreadyComplete,
        "another reason"
    );
    let asked = sound.options(|options| {
        options.retry = Some(Retry::Class("refusal".to_owned()));
    });
    assert_eq!(asked.run().ending, Ending::Complete);
    assert_same(&expected.files(), &asked.files(), "tried again");
}

#[test]
fn a_reply_that_cannot_be_read_is_asked_for_once_more() {
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let bench = Bench::new().before(move |asked| {
        let first = asked.request.messages.len() == 2;
        let strikes = asked.task == "critique" && asked.name == "lab-ann" && first;
        strikes.then(|| {
            *count.lock().unwrap() += 1;
            AgentReply::text("Looks fine to me.")
        })
    });
    let summary = bench.run();
    assert!(*seen.lock().unwrap() > 0);
    assert_eq!(
        summary.failed[&Stage::Critiques],
        0,
        "the second reply counts"
    );
    let lines = bench.lines("provenance.jsonl");
    let noted = lines.iter().filter(|line| {
        let notes = line.items("notes").iter().filter_map(Json::as_str);
        notes.collect::<Vec<_>>().contains(&"asked_again")
    });
    assert_eq!(noted.count(), *seen.lock().unwrap());
}

/// A model behind an endpoint that criticises and debates, with one reply that fits both.
fn critic(endpoint: &Endpoint) -> Bench {
    let model = |name: &str, roles: &[&str]| {
        Json::object([
            ("name", Json::from(name)),
            (
                "roles",
                roles.iter().map(|role| Json::from(*role)).collect(),
            ),
        ])
    };
    let models: Json = [
        model("lab/ann", &["benchmark"]),
        model("net/critic", &["critique"]),
        model("lab/ben", &["judge"]),
    ]
    .into_iter()
    .collect();
    let mut bench = Bench::new()
        .set("models", models)
        .set("questions.max_outer_attempts", 1)
        .set("critiques.self_improve", false)
        .set(
            "critiques.modes",
            Json::from(vec![Json::from("contradictor")]),
        )
        .set("topics", Json::from(vec![Json::from("sums")]));
    bench.models = vec![("lab/ann".to_owned(), 100), ("lab/ben".to_owned(), 100)];
    bench.backends = [(
        "net/critic".to_owned(),
        Backend::Http(vec![EndpointConfig::new("net", endpoint.base_url())]),
    )]
    .into();
    bench
}

fn says() -> Behaviour {
    Behaviour::NONE.reply(Reply::Json(Json::object([
        ("notes", Json::from("the carry is lost")),
        ("suggestions", Json::from("")),
        ("verdict", Json::from("incorrect")),
        ("message", Json::from("look at the carry")),
        ("concede", Json::Bool(false)),
    ])))
}

#[test]
fn an_endpoint_that_is_lost_in_mid_debate_suspends_and_nothing_is_paid_twice() {
    let lasting = Endpoint::of(says()).unwrap();
    let expected = critic(&lasting);
    assert_eq!(expected.run().ending, Ending::Complete);
    let all = lasting.calls();
    assert_eq!(all, 3, "a critique and two messages");

    let lost = Arc::new(Mutex::new(Some(Endpoint::of(says()).unwrap())));
    let paid = Arc::new(Mutex::new(0));
    let first = {
        let held = lost.lock().unwrap();
        critic(held.as_ref().unwrap())
    };
    let (stop, count) = (Arc::clone(&lost), Arc::clone(&paid));
    // Bob's second message is the last thing before the endpoint is gone.
    let first = first.before(move |asked| {
        let second = asked.task == "debate_critique" && asked.prompt.contains("round=\"2\"");
        if second && let Some(endpoint) = stop.lock().unwrap().take() {
            *count.lock().unwrap() = endpoint.stop().calls;
        }
        None
    });
    let summary = first.run();
    assert!(
        matches!(summary.ending, Ending::EndpointsUnusable(_)),
        "{:?}",
        summary.ending
    );
    assert_eq!(summary.made[&Stage::Critiques], 1, "what was done is kept");
    assert_eq!(summary.made[&Stage::Debates], 0, "half a debate is none");

    let back = Endpoint::of(says()).unwrap();
    let second = critic(&back).on(&first.disk);
    assert_eq!(second.run().ending, Ending::Complete);
    assert_eq!(*paid.lock().unwrap() + back.calls(), all);
    assert_same(&expected.files(), &second.files(), "after the loss");
}

#[test]
fn a_context_that_is_too_long_is_a_failure_of_its_own() {
    let endpoint = Endpoint::of(Behaviour::NONE.always(Fault::ContextLength)).unwrap();
    let bench = critic(&endpoint);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(summary.failed[&Stage::Critiques], 1);
    let lines = bench.lines("provenance.jsonl");
    let failed: Vec<&str> = lines
        .iter()
        .map(|line| line.str_or("failure", ""))
        .collect();
    assert!(failed.contains(&"context_length"), "{failed:?}");
    let critiques = bench.entries("critiques/contradictor/lab-ann/net-critic__lab-ann.json");
    assert_eq!(critiques[0].str_or("status", ""), "failed");
}

#[test]
fn a_truncated_file_is_named_and_nothing_is_written_over_it() {
    let bench = whole();
    let path = super::bench::root().join("answers/lab-ann/lab-ben.json");
    let whole = bench.disk.files()[&path].clone();
    write_atomic(&bench.disk, &path, &whole[..whole.len() / 2]).unwrap();
    let error = bench.try_run().unwrap_err();
    assert!(
        error.to_string().contains("answers/lab-ann/lab-ben.json"),
        "{error}"
    );
    assert_eq!(bench.disk.files()[&path].len(), whole.len() / 2);
    write_atomic(&bench.disk, &path, &whole).unwrap();
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}
