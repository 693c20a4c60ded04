//! Messages in another language than their conversation is to be in.

use forgemark_contract::json::{Json, parse_str};
use forgemark_dialogue::run::{Ending, Summary};
use forgemark_dialogue::{Languages, MaxFailed};
use forgemark_language::Verdict;
use forgemark_model::scripted::{Behaviour, Matcher, Reply, Script};
use forgemark_testkit::MemDisk;
use forgemark_testkit::endpoint::Endpoint;

use super::bench::{Bench, assert_same, standing};
use super::check::{assert_clean, check_files, count, files_of};

/// What a side says in one language.
struct Said {
    question: &'static str,
    answer: &'static str,
}

const ENGLISH: Said = Said {
    question: "At which pressure does the valve with the number {hash8} open towards the main line of the section?",
    answer: "The valve opens as soon as the pressure in the line is higher than the limit that the manual names.",
};
const FRENCH: Said = Said {
    question: "À quelle pression la soupape qui porte le numéro {hash8} s'ouvre-t-elle vers la conduite principale ?",
    answer: "La soupape s'ouvre dès que la pression dans la conduite dépasse la limite indiquée dans le manuel.",
};
const ARABIC: Said = Said {
    question: "عند أي ضغط يفتح الصمام الذي يحمل الرقم {hash8} نحو الخط الرئيسي في هذا القسم من المحطة؟",
    answer: "يفتح الصمام عندما يكون الضغط في الخط أعلى من الحد المذكور في الدليل ثم يغلق بعد ذلك بوقت قصير.",
};

/// What stands in a request that asks again.
const CORRECTION: &str = "this conversation is held in";

fn reply(json: &str) -> Behaviour {
    Behaviour {
        replies: Some(vec![Reply::Json(parse_str(json).unwrap())]),
        ..Behaviour::text("")
    }
}

impl Said {
    /// The rules by which both sides say this, in requests with this text in them.
    fn rules(&self, script: Script, contains: &[&str]) -> Script {
        let matcher = |role: &str| Matcher {
            contains: contains.iter().map(|text| (*text).to_owned()).collect(),
            ..Matcher::role(role)
        };
        let question = format!(
            r#"{{"user_message": "{}", "intent": "how_to", "difficulty": "easy", "coverage_target": "{{topic_id}}",
                "grounding_facts": [{{"fact": "f", "source_descriptor": "{{source}}"}}], "notes_for_assistant": []}}"#,
            self.question
        );
        let answer = format!(
            r#"{{"assistant_message": "{}", "reasoning_trace": {{"confidence": "high"}}, "did_web_search": false}}"#,
            self.answer
        );
        script
            .rule(matcher("user_turn"), reply(&question))
            .rule(matcher("assistant_turn"), reply(&answer))
    }
}

fn bench(server: &Endpoint, label: &str, policy: &str) -> Bench {
    Bench::http(&[server.base_url()])
        .set("run.target_languages", Json::from(vec![Json::from(label)]))
        .set("run.total_samples", 4)
        .set("judge.enabled", false)
        .set("tools.max_rounds", 0)
        // The questions differ in a number only.
        .set("dedup.near.method", "off")
        .set("language.check", policy)
}

/// The counts of the only language of a run.
#[track_caller]
fn only(summary: &Summary, label: &str) -> Languages {
    let [(name, found)] = summary.languages.as_slice() else {
        panic!("{:?}", summary.languages)
    };
    assert_eq!(name, label);
    *found
}

/// What the rows say of each message, in order.
fn said(bench: &Bench) -> Vec<(String, i64)> {
    let rows = bench.rows("turns.jsonl");
    let sides = rows.iter().flat_map(|row| {
        let language = row.at("forgemark").at("language");
        ["user", "assistant"].map(|side| {
            let one = language.at(side);
            (
                one.str_or("verdict", "-").to_owned(),
                one.i64_or("corrections", -1),
            )
        })
    });
    sides.collect()
}

#[test]
fn a_wrong_language_is_asked_for_again_and_what_was_done_is_recorded() {
    let script = FRENCH.rules(Script::new(1), &[CORRECTION]);
    let server = Endpoint::start(&ENGLISH.rules(script, &[])).unwrap();
    let bench = bench(&server, "French", "retry");
    let summary = bench.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::Complete, 4)
    );
    let found = only(&summary, "French");
    assert_eq!(
        (found.total(), found.share(Verdict::Match)),
        (16, Some(1.0))
    );
    assert!(
        said(&bench)
            .iter()
            .all(|said| *said == ("match".to_owned(), 1))
    );
    // Each correction is a call that was paid, and stands in the row with the others.
    assert_eq!(server.calls(), 32);
    assert_eq!(summary.totals.all().calls, server.calls());
    for row in bench.rows("turns.jsonl") {
        let ours = row.at("forgemark");
        assert_eq!(ours.items("calls").len(), 4);
        let detected = ours.at("language").at("user").str_or("detected", "");
        assert_eq!(detected, "fra");
        assert!(row.str_or("user_message", "").starts_with("À quelle"));
    }
    assert_clean(&files_of(&bench.disk), "corrected");
    // The journal answers for all of it.
    let again = bench.run();
    assert_eq!(again.ending, Ending::AlreadyComplete);
    assert_eq!(only(&again, "French"), found);
}

