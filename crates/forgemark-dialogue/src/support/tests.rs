use super::*;

fn score(claim: &str, passage: &str) -> f64 {
    support(claim, &[passage]).score.unwrap()
}

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-12, "{left} is not {right}");
}

const PUMP: &str = "The pump holds 40 litres of oil. Do not open the lid while it runs. \
                    Marta Lind checks the seal every Monday.";

#[test]
fn formula_by_hand() {
    // pump, holds, 40, litres, oil: all there.
    close(score("The pump holds 40 litres of oil.", PUMP), 1.0);
    // 4 of 5 words, a number missing, and another one in its place.
    close(
        score("The pump holds 50 litres of oil.", PUMP),
        0.8 * 0.4 * 0.5,
    );
    // Without anything in its place: litres, oil, 50 are looked up, 50 is missing.
    close(score("Litres of oil: 50.", PUMP), 2.0 / 3.0 * 0.4);
    // pump, holds, 40, litres of 5; water stands where oil stood.
    close(score("The pump holds 40 litres of water.", PUMP), 0.8 * 0.5);
    // The same words, but nothing stands where the added word is.
    close(
        score("The old pump holds 40 litres of oil.", PUMP),
        5.0 / 6.0,
    );
    close(score("The pump holds 40 litres of oil there.", PUMP), 1.0);
    // open, lid, run: all there, and both deny.
    close(score("You must not open the lid while it runs.", PUMP), 1.0);
    // All words, but the window denies.
    close(score("Open the lid while it runs.", PUMP), 0.4);
    // Monday, checks, seal of 5; Jonas Falk is not there, but names no longer tell when most
    // content words begin with a capital.
    close(
        score("On Monday Jonas Falk checks the seal.", PUMP),
        3.0 / 5.0,
    );
    // seal, checked, every, Monday of 6; summer and a name are missing.
    close(
        score("The seal is checked by Jonas every Monday in summer.", PUMP),
        4.0 / 6.0 * 0.5,
    );
    // Nothing in common.
    close(score("Bread dough rises slowly.", PUMP), 0.0);
}

#[test]
fn number_words_are_numbers() {
    close(
        score("Two bolts hold the lid.", "The lid is held by 2 bolts."),
        3.0 / 4.0,
    );
}

#[test]
fn denial_outside_the_matched_words_does_not_count() {
    let passage = "The pump runs at night, but it never starts on Sundays.";
    close(score("The pump runs at night.", passage), 1.0);
    close(score("The pump never runs at night.", passage), 0.4);
}

#[test]
fn answer_is_the_mean_of_its_claims() {
    let found = support(
        "The pump holds 40 litres of oil. Bread dough rises slowly.",
        &[PUMP],
    );
    assert_eq!(found.claims.len(), 2);
    close(found.score.unwrap(), 0.5);
    assert_eq!(found.supported(), 1);
    assert_eq!(found.claims[1].best, None);
}

#[test]
fn evidence_points_to_passage_and_place() {
    let other = "Bread dough rises slowly in the cold.";
    let found = support("Marta Lind checks the seal every Monday.", &[other, PUMP]);
    let best = found.claims[0].best.clone().unwrap();
    assert_eq!(best.passage, 1);
    assert_eq!(&PUMP[best.span], "Marta Lind checks the seal every Monday.");
}

#[test]
fn doubts_say_why() {
    let doubts = |claim: &str| support(claim, &[PUMP]).claims[0].doubts.clone();
    assert_eq!(doubts("The pump holds 40 litres of oil."), []);
    assert_eq!(
        doubts("The pump holds 50 litres of oil."),
        [Doubt::NumberMissing, Doubt::WordReplaced]
    );
    assert_eq!(
        doubts("Open the lid while it runs."),
        [Doubt::NegationDiffers]
    );
    assert_eq!(Doubt::NegationDiffers.as_str(), "negation differs");
}

#[test]
fn two_adjacent_sentences_may_carry_a_claim() {
    let passage = "The hut opens in June. It sleeps 24 guests. Dogs stay outside.";
    let found = support("The hut opens in June and sleeps 24 guests.", &[passage]);
    close(found.score.unwrap(), 1.0);
    let best = found.claims[0].best.clone().unwrap();
    assert_eq!(
        &passage[best.span],
        "The hut opens in June. It sleeps 24 guests."
    );
    // Not two sentences that are apart.
    assert!(score("The hut opens in June and dogs stay outside.", passage) < 0.7);
}

