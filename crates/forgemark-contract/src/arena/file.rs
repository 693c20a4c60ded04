//! Files of entries: read without loss, written as the pipelines write.

use super::layout::Layout;
use super::{Answer, Benchmark, Critique, Debate, Judgment, Label, epoch_one_id};
use crate::json::{Json, JsonError, Object, Style, WriteJson, Writer, parse_items};
use crate::shape::{Record, ShapeError};

/// `json.dumps(value, indent=2)`: ASCII, no final line feed.
const STYLE: Style = Style {
    ascii: true,
    ..Style::FILE
};

/// The key that holds the entries of files of decisions.
const DECISIONS: &str = "decisions";

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    /// Decisions have an `id`, nothing has an `outer_attempt`, lists have `{}` where an entry is missing.
    One,
    /// No `id`, everything has an `outer_attempt`, lists hold entries only.
    Two,
}

/// A record of an arena file.
pub trait Row: Record + Clone {
    /// Whether the entries stand under `decisions`.
    const DECISIONS: bool;

    /// The run of the question that it is about.
    fn run(&self) -> Option<&str>;

    /// The attempt of that question as it stands in the file.
    fn outer_attempt(&self) -> Option<i64>;

    /// Sets or removes the attempt.
    fn set_outer_attempt(&mut self, attempt: Option<i64>);

    /// Sets the id of the first epoch, or removes it; nothing for records that have none.
    fn set_id(&mut self, epoch: Epoch) {
        let _ = epoch;
    }

    /// The attempt, 1 where the file does not say it.
    fn attempt(&self) -> i64 {
        self.outer_attempt().unwrap_or(1)
    }
}

/// One place of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot<T> {
    /// A record.
    Entry(Entry<T>),
    /// `{}` or another value that Python calls false: there is no entry for this place.
    Placeholder(Json),
    /// Something that is no record of this kind. It is kept as it is.
    Unreadable {
        /// The value.
        value: Json,
        /// Why it is none.
        error: ShapeError,
    },
}

/// A record with the layout that it had in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<T> {
    /// The record.
    pub record: T,
    layout: Option<Box<Layout>>,
}

/// A file of entries of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ListFile<T> {
    /// The entries in order.
    pub slots: Vec<Slot<T>>,
    /// The object around the entries, with `null` in their place; `None` where the file is a list.
    envelope: Option<Object>,
}

/// A file that holds no entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is no JSON, such as a file whose end is missing.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is JSON of another form.
    #[error("expected {expected}, found {found}")]
    Form {
        /// What a file of this kind is.
        expected: &'static str,
        /// What this one is.
        found: &'static str,
    },
}

/// An entry that the first epoch has no place for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {index} is of attempt {attempt}, and the first epoch of the format has only one attempt"
)]
pub struct EpochError {
    /// Its place in the list, from 0.
    pub index: usize,
    /// Its attempt.
    pub attempt: i64,
}

impl<T: Row> Entry<T> {
    /// A record that was in no file yet.
    pub fn new(record: T) -> Self {
        Entry {
            record,
            layout: None,
        }
    }

    /// Whether the keys stand in an order of their own, or `null` where nothing is.
    pub fn has_layout(&self) -> bool {
        self.layout.is_some()
    }
}

impl<T: Row> WriteJson for Entry<T> {
    fn write_json(&self, w: &mut Writer<'_>) {
        match &self.layout {
            None => self.record.write_json(w),
            Some(layout) => {
                let laid = layout.apply(Some(self.record.to_field()));
                w.json(&laid.unwrap_or_default());
            }
        }
    }
}

impl<T: Row> Slot<T> {
    /// Reads one place of a list.
    pub fn read(value: Json) -> Self {
        if !value.is_truthy() {
            return Slot::Placeholder(value);
        }
        match T::from_field(&value) {
            Ok(record) => Slot::Entry(Entry {
                record,
                layout: Layout::of(T::TABLE, &value),
            }),
            Err(error) => Slot::Unreadable { value, error },
        }
    }

