//! Making a bundle: every row made to fit, and everything else from these rows, in one pass; then all files at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::{Columns, IndexRow, bundle};
use forgemark_contract::json::{self, Json, Object, to_compact, to_pretty, write_line};
use forgemark_contract::shape::ArtifactKind;
use forgemark_contract::text::{hex, sha256_hex};
use forgemark_journal::{RunInfo, Staged, Storage, inspect};
use sha2::{Digest as _, Sha256};

use super::error::BundleError;
use super::facts::Facts;
use super::fit::{Changes, fit};
use super::manifest::{Entry, Manifest, is_bundle};
use super::source::{Source, Wanted};
use super::stats::Stats;
use super::{CARD, MANIFEST, SCHEMA, card, plots};
use crate::config::Config;
use crate::render::RUN_STATE;

/// Every judgement that was made after the run, one a line, with its `model`.
const JUDGEMENTS: &str = "judgements.jsonl";
/// Bytes that are handed to the disk at once.
const CHUNK: usize = 1 << 20;

/// What a bundle is made of.
#[derive(Debug)]
pub struct Request<'a> {
    /// The disk.
    pub storage: Arc<dyn Storage>,
    /// The output folder.
    pub out_dir: &'a Path,
    /// The folder of the bundle: empty, not there, or a bundle that nobody changed.
    pub dir: &'a Path,
    /// The configuration: what the bundle holds, and what its columns are called.
    pub config: &'a Config,
    /// What the card is called.
    pub title: &'a str,
    /// The version of Forgemark.
    pub version: &'a str,
    /// The line for a second process that is refused.
    pub owner: &'a str,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The file of rows that it was made from.
    pub source: String,
    /// Why this one, as a fragment.
    pub why: String,
    /// Counts over the rows.
    pub facts: Facts,
    /// What was changed so that they fit.
    pub changes: Changes,
    /// The files, in the order of their names.
    pub files: Vec<(String, u64)>,
    /// Whether an earlier bundle was replaced.
    pub replaced: bool,
}

/// Makes a bundle. Until all of it is written the folder shows what it showed before, and after a kill too, once
/// [`is_bundle`] or this was called again.
///
/// # Errors
/// [`BundleError`]; then the folder is as it was.
pub fn make(request: &Request<'_>) -> Result<Made, BundleError> {
    let storage = &request.storage;
    let settings = &request.config.bundle;
    let wanted = settings
        .source
        .as_deref()
        .map_or(Wanted::Best, Wanted::Only);
    let source = Source::find(storage, request.out_dir, wanted)?;
    let data = source
        .name
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let states = if settings.run_state {
        run_states(&**storage, request.out_dir)?
    } else {
        Vec::new()
    };
    // Before anything is made in a folder that may be somebody else's.
    claim(request, &data, &states, &earlier(request)?)?;
    let columns = &request.config.columns;
    let mut files = Files {
        staged: Staged::begin(Arc::clone(storage), request.dir, request.owner)?,
        made: Vec::new(),
    };
    // And under the lock, as another process may have made a bundle in between.
    let old = earlier(request)?;
    claim(request, &data, &states, &old)?;
    let (mut facts, mut stats, mut changes) =
        (Facts::default(), Stats::default(), Changes::default());
    let mut rows = Open::new(&data);
    source.each(&mut |row, names| {
        let row = fit(row, names, &mut changes);
        facts.add(&row);
        stats.add(&row);
        write_line(&mut rows.buffer, &renamed(row, columns));
        files.flush(&mut rows, CHUNK)
    })?;
    files.end(rows)?;
    let numbers = stats.to_json(&data);
    let charts = match settings.plots {
        Some(_) => plots(&numbers),
        None => Vec::new(),
    };
    if let Some(name) = &settings.stats {
        files.put(name, &to_pretty(&numbers))?;
    }
    for chart in &charts {
        let folder = settings.plots.as_deref().unwrap_or_default();
        files.put(&format!("{folder}/{}", chart.name), chart.svg.as_bytes())?;
    }
    files.put(SCHEMA, &bundle::schema_file(columns))?;
    for name in &states {
        let path = request.out_dir.join(RUN_STATE).join(name);
        let bytes = storage.read(&path).map_err(BundleError::read(&path))?;
        files.put(&format!("{RUN_STATE}/{name}"), &bytes)?;
    }
    let mut manifest = Manifest {
        data,
        rows: facts.rows,
        stats: settings.stats.clone(),
        plots: settings.plots.clone(),
        columns: columns.clone(),
        about: about(request, &source)?,
        changes: changes_json(&changes),
        files: files.made.clone(),
    };
    let card = card::card(&manifest, &facts, &numbers, &charts);
    files.put(CARD, card.as_bytes())?;
    manifest.files.clone_from(&files.made);
    manifest.files.sort_by(|a, b| a.path.cmp(&b.path));
    files.put(MANIFEST, &manifest.to_bytes())?;
    let mut sizes: Vec<_> = files
        .made
        .iter()
        .map(|file| (file.path.clone(), file.bytes))
        .collect();
    sizes.sort();
    files.staged.commit(&old)?;
    Ok(Made {
        source: source.name,
        why: source.why,
        facts,
        changes,
        files: sizes,
        replaced: !old.is_empty(),
    })
}

