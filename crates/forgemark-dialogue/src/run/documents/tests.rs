use super::{Documents, compare};

fn documents(pairs: &[(&str, &str)]) -> Documents {
    pairs
        .iter()
        .map(|(path, sha)| ((*path).to_owned(), (*sha).to_owned()))
        .collect()
}

#[test]
fn every_kind_of_change_is_told_with_a_few_names() {
    let before = documents(&[
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("d", "4"),
        ("same", "5"),
    ]);
    let now = documents(&[
        ("a", "9"),
        ("moved/b", "2"),
        ("same", "5"),
        ("n1", "a"),
        ("n2", "b"),
        ("n3", "c"),
        ("n4", "d"),
        ("n5", "e"),
    ]);
    assert_eq!(
        compare(&before, &now),
        [
            "documents changed: a",
            "documents renamed: b to moved/b",
            "documents added: n1, n2, n3 and 2 more",
            "documents removed: c, d",
        ]
    );
    assert!(compare(&before, &before).is_empty());
}

#[test]
fn of_two_equal_files_only_the_one_that_moved_is_renamed() {
    let before = documents(&[("a", "1"), ("b", "1")]);
    let now = documents(&[("b", "1"), ("c", "1"), ("d", "1")]);
    assert_eq!(
        compare(&before, &now),
        ["documents renamed: a to c", "documents added: d"]
    );
}
