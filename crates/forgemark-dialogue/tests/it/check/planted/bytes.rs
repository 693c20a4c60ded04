//! Lines, JSON, shapes, columns.

use super::*;

#[test]
fn damaged_bytes_are_found() {
    prove(plant);
}

fn plant(good: &Good, table: &mut Table) {
    let last = lines(&good.files, TURNS).len() as u64;
    table.one("a torn last line", Kind::Torn, TURNS, last, |_, files| {
        files.get_mut(TURNS).unwrap().pop();
    });
    table.one(
        "a line cut in the middle",
        Kind::Torn,
        TURNS,
        last,
        |_, files| {
            let bytes = files.get_mut(TURNS).unwrap();
            bytes.truncate(bytes.len() - 40);
        },
    );
    table.one("an empty line", Kind::EmptyLine, LEDGER, 2, |_, files| {
        edit_lines(files, LEDGER, |lines| lines.insert(1, String::new()));
    });
    table.one(
        "a byte that is no UTF-8",
        Kind::Encoding,
        TURNS,
        1,
        |_, files| {
            let bytes = files.get_mut(TURNS).unwrap();
            let place = bytes
                .windows(8)
                .position(|part| part == b"question")
                .unwrap();
            bytes[place] = 0xff;
        },
    );
    table.one("a lost quote", Kind::NotJson, INDEX, 1, |_, files| {
        replace_in_line(files, INDEX, 1, "\"language\"", "\"language");
    });
    table.one(
        "a key that stands twice",
        Kind::DuplicateKey,
        INDEX,
        1,
        |_, files| {
            replace_in_line(
                files,
                INDEX,
                1,
                "\"language\": ",
                "\"language\": \"xx\", \"language\": ",
            );
        },
    );
    table.one("another spelling", Kind::Spelling, INDEX, 1, |_, files| {
        replace_in_line(files, INDEX, 1, ", \"language\": ", ",\"language\":");
    });
    table.one("a score that is text", Kind::Shape, TURNS, 1, |_, files| {
        edit_row(files, TURNS, 1, set("judge_score", "high"));
    });
    table.one(
        "a key that is missing",
        Kind::Shape,
        LEDGER,
        1,
        |_, files| {
            edit_row(files, LEDGER, 1, remove("", "seed_topic"));
        },
    );
    table.one(
        "a timestamp in another style",
        Kind::Shape,
        LEDGER,
        1,
        |_, files| {
            replace_in_line(
                files,
                LEDGER,
                1,
                "Z\", \"topic_id\"",
                "+00:00\", \"topic_id\"",
            );
        },
    );
    table.one(
        "columns that cannot be told",
        Kind::Columns,
        SHAREGPT,
        1,
        |_, files| {
            let n = lines(files, SHAREGPT).len() as u64;
            for line in 1..=n {
                replace_in_line(
                    files,
                    SHAREGPT,
                    line,
                    "\"metadata\": {",
                    "\"stuff\": 1, \"other\": {\"none\": {}}, \"more\": {",
                );
                replace_in_line(
                    files,
                    SHAREGPT,
                    line,
                    "\"difficulty_sequence\"",
                    "\"sequence\"",
                );
            }
        },
    );
}