#[test]
fn without_a_retry_it_is_recorded_and_nothing_else_changes() {
    let server = Endpoint::start(&ENGLISH.rules(Script::new(1), &[])).unwrap();
    let recorded = bench(&server, "fr", "record");
    let summary = recorded.run();
    assert_eq!(summary.good, 4);
    for row in recorded.rows("turns.jsonl") {
        assert_eq!(row.at("forgemark").items("calls").len(), 2);
    }
    assert_eq!(only(&summary, "fr").share(Verdict::Mismatch), Some(1.0));
    assert!(
        said(&recorded)
            .iter()
            .all(|said| *said == ("mismatch".to_owned(), 0))
    );
    assert_clean(&files_of(&recorded.disk), "recorded");

    let off = bench(&server, "fr", "off");
    let summary = off.run();
    assert_eq!((summary.good, summary.languages.len()), (4, 0));
    assert!(said(&off).iter().all(|said| *said == ("-".to_owned(), -1)));
    assert_clean(&files_of(&off.disk), "off");

    // What a row says of its language has to add up.
    let mut files = files_of(&recorded.disk);
    for name in ["synthetic_qa.jsonl", "turns.jsonl"] {
        let text = String::from_utf8(files[name].clone()).unwrap();
        let changed = text.replacen(r#""verdict": "mismatch""#, r#""verdict": "excellent""#, 1);
        assert_ne!(text, changed);
        files.insert(name.to_owned(), changed.into_bytes());
    }
    assert!(
        count(
            &check_files(&files),
            forgemark_dialogue::check::Kind::Language
        ) >= 1
    );
}

#[test]
fn a_language_that_stays_wrong_is_kept_or_dropped_as_configured() {
    let server = Endpoint::start(&ENGLISH.rules(Script::new(1), &[])).unwrap();
    let kept = bench(&server, "fr", "retry").set("language.retries", 2);
    let summary = kept.run();
    assert_eq!(summary.good, 4);
    assert_eq!(only(&summary, "fr").share(Verdict::Mismatch), Some(1.0));
    assert!(
        said(&kept)
            .iter()
            .all(|said| *said == ("mismatch".to_owned(), 2))
    );
    for row in kept.rows("turns.jsonl") {
        assert_eq!(row.at("forgemark").items("calls").len(), 6);
    }

    let dropped = bench(&server, "fr", "drop")
        .set("run.concurrency", 1)
        .set("run.lookahead", 1)
        .options(|options| options.max_failed = Some(MaxFailed::Count(2)));
    let summary = dropped.run();
    assert_eq!(
        (summary.ending.clone(), summary.good),
        (Ending::TooManyFailed, 0)
    );
    let reasons: Vec<&str> = summary.dropped.keys().copied().collect();
    assert_eq!(reasons, ["language_mismatch"]);
    for row in dropped.rows("conversations_index.jsonl") {
        let (status, reason, turns) = standing(&row);
        assert_eq!(
            (status.as_str(), reason.as_str(), turns),
            ("dropped", "language_mismatch", 0)
        );
    }
    assert_clean(&files_of(&dropped.disk), "dropped");
}

#[test]
fn of_a_dialect_script_and_language_are_checked_and_it_is_never_verified() {
    let server = Endpoint::start(&ARABIC.rules(Script::new(1), &[])).unwrap();
    for label in ["Moroccan Arabic", "ar-EG"] {
        let bench = bench(&server, label, "drop");
        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Complete, 4)
        );
        let found = only(&summary, label);
        assert_eq!(found.share(Verdict::Unverifiable), Some(1.0), "{label}");
        for row in bench.rows("turns.jsonl") {
            let one = row.at("forgemark").at("language").at("assistant");
            assert_eq!(one.str_or("detected", ""), "ara");
            assert_eq!(one.at("script_share"), &Json::from(1.0));
        }
    }
}

#[test]
fn a_stopped_run_makes_the_same_corrections_and_the_same_shares() {
    let script = FRENCH.rules(Script::new(1), &[CORRECTION]);
    let server = Endpoint::start(&ENGLISH.rules(script, &[])).unwrap();
    let whole = bench(&server, "French", "retry");
    let expected = whole.run();
    let parts = whole.clone().on(&MemDisk::new());
    let first = parts.clone().options(|options| options.limit = Some(1));
    assert_eq!(first.run().ending, Ending::Limit);
    let summary = parts.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(summary.languages, expected.languages);
    assert_same(&whole.artifacts(), &parts.artifacts(), "in two parts");
}

#[test]
fn offline_agents_come_to_an_end_when_they_are_corrected() {
    use forgemark_dialogue::offline;
    use forgemark_model::{Agent, AgentReply, ChatRequest};
    use std::sync::Arc;

    /// All three agents, by what is asked for.
    struct Offline([Arc<dyn Agent>; 3]);
    impl Agent for Offline {
        fn reply(&self, request: &ChatRequest) -> AgentReply {
            let place = match super::bench::role(request) {
                "user_turn" => 0,
                "assistant_turn" => 1,
                _ => 2,
            };
            self.0[place].reply(request)
        }
    }
    for label in ["fr", "Moroccan Arabic"] {
        let agents = ["user", "assistant", "judge"]
            .map(|name| offline::agent(&format!("offline:{name}")).unwrap());
        let bench = Bench::new(Arc::new(Offline(agents)))
            .set("run.target_languages", Json::from(vec![Json::from(label)]))
            .set("run.total_samples", 1)
            .set("language.check", "retry");
        let summary = bench.run();
        assert_eq!(
            (summary.ending.clone(), summary.good),
            (Ending::Complete, 1),
            "{label}"
        );
        assert!(only(&summary, label).total() == 4, "{label}");
        assert_clean(&files_of(&bench.disk), label);
    }
}
