//! Exported cuts: where they lie, which versions they cite, which records they hold.
//!
//! A cut that was made of a local store is remembered in a file beside the store, `STORE.cuts.jsonl`: one line a cut, appended
//! whole. For stores at an address nothing is remembered; cuts are named then.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use forgemark_contract::json::{Json, parse, parse_str, to_line};
use forgemark_contract::store::{At, Key};
use forgemark_contract::time::Timestamp;
use forgemark_curate::cut::{MANIFEST, PROVENANCE};

use super::reader::{LONGEST, Line, LineReader};
use super::{key, open};
use crate::Context;
use crate::cli::store::StoreCutsArgs;
use crate::error::{AppError, ErrorKind};
use crate::escape;
use crate::exit::Exit;
use crate::human;

/// The file beside a local store; `None` for one at an address.
fn registry(store: &str) -> Option<PathBuf> {
    let path = match store.split_once("://") {
        Some(("file", path)) => path,
        Some(_) => return None,
        None => store,
    };
    let path = std::path::absolute(path).ok()?;
    let mut name = path.file_name()?.to_owned();
    name.push(".cuts.jsonl");
    Some(path.with_file_name(name))
}

/// Remembers that `dir` holds cuts of a version of a store, for the manifests of these names. For a store at an address nothing
/// is done.
///
/// # Errors
/// A file beside the store that cannot be written.
pub fn remember(
    store: &str,
    version: u64,
    dir: &Path,
    manifests: &[String],
    at: Timestamp,
) -> Result<(), AppError> {
    let Some(path) = registry(store) else {
        return Ok(());
    };
    let io = |source| AppError::Io {
        action: "write",
        path: path.clone(),
        source,
    };
    let dir = std::path::absolute(dir).map_err(io)?;
    let mut text = Vec::new();
    for manifest in manifests {
        let line = Json::object([
            ("dir", Json::from(dir.to_string_lossy().into_owned())),
            ("manifest", Json::from(manifest)),
            ("version", version.into()),
            ("at", at.ledger_style().into()),
        ]);
        text.extend(to_line(&line));
        text.push(b'\n');
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(&path)
        .map_err(io)?;
    // A line that a crash left without its end must not swallow the next one.
    if file.seek(SeekFrom::End(-1)).is_ok() {
        let mut last = [0];
        file.read_exact(&mut last).map_err(io)?;
        if last != *b"\n" {
            text.insert(0, b'\n');
        }
    }
    file.write_all(&text).map_err(io)?;
    file.sync_all().map_err(io)
}

/// A cut.
#[derive(Debug)]
struct Cut {
    dir: PathBuf,
    manifest: String,
    /// The manifest, where it can be read.
    json: Option<Json>,
    /// The version that was cut, as it was remembered.
    version: Option<u64>,
}

/// The cuts of a store that are known.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    cuts: Vec<Cut>,
    /// What was remembered and cannot be read, in words.
    lost: Vec<String>,
}

impl Cuts {
    /// The cuts that are remembered beside a store, and those of other folders.
    ///
    /// # Errors
    /// A folder that holds no cut, or a file that cannot be read.
    pub(super) fn find(store: &str, dirs: &[PathBuf]) -> Result<Self, AppError> {
        let mut found = Cuts::default();
        if let Some(path) = registry(store).filter(|path| path.exists()) {
            found.remembered(&path)?;
        }
        for dir in dirs {
            let names = manifests_in(dir)?;
            for manifest in names {
                let json = read_manifest(&dir.join(&manifest))?;
                found.push(dir.clone(), manifest, Some(json), None);
            }
        }
        Ok(found)
    }

