use encoding_rs::{SHIFT_JIS, WINDOWS_1251};

use super::{binary_format, decode, looks_binary};

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn marks_decide() {
    let text = "naïve 漢字 𝄞";
    for (mark, body, name) in [
        (&b"\xef\xbb\xbf"[..], text.as_bytes().to_vec(), "UTF-8"),
        (b"\xff\xfe", utf16(text, u16::to_le_bytes), "UTF-16LE"),
        (b"\xfe\xff", utf16(text, u16::to_be_bytes), "UTF-16BE"),
        (
            b"\xff\xfe\0\0",
            text.chars()
                .flat_map(|c| (c as u32).to_le_bytes())
                .collect(),
            "UTF-32LE",
        ),
        (
            b"\0\0\xfe\xff",
            text.chars()
                .flat_map(|c| (c as u32).to_be_bytes())
                .collect(),
            "UTF-32BE",
        ),
    ] {
        let decoded = decode([mark, &body].concat(), None);
        assert_eq!(decoded.text, text, "{name}");
        assert_eq!(
            (decoded.encoding, decoded.guessed, decoded.replaced),
            (name, false, false)
        );
    }
}

#[test]
fn unmarked_utf16_is_found_by_its_zeros() {
    let text = "Plain English text, with a é in it.";
    for (body, name) in [
        (utf16(text, u16::to_le_bytes), "UTF-16LE"),
        (utf16(text, u16::to_be_bytes), "UTF-16BE"),
    ] {
        let decoded = decode(body, None);
        assert_eq!(
            (decoded.text.as_str(), decoded.encoding, decoded.guessed),
            (text, name, true)
        );
    }
}

#[test]
fn legacy_encodings_are_guessed_and_said() {
    let russian =
        "Широкая электрификация южных губерний даст мощный толчок подъёму сельского хозяйства.";
    let decoded = decode(WINDOWS_1251.encode(russian).0.into_owned(), None);
    assert_eq!(
        (decoded.text.as_str(), decoded.encoding, decoded.guessed),
        (russian, "windows-1251", true)
    );
    let decoded = decode(
        b"It\x92s a caf\xe9, na\xefve and d\xe9j\xe0 vu.".to_vec(),
        None,
    );
    assert_eq!(decoded.text, "It\u{2019}s a café, naïve and déjà vu.");
    assert_eq!(
        (decoded.encoding, decoded.replaced),
        ("windows-1252", false)
    );
}

#[test]
fn a_declared_charset_beats_the_guess_but_not_valid_utf8() {
    let text = "日本語の文書";
    let decoded = decode(SHIFT_JIS.encode(text).0.into_owned(), Some(SHIFT_JIS));
    assert_eq!((decoded.text.as_str(), decoded.guessed), (text, false));
    assert_eq!(decode(text.as_bytes().to_vec(), Some(SHIFT_JIS)).text, text);
}

#[test]
fn damaged_utf8_stays_utf8_and_says_so() {
    let mut bytes = "déjà vu: café, naïve, élève".as_bytes().to_vec();
    bytes.insert(10, 0xff);
    let decoded = decode(bytes, None);
    assert_eq!((decoded.encoding, decoded.replaced), ("UTF-8", true));
    assert!(decoded.text.contains('\u{fffd}') && decoded.text.contains("naïve"));
}

#[test]
fn binary_data_is_told_from_text() {
    assert_eq!(binary_format(b"%PDF-1.7\n"), Some("a PDF"));
    assert_eq!(binary_format(b"plain"), None);
    let noise: Vec<u8> = (0..4096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert!(looks_binary(&decode(noise, None).text));
    assert!(!looks_binary(
        "text with a form feed\u{c} and an escape \u{1b}[0m"
    ));
    assert!(!looks_binary(""));
}
