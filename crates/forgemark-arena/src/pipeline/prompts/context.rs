//! What the prompts are told, and how it becomes template variables.

use minijinja::{Value, context};

use forgemark_contract::arena;
use forgemark_model::prompt::{attribute, push_block};

use super::{PromptError, Prompts};
use crate::pipeline::config::Protocol;
use crate::pipeline::replies::{Checked, Task};

/// What a questioner is told.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The topic, in words.
    pub topic: &'a str,
    /// Questions of this run that were rejected, oldest first.
    pub rejected: &'a [Earlier<'a>],
    /// Why the run is asked again, when it is a further attempt.
    pub replace: Option<Replace>,
}

/// A question that was asked before for the same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier<'a> {
    /// The question.
    pub question: &'a str,
    /// What became of it, such as `failed` or `ill-posed`; may be empty.
    pub why: &'a str,
}

/// Why a run is asked for another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replace {
    /// A claim against the earlier question or its answer was upheld.
    Invalidated,
    /// The questioner could not answer its own question.
    Failed,
    /// Both happened to earlier ones.
    Both,
}

impl Replace {
    /// All three.
    pub const ALL: [Replace; 3] = [Replace::Invalidated, Replace::Failed, Replace::Both];

    /// The word in the prompt's variables.
    pub fn as_str(self) -> &'static str {
        match self {
            Replace::Invalidated => "invalidated",
            Replace::Failed => "failed",
            Replace::Both => "both",
        }
    }
}

impl Question<'_> {
    pub(super) fn values(&self) -> Value {
        let mut rejected = String::new();
        for earlier in self.rejected {
            let attributes = [("why", earlier.why)];
            let shown = usize::from(!earlier.why.is_empty());
            push_block(
                &mut rejected,
                "rejected",
                &attributes[..shown],
                earlier.question,
            );
        }
        context! {
            topic => block("topic", self.topic),
            rejected,
            replace => self.replace.map_or("", Replace::as_str),
            task => task("question", &[]),
        }
    }
}

/// What a debate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DebateKind {
    /// A fault of an answer.
    Critique,
    /// A question that is called ill-posed.
    IllPosed,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The claimant.
    Alice,
    /// The defender.
    Bob,
}

impl Side {
    /// The name in transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Alice => "Alice",
            Side::Bob => "Bob",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Side::Alice => Side::Bob,
            Side::Bob => Side::Alice,
        }
    }

    fn role(self) -> &'static str {
        match self {
            Side::Alice => "claimant",
            Side::Bob => "defender",
        }
    }
}

/// A message of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// The round, from 1.
    pub round: i64,
    /// Who spoke.
    pub side: Side,
    /// The message.
    pub message: &'a str,
    /// Whether the speaker gave in.
    pub concede: bool,
}

impl<'a> Said<'a> {
    /// A message of a file; `None` for a speaker of neither vocabulary.
    pub fn of(message: &'a arena::Message) -> Option<Self> {
        Some(Said {
            round: message.round,
            side: if message.is_alice()? {
                Side::Alice
            } else {
                Side::Bob
            },
            message: &message.message,
            concede: message.concedes(),
        })
    }
}

/// What a debater is told.
#[derive(Debug, Clone, Copy)]
pub struct Debate<'a> {
    /// What it is about.
    pub kind: DebateKind,
    /// Who is to speak.
    pub side: Side,
    /// The question.
    pub question: &'a str,
    /// The answer that is criticised, or that calls the question ill-posed.
    pub answer: &'a str,
    /// The claim ([`crate::pipeline::replies::claim`], [`crate::pipeline::replies::ill_posed_claim`]).
    pub claim: &'a str,
    /// What was said so far.
    pub transcript: &'a [Said<'a>],
    /// The round, from 1.
    pub round: u32,
    /// Rounds at most.
    pub rounds: u32,
    /// Most characters of the transcript that are shown.
    pub transcript_chars: usize,
}

impl Debate<'_> {
    pub(super) fn values(&self, protocol: Protocol) -> Value {
        let name = match self.kind {
            DebateKind::Critique => "debate_critique",
            DebateKind::IllPosed => "debate_illposed",
        };
        let last = self
            .transcript
            .iter()
            .rev()
            .find(|said| said.side == self.side.other());
        let (answer, claim, transcript, left_out, last) = match protocol {
            Protocol::Forgemark1 => {
                let (transcript, left_out) = transcript(self.transcript, self.transcript_chars);
                (self.answer, self.claim, transcript, left_out, String::new())
            }
            Protocol::Crb1 => {
                let answer = match (self.kind, self.side) {
                    (DebateKind::Critique, Side::Bob) => self.answer,
                    _ => "",
                };
                let claim = match (self.kind, self.side) {
                    (_, Side::Bob) if last.is_none() => self.claim,
                    (DebateKind::Critique, Side::Alice) => self.claim,
                    _ => "",
                };
                let last = last.map_or_else(String::new, |said| block("last", said.message));
                (answer, claim, String::new(), 0, last)
            }
        };
        context! {
            side => self.side.as_str(),
            other => self.side.other().as_str(),
            question => block("question", self.question),
            answer => block("answer", answer),
            claim => block("claim", claim),
            transcript,
            left_out,
            last,
            round => self.round,
            rounds => self.rounds,
            task => task(name, &[("side", self.side.role()), ("round", &self.round.to_string()), ("rounds", &self.rounds.to_string())]),
        }
    }
}