    /// The record, if it is one.
    pub fn record(&self) -> Option<&T> {
        match self {
            Slot::Entry(entry) => Some(&entry.record),
            _ => None,
        }
    }
}

impl<T: Row> WriteJson for Slot<T> {
    fn write_json(&self, w: &mut Writer<'_>) {
        match self {
            Slot::Entry(entry) => entry.write_json(w),
            Slot::Placeholder(value) | Slot::Unreadable { value, .. } => w.json(value),
        }
    }
}

impl<T: Row> Default for ListFile<T> {
    fn default() -> Self {
        ListFile {
            slots: Vec::new(),
            envelope: T::DECISIONS.then(|| Object::from([(DECISIONS, Json::Null)])),
        }
    }
}

impl<T: Row> ListFile<T> {
    /// Reads a file. Entries that are no records are kept and said in their [`Slot`].
    ///
    /// # Errors
    /// [`FileError`] when it is no JSON, or no list of entries.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        // Slot by slot: the tree of a large file takes several times its bytes.
        let key = T::DECISIONS.then_some(DECISIONS);
        let (value, slots) = parse_items(bytes, key, Slot::read)?;
        let found = value.type_name();
        let expected = if T::DECISIONS {
            "an object with a list of `decisions`"
        } else {
            "an array of entries"
        };
        let slots = slots.ok_or(FileError::Form { expected, found })?;
        let envelope = T::DECISIONS.then(|| value.into_object());
        Ok(ListFile { slots, envelope })
    }

    /// The records with their places in the list.
    pub fn records(&self) -> impl Iterator<Item = (usize, &T)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(index, slot)| Some(index).zip(slot.record()))
    }

    /// The same with each record at the place that its run has in `runs`, and `{}` where a run has none, as lists of the
    /// first epoch stand beside that of their benchmark. What has no place there follows in its order; placeholders that
    /// the list had are made anew.
    #[must_use]
    pub fn aligned_to(&self, runs: &[&str]) -> Self {
        let mut places: Vec<Option<&Slot<T>>> = vec![None; runs.len()];
        let mut rest = Vec::new();
        for slot in &self.slots {
            let run = slot.record().and_then(Row::run);
            let place = runs.iter().position(|other| Some(*other) == run);
            match place.and_then(|place| places.get_mut(place)) {
                Some(place @ None) => *place = Some(slot),
                _ if matches!(slot, Slot::Placeholder(_)) => {}
                _ => rest.push(slot.clone()),
            }
        }
        let missing = || Slot::Placeholder(Json::empty_object());
        let placed = places
            .into_iter()
            .map(|slot| slot.cloned().unwrap_or_else(missing));
        ListFile {
            slots: placed.chain(rest).collect(),
            envelope: self.envelope.clone(),
        }
    }

    /// Two files with the same envelope: the places that `takes` does not want, and those that it wants.
    pub fn partition(&self, takes: impl Fn(usize) -> bool) -> (Self, Self) {
        let (taken, kept): (Vec<_>, Vec<_>) =
            (self.slots.iter().enumerate()).partition(|(index, _)| takes(*index));
        let file = |slots: Vec<(usize, &Slot<T>)>| ListFile {
            slots: slots.into_iter().map(|(_, slot)| slot.clone()).collect(),
            envelope: self.envelope.clone(),
        };
        (file(kept), file(taken))
    }

    /// The file as it stands: indent of 2, ASCII, no final line feed, every entry in the order of keys that it came with.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out, STYLE);
        match &self.envelope {
            None => self.write_slots(&mut w),
            Some(envelope) => {
                w.begin_object();
                for (key, value) in envelope {
                    w.key(key);
                    if key == DECISIONS {
                        self.write_slots(&mut w);
                    } else {
                        w.json(value);
                    }
                }
                w.end_object();
            }
        }
        out
    }

    fn write_slots(&self, w: &mut Writer<'_>) {
        w.begin_array();
        for slot in &self.slots {
            slot.write_json(w);
        }
        w.end_array();
    }

    /// The file in one of the two formats. What is no record stays as it is.
    ///
    /// In the second, records get the attempt 1 where they have none, and lose their ids and the placeholders between
    /// them. In the first, decisions get ids, and placeholders are `{}`.
    ///
    /// # Errors
    /// [`EpochError`] when the first epoch is asked for and a record is of a second attempt.
    pub fn in_epoch(&self, epoch: Epoch) -> Result<Self, EpochError> {
        let mut slots = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            match slot {
                Slot::Placeholder(_) if epoch == Epoch::Two => {}
                Slot::Placeholder(_) => slots.push(Slot::Placeholder(Json::empty_object())),
                Slot::Unreadable { .. } => slots.push(slot.clone()),
                Slot::Entry(entry) => {
                    let mut entry = entry.clone();
                    let attempt = entry.record.attempt();
                    entry.record.set_id(epoch);
                    match epoch {
                        Epoch::Two => entry.record.set_outer_attempt(Some(attempt)),
                        Epoch::One if attempt == 1 => entry.record.set_outer_attempt(None),
                        Epoch::One => return Err(EpochError { index, attempt }),
                    }
                    if epoch == Epoch::One {
                        // Its writers had the declared order.
                        entry.layout = None;
                    }
                    slots.push(Slot::Entry(entry));
                }
            }
        }
        Ok(ListFile {
            slots,
            envelope: self.envelope.clone(),
        })
    }
}

