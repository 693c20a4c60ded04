use super::*;

#[test]
fn the_table_is_complete_and_rises() {
    let codes: Vec<u8> = TABLE.iter().map(|(exit, _)| exit.code()).collect();
    assert_eq!(codes, [0, 1, 2, 3, 5, 6, 100, 101, 130]);
}

#[test]
fn the_table_as_text() {
    insta::assert_snapshot!(table_text(), @r"
    Exit codes:
        0  done
        1  findings, or a failed run
        2  wrong usage or configuration; nothing was started
        3  no usable endpoint
        5  partial: the same command resumes the run
        6  a file has a newer format than this version reads
      100  a quality gate failed
      101  a bug in forgemark
      130  interrupted
    ");
}
