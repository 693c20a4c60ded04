//! Files of an arena: questions with the answers of all models as candidates, critiques and debates beside them.
//!
//! ```text
//! session ORIGIN/RUN/QUESTIONER/ATTEMPT      question ─┬─ answer/A      candidates of one group
//!                                                      └─ answer/B ◄─ critiques ─┐
//! session .../critique/MODE/CRITIC/B                                  critique ──┴─ debate/0 ─ debate/1 ...
//! session .../illposed/A                     answer/A ◄─ disputes ─ debate/0 ...
//! in the session of their claim              critique, answer/A ◄─ judges ─ judgment/J; ◄─ labels ─ label/USER
//! ```
//!
//! Names of models stand in keys as slugs. Critiques have the role `critic`, messages of debates `claimant` and `defender`, decisions of
//! judges `judge` and those of people `labeller`; no trainer takes those roles for an answer. An answer that an adjudication calls right gets the label `chosen` and the reward 1,
//! one that it calls wrong `rejected` and 0, and `reward_source` is `adjudication:POLICY@DIGEST`; the critique of a claim gets
//! the same for the claim. What is dropped or unresolved has neither.
//!
//! Hidden by their lifecycle status: questions that failed (`failed`), that a later attempt replaced (`replaced`) or that were adjudicated
//! invalid (`invalid`), with all that hangs on them; answers that failed or call their question ill-posed, as long as nothing was adjudicated about them.
//!
//! A decision needs its critique, or the answer that calls its question ill-posed. Of several decisions of one judge or person about one claim
//! the last one becomes a record. What models decided in people's place (`synthetic_adjudications/`) becomes none.

mod adjudicated;
mod decisions;

use std::collections::{HashMap, HashSet};

use super::unit::{Draft, Head, Times, join};
use super::{Options, Problem, Unit, record_id};
use crate::arena::{
    Adjudication, Answer, AnswerKey, Benchmark, ClaimKey, Critique, Debate, FileKind, ListFile,
    Place, QuestionKey, Row, Slot, slug,
};
use crate::json::{Json, Object, to_compact};
use crate::shape::ShapeError;
use crate::store::{ChatMessage, Relationship};

/// The file of adjudications in an arena folder.
pub const ADJUDICATIONS: &str = "adjudications.jsonl";

/// The files of one arena folder, in the order of [`Arena::rank`].
#[derive(Debug)]
pub struct Arena {
    options: Options,
    times: Times,
    adjudications: HashMap<String, Adjudication>,
    policy: Option<String>,
    questions: HashMap<String, Question>,
    /// Places of answers, critiques, debates and decisions.
    seen: HashSet<String>,
    /// Judgments and labels of each claim so far.
    decided: HashMap<String, i64>,
}

/// What is known of a question.
#[derive(Debug)]
struct Question {
    /// The word that hides it and what hangs on it.
    hidden: Option<&'static str>,
    /// How many answers there are.
    answers: i64,
}

/// What a file came to.
struct Found {
    file: String,
    units: Vec<Unit>,
    problems: Vec<Problem>,
}

impl Found {
    fn problem(&mut self, line: Option<u64>, error: ShapeError) {
        self.problems.push(Problem {
            file: self.file.clone(),
            line,
            field: error.path.trim_start_matches('$').to_owned(),
            what: error.what,
        });
    }
}

impl Arena {
    /// A folder of which nothing was read yet.
    pub fn new(options: Options) -> Self {
        Arena {
            options,
            times: Times::default(),
            adjudications: HashMap::new(),
            policy: None,
            questions: HashMap::new(),
            seen: HashSet::new(),
            decided: HashMap::new(),
        }
    }

    /// The turn of a file by its path in the folder, with `/` between its parts: files of a lower rank are read first. `None`
    /// for a file of which nothing is taken.
    pub fn rank(path: &str) -> Option<usize> {
        if path == ADJUDICATIONS {
            return Some(0);
        }
        match Place::of_path(path)?.kind {
            FileKind::Benchmarks => Some(1),
            FileKind::Answers => Some(2),
            FileKind::Critiques => Some(3),
            FileKind::Debates => Some(4),
            FileKind::Judgments => Some(5),
            FileKind::Labels => Some(6),
            FileKind::Adjudications => None,
        }
    }

