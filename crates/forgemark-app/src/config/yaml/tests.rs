use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

fn json(text: &str) -> String {
    let parsed = parse(text);
    assert_eq!(parsed.problems, [], "{text}");
    let value = parsed.root.map_or(Json::Null, |root| root.to_json());
    String::from_utf8(forgemark_contract::json::to_line(&value)).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let list = parse(text).problems;
    list.iter()
        .map(|p| {
            format!(
                "{}:{}+{} {} [{}]",
                p.at.line, p.at.column, p.at.len, p.what, p.label
            )
        })
        .collect()
}

#[test]
fn scalars_follow_the_core_schema() {
    assert_eq!(
        json(
            "[1, -2, +3, 0x1f, 0o17, 1.5, 1e3, .5, ~, null, '', true, False, yes, no, '1', 1.2.3, 1e, '-', inf, 12345678901234567890]"
        ),
        "[1, -2, 3, 31, 15, 1.5, 1000.0, 0.5, null, null, \"\", true, false, \"yes\", \"no\", \"1\", \"1.2.3\", \"1e\", \"-\", \"inf\", 12345678901234567890]"
    );
    assert_eq!(json("[.inf, -.inf, .nan]"), "[Infinity, -Infinity, NaN]");
    assert_eq!(json("[!!str 5, !!int 5, !!float 5]"), "[\"5\", 5, 5]");
}

#[test]
fn collections_keep_their_order_and_places() {
    let root = parse("b: 1\na:\n  - x\n  - {k: 'v w'}\n").root.unwrap();
    let Value::Mapping(entries) = &root.value else {
        panic!("{root:?}")
    };
    assert_eq!(
        entries.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(),
        ["b", "a"]
    );
    assert_eq!(
        entries[1].key_at,
        Span {
            line: 2,
            column: 1,
            len: 1
        }
    );
    let Value::Sequence(items) = &entries[1].value.value else {
        panic!()
    };
    assert_eq!(
        items[0].at,
        Span {
            line: 3,
            column: 5,
            len: 1
        }
    );
    let Value::Mapping(inner) = &items[1].value else {
        panic!()
    };
    assert_eq!(
        inner[0].value.at,
        Span {
            line: 4,
            column: 9,
            len: 5
        }
    );
}

#[test]
fn anchors_aliases_and_merge_keys() {
    assert_eq!(
        json(
            "base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nall: {<<: [*b, {z: 4}], x: 0}\nlist: [*b]\n"
        ),
        r#"{"base": {"x": 1, "y": 2}, "use": {"y": 3, "x": 1}, "all": {"x": 0, "y": 2, "z": 4}, "list": [{"x": 1, "y": 2}]}"#
    );
    assert_eq!(
        problems("a: {<<: 5}"),
        ["1:9+1 `<<` takes a mapping or a list of mappings []"]
    );
}

#[test]
fn every_duplicate_key_is_reported() {
    assert_eq!(
        problems("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
        [
            "2:11+1 `c` is set twice [first set on line 2]",
            "3:1+1 `a` is set twice [first set on line 1]"
        ]
    );
}

#[test]
fn what_is_not_supported_is_said() {
    assert_eq!(
        problems("a: !secret x"),
        ["1:4+9 the tag `!secret` does not fit here []"]
    );
    assert_eq!(
        problems("a: !!int x"),
        ["1:4+7 the tag `!!int` does not fit here []"]
    );
    assert_eq!(
        problems("a: 1\n---\nb: 2\n"),
        ["2:1+3 a second YAML document begins here []"]
    );
    assert_eq!(
        problems("{[a]: 1}"),
        ["1:2+1 a key must be a text [this is a collection]"]
    );
    assert_eq!(
        problems("a: &x [*x]"),
        ["1:8+2 an alias stands inside the node that it names []"]
    );
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..9 {
        let alias = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![alias; 10].join(",")).unwrap();
    }
    assert_eq!(problems(&text).len(), 1);
    assert!(
        problems(&text)[0].contains("more than 200000 nodes"),
        "{:?}",
        problems(&text)
    );
    let deep = "[".repeat(5_000);
    assert!(
        problems(&deep)[0].contains("recursion limit exceeded"),
        "{:?}",
        problems(&deep)
    );
    let deep: Vec<String> = (0..2_000).map(|n| " ".repeat(n) + "k:").collect();
    let deep = deep.join("\n");
    assert!(
        problems(&deep)[0].contains("nested deeper than 64 levels"),
        "{:?}",
        problems(&deep)
    );
}

#[test]
fn empty_texts_have_no_root() {
    for text in ["", "\n\n", "# only a comment\n", "\u{feff}", "---\n"] {
        let parsed = parse(text);
        assert_eq!(parsed.problems, [], "{text:?}");
        assert!(parsed.root.is_none_or(|root| root.is_null()), "{text:?}");
    }
}

#[test]
fn lines_are_counted_as_yaml_counts_them() {
    assert_eq!(split_lines("a\r\nb\rc\n"), ["a", "b", "c", ""]);
    let root = parse("a: 1\r\nb: 2\rc: 3\n").root.unwrap();
    let Value::Mapping(entries) = root.value else {
        panic!()
    };
    assert_eq!(
        entries.iter().map(|e| e.key_at.line).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// No text makes the reader panic, and every problem points into the text.
    #[test]
    fn no_text_panics(text in "([a-c]: |[\\[\\]{}&*!<>|'\"%@`,?:#-]|\n| |\t|\r|[a-c0-9]|\\PC|---|\\.\\.\\.|<<: ){0,40}") {
        let parsed = parse(&text);
        let lines = split_lines(text.strip_prefix('\u{feff}').unwrap_or(&text)).len();
        for problem in parsed.problems {
            prop_assert!(problem.at.line >= 1 && problem.at.line <= lines, "{:?} of {}", problem, lines);
        }
    }
}
