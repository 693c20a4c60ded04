//! The rows that statistics and bundles are made of: which file, why, what its columns are called, and how much of it counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json::{self, Json, Object};
use forgemark_contract::shape::ArtifactKind;
use forgemark_journal::{ReadFile, Recovered, Storage, inspect};

use super::error::BundleError;
use super::make::Request;
use super::manifest::Manifest;
use super::stats::Stats;
use crate::check::columns::{self, Names};
use crate::check::lines::Lines;

/// Columns that every row has; the judge's is in the judged file only.
const NEEDED: usize = 5;

/// Which file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// This one and no other.
    Only(&'a str),
    /// The judged one, or the other where nothing was judged.
    Best,
}

/// A file of rows.
#[derive(Debug)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Its name inside its folder.
    pub name: String,
    /// Why this one, as a fragment.
    pub why: String,
    file: Arc<dyn ReadFile>,
    /// Committed lengths of the files of the folder.
    committed: BTreeMap<String, u64>,
    /// Where the committed rows end.
    end: u64,
    names: Names,
}

impl Source {
    /// Finds the rows in an output folder or a bundle. Never takes another file than was asked for.
    ///
    /// # Errors
    /// [`BundleError`]: no such file, nothing in it, a journal or a bundle that cannot be read.
    pub fn find(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        wanted: Wanted<'_>,
    ) -> Result<Self, BundleError> {
        let bundle = Manifest::read(&**storage, dir)?;
        let recovered = inspect(storage, dir)?;
        let open = |name: &str, why: String| {
            Source::open(storage, dir, name, why, recovered.as_ref(), bundle.as_ref())
        };
        match wanted {
            Wanted::Only(name) => {
                let source = |what| BundleError::Source {
                    path: dir.join(name),
                    what,
                };
                match open(name, "it was asked for".to_owned())? {
                    None => Err(source("is not there")),
                    Some(found) if found.end == 0 => Err(source("is empty")),
                    Some(found) => Ok(found),
                }
            }
            Wanted::Best => {
                if let Some(manifest) = &bundle
                    && let Some(found) = open(&manifest.data, "the bundle names it".to_owned())?
                {
                    return Ok(found);
                }
                let (judged, plain) = (
                    ArtifactKind::ShareGptJudged.path(),
                    ArtifactKind::ShareGpt.path(),
                );
                let first = open(judged, format!("it has rows, and is preferred to {plain}"))?;
                let state = match &first {
                    None => "is not there",
                    Some(found) if found.end == 0 => "is empty",
                    Some(_) => "",
                };
                if let (Some(found), "") = (first, state) {
                    return Ok(found);
                }
                let why = format!("{judged} {state}: nothing was judged");
                match open(plain, why)? {
                    Some(found) if found.end > 0 => Ok(found),
                    other => {
                        let plain_is = match other {
                            None => "is not there",
                            Some(_) => "is empty",
                        };
                        Err(BundleError::NoRows {
                            folder: dir.to_owned(),
                            what: format!("{judged} {state}, {plain} {plain_is}"),
                        })
                    }
                }
            }
        }
    }

    /// Opens a file up to its committed length.
    pub(super) fn open(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        name: &str,
        why: String,
        recovered: Option<&Recovered>,
        bundle: Option<&Manifest>,
    ) -> Result<Option<Self>, BundleError> {
        let path = dir.join(name);
        let length = storage.len(&path).map_err(BundleError::read(&path))?;
        let Some(length) = length else {
            return Ok(None);
        };
        let file = storage.open_read(&path).map_err(BundleError::read(&path))?;
        let commit = recovered.and_then(|recovered| recovered.last_commit.as_ref());
        let committed = commit
            .map(|commit| commit.files.clone())
            .unwrap_or_default();
        let planned = match (bundle, recovered) {
            (Some(manifest), _) => vec![manifest.columns.clone()],
            (None, Some(recovered)) => {
                let plans = recovered.runs.iter();
                plans
                    .filter_map(|run| columns::of_plan(&run.plan))
                    .collect()
            }
            (None, None) => Vec::new(),
        };
        let mut source = Source {
            name: name.to_owned(),
            why,
            file,
            end: committed.get(name).map_or(length, |end| (*end).min(length)),
            committed,
            names: Names::new(planned),
            path,
        };
        source.name_columns()?;
        Ok(Some(source))
    }