#[test]
fn what_is_no_claim() {
    for answer in [
        "",
        "Yes.",
        "Shall I explain the pump lid?",
        "The passages do not answer this question.",
        "The documents contain no information about prices.",
        "(Source: pump.md#chunk3)",
    ] {
        assert_eq!(support(answer, &[PUMP]).score, None, "{answer}");
    }
    let nothing: [&str; 0] = [];
    close(
        support("The pump holds 40 litres.", &nothing)
            .score
            .unwrap(),
        0.0,
    );
}

#[test]
fn citations_and_lead_ins_cost_nothing() {
    for answer in [
        "The pump holds 40 litres of oil (source: guides/pump.md#chunk3).",
        "The pump holds 40 litres of oil [pump.md#chunk3].",
        "According to the manual, the pump holds 40 litres of oil.",
        "The pump holds 40 litres of oil. (Source: pump 2.md#chunk0)",
    ] {
        close(support(answer, &[PUMP]).score.unwrap(), 1.0);
    }
}

#[test]
fn order_of_passages_does_not_change_the_score() {
    let other = "Open the lid slowly. The pump holds oil.";
    let answer = "Open the lid while it runs. The pump holds 40 litres of oil.";
    let forward = support(answer, &[PUMP, other]).score;
    assert_eq!(forward, support(answer, &[other, PUMP]).score);
}

#[test]
fn known_failures_are_what_they_are_said_to_be() {
    // Pinned so that the documentation stays true; a better score may change them.
    close(
        score(
            "The supplier pays the customer.",
            "The customer pays the supplier.",
        ),
        1.0,
    );
    assert!(score("Four years are allowed.", "The loan runs for 48 months.") < THRESHOLD);
    assert!(score("La pompe contient 40 litres d'huile.", PUMP) < THRESHOLD);
}

#[test]
fn long_and_odd_texts() {
    let long = (0..300)
        .map(|i| format!("word{i}"))
        .collect::<Vec<_>>()
        .join(" ");
    let found = support(&long, &[&long]);
    close(found.score.unwrap(), 1.0);
    for text in [
        "\u{85}\u{2028}",
        "........",
        "a#chunk",
        "((#chunk",
        "&lt;b&gt; é#chunk9)",
    ] {
        let found = support(text, &[text]);
        assert!(found.score.is_none_or(|score| (0.0..=1.0).contains(&score)));
    }
}

#[test]
fn a_denial_at_the_end_of_a_quoted_sentence_is_not_a_difference() {
    let claim = "Admission costs 6 euros for adults and 3 euros for pupils; members pay nothing.";
    let passage = format!("Tickets stay valid for the next clear Friday. {claim}\n\nThe log");
    assert_eq!(support(claim, &[passage]).score, Some(1.0));
}

#[test]
fn an_answer_beyond_the_limit_is_not_scored_and_says_so() {
    let sentence = "The pump holds 40 litres of oil. ";
    let fits = sentence.repeat(LONGEST / sentence.len());
    let scored = support(&fits, &[PUMP]);
    assert_eq!(scored.score, Some(1.0));
    assert_eq!(scored.claims.len(), LONGEST / sentence.len());
    assert!(!scored.too_long);
    let huge = support(&sentence.repeat((8 << 20) / sentence.len()), &[PUMP]);
    let expected = Support {
        score: None,
        claims: Vec::new(),
        too_long: true,
    };
    assert_eq!(huge, expected);
}

/// What used to take the square of the length. Each is read whole: a quarter of a megabyte would
/// take minutes again if a part of it were read once a word, and the test runner says so.
#[test]
fn the_work_grows_with_the_length() {
    for (piece, claims) in [
        ("#chunk", 0),
        ("(#chunk ", 0),
        ("(guide.md#chunk3) oil ", 0),
        ("Oil pump! ", LONGEST / 10),
        ("(oil pump.md#chunk3) Oil pump! ", LONGEST / 31),
        ("pump foo ", 1),
    ] {
        let answer = piece.repeat(LONGEST / piece.len());
        let found = support(&answer, &[PUMP]);
        assert_eq!(found.claims.len(), claims, "{piece}");
    }
}

#[test]
fn citations_overlap_and_nest() {
    let answer = "See w(#chunk1)#chunk2 (a, b#chunk3 c) #chunk4 pump holds [40#chunk5 litres]oil.";
    let found = support(answer, &[PUMP]);
    // Only pump, holds and oil (and "see") count: the rest stands in citations.
    close(found.score.unwrap(), 3.0 / 4.0);
}
