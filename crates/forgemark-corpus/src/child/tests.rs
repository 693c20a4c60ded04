use super::Extracted;
use super::frames::{GuestRefusal, decode, encode};
use super::host::bytes_text;

fn answers() -> Vec<Result<Extracted, GuestRefusal>> {
    vec![
        Ok(Extracted::default()),
        Ok(Extracted {
            pages: vec![
                (1, "One é".to_owned()),
                (7, String::new()),
                (9, "漢".to_owned()),
            ],
            notes: vec!["a note".to_owned()],
        }),
        Err(GuestRefusal::Encrypted),
        Err(GuestRefusal::Damaged("why".to_owned())),
        Err(GuestRefusal::NoTextLayer(400)),
        Err(GuestRefusal::TooMuchText),
        Err(GuestRefusal::Panicked("how".to_owned())),
        Err(GuestRefusal::Unlimited("why".to_owned())),
    ]
}

#[test]
fn answers_come_through() {
    for answer in answers() {
        assert_eq!(decode(&encode(&answer, 100)), Some(answer));
    }
}

#[test]
fn a_cut_answer_is_no_answer() {
    for answer in answers() {
        let bytes = encode(&answer, 100);
        // A refusal is complete before its end frame.
        let whole = if answer.is_err() {
            bytes.len() - 9
        } else {
            bytes.len()
        };
        for cut in 0..whole {
            assert_eq!(decode(&bytes[..cut]), None, "{answer:?} cut at {cut}");
        }
    }
    assert_eq!(decode(b"usage: forgemark [OPTIONS]\n"), None);
}

#[test]
fn too_much_text_is_refused_in_the_guest() {
    let answer = Ok(Extracted {
        pages: vec![(1, "x".repeat(60)), (2, "y".repeat(60))],
        notes: Vec::new(),
    });
    assert_eq!(
        decode(&encode(&answer, 119)),
        Some(Err(GuestRefusal::TooMuchText))
    );
    assert_eq!(decode(&encode(&answer, 120)), Some(answer));
}

#[test]
fn sizes_read_well() {
    assert_eq!(bytes_text(64 << 20), "64 MiB");
    assert_eq!(bytes_text(1 << 30), "1 GiB");
    assert_eq!(bytes_text(1_500), "1.5 KiB");
    assert_eq!(bytes_text(12), "12 bytes");
}