    /// What a file holds, with what of it cannot be read or stands alone: an answer needs its question, a critique its answer, a
    /// debate its critique, a decision its claim.
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> (Vec<Unit>, Vec<Problem>) {
        let mut found = Found {
            file: path.to_owned(),
            units: Vec::new(),
            problems: Vec::new(),
        };
        if path == ADJUDICATIONS {
            self.adjudications(bytes, &mut found);
        } else if let Some(place) = Place::of_path(path) {
            match place.kind {
                FileKind::Benchmarks => {
                    let list = parsed::<Benchmark>(bytes, &mut found);
                    let newest = newest_attempts(&list);
                    let questioner = place.questioner.unwrap_or_default();
                    self.entries(&list, &mut found, |arena, _, row| {
                        let live = newest.get(&row.run_id).is_none_or(|n| *n <= row.attempt());
                        arena.question(row, &questioner, live)
                    });
                }
                FileKind::Answers => {
                    let list = parsed(bytes, &mut found);
                    self.entries(&list, &mut found, |arena, _, row| arena.answer(row, &place));
                }
                FileKind::Critiques => {
                    let list = parsed(bytes, &mut found);
                    self.entries(&list, &mut found, |arena, _, row| {
                        arena.critique(row, &place)
                    });
                }
                FileKind::Debates => {
                    let list = parsed(bytes, &mut found);
                    self.entries(&list, &mut found, |arena, _, row| arena.debate(row, &place));
                }
                FileKind::Judgments => self.judgments(bytes, &place.stem, &mut found),
                FileKind::Labels => self.labels(bytes, &place.stem, &mut found),
                FileKind::Adjudications => {}
            }
        }
        (found.units, found.problems)
    }

    fn entries<T: Row>(
        &mut self,
        list: &ListFile<T>,
        found: &mut Found,
        mut take: impl FnMut(&mut Self, usize, &T) -> Result<Unit, ShapeError>,
    ) {
        for (index, slot) in list.slots.iter().enumerate() {
            match slot {
                Slot::Placeholder(_) => {}
                Slot::Unreadable { error, .. } => {
                    found.problem(None, error.clone().under_index(index));
                }
                Slot::Entry(entry) => match take(self, index, &entry.record) {
                    Ok(unit) => found.units.push(unit),
                    Err(error) => found.problem(None, error.under_index(index)),
                },
            }
        }
    }

    fn question(
        &mut self,
        row: &Benchmark,
        questioner: &str,
        live: bool,
    ) -> Result<Unit, ShapeError> {
        let key = question_key(Some(&row.run_id), questioner, row.outer_attempt)?;
        let name = key.to_string();
        let last = row.last().ok_or_else(|| {
            ShapeError::here("no question was generated").under_key("generation_rounds")
        })?;
        if self.questions.contains_key(&name) {
            return Err(ShapeError::here(format!("question {name} stands twice")));
        }
        let invalid = (self.adjudications.get(&name)).is_some_and(|row| row.outcome == "invalid");
        let hidden = match (row.status.as_str(), live) {
            ("succeeded", true) if invalid => Some("invalid"),
            ("succeeded", true) => None,
            ("succeeded", false) => Some("replaced"),
            _ => Some("failed"),
        };
        self.questions
            .insert(name.clone(), Question { hidden, answers: 1 });
        let mut question = Draft::new(ChatMessage::text("user", &last.question));
        question.place = Some("question".to_owned());
        question.metadata = about("question", &key, Some(&row.topic_slug));
        self.decide(&name, &mut question);
        let answer = AnswerKey {
            question: key,
            answerer: slug(questioner),
        };
        self.seen.insert(answer_place(&answer));
        let mut own = self.answer_draft(
            &answer,
            &last.answer,
            Some(&row.topic_slug),
            &row.status,
            &last.evaluation,
        );
        own.seq = Some(1);
        own.parent = Some(0);
        let head = self.head(&name, &name, &answer_place(&answer), &row.to_json());
        Ok(self.unit(head, vec![question, own]))
    }

