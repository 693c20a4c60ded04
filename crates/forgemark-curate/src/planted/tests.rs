use super::*;

#[test]
fn what_repeats_an_item_is_found_and_what_has_its_words_is_not() {
    let found = holdout(1, 200, 8, 0.5);
    println!("holdout, 8 words, half: {found:?}");
    // Of those with every eighth word replaced no eight words in a row are left.
    assert_eq!((found.planted, found.found), (200, 100));
    assert_eq!((found.clean, found.false_positives), (200, 0));
    let shorter = holdout(1, 200, 5, 0.3);
    println!("holdout, 5 words, three tenths: {shorter:?}");
    assert!(shorter.recall() > 0.95, "{shorter:?}");
    assert_eq!(shorter.false_positives, 0);
    assert_eq!(holdout(1, 200, 8, 0.5), found);
    assert!(holdout(2, 200, 8, 0.5).recall() >= 0.5);
}

#[test]
fn what_has_a_form_is_found_and_what_only_looks_like_it_is_not() {
    let found = redaction(1, 100);
    assert_eq!(found.len(), Kind::ALL.len());
    for (kind, found) in found {
        println!("{}: {found:?}", kind.word());
        assert_eq!((found.planted, found.clean), (100, 100));
        assert_eq!(found.false_positives, 0, "{kind:?}");
        // These three are also written without any form that could be told from prose or from other numbers.
        let expected = match kind {
            Kind::Assigned | Kind::Email | Kind::Phone => 50,
            _ => 100,
        };
        assert_eq!(found.found, expected, "{kind:?}");
    }
}
