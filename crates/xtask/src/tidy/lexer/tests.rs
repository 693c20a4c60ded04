use super::*;

/// The words of each region.
fn words(source: &str) -> [Vec<String>; 3] {
    let regions = regions(source);
    for text in [&regions.code, &regions.comments, &regions.literals] {
        assert_eq!(text.len(), source.len());
        assert_eq!(text.lines().count(), source.lines().count());
    }
    [regions.code, regions.comments, regions.literals]
        .map(|text| text.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn strings_and_comments_are_told_from_code() {
    let [code, comments, literals] = words("let a = \"one // two\"; // three \"four\"\nlet b = 5;");
    assert_eq!(code, ["let", "a", "=", "\"", "\";", "let", "b", "=", "5;"]);
    assert_eq!(comments, ["//", "three", "\"four\""]);
    assert_eq!(literals, ["one", "//", "two"]);
}

#[test]
fn escapes_do_not_end_a_string() {
    let [code, _, literals] = words(r#"f("a \" b \\"); g()"#);
    assert_eq!(literals, ["a", r#"\""#, "b", r"\\"]);
    assert!(code.contains(&"g()".to_owned()), "{code:?}");
}

#[test]
fn raw_strings_end_at_their_hashes() {
    let [code, comments, literals] =
        words("x(r#\"a \" // b\"#); y(br\"c\\\"); z(r##\"d \"# e\"##);");
    assert_eq!(literals, ["a", "\"", "//", "b", "c\\", "d", "\"#", "e"]);
    assert!(comments.is_empty(), "{comments:?}");
    assert!(code.iter().any(|word| word.contains("z(")), "{code:?}");
}

#[test]
fn a_raw_identifier_and_a_word_that_ends_in_r_open_no_string() {
    let [code, _, literals] = words("r#type; for \"a\" or\"b\"");
    assert!(code.contains(&"r#type;".to_owned()), "{code:?}");
    assert_eq!(literals, ["a", "b"]);
}

#[test]
fn block_comments_nest() {
    let [code, comments, _] = words("a /* b /* c */ d */ e");
    assert_eq!(code, ["a", "e"]);
    assert_eq!(comments, ["/*", "b", "/*", "c", "*/", "d", "*/"]);
}

#[test]
fn a_lifetime_is_no_character() {
    let [code, comments, literals] = words(
        "fn f<'a>(x: &'a str) -> char { '\"' } // c\nlet q = '\\''; let u = 'é'; 'l: loop {}",
    );
    assert_eq!(comments, ["//", "c"]);
    assert_eq!(literals, ["\"", "\\'", "é"]);
    assert!(code.iter().any(|word| word == "'l:"), "{code:?}");
}

#[test]
fn unfinished_text_is_accepted() {
    for source in [
        "\"abc", "r#\"abc", "/* abc", "'", "'\\", "\"\\", "b'", "r", "//",
    ] {
        let regions = regions(source);
        assert_eq!(regions.code.len(), source.len(), "{source}");
    }
}