    fn remembered(&mut self, path: &Path) -> Result<(), AppError> {
        let io = |source| AppError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read(path).map_err(io)?;
        let text = String::from_utf8_lossy(&text);
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let row = parse_str(line).unwrap_or_default();
            let (Some(dir), Some(manifest)) = (row.at("dir").as_str(), row.at("manifest").as_str())
            else {
                let what = format!("{}:{}: it is no line of a cut", path.display(), number + 1);
                self.lost.push(what);
                continue;
            };
            let dir = PathBuf::from(dir);
            let json = read_manifest(&dir.join(manifest)).ok();
            if json.is_none() {
                self.lost.push(format!(
                    "{}: the cut is no longer there or cannot be read",
                    dir.join(manifest).display()
                ));
            }
            let version = row.at("version").as_u64();
            self.push(dir, manifest.to_owned(), json, version);
        }
        Ok(())
    }

    /// A cut that was put in the place of another one is the same cut.
    fn push(&mut self, dir: PathBuf, manifest: String, json: Option<Json>, version: Option<u64>) {
        let place = |cut: &Cut| {
            let same =
                |a: &Path, b: &Path| std::path::absolute(a).ok() == std::path::absolute(b).ok();
            cut.manifest == manifest && same(&cut.dir, &dir)
        };
        // What cannot be read may have been replaced or not, so each of its versions counts.
        self.cuts.retain(|cut| cut.json.is_none() || !place(cut));
        self.cuts.push(Cut {
            dir,
            manifest,
            json,
            version,
        });
    }

    /// The versions that cuts cite, in rising order: by the manifest, or by what was remembered of one that cannot be read. One
    /// that cites a store by another address counts too, since two addresses may lead to one store.
    pub(super) fn versions(&self) -> Vec<u64> {
        let cited = self.cuts.iter().filter_map(|cut| match &cut.json {
            Some(manifest) => Cut::snapshot(manifest).or(cut.version),
            None => cut.version,
        });
        let mut versions: Vec<u64> = cited.collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

impl Cut {
    fn snapshot(manifest: &Json) -> Option<u64> {
        let version = |value: &Json| value.at("version").as_u64();
        version(manifest).or_else(|| version(manifest.at("forgemark")))
    }
}

/// Says which remembered cuts cannot be read.
pub(super) fn warn(cuts: &Cuts, context: &Context<'_>) {
    for lost in &cuts.lost {
        context.printer.warn(escape::for_line(lost));
    }
}

fn manifests_in(dir: &Path) -> Result<Vec<String>, AppError> {
    let entries = std::fs::read_dir(dir).map_err(|source| AppError::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(MANIFEST)).collect();
    names.sort();
    if names.is_empty() {
        let what = format!("{} holds no cut: there is no manifest", dir.display());
        return Err(AppError::new(ErrorKind::NotFound, what)
            .hint("name the folder that `forgemark export` wrote"));
    }
    Ok(names)
}

fn read_manifest(path: &Path) -> Result<Json, AppError> {
    let bytes = std::fs::read(path).map_err(|source| AppError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    parse(&bytes).map_err(|error| {
        let what = format!("{}: {error}", path.display());
        AppError::new(ErrorKind::Damaged, what)
    })
}

/// Where a cut holds a record.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    file: String,
    /// The line, from 1; absent where the manifest lists the record and nothing says the line.
    line: Option<u64>,
    example: Option<String>,
}

/// Says which exported cuts hold a record. The record need not be in the store any more.
///
/// # Errors
/// A folder that holds no cut, a file that cannot be read, an external id that no record has.
pub(super) fn run(args: &StoreCutsArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let uri = &args.store.store;
    let id = match key(&args.key.key, args.key.external) {
        Key::Id(id) => id,
        external @ Key::External(_) => {
            let snapshot = open(uri, context)?.snapshot(&At::Latest)?;
            let found = snapshot.get(&external)?;
            let found = found.ok_or_else(|| {
                AppError::new(
                    ErrorKind::NotFound,
                    format!("{uri}: there is no record with {external}"),
                )
                .hint("a record that was deleted is found by its id")
            })?;
            found.id
        }
    };
    let cuts = Cuts::find(uri, &args.cuts)?;
    warn(&cuts, context);
    let mut holders = Vec::new();
    for cut in &cuts.cuts {
        let Some(manifest) = &cut.json else {
            continue;
        };
        let held = held(&cut.dir, manifest, &id)?;
        if !held.is_empty() {
            holders.push((cut, Cut::snapshot(manifest), held));
        }
    }
    let looked = cuts.cuts.iter().filter(|cut| cut.json.is_some()).count() as u64;
    if args.store.json.json {
        let list = holders.iter().map(|(cut, version, held)| {
            let lines = held.iter().map(|one| {
                Json::object([
                    ("file", Json::from(&one.file)),
                    ("line", one.line.into()),
                    ("example", one.example.clone().into()),
                ])
            });
            Json::object([
                ("dir", Json::from(cut.dir.to_string_lossy().into_owned())),
                ("manifest", Json::from(&cut.manifest)),
                ("version", (*version).into()),
                ("lines", lines.collect()),
            ])
        });
        context.printer.json_line(&Json::object([
            ("record", Json::from(&id)),
            ("looked_into", looked.into()),
            ("cuts", list.collect()),
        ]))?;
        return Ok(Exit::Done);
    }
    for (cut, version, held) in &holders {
        let version = version.map_or(String::new(), |version| format!(" (version {version})"));
        context.printer.result(escape::for_line(&format!(
            "{}{version}",
            cut.dir.join(&cut.manifest).display()
        )))?;
        for one in held {
            let line = one.line.map_or(String::new(), |line| format!(":{line}"));
            context
                .printer
                .result(escape::for_line(&format!("  {}{line}", one.file)))?;
        }
    }
    context.printer.result(format!(
        "{} of {} that are known {} it",
        human::count(holders.len() as u64),
        human::plural(looked, "cut", "cuts"),
        if holders.len() == 1 { "holds" } else { "hold" }
    ))?;
    Ok(Exit::Done)
}

/// Where a cut holds a record: by its provenance files, and for cuts of the original's kind by the list of the manifest.
fn held(dir: &Path, manifest: &Json, id: &str) -> Result<Vec<Held>, AppError> {
    let mut held = Vec::new();
    for file in manifest.items("files") {
        let name = file.str_or("path", "");
        if !name.ends_with(PROVENANCE) {
            continue;
        }
        let path = dir.join(name);
        let io = |source| AppError::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        let inner = BufReader::with_capacity(1 << 16, File::open(&path).map_err(io)?);
        let mut lines = LineReader::new(inner, LONGEST);
        let mut number = 0;
        while let Some(line) = lines.next().map_err(io)? {
            number += 1;
            let Line::Whole(line) = line else {
                continue;
            };
            let Some(row) = mentions(&line, id).then(|| parse(&line).ok()).flatten() else {
                continue;
            };
            let is = |record: &Json| record.as_str() == Some(id);
            if row.items("record_ids").iter().any(is) {
                held.push(Held {
                    // Its lines are those of the rows, whatever the rows are kept in and in how many files.
                    file: name.to_owned(),
                    line: Some(number),
                    example: row.at("id").as_str().map(str::to_owned),
                });
            }
        }
    }
    let listed = manifest.items("source_record_ids").iter();
    if held.is_empty() && listed.clone().any(|record| record.as_str() == Some(id)) {
        let outputs = ["output_path", "output"].map(|key| manifest.at(key).as_str());
        let file = outputs.into_iter().flatten().next();
        held.push(Held {
            file: file.unwrap_or("all of its lines").to_owned(),
            line: None,
            example: None,
        });
    }
    Ok(held)
}

/// Whether a line may name the record at all, so that most need not be read as JSON. An id that JSON writes in another way is
/// looked for in every line.
fn mentions(line: &[u8], id: &str) -> bool {
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/'));
    let text = String::from_utf8_lossy(line);
    !plain || text.contains(id)
}
