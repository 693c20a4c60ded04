use super::join::{Vocabulary, ends_sentence, fold, lines, runs_on};
use super::{Cell, Page, compose};

/// Distance of lines, height of letters, and width of a letter, in points.
const LINE: f32 = 12.0;
const HEIGHT: f32 = 9.0;
const LETTER: f32 = 4.5;

fn cell(left: f32, top: f32, height: f32, text: &str) -> Cell {
    let width = text.chars().count() as f32 * LETTER * height / HEIGHT;
    Cell {
        l: left,
        t: top,
        r: left + width,
        b: top + height,
        text: text.to_owned(),
    }
}

/// Lines under each other.
fn column(left: f32, top: f32, text: &[&str]) -> Vec<Cell> {
    (0_u16..)
        .zip(text)
        .map(|(n, line)| cell(left, top + f32::from(n) * LINE, HEIGHT, line))
        .collect()
}

fn text_of(pages: Vec<Vec<Cell>>) -> Vec<String> {
    compose(
        pages
            .into_iter()
            .map(|cells| Page {
                height: 800.0,
                cells,
            })
            .collect(),
    )
}

const LEFT: [&str; 4] = [
    "The first column of this page begins with",
    "a sentence that fills its lines to the full",
    "width, as printed columns do, and goes on",
    "to the last line, where it does not end but",
];
const RIGHT: [&str; 4] = [
    "is continued at the top of the right-hand",
    "column. There it comes to an end. Another",
    "sentence follows, to fill this column with",
    "as many lines as the left-hand one.",
];

#[test]
fn columns_are_read_one_after_the_other() {
    // In the order of the content stream of a program that draws rows across the page.
    let (left, right) = (column(50.0, 200.0, &LEFT), column(300.0, 200.0, &RIGHT));
    let mut cells: Vec<Cell> = left
        .into_iter()
        .zip(right)
        .flat_map(|(a, b)| [a, b])
        .collect();
    cells.push(cell(
        50.0,
        170.0,
        14.0,
        "A title over both of the columns, in larger letters",
    ));
    let texts = text_of(vec![cells]);
    let expected = format!(
        "A title over both of the columns, in larger letters\n{} {}\n",
        LEFT.join(" "),
        RIGHT.join(" ")
    );
    assert_eq!(texts, [expected]);
}

#[test]
fn wide_lines_cut_the_page_into_bands() {
    let mut cells = column(50.0, 100.0, &LEFT);
    cells.extend(column(300.0, 100.0, &RIGHT));
    cells.push(cell(
        50.0,
        200.0,
        HEIGHT,
        "Figure 1. A caption that runs under both columns and is as wide as the page",
    ));
    cells.extend(column(50.0, 300.0, &LEFT));
    cells.extend(column(300.0, 300.0, &RIGHT));
    let text = text_of(vec![cells]).remove(0);
    let (caption, last) = (
        text.find("Figure 1").unwrap(),
        text.rfind("The first column").unwrap(),
    );
    assert!(
        text.find("as many lines").unwrap() < caption && caption < last,
        "{text}"
    );
}

#[test]
fn footnotes_do_not_stand_in_the_sentence() {
    let mut cells = column(50.0, 200.0, &LEFT);
    cells.push(cell(
        50.0,
        270.0,
        6.5,
        "1 A footnote in small letters under the left column.",
    ));
    cells.extend(column(300.0, 200.0, &RIGHT));
    let text = text_of(vec![cells]).remove(0);
    assert!(
        text.contains("does not end but is continued at the top"),
        "{text}"
    );
    assert!(
        text.ends_with("1 A footnote in small letters under the left column.\n"),
        "{text}"
    );
}

#[test]
fn a_right_to_left_page_begins_on_the_right() {
    let right = [
        "هذا هو العمود الأول في الصفحة",
        "وفيه جملة طويلة تملأ السطر كله",
        "ثم تستمر حتى آخر السطر الأخير",
        "وتنتهي هنا في آخر العمود الأول.",
    ];
    let left = [
        "العمود الثاني يبدأ من هنا الآن",
        "وفيه جملة أخرى تملأ السطر كله",
        "ثم تستمر حتى آخر السطر الأخير",
        "وتنتهي هنا في آخر العمود الثاني.",
    ];
    let mut cells = column(50.0, 100.0, &left);
    cells.extend(column(300.0, 100.0, &right));
    let text = text_of(vec![cells]).remove(0);
    assert!(
        text.find("العمود الأول في").unwrap() < text.find("العمود الثاني يبدأ").unwrap(),
        "{text}"
    );
}

#[test]
fn tables_stay_in_rows() {
    let rows = [
        ["Name", "Dose", "Effect"],
        ["Alpha", "5.2", "none"],
        ["Beta", "7.1", "strong"],
        ["Gamma", "9.0", "weak"],
    ];
    let cells = (0_u16..)
        .zip(rows)
        .flat_map(|(n, row)| {
            (0_u16..).zip(row).map(move |(m, text)| {
                cell(
                    50.0 + f32::from(m) * 150.0,
                    100.0 + f32::from(n) * LINE,
                    HEIGHT,
                    text,
                )
            })
        })
        .collect();
    assert_eq!(
        text_of(vec![cells]),
        ["Name Dose Effect\nAlpha 5.2 none\nBeta 7.1 strong\nGamma 9.0 weak\n"]
    );
}

