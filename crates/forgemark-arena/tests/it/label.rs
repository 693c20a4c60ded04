//! What a person labels, in which order, what they see of it, and what is on disk at every moment.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_arena::adjudicate::Outcome;
use forgemark_arena::label::{
    Book, LabelError, QueuePolicy, Session, Sight, Task, check_user, queue,
};
use forgemark_arena::redact::Replacement;
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Policy};
use forgemark_contract::arena::Label;
use forgemark_journal::Storage;
use forgemark_testkit::mem_disk::{Fault, FaultKind, MemDisk};

use crate::arena::{
    Arena, CRITICISED, DEBATED, DEBATED_ILL, JUDGED, LABELLED, judgment, label, root, write,
};

/// The sound arena with both claims contested, real-looking names, and texts that tell them.
fn arena() -> Arena {
    let ill = r#""answer_model":"b","verdict":"claimant_wins""#;
    let sound = Arena::sound()
        .edit(JUDGED, ill, &ill.replace("claimant_wins", "wrong_problem"))
        .edit(
            CRITICISED,
            r#""notes":"n""#,
            r#""notes":"As GPT-4o I see that Gemini 3 is wrong.""#,
        )
        .edit(DEBATED, r#""message":"no""#, r#""message":"No, GPT 4o.""#);
    named(sound.remove(LABELLED))
}

fn named(arena: Arena) -> Arena {
    let named = |text: &str| {
        let names = [
            ("q", "openai-gpt-4o"),
            ("a", "google-gemini-3"),
            ("b", "meta-phi-4"),
        ];
        names.into_iter().fold(text.to_owned(), |text, (from, to)| {
            let text = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
            let text = text.replace(&format!("/{from}/"), &format!("/{to}/"));
            let text = text.replace(&format!("/{from}__"), &format!("/{to}__"));
            let text = text.replace(&format!("__{from}."), &format!("__{to}."));
            text.replace(&format!("/{from}.json"), &format!("/{to}.json"))
        })
    };
    let files = arena.0.into_iter();
    Arena(
        files
            .map(|(path, entries)| (named(&path), entries.iter().map(|e| named(e)).collect()))
            .collect(),
    )
}

/// The arena with up to six more answers like the first; the judges agree about the first `settled` of them, about every other
/// one for the defender.
fn many(more: usize, settled: usize) -> Arena {
    let mut arena = arena();
    for (at, name) in ["r", "s", "t", "u", "v", "w"]
        .into_iter()
        .take(more)
        .enumerate()
    {
        let renamed = |text: &str| text.replace("google-gemini-3", &format!("model-{name}"));
        let own = arena
            .0
            .iter()
            .filter(|(path, _)| path.contains("google-gemini-3"));
        let own = own.map(|(path, entries)| {
            let entries = entries.iter().map(|entry| renamed(entry));
            (renamed(path), entries.collect())
        });
        let own: Vec<(String, Vec<String>)> = own.collect();
        arena.0.extend(own);
        let agreed = ["claimant_wins", "wrong_problem"][at % 2];
        for (judge, verdict) in [("j", "claimant_wins"), ("k", "wrong_problem")] {
            let verdict = if at < settled { agreed } else { verdict };
            let entry = judgment(judge, verdict)
                .replace("\"q\"", "\"openai-gpt-4o\"")
                .replace("\"a\"", &format!("\"model-{name}\""));
            arena = arena.add(&format!("automated_evaluations/{judge}.json"), &entry);
        }
    }
    arena
}

/// A label of the claim against the answer, as `user` may have given it.
fn given(verdict: &str, confidence: u8) -> String {
    let label = label(verdict).replace("\"confidence\":4", &format!("\"confidence\":{confidence}"));
    let label = label.replace("\"q\"", "\"openai-gpt-4o\"");
    label.replace("\"a\"", "\"google-gemini-3\"")
}

fn file(user: &str) -> String {
    format!("evaluations/{user}.json")
}

/// Runs with an adjudicator of the default policy.
fn judged<T>(disk: &MemDisk, f: impl FnOnce(&Corpus, &Adjudicator<'_>) -> T) -> T {
    let corpus = Corpus::load(disk, &root(), false).unwrap();
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    let policy = Policy::preset("panel-then-human").unwrap();
    f(&corpus, &Adjudicator::new(&docket, &policy))
}

fn opened(disk: &MemDisk, user: &str) -> Result<Book, LabelError> {
    Book::open(Arc::new(disk.clone()), &root(), user, "process 7")
}

/// Runs with a blind session on contested claims.
fn at_work<T>(disk: &MemDisk, user: &str, f: impl FnOnce(&mut Session<'_>) -> T) -> T {
    judged(disk, |corpus, adjudicator| {
        let tasks = queue(corpus, adjudicator, user, QueuePolicy::Contested);
        let book = opened(disk, user).unwrap();
        let place = (disk as &dyn Storage, &*root());
        f(&mut Session::new(
            corpus,
            adjudicator,
            place,
            user,
            book,
            tasks,
            Sight::Blind,
        ))
    })
}

fn keys(disk: &MemDisk, user: &str, policy: QueuePolicy) -> Vec<String> {
    judged(disk, |corpus, adjudicator| {
        let tasks = queue(corpus, adjudicator, user, policy).into_iter();
        tasks
            .map(|task: Task| adjudicator.docket.graph.show_claim(&task.key))
            .collect()
    })
}

fn text(disk: &MemDisk, path: &str) -> String {
    String::from_utf8(disk.read(&root().join(path)).unwrap()).unwrap()
}

const ILL_POSED: &str = "1/openai-gpt-4o/meta-phi-4/unknown/unknown/1";
const FAULTY: &str = "1/openai-gpt-4o/google-gemini-3/openai-gpt-4o/evaluator/1";

#[test]
fn questions_are_validated_before_answers() {
    let disk = arena().disk();
    for user in ["ann", "bob", "eve"] {
        let found = keys(&disk, user, QueuePolicy::Contested);
        assert_eq!(found, [ILL_POSED, FAULTY], "{user}");
    }
    for policy in [QueuePolicy::TieBreak, QueuePolicy::Overlap] {
        assert!(keys(&disk, "ann", policy).is_empty(), "{policy:?}");
    }
}

#[test]
fn a_second_person_is_asked_only_under_low_confidence() {
    let with = |labels: &[(&str, &str, u8)]| {
        let mut arena = arena();
        for (user, verdict, confidence) in labels {
            arena = arena.add(&file(user), &given(verdict, *confidence));
        }
        arena.disk()
    };
    let sure = with(&[("eve", "mixed", 3)]);
    assert_eq!(keys(&sure, "ann", QueuePolicy::Contested), [ILL_POSED]);
    // Her own label leaves the queue of the person herself alone.
    assert_eq!(keys(&sure, "eve", QueuePolicy::Contested).len(), 2);
    for (verdict, confidence) in [("mixed", 2), ("unknown", 5)] {
        let unsure = with(&[("eve", verdict, confidence)]);
        let found = keys(&unsure, "ann", QueuePolicy::Contested);
        assert_eq!(found, [ILL_POSED, FAULTY]);
        assert_eq!(keys(&unsure, "ann", QueuePolicy::Overlap), [FAULTY]);
    }
    let differ = with(&[("eve", "mixed", 5), ("dan", "wrong_problem", 5)]);
    assert_eq!(keys(&differ, "ann", QueuePolicy::TieBreak), [FAULTY]);
    let agree = with(&[("eve", "mixed", 5), ("dan", "mixed", 5)]);
    assert!(keys(&agree, "ann", QueuePolicy::TieBreak).is_empty());
}

#[test]
fn what_is_settled_undebated_or_invalid_is_not_asked() {
    let settled = arena().edit(
        "automated_evaluations/k.json",
        "wrong_problem",
        "claimant_wins",
    );
    assert_eq!(
        keys(&settled.disk(), "ann", QueuePolicy::Contested),
        [ILL_POSED]
    );
    let silent = DEBATED_ILL.replace("/q/b", "/openai-gpt-4o/meta-phi-4");
    assert_eq!(
        keys(
            &arena().remove(&silent).disk(),
            "ann",
            QueuePolicy::Contested
        ),
        [FAULTY]
    );
    // Both judges call the question ill-posed: nothing about it is worth a person's time.
    let invalid = named(Arena::sound().remove(LABELLED));
    assert!(keys(&invalid.disk(), "ann", QueuePolicy::Contested).is_empty());
}

#[test]
fn the_order_is_a_persons_own_and_stays_when_claims_come() {
    let orders: HashSet<Vec<String>> = (0..8)
        .map(|user| {
            keys(
                &many(6, 0).disk(),
                &format!("user{user}"),
                QueuePolicy::Contested,
            )
        })
        .collect();
    assert!(orders.len() > 4, "{} orders of eight people", orders.len());
    assert!(orders.iter().all(|order| order.len() == 8));
    let (few, all) = (
        keys(&many(3, 0).disk(), "ann", QueuePolicy::Contested),
        keys(&many(6, 0).disk(), "ann", QueuePolicy::Contested),
    );
    let kept: Vec<String> = all.into_iter().filter(|key| few.contains(key)).collect();
    assert_eq!(kept, few);
}

#[test]
fn nothing_tells_who_wrote_until_the_label_is_saved() {
    let disk = arena().disk();
    at_work(&disk, "ann", |session| {
        session.find(FAULTY).unwrap();
        let view = session.view().unwrap();
        assert!(session.reveal().is_none());
        assert_eq!(
            view.claim,
            "The answer is incorrect.\n\nAs [claimant] I see that [defender] is wrong."
        );
        let said: Vec<_> = view
            .debate
            .iter()
            .map(|s| (s.who, s.text.as_str()))
            .collect();
        assert_eq!(said, [("defender", "No, [claimant]."), ("claimant", "yes")]);
        let shown = format!(
            "{:?}",
            (&view.ticket, &view.topic, &view.question, &view.answer)
        );
        assert!(
            !shown.contains("gpt") && !shown.contains("gemini"),
            "{shown}"
        );
        let found: Vec<_> = view
            .replaced
            .iter()
            .map(|r: &Replacement| &*r.was)
            .collect();
        assert_eq!(found, ["GPT-4o", "Gemini 3", "GPT 4o"]);

        session.choose("wrong_problem").unwrap();
        assert!(session.reveal().is_none(), "a choice is no label");
        session.save().unwrap();
        let reveal = session.reveal().unwrap();
        assert_eq!(reveal.key, FAULTY);
        assert_eq!(
            (&*reveal.claimant, &*reveal.defender),
            ("openai-gpt-4o", "google-gemini-3")
        );
        let judges: Vec<_> = reveal
            .judges
            .iter()
            .map(|j| (&*j.who, &*j.verdict))
            .collect();
        assert_eq!(judges, [("j", "claimant_wins"), ("k", "wrong_problem")]);
        assert!(session.view().unwrap().claim.contains("GPT-4o"));
        session.undo().unwrap();
        assert!(session.reveal().is_none());
    });
}

#[test]
fn a_label_is_written_as_the_contract_says() {
    let disk = arena().disk();
    at_work(&disk, "ann", |session| {
        assert_eq!((session.len(), session.labelled()), (2, 0));
        assert!(matches!(session.save(), Err(LabelError::Undecided)));
        // An ill-posed claim has no minor fault.
        let minor = session.choose("defender_wins_minor");
        assert!(matches!(minor, Err(LabelError::NoVerdict { .. })));
        session.choose("claimant_wins").unwrap();
        session.save().unwrap();
        assert!(session.skip());
        session.choose("defender_wins_minor").unwrap();
        session.set_confidence(5).unwrap();
        assert!(matches!(
            session.set_confidence(6),
            Err(LabelError::Confidence(6))
        ));
        session.set_comment("Größe: \"ok\"\n");
        assert!(session.is_changed());
        session.save().unwrap();
        assert!(!session.is_changed() && !session.skip());
    });
    let expected = r#"{
  "decisions": [
    {
      "run_id": "1",
      "outer_attempt": 1,
      "type": "illposed",
      "question_model": "openai-gpt-4o",
      "answer_model": "meta-phi-4",
      "verdict": "claimant_wins",
      "confidence": 3,
      "comment": ""
    },
    {
      "run_id": "1",
      "outer_attempt": 1,
      "type": "critique",
      "mode": "evaluator",
      "question_model": "openai-gpt-4o",
      "answer_model": "google-gemini-3",
      "critic_model": "openai-gpt-4o",
      "verdict": "defender_wins_minor",
      "confidence": 5,
      "comment": "Gr\u00f6\u00dfe: \"ok\"\n"
    }
  ]
}"#;
    assert_eq!(text(&disk, &file("ann")), expected);
    // The next start finds them, and offers nothing that is done.
    at_work(&disk, "ann", |session| {
        assert_eq!((session.len(), session.labelled()), (2, 2));
        assert_eq!(session.draft().verdict.as_deref(), Some("claimant_wins"));
    });
}

#[test]
fn moving_keeps_drafts_and_undo_gives_them_back() {
    let disk = arena().disk();
    at_work(&disk, "ann", |session| {
        session.previous();
        assert_eq!(session.position(), 0);
        session.choose("mixed").unwrap();
        session.next();
        session.next();
        assert_eq!(session.position(), 1);
        session.set_comment("half a thought");
        assert!(session.jump(0) && !session.jump(2));
        assert_eq!(session.draft().verdict.as_deref(), Some("mixed"));
        session.save().unwrap();
        session.choose("other").unwrap();
        session.save().unwrap();
        assert!(text(&disk, &file("ann")).contains("\"other\""));
        assert!(session.skip());
        assert_eq!(session.draft().comment, "half a thought");
        session.choose("unknown").unwrap();
        session.save().unwrap();
        assert_eq!(session.labelled(), 2);

        assert!(session.undo().unwrap());
        assert_eq!((session.position(), session.labelled()), (1, 1));
        let draft = session.draft();
        assert_eq!(
            (draft.verdict.as_deref(), &*draft.comment),
            (Some("unknown"), "half a thought")
        );
        assert!(session.undo().unwrap());
        assert_eq!(session.position(), 0);
        assert!(text(&disk, &file("ann")).contains("\"mixed\""));
        assert!(session.undo().unwrap());
        assert_eq!(session.labelled(), 0);
        assert!(!session.undo().unwrap(), "there is nothing more");
        let tickets: Vec<String> = (0..2)
            .map(|at| {
                session.jump(at);
                session.view().unwrap().ticket
            })
            .collect();
        session.find(&tickets[1]).unwrap();
        assert_eq!(session.position(), 1);
        assert!(matches!(
            session.find("7/x"),
            Err(LabelError::NoClaim { .. })
        ));
    });
    assert_eq!(text(&disk, &file("ann")), "{\n  \"decisions\": []\n}");
}

#[test]
fn what_a_file_held_before_stays_as_it_was() {
    // Another order of keys, an unknown key, a label that is miskeyed, an entry that is none.
    let before = r#"{
  "decisions": [
    {
      "type": "illposed",
      "question_model": "openai-gpt-4o",
      "answer_model": "meta-phi-4",
      "critic_model": "meta-phi-4",
      "verdict": "other",
      "mood": "good",
      "run_id": "1"
    },
    {
      "verdict": 7
    }
  ],
  "by": "hand"
}"#;
    let disk = arena().disk();
    write(&disk, &file("ann"), before.as_bytes());
    at_work(&disk, "ann", |session| {
        session.find(ILL_POSED).unwrap();
        assert_eq!(session.label().unwrap().verdict, "other");
        session.choose("mixed").unwrap();
        session.save().unwrap();
        let after = before.replace("\"other\"", "\"mixed\"").replace(
            "      \"run_id\": \"1\"\n",
            "      \"run_id\": \"1\",\n      \"confidence\": 3,\n      \"comment\": \"\"\n",
        );
        assert_eq!(text(&disk, &file("ann")), after);
        session.undo().unwrap();
        assert_eq!(text(&disk, &file("ann")), before);
    });
}

#[test]
fn what_somebody_else_writes_meanwhile_stays() {
    let disk = arena().disk();
    at_work(&disk, "ann", |session| {
        session.find(ILL_POSED).unwrap();
        session.choose("mixed").unwrap();
        session.save().unwrap();
        let pulled = format!("{{\"decisions\": [{}]}}", given("other", 2));
        write(&disk, &file("ann"), pulled.as_bytes());
        session.choose("claimant_wins").unwrap();
        session.save().unwrap();
    });
    let after = text(&disk, &file("ann"));
    assert!(
        after.contains("\"other\"") && after.contains("\"claimant_wins\""),
        "{after}"
    );
}

#[test]
fn one_person_labels_once_at_a_time() {
    let disk = arena().disk();
    let held = opened(&disk, "ann").unwrap();
    let refused = opened(&disk, "ann").unwrap_err();
    assert!(matches!(refused, LabelError::Lock(_)), "{refused}");
    assert!(refused.to_string().contains("process 7"), "{refused}");
    opened(&disk, "bob").unwrap();
    drop(held);
    opened(&disk, "ann").unwrap();
}

#[test]
fn names_that_are_no_file_are_refused() {
    for user in ["ann", "Ji X", "a.b@c-d_e+f", "josé", "日本"] {
        check_user(user).unwrap();
    }
    let long = "x".repeat(81);
    for user in [
        "", ".", "..", "../x", "a/b", "a\\b", "a\0", "a\nb", " a", "a ", "a.", "-a", ".a", "a:b",
        &long,
    ] {
        let refused = opened(&MemDisk::new(), user).unwrap_err();
        assert!(matches!(refused, LabelError::User { .. }), "{user:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_left_alone() {
    let cut = b"{\"decisions\": [{\"type\": \"illp";
    let disk = arena().disk();
    write(&disk, &file("ann"), cut);
    let refused = opened(&disk, "ann").unwrap_err();
    let LabelError::Unreadable { path, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(path, &root().join(file("ann")));
    assert_eq!(text(&disk, &file("ann")).as_bytes(), cut);
}

#[test]
fn a_fault_at_any_point_leaves_the_old_file_or_the_new_one() {
    type Next = fn(&MemDisk) -> MemDisk;
    let start = || {
        let disk = arena().disk();
        write(
            &disk,
            &file("ann"),
            format!("{{\"decisions\": [{}]}}", given("other", 2)).as_bytes(),
        );
        disk
    };
    let work = |disk: &MemDisk| -> Result<(), LabelError> {
        judged(disk, |corpus, adjudicator| {
            let tasks = queue(corpus, adjudicator, "ann", QueuePolicy::Contested);
            let book = opened(disk, "ann")?;
            let place = (disk as &dyn Storage, &*root());
            let mut session =
                Session::new(corpus, adjudicator, place, "ann", book, tasks, Sight::Blind);
            session.choose("mixed")?;
            session.save()
        })
    };
    let whole = start();
    let before = (whole.points(), text(&whole, &file("ann")));
    work(&whole).unwrap();
    let after = (whole.points(), text(&whole, &file("ann")));
    assert!(after.0 > before.0 + 3);
    let kinds: [(FaultKind, Next); 4] = [
        (FaultKind::Crash, MemDisk::kill),
        (FaultKind::Crash, MemDisk::power_loss),
        (FaultKind::NoSpace, MemDisk::kill),
        (FaultKind::ShortWrite, MemDisk::kill),
    ];
    for (kind, next) in kinds {
        for at in before.0 + 1..=after.0 {
            let disk = start();
            disk.set_fault(Fault { at, kind });
            let done = work(&disk).is_ok();
            let disk = next(&disk);
            let found = text(&disk, &file("ann"));
            let what = format!("{kind:?} at {at}: {found}");
            assert!(found == after.1 || (!done && found == before.1), "{what}");
            work(&disk).unwrap();
            assert_eq!(text(&disk, &file("ann")), after.1, "{what}");
        }
    }
}

#[test]
fn what_moves_the_ratings_comes_first() {
    let disk = many(6, 4).disk();
    judged(&disk, |corpus, adjudicator| {
        let tasks = queue(corpus, adjudicator, "ann", QueuePolicy::RankInformation);
        let graph = adjudicator.docket.graph;
        assert_eq!(tasks.len(), 4);
        let found: Vec<_> = tasks.iter().map(|task| task.information.unwrap()).collect();
        // Whether the question is valid decides about four games that are there, each of the others about one more.
        assert_eq!(graph.show_claim(&tasks[0].key), ILL_POSED);
        assert!(found[0].swaps > found[1].swaps, "{found:?}");
        // Four ratings move by x with probability 1/2, or one does for certain: sqrt(4 x^2) / 2 = sqrt(x^2).
        for one in &found {
            assert!((one.elo - found[0].elo).abs() < 1e-5, "{found:?}");
            assert!(one.elo > 1.0, "{found:?}");
        }
        // Nothing was decided by asking.
        assert_eq!(
            adjudicator.claim(&tasks[0].key).outcome,
            Outcome::Unresolved
        );
    });
}

/// What is asked about the real corpus, with the labels that are there and as if nobody had labelled anything.
pub(crate) fn real(folder: &Path) {
    let disk = forgemark_journal::DiskStorage;
    let corpus = Corpus::load(&disk, folder, false).unwrap();
    let labels: HashSet<_> = corpus.all::<Label>().map(|(at, ..)| at).collect();
    let policy = Policy::preset("head").unwrap();
    let sizes = |gone: &HashSet<_>, check: &dyn Fn(&Adjudicator<'_>, &[Task])| {
        let graph = Graph::new(&corpus, gone);
        let docket = Docket::new(&corpus, &graph);
        let adjudicator = Adjudicator::new(&docket, &policy);
        let queues = QueuePolicy::ALL.map(|policy| queue(&corpus, &adjudicator, "ann", policy));
        check(&adjudicator, &queues[3]);
        queues.map(|queue| queue.len())
    };
    // People were asked about all of them; of 71 confident labels the overlap takes four.
    assert_eq!(sizes(&HashSet::new(), &|_, _| ()), [0, 0, 6, 0]);
    let fresh = sizes(&labels, &|adjudicator, tasks| {
        let graph = adjudicator.docket.graph;
        let found: Vec<_> = tasks.iter().map(|task| task.information.unwrap()).collect();
        assert!(
            found
                .iter()
                .all(|one| one.elo.is_finite() && one.swaps.is_finite())
        );
        assert!(found.windows(2).all(|two| two[0].swaps >= two[1].swaps));
        assert!(found[0].swaps > 0.0);
        // No rating stands on questions of this model: claims about them move nothing.
        let idle = tasks
            .iter()
            .rev()
            .take_while(|task| task.information.unwrap().elo == 0.0);
        assert!(idle.count() >= 9);
        blind(
            &corpus,
            adjudicator,
            tasks,
            &graph.judges().iter().map(|j| graph.text(*j)).collect(),
        );
    });
    assert_eq!(fresh, [80, 0, 0, 80]);
}

/// No view of any of the claims has a name of a model in it.
fn blind(corpus: &Corpus, adjudicator: &Adjudicator<'_>, tasks: &[Task], slugs: &Vec<&str>) {
    let disk = MemDisk::new();
    let place = (&disk as &dyn Storage, &*root());
    let book = opened(&disk, "ann").unwrap();
    let tasks = tasks.to_vec();
    let mut session = Session::new(corpus, adjudicator, place, "ann", book, tasks, Sight::Blind);
    let (mut shown, mut replaced) = (String::new(), 0);
    for at in 0..session.len() {
        assert!(session.jump(at) && session.reveal().is_none());
        let view = session.view().unwrap();
        replaced += view.replaced.len();
        shown += &format!(
            "{} {} {} {:?}",
            view.question, view.answer, view.claim, view.debate
        )
        .to_lowercase();
    }
    let families = [
        "gpt-",
        "chatgpt",
        "claude",
        "gemini",
        "llama",
        "deepseek",
        "openai",
        "anthropic",
    ];
    for name in slugs.iter().chain(&families) {
        assert!(!shown.contains(name), "{name}");
    }
    println!("{replaced} names were replaced");
}
