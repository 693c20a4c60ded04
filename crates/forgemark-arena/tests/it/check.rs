//! Every class of anomaly, each made by one change to a sound arena.

use forgemark_arena::{Class, Corpus, CorpusError, is_arena};
use forgemark_testkit::MemDisk;

use crate::arena::{
    ADJUDICATED, ANSWERED, ASKED, Arena, CONTRADICTED, CRITICISED, DEBATED, DEBATED_ILL, ILL_POSED,
    JUDGED, JUDGED_TOO, LABELLED, counts, judgment, label, report, root, write,
};

#[track_caller]
fn finds(arena: &Arena, expected: &[(Class, u64)]) {
    let report = arena.report();
    assert_eq!(counts(&report), expected, "{:#?}", report.findings);
}

#[test]
fn a_sound_arena_has_nothing_to_say_about() {
    let report = Arena::sound().report();
    assert_eq!(counts(&report), [], "{:#?}", report.findings);
    assert!(report.is_clean());
    assert_eq!((report.live_questions, report.judged_claims), (1, 2));
    assert_eq!(
        report.totals.values().map(|total| total.files).sum::<u64>(),
        11
    );
}

#[test]
fn files_that_are_none() {
    let disk = Arena::sound().disk();
    let whole = Arena::sound().bytes(CONTRADICTED);
    write(&disk, CONTRADICTED, &whole[..whole.len() / 2]);
    write(&disk, LABELLED, b"[]");
    write(&disk, "answers/notes.txt", b"mine");
    let found = report(&disk);
    assert_eq!(
        counts(&found),
        [(Class::UnreadableFile, 2), (Class::StrayFile, 1)]
    );
    let cut = &found.findings[0];
    assert_eq!(cut.place(), CONTRADICTED);
    assert!(cut.what.contains("line "), "{}", cut.what);
    assert_eq!(
        found.findings[1].what,
        "expected an object with a list of `decisions`, found array"
    );
    assert_eq!(found.findings[2].place(), "answers/notes.txt");
    assert!(!found.is_clean());
}

#[test]
fn a_folder_without_an_arena_is_none() {
    let disk = MemDisk::new();
    assert!(!is_arena(&disk, &root()));
    write(&disk, "answers/readme.md", b"hello");
    assert!(!is_arena(&disk, &root()));
    let error = Corpus::load(&disk, &root(), false).unwrap_err();
    assert!(matches!(error, CorpusError::NoArena { .. }));
    assert!(is_arena(&Arena::sound().disk(), &root()));
}

