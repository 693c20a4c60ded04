//! A person at work on a queue: where they are, what they have chosen, what is saved.

use std::collections::HashMap;
use std::path::Path;

use forgemark_contract::arena::{ClaimKey, Label};
use forgemark_journal::Storage;

use super::view::{self, Names};
use super::{Book, CONFIDENCE, LabelError, Reveal, Task, USUAL_CONFIDENCE, View, ticket, verdicts};
use crate::adjudicate::Adjudicator;
use crate::corpus::Corpus;
use crate::graph::Name;

/// Whether names are shown before a label is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sight {
    /// They are not.
    #[default]
    Blind,
    /// They are.
    Open,
}

/// What is chosen for a claim and not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The verdict, as files have it.
    pub verdict: Option<String>,
    /// The confidence, from 1 to 5.
    pub confidence: i64,
    /// The comment.
    pub comment: String,
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            verdict: None,
            confidence: USUAL_CONFIDENCE,
            comment: String::new(),
        }
    }
}

impl From<&Label> for Draft {
    fn from(label: &Label) -> Self {
        Draft {
            verdict: Some(label.verdict.clone()),
            confidence: label.confidence.unwrap_or(USUAL_CONFIDENCE),
            comment: label.comment.clone().unwrap_or_default(),
        }
    }
}

/// A change that can be undone: the claim, and its label before.
#[derive(Debug)]
struct Step {
    at: usize,
    before: Option<Label>,
}

/// A person's work on a queue of claims.
///
/// ```text
///          choose, confidence, comment                save
///  open ──────────────────────────────> drafted ─────────────> labelled ── reveal
///   ^                                      ^                      │
///   └──────────── undo: no label before ───┴── undo: the draft ───┘
/// ```
///
/// Moving loses nothing: a draft is still there when its claim is come back to. What is saved is on disk before
/// [`Session::save`] answers, so that a kill takes at most the draft.
#[derive(Debug)]
pub struct Session<'a> {
    corpus: &'a Corpus,
    adjudicator: &'a Adjudicator<'a>,
    user: String,
    sight: Sight,
    names: Names,
    book: Book,
    tasks: Vec<Task>,
    at: usize,
    drafts: HashMap<usize, Draft>,
    steps: Vec<Step>,
}

impl<'a> Session<'a> {
    /// A session over a queue, at the first claim that the person has not labelled. `dir` is the arena folder, whose registry may
    /// know more names of the models.
    pub fn new(
        corpus: &'a Corpus,
        adjudicator: &'a Adjudicator<'a>,
        (storage, dir): (&dyn Storage, &Path),
        user: &str,
        book: Book,
        tasks: Vec<Task>,
        sight: Sight,
    ) -> Self {
        let mut session = Session {
            corpus,
            adjudicator,
            user: user.to_owned(),
            sight,
            names: Names::of(corpus, storage, dir),
            book,
            tasks,
            at: 0,
            drafts: HashMap::new(),
            steps: Vec::new(),
        };
        session.at = session.open_from(0).unwrap_or(0);
        session
    }

    /// How many claims there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many of them the person has labelled.
    pub fn labelled(&self) -> usize {
        (0..self.tasks.len())
            .filter(|at| self.label_at(*at).is_some())
            .count()
    }

    /// The place of the claim that is looked at, from 0.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The claim that is looked at; `None` in an empty queue.
    pub fn task(&self) -> Option<&Task> {
        self.tasks.get(self.at)
    }

    /// The file of labels.
    pub fn file(&self) -> &Path {
        self.book.path()
    }

    /// The saved label of the claim that is looked at.
    pub fn label(&self) -> Option<&Label> {
        self.label_at(self.at)
    }

    /// What is chosen for the claim that is looked at: the draft, else what is saved.
    pub fn draft(&self) -> Draft {
        let saved = || self.label().map(Draft::from).unwrap_or_default();
        self.drafts.get(&self.at).cloned().unwrap_or_else(saved)
    }

    /// Whether something is chosen that is not saved.
    pub fn is_changed(&self) -> bool {
        let saved = self.label().map(Draft::from).unwrap_or_default();
        self.drafts
            .get(&self.at)
            .is_some_and(|draft| *draft != saved)
    }

    /// The claim as the person may see it now.
    pub fn view(&self) -> Option<View> {
        let key = &self.task()?.key;
        let open = self.sight == Sight::Open || self.label().is_some();
        let names = (!open).then_some(&self.names);
        Some(view::view(self.corpus, self.adjudicator, key, names))
    }

    /// What a blind view leaves out; `None` until the label is saved, unless the session is [`Sight::Open`].
    pub fn reveal(&self) -> Option<Reveal> {
        let key = &self.task()?.key;
        let open = self.sight == Sight::Open || self.label().is_some();
        open.then(|| view::reveal(self.corpus, self.adjudicator, key, &self.user))
    }

    /// The verdicts that may be given here, each with what it means.
    pub fn choices(&self) -> Vec<(&'static str, &'static str)> {
        let ill_posed = self.task().is_some_and(|task| task.key.critique.is_none());
        verdicts(ill_posed).collect()
    }

    /// The next claim, if there is one.
    pub fn next(&mut self) {
        if self.at + 1 < self.tasks.len() {
            self.at += 1;
        }
    }

