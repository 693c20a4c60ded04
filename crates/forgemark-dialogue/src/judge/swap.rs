//! Writing what is judged: every file that bears judgements, new, beside the folder, and one commit that swaps them.
//!
//! Rows are matched by conversation (and turn). A row that nobody judged, that cannot be read or that belongs to nothing
//! is copied byte for byte.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use forgemark_contract::dialogue::DatasetRow;
use forgemark_contract::json::{self, Json, to_line, to_pretty};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{AppendFile, ArtifactSet, JournalError, ReadFile};

use super::hear::{Bench, unknown};
use super::sheet::{Docket, JUDGEMENTS, Line as Judged, lines, unreadable};
use super::{Environment, revise};
use crate::check::lines::{Lines, read_part};
use crate::error::DialogueError;
use crate::render::{CONVERSATIONS, DATASET, JUDGED, RUN_STATE, SHAREGPT, TURNS};

/// What is being swapped.
struct Swap<'a> {
    artifacts: &'a mut ArtifactSet,
    environment: &'a Environment,
    bench: &'a Bench,
    docket: &'a Docket,
    /// The revised rows.
    scratch: Scratch,
}

/// Revised rows on their way to the files that follow from them.
struct Scratch {
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    places: HashMap<String, (u64, u32)>,
    /// Places in the docket, by conversation.
    docket: HashMap<String, usize>,
    /// The row that was asked for last: the rows of a conversation stand together.
    latest: Option<(String, Arc<DatasetRow>)>,
}

impl Scratch {
    /// The line of a revised conversation.
    fn line(&self, id: &str) -> Result<Option<Vec<u8>>, DialogueError> {
        let Some((offset, length)) = self.places.get(id) else {
            return Ok(None);
        };
        let bytes = read_part(self.file.as_ref(), *offset, *length);
        bytes.map(Some).map_err(unreadable(&self.path))
    }

    fn row(&mut self, id: &str) -> Result<Option<Arc<DatasetRow>>, DialogueError> {
        if let Some((known, row)) = &self.latest
            && known == id
        {
            return Ok(Some(Arc::clone(row)));
        }
        let Some(line) = self.line(id)? else {
            return Ok(None);
        };
        let row = json::parse(&line)
            .ok()
            .and_then(|json| DatasetRow::from_json(&json).ok())
            .map(Arc::new);
        if let Some(row) = &row {
            self.latest = Some((id.to_owned(), Arc::clone(row)));
        }
        Ok(row)
    }
}

/// Writes everything that is judged, as the journal has it, under one commit.
///
/// # Errors
/// [`DialogueError`]; nothing has changed then, unless the commit stands: whoever opens the folder next ends it.
pub(super) async fn write(
    artifacts: &mut ArtifactSet,
    environment: &Environment,
    bench: &Bench,
    docket: &Docket,
) -> Result<(), DialogueError> {
    let storage = &environment.storage;
    let path = environment
        .out_dir
        .join(STATE_DIR)
        .join("tmp")
        .join("judged");
    let mut file = storage.create(&path).map_err(write_error(&path))?;
    let mut swap = Swap {
        artifacts,
        environment,
        bench,
        docket,
        scratch: Scratch {
            file: storage.open_read(&path).map_err(unreadable(&path))?,
            path: path.clone(),
            places: HashMap::new(),
            docket: HashMap::new(),
            latest: None,
        },
    };
    swap.revise_all(file.as_mut()).await?;
    drop(file);
    swap.dataset()?;
    swap.turns()?;
    swap.exports()?;
    swap.states().await?;
    swap.artifacts.commit(Vec::new())?.wait()?;
    storage.remove(&path).map_err(write_error(&path))
}

fn write_error(path: &std::path::Path) -> impl Fn(std::io::Error) -> DialogueError + use<> {
    let path = path.to_owned();
    move |source| {
        JournalError::Write {
            path: path.clone(),
            source: Arc::new(source),
        }
        .into()
    }
}

/// The conversation that a row names.
fn id_of(row: &Json) -> &str {
    row.str_or("conversation_id", "")
}