/// Files on their way, with their digests.
struct Files {
    staged: Staged,
    made: Vec<Entry>,
}

/// One of them.
struct Open {
    path: String,
    bytes: u64,
    hash: Sha256,
    buffer: Vec<u8>,
}

impl Open {
    fn new(path: &str) -> Self {
        Open {
            path: path.to_owned(),
            bytes: 0,
            hash: Sha256::new(),
            buffer: Vec::new(),
        }
    }
}

impl Files {
    fn flush(&mut self, file: &mut Open, from: usize) -> Result<(), BundleError> {
        if file.buffer.len() < from {
            return Ok(());
        }
        self.staged.append(&file.path, &file.buffer)?;
        file.hash.update(&file.buffer);
        file.bytes += file.buffer.len() as u64;
        file.buffer.clear();
        Ok(())
    }

    fn end(&mut self, mut file: Open) -> Result<(), BundleError> {
        self.flush(&mut file, 0)?;
        self.made.push(Entry {
            path: file.path,
            bytes: file.bytes,
            sha256: hex(&file.hash.finalize()),
        });
        Ok(())
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let mut file = Open::new(path);
        file.buffer.extend_from_slice(bytes);
        self.end(file)
    }
}

/// The row with its columns under the names of the configuration.
fn renamed(row: Json, columns: &Columns) -> Json {
    let entries = row.into_object().into_iter();
    let entries = entries.map(|(key, value)| (columns.name(&key).to_owned(), value));
    Json::Object(entries.collect())
}

/// The files of the bundle that is there. Refuses a folder that holds anything else, and a bundle that was changed.
fn earlier(request: &Request<'_>) -> Result<Vec<String>, BundleError> {
    let (storage, dir) = (&*request.storage, request.dir);
    is_bundle(storage, dir, request.owner)?;
    let Some(manifest) = Manifest::read(storage, dir)? else {
        let names = storage.list(dir).map_err(BundleError::read(dir))?;
        return match names.into_iter().find(|name| !name.starts_with('.')) {
            Some(name) => Err(BundleError::NotOurs {
                dir: dir.to_owned(),
                name,
            }),
            None => Ok(Vec::new()),
        };
    };
    let mut old = vec![MANIFEST.to_owned()];
    for file in manifest.files {
        let path = dir.join(&file.path);
        match digest(storage, &path)? {
            Some(found) if found == (file.bytes, file.sha256) => old.push(file.path),
            Some(_) => return Err(BundleError::Changed { path }),
            None => {}
        }
    }
    Ok(old)
}

/// Size and digest of a file, or nothing where there is none.
pub(super) fn digest(
    storage: &dyn Storage,
    path: &Path,
) -> Result<Option<(u64, String)>, BundleError> {
    let Some(length) = storage.len(path).map_err(BundleError::read(path))? else {
        return Ok(None);
    };
    let file = storage.open_read(path).map_err(BundleError::read(path))?;
    let mut hash = Sha256::new();
    let mut place = 0;
    let mut block = vec![0; CHUNK];
    while place < length {
        let step = (length - place).min(CHUNK as u64);
        let part = block.get_mut(..step as usize).unwrap_or_default();
        file.read_exact_at(part, place)
            .map_err(BundleError::read(path))?;
        hash.update(&*part);
        place += step;
    }
    Ok(Some((length, hex(&hash.finalize()))))
}

/// Refuses names that meet: two files of the bundle, or one of it and one that is not ours.
fn claim(
    request: &Request<'_>,
    data: &str,
    states: &[String],
    old: &[String],
) -> Result<(), BundleError> {
    let settings = &request.config.bundle;
    let mut names: Vec<String> = [data, CARD, MANIFEST, SCHEMA].map(str::to_owned).to_vec();
    names.extend(settings.stats.clone());
    names.extend(states.iter().map(|name| format!("{RUN_STATE}/{name}")));
    if let Some(folder) = &settings.plots {
        names.extend(plots::names().map(|name| format!("{folder}/{name}")));
    }
    names.sort();
    for pair in names.windows(2) {
        if let [one, other] = pair
            && (one == other || other.starts_with(&format!("{one}/")))
        {
            return Err(BundleError::SameName { name: one.clone() });
        }
    }
    for name in names {
        let there = request.storage.len(&request.dir.join(&name));
        if !old.contains(&name) && !matches!(there, Ok(None)) {
            return Err(BundleError::NotOurs {
                dir: request.dir.to_owned(),
                name,
            });
        }
    }
    Ok(())
}

