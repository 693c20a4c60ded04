use super::{Canonical, PageStart, page_at};

#[test]
fn line_ends_and_controls_are_normalised_and_the_rest_is_kept() {
    let raw =
        "\u{feff}\r\n a\0b\r\nc\rd\u{c}e\u{1b}\u{7f}\tf\u{85}g\u{2028}h\u{2029}i e\u{301} \r\n ";
    let canonical = Canonical::of_text(raw.trim_start_matches('\u{feff}').to_owned());
    assert_eq!(
        canonical.text,
        "ab\nc\nd\ne\tf\u{85}g\u{2028}h\u{2029}i e\u{301}"
    );
    assert_eq!(canonical.chars as usize, canonical.text.chars().count());
}

#[test]
fn a_canonical_text_stays_as_it_is() {
    let text = "naïve 漢字\n\n\tindented".to_owned();
    assert_eq!(Canonical::of_text(text.clone()).text, text);
    assert_eq!(Canonical::of_text(String::new()), Canonical::default());
    assert_eq!(
        Canonical::of_text(" \n\u{2028}\u{85}\t".to_owned()).chars,
        0
    );
}

#[test]
fn pages_are_marked_where_their_text_begins() {
    let pages = [
        (1, " \n"),
        (2, "\n first é "),
        (3, ""),
        (4, "second\n"),
        (5, " \n"),
    ];
    let canonical = Canonical::of_pages(pages);
    assert_eq!(canonical.text, "first é second");
    assert_eq!(
        canonical.pages,
        [
            PageStart { page: 2, start: 0 },
            PageStart { page: 4, start: 8 }
        ]
    );
    assert_eq!(page_at(&canonical.pages, 0), Some(2));
    assert_eq!(page_at(&canonical.pages, 7), Some(2));
    assert_eq!(page_at(&canonical.pages, 8), Some(4));
    assert_eq!(page_at(&canonical.pages, 1_000), Some(4));
    assert_eq!(page_at(&[], 3), None);
}