/// What a judge is told, redacted.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// What kind of claim it decides.
    pub task: Task,
    /// The question.
    pub question: &'a str,
    /// The answer that is criticised, or that calls the question ill-posed.
    pub answer: &'a str,
    /// The claim.
    pub claim: &'a str,
    /// What was said; may be empty.
    pub transcript: &'a [Said<'a>],
    /// Most characters of the transcript that are shown.
    pub transcript_chars: usize,
}

impl Judge<'_> {
    pub(super) fn values(&self, protocol: Protocol) -> Value {
        let (name, hides) = match self.task {
            Task::Critique => ("judge_critique", false),
            Task::IllPosed => ("judge_illposed", protocol == Protocol::Crb1),
        };
        let (transcript, left_out) = transcript(self.transcript, self.transcript_chars);
        context! {
            question => block("question", self.question),
            answer => block("answer", self.answer),
            claim => block("claim", if hides { "" } else { self.claim }),
            transcript,
            left_out,
            task => task(name, &[]),
        }
    }
}

/// One variable, which is a block of its own name.
pub(super) fn one(prompt: &str, name: &str, text: &str) -> Value {
    let pairs = [
        (name, Value::from(block(name, text))),
        ("task", Value::from(task(prompt, &[]))),
    ];
    Value::from_pairs(pairs)
}

/// A question with its answer.
pub(super) fn answered(prompt: &str, question: &str, answer: &str, note: &str) -> Value {
    context! {
        question => block("question", question),
        answer => block("answer", answer),
        note => block("note", note),
        task => task(prompt, &[]),
    }
}

/// What is to be checked or made better.
pub(super) fn refined(
    prompt: &str,
    question: &str,
    answer: &str,
    critique: &str,
    feedback: &str,
) -> Value {
    context! {
        question => block("question", question),
        answer => block("answer", answer),
        critique => block("critique", critique),
        feedback => block("feedback", feedback),
        task => task(prompt, &[]),
    }
}

/// A reply that could not be read, with the schema of what was asked for.
pub(super) fn repair(reply: &str, schema: &str) -> Value {
    context! {
        reply => block("reply", reply),
        schema => block("schema", schema),
        task => task("repair", &[]),
    }
}

/// Renders every prompt once, so that a template that fails does so before a run begins.
pub(super) fn rehearse(prompts: &Prompts) -> Result<(), PromptError> {
    let said = [
        Said {
            round: 1,
            side: Side::Bob,
            message: "m",
            concede: false,
        },
        Said {
            round: 1,
            side: Side::Alice,
            message: "m",
            concede: false,
        },
    ];
    for replace in [None].into_iter().chain(Replace::ALL.map(Some)) {
        let rejected = [Earlier {
            question: "q",
            why: "failed",
        }];
        prompts.question(&Question {
            topic: "t",
            rejected: if replace.is_some() { &rejected } else { &[] },
            replace,
        })?;
    }
    prompts.format("r")?;
    prompts.answer("q")?;
    for checked in [Checked::OwnAnswer, Checked::Answer] {
        prompts.check_answer(checked, "q", "a", "")?;
        prompts.check_answer(checked, "q", "a", "n")?;
    }
    prompts.refine("q", "a", "f")?;
    prompts.critique("q", "a")?;
    prompts.check_critique("q", "a", "c")?;
    prompts.refine_critique("q", "a", "c", "f")?;
    for transcript in [&said[..0], &said[..1], &said[..]] {
        for kind in [DebateKind::Critique, DebateKind::IllPosed] {
            for side in [Side::Alice, Side::Bob] {
                prompts.debate(&Debate {
                    kind,
                    side,
                    question: "q",
                    answer: "a",
                    claim: "c",
                    transcript,
                    round: 1,
                    rounds: 5,
                    transcript_chars: 1_000,
                })?;
            }
        }
        for task in [Task::Critique, Task::IllPosed] {
            prompts.judge(&Judge {
                task,
                question: "q",
                answer: "a",
                claim: "c",
                transcript,
                transcript_chars: 1_000,
            })?;
        }
    }
    prompts.repair("r", &forgemark_model::ReplyFormat::Text)?;
    Ok(())
}

/// A block of data; nothing where there is no text.
fn block(name: &str, text: &str) -> String {
    let mut out = String::new();
    if !text.is_empty() {
        push_block(&mut out, name, &[], text);
    }
    out
}

/// The newest messages that fit `most` characters, at least the last, and how many older ones are left out.
fn transcript(said: &[Said<'_>], most: usize) -> (String, usize) {
    let mut room = most;
    let mut shown = 0;
    for message in said.iter().rev() {
        let chars = message.message.chars().count();
        if shown > 0 && chars > room {
            break;
        }
        room = room.saturating_sub(chars);
        shown += 1;
    }
    let left_out = said.len() - shown;
    let mut out = String::new();
    for message in &said[left_out..] {
        let round = message.round.to_string();
        let mut attributes = vec![("speaker", message.side.as_str()), ("round", &round)];
        if message.concede {
            attributes.push(("concedes", "true"));
        }
        push_block(&mut out, "message", &attributes, message.message);
    }
    (out, left_out)
}

/// The line for programs that read prompts.
fn task(role: &str, attributes: &[(&str, &str)]) -> String {
    let mut out = "<task".to_owned();
    attribute(&mut out, "role", role);
    for (name, value) in attributes {
        attribute(&mut out, name, value);
    }
    out.push_str("/>");
    out
}
