use super::*;

fn split(text: &str) -> Vec<&str> {
    sentences(text)
        .into_iter()
        .map(|range| &text[range])
        .collect()
}

#[test]
fn prose() {
    assert_eq!(
        split("Close it. Then wait 2.5 hours! Is it dry? \"Yes.\" Good"),
        [
            "Close it.",
            "Then wait 2.5 hours!",
            "Is it dry?",
            "\"Yes.\"",
            "Good"
        ]
    );
    assert_eq!(split(""), Vec::<&str>::new());
    assert_eq!(split(" \n . "), Vec::<&str>::new());
}

#[test]
fn periods_that_end_nothing() {
    assert_eq!(
        split("See Fig. 3 and Dr. Weir, e.g. the pump (approx. 40 kg). J. Brown agrees."),
        [
            "See Fig. 3 and Dr. Weir, e.g. the pump (approx. 40 kg).",
            "J. Brown agrees."
        ]
    );
    assert_eq!(
        split("Use v1.2.3 of api.example.org now."),
        ["Use v1.2.3 of api.example.org now."]
    );
    assert_eq!(
        split("Bring water, food etc. Then go."),
        ["Bring water, food etc.", "Then go."]
    );
}

#[test]
fn lines() {
    assert_eq!(
        split(
            "# Title\nFirst line\ngoes on.\n\n- item one\n- item two\n  goes on\n2. Third\n\nEnd"
        ),
        [
            "Title",
            "First line\ngoes on.",
            "item one",
            "item two\n  goes on",
            "Third",
            "End"
        ]
    );
    assert_eq!(split("| a | b |\n| c | d |"), ["a | b |", "c | d |"]);
}

#[test]
fn other_scripts() {
    assert_eq!(split("هل هي مغلقة؟ نعم."), ["هل هي مغلقة؟", "نعم."]);
    assert_eq!(split("关闭阀门。等待。"), ["关闭阀门。", "等待。"]);
}

#[test]
fn any_text_keeps_its_boundaries() {
    for text in [
        "...",
        "a…",
        "é. É",
        "1. ",
        "- - x",
        "? !",
        "\u{85}.\u{2028}B",
        "#",
        "# ",
        "•",
    ] {
        for range in sentences(text) {
            assert!(text.get(range).is_some(), "{text:?}");
        }
    }
}