impl Swap<'_> {
    fn lines(&self, name: &str) -> Result<Lines, DialogueError> {
        let path = self.environment.out_dir.join(name);
        let failed = unreadable(&path);
        let file = self.environment.storage.open_read(&path).map_err(&failed)?;
        let end = file.len().map_err(&failed)?;
        Ok(Lines::new(file, end))
    }

    fn append(&mut self, name: &str, line: &[u8]) -> Result<(), DialogueError> {
        self.artifacts.append(name, line)?;
        Ok(self.artifacts.append(name, b"\n")?)
    }

    /// Copies a file line by line, with another line where `change` gives one.
    fn copy(
        &mut self,
        name: &str,
        mut change: impl FnMut(&mut Self, &[u8]) -> Result<Option<Vec<u8>>, DialogueError>,
    ) -> Result<(), DialogueError> {
        let mut lines = self.lines(name)?;
        self.artifacts.replace(name)?;
        let failed = unreadable(&self.environment.out_dir.join(name));
        while let Some(line) = lines.next().map_err(&failed)? {
            let bytes = line.bytes.to_vec();
            let changed = change(self, &bytes)?;
            self.append(name, changed.as_deref().unwrap_or(&bytes))?;
        }
        Ok(())
    }

    fn dataset(&mut self) -> Result<(), DialogueError> {
        self.copy(DATASET, |swap, line| match json::parse(line) {
            Ok(row) => swap.scratch.line(id_of(&row)),
            Err(_) => Ok(None),
        })
    }

    fn turns(&mut self) -> Result<(), DialogueError> {
        self.copy(TURNS, |swap, line| {
            let Ok(mut row) = json::parse(line) else {
                return Ok(None);
            };
            let Some(revised) = swap.scratch.row(id_of(&row))? else {
                return Ok(None);
            };
            revise::turn_line(&mut row, &revised);
            Ok(Some(to_line(&row)))
        })
    }

    /// Both `ShareGPT` files: the judged one has its rows in the order of the other, and gets those that it lacked.
    fn exports(&mut self) -> Result<(), DialogueError> {
        let columns = self.environment.config.columns.clone();
        let id_in = |row: &Json| {
            let metadata = row.at(columns.name("metadata"));
            metadata.str_or("conversation_id", "").to_owned()
        };
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut lines = self.lines(JUDGED)?;
        let failed = unreadable(&self.environment.out_dir.join(JUDGED));
        let mut places: Vec<(String, u64, u32)> = Vec::new();
        while let Some(line) = lines.next().map_err(&failed)? {
            let id = json::parse(line.bytes).map_or_else(|_| String::new(), |row| id_in(&row));
            if !id.is_empty() {
                known.insert(id.clone(), places.len());
            }
            places.push((id, line.offset, line.bytes.len() as u32));
        }
        let path = self.environment.out_dir.join(JUDGED);
        let old = self.environment.storage.open_read(&path).map_err(&failed)?;
        let old_line = |place: usize| -> Result<Vec<u8>, DialogueError> {
            let Some((_, offset, length)) = places.get(place) else {
                return Ok(Vec::new());
            };
            read_part(old.as_ref(), *offset, *length).map_err(&failed)
        };
        self.artifacts.replace(JUDGED)?;
        let mut taken: HashSet<usize> = HashSet::new();
        self.copy(SHAREGPT, |swap, line| {
            let Ok(mut row) = json::parse(line) else {
                return Ok(None);
            };
            let id = id_in(&row);
            let place = known.get(&id).copied();
            taken.extend(place);
            let Some(revised) = swap.scratch.row(&id)? else {
                if let Some(place) = place {
                    let line = old_line(place)?;
                    swap.append(JUDGED, &line)?;
                }
                return Ok(None);
            };
            revise::sharegpt_line(&mut row, &revised, &columns, false);
            let plain = to_line(&row);
            if revise::is_judged(&revised) {
                let was = place.map(old_line).transpose()?;
                let was = was.and_then(|line| json::parse(&line).ok());
                let mut judged = was.unwrap_or(row);
                revise::sharegpt_line(&mut judged, &revised, &columns, true);
                swap.append(JUDGED, &to_line(&judged))?;
            }
            Ok(Some(plain))
        })?;
        for (place, (id, ..)) in places.iter().enumerate() {
            if taken.contains(&place) {
                continue;
            }
            let mut line = old_line(place)?;
            if let Some(revised) = self.scratch.row(id)?
                && let Ok(mut row) = json::parse(&line)
            {
                revise::sharegpt_line(&mut row, &revised, &columns, true);
                line = to_line(&row);
            }
            self.append(JUDGED, &line)?;
        }
        Ok(())
    }

    /// Revises every row, into the scratch file, with what else stands in one place for each conversation: its own file,
    /// and its lines on the sheet of judgements.
    async fn revise_all(&mut self, scratch: &mut dyn AppendFile) -> Result<(), DialogueError> {
        let mut sheet = OldSheet::read(self)?;
        self.artifacts.replace(JUDGEMENTS)?;
        for place in 0..self.docket.len() {
            let row = self.docket.row(place)?;
            let id = row.data.conversation_id.as_str();
            let old = sheet.take(id)?;
            let revised = match self.bench.recalled(&row).await {
                Ok(revised) => revised,
                Err(why) => {
                    unknown(why)?;
                    for line in old {
                        self.append(JUDGEMENTS, &line)?;
                    }
                    continue;
                }
            };
            let prompts = self.bench.prompts();
            let new = lines(id, &self.environment.config, prompts, &revised.rulings);
            self.judgements(old, &new)?;
            if revised.json == row.json {
                continue;
            }
            let line = to_line(&revised.json);
            let places = (scratch.len(), line.len() as u32);
            scratch
                .write_all(&line)
                .map_err(write_error(&self.scratch.path))?;
            self.scratch.places.insert(id.to_owned(), places);
            self.scratch.docket.insert(id.to_owned(), place);
            let file = format!("{CONVERSATIONS}/{id}.json");
            self.whole(&file, |json| {
                self.bench.sentence(&revised).revise(json);
                true
            })?
            .map_or(Ok(()), |bytes| self.artifacts.replace_whole(&file, &bytes))?;
        }
        for line in sheet.rest()? {
            self.append(JUDGEMENTS, &line)?;
        }
        Ok(())
    }

    /// The old judgements of a conversation that were not asked once more, and then the new ones.
    fn judgements(&mut self, old: Vec<Vec<u8>>, new: &[Json]) -> Result<(), DialogueError> {
        let made: Vec<Judged> = new
            .iter()
            .filter_map(|line| Judged::from_json(line).ok())
            .collect();
        for line in old {
            let was = json::parse(&line)
                .ok()
                .and_then(|line| Judged::from_json(&line).ok());
            let again = was.is_some_and(|was| made.iter().any(|made| made.is_of(&was)));
            if !again {
                self.append(JUDGEMENTS, &line)?;
            }
        }
        for line in new {
            self.append(JUDGEMENTS, &to_line(line))?;
        }
        Ok(())
    }

    /// What a whole file is after a change; `None` where there is no such file, it cannot be read as JSON, or nothing
    /// changed.
    fn whole(
        &self,
        name: &str,
        change: impl FnOnce(&mut Json) -> bool,
    ) -> Result<Option<Vec<u8>>, DialogueError> {
        let path = self.environment.out_dir.join(name);
        let storage = &self.environment.storage;
        if storage.len(&path).map_err(unreadable(&path))?.is_none() {
            return Ok(None);
        }
        let bytes = storage.read(&path).map_err(unreadable(&path))?;
        let Ok(mut whole) = json::parse(&bytes) else {
            return Ok(None);
        };
        Ok(change(&mut whole).then(|| to_pretty(&whole)))
    }

    /// The run states hold the turns once more.
    async fn states(&mut self) -> Result<(), DialogueError> {
        let folder = self.environment.out_dir.join(RUN_STATE);
        let storage = &self.environment.storage;
        for name in storage.list(&folder).map_err(unreadable(&folder))? {
            let Some(wave) = name.strip_suffix(".json") else {
                continue;
            };
            let file = format!("{RUN_STATE}/{name}");
            let mut found = Vec::new();
            self.whole(&file, |state| {
                found = revise::in_state(state, wave);
                false
            })?;
            let mut revised = HashMap::new();
            for id in found {
                let Some(place) = self.scratch.docket.get(&id) else {
                    continue;
                };
                let row = self.docket.row(*place)?;
                match self.bench.recalled(&row).await {
                    Ok(one) => {
                        revised.insert(id, one);
                    }
                    Err(why) => unknown(why)?,
                }
            }
            let changed = self.whole(&file, |state| {
                revise::state(state, wave, &mut |id, slot| match revised.get(id) {
                    Some(one) => {
                        self.bench.sentence(one).revise(slot);
                        true
                    }
                    None => false,
                })
            })?;
            if let Some(bytes) = changed {
                self.artifacts.replace_whole(&file, &bytes)?;
            }
        }
        Ok(())
    }
}