/// The names of the run states.
fn run_states(storage: &dyn Storage, out_dir: &Path) -> Result<Vec<String>, BundleError> {
    let folder = out_dir.join(RUN_STATE);
    let mut names = storage.list(&folder).map_err(BundleError::read(&folder))?;
    names.retain(|name| ArtifactKind::of_path(&format!("{RUN_STATE}/{name}")).is_some());
    Ok(names)
}

/// Where the rows come from.
fn about(request: &Request<'_>, source: &Source) -> Result<Json, BundleError> {
    let recovered = inspect(&request.storage, request.out_dir)?;
    let runs = recovered.iter().flat_map(|recovered| &recovered.runs);
    let identity: Object = request.config.identity().into_iter().collect();
    Ok(Json::object([
        ("title", Json::from(request.title)),
        ("version", Json::from(request.version)),
        ("source", Json::from(source.name.as_str())),
        ("why", Json::from(source.why.as_str())),
        ("licence", Json::from(request.config.bundle.licence.clone())),
        ("configuration", Json::from(short(&Json::Object(identity)))),
        ("conversations", conversations(request, source)?),
        ("judgements", judgements(request, source)?),
        ("runs", runs.map(run).collect()),
    ]))
}

/// A run of the journal: who wrote what, and digests of what they were given.
fn run(run: &RunInfo) -> Json {
    let plan = &run.plan;
    let model = |role: &str| Json::from(plan.at(&format!("llm.agents.{role}")).str_or("model", ""));
    Json::object([
        ("run_id", Json::from(run.run_id.as_str())),
        ("user", model("user")),
        ("assistant", model("assistant")),
        ("judge", model("judge")),
        ("prompts", Json::from(plan.str_or("prompts", ""))),
        ("documents", Json::from(first(plan.str_or("documents", "")))),
        ("plan", Json::from(short(plan))),
    ])
}

/// A digest that a person can compare.
fn short(value: &Json) -> String {
    first(&sha256_hex(&to_compact(value)))
}

/// As much of a digest as a person compares.
fn first(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// How many conversations the index names, by how they ended. Rows of other programs do not say it.
fn conversations(request: &Request<'_>, source: &Source) -> Result<Json, BundleError> {
    let mut ended: BTreeMap<String, u64> = BTreeMap::new();
    let index = ArtifactKind::ConversationsIndex.path();
    each_beside(request, source, index, &mut |value| {
        let row = IndexRow::from_json(&value).map_err(|error| error.to_string())?;
        let ours = row.forgemark.unwrap_or_default();
        let status = match (ours.str_or("status", ""), ours.str_or("drop_reason", "")) {
            ("", _) => "of unknown status".to_owned(),
            (status, "") => status.to_owned(),
            (status, reason) => format!("{status} ({reason})"),
        };
        *ended.entry(status).or_default() += 1;
        Ok(())
    })?;
    Ok(Json::from(ended))
}

/// Judgements that were made after the run, by model.
fn judgements(request: &Request<'_>, source: &Source) -> Result<Json, BundleError> {
    let mut models: BTreeMap<String, u64> = BTreeMap::new();
    each_beside(request, source, JUDGEMENTS, &mut |value| {
        let model = value.str_or("model", "").to_owned();
        *models.entry(model).or_default() += 1;
        Ok(())
    })?;
    Ok(Json::from(models))
}

/// Hands over the committed lines of another file of the output folder.
fn each_beside(
    request: &Request<'_>,
    source: &Source,
    name: &str,
    visit: &mut dyn FnMut(Json) -> Result<(), String>,
) -> Result<(), BundleError> {
    let Some((path, mut lines)) = source.beside(request, name)? else {
        return Ok(());
    };
    while let Some(line) = lines.next().map_err(BundleError::read(&path))? {
        let value = json::parse(line.bytes).map_err(|error| error.to_string());
        value
            .and_then(&mut *visit)
            .map_err(|what| BundleError::Damaged {
                path: path.clone(),
                line: line.number,
                what,
            })?;
    }
    Ok(())
}

fn changes_json(changes: &Changes) -> Json {
    let converted = changes.converted.iter().map(|((path, what), n)| {
        Json::object([
            ("path", Json::from(path.as_str())),
            ("what", Json::from(*what)),
            ("n", Json::from(*n)),
        ])
    });
    let set_aside = changes.set_aside.iter().map(|(path, n)| {
        Json::object([("path", Json::from(path.as_str())), ("n", Json::from(*n))])
    });
    Json::object([
        ("converted", converted.collect()),
        ("set_aside", set_aside.collect()),
    ])
}
