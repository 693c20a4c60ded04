//! Claims of known truth, put before judges and critics to measure how often they err.
//!
//! ```text
//! answers that the policy takes as right, ──┬─ a digit of the result changed: a fault that is there   (planted fault)
//! with the questioner's own result          └─ as it is, with a claim against it: one that is not     (planted correct)
//! ```
//!
//! The fault is planted by us and not by a model, so nobody's skill decides what is true. Everything about controls stands in
//! `.forgemark/controls/controls.jsonl`, where nothing that rates looks; a judge is never asked about an answer or a question of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::arena::{AnswerKey, QuestionKey};
use forgemark_contract::json::{Json, parse, to_line};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{JournalError, Storage, write_atomic};
use forgemark_stats::{Interval, Z_95, wilson};
use futures_util::future::join_all;

use super::ask::Task;
use super::config::Role;
use super::dossier::{Attempts, newest};
use super::engine::{Engine, Halt, Stage};
use super::error::ArenaError;
use super::prompts;
use super::redact;
use super::replies::{self, Critique, Judgment};
use crate::adjudicate::{Outcome, Verdict};
use crate::policy::Mixed;

/// What is true of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// The answer has a fault.
    Fault,
    /// The answer is right.
    Correct,
}

impl Planted {
    /// Both.
    pub const ALL: [Planted; 2] = [Planted::Fault, Planted::Correct];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Planted::Fault => "fault",
            Planted::Correct => "correct",
        }
    }
}

/// Who a control was put before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Examined {
    /// A judge, with a claim about the answer.
    Judge,
    /// A critic, with the answer alone.
    Critic,
}

impl Examined {
    /// Both.
    pub const ALL: [Examined; 2] = [Examined::Judge, Examined::Critic];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Examined::Judge => "judge",
            Examined::Critic => "critic",
        }
    }
}

/// One control put before one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// What is true.
    pub planted: Planted,
    /// Who was asked.
    pub examined: Examined,
    /// The slug of the model.
    pub model: String,
    /// The key of the answer, as it is printed.
    pub answer: String,
    /// The verdict in the words of judgments or critiques; `unknown` where the reply could not be read.
    pub verdict: String,
    /// Whether the model says that the answer has a fault; `None` where it says nothing.
    pub says_fault: Option<bool>,
    /// The keys of the calls in the journal.
    pub calls: Vec<String>,
}

/// How often a model errs on controls.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// In which role.
    pub examined: Examined,
    /// The slug of the model.
    pub model: String,
    /// Wrong things that it accepted: a judge a claim of a fault that is not there, a critic an answer with a fault.
    pub false_accepts: Rate,
    /// Right things that it rejected: a judge a claim of a fault that is there, a critic a right answer.
    pub false_rejects: Rate,
    /// Controls on which it said nothing.
    pub unread: u64,
}

/// Errors among trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Errors.
    pub errors: u64,
    /// Controls with a verdict.
    pub of: u64,
}

impl Rate {
    /// The share, if there is any trial.
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.errors as f64 / self.of as f64)
    }

    /// The 95 % Wilson interval of the share.
    pub fn interval(self) -> Option<Interval> {
        wilson(self.errors, self.of, Z_95)
    }

    fn count(&mut self, error: bool) {
        self.of += 1;
        self.errors += u64::from(error);
    }
}

/// How often each judge and critic errs, judges first, by name.
pub fn reliability(controls: &[Control]) -> Vec<Reliability> {
    let mut all: BTreeMap<(Examined, &str), Reliability> = BTreeMap::new();
    for control in controls {
        let whose = (control.examined, control.model.as_str());
        let found = all.entry(whose).or_insert_with(|| Reliability {
            examined: control.examined,
            model: control.model.clone(),
            false_accepts: Rate::default(),
            false_rejects: Rate::default(),
            unread: 0,
        });
        let Some(says_fault) = control.says_fault else {
            found.unread += 1;
            continue;
        };
        // A judge accepts a claim, a critic an answer.
        match (control.examined, control.planted) {
            (Examined::Judge, Planted::Correct) => found.false_accepts.count(says_fault),
            (Examined::Judge, Planted::Fault) => found.false_rejects.count(!says_fault),
            (Examined::Critic, Planted::Fault) => found.false_accepts.count(!says_fault),
            (Examined::Critic, Planted::Correct) => found.false_rejects.count(says_fault),
        }
    }
    all.into_values().collect()
}

