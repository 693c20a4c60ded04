use super::*;

const NEAR: Matching = Matching { near: Some(0.85), cosine: None };
const EXACT: Matching = Matching { near: None, cosine: None };

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
fn bands_follow_from_the_threshold() {
    let banding = |near| {
        let banding = Matching { near: Some(near), cosine: None }.banding().unwrap();
        (banding.bands, banding.rows)
    };
    assert_eq!(banding(0.0), (128, 1));
    assert_eq!(banding(0.5), (42, 3));
    assert_eq!(banding(0.7), (32, 4));
    assert_eq!(banding(0.8), (21, 6));
    assert_eq!(banding(0.85), (16, 8));
    assert_eq!(banding(0.9), (12, 10));
    assert_eq!(banding(1.0), (1, 128));
    assert_eq!(EXACT.banding(), None);
    for percent in 4..=100 {
        let near = f64::from(percent) / 100.0;
        let banding = Matching { near: Some(near), cosine: None }.banding().unwrap();
        assert!(banding.recall(near) >= RECALL, "{near}");
    }
}

#[test]
fn bands_find_nearly_all_pairs_at_the_threshold() {
    // Sets of 100 with so many in common that their similarity is just the threshold: at most a
    // hundredth above it. The formula says 99 % at least.
    for near in [0.5, 0.7, 0.8, 0.85, 0.9] {
        let banding = Matching { near: Some(near), cosine: None }.banding().unwrap();
        let common = (200.0 * near / (1.0 + near)).ceil() as usize;
        let pairs = 1000;
        let found = (0..pairs)
            .filter(|case| {
                let mut rng = crate::rng::Rng::new(*case, &[], "pair");
                let words: Vec<u64> = (0..200 - common)
                    .map(|_| hash(&rng.below(u64::MAX).to_le_bytes(), 1))
                    .collect();
                let mut left = words[..100].to_vec();
                let mut right = words[100 - common..].to_vec();
                left.sort_unstable();
                right.sort_unstable();
                let similarity = jaccard(&left, &right);
                assert!((near..near + 0.01).contains(&similarity), "{similarity}");
                let right = bands(&right, banding);
                let left = bands(&left, banding);
                left.iter().any(|bucket| right.contains(bucket))
            })
            .count() as u64;
        assert!(
            found * 1000 >= pairs * 985,
            "{found} of {pairs} pairs at {near}"
        );
    }
}

#[test]
fn bands_find_nearly_all_near_texts() {
    // Texts made by changing single characters; of those whose true similarity reaches the
    // threshold nearly all must share a bucket.
    for near in [0.5, 0.7, 0.8, 0.9] {
        let matching = Matching { near: Some(near), cosine: None };
        let (mut above, mut found) = (0, 0);
        for case in 0..400u64 {
            let mut rng = crate::rng::Rng::new(case, &[], "text");
            let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz ".chars().collect();
            let text: String = (0..120).map(|_| letters[rng.below(27) as usize]).collect();
            let mut changed: Vec<char> = text.chars().collect();
            // A changed character changes five of some 120 shingles.
            let most = ((1.0 - near) * 18.0) as u64;
            for _ in 0..=rng.below(most.max(1)) {
                let place = rng.below(120) as usize;
                changed[place] = letters[rng.below(26) as usize];
            }
            let one = Question::new(&text, matching);
            let two = Question::new(&changed.into_iter().collect::<String>(), matching);
            if one.matches(&two, matching) {
                above += 1;
                let shared = |bucket| two.buckets().contains(bucket);
                found += usize::from(one.buckets().iter().any(shared));
            }
        }
        assert!(above > 150, "only {above} pairs reach {near}");
        assert!(found * 100 >= above * 98, "{found} of {above} at {near}");
    }
}
