//! The committed items, in order, without reading anything else.
//!
//! Commits are chained: each names the position of the one before. The end of a segment's chain stands in the checkpoint of
//! the next segment, so the commits of one segment are found by walking back inside it; memory holds the positions of one
//! segment and the items of one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use forgemark_contract::json::Json;

use crate::error::JournalError;
use crate::journal::Source;
use crate::record::Record;
use crate::segments::Span;

/// One committed item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its number, from 0, over the whole journal.
    pub index: u64,
    /// The run that committed it.
    pub run_id: Arc<str>,
    /// What the pipeline said of it.
    pub payload: Json,
}

/// Iterator over committed items; ends after the first error.
#[derive(Debug)]
pub struct Items {
    source: Arc<Source>,
    spans: std::vec::IntoIter<Span>,
    /// The span after the current one, whose checkpoint ends the chain of this one.
    ahead: Option<Span>,
    /// Positions of the current segment's commits, the next one last.
    commits: Vec<u64>,
    /// Items of the current commit.
    ready: VecDeque<Item>,
    first: u64,
    ended: bool,
}

impl Items {
    pub(crate) fn new(source: Arc<Source>, first: u64) -> Self {
        let mut spans = source.segments.spans(source.end).into_iter();
        let ahead = spans.next();
        Items {
            source,
            spans,
            ahead,
            commits: Vec::new(),
            ready: VecDeque::new(),
            first,
            ended: false,
        }
    }

    fn advance(&mut self) -> Result<Option<Item>, JournalError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if let Some(position) = self.commits.pop() {
                self.open_commit(position)?;
            } else if let Some(span) = self.ahead {
                self.ahead = self.spans.next();
                self.open_segment(span)?;
            } else {
                return Ok(None);
            }
        }
    }

    /// Collects the commits of a segment that were in force when it was full.
    fn open_segment(&mut self, span: Span) -> Result<(), JournalError> {
        let source = &self.source;
        let (through, mut place) = match self.ahead {
            Some(next) => {
                let state = source.segments.checkpoint(next)?;
                (state.through(), state.last_commit)
            }
            None => (source.state.through(), source.state.last_commit),
        };
        if through <= self.first {
            return Ok(());
        }
        while let Some(position) = place.filter(|position| *position >= span.base) {
            self.commits.push(position);
            place = source.segments.commit_before(position, source.end)?;
        }
        Ok(())
    }

    fn open_commit(&mut self, position: u64) -> Result<(), JournalError> {
        let source = &self.source;
        let below = source.state.valid_below(position);
        let (record, link) = source.segments.record(position, source.end)?;
        let Record::Commit(commit) = record else {
            return Ok(());
        };
        let run_id: Arc<str> = link.run.into();
        let start = commit.through.saturating_sub(commit.items.len() as u64);
        let items = (start..).zip(commit.items);
        let kept = items.filter(|(index, _)| *index >= self.first && *index < below);
        self.ready.extend(kept.map(|(index, payload)| Item {
            index,
            run_id: Arc::clone(&run_id),
            payload,
        }));
        Ok(())
    }
}

impl Iterator for Items {
    type Item = Result<Item, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let answer = self.advance().transpose();
        self.ended = !matches!(answer, Some(Ok(_)));
        answer
    }
}