    /// Where no plan names the columns, the first row tells.
    fn name_columns(&mut self) -> Result<(), BundleError> {
        if self.names.are_planned() {
            return Ok(());
        }
        let mut first = None;
        let mut lines = Lines::new(Arc::clone(&self.file), self.end);
        if let Some(line) = lines.next().map_err(BundleError::read(&self.path))? {
            first = json::parse(line.bytes).ok();
        }
        if let Some(row) = first
            && self.names.are_foreign_to(&row)
            && let Some(columns) = columns::infer(&row)
        {
            self.names.add(columns);
        }
        Ok(())
    }

    /// The committed lines of another file of the output folder, when it is there.
    pub(super) fn beside(
        &self,
        request: &Request<'_>,
        name: &str,
    ) -> Result<Option<(PathBuf, Lines)>, BundleError> {
        let path = request.out_dir.join(name);
        let storage = &request.storage;
        let Some(length) = storage.len(&path).map_err(BundleError::read(&path))? else {
            return Ok(None);
        };
        let file = storage.open_read(&path).map_err(BundleError::read(&path))?;
        let end = self
            .committed
            .get(name)
            .map_or(length, |committed| (*committed).min(length));
        Ok(Some((path, Lines::new(file, end))))
    }

    /// Hands over every row with the default names of columns, and with what they are called in the file.
    ///
    /// # Errors
    /// The first line that is no row: which, and why.
    pub fn each(
        &self,
        visit: &mut dyn FnMut(Object, &Columns) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        let mut lines = Lines::new(Arc::clone(&self.file), self.end);
        while let Some(line) = lines.next().map_err(BundleError::read(&self.path))? {
            let damaged = |what: String| BundleError::Damaged {
                path: self.path.clone(),
                line: line.number,
                what,
            };
            if !line.ended && json::parse(line.bytes).is_err() {
                return Err(damaged("the line is cut: it has no line feed".to_owned()));
            }
            let row = json::parse(line.bytes).map_err(|error| damaged(error.to_string()))?;
            let columns = self.names.of(&row);
            let row = plain(row, columns).map_err(damaged)?;
            visit(row, columns)?;
        }
        Ok(())
    }
}

/// A row under default names, when it has the columns that it needs.
fn plain(row: Json, columns: &Columns) -> Result<Object, String> {
    let found = row.type_name();
    let Json::Object(row) = row else {
        return Err(format!("expected an object, found {found}"));
    };
    for (_, name) in columns.iter().take(NEEDED) {
        if !row.contains_key(name) {
            return Err(format!("{name}: the column is missing"));
        }
    }
    let messages = columns.name(Columns::NAMES[0]);
    if row
        .get(messages)
        .is_none_or(|list| list.as_array().is_none())
    {
        return Err(format!("{messages}: expected a list of messages"));
    }
    let metadata = columns.name(Columns::NAMES[2]);
    if row
        .get(metadata)
        .is_none_or(|value| value.as_object().is_none())
    {
        return Err(format!("{metadata}: expected an object"));
    }
    let renamed = row.into_iter().map(|(key, value)| {
        let default = columns.iter().find(|(_, name)| *name == key);
        let key = match default {
            Some((default, _)) => default.to_owned(),
            // A default name that stands for nothing here must not be taken for its column.
            None if Columns::NAMES.contains(&key.as_str()) => format!("'{key}'"),
            None => key,
        };
        (key, value)
    });
    Ok(renamed.collect())
}

/// The statistics of an output folder, a bundle, or a file of rows, and where they come from.
///
/// # Errors
/// [`BundleError`]: nothing there, or a row that cannot be used.
pub fn statistics(
    storage: &Arc<dyn Storage>,
    path: &Path,
    wanted: Wanted<'_>,
) -> Result<(Source, Stats), BundleError> {
    let is_file = storage.len(path).ok().flatten().is_some() && storage.open_read(path).is_ok();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let source = match (is_file, name) {
        (true, Some(name)) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let recovered = inspect(storage, folder)?;
            let bundle = Manifest::read(&**storage, folder)?;
            let why = "it was asked for".to_owned();
            let found = Source::open(
                storage,
                folder,
                &name,
                why,
                recovered.as_ref(),
                bundle.as_ref(),
            )?;
            found.ok_or_else(|| BundleError::NotThere {
                path: path.to_owned(),
            })?
        }
        _ => Source::find(storage, path, wanted)?,
    };
    let mut stats = Stats::default();
    source.each(&mut |row, _| {
        stats.add(&Json::Object(row));
        Ok(())
    })?;
    if stats.records() == 0 {
        return Err(BundleError::NoRows {
            folder: source.path.parent().unwrap_or(Path::new("")).to_owned(),
            what: format!("{} is empty", source.name),
        });
    }
    Ok((source, stats))
}
