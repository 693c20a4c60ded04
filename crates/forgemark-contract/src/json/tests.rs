//! Against Python's own output, by property, and with hostile input.

mod golden;

use proptest::prelude::*;

use std::sync::Arc;

use super::*;

fn written(value: &Json, style: Style) -> String {
    let mut out = Vec::new();
    Writer::new(&mut out, style).json(value);
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> Json {
    parse(text.as_bytes()).unwrap()
}

#[test]
fn writes_what_python_writes() {
    const ASCII: Style = Style {
        ascii: true,
        ..Style::LINE
    };
    for vector in golden::GOLDEN {
        let value = read(vector.text);
        assert_eq!(
            written(&value, ASCII),
            vector.ascii,
            "ascii of {}",
            vector.text
        );
        assert_eq!(
            written(&value, Style::LINE),
            vector.line,
            "line of {}",
            vector.text
        );
        assert_eq!(
            written(&value, Style::FILE),
            vector.pretty,
            "pretty of {}",
            vector.text
        );
        assert_eq!(
            written(&value, Style::COMPACT),
            vector.compact,
            "compact of {}",
            vector.text
        );
    }
    assert!(golden::GOLDEN.len() > 50);
}

#[test]
fn reads_the_kinds_of_numbers() {
    assert_eq!(read("9223372036854775807"), Json::Int(i64::MAX));
    assert_eq!(
        read("9223372036854775808"),
        Json::BigInt("9223372036854775808".into())
    );
    assert_eq!(
        read("-9223372036854775809"),
        Json::BigInt("-9223372036854775809".into())
    );
    assert_eq!(read("1.0"), Json::Float(1.0));
    assert_eq!(read("1e0"), Json::Float(1.0));
    assert_eq!(read("-0"), Json::Int(0));
    assert!(read("-0.0").as_f64().unwrap().is_sign_negative());
    assert_eq!(
        Json::from(u64::MAX),
        Json::BigInt("18446744073709551615".into())
    );
    assert_eq!(Json::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(
        Json::integer("-18446744073709551615"),
        Some(Json::BigInt("-18446744073709551615".into()))
    );
    assert_eq!(Json::integer("7"), Some(Json::Int(7)));
    for text in ["", "-", "007", "-00", "1.0", "x"] {
        assert_eq!(Json::integer(text), None, "{text}");
    }
}

#[test]
fn keeps_lone_surrogates_in_strings_and_keys() {
    let value = read(r#"{"\ud800a": "\udfff", "\udbff\udfff": "\udbff\udfff"}"#);
    assert_eq!(
        value.as_object().unwrap().values().next().unwrap(),
        &Json::Utf16(vec![0xDFFF])
    );
    assert_eq!(
        written(&value, Style::COMPACT),
        "{\"\\ud800a\":\"\\udfff\",\"\u{10FFFF}\":\"\u{10FFFF}\"}"
    );
    assert_eq!(
        Json::Utf16(vec![0x61, 0xD800]).to_text().unwrap(),
        "a\u{FFFD}"
    );
    assert_eq!(
        Json::from_utf16(vec![0xD83D, 0xDE00]),
        Json::from("\u{1F600}")
    );
}

#[test]
fn a_repeated_key_keeps_its_first_place_and_its_last_value() {
    let value = read(r#"{"a": 1, "b": 2, "a": 3}"#);
    assert_eq!(written(&value, Style::LINE), r#"{"a": 3, "b": 2}"#);
    let entries: Vec<String> = (0..40).map(|n| format!("\"k{}\": {n}", n % 30)).collect();
    let text = format!("{{{}, \"z\": 0}}", entries.join(", "));
    let many = read(&text);
    assert_eq!(many.as_object().unwrap().len(), 31);
    assert_eq!(many.at("k3"), &Json::Int(33));
    assert_eq!(many.as_object().unwrap().keys().nth(3), Some("k3"));
}

#[test]
fn objects_are_python_dicts() {
    let mut object = Object::from([("a", 1.into()), ("b", 2.into())]);
    assert_eq!(object.insert("a", 9), Some(Json::Int(1)));
    assert_eq!(object.insert("c", "x"), None);
    assert_eq!(object.remove("b"), Some(Json::Int(2)));
    assert_eq!(object.remove("b"), None);
    *object.get_mut("c").unwrap() = Json::Null;
    assert_eq!(to_line(&object), br#"{"a": 9, "c": null}"#);
    assert_eq!(
        object.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        ["a", "c"]
    );
    assert!(object.contains_key("c") && !object.contains_key("b"));
}

#[test]
fn getters_answer_for_their_kind_only() {
    let value = read(r#"{"s": "t", "i": 3, "f": 2.5, "b": true, "l": [1], "n": null}"#);
    assert_eq!(value.str_or("s", "d"), "t");
    assert_eq!(value.str_or("i", "d"), "d");
    assert_eq!(value.i64_or("i", 0), 3);
    assert_eq!(value.i64_or("f", 7), 7);
    assert!(value.bool_or("b", false));
    assert_eq!(value.at("f").as_f64(), Some(2.5));
    assert_eq!(value.at("i").as_f64(), Some(3.0));
    assert_eq!(value.items("l").len(), 1);
    assert_eq!(value.items("s").len(), 0);
    assert!(value.at("missing").is_null());
    assert!(value.get("n").is_some() && value.get("missing").is_none());
    let truthy: Vec<bool> = value
        .as_object()
        .unwrap()
        .values()
        .map(Json::is_truthy)
        .collect();
    assert_eq!(truthy, [true, true, true, true, true, false]);
}

#[test]
fn errors_name_the_place() {
    let error = parse("{\n  \"é\": 1,\n  \"ü\" 2}".as_bytes()).unwrap_err();
    assert_eq!(
        (error.line, error.column, error.what),
        (3, 7, "expected ':'")
    );
    assert_eq!(error.to_string(), "line 3, column 7: expected ':'");
    let error = parse(b"[1, 2").unwrap_err();
    assert_eq!((error.offset, error.what), (5, "expected ',' or ']'"));
    let error = parse(b"\"ab\xff\"").unwrap_err();
    assert_eq!((error.offset, error.what), (3, "invalid UTF-8"));
}

#[test]
fn refuses_what_python_refuses() {
    let texts = [
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a: 1}",
        "{1: 2}",
        "01",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "-",
        "--1",
        "0x10",
        "tru",
        "nul",
        "Nan",
        "infinity",
        "-NaN",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\",
        "\"a\nb\"",
        "\"a\tb\"",
        "[1 2]",
        "[1] 2",
        "{\"a\" 1}",
        "\u{A0}1",
        "1\u{0}",
    ];
    for text in texts {
        assert!(parse(text.as_bytes()).is_err(), "{text:?} was accepted");
    }
    assert_eq!(read("\u{FEFF}[1]"), Json::from(vec![1]));
}

#[test]
fn hostile_input_ends_in_an_error() {
    // A stack much smaller than a thread's default of 2 MiB, and unoptimized code.
    let thread = std::thread::Builder::new()
        .stack_size(768 * 1024)
        .spawn(|| {
            for open in ["[", "{\"a\":", "[{\"a\":"] {
                let error = parse(open.repeat(1_000_000).as_bytes()).unwrap_err();
                assert_eq!(error.what, "nested too deeply");
            }
            let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
            let value = parse(deep.as_bytes()).unwrap();
            assert_eq!(to_compact(&value), deep.as_bytes());
            drop(value.clone());
            assert!(parse(format!("[{deep}]").as_bytes()).is_err());
            assert_eq!(parse_lenient(&"{".repeat(1_000_000)), None);
            assert_eq!(parse_lenient(&"{\"a\":".repeat(300_000)), None);
        });
    thread.unwrap().join().unwrap();

    let whole = br#"{"a": [1, -2.5e-7, "x\u00e9\ud83d\ude00", true], "b": {"c": null}}"#;
    for end in 0..whole.len() {
        assert!(parse(&whole[..end]).is_err(), "truncated at {end}");
    }
    let mut keys = String::from("{");
    keys.extend((0..200_000).map(|n| format!("\"{n}\":{n},")));
    keys.push_str("\"0\":1}");
    let value = read(&keys);
    assert_eq!(value.as_object().unwrap().len(), 200_000);
    let digits = "9".repeat(100_000);
    assert_eq!(written(&read(&digits), Style::LINE), digits);
}

#[test]
fn streams_what_the_tree_gives() {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out, Style::LINE);
    w.begin_object();
    w.field("a", "x");
    w.key("b");
    w.begin_array();
    w.int(-1);
    w.uint(u64::MAX);
    w.float(0.5);
    w.bool(true);
    w.null();
    w.raw(b"{\"r\": 1}");
    w.end_array();
    w.field("c", &Some(1_i64));
    w.field("d", &None::<String>);
    w.field("e", &vec!["p".to_owned(), "q".to_owned()]);
    w.end_object();
    let expected = r#"{"a": "x", "b": [-1, 18446744073709551615, 0.5, true, null, {"r": 1}], "c": 1, "d": null, "e": ["p", "q"]}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let mut rows = Vec::new();
    write_line(&mut rows, &Json::from(1));
    write_line(&mut rows, &Json::from("é"));
    assert_eq!(rows, "1\n\"é\"\n".as_bytes());
}

#[test]
fn escapes_at_every_place_of_a_block() {
    for place in 0..100 {
        for special in ['"', '\\', '\n', '\u{1}', '\u{1F}'] {
            let text: String = (0..100)
                .map(|at| if at == place { special } else { 'x' })
                .collect();
            let line = written(&Json::from(text.as_str()), Style::LINE);
            assert_eq!(
                line.len(),
                102 + if special < '\u{2}' || special == '\u{1F}' {
                    5
                } else {
                    1
                }
            );
            assert_eq!(read(&line), Json::from(text));
        }
    }
}

#[test]
fn finds_the_object_in_a_reply() {
    let meant = read(r#"{"a": 1}"#);
    let replies = [
        r#"{"a": 1}"#,
        "```json\n{\"a\": 1}\n```",
        "Sure!\n```\n{\"a\": 1}\n```\nAnything else?",
        "```json\n{\"a\": 1}",
        "The answer is {\"a\": 1}. I hope it helps.",
        "<think>{\"a\": 2} or {maybe}</think>{\"a\": 1}",
        "{x} means {\"a\": 1}",
        "{\"a\": 1,}",
        "{\"a\": 1} trailing } brace",
        "Prefix { not json } {\"a\": 1} and [2]",
        "\u{FEFF}{\"a\": 1}",
    ];
    for reply in replies {
        assert_eq!(parse_lenient(reply).as_ref(), Some(&meant), "{reply}");
    }
    assert_eq!(
        parse_lenient("{\"a\": \"two\nlines\"}"),
        Some(read(r#"{"a": "two\nlines"}"#))
    );
    assert_eq!(parse_lenient("42"), Some(Json::Int(42)));
    for reply in ["", "no braces", "{", "}{", "{\"a\": }", "```\nnothing\n```"] {
        assert_eq!(parse_lenient(reply), None, "{reply}");
    }
}

#[test]
fn text_of_a_value_is_python_str() {
    // Expected: str(json.loads(text)) of Python 3.11.
    let vectors = [
        ("\"it's\"", "it's"),
        ("null", "None"),
        (
            "[true, false, null, 1e-07, NaN, -Infinity]",
            "[True, False, None, 1e-07, nan, -inf]",
        ),
        (
            r#"["a'b", "a\"b", "a'b\"c", "\n\u0001\u00e9\u2028\\"]"#,
            r#"["a'b", 'a"b', 'a\'b"c', '\n\x01é\u2028\\']"#,
        ),
        (
            r#"{"k": {"l": []}, "m": 12345678901234567890}"#,
            "{'k': {'l': []}, 'm': 12345678901234567890}",
        ),
        (
            "[\"e\u{301}\u{301}\", \"\u{E000}\u{1F600}\"]",
            "['e\u{301}\u{301}', '\\ue000\u{1F600}']",
        ),
    ];
    for (text, expected) in vectors {
        assert_eq!(python_str(&read(text)), expected);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[\\x00-\\x7f]{0,70}",
        "[\u{80}-\u{a0}\u{2020}-\u{2030}\u{ffff}\u{1f600}]{0,6}"
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        any::<f64>()
            .prop_filter("NaN differs from itself", |f| !f.is_nan())
            .prop_map(Json::Float),
        any::<u64>().prop_map(Json::from),
        "-?[1-9][0-9]{20,40}".prop_map(|digits| Json::integer(&digits).unwrap()),
        any_text().prop_map(Json::Str),
        prop::collection::vec(any::<u16>(), 0..6).prop_map(Json::from_utf16),
        prop::collection::vec(0xD7F0_u16..0xE010, 0..6).prop_map(Json::from_utf16),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec((any_text(), inner), 0..20)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_style_reads_back(value in any_json()) {
        for style in [Style::LINE, Style::FILE, Style::COMPACT, Style { ascii: true, ..Style::FILE }] {
            let text = written(&value, style);
            prop_assert_eq!(&read(&text), &value);
            prop_assert_eq!(written(&read(&text), style), text);
        }
        prop_assert_eq!(parse_lenient(&written(&value, Style::LINE)), Some(value));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}\",:\\\\u0-9a-fd.eE+\\- \n`]{0,40}") {
        if let Ok(value) = parse(&bytes) {
            let line = to_line(&value);
            prop_assert_eq!(to_line(&parse(&line).unwrap()), line);
        }
        if let Some(value) = parse_lenient(&text) {
            let line = to_line(&value);
            prop_assert_eq!(to_line(&parse(&line).unwrap()), line);
        }
    }
}

#[test]
fn a_memo_changes_nothing_but_the_work() {
    let shared = Arc::new(read(
        r#"{"a": [1, "two\nlines and a good deal of text, so that it is worth copying"], "b": {"c": [], "d": {}}}"#,
    ));
    let small = Arc::new(read("[1]"));
    // The value at four depths, before and after others, under a key and in arrays.
    let write = |w: &mut Writer<'_>| {
        w.begin_object();
        w.field("first", &shared);
        w.field(
            "list",
            &vec![Arc::clone(&small), Arc::clone(&shared), Arc::clone(&shared)],
        );
        w.field(
            "nested",
            &vec![vec![Arc::clone(&shared)], vec![], vec![Arc::clone(&small)]],
        );
        w.field("last", &shared);
        w.end_object();
    };
    for style in [Style::LINE, Style::FILE, Style::COMPACT] {
        let mut plain = Vec::new();
        write(&mut Writer::new(&mut plain, style));
        let (mut text, mut memo) = (b"before".to_vec(), Memo::default());
        write(&mut Writer::with_memo(&mut text, style, &mut memo, &[]));
        assert_eq!(
            String::from_utf8_lossy(&text[6..]),
            String::from_utf8_lossy(&plain)
        );
        let known = [Known {
            text: &text,
            memo: &memo,
        }];
        let (mut again, mut own) = (Vec::new(), Memo::default());
        write(&mut Writer::with_memo(&mut again, style, &mut own, &known));
        assert_eq!(again, plain);
        // Deeper and less deep than in the text that it is copied from.
        for depth in [0, 3] {
            let deep = |w: &mut Writer<'_>| {
                (0..depth).for_each(|_| w.begin_array());
                w.value(&shared);
                (0..depth).for_each(|_| w.end_array());
            };
            let (mut plain, mut copied) = (Vec::new(), Vec::new());
            deep(&mut Writer::new(&mut plain, style));
            deep(&mut Writer::with_memo(
                &mut copied,
                style,
                &mut Memo::default(),
                &known,
            ));
            assert_eq!(copied, plain);
        }
        // A text of another style is of no use, and does no harm.
        let other = if style == Style::LINE {
            Style::FILE
        } else {
            Style::LINE
        };
        let (mut plain, mut mixed) = (Vec::new(), Vec::new());
        write(&mut Writer::new(&mut plain, other));
        write(&mut Writer::with_memo(
            &mut mixed,
            other,
            &mut Memo::default(),
            &known,
        ));
        assert_eq!(mixed, plain);
    }
}

#[test]
fn items_of_a_long_array_are_read_one_by_one() {
    let read = |text: &str, key| parse_items(text.as_bytes(), key, |json| json.as_i64());
    assert_eq!(
        read(" [1, 2] ", None),
        Ok((Json::Null, Some(vec![Some(1), Some(2)])))
    );
    assert_eq!(read("\u{feff}[]", None), Ok((Json::Null, Some(vec![]))));
    let object = |text: &str| parse_str(text).unwrap();
    assert_eq!(
        read(r#"{"a": [1], "d": [3, "x"], "e": {"d": [4]}}"#, Some("d")),
        Ok((
            object(r#"{"a": [1], "d": null, "e": {"d": [4]}}"#),
            Some(vec![Some(3), None])
        ))
    );
    // Of a repeated key the last value counts, as everywhere.
    assert_eq!(
        read(r#"{"d": [3], "d": [5]}"#, Some("d")),
        Ok((object(r#"{"d": null}"#), Some(vec![Some(5)])))
    );
    assert_eq!(
        read(r#"{"d": [3], "d": 5}"#, Some("d")),
        Ok((object(r#"{"d": 5}"#), None))
    );
    assert_eq!(read("7", None), Ok((Json::Int(7), None)));
    assert_eq!(
        read(r#"{"d": [1]}"#, None),
        Ok((object(r#"{"d": [1]}"#), None))
    );
    // Errors are those of the plain reader, with the same place.
    for (text, key) in [
        ("[1, ", None),
        ("[1] 2", None),
        (r#"{"d": [1 2]}"#, Some("d")),
        ("", None),
        ("[\u{1}]", None),
    ] {
        assert_eq!(
            read(text, key).unwrap_err(),
            parse_str(text).unwrap_err(),
            "{text}"
        );
    }
    let deep = "[".repeat(MAX_DEPTH + 1);
    assert_eq!(
        read(&deep, None).unwrap_err(),
        parse_str(&deep).unwrap_err()
    );
}