fn path(dir: &Path) -> PathBuf {
    dir.join(STATE_DIR).join("controls").join("controls.jsonl")
}

/// The controls of a folder; none where it has no file of them.
///
/// # Errors
/// A file that cannot be read, or a line of it that is none.
pub fn load(storage: &dyn Storage, dir: &Path) -> Result<Vec<Control>, ArenaError> {
    let path = path(dir);
    let failed = |source| JournalError::Read {
        path: path.clone(),
        source: Arc::new(source),
    };
    if storage.len(&path).map_err(failed)?.is_none() {
        return Ok(Vec::new());
    }
    let bytes = storage.read(&path).map_err(failed)?;
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    let read = lines.map(|(number, line)| {
        let wrong = |what: String| ArenaError::Line {
            path: path.clone(),
            line: number + 1,
            what,
        };
        let value = parse(line).map_err(|error| wrong(error.to_string()))?;
        Control::from_json(&value).ok_or_else(|| wrong("it is no control".to_owned()))
    });
    read.collect()
}

/// Writes the controls, whole or not at all, in their order.
pub(crate) fn save(
    storage: &dyn Storage,
    dir: &Path,
    mut controls: Vec<Control>,
) -> Result<(), ArenaError> {
    controls.sort_by_cached_key(Control::name);
    let mut bytes = Vec::new();
    for control in &controls {
        bytes.extend_from_slice(&to_line(&control.to_json()));
        bytes.push(b'\n');
    }
    let path = path(dir);
    let failed = |source| JournalError::Write {
        path: path.clone(),
        source: Arc::new(source),
    };
    if let Some(folder) = path.parent() {
        storage.create_dir_all(folder).map_err(failed)?;
    }
    Ok(write_atomic(storage, &path, &bytes).map_err(failed)?)
}

impl Control {
    fn name(&self) -> String {
        name(self.planted, self.examined, &self.answer, &self.model)
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("planted", Json::from(self.planted.as_str())),
            ("examined", Json::from(self.examined.as_str())),
            ("model", Json::from(self.model.as_str())),
            ("answer", Json::from(self.answer.as_str())),
            ("verdict", Json::from(self.verdict.as_str())),
            ("says_fault", Json::from(self.says_fault)),
            ("calls", Json::from(self.calls.as_slice())),
        ])
    }

    fn from_json(value: &Json) -> Option<Self> {
        let word = |key: &str| value.at(key).as_str();
        let calls = value.items("calls").iter().filter_map(Json::as_str);
        Some(Control {
            planted: *(Planted::ALL.iter()).find(|one| Some(one.as_str()) == word("planted"))?,
            examined: *(Examined::ALL.iter()).find(|one| Some(one.as_str()) == word("examined"))?,
            model: word("model")?.to_owned(),
            answer: word("answer")?.to_owned(),
            verdict: word("verdict")?.to_owned(),
            says_fault: value.at("says_fault").as_bool(),
            calls: calls.map(str::to_owned).collect(),
        })
    }
}

fn name(planted: Planted, examined: Examined, answer: &str, model: &str) -> String {
    let (planted, examined) = (planted.as_str(), examined.as_str());
    format!("control {planted} {answer} before {examined} {model}")
}

/// An answer that controls are made of.
#[derive(Debug, Clone)]
struct Ground {
    key: String,
    questioner: String,
    answerer: String,
    question: String,
    /// The answer, and the same with a fault.
    right: String,
    wrong: String,
    /// The result in each.
    results: (String, String),
}

/// Questions of one questioner on one run, as a chain left them.
pub(crate) type Worked = (String, String, Attempts);

