use super::*;

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    assert_eq!(
        for_terminal("\u{1b}[2Jgone\u{7}\u{9b}31m"),
        r"\u{1b}[2Jgone\u{7}\u{9b}31m"
    );
    assert_eq!(for_terminal("a\r\nb\rc"), "a\nb\\u{d}c");
    assert_eq!(for_terminal("right \u{202e}tfel"), r"right \u{202e}tfel");
    assert_eq!(
        for_terminal("sep\u{2028}\u{85}end"),
        r"sep\u{2028}\u{85}end"
    );
}

#[test]
fn ordinary_text_of_any_script_is_not_copied() {
    for text in [
        "plain",
        "tab\tand\nline",
        "ما هي الزكاة؟",
        "क्‍ष",
        "日本語",
        "👩‍🔬",
    ] {
        assert!(
            matches!(for_terminal(text), Cow::Borrowed(same) if same == text),
            "{text}"
        );
    }
}

#[test]
fn one_line_stays_one_line() {
    assert_eq!(for_line("a\nb\tc"), "a⏎b c");
    assert_eq!(for_line("a\r\nb"), "a⏎b");
}

#[test]
fn markdown_shows_what_was_written() {
    assert_eq!(
        for_markdown("| [x](javascript:1) <b>&amp; `c` *d*\n# e"),
        r"\| \[x\](javascript:1) &lt;b&gt;&amp;amp; \`c\` \*d\*⏎\# e"
    );
}

#[test]
fn truncation_counts_columns() {
    assert_eq!(truncate("abcdef", 6), "abcdef");
    assert_eq!(truncate("abcdefg", 6), "abcde…");
    assert_eq!(truncate("日本語です", 6), "日本…");
}

#[test]
fn json_stays_the_same_json() {
    assert_eq!(
        for_json("{\n  \"a\": \"\u{9b}31m \u{202e} \u{e0041} é\"\n}".into()),
        "{\n  \"a\": \"\\u009b31m \\u202e \\udb40\\udc41 é\"\n}"
    );
}