#[test]
fn paragraphs_end_at_gaps_short_lines_items_and_headings() {
    let mut cells = vec![cell(50.0, 100.0, 14.0, "A heading")];
    cells.extend(column(
        50.0,
        130.0,
        &[
            "The first paragraph fills its first line to the end",
            "and stops early.",
            "The second paragraph begins without any indent or g",
            "ap. It is followed by a list of two items with long",
            "1. The first item of the list, over more than one l",
            "ine of text",
            "2. The second item of the list.",
        ],
    ));
    cells.extend(column(
        50.0,
        240.0,
        &["After a gap there is another paragraph."],
    ));
    let text = text_of(vec![cells]).remove(0);
    let starts: Vec<&str> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["A", "The", "The", "1.", "2.", "After"], "{text}");
}

#[test]
fn running_heads_and_page_numbers_go() {
    let pages = (1..=5)
        .map(|n| {
            let mut cells = vec![
                cell(50.0, 20.0, HEIGHT, "A Journal of Examples"),
                cell(300.0, 770.0, HEIGHT, &format!("Page {n} of 5")),
            ];
            cells.extend(column(
                50.0,
                100.0,
                &[&format!(
                    "This is what page {n} says, and it says it in one line."
                )],
            ));
            cells
        })
        .collect();
    let texts = text_of(pages);
    assert_eq!(
        texts[2],
        "This is what page 3 says, and it says it in one line.\n"
    );
    // On two pages nothing repeats often enough to be sure.
    let two = text_of(vec![
        vec![cell(50.0, 20.0, HEIGHT, "Head")],
        vec![cell(50.0, 20.0, HEIGHT, "Head")],
    ]);
    assert_eq!(two, ["Head\n", "Head\n"]);
}

#[test]
fn a_sentence_goes_on_over_the_page() {
    let texts = text_of(vec![
        column(
            50.0,
            100.0,
            &["This sentence does not end on the first page, it con-"],
        ),
        vec![],
        column(
            50.0,
            100.0,
            &["tinues on a later one. And this one is whole."],
        ),
        column(50.0, 100.0, &["A new paragraph."]),
    ]);
    assert_eq!(
        texts.concat(),
        "This sentence does not end on the first page, it continues on a later one. And this one is whole.\nA new paragraph.\n"
    );
    assert_eq!(
        texts[2], "tinues on a later one. And this one is whole.\n",
        "each part stays on its page"
    );
}

#[test]
fn upright_text_comes_last() {
    let mut cells = vec![Cell {
        l: 20.0,
        t: 100.0,
        r: 28.0,
        b: 300.0,
        text: "arXiv:1234.5678".to_owned(),
    }];
    cells.extend(column(50.0, 100.0, &["The text of the page."]));
    assert_eq!(
        text_of(vec![cells]),
        ["The text of the page.\narXiv:1234.5678\n"]
    );
}

#[test]
fn odd_geometry_is_survived() {
    let odd = |l: f32, t: f32, r: f32, b: f32| Cell {
        l,
        t,
        r,
        b,
        text: "some words of text".to_owned(),
    };
    let cells: Vec<Cell> = (0..40)
        .map(|n| {
            let n = (n * 7919 % 31) as f32;
            odd(n * 1e6 - 1e7, -n, n * 1e-6, n * n - 100.0)
        })
        .chain([
            odd(0.0, 0.0, 0.0, 0.0),
            odd(f32::MAX, f32::MAX, f32::MAX, f32::MAX),
            odd(-f32::MAX, 0.0, f32::MAX, 1.0),
        ])
        .collect();
    let n = cells.len();
    let text = text_of(vec![cells]).remove(0);
    assert_eq!(
        text.matches("some words of text").count(),
        n,
        "no cell is lost: {text}"
    );
    assert_eq!(text_of(vec![]), Vec::<String>::new());
}

#[track_caller]
fn check_join(text: &[&str], expected: &str) {
    let seen = [
        "The long-term state-of-the-art method of clade-specific read depth, from end to start, over a term, overall.",
    ];
    let own: Vec<String> = text.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(lines(&own, &Vocabulary::of(seen.into_iter())), expected);
}

#[test]
fn hyphens_at_line_ends() {
    check_join(&["it is preva-", "lent"], "it is prevalent");
    check_join(&["soft\u{ad}", "ware"], "software");
    check_join(&["the long-", "term plan"], "the long-term plan");
    check_join(&["a state-of-", "the-art one"], "a state-of-the-art one");
    check_join(&["the read-", "depth method"], "the read-depth method");
    check_join(
        &["over- ", "and underestimated"],
        "over- and underestimated",
    );
    check_join(&["by Smith-", "Jones"], "by Smith-Jones");
    check_join(&["it is OVER-", "ALL the END"], "it is OVERALL the END");
    check_join(&["from 1990-", "1995"], "from 1990-1995");
    check_join(&["a range -", "dash"], "a range - dash");
    check_join(
        &["see http://localhost/a_", "b/c"],
        "see http://localhost/a_b/c",
    );
    check_join(&["日本", "語"], "日本語");
    check_join(&[" one ", "", " two "], "one two");
}

#[test]
fn sentences_that_go_on() {
    assert!(runs_on("strategies for accurate", "copy number"));
    assert!(runs_on("one, two,", "Three"));
    assert!(runs_on("the word is hyphen-", "ated"));
    assert!(!runs_on("It ended.", "and this is new"));
    assert!(!runs_on("It ended (here.)", "and this is new"));
    assert!(!runs_on("A heading", "The text"));
    assert!(!runs_on("", "x"));
    assert!(ends_sentence("He said “no.”") && !ends_sentence("Fig. 3 shows"));
}

#[test]
fn ligatures_and_presentation_forms_are_folded() {
    assert_eq!(fold(" eﬃcient\u{2003}ﬁnding "), "efficient finding");
    assert_eq!(fold("\u{fefb}\u{fe91}"), "لاب");
    assert_eq!(fold("½ Å naïve"), "½ Å naïve", "nothing else is");
}
