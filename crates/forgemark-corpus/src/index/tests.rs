use super::lines::{Unreadable, parse, render};
use super::{DocumentEntry, Entry, State, TextRef, VERSION};
use crate::canonical::PageStart;
use crate::load::Reading;
use crate::media::Media;
use crate::walk::Stat;

fn entries() -> Vec<Entry> {
    let stat = Stat {
        size: 1 << 40,
        mtime_ns: -5,
    };
    vec![
        Entry {
            path: "a \"b\"\n/ü.pdf".to_owned(),
            stat,
            sha: [7; 32],
            media: Media::Pdf,
            extractor: "pdf/1".to_owned(),
            state: State::Document(DocumentEntry {
                reading: Reading {
                    encoding: "windows-1252".to_owned(),
                    replaced: true,
                    notes: vec!["one".to_owned(), "two".to_owned()],
                },
                chars: 900,
                pages: vec![
                    PageStart { page: 1, start: 0 },
                    PageStart {
                        page: 3,
                        start: 700,
                    },
                ],
                text: TextRef {
                    pack: "00ff".to_owned(),
                    offset: 5,
                    bytes: 901,
                    hash: [9; 32],
                },
            }),
        },
        Entry {
            path: "b.txt".to_owned(),
            stat,
            sha: [0; 32],
            media: Media::Text,
            extractor: "text/1".to_owned(),
            state: State::Damaged {
                why: "it is empty".to_owned(),
                remedy: "remove it".to_owned(),
                limits: "memory 1".to_owned(),
            },
        },
    ]
}

#[test]
fn entries_come_back() {
    assert_eq!(parse(&render(&entries())), Ok(entries()));
    assert_eq!(parse(&render(&[])), Ok(Vec::new()));
}

#[test]
fn every_damage_is_noticed() {
    let good = render(&entries());
    for cut in 0..good.len() {
        assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        assert!(parse(&bad).is_err(), "flipped at {at}");
    }
}

#[test]
fn another_version_is_told_from_damage() {
    let text = String::from_utf8(render(&entries())).unwrap();
    let ours = format!("\"version\": {VERSION}");
    for version in [VERSION - 1, VERSION + 1, 1_000] {
        let other = text.replacen(&ours, &format!("\"version\": {version}"), 1);
        assert_eq!(parse(other.as_bytes()), Err(Unreadable::Version(version)));
    }
}

/// Version 1, byte by byte: what older programs wrote must be read for as long as the version stands.
#[test]
fn version_1_is_written_as_ever() {
    let text = concat!(
        r#"{"format": "forgemark corpus index", "version": 1}"#,
        "\n",
        r#"{"path": "a \"b\"\n/ü.pdf", "size": 1099511627776, "mtime_ns": -5, "#,
        r#""sha256": "0707070707070707070707070707070707070707070707070707070707070707", "#,
        r#""media": "pdf", "extractor": "pdf/1", "encoding": "windows-1252", "replaced": true, "#,
        r#""notes": ["one", "two"], "chars": 900, "pages": [1, 0, 3, 700], "#,
        r#""text": {"pack": "00ff", "offset": 5, "bytes": 901, "#,
        r#""blake3": "0909090909090909090909090909090909090909090909090909090909090909"}}"#,
        "\n",
        r#"{"path": "b.txt", "size": 1099511627776, "mtime_ns": -5, "#,
        r#""sha256": "0000000000000000000000000000000000000000000000000000000000000000", "#,
        r#""media": "text", "extractor": "text/1", "#,
        r#""damaged": {"why": "it is empty", "remedy": "remove it", "limits": "memory 1"}}"#,
        "\n",
    );
    let written = String::from_utf8(render(&entries())).unwrap();
    assert_eq!(written.get(..text.len()), Some(text));
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let last = format!("{{\"entries\": 2, \"blake3\": \"{hash}\"}}\n");
    assert_eq!(written.get(text.len()..), Some(last.as_str()));
}