/// Makes the controls that the configuration wants and that are missing. What could not be made is made by the next command.
pub(crate) async fn work(
    engine: &Engine,
    worked: &[Worked],
    known: Vec<Control>,
) -> (Vec<Control>, Option<Halt>) {
    let wanted = engine.settings.controls;
    let pool = pool(engine, worked);
    let mut tasks = Vec::new();
    for (planted, wanted) in [
        (Planted::Fault, wanted.planted_faults),
        (Planted::Correct, wanted.planted_correct),
    ] {
        // Answers that were taken before come first, so that a folder that grows keeps its controls.
        let used: BTreeSet<&str> = (known.iter())
            .filter(|control| control.planted == planted)
            .map(|control| control.answer.as_str())
            .collect();
        let mut ranked: Vec<&Ground> = pool.iter().collect();
        ranked.sort_by_cached_key(|ground| {
            let seed = engine.settings.seed.to_le_bytes();
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed);
            hasher.update(planted.as_str().as_bytes());
            hasher.update(ground.key.as_bytes());
            (
                !used.contains(ground.key.as_str()),
                *hasher.finalize().as_bytes(),
            )
        });
        for ground in ranked.into_iter().take(wanted as usize) {
            for (examined, stage, role) in [
                (Examined::Judge, Stage::Judge, Role::Judge),
                (Examined::Critic, Stage::Critiques, Role::Critique),
            ] {
                if !engine.does(stage) {
                    continue;
                }
                for model in engine.settings.with_role(role) {
                    let name = name(planted, examined, &ground.key, &model.slug);
                    let party = [&ground.questioner, &ground.answerer].contains(&&model.slug);
                    if !party && !known.iter().any(|control| control.name() == name) {
                        tasks.push((planted, examined, ground, model.slug.as_str(), name));
                    }
                }
            }
        }
    }
    let asked = tasks
        .into_iter()
        .map(|(planted, examined, ground, model, name)| async move {
            let task = Task::begin(engine, model, name).await?;
            match examined {
                Examined::Judge => judged(engine, task, planted, ground, model).await,
                Examined::Critic => criticised(engine, task, planted, ground, model).await,
            }
        });
    let (mut controls, mut first) = (known, None);
    for made in join_all(asked).await {
        match made {
            Ok(control) => controls.push(control),
            Err(halt) => {
                first.get_or_insert(halt);
            }
        }
    }
    (controls, first)
}

/// The answers that the policy takes as right and that have a result to change, in the order of keys. Their result is that of the
/// questioner's own answer, which all others had to let pass: what one careless critic called correct is no ground truth.
fn pool(engine: &Engine, worked: &[Worked]) -> Vec<Ground> {
    let (policy, judges) = (&engine.settings.policy, &engine.judges);
    let mut pool = Vec::new();
    for (questioner, run, attempts) in worked {
        let found = newest(attempts).filter(|(_, dossier)| dossier.succeeded());
        let Some((number, dossier)) = found else {
            continue;
        };
        let question = QuestionKey {
            run: run.as_str(),
            questioner: questioner.as_str(),
            attempt: number,
        };
        if dossier.is_invalid(question, policy, judges) {
            continue;
        }
        let last = dossier
            .question
            .as_ref()
            .and_then(|question| question.last());
        let Some(last) = last else { continue };
        let Some((_, (own, _))) = with_fault(&last.answer) else {
            continue;
        };
        for (answerer, answer) in &dossier.answers {
            let right = answer.status == "succeeded"
                && dossier.is_right(question, answerer, policy, judges);
            let text = answer.last().map(|last| last.answer.as_str());
            if let Some(text) = text.filter(|_| right)
                && let Some((wrong, results)) = with_fault(text)
                && results.0 == own
            {
                let key = AnswerKey {
                    question,
                    answerer: answerer.as_str(),
                };
                pool.push(Ground {
                    key: key.to_string(),
                    questioner: questioner.clone(),
                    answerer: answerer.clone(),
                    question: last.question.clone(),
                    right: text.to_owned(),
                    wrong,
                    results,
                });
            }
        }
    }
    pool.sort_by(|a, b| a.key.cmp(&b.key));
    pool
}

