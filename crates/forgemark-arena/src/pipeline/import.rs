//! Questions and answers from elsewhere, as JSON lines.
//!
//! ```text
//! {"questioner": "openai/gpt-5.2", "run": "exam-7", "topic": "algebra", "question": "...", "answer": "...",
//!  "answers": {"lab/other": "..."}}
//! ```
//!
//! A model of the configuration stands for whoever asked: it defends the question and criticises what others answer to it. Nothing
//! is taken unless all of it can be, and nothing that is there is replaced.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::arena::{Answer, AnswerAttempt, Benchmark, Generation, Refinement, slug};
use forgemark_contract::json::{Json, Object, parse};
use forgemark_contract::settings::nearest;
use forgemark_journal::{ArtifactSet, Journal, RunLock};

use super::config::Settings;
use super::dossier::dossiers;
use super::error::ArenaError;
use super::folder::{self, Folder, Made, Product};
use super::run::Environment;

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Questions.
    pub questions: u64,
    /// Answers of others to them.
    pub answers: u64,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Brought {
    questioner: String,
    run: String,
    topic: String,
    question: String,
    answer: String,
    /// By the slug of the answerer.
    answers: Vec<(String, String)>,
}

/// Takes the questions and answers of `text`, the content of `file`, into an arena folder.
///
/// # Errors
/// [`ArenaError::Brought`] for the first line that cannot be taken; the folder is as it was then. Otherwise as
/// [`ArenaRun::open`](super::ArenaRun::open).
pub fn import(environment: &Environment, file: &Path, text: &[u8]) -> Result<Imported, ArenaError> {
    let settings = &environment.settings;
    let wrong = |line: usize, what: String| ArenaError::Brought {
        path: file.to_owned(),
        line,
        what,
    };
    let mut brought = Vec::new();
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        let read = parse(line).map_err(|error| error.to_string());
        let read = read.and_then(|value| Brought::read(&value, settings));
        brought.push((number + 1, read.map_err(|what| wrong(number + 1, what))?));
    }
    let storage = &environment.storage;
    let dir = &environment.out_dir;
    let lock = RunLock::acquire(&**storage, dir, &environment.owner)?;
    let (journal, _) = Journal::open(Arc::clone(storage), dir, environment.journal)?;
    let mut artifacts = ArtifactSet::open(&journal, &[])?;
    let mut folder = Folder::load(&**storage, dir, settings)?;
    let known = dossiers(folder.corpus(), folder.gone());
    let mut imported = Imported::default();
    let mut seen = BTreeSet::new();
    for (line, one) in brought {
        let whose = (one.questioner.clone(), one.run.clone());
        if known.contains_key(&whose) || !seen.insert(whose) {
            let Brought {
                questioner, run, ..
            } = one;
            let what = format!("there is a question of {questioner} for the run {run} already");
            return Err(wrong(line, what));
        }
        imported.questions += 1;
        imported.answers += one.answers.len() as u64;
        one.add(&mut folder);
    }
    folder.commit(&mut artifacts)?;
    drop(lock);
    Ok(imported)
}

impl Brought {
    fn read(value: &Json, settings: &Settings) -> Result<Self, String> {
        let known = [
            "questioner",
            "run",
            "topic",
            "question",
            "answer",
            "answers",
        ];
        let object = value.as_object().ok_or("it is no object")?;
        if let Some(other) = object.keys().find(|key| !known.contains(key)) {
            return Err(format!(
                "there is no key '{other}' (known: {})",
                known.join(", ")
            ));
        }
        let text = |key: &str| match object.get(key).and_then(Json::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err(format!("`{key}` must be text")),
        };
        let questioner = slug(&text("questioner")?);
        if settings.model(&questioner).is_none() {
            let slugs = settings.models.iter().map(|model| model.slug.as_str());
            let near = nearest(&questioner, slugs.clone());
            let near = near.map_or_else(
                || format!("; the models are {}", slugs.collect::<Vec<_>>().join(", ")),
                |near| format!("; did you mean {near}?"),
            );
            return Err(format!(
                "no model of the configuration is {questioner}{near}"
            ));
        }
        let mut answers = Vec::new();
        if let Some(given) = object.get("answers") {
            let given = given
                .as_object()
                .ok_or("`answers` must map models to texts")?;
            for (name, answer) in given {
                let answerer = slug(name);
                let answer = answer.as_str().filter(|text| !text.trim().is_empty());
                let answer = answer.ok_or_else(|| format!("`answers.{name}` must be text"))?;
                let names_file = !answerer.is_empty() && !answerer.starts_with('.');
                if !names_file || answerer == questioner {
                    return Err(format!(
                        "`answers.{name}` cannot be the name of an answerer"
                    ));
                }
                answers.push((answerer, answer.to_owned()));
            }
        }
        Ok(Brought {
            questioner,
            run: text("run")?,
            topic: object
                .get("topic")
                .map_or(Ok(String::new()), |_| text("topic"))?,
            question: text("question")?,
            answer: text("answer")?,
            answers,
        })
    }

    fn add(self, folder: &mut Folder) {
        // Nobody checked anything, and the files say so.
        let unchecked = || Json::Object(Object::new());
        let topic = if self.topic.is_empty() {
            self.run.clone()
        } else {
            self.topic
        };
        let refinement = Refinement {
            round: 1,
            question: self.question.clone(),
            answer: self.answer,
            evaluation: unchecked(),
            ..Refinement::default()
        };
        let question = Benchmark {
            run_id: self.run.clone(),
            outer_attempt: Some(1),
            topic_slug: topic.clone(),
            status: "succeeded".to_owned(),
            generation_rounds: Some(vec![Generation {
                refinement_rounds: vec![refinement],
                status: "succeeded".to_owned(),
                ..Generation::default()
            }]),
            ..Benchmark::default()
        };
        folder.add(Made {
            path: folder::question_path(&self.questioner),
            product: Product::Question(Arc::new(question)),
            provenance: None,
        });
        for (answerer, text) in self.answers {
            let answer = Answer {
                question_model: self.questioner.clone(),
                answer_model: answerer.clone(),
                question: self.question.clone(),
                run_id: Some(self.run.clone()),
                outer_attempt: Some(1),
                topic_slug: Some(topic.clone()),
                status: "succeeded".to_owned(),
                attempts: Some(vec![AnswerAttempt {
                    round: 1,
                    answer: text,
                    ..AnswerAttempt::default()
                }]),
                ..Answer::default()
            };
            folder.add(Made {
                path: folder::answer_path(&self.questioner, &answerer),
                product: Product::Answer(Arc::new(answer)),
                provenance: None,
            });
        }
    }
}