/// The parts of [`Row`] that are the same wherever the field has the same name.
macro_rules! row {
    ($name:ident, decisions: $decisions:literal, run: |$record:ident| $run:expr $(, id: $id:expr)?) => {
        impl Row for $name {
            const DECISIONS: bool = $decisions;

            fn run(&self) -> Option<&str> {
                let $record = self;
                $run
            }

            fn outer_attempt(&self) -> Option<i64> {
                self.outer_attempt
            }

            fn set_outer_attempt(&mut self, attempt: Option<i64>) {
                self.outer_attempt = attempt;
            }

            $(
                fn set_id(&mut self, epoch: Epoch) {
                    let id: fn(&Self) -> String = $id;
                    self.id = match epoch {
                        Epoch::One => Some(self.id.take().unwrap_or_else(|| id(self))),
                        Epoch::Two => None,
                    };
                }
            )?
        }
    };
}

row!(Benchmark, decisions: false, run: |record| Some(&record.run_id));
row!(Answer, decisions: false, run: |record| record.run_id.as_deref());
row!(Critique, decisions: false, run: |record| record.run_id.as_deref());
row!(Debate, decisions: false, run: |record| record.run_id.as_deref());
row!(Judgment, decisions: true, run: |record| record.run_id.as_deref(), id: |record| {
    let question = record.question.as_deref();
    decision_id(
        [&record.question_model, &record.answer_model, &record.mode, &record.critic_model],
        record.kind == "illposed",
        record.run_id.as_deref(),
        record.topic_slug.as_deref().zip(question),
    )
});
row!(Label, decisions: true, run: |record| record.run_id.as_deref(), id: |record| {
    decision_id(
        [&record.question_model, &record.answer_model, &record.mode, &record.critic_model],
        record.kind == "illposed",
        record.run_id.as_deref(),
        None,
    )
});

/// The id of a decision whose parts may be absent: `unknown` stands for what is.
fn decision_id(
    [questioner, answerer, mode, critic]: [&Option<String>; 4],
    ill_posed: bool,
    run: Option<&str>,
    topic_and_question: Option<(&str, &str)>,
) -> String {
    let or_unknown =
        |part: &'_ Option<String>| part.clone().unwrap_or_else(|| "unknown".to_owned());
    let (mode, critic) = (or_unknown(mode), or_unknown(critic));
    epoch_one_id(
        &or_unknown(questioner),
        &or_unknown(answerer),
        (!ill_posed).then_some((mode.as_str(), critic.as_str())),
        run,
        topic_and_question,
    )
}
