//! What a reply is made from: the request's draws, and what its prompt offers.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::hash::{Draws, Purpose};
use super::passages::{self, Passage};
use super::scan::Scan;

/// A request on the way to its reply. Reads the prompt only when a reply asks for it.
pub(super) struct Ground<'a> {
    pub(super) body: &'a [u8],
    pub(super) scan: &'a Scan<'a>,
    /// Hash of the request, without seed and attempt.
    pub(super) request: u128,
    /// Draws that do not depend on the attempt: a retry gets the reply that the first attempt
    /// would have got, so a run with faults ends with the same content as one without.
    pub(super) draws: Draws,
    /// Topic ids are made up.
    pub(super) invent_topics: bool,
    offered: OnceCell<Vec<usize>>,
    question: OnceCell<String>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        body: &'a [u8],
        scan: &'a Scan<'a>,
        request: u128,
        draws: Draws,
        invent_topics: bool,
    ) -> Self {
        Self {
            body,
            scan,
            request,
            draws,
            invent_topics,
            offered: OnceCell::new(),
            question: OnceCell::new(),
        }
    }

    fn offered(&self) -> &[usize] {
        self.offered
            .get_or_init(|| passages::offered(self.body, self.scan.last_user.clone()))
    }

    fn passage(&self, n: usize) -> Option<Passage<'a>> {
        self.offered()
            .get(n)
            .and_then(|start| Passage::at(self.body, *start))
    }

    fn chosen(&self) -> Option<Passage<'a>> {
        self.passage(self.draws.below(Purpose::Topic, self.offered().len()))
    }

    pub(super) fn hash8(&self) -> String {
        format!("{:08x}", self.request as u32)
    }

    pub(super) fn number(&self) -> usize {
        self.draws.below(Purpose::Number, 10)
    }

    pub(super) fn topic_id(&self) -> String {
        if self.invent_topics {
            return format!("invented-{}", self.hash8());
        }
        self.chosen()
            .map(|passage| passage.id())
            .unwrap_or_default()
    }

    pub(super) fn first_topic_id(&self) -> String {
        if self.invent_topics {
            return self.topic_id();
        }
        self.passage(0)
            .map(|passage| passage.id())
            .unwrap_or_default()
    }

    /// A sentence of the passage that [`Self::topic_id`] names; empty without any passage.
    pub(super) fn snippet(&self) -> String {
        let bits = self.draws.bits(Purpose::Snippet);
        self.chosen()
            .map(|passage| passage.snippet(bits))
            .unwrap_or_default()
    }

    pub(super) fn source(&self) -> String {
        self.chosen()
            .map(|passage| passage.source())
            .unwrap_or_default()
    }

    pub(super) fn question(&self) -> &str {
        self.question.get_or_init(|| {
            passages::question(
                self.body
                    .get(self.scan.last_user.clone())
                    .unwrap_or_default(),
            )
        })
    }

    /// The model's name as it stands in the body, without quotes.
    pub(super) fn model(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.scan.model)
    }
}