/// The answer with one digit of its result changed, and the result before and after: the last number in a box, else the last one
/// right of an equals sign, else the last one. `None` for an answer without a number.
fn with_fault(answer: &str) -> Option<(String, (String, String))> {
    let boxed = answer.rfind("\\boxed{").map(|at| at + "\\boxed{".len());
    let boxed = boxed.and_then(|start| {
        let end = start + answer.get(start..)?.find('}')?;
        last_number(answer, start, end)
    });
    let equal = || {
        let mut signs = answer.match_indices('=').map(|(at, _)| at);
        signs
            .rfind(|at| first_is_number(&answer[at + 1..]))
            .and_then(|at| {
                let rest = &answer[at + 1..];
                let start = at + 1 + rest.find(|c: char| c.is_ascii_digit())?;
                let length = number_length(&answer[start..]);
                Some((start, start + length))
            })
    };
    let (start, end) = boxed
        .or_else(equal)
        .or_else(|| last_number(answer, 0, answer.len()))?;
    let before = &answer[start..end];
    let digit = before.bytes().last()?;
    let changed = char::from(b'0' + (digit - b'0' + 1) % 10);
    let after = format!("{}{changed}", &before[..before.len() - 1]);
    let wrong = format!("{}{after}{}", &answer[..start], &answer[end..]);
    Some((wrong, (before.to_owned(), after)))
}

/// Whether a number follows, behind spaces, dollars and a sign.
fn first_is_number(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '$', '-', '{']);
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Digits, with a point between them.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let point = *byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !point {
            break;
        }
        end += 1;
    }
    end
}

/// Where the last number between two places stands.
fn last_number(text: &str, from: usize, to: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes().get(from..to)?;
    let end = bytes.iter().rposition(u8::is_ascii_digit)? + 1;
    let mut start = end;
    while start > 0 {
        let byte = bytes[start - 1];
        let point = byte == b'.' && start > 1 && bytes[start - 2].is_ascii_digit();
        if !byte.is_ascii_digit() && !point {
            break;
        }
        start -= 1;
    }
    Some((from + start, from + end))
}

/// Puts a claim about the answer before a judge.
async fn judged(
    engine: &Engine,
    mut task: Task<'_>,
    planted: Planted,
    ground: &Ground,
    model: &str,
) -> Result<Control, Halt> {
    let settings = &engine.settings;
    // In both cases the claim is that the shown result is wrong and the other one is right.
    let (answer, shown, other) = match planted {
        Planted::Fault => (&ground.wrong, &ground.results.1, &ground.results.0),
        Planted::Correct => (&ground.right, &ground.results.0, &ground.results.1),
    };
    let notes = format!(
        "The final result is stated as {shown}, which is wrong: carried out correctly, the derivation gives {other}."
    );
    let claim = replies::claim("incorrect", &notes, None);
    let redactor = redact::of_claim(&settings.models, "", &ground.answerer, settings.protocol);
    let prompt = engine.prompts.judge(&prompts::Judge {
        task: replies::Task::Critique,
        question: &redactor.apply(&ground.question).0,
        answer: &redactor.apply(answer).0,
        claim: &claim,
        transcript: &[],
        transcript_chars: settings.debates.transcript_chars,
    })?;
    let (confidence, protocol) = (settings.judge.confidence, settings.protocol);
    let read =
        |value: &Json| Judgment::from_json(value, replies::Task::Critique, confidence, protocol);
    let asked = task.json(model, "judgment", &prompt, read).await?;
    let verdict = asked.value.map(|judgment| judgment.verdict);
    let verdict = verdict.unwrap_or_else(|_| "unknown".to_owned());
    let says_fault = match Verdict::parse(&verdict, false).side(Mixed::Claimant) {
        Some(Outcome::Claimant) => Some(true),
        Some(Outcome::Defender) => Some(false),
        _ => None,
    };
    Ok(control(
        task,
        planted,
        Examined::Judge,
        ground,
        model,
        verdict,
        says_fault,
    ))
}