    fn answer(&mut self, row: &Answer, place: &Place) -> Result<Unit, ShapeError> {
        in_place([
            (
                "question_model",
                row.question_model.as_str(),
                questioner(place),
            ),
            (
                "answer_model",
                row.answer_model.as_str(),
                place.stem.as_str(),
            ),
        ])?;
        let key = question_key(row.run(), &row.question_model, row.outer_attempt)?;
        let name = key.to_string();
        let Some(question) = self.questions.get_mut(&name) else {
            return Err(ShapeError::here(format!("there is no question {name}")));
        };
        let key = AnswerKey {
            question: key,
            answerer: slug(&row.answer_model),
        };
        let place = answer_place(&key);
        let Some(last) = row.last() else {
            return Err(ShapeError::here("there is no answer").under_key("attempts"));
        };
        if !self.seen.insert(place.clone()) {
            return Err(ShapeError::here(format!("{place} stands twice")));
        }
        let seq = question.answers + 1;
        question.answers = seq;
        let check = last.evaluation.clone().unwrap_or_default();
        let mut draft = self.answer_draft(
            &key,
            &last.answer,
            row.topic_slug.as_deref(),
            &row.status,
            &check,
        );
        draft.seq = Some(seq);
        draft.parent_elsewhere = Some(self.external(&format!("{name}/question")));
        if let Some(claim) = &row.ill_posed_claim {
            let claim = Object::from([("ill_posed_claim", claim.clone())]);
            add_to_arena(&mut draft, &claim);
        }
        let head = self.head(&name, &name, &place, &row.to_json());
        Ok(self.unit(head, vec![draft]))
    }

    fn answer_draft(
        &self,
        key: &AnswerKey<String>,
        text: &str,
        topic: Option<&str>,
        status: &str,
        check: &Json,
    ) -> Draft {
        let mut draft = Draft::new(ChatMessage::text("assistant", text));
        draft.place = Some(format!("answer/{}", key.answerer));
        draft.candidate = true;
        draft.metadata = about("answer", &key.question, topic);
        draft.metadata.insert("group_id", key.question.to_string());
        let mut more = Object::new();
        more.insert("answerer", &key.answerer);
        more.insert("status", status);
        if check.is_truthy() {
            more.insert("check", check.clone());
        }
        add_to_arena(&mut draft, &more);
        let decided = self.decide(&answer_place(key), &mut draft);
        if status != "succeeded" && !decided {
            draft.lifecycle = Some(status.to_owned());
        }
        draft
    }

    fn critique(&mut self, row: &Critique, place: &Place) -> Result<Unit, ShapeError> {
        let pair = format!("{}__{}", slug(&row.critic), slug(&row.answer_author));
        in_place([
            (
                "question_author",
                row.question_author.as_str(),
                questioner(place),
            ),
            (
                "critic and answer_author",
                pair.as_str(),
                place.stem.as_str(),
            ),
        ])?;
        let mode = place.mode.clone().unwrap_or_default();
        let answer = self.answered(row, &row.question_author, &row.answer_author)?;
        let claim = ClaimKey {
            answer: answer.clone(),
            critique: Some((mode, slug(&row.critic))),
        };
        let last = row
            .last()
            .ok_or_else(|| ShapeError::here("there is no critique").under_key("attempts"))?;
        let session = claim_place(&claim);
        if !self.seen.insert(session.clone()) {
            return Err(ShapeError::here(format!("{session} stands twice")));
        }
        let text = last.cleaned_critique.as_ref().unwrap_or(&last.raw_critique);
        let mut draft = Draft::new(ChatMessage::text("critic", text));
        draft.place = Some("critique".to_owned());
        draft.metadata = about("critique", &answer.question, row.topic_slug.as_deref());
        let mut more = of_claim(&claim);
        more.insert("status", &row.status);
        more.insert("verdict", &last.verdict);
        more.insert("notes", &last.notes);
        if let Some(suggestions) = &last.suggestions {
            more.insert("suggestions", suggestions);
        }
        add_to_arena(&mut draft, &more);
        self.decide(&session, &mut draft);
        let answer_id = self.external(&answer_place(&answer));
        draft.relationships = vec![edge(&answer_id, "critiques")];
        draft.parent_elsewhere = Some(answer_id);
        if row.status != "succeeded" {
            draft.lifecycle = Some(row.status.clone());
        }
        let question = answer.question.to_string();
        let head = self.head(&question, &session, &session, &row.to_json());
        Ok(self.unit(head, vec![draft]))
    }

