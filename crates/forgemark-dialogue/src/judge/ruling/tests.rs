use super::*;

#[expect(
    clippy::unnecessary_wraps,
    reason = "a judgement is one or the reason why there is none"
)]
fn said(score: f64, reasons: &[&str], fine: bool) -> Result<Said, Json> {
    let reasons: Json = reasons.iter().map(|word| Json::from(*word)).collect();
    let verdict = Arc::new(Json::object([
        ("score", Json::from(score)),
        ("reasons", reasons),
        ("notes", Json::from(format!("notes of {score}"))),
        ("question_ok", Json::from(true)),
        ("answer_ok", Json::from(fine)),
    ]));
    Ok(Said {
        score,
        raw: Arc::clone(&verdict),
        verdict,
        flags: Vec::new(),
    })
}

fn unread() -> Result<Said, Json> {
    Err(Json::object([("kind", Json::from("bad_output"))]))
}

fn ruling(said: Vec<Result<Said, Json>>) -> Ruling {
    let judgement = |(judge, said)| Judgement {
        judge,
        repeat: 0,
        said,
        calls: Vec::new(),
    };
    Ruling {
        turn: Some(1),
        unasked: None,
        judgements: said.into_iter().enumerate().map(judgement).collect(),
    }
}

#[test]
fn one_judgement_is_taken_word_for_word() {
    let one = ruling(vec![said(7.0, &["vague"], true)]);
    let verdict = one.verdict(Aggregate::Median).unwrap();
    assert_eq!(
        verdict.str_or("notes", ""),
        "notes of 7.0".replace(".0", "")
    );
    assert_eq!(one.error(), None);
}

#[test]
fn what_cannot_be_read_is_no_score_and_does_not_lower_one() {
    let none = ruling(vec![unread(), unread()]);
    assert_eq!(none.verdict(Aggregate::Mean), None);
    assert_eq!(none.error().unwrap().str_or("kind", ""), "bad_output");
    let some = ruling(vec![said(8.0, &[], true), unread(), said(6.0, &[], true)]);
    let verdict = some.verdict(Aggregate::Mean).unwrap();
    assert_eq!(verdict.at("score").as_f64(), Some(7.0));
    assert_eq!(some.error(), None);
    assert_eq!(some.readable(), 2);
    // A score of 0 is one.
    let zero = ruling(vec![said(0.0, &[], false)]);
    let verdict = zero.verdict(Aggregate::Mean).unwrap();
    assert_eq!(verdict.at("score").as_f64(), Some(0.0));
}

#[test]
fn several_judgements_are_one_by_a_declared_rule() {
    let three = ruling(vec![
        said(2.0, &["vague", "unsafe"], false),
        said(3.0, &["vague"], true),
        said(10.0, &[], true),
    ]);
    let mean = three.verdict(Aggregate::Mean).unwrap();
    assert_eq!(mean.at("score").as_f64(), Some(5.0));
    let median = three.verdict(Aggregate::Median).unwrap();
    assert_eq!(median.at("score").as_f64(), Some(3.0));
    assert_eq!(median.items("reasons"), [Json::from("vague")]);
    assert_eq!(median.at("answer_ok").as_bool(), Some(true));
    assert_eq!(median.str_or("notes", ""), "notes of 3");
}