/// The judgements that earlier commands left, by conversation.
struct OldSheet {
    file: Arc<dyn ReadFile>,
    path: PathBuf,
    places: Vec<(u64, u32)>,
    of: HashMap<String, Vec<usize>>,
    taken: HashSet<usize>,
}

impl OldSheet {
    fn read(swap: &Swap<'_>) -> Result<Self, DialogueError> {
        let path = swap.environment.out_dir.join(JUDGEMENTS);
        let mut lines = swap.lines(JUDGEMENTS)?;
        let file = swap
            .environment
            .storage
            .open_read(&path)
            .map_err(unreadable(&path))?;
        let mut sheet = OldSheet {
            file,
            path,
            places: Vec::new(),
            of: HashMap::new(),
            taken: HashSet::new(),
        };
        let failed = unreadable(&sheet.path);
        while let Some(line) = lines.next().map_err(&failed)? {
            let id = json::parse(line.bytes)
                .map_or_else(|_| String::new(), |row| id_of(&row).to_owned());
            sheet.of.entry(id).or_default().push(sheet.places.len());
            sheet.places.push((line.offset, line.bytes.len() as u32));
        }
        Ok(sheet)
    }

    fn line(&self, place: usize) -> Result<Vec<u8>, DialogueError> {
        let (offset, length) = self.places.get(place).copied().unwrap_or_default();
        read_part(self.file.as_ref(), offset, length).map_err(unreadable(&self.path))
    }

    /// The lines of a conversation.
    fn take(&mut self, id: &str) -> Result<Vec<Vec<u8>>, DialogueError> {
        let places = self.of.remove(id).unwrap_or_default();
        self.taken.extend(&places);
        places.into_iter().map(|place| self.line(place)).collect()
    }

    /// The lines that nobody has taken.
    fn rest(&self) -> Result<Vec<Vec<u8>>, DialogueError> {
        let rest = (0..self.places.len()).filter(|place| !self.taken.contains(place));
        rest.map(|place| self.line(place)).collect()
    }
}
