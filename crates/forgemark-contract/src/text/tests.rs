//! Against Python's string methods.

use super::*;

#[test]
fn normalizes_as_python_lower_and_split() {
    // Expected: " ".join(text.lower().split()) of Python 3.11. All assigned code points were compared once, alone
    // between two letters, and agree.
    let vectors = [
        ("", ""),
        ("  \t ", ""),
        ("Which  BOLTS\nneed\u{A0}it?", "which bolts need it?"),
        ("a\u{1C}b\u{1D}c\u{1E}d\u{1F}e", "a b c d e"),
        (
            "a\u{85}b\u{2028}c\u{2029}d\u{3000}e\u{1680}f\u{200A}g",
            "a b c d e f g",
        ),
        (
            "a\u{200B}b\u{FEFF}c\u{180E}d",
            "a\u{200B}b\u{FEFF}c\u{180E}d",
        ),
        ("\u{130}STANBUL", "i\u{307}stanbul"),
        ("ΟΔΥΣΣΕΥΣ ΣΑΣ. Σ", "οδυσσευς σας. σ"),
        ("Α\u{301}Σ\u{301}", "α\u{301}ς\u{301}"),
        ("ΑΣ\u{AD}Β ΑΣ'Β", "ασ\u{AD}β ασ'β"),
        ("ẞ ǅ Ⅷ Ⓐ K Å", "ß ǆ ⅷ ⓐ k å"),
        ("مَا  هِيَ؟", "مَا هِيَ؟"),
        ("\u{10400}\u{1E900}", "\u{10428}\u{1E922}"),
    ];
    for (text, expected) in vectors {
        assert_eq!(python_lower_collapse(text), expected, "{text:?}");
    }
}

#[test]
fn hashes_questions_as_the_ledger_does() {
    // Expected: hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest()[:16].
    assert_eq!(question_hash(""), "e3b0c44298fc1c14");
    assert_eq!(
        question_hash("Which bolts need thread lock?"),
        "238aedcdfe4ddd20"
    );
    assert_eq!(
        question_hash("  which BOLTS\u{2028}need  thread lock? "),
        "238aedcdfe4ddd20"
    );
    assert_eq!(question_hash("ما هي الزكاة؟"), "62f4aeb9077932dc");
}

#[test]
fn tags_languages() {
    let vectors = [
        ("en", "en"),
        ("Modern Standard Arabic", "modern-standard-arabic"),
        ("  pt_BR (formal)! ", "pt-br-formal"),
        ("العربية", "العربية"),
        ("हिन्दी", "ह-न-द"),
        ("Ⓐ", "lang"),
        ("!!!", "lang"),
        ("", "lang"),
    ];
    for (label, tag) in vectors {
        assert_eq!(language_tag(label), tag, "{label}");
    }
}

#[test]
fn slugs_name_files_everywhere() {
    assert_eq!(slug("Été à Paris, §2"), "ete-a-paris-2");
    assert_eq!(slug("../../etc/passwd"), "etc-passwd");
    assert_eq!(slug("日本"), "item");
    let long = slug(&"word ".repeat(60));
    assert!(
        long.len() <= 80 && long.starts_with("word-word") && long.ends_with("word"),
        "{long}"
    );
    assert_eq!(slug(&"x".repeat(300)).len(), 80);
}

#[test]
fn strips_as_python() {
    assert_eq!(python_strip("\u{1F} \u{2028}a b\u{85}"), "a b");
}