    fn debate(&mut self, row: &Debate, place: &Place) -> Result<Unit, ShapeError> {
        // A debate does not name its questioner: the path does. Who is not named is one of the two who speak.
        let questioner = place.questioner.as_deref().unwrap_or_default();
        let critique = place.mode.as_ref().map(|mode| {
            let critic = row.critic.as_ref().unwrap_or(&row.alice_model);
            (mode.clone(), slug(critic))
        });
        let answerer = match &critique {
            Some(_) => row.answer_author.as_ref().unwrap_or(&row.bob_model),
            None => row.claimant.as_ref().unwrap_or(&row.alice_model),
        };
        let told = match &critique {
            Some((_, critic)) => format!("{critic}__{}", slug(answerer)),
            None => slug(answerer),
        };
        in_place([("who debates", told.as_str(), place.stem.as_str())])?;
        let answer = self.answered(row, questioner, answerer)?;
        let claim = ClaimKey {
            answer: answer.clone(),
            critique,
        };
        let session = claim_place(&claim);
        let before = match &claim.critique {
            Some(_) if !self.seen.contains(&session) => {
                return Err(ShapeError::here(format!("there is no critique {session}")));
            }
            Some(_) => format!("{session}/critique"),
            None => answer_place(&answer),
        };
        if !self.seen.insert(format!("{session}/debate")) {
            return Err(ShapeError::here(format!(
                "the debate of {session} stands twice"
            )));
        }
        let before = self.external(&before);
        let mut drafts = Vec::with_capacity(row.history.len());
        for (place, said) in row.history.iter().enumerate() {
            let (role, model) = match said.is_alice() {
                Some(true) => ("claimant", &row.alice_model),
                Some(false) => ("defender", &row.bob_model),
                None => {
                    let what = format!("expected Alice or Bob, found {}", said.speaker);
                    return Err(ShapeError::here(what)
                        .under_key("speaker")
                        .under_index(place)
                        .under_key("history"));
                }
            };
            let mut message = ChatMessage::text(role, &said.message);
            message.name = Some(slug(model));
            let mut draft = Draft::new(message);
            draft.place = Some(format!("debate/{place}"));
            draft.seq = i64::try_from(place + 1).ok();
            draft.metadata = about("debate", &answer.question, row.topic_slug.as_deref());
            let mut more = of_claim(&claim);
            more.insert("round", said.round);
            more.insert("concedes", said.concedes());
            add_to_arena(&mut draft, &more);
            if place == 0 {
                draft.relationships = vec![edge(&before, "disputes")];
                draft.parent_elsewhere = Some(before.clone());
            } else {
                draft.parent = Some(place - 1);
            }
            drafts.push(draft);
        }
        let question = answer.question.to_string();
        let head = self.head(&question, &session, &session, &row.to_json());
        Ok(self.unit(head, drafts))
    }

    /// The key of an answer that must be there.
    fn answered(
        &self,
        row: &impl Row,
        questioner: &str,
        answerer: &str,
    ) -> Result<AnswerKey<String>, ShapeError> {
        let answer = AnswerKey {
            question: question_key(row.run(), questioner, row.outer_attempt())?,
            answerer: slug(answerer),
        };
        let place = answer_place(&answer);
        if self.seen.contains(&place) {
            Ok(answer)
        } else {
            Err(ShapeError::here(format!("there is no answer {place}")))
        }
    }

    fn external(&self, place: &str) -> String {
        format!("{}/{place}", self.options.origin)
    }

    /// The head of a unit that hangs on a question. Its digest is that of its entry and of what was adjudicated about it.
    fn head(&self, question: &str, session: &str, decided_at: &str, entry: &Json) -> Head {
        let hidden = self.questions.get(question).and_then(|known| known.hidden);
        let decided = |place: &str| {
            let row = self.adjudications.get(place);
            row.map(to_compact).unwrap_or_default()
        };
        let parts = [
            to_compact(entry),
            hidden.unwrap_or_default().as_bytes().to_vec(),
            decided(question),
            decided(decided_at),
        ];
        Head {
            session: self.external(session),
            lifecycle: hidden.map(str::to_owned),
            digest: self.options.digest(&parts.each_ref().map(Vec::as_slice)),
            ..Head::default()
        }
    }

