//! Both spellings, both ways.

use super::*;

#[test]
fn spells_as_python_isoformat() {
    // Expected: datetime.fromtimestamp(s, timezone.utc).replace(microsecond=u).isoformat(), with "Z" for the ledger.
    let vectors = [
        (0, "1970-01-01T00:00:00"),
        (1, "1970-01-01T00:00:00.000001"),
        (1_893_553_445_000_006, "2030-01-02T03:04:05.000006"),
        (1_893_553_445_120_000, "2030-01-02T03:04:05.120000"),
        (-1, "1969-12-31T23:59:59.999999"),
        (951_782_400_000_000, "2000-02-29T00:00:00"),
        (253_402_128_000_000_000, "9999-12-30T00:00:00"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00"),
    ];
    for (micros, text) in vectors {
        let at = Timestamp(micros);
        assert_eq!(at.dataset_style(), format!("{text}+00:00"));
        assert_eq!(at.ledger_style(), format!("{text}Z"));
        assert_eq!(Timestamp::parse(&at.ledger_style()), Ok(at));
        assert_eq!(Timestamp::parse(&at.dataset_style()), Ok(at));
    }
}

#[test]
fn reads_other_spellings_and_refuses_the_rest() {
    assert_eq!(
        Timestamp::parse("2030-01-02T05:04:05.0000069+02:00"),
        Ok(Timestamp(1_893_553_445_000_006))
    );
    assert_eq!(
        "1970-01-01T00:00:01Z".parse(),
        Ok(Timestamp::from_epoch_seconds(1))
    );
    for text in [
        "",
        "now",
        "2030-01-02",
        "2030-01-02T03:04:05",
        "2030-13-02T03:04:05Z",
        "2030-02-30T03:04:05Z",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
}

#[test]
fn extremes_do_not_overflow() {
    for micros in [i64::MIN, i64::MAX] {
        assert!(
            !Timestamp(micros)
                .plus_micros(micros)
                .dataset_style()
                .is_empty()
        );
    }
    assert_eq!(Timestamp::from_epoch_seconds(i64::MAX), Timestamp(i64::MAX));
}
