use super::to_text;

#[track_caller]
fn check(markdown: &str, expected: &str) {
    assert_eq!(to_text(markdown).trim(), expected);
}

#[test]
fn prose_keeps_its_words_and_blocks() {
    check(
        "# Title *here*\n\nSome **bold** text,\nsoft break, [a link](http://x) and `code`.  \nHard.\n\n> quoted\n\n---\nend",
        "Title here\n\nSome bold text, soft break, a link and code.\nHard.\n\nquoted\n\nend",
    );
}

#[test]
fn front_matter_is_dropped_and_a_rule_is_not_front_matter() {
    check("---\ntitle: x\ntags: [a]\n---\n\n# Real\n", "Real");
    check("+++\ntitle = \"x\"\n+++\nBody", "Body");
    check("Body\n\n---\n\nkey: value\n\n---\n", "Body\n\nkey: value");
}

#[test]
fn code_keeps_its_lines() {
    check(
        "Before\n\n```rust\nfn main() {\r\n    let a = 1;\n\n}\n```\nAfter",
        "Before\n\nfn main() {\n    let a = 1;\n\n}\n\nAfter",
    );
}

#[test]
fn tables_become_rows() {
    check(
        "| Name | Dose |\n|---|---:|\n| A `x` | 5 |\n| B | |\n\nAfter",
        "Name | Dose\nA x | 5\nB | \n\nAfter",
    );
}

#[test]
fn lists_keep_markers_and_nesting() {
    check(
        "- one\n- two\n  1. inner\n  2. more\n- [x] done\n\n3. three\n\n4. four\n\n   second paragraph\n\nAfter",
        "- one\n- two\n  1. inner\n  2. more\n- [x] done\n\n3. three\n4. four\n\nsecond paragraph\n\nAfter",
    );
}

#[test]
fn footnotes_images_and_html() {
    check(
        "Text[^1] ![a figure](f.png) a<br>b <b>c</b>\n\n[^1]: The note.\n\n<div class=\"x\">In &amp; out<!-- gone --><script>bad()</script></div>\n",
        "Text[1] a figure a\nb c\n\n[1] The note.\n\nIn & out",
    );
}

#[test]
fn nothing_panics_on_odd_input() {
    for source in [
        "",
        "\0",
        "[",
        "```",
        "|",
        "<",
        "<!--",
        "- - - -",
        "---",
        "$$",
        "[^",
        &"> ".repeat(5_000),
        &"[".repeat(5_000),
    ] {
        let _ = to_text(source);
    }
}
