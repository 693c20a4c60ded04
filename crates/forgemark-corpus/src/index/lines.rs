//! The index file: JSON lines.

use forgemark_contract::json::{self, Json, Object};
use forgemark_contract::text::hex;

use super::{DocumentEntry, Entry, State, TextRef, VERSION};
use crate::canonical::PageStart;
use crate::load::{Reading, Sha};
use crate::media::Media;
use crate::walk::Stat;

const FORMAT: &str = "forgemark corpus index";

/// Why an index cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It has another version.
    Version(u64),
    /// What is wrong with it, as a fragment.
    Damaged(String),
}

/// The bytes of an index.
pub(super) fn render(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = Json::object([("format", FORMAT.into()), ("version", VERSION.into())]);
    json::write_line(&mut out, &header);
    for entry in entries {
        json::write_line(&mut out, &entry_json(entry));
    }
    let checksum = blake3::hash(&out).to_hex().to_string();
    json::write_line(
        &mut out,
        &Json::object([
            ("entries", entries.len().into()),
            ("blake3", checksum.into()),
        ]),
    );
    out
}

/// The entries of an index, in the order in which they stand.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Unreadable> {
    let damaged = |why: &str| Unreadable::Damaged(why.to_owned());
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let header = json::parse(first).map_err(|_| damaged("no header"))?;
    if header.at("format").as_str() != Some(FORMAT) {
        return Err(damaged("not a corpus index"));
    }
    let version = header
        .at("version")
        .as_u64()
        .ok_or_else(|| damaged("no version"))?;
    if version != VERSION {
        return Err(Unreadable::Version(version));
    }
    let whole = bytes
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged("cut off"))?;
    let last_at = whole
        .iter()
        .rposition(|b| *b == b'\n')
        .ok_or_else(|| damaged("cut off"))?
        + 1;
    let (content, last) = whole.split_at(last_at);
    let last = json::parse(last).map_err(|_| damaged("cut off"))?;
    if last.at("blake3").as_str() != Some(blake3::hash(content).to_hex().as_str()) {
        return Err(damaged("its checksum does not match"));
    }
    let entries: Vec<Entry> = content
        .split(|b| *b == b'\n')
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let read = json::parse(line).ok().and_then(|line| entry(&line));
            read.ok_or_else(|| damaged("a line is no entry"))
        })
        .collect::<Result<_, _>>()?;
    if last.at("entries").as_u64() != Some(entries.len() as u64) {
        return Err(damaged("entries are missing"));
    }
    Ok(entries)
}

fn entry_json(entry: &Entry) -> Json {
    let mut object = Object::from([
        ("path", Json::from(&entry.path)),
        ("size", entry.stat.size.into()),
        ("mtime_ns", entry.stat.mtime_ns.into()),
        ("sha256", hex(&entry.sha).into()),
        ("media", entry.media.as_str().into()),
        ("extractor", (&entry.extractor).into()),
    ]);
    match &entry.state {
        State::Damaged {
            why,
            remedy,
            limits,
        } => {
            object.insert(
                "damaged",
                Json::object([
                    ("why", why.into()),
                    ("remedy", remedy.into()),
                    ("limits", limits.into()),
                ]),
            );
        }
        State::Document(document) => {
            object.insert("encoding", &document.reading.encoding);
            object.insert("replaced", document.reading.replaced);
            object.insert("notes", Json::from(document.reading.notes.as_slice()));
            object.insert("chars", document.chars);
            let pages = document
                .pages
                .iter()
                .flat_map(|mark| [Json::from(mark.page), Json::from(mark.start)]);
            object.insert("pages", Json::Array(pages.collect()));
            let text = &document.text;
            object.insert(
                "text",
                Json::object([
                    ("pack", (&text.pack).into()),
                    ("offset", text.offset.into()),
                    ("bytes", text.bytes.into()),
                    ("blake3", hex(&text.hash).into()),
                ]),
            );
        }
    }
    Json::Object(object)
}

fn entry(json: &Json) -> Option<Entry> {
    let string = |json: &Json, key: &str| json.at(key).as_str().map(str::to_owned);
    let number = |json: &Json, key: &str| json.at(key).as_u64();
    let damaged = json.at("damaged");
    let state = if damaged.is_null() {
        let text = json.at("text");
        let numbers: Option<Vec<u32>> = json
            .items("pages")
            .iter()
            .map(|item| item.as_u64().and_then(|n| u32::try_from(n).ok()))
            .collect();
        State::Document(DocumentEntry {
            reading: Reading {
                encoding: string(json, "encoding")?,
                replaced: json.at("replaced").as_bool()?,
                notes: json
                    .items("notes")
                    .iter()
                    .filter_map(|note| note.as_str().map(str::to_owned))
                    .collect(),
            },
            chars: u32::try_from(number(json, "chars")?).ok()?,
            pages: numbers?
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[page, start]| PageStart {
                    page: *page,
                    start: *start,
                })
                .collect(),
            text: TextRef {
                pack: string(text, "pack")
                    .filter(|pack| pack.bytes().all(|b| b.is_ascii_hexdigit()))?,
                offset: number(text, "offset")?,
                bytes: number(text, "bytes")?,
                hash: unhex(text.at("blake3").as_str()?)?,
            },
        })
    } else {
        State::Damaged {
            why: string(damaged, "why")?,
            remedy: string(damaged, "remedy")?,
            limits: string(damaged, "limits")?,
        }
    };
    Some(Entry {
        path: string(json, "path")?,
        stat: Stat {
            size: number(json, "size")?,
            mtime_ns: json.at("mtime_ns").as_i64()?,
        },
        sha: unhex(json.at("sha256").as_str()?)?,
        media: Media::from_word(json.at("media").as_str()?)?,
        extractor: string(json, "extractor")?,
        state,
    })
}

fn unhex(text: &str) -> Option<Sha> {
    let mut out = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}
