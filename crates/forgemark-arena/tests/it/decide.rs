//! How a policy turns decisions into outcomes and games.

use std::collections::HashSet;

use forgemark_arena::adjudicate::{By, Outcome};
use forgemark_arena::games::End;
use forgemark_arena::policy::{
    Conflict, LabelKeys, Missing, Mixed, Order, Participants, People, Quorum, Rule, Unanimity,
};
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Policy, Stats, Walk, ledger};

use crate::arena::{
    ADJUDICATED, Arena, CONTRADICTED, CRITICISED, ILL_POSED, JUDGED, JUDGED_TOO, LABELLED,
    judgment, label, root,
};

/// Runs with everything that an arena decides under a policy.
fn decide<T>(
    arena: &Arena,
    policy: &Policy,
    f: impl FnOnce(&Corpus, &Adjudicator<'_>, &Walk) -> T,
) -> T {
    let corpus = Corpus::load(&arena.disk(), &root(), false).unwrap();
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    let adjudicator = Adjudicator::new(&docket, policy);
    let walk = Walk::new(&corpus, &adjudicator);
    f(&corpus, &adjudicator, &walk)
}

fn preset(name: &str) -> Policy {
    Policy::preset(name).unwrap()
}

/// The outcome of the claim that `q` makes of the answer of `a`, under one rule.
fn outcome(arena: &Arena, change: impl Fn(&mut Rule)) -> (Outcome, By) {
    let policy = preset("panel-then-human").with_rules("test", |rule| change(rule));
    decide(arena, &policy, |_, adjudicator, _| {
        let claims = &adjudicator.docket.claims;
        let claim = claims
            .iter()
            .find(|claim| claim.critique.is_some())
            .unwrap();
        let ruling = adjudicator.claim(claim);
        (ruling.outcome, ruling.by)
    })
}

/// The sound arena with the two judges' verdicts on that claim.
fn judged(first: &str, second: &str) -> Arena {
    Arena::sound()
        .remove(JUDGED)
        .remove(JUDGED_TOO)
        .add(JUDGED, &judgment("j", first))
        .add(JUDGED_TOO, &judgment("k", second))
}

#[test]
fn a_panel_agrees_by_verdict_side_or_majority() {
    let by = |arena: &Arena, unanimity| {
        outcome(arena, |rule| {
            rule.order = Order::Panel;
            rule.unanimity = unanimity;
        })
        .0
    };
    let same_side = judged("claimant_wins", "mixed");
    assert_eq!(by(&same_side, Unanimity::Verdict), Outcome::Unresolved);
    assert_eq!(by(&same_side, Unanimity::Side), Outcome::Claimant);
    let divided = judged("claimant_wins", "wrong_problem");
    assert_eq!(by(&divided, Unanimity::Side), Outcome::Unresolved);
    assert_eq!(by(&divided, Unanimity::Majority), Outcome::Unresolved);
    let three = divided.add(JUDGED_TOO, &judgment("l", "defender_wins_minor"));
    assert_eq!(by(&three, Unanimity::Majority), Outcome::Defender);
    // Failed decisions do not count; without any other nobody has decided.
    assert_eq!(
        by(&judged("unknown", "claimant_wins"), Unanimity::Verdict),
        Outcome::Claimant
    );
    assert_eq!(
        by(&judged("unknown", "unknown"), Unanimity::Side),
        Outcome::Unresolved
    );
}

#[test]
fn mixed_says_what_the_policy_says() {
    let arena = judged("mixed", "mixed");
    let by = |mixed| {
        outcome(&arena, |rule| {
            rule.order = Order::Panel;
            rule.mixed = mixed;
        })
        .0
    };
    assert_eq!(by(Mixed::Claimant), Outcome::Claimant);
    assert_eq!(by(Mixed::Defender), Outcome::Defender);
    assert_eq!(by(Mixed::Dropped), Outcome::Dropped);
    assert_eq!(by(Mixed::Abstains), Outcome::Unresolved);
}

#[test]
fn a_quorum_wants_every_judge_that_may() {
    // Three judges in the arena, of which two decided this claim.
    let arena = judged("claimant_wins", "claimant_wins").add(
        "automated_evaluations/l.json",
        &judgment("l", "claimant_wins").replace("\"answer_model\":\"a\"", "\"answer_model\":\"z\""),
    );
    let by = |quorum| {
        outcome(&arena, |rule| {
            rule.order = Order::Panel;
            rule.quorum = quorum;
        })
    };
    assert_eq!(by(Quorum::None), (Outcome::Claimant, By::Panel));
    assert_eq!(by(Quorum::Full), (Outcome::Unresolved, By::Nobody));
}

#[test]
fn people_come_first_last_or_not() {
    // The panel says claimant, the person the other side.
    let arena =
        judged("claimant_wins", "claimant_wins").edit(LABELLED, "\"mixed\"", "\"wrong_problem\"");
    let by = |arena: &Arena, order| outcome(arena, |rule| rule.order = order);
    assert_eq!(by(&arena, Order::Panel), (Outcome::Claimant, By::Panel));
    assert_eq!(
        by(&arena, Order::PanelThenPeople),
        (Outcome::Claimant, By::Panel)
    );
    assert_eq!(
        by(&arena, Order::PeopleThenPanel),
        (Outcome::Defender, By::People)
    );
    assert_eq!(by(&arena, Order::People), (Outcome::Defender, By::People));
    let divided = judged("claimant_wins", "wrong_problem");
    assert_eq!(
        by(&divided, Order::PanelThenPeople),
        (Outcome::Claimant, By::People)
    );
    assert_eq!(
        by(&divided.remove(LABELLED), Order::PanelThenPeople),
        (Outcome::Unresolved, By::Nobody)
    );
}

#[test]
fn people_who_disagree_decide_by_majority_or_not_at_all() {
    let arena = judged("claimant_wins", "wrong_problem")
        .add("evaluations/ann.json", &label("wrong_problem"));
    let by = |arena: &Arena, conflict| outcome(arena, |rule| rule.conflict = conflict).0;
    assert_eq!(by(&arena, Conflict::Unresolved), Outcome::Unresolved);
    let three = arena.add("evaluations/bob.json", &label("defender_wins_minor"));
    assert_eq!(by(&three, Conflict::Majority), Outcome::Defender);
    assert_eq!(by(&three, Conflict::Unresolved), Outcome::Unresolved);
    let other = judged("claimant_wins", "wrong_problem").edit(LABELLED, "\"mixed\"", "\"other\"");
    assert_eq!(by(&other, Conflict::Unresolved), Outcome::Dropped);
}

#[test]
fn participants_may_be_kept_out_and_models_may_stand_for_people() {
    let arena = judged("claimant_wins", "wrong_problem")
        .remove(ADJUDICATED)
        .add("synthetic_adjudications/a.json", &label("wrong_problem"));
    let by = |participants| {
        let mut policy =
            preset("panel-then-human").with_rules("test", |rule| rule.participants = participants);
        policy.people = People::Model("a".to_owned());
        decide(&arena, &policy, |_, adjudicator, _| {
            let claims = &adjudicator.docket.claims;
            let claim = claims
                .iter()
                .find(|claim| claim.critique.is_some())
                .unwrap();
            adjudicator.claim(claim).outcome
        })
    };
    assert_eq!(by(Participants::Decide), Outcome::Defender);
    assert_eq!(by(Participants::Excluded), Outcome::Unresolved);
}

#[test]
fn labels_of_ill_posed_claims_may_carry_a_critic() {
    let miskeyed = r#"{"run_id":"1","outer_attempt":1,"type":"illposed","mode":"x","question_model":"q","answer_model":"b","critic_model":"b","verdict":"not ill-posed","confidence":4,"comment":""}"#;
    let arena = Arena::sound().add(LABELLED, miskeyed);
    let by = |keys| {
        let mut policy =
            preset("panel-then-human").with_rules("test", |rule| rule.order = Order::People);
        policy.label_keys = keys;
        decide(&arena, &policy, |_, adjudicator, _| {
            let claims = &adjudicator.docket.claims;
            let claim = claims
                .iter()
                .find(|claim| claim.critique.is_none())
                .unwrap();
            adjudicator.claim(claim).outcome
        })
    };
    assert_eq!(by(LabelKeys::AsWritten), Outcome::Unresolved);
    assert_eq!(by(LabelKeys::Normalised), Outcome::Defender);
}

#[test]
fn meetings_end_as_the_walk_says() {
    let ends = |arena: &Arena, policy: &Policy| {
        decide(arena, policy, |_, adjudicator, walk| {
            let graph = adjudicator.docket.graph;
            let ends = walk.meetings.iter();
            ends.map(|meeting| {
                (
                    graph.text(meeting.answerer).to_owned(),
                    meeting.end,
                    meeting.invalid,
                )
            })
            .collect::<Vec<_>>()
        })
    };
    let then_human = preset("panel-then-human");
    // `b` is right that the question is ill-posed, so that it is invalid; `b` never looked at the questioner's own answer.
    let (a, b) = ("a".to_owned(), "b".to_owned());
    let found = ends(&Arena::sound(), &then_human);
    assert_eq!(
        found,
        [
            (a.clone(), End::CritiqueUpheld, true),
            (b.clone(), End::ContradictionMissing, true)
        ]
    );
    let lenient = then_human.varied("test", |policy| {
        policy.missing_contradictor = Missing::Continue;
    });
    assert_eq!(
        ends(&Arena::sound(), &lenient)[1],
        (b.clone(), End::IllPosedUpheld, true)
    );
    // `b` gave up, and nothing makes the question invalid.
    let failed = Arena::sound().edit(
        ILL_POSED,
        "\"status\":\"ill-posed\"",
        "\"status\":\"failed\"",
    );
    assert_eq!(
        ends(&failed, &lenient)[1],
        (b.clone(), End::AnswerFailed, false)
    );
    let right = failed.clone().edit(CRITICISED, "incorrect", "correct");
    assert_eq!(
        ends(&right, &lenient)[0],
        (a.clone(), End::CriticCorrect, false)
    );
    let unread = failed.clone().edit(CRITICISED, "incorrect", "unknown");
    assert_eq!(
        ends(&unread, &lenient)[0],
        (a.clone(), End::EvaluationMissing, false)
    );
    let doubted = failed.edit(
        CONTRADICTED,
        "\"verdict\":\"correct\"",
        "\"verdict\":\"insufficient\"",
    );
    assert_eq!(
        ends(&doubted, &lenient)[0],
        (a, End::ContradictionUnresolved, false)
    );
}

#[test]
fn statistics_and_the_ledger_stand_on_the_same_walk() {
    let arena = Arena::sound().edit(
        ILL_POSED,
        "\"status\":\"ill-posed\"",
        "\"status\":\"failed\"",
    );
    let policy = preset("panel-then-human").varied("mine", |policy| {
        policy.missing_contradictor = Missing::Continue;
    });
    decide(&arena, &policy, |corpus, adjudicator, walk| {
        let stats = Stats::new(corpus, adjudicator, walk, 20, 1);
        assert_eq!((stats.questions, stats.valid, stats.answers), (1, 1, 2));
        assert_eq!((stats.games().hits, stats.games().n), (0, 2));
        assert_eq!((stats.outcomes(), stats.contested), ([0, 2, 0], 1));
        assert_eq!(stats.models["q"].questioner.hits, 2);
        assert_eq!(stats.topics["sums"].games.n, 2);
        let lines = ledger::adjudications(corpus, adjudicator, walk);
        let subjects: Vec<(&str, &str, &str)> = lines
            .iter()
            .map(|line| {
                (
                    line.subject.as_str(),
                    line.outcome.as_str(),
                    line.reason.as_str(),
                )
            })
            .collect();
        assert_eq!(
            subjects,
            [
                ("question", "valid", "uncontested"),
                ("claim", "claimant", "people"),
                ("answer", "wrong", "critique_upheld"),
                ("answer", "wrong", "answer_failed"),
            ]
        );
        assert_eq!(lines[1].decided_by, Some(vec!["eve".to_owned()]));
        assert_eq!(lines[2].reward, Some(0.0));
        assert!(
            lines
                .iter()
                .all(|line| line.policy == "mine" && line.policy_digest == policy.digest())
        );
        let disk = arena.disk();
        ledger::write(&disk, &root(), &lines).unwrap();
        // It is no file of the arena's own and is not taken for one.
        let again = Corpus::load(&disk, &root(), false).unwrap();
        assert_eq!(
            (again.files.len(), again.strays.len()),
            (corpus.files.len(), 0)
        );
    });
}