    /// The claim before, if there is one.
    pub fn previous(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// The next claim without a label, from the beginning again after the last; whether there is one other than this.
    pub fn skip(&mut self) -> bool {
        let after = self.open_from(self.at + 1);
        let found = after
            .or_else(|| self.open_from(0))
            .filter(|at| *at != self.at);
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    /// The claim at a place, from 0; whether there is one.
    pub fn jump(&mut self, to: usize) -> bool {
        let there = to < self.tasks.len();
        if there {
            self.at = to;
        }
        there
    }

    /// The claim with this key or ticket. One outside of the queue is put behind it.
    ///
    /// # Errors
    /// [`LabelError::NoClaim`] when nothing makes such a claim.
    pub fn find(&mut self, asked: &str) -> Result<(), LabelError> {
        let graph = self.adjudicator.docket.graph;
        let is_asked =
            |key: &ClaimKey<Name>| ticket(graph, key) == asked || graph.show_claim(key) == asked;
        if let Some(at) = self.tasks.iter().position(|task| is_asked(&task.key)) {
            self.at = at;
            return Ok(());
        }
        let mut claims = self.adjudicator.docket.claims.iter();
        let key = claims.find(|key| is_asked(key));
        let key = *key.ok_or_else(|| LabelError::NoClaim {
            key: asked.to_owned(),
        })?;
        self.at = self.tasks.len();
        self.tasks.push(Task {
            key,
            information: None,
        });
        Ok(())
    }

    /// Chooses a verdict.
    ///
    /// # Errors
    /// [`LabelError::NoVerdict`] for a word that is none of [`Session::choices`].
    pub fn choose(&mut self, verdict: &str) -> Result<(), LabelError> {
        let choices = self.choices();
        if !choices.iter().any(|(word, _)| *word == verdict) {
            return Err(LabelError::NoVerdict {
                word: verdict.to_owned(),
                words: choices.into_iter().map(|(word, _)| word).collect(),
            });
        }
        self.change(|draft| draft.verdict = Some(verdict.to_owned()));
        Ok(())
    }

    /// Sets the confidence.
    ///
    /// # Errors
    /// [`LabelError::Confidence`] outside of [`CONFIDENCE`].
    pub fn set_confidence(&mut self, confidence: i64) -> Result<(), LabelError> {
        if !CONFIDENCE.contains(&confidence) {
            return Err(LabelError::Confidence(confidence));
        }
        self.change(|draft| draft.confidence = confidence);
        Ok(())
    }

    /// Sets the comment.
    pub fn set_comment(&mut self, comment: &str) {
        self.change(|draft| comment.clone_into(&mut draft.comment));
    }

    fn change(&mut self, change: impl FnOnce(&mut Draft)) {
        let mut draft = self.draft();
        change(&mut draft);
        self.drafts.insert(self.at, draft);
    }

    /// Saves what is chosen. It is on disk when this answers.
    ///
    /// # Errors
    /// [`LabelError::Undecided`] without a verdict, and those of writing; the draft stays.
    pub fn save(&mut self) -> Result<(), LabelError> {
        let draft = self.draft();
        let (Some(task), Some(verdict)) = (self.tasks.get(self.at), draft.verdict) else {
            return Err(LabelError::Undecided);
        };
        let graph = self.adjudicator.docket.graph;
        let key = task.key.map(|name| graph.text(name));
        let mut label = self.book.label(&key).cloned().unwrap_or_default();
        if label.kind.is_empty() {
            label = new_label(&key);
        }
        label.verdict = verdict;
        label.confidence = Some(draft.confidence);
        label.comment = Some(draft.comment);
        let before = self.book.put(&key, label)?;
        self.drafts.remove(&self.at);
        self.steps.push(Step {
            at: self.at,
            before,
        });
        Ok(())
    }

    /// Takes the last save of this session back, and goes to its claim, where what was saved is a draft again. Whether there was one.
    ///
    /// # Errors
    /// Those of writing; the label stays then.
    pub fn undo(&mut self) -> Result<bool, LabelError> {
        let Some(step) = self.steps.pop() else {
            return Ok(false);
        };
        let Some(task) = self.tasks.get(step.at) else {
            return Ok(false);
        };
        let graph = self.adjudicator.docket.graph;
        let key = task.key.map(|name| graph.text(name));
        let undone = match &step.before {
            Some(before) => self.book.put(&key, before.clone()),
            None => self.book.remove(&key),
        };
        match undone {
            Ok(label) => {
                self.at = step.at;
                if let Some(label) = label {
                    self.drafts.insert(self.at, Draft::from(&label));
                }
                Ok(true)
            }
            Err(error) => {
                self.steps.push(step);
                Err(error)
            }
        }
    }

    fn label_at(&self, at: usize) -> Option<&Label> {
        let graph = self.adjudicator.docket.graph;
        let key = self.tasks.get(at)?.key.map(|name| graph.text(name));
        self.book.label(&key)
    }

    fn open_from(&self, first: usize) -> Option<usize> {
        (first..self.tasks.len()).find(|at| self.label_at(*at).is_none())
    }
}

fn new_label(key: &ClaimKey<&str>) -> Label {
    let question = &key.answer.question;
    Label {
        run_id: Some(question.run.to_owned()),
        outer_attempt: Some(question.attempt),
        kind: if key.critique.is_some() {
            "critique"
        } else {
            "illposed"
        }
        .to_owned(),
        mode: key.critique.map(|(mode, _)| mode.to_owned()),
        question_model: Some(question.questioner.to_owned()),
        answer_model: Some(key.answer.answerer.to_owned()),
        critic_model: key.critique.map(|(_, critic)| critic.to_owned()),
        ..Label::default()
    }
}
