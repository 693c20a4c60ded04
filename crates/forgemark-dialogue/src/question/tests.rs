use super::*;

const NEAR: Matching = Matching { near: Some(0.85) };
const EXACT: Matching = Matching { near: None };

#[test]
fn case_and_white_space_do_not_make_a_new_question() {
    let one = Question::new("  Which BOLTS need\u{2028}thread lock? ", EXACT);
    let two = Question::new("which bolts need thread lock?", EXACT);
    assert!(one.matches(&two, EXACT));
    assert_eq!(one.buckets(), two.buckets());
}

#[test]
fn one_changed_word_in_a_long_question_is_near_and_shares_a_bucket() {
    let base = "Which of the bolts on the rear assembly of the machine need a drop of blue thread lock before they are tightened to the final torque?";
    let one = Question::new(base, NEAR);
    let two = Question::new(&base.replace("drop", "dab"), NEAR);
    assert!(one.matches(&two, NEAR));
    assert!(
        one.buckets()
            .iter()
            .any(|bucket| two.buckets().contains(bucket))
    );
    assert!(!one.matches(&two, EXACT));
}

#[test]
fn other_questions_do_not_match() {
    let one = Question::new("Which bolts need thread lock?", NEAR);
    let two = Question::new("How long does the dough rest before shaping?", NEAR);
    assert!(!one.matches(&two, NEAR));
}

#[test]
fn empty_and_tiny_texts_are_handled() {
    assert_eq!(Question::new(" \u{1c}\t", NEAR).text(), "");
    let tiny = Question::new("a?", NEAR);
    assert!(tiny.matches(&Question::new("A?", NEAR), NEAR));
}

#[test]
fn bands_find_nearly_all_pairs_above_the_threshold() {
    // Pairs made by changing single characters; the bands must offer at least 95 % of those whose
    // true similarity reaches the threshold (the formula says 99 %).
    let mut above = 0;
    let mut found = 0;
    for case in 0..400u64 {
        let mut rng = crate::rng::Rng::new(case, &[], "pair");
        let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz ".chars().collect();
        let text: String = (0..120).map(|_| letters[rng.below(27) as usize]).collect();
        let mut changed: Vec<char> = text.chars().collect();
        for _ in 0..=rng.below(2) {
            let place = rng.below(120) as usize;
            changed[place] = letters[rng.below(26) as usize];
        }
        let one = Question::new(&text, NEAR);
        let two = Question::new(&changed.into_iter().collect::<String>(), NEAR);
        if one.matches(&two, NEAR) {
            above += 1;
            found += usize::from(
                one.buckets()
                    .iter()
                    .any(|bucket| two.buckets().contains(bucket)),
            );
        }
    }
    assert!(above > 200, "only {above} pairs reach the threshold");
    assert!(found * 100 >= above * 95, "{found} of {above}");
}
