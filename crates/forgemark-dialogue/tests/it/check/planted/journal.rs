//! What only the journal knows.

use forgemark_contract::text::question_hash;

use super::*;

#[test]
fn what_only_the_journal_knows_is_found() {
    let good = Good::make();
    let files = good.files.clone();
    assert_clean(&files, "the good folder");
    let mut table = Table { plants: Vec::new() };
    let segments = files
        .keys()
        .filter(|name| name.starts_with(".forgemark/journal/0"));
    let segment = segments.max().unwrap().clone();
    for file in [TURNS, LEDGER, DATASET, INDEX, SHAREGPT, JUDGED] {
        table.one(
            "a tail that was not committed",
            Kind::Uncommitted,
            file,
            None,
            move |_, files| {
                files
                    .get_mut(file)
                    .unwrap()
                    .extend_from_slice(b"{\"half a row\": ");
            },
        );
    }
    table.more(
        "a row that has grown",
        Kind::Journal,
        INDEX,
        None,
        |_, files| replace_in_line(files, INDEX, 1, "\"n_turns\": ", "\"n_turns\": 9"),
    );
    table.more(
        "a committed row that is gone",
        Kind::Journal,
        LEDGER,
        None,
        |_, files| {
            edit_lines(files, LEDGER, |lines| drop(lines.pop()));
        },
    );
    table.more(
        "a conversation that is gone",
        Kind::Missing,
        DATASET,
        good.line(DATASET, &good.ids[0], 0),
        |good, files| {
            let line = good.line(DATASET, &good.ids[0], 0);
            edit_lines(files, DATASET, |lines| {
                drop(lines.remove(line as usize - 1));
            });
        },
    );
    let line = good.line(DATASET, &good.ids[0], 0);
    table.one(
        "a question that was changed everywhere",
        Kind::Journal,
        DATASET,
        line,
        |good, files| {
            let row = json::parse_str(
                &lines(files, LEDGER)[good.line(LEDGER, &good.ids[0], 0) as usize - 1],
            )
            .unwrap();
            let question = row.str_or("question", "");
            // Of the same length, so that no file is longer or shorter than it was committed.
            let (first, rest) = question.split_at(1);
            let other = format!("{}{rest}", if first == "Z" { "Y" } else { "Z" });
            replace_everywhere(files, question, &other);
            replace_everywhere(files, &question_hash(question), &question_hash(&other));
        },
    );
    let name = segment.clone();
    table.more(
        "a damaged record",
        Kind::Journal,
        &segment,
        None,
        move |_, files| {
            let bytes = files.get_mut(&name).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
    );
    table.one(
        "a torn record",
        Kind::Uncommitted,
        ".forgemark/journal",
        None,
        move |_, files| {
            files.get_mut(&segment).unwrap().extend_from_slice(&[7; 40]);
        },
    );
    table.prove(&good, &files);
}
