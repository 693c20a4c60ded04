//! Drafts of messages to records with keys, places and times.

use super::{Options, Unit, record_id};
use crate::json::{Json, Object};
use crate::store::{ChatMessage, ContextRecord, Relationship};
use crate::time::Timestamp;

/// Texts up to this many bytes are short enough to stand in every record of a row.
const SHORT_TEXT: usize = 200;

/// A message on its way to a record.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) message: ChatMessage,
    /// The last part of its external id; `None` is its position.
    pub(super) place: Option<String>,
    /// The draft that it answers or follows; `None` is the one before it, which needs no word of its own.
    pub(super) parent: Option<usize>,
    /// The external id of a parent in another unit.
    pub(super) parent_elsewhere: Option<String>,
    /// Its place in the session, where that is not its place in the unit.
    pub(super) seq: Option<i64>,
    /// The word that hides it.
    pub(super) lifecycle: Option<String>,
    /// Whether it is part of one of several answers to one prompt.
    pub(super) candidate: bool,
    /// When it was said.
    pub(super) at: Option<Timestamp>,
    pub(super) metadata: Object,
    pub(super) relationships: Vec<Relationship>,
}

impl Draft {
    pub(super) fn new(message: ChatMessage) -> Self {
        Draft {
            message,
            ..Draft::default()
        }
    }
}

/// What the records of a unit have in common.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// `ORIGIN/K`.
    pub(super) session: String,
    pub(super) run_id: String,
    pub(super) source: Option<String>,
    /// When it was made.
    pub(super) at: Option<Timestamp>,
    /// The word that hides all of it.
    pub(super) lifecycle: Option<String>,
    pub(super) digest: String,
    /// Other keys of the row.
    pub(super) rest: Object,
}

/// Gives times to units that have none.
#[derive(Debug, Default)]
pub(super) struct Times {
    untimed: i64,
}

impl Times {
    fn first(&mut self, at: Option<Timestamp>, options: &Options) -> Timestamp {
        at.unwrap_or_else(|| {
            let at = options.now.plus_micros(self.untimed);
            self.untimed += 1;
            at
        })
    }

    /// The time of a record that has none and is alone.
    pub(super) fn next(&mut self, options: &Options) -> Timestamp {
        self.first(None, options)
    }

    /// The records of `drafts`.
    pub(super) fn unit(&mut self, head: Head, drafts: Vec<Draft>, options: &Options) -> Unit {
        let (every, first) = spread(head.rest);
        let external = |place: &str| format!("{}/{place}", head.session);
        let places: Vec<String> = (drafts.iter().enumerate())
            .map(|(place, draft)| draft.place.clone().unwrap_or_else(|| place.to_string()))
            .collect();
        let source = (options.source.clone())
            .or(head.source)
            .unwrap_or_else(|| options.origin.clone());
        let mut records: Vec<ContextRecord> = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.into_iter().enumerate() {
            let given = draft.at.or(if place == 0 { head.at } else { None });
            let mut metadata = every.clone();
            if place == 0 {
                join(&mut metadata, &first);
            }
            join(&mut metadata, &draft.metadata);
            let created_at = match records.last().map(|before| before.created_at) {
                None => self.first(given, options),
                Some(before) => match given {
                    Some(at) if at > before => at,
                    Some(at) => {
                        if at < before {
                            metadata.insert("given_created_at", at.ledger_style());
                        }
                        before.plus_micros(1)
                    }
                    None => before.plus_micros(1),
                },
            };
            let external_id = external(&places[place]);
            let mut record = ContextRecord {
                external_id: Some(external_id.clone()),
                run_id: head.run_id.clone(),
                session_id: Some(head.session.clone()),
                source: Some(source.clone()),
                metadata: (!metadata.is_empty()).then_some(Json::Object(metadata)),
                relationships: draft.relationships,
                seq: draft.seq.or_else(|| i64::try_from(place).ok()),
                parent_id: (draft.parent)
                    .and_then(|parent| places.get(parent))
                    .map(|parent| external(parent))
                    .or(draft.parent_elsewhere)
                    .map(|parent| record_id(&parent)),
                candidate_group: draft.candidate.then(|| head.session.clone()),
                origin_digest: Some(head.digest.clone()),
                ..said(draft.message, record_id(&external_id), created_at)
            };
            if let Some(word) = draft.lifecycle.or_else(|| head.lifecycle.clone()) {
                record.lifecycle_status = word;
            }
            records.push(record);
        }
        // The microsecond that each record takes must not meet the next unit.
        self.untimed += i64::try_from(records.len().saturating_sub(1)).unwrap_or(0);
        Unit {
            records,
            session: Some(head.session),
        }
    }
}

/// A record of a message. The structured form is kept where role and text do not say it all.
pub(super) fn said(message: ChatMessage, id: String, at: Timestamp) -> ContextRecord {
    let text = message.content_text().into_owned();
    let plain = ChatMessage::text(message.role.clone(), text.clone()) == message;
    let mut record = ContextRecord::text(id, message.role.clone(), text, at);
    if message.content.is_none() {
        record.text_payload = None;
    }
    record.message = (!plain).then_some(message);
    record
}

/// Puts the entries of `from` into `to`.
pub(super) fn join(to: &mut Object, from: &Object) {
    for (key, value) in from {
        to.insert(key, value.clone());
    }
}

/// The entries that are short, and the others.
pub(super) fn spread(rest: Object) -> (Object, Object) {
    let short = |value: &Json| match value {
        Json::Str(text) => text.len() <= SHORT_TEXT,
        Json::Bool(_) | Json::Int(_) | Json::Float(_) => true,
        _ => false,
    };
    let kept = rest.into_iter().filter(|(_, value)| !value.is_null());
    let (every, first): (Vec<_>, Vec<_>) = kept.partition(|(_, value)| short(value));
    (every.into_iter().collect(), first.into_iter().collect())
}
