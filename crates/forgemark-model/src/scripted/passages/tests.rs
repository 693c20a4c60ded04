use super::*;

fn read(body: &[u8], last_user: Range<usize>) -> Vec<Passage<'_>> {
    offered(body, last_user)
        .into_iter()
        .filter_map(|at| Passage::at(body, at))
        .collect()
}

const PROMPT: &str = r#"Use these.\n<passage id=\"aa-1\" source=\"guide.md#chunk3\">M6 bolts need \"blue\" lock of 0.5 &lt; 1 Nm.\nDo it twice over a whole day \u00e9\ud83d\ude00.</passage>\n<passage lang=\"en\" id=\"bb-2\">Short.</passage>"#;

#[test]
fn passages_of_a_prompt() {
    let found = read(PROMPT.as_bytes(), 0..PROMPT.len());
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].id(), found[0].source()),
        ("aa-1".into(), "guide.md#chunk3".into())
    );
    assert_eq!(
        (found[1].id(), found[1].source()),
        ("bb-2".into(), String::new())
    );
    let texts: Vec<String> = (0..2).map(|bits| found[0].snippet(bits)).collect();
    assert_eq!(texts[0], "M6 bolts need \"blue\" lock of 0.5 < 1 Nm.");
    assert_eq!(texts[1], "Do it twice over a whole day é😀.");
    assert_eq!(found[1].snippet(9), "Short.");
}

#[test]
fn passages_inside_json_inside_a_string() {
    let body = r#"{\"content\": \"<passage id=\\\"cc-3\\\" source=\\\"a.txt#chunk0\\\">The pump \\\\ starts at nine o'clock each morning.\\nIt stops.</passage>\"}"#;
    let found = read(body.as_bytes(), 0..body.len());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id(), found[0].source()),
        ("cc-3".into(), "a.txt#chunk0".into())
    );
    assert_eq!(
        found[0].snippet(0),
        r"The pump \ starts at nine o'clock each morning."
    );
}

#[test]
fn tool_results_are_preferred_then_the_last_user_message() {
    let old = r#"<passage id=\"old-0\">x</passage>"#;
    let asked = r#"<passage id=\"asked-0\">x</passage>"#;
    let result = r#"<passage id=\"result-0\">x</passage>"#;
    let ids = |body: &str, range: std::ops::Range<usize>| -> Vec<String> {
        read(body.as_bytes(), range)
            .iter()
            .map(Passage::id)
            .collect()
    };
    let all = format!("{old}{asked}{result}");
    let user = old.len()..old.len() + asked.len();
    assert_eq!(ids(&all, user.clone()), ["result-0"]);
    assert_eq!(ids(&format!("{old}{asked}"), user), ["asked-0"]);
    assert_eq!(ids(old, old.len()..old.len()), ["old-0"]);
    assert_eq!(ids("no passage", 0..3), [""; 0]);
    assert_eq!(ids("<passage id=\\\"never closed", 0..3), [""; 0]);
}

#[test]
fn the_question_of_a_prompt() {
    assert_eq!(
        question(br"Answer.\n<question>Why \u00e9?</question> Go."),
        "Why é?"
    );
    assert_eq!(
        question(br#"Plan: {\"user_message\": \"Say \\\"yes\\\"\\nnow\", \"intent\": 1}"#),
        "Say \"yes\" now"
    );
    assert_eq!(question(br"Just\n  this"), "Just this");
    assert_eq!(question(b""), "");
    for word in ["word ", "ü\\u00e9\\n ", "\\u00e9", "語"] {
        let long = question(word.repeat(300).as_bytes());
        assert!(
            (50..=QUESTION_CHARS).contains(&long.chars().count()),
            "{long}"
        );
        assert!(!long.contains(['\u{fffd}', '\\']), "{long}");
    }
}

#[test]
fn odd_escapes_do_not_panic() {
    for (raw, text) in [
        (r"\u12", "\u{fffd}12"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ud83dx", "\u{fffd}x"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"a\", "a"),
        (r"\q\/", "q/"),
        (r"\u00é9", "\u{fffd}00é9"),
    ] {
        assert_eq!(unescape(raw), text, "{raw}");
    }
    for end in 0..PROMPT.len() {
        let _ = read(&PROMPT.as_bytes()[..end], 0..end);
        let _ = question(&PROMPT.as_bytes()[..end]);
    }
}