/// Puts the answer before a critic.
async fn criticised(
    engine: &Engine,
    mut task: Task<'_>,
    planted: Planted,
    ground: &Ground,
    model: &str,
) -> Result<Control, Halt> {
    let answer = match planted {
        Planted::Fault => &ground.wrong,
        Planted::Correct => &ground.right,
    };
    let prompt = engine.prompts.critique(&ground.question, answer)?;
    let protocol = engine.settings.protocol;
    let read = |value: &Json| Critique::from_json(value, protocol);
    let asked = task.json(model, "critique", &prompt, read).await?;
    let verdict = asked.value.map(|critique| critique.verdict);
    let verdict = verdict.unwrap_or_else(|_| "unknown".to_owned());
    let says_fault = match verdict.as_str() {
        "unknown" => None,
        "correct" => Some(false),
        _ => Some(true),
    };
    Ok(control(
        task,
        planted,
        Examined::Critic,
        ground,
        model,
        verdict,
        says_fault,
    ))
}

fn control(
    task: Task<'_>,
    planted: Planted,
    examined: Examined,
    ground: &Ground,
    model: &str,
    verdict: String,
    says_fault: Option<bool>,
) -> Control {
    Control {
        planted,
        examined,
        model: model.to_owned(),
        answer: ground.key.clone(),
        calls: task.provenance(model, &verdict, None).calls,
        verdict,
        says_fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_what_gets_the_fault() {
        let cases = [
            ("The sum is 42.", "The sum is 43.", "42", "43"),
            (
                "By Lemma 3, x = 1.25 m (see 7)",
                "By Lemma 3, x = 1.26 m (see 7)",
                "1.25",
                "1.26",
            ),
            (
                "so \\boxed{19} and 5 = 5",
                "so \\boxed{10} and 5 = 5",
                "19",
                "10",
            ),
            ("$y = -8$. Done 1", "$y = -9$. Done 1", "8", "9"),
        ];
        for (right, wrong, before, after) in cases {
            let (text, results) = with_fault(right).unwrap();
            assert_eq!(text, wrong);
            assert_eq!(results, (before.to_owned(), after.to_owned()));
        }
        assert_eq!(with_fault("No result."), None);
        assert_eq!(with_fault(""), None);
    }

    #[test]
    fn judges_and_critics_err_in_their_own_directions() {
        let one = |planted, examined, says_fault| Control {
            planted,
            examined,
            model: "m".to_owned(),
            answer: "1/q/a/1".to_owned(),
            verdict: String::new(),
            says_fault,
            calls: Vec::new(),
        };
        let controls = [
            one(Planted::Fault, Examined::Judge, Some(true)),
            one(Planted::Fault, Examined::Judge, Some(false)),
            one(Planted::Correct, Examined::Judge, Some(true)),
            one(Planted::Fault, Examined::Critic, Some(false)),
            one(Planted::Correct, Examined::Critic, Some(false)),
            one(Planted::Correct, Examined::Critic, None),
        ];
        let [judge, critic] = &reliability(&controls)[..] else {
            panic!("two rows")
        };
        assert_eq!(judge.false_accepts, Rate { errors: 1, of: 1 });
        assert_eq!(judge.false_rejects, Rate { errors: 1, of: 2 });
        assert_eq!(critic.false_accepts, Rate { errors: 1, of: 1 });
        assert_eq!(critic.false_rejects, Rate { errors: 0, of: 1 });
        assert_eq!(critic.unread, 1);
        let interval = judge.false_rejects.interval().unwrap();
        assert!(interval.low < 0.5 && interval.high > 0.5);
        for control in &controls {
            assert_eq!(
                Control::from_json(&control.to_json()).as_ref(),
                Some(control)
            );
        }
    }
}
