use super::*;

fn same(left: &str, right: &str) -> bool {
    let hashes = |text: &str| {
        tokens(text)
            .iter()
            .map(|token| token.hash)
            .collect::<Vec<_>>()
    };
    hashes(left) == hashes(right)
}

fn words(text: &str) -> Vec<(&str, Kind)> {
    tokens(text)
        .iter()
        .map(|token| (token.text(text), token.kind))
        .collect()
}

#[test]
fn spans_and_kinds() {
    assert_eq!(
        words("Don't oil the M6 bolts, not even 2 of them."),
        [
            ("Don't", Kind::Negation),
            ("oil", Kind::Content),
            ("the", Kind::Function),
            ("M6", Kind::Number),
            ("bolts", Kind::Content),
            ("not", Kind::Negation),
            ("even", Kind::Function),
            ("2", Kind::Number),
            ("of", Kind::Function),
            ("them", Kind::Function),
        ]
    );
    assert!(tokens("").is_empty());
    assert!(tokens(" ,.;— “”\u{2028}").is_empty());
}

#[test]
fn endings_fold() {
    for (left, right) in [
        ("stored", "storing"),
        ("store", "stores"),
        ("batteries", "battery"),
        ("boxes", "box"),
        ("stopped", "stop"),
        ("gardener's", "gardeners"),
        ("wheels", "Wheel"),
        ("tightly", "tight"),
    ] {
        assert!(same(left, right), "{left} {right}");
    }
    for (left, right) in [
        ("glass", "glad"),
        ("bus", "bu"),
        ("ring", "red"),
        ("thing", "the"),
    ] {
        assert!(!same(left, right), "{left} {right}");
    }
}

#[test]
fn numbers_fold() {
    for (left, right) in [
        ("1,200", "1200"),
        ("3.50", "3.5"),
        ("3,5", "3.5"),
        ("10.0", "10"),
        ("twelve", "12"),
        ("40cm", "40 cm"),
        ("٤٢", "42"),
    ] {
        assert!(same(left, right), "{left} {right}");
    }
    assert!(!same("22:00", "2200"));
    assert!(!same("M6", "M8"));
    assert_eq!(words("from 5.")[1], ("5", Kind::Number));
}

#[test]
fn other_scripts() {
    assert!(same("المضخة", "مضخة"));
    assert!(same("أُغلق", "اغلق"));
    assert_eq!(words("لا تفتح")[0].1, Kind::Negation);
    assert_eq!(
        words("L’eau n'est pas"),
        [
            ("L’eau", Kind::Content),
            ("n'est", Kind::Function),
            ("pas", Kind::Negation),
        ]
    );
    assert_eq!(
        words("水泵开"),
        [("水泵", Kind::Content), ("泵开", Kind::Content)]
    );
    assert_eq!(
        words("水 a"),
        [("水", Kind::Content), ("a", Kind::Function)]
    );
    assert_eq!(words("Größe"), [("Größe", Kind::Content)]);
}

#[test]
fn offsets_stay_on_characters() {
    for text in ["é—水x'", "a\u{301}b 水水 ٣٤-x", "’’", "x_1__y", "\u{e0041}"] {
        let mut last = 0;
        for token in tokens(text) {
            assert!(
                token.start < token.end && token.end as usize <= text.len(),
                "{text}"
            );
            assert!(
                text.get(token.start as usize..token.end as usize).is_some(),
                "{text}"
            );
            assert!(token.start >= last);
            last = token.start;
        }
    }
}

#[test]
fn no_known_word_is_longer_than_it_is_said() {
    let numbers = NUMBER_WORDS.iter().map(|(word, _)| *word);
    for word in FUNCTION
        .split_whitespace()
        .chain(NEGATION.split_whitespace())
        .chain(numbers)
    {
        assert!(word.len() <= LONGEST_WORD, "{word}");
        assert_ne!(tokens(word).last().unwrap().kind, Kind::Content, "{word}");
    }
}
