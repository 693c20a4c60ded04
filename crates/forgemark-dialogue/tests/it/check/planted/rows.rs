//! Rows, files and ids across files.

use forgemark_contract::text::question_hash;

use super::*;

#[test]
fn rows_that_do_not_belong_together_are_found() {
    prove(plant);
}

fn plant(good: &Good, table: &mut Table) {
    let [first, second] = good.ids.clone();
    let line = |file: &str, id: &str| good.line(file, id, 0);
    let n_rows = |file: &str| lines(&good.files, file).len() as u64;
    let double = |file: &'static str, from: u64| {
        move |_: &Good, files: &mut Files| {
            edit_lines(files, file, |lines| {
                lines.push(lines[from as usize - 1].clone());
            });
        }
    };
    let drop_line = |file: &'static str, line: u64| {
        move |_: &Good, files: &mut Files| {
            edit_lines(files, file, |lines| drop(lines.remove(line as usize - 1)));
        }
    };
    for (name, file) in [
        ("a conversation twice", DATASET),
        ("an index row twice", INDEX),
        ("a turn twice", TURNS),
        ("a ledger row twice", LEDGER),
        ("an exported row twice", SHAREGPT),
    ] {
        table.one(
            name,
            Kind::Repeated,
            file,
            n_rows(file) + 1,
            double(file, line(file, &first)),
        );
    }
    for (name, file) in [
        ("an index row that is missing", INDEX),
        ("a turn that is missing", TURNS),
        ("a ledger row that is missing", LEDGER),
        ("an exported row that is missing", SHAREGPT),
        ("a judged row that is missing", JUDGED),
    ] {
        table.one(
            name,
            Kind::Missing,
            file,
            None,
            drop_line(file, line(file, &second)),
        );
    }
    let after = line(DATASET, &first);
    table.more(
        "a conversation that is missing",
        Kind::Missing,
        DATASET,
        after,
        drop_line(DATASET, after),
    );
    table.one(
        "a file that is missing",
        Kind::Missing,
        TURNS,
        None,
        |_, files| {
            files.remove(TURNS);
        },
    );
    table.one("no dataset", Kind::Missing, DATASET, None, |_, files| {
        files.remove(DATASET);
    });
    table.one(
        "a conversation's file that is missing",
        Kind::Missing,
        &good.conversation(0),
        None,
        |good, files| {
            files.remove(&good.conversation(0));
        },
    );
    for (name, file) in [
        ("a foreign index row", INDEX),
        ("a foreign exported row", SHAREGPT),
        ("a foreign turn", TURNS),
    ] {
        table.one(
            name,
            Kind::Orphan,
            file,
            n_rows(file) + 1,
            move |good, files| {
                edit_lines(files, file, |lines| {
                    let line = lines[0]
                        .replace(&good.ids[0], "r00-w0009-s0009")
                        .replace(&good.dropped, "r00-w0009-s0009");
                    lines.push(line);
                });
            },
        );
    }
    table.one(
        "a question that no turn has",
        Kind::Orphan,
        LEDGER,
        n_rows(LEDGER) + 1,
        |_, files| {
            edit_lines(files, LEDGER, |lines| {
                let mut row = json::parse_str(&lines[0]).unwrap();
                *at(&mut row, "forgemark/turn_index") = Json::from(77);
                lines.push(String::from_utf8(to_line(&row)).unwrap());
            });
        },
    );
    table.one(
        "a dropped conversation in the export",
        Kind::Orphan,
        SHAREGPT,
        n_rows(SHAREGPT) + 1,
        |good, files| {
            edit_lines(files, SHAREGPT, |lines| {
                let line = lines[0].replace(&good.ids[0], &good.dropped);
                lines.push(line);
            });
        },
    );
    table.one(
        "a conversation's file without a row",
        Kind::Orphan,
        "conversations/r00-w0009-s0009.json",
        None,
        |good, files| {
            let bytes = files[&good.conversation(0)].clone();
            files.insert("conversations/r00-w0009-s0009.json".to_owned(), bytes);
        },
    );
    for (name, file) in [
        ("index rows in another order", INDEX),
        ("exported rows in another order", SHAREGPT),
        ("turns in another order", TURNS),
    ] {
        table.one(name, Kind::Order, file, 1, move |_, files| {
            edit_lines(files, file, |lines| lines.swap(0, 1));
        });
    }
    let later = n_rows(DATASET);
    table.more(
        "conversations in another order",
        Kind::Order,
        DATASET,
        later,
        move |_, files| {
            edit_lines(files, DATASET, |lines| {
                let n = lines.len();
                lines.swap(n - 2, n - 1);
            });
        },
    );
    table.more(
        "an ordinal of another conversation",
        Kind::Order,
        DATASET,
        line(DATASET, &first),
        |good, files| {
            edit_row(
                files,
                DATASET,
                good.line(DATASET, &good.ids[0], 0),
                set("forgemark/ordinal", 40),
            );
        },
    );
    table.one(
        "a path that leads elsewhere",
        Kind::Path,
        INDEX,
        line(INDEX, &second),
        |good, files| {
            let line = good.line(INDEX, &good.ids[1], 0);
            replace_in_line(
                files,
                INDEX,
                line,
                "\"out/conversations/",
                "\"other/conversations/",
            );
        },
    );
    table.one(
        "a timestamp that differs",
        Kind::Timestamp,
        INDEX,
        line(INDEX, &first),
        |good, files| {
            edit_row(
                files,
                INDEX,
                good.line(INDEX, &good.ids[0], 0),
                set("timestamp", "2031-01-02T03:04:05+00:00"),
            );
        },
    );
    table.one(
        "a ledger row from the future",
        Kind::Timestamp,
        LEDGER,
        line(LEDGER, &first),
        |good, files| {
            edit_row(
                files,
                LEDGER,
                good.line(LEDGER, &good.ids[0], 0),
                set("timestamp", "2131-01-02T03:04:05Z"),
            );
        },
    );
    table.one(
        "a hash of another question",
        Kind::Hash,
        LEDGER,
        line(LEDGER, &first),
        |good, files| {
            edit_row(
                files,
                LEDGER,
                good.line(LEDGER, &good.ids[0], 0),
                set("question_hash", "0123456789abcdef"),
            );
        },
    );
    let again = good.line(DATASET, &second, 0);
    table.one(
        "a question that was asked before",
        Kind::DuplicateQuestion,
        DATASET,
        again,
        |good, files| {
            let question = |id: &str| {
                let row =
                    json::parse_str(&lines(files, LEDGER)[good.line(LEDGER, id, 0) as usize - 1])
                        .unwrap();
                row.str_or("question", "").to_owned()
            };
            let (earlier, later) = (question(&good.ids[0]), question(&good.ids[1]));
            replace_everywhere(files, &later, &earlier);
            replace_everywhere(files, &question_hash(&later), &question_hash(&earlier));
        },
    );
}