#[test]
fn what_is_not_written_as_the_pipelines_write_is_a_note() {
    let disk = Arena::sound().disk();
    let mut bytes = Arena::sound().bytes(ASKED);
    bytes.push(b'\n');
    write(&disk, ASKED, &bytes);
    assert_eq!(counts(&report(&disk)), [(Class::HandEdited, 1)]);
    finds(
        &Arena::sound().edit(
            DEBATED,
            r#""run_id":"1","outer_attempt":1"#,
            r#""outer_attempt":1,"run_id":"1""#,
        ),
        &[(Class::KeyOrder, 1)],
    );
    finds(
        &Arena::sound().add(ANSWERED, "{}"),
        &[(Class::Placeholder, 1)],
    );
    finds(
        &Arena::sound().edit(DEBATED, r#""outer_attempt":1,"#, ""),
        &[(Class::NoAttempt, 1)],
    );
}

#[test]
fn entries_that_are_none_or_stand_in_the_wrong_place() {
    let arena = Arena::sound().edit(CONTRADICTED, r#""round":1"#, r#""round":"one""#);
    finds(&arena, &[(Class::UnreadableEntry, 1)]);
    let report = arena.report();
    assert_eq!(report.findings[0].place(), format!("{CONTRADICTED}[0]"));
    assert_eq!(
        report.findings[0].what,
        "attempts[0].round: expected an integer, found string"
    );
    finds(
        &Arena::sound().edit(CONTRADICTED, r#""run_id":"1","#, ""),
        &[(Class::Keyless, 1)],
    );
    finds(
        &Arena::sound().edit(CONTRADICTED, r#""critic":"a""#, r#""critic":"b""#),
        &[(Class::WrongPlace, 1)],
    );
    let own =
        Arena::sound().0[ANSWERED][0].replace(r#""answer_model":"a""#, r#""answer_model":"q""#);
    finds(
        &Arena::sound().add("answers/q/q.json", &own),
        &[(Class::SelfAnswer, 1)],
    );
    // A participant among the judges is a judge that the other claim lacks.
    finds(
        &Arena::sound().add("automated_evaluations/a.json", &judgment("a", "mixed")),
        &[(Class::SelfJudgment, 1), (Class::TooFewJudges, 1)],
    );
}

#[test]
fn keys_that_stand_twice() {
    for path in [
        ASKED,
        ANSWERED,
        CONTRADICTED,
        CRITICISED,
        DEBATED,
        DEBATED_ILL,
    ] {
        finds(&Arena::sound().repeat(path), &[(Class::DuplicateKey, 1)]);
    }
    finds(
        &Arena::sound().repeat(JUDGED),
        &[(Class::DuplicateJudgment, 2)],
    );
    finds(
        &Arena::sound().add(JUDGED, &judgment("j", "mixed")),
        &[
            (Class::DuplicateJudgment, 1),
            (Class::ConflictingJudgment, 1),
        ],
    );
    finds(
        &Arena::sound().repeat(LABELLED),
        &[(Class::DuplicateLabel, 1)],
    );
    finds(
        &Arena::sound().repeat(ADJUDICATED),
        &[(Class::DuplicateLabel, 1)],
    );
    // The same critique in the file of the other layout.
    let debate = Arena::sound().0[DEBATED][0].clone();
    finds(
        &Arena::sound().add("debates/evaluator/q/q__a.json", &debate),
        &[(Class::DuplicateKey, 1)],
    );
}

#[test]
fn records_that_stand_on_nothing() {
    finds(
        &Arena::sound().remove(ASKED),
        &[
            (Class::AnswerWithoutQuestion, 2),
            (Class::CritiqueWithoutAnswer, 1),
            // Without the question no attempt is the newest.
            (Class::AdjudicationGap, 1),
        ],
    );
    finds(
        &Arena::sound().remove(ANSWERED),
        &[(Class::CritiqueWithoutAnswer, 1)],
    );
    finds(
        &Arena::sound().remove(CRITICISED),
        &[
            (Class::DebateWithoutClaim, 1),
            (Class::JudgedWithoutCritique, 1),
            (Class::LabelWithoutCritique, 1),
            (Class::AdjudicationWithoutClaim, 1),
        ],
    );
    finds(
        &Arena::sound().remove(ILL_POSED),
        &[
            (Class::DebateWithoutClaim, 1),
            (Class::JudgedWithoutIllPosed, 1),
        ],
    );
    let ill = label("mixed")
        .replace(r#""critique","mode":"evaluator""#, r#""illposed""#)
        .replace(r#","critic_model":"q""#, "");
    finds(
        &Arena::sound().add(LABELLED, &ill),
        &[(Class::LabelWithoutIllPosed, 1)],
    );
}

#[test]
fn claims_that_went_no_further() {
    finds(
        &Arena::sound().remove(DEBATED).remove(DEBATED_ILL),
        &[
            (Class::JudgedWithoutIllPosed, 1),
            (Class::UndebatedClaim, 2),
        ],
    );
    let unjudged = Arena::sound()
        .remove(JUDGED)
        .remove(JUDGED_TOO)
        .remove(ADJUDICATED);
    finds(&unjudged, &[(Class::UnjudgedDebate, 2)]);
    let one = Arena::sound()
        .remove(ADJUDICATED)
        .edit(JUDGED, r#""answer_model":"a""#, r#""answer_model":"b""#)
        .edit(
            JUDGED,
            r#""type":"critique","mode":"evaluator","#,
            r#""type":"illposed","#,
        )
        .edit(JUDGED, r#""critic_model":"q","#, "");
    finds(
        &one,
        &[(Class::DuplicateJudgment, 1), (Class::TooFewJudges, 1)],
    );
    // A second answerer of another question is expected to answer this one too.
    let second = |arena: Arena, path: &str| {
        let entry = arena.0[path][0].replace(r#""run_id":"1""#, r#""run_id":"2""#);
        arena.add(path, &entry)
    };
    let two = second(second(Arena::sound(), ASKED), ANSWERED);
    finds(&two, &[(Class::MissingAnswer, 1)]);
}

#[test]
fn what_one_record_says() {
    let sound = Arena::sound;
    finds(
        &sound().edit(ANSWERED, "1+1?", "1+2?"),
        &[(Class::OtherQuestion, 1)],
    );
    finds(
        &sound().edit(ANSWERED, r#""status":"succeeded""#, r#""status":"done""#),
        &[(Class::UnknownWord, 1)],
    );
    finds(
        &sound().edit(
            ANSWERED,
            r#""status":"succeeded""#,
            r#""status":"ill-posed""#,
        ),
        &[(Class::WrongStatus, 1), (Class::UndebatedClaim, 1)],
    );
    finds(
        &sound().edit(
            ASKED,
            r#""status":"succeeded","generation"#,
            r#""status":"failed","generation"#,
        ),
        &[(Class::WrongStatus, 1), (Class::FailedQuestion, 1)],
    );
    finds(
        &sound().edit(
            CONTRADICTED,
            r#""status":"succeeded""#,
            r#""status":"failed""#,
        ),
        &[(Class::WrongStatus, 1)],
    );
    finds(
        &sound().edit(ANSWERED, r#""answer":"3","#, r#""answer":" ","#),
        &[(Class::EmptyText, 1)],
    );
    finds(
        &sound().edit(ANSWERED, r#""ill_posed":false"#, r#""ill_posed":true"#),
        &[(Class::LostIllPosed, 1)],
    );
    finds(
        &sound().edit(
            CONTRADICTED,
            r#""evaluation":{"verdict":"pass""#,
            r#""evaluation":{"verdict":"correct""#,
        ),
        &[(Class::UncheckedCritique, 1), (Class::SelfCheckVerdict, 1)],
    );
    finds(
        &sound().edit(
            ANSWERED,
            r#"{"verdict":"pass","ill_posed":false,"#,
            r#"{"properties":{},"#,
        ),
        &[(Class::SchemaEcho, 1)],
    );
    finds(
        &sound().edit(
            ANSWERED,
            r#""ill_posed":false,"issues":[]"#,
            r#""note":1,"issues":"one""#,
        ),
        &[(Class::SelfCheckForm, 1), (Class::SelfCheckExtra, 1)],
    );
    let refined = r#""attempts":[{"round":1,"answer":"3"},{"round":2,"answer":"\\(3\\)","#;
    finds(
        &sound().edit(ANSWERED, r#""attempts":[{"round":1,"answer":"3","#, refined),
        &[(Class::RawLatex, 1)],
    );
    let refined = r#"{"round":1,"question":"1?","answer":"2","evaluation":{"verdict":"fail","ill_posed":false,"issues":[],"improvements":""}},{"round":2,"question":"1+1?","answer":"\\[2\\]""#;
    finds(
        &sound().edit(
            ASKED,
            r#"{"round":1,"question":"1+1?","answer":"2""#,
            refined,
        ),
        &[(Class::ChangedQuestion, 1), (Class::RawLatexOwn, 1)],
    );
}

#[test]
fn what_is_said_in_debates_and_decisions() {
    let sound = Arena::sound;
    finds(
        &sound().edit(DEBATED, r#""Alice""#, r#""Carol""#),
        &[(Class::UnknownWord, 1)],
    );
    finds(
        &sound().edit(
            DEBATED,
            r#""round":1,"speaker":"Bob""#,
            r#""round":2,"speaker":"Bob""#,
        ),
        &[(Class::RoundOrder, 1)],
    );
    finds(
        &sound().edit(DEBATED, r#""Alice""#, r#""Bob""#),
        &[(Class::InterruptedDebate, 1)],
    );
    finds(
        &sound().edit(
            JUDGED,
            r#""verdict":"claimant_wins""#,
            r#""verdict":"Alice""#,
        ),
        &[(Class::UnknownWord, 2), (Class::AdjudicationGap, 1)],
    );
    finds(
        &sound().edit(JUDGED_TOO, r#""verdict":"wrong_problem","confidence":5,"reasoning":"r","judge_model":"k","status":"succeeded""#, r#""verdict":"unknown","judge_model":"k","status":"failed","error":"too long""#),
        &[(Class::FailedJudgment, 1)],
    );
    finds(
        &sound().edit(
            JUDGED_TOO,
            r#""verdict":"wrong_problem","confidence":5,"#,
            r#""verdict":"wrong_problem","#,
        ),
        &[(Class::BareJudgment, 1)],
    );
    finds(
        &sound().edit(LABELLED, r#""confidence":4"#, r#""confidence":6"#),
        &[(Class::ConfidenceRange, 1)],
    );
    let ill = label("ill-posed")
        .replace(r#""critique","mode":"evaluator""#, r#""illposed""#)
        .replace(
            r#""answer_model":"a","critic_model":"q""#,
            r#""answer_model":"b","critic_model":"b""#,
        );
    finds(&sound().add(LABELLED, &ill), &[(Class::MiskeyedLabel, 1)]);
    finds(
        &sound().add("evaluations/ann.json", &label("mixed")),
        &[(Class::SharedLabel, 1)],
    );
    finds(
        &sound().add("evaluations/ann.json", &label("other")),
        &[(Class::ConflictingLabels, 1)],
    );
    finds(
        &sound().add("synthetic_adjudications/a.json", &label("mixed")),
        &[(Class::SelfAdjudication, 1)],
    );
    finds(
        &sound().edit(JUDGED_TOO, "wrong_problem", "claimant_wins"),
        &[(Class::AdjudicationGap, 1)],
    );
    let empty = sound().edit(
        ADJUDICATED,
        r#""critique","mode":"evaluator""#,
        r#""illposed""#,
    );
    // Its one decision is on the other claim now, with a critic that it should not have.
    finds(
        &empty.edit(
            ADJUDICATED,
            r#""answer_model":"a""#,
            r#""answer_model":"b""#,
        ),
        &[(Class::MiskeyedLabel, 1), (Class::AdjudicationGap, 2)],
    );
}

#[test]
fn labels_of_the_first_epoch_are_joined_by_their_ids() {
    let old = label("mixed").replace(
        r#"{"run_id":"1","outer_attempt":1,"#,
        r#"{"id":"critique/evaluator/q/q__a/1","#,
    );
    let mut arena = Arena::sound();
    arena.0.insert(LABELLED.to_owned(), vec![old]);
    finds(&arena, &[(Class::NoAttempt, 1)]);
    let other = arena.edit(LABELLED, "q__a/1", "q__a/9");
    finds(
        &other,
        &[(Class::LabelWithoutCritique, 1), (Class::NoAttempt, 1)],
    );
    let none = other.edit(LABELLED, "q__a/9", "q__a/sums/0123456789");
    finds(&none, &[(Class::Keyless, 1), (Class::NoAttempt, 1)]);
}

#[test]
fn every_class_says_what_it_is_and_what_to_do() {
    let mut words = std::collections::BTreeSet::new();
    for class in Class::ALL {
        assert!(words.insert(class.as_str()), "{}", class.as_str());
        assert!(class.meaning().ends_with('.') && class.remedy().ends_with('.'));
    }
    let json = Arena::sound().repeat(JUDGED).report().to_json(1);
    assert_eq!(json.at("counts").i64_or("duplicate_judgment", 0), 2);
    assert_eq!(json.items("findings").len(), 1);
    let first = &json.items("findings")[0];
    assert_eq!(first.str_or("file", ""), JUDGED);
    assert_eq!(first.i64_or("entry", -1), 0);
    assert!(!first.str_or("key", "").is_empty());
}