    fn unit(&mut self, head: Head, drafts: Vec<Draft>) -> Unit {
        let unit = self.times.unit(head, drafts, &self.options);
        Unit {
            session: None,
            ..unit
        }
    }
}

/// Refuses an entry that says another name than its path, which would have two places.
fn in_place<'a>(
    names: impl IntoIterator<Item = (&'static str, &'a str, &'a str)>,
) -> Result<(), ShapeError> {
    let other = names
        .into_iter()
        .find(|(_, said, path)| slug(said) != *path);
    other.map_or(Ok(()), |(field, said, path)| {
        let what = format!("expected {path}, as the path says, found {said}");
        Err(ShapeError::here(what).under_key(field))
    })
}

fn questioner(place: &Place) -> &str {
    place.questioner.as_deref().unwrap_or_default()
}

/// A file of entries; none where it is no such file, which is said.
fn parsed<T: Row>(bytes: &[u8], found: &mut Found) -> ListFile<T> {
    ListFile::parse(bytes).unwrap_or_else(|error| {
        found.problem(None, ShapeError::here(error.to_string()));
        ListFile::default()
    })
}

fn question_key(
    run: Option<&str>,
    questioner: &str,
    attempt: Option<i64>,
) -> Result<QuestionKey<String>, ShapeError> {
    let run = run.filter(|run| !run.is_empty());
    let run = run.ok_or_else(|| ShapeError::here("it is missing").under_key("run_id"))?;
    Ok(QuestionKey {
        run: run.to_owned(),
        questioner: slug(questioner),
        attempt: attempt.unwrap_or(1),
    })
}

/// `RUN/QUESTIONER/ATTEMPT/answer/ANSWERER`
fn answer_place(key: &AnswerKey<String>) -> String {
    format!("{}/answer/{}", key.question, key.answerer)
}

/// `RUN/QUESTIONER/ATTEMPT/critique/MODE/CRITIC/ANSWERER`, or `RUN/QUESTIONER/ATTEMPT/illposed/ANSWERER`
fn claim_place(key: &ClaimKey<String>) -> String {
    let AnswerKey { question, answerer } = &key.answer;
    match &key.critique {
        Some((mode, critic)) => format!("{question}/critique/{mode}/{critic}/{answerer}"),
        None => format!("{question}/illposed/{answerer}"),
    }
}

/// The newest attempt of each run of a file of questions, which replaces the others.
fn newest_attempts(list: &ListFile<Benchmark>) -> HashMap<String, i64> {
    let mut newest = HashMap::new();
    for (_, row) in list.records() {
        let attempt = newest.entry(row.run_id.clone()).or_insert(1);
        *attempt = row.attempt().max(*attempt);
    }
    newest
}

fn about(kind: &str, key: &QuestionKey<String>, topic: Option<&str>) -> Object {
    let mut arena = Object::new();
    arena.insert("kind", kind);
    arena.insert("run", &key.run);
    arena.insert("questioner", &key.questioner);
    arena.insert("attempt", key.attempt);
    if let Some(topic) = topic {
        arena.insert("topic", topic);
    }
    Object::from([("arena", Json::Object(arena))])
}

fn of_claim(claim: &ClaimKey<String>) -> Object {
    let mut more = Object::new();
    more.insert("answerer", &claim.answer.answerer);
    if let Some((mode, critic)) = &claim.critique {
        more.insert("critic", critic);
        more.insert("mode", mode);
    }
    more
}

fn add_to_arena(draft: &mut Draft, more: &Object) {
    if let Some(Json::Object(arena)) = draft.metadata.get_mut("arena") {
        join(arena, more);
    }
}

fn edge(external_id: &str, relation: &str) -> Relationship {
    Relationship {
        target_id: record_id(external_id),
        relation: relation.to_owned(),
        ..Relationship::default()
    }
}
