//! What ends a dialogue run, or keeps it from beginning.

use std::path::PathBuf;

use forgemark_contract::ids::IdError;
use forgemark_corpus::CorpusError;
use forgemark_journal::JournalError;
use forgemark_model::config::BuildError;

use crate::prompts::PromptError;

/// Failure of a dialogue command. What happens to a single conversation is not an error but its
/// outcome.
#[derive(Debug, thiserror::Error)]
pub enum DialogueError {
    /// The journal or an artifact cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The documents cannot be loaded.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A prompt template is wrong.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A model or endpoint is described wrongly.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A run id or language does not make a valid identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// There is no document to ground a dialogue in.
    #[error("no readable document in {}", path.display())]
    NoDocuments {
        /// The folder.
        path: PathBuf,
        /// What was found and not usable, for people.
        damaged: Vec<String>,
    },
    /// The folder holds a run of another plan.
    #[error("run {run_id} was made with other values of: {}", changed.join(", "))]
    PlanChanged {
        /// The run.
        run_id: String,
        /// The parts of the plan that differ.
        changed: Vec<String>,
        /// What happened to the documents, one line a kind of change, as far as it is known.
        documents: Vec<String>,
    },
    /// A run id to resume is not in the folder.
    #[error("there is no run {run_id} in {}", folder.display())]
    UnknownRun {
        /// What was asked for.
        run_id: String,
        /// Ids that are there.
        known: Vec<String>,
        /// The output folder.
        folder: PathBuf,
    },
    /// A state of the original that cannot be gone on from. It is left as it is.
    #[error("cannot go on from {}: {why}", path.display())]
    ForeignState {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A named run exists and is not the newest one.
    #[error("run {run_id} is in the folder already")]
    RunTaken {
        /// What was asked for.
        run_id: String,
        /// The newest run, the only one that can go on.
        newest: String,
    },
    /// The journal names a conversation out of order.
    #[error("the journal has conversation {found} where ordinal {expected} is next")]
    JournalOrder {
        /// What was found.
        found: String,
        /// The ordinal that was expected.
        expected: u64,
    },
    /// A probe of a role failed before any work.
    #[error("the model of role {role} does not answer: {detail}")]
    Probe {
        /// The role.
        role: String,
        /// What its endpoints said.
        detail: String,
    },
    /// Dropped conversations cannot be made again.
    #[error(
        "conversations of run {run_id} were judged later, so its dropped ones cannot be made again"
    )]
    JudgedSince {
        /// The run.
        run_id: String,
    },
    /// There is no conversation to judge.
    #[error("there is no synthetic_qa.jsonl in {}", folder.display())]
    NothingToJudge {
        /// The output folder.
        folder: PathBuf,
    },
    /// The embedding model does not take a text.
    #[error("the embedding model makes no vector of {passage}: {detail}")]
    Vector {
        /// The passage or question.
        passage: String,
        /// What its endpoint said.
        detail: String,
    },
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

impl DialogueError {
    /// What to do about it, one line a hint.
    pub fn hints(&self) -> Vec<String> {
        match self {
            DialogueError::Journal(error) => vec![error.remedy()],
            DialogueError::NoDocuments { damaged, path } => {
                let mut hints: Vec<String> = damaged.iter().take(5).cloned().collect();
                hints.push(format!(
                    "put .txt, .md, .html or .pdf files into {}, or set `documents.path`",
                    path.display()
                ));
                hints
            }
            DialogueError::PlanChanged { documents, .. } => documents.iter().cloned().chain([
                "put the old values back to go on with this run (totals, concurrency, endpoints, prices and budgets may change)".to_owned(),
                "or start another run in the same folder with `--new-run`, or in another one with `--set saving.output_dir=...`".to_owned(),
            ]).collect(),
            DialogueError::UnknownRun { known, .. } => {
                if known.is_empty() {
                    vec!["no run was started in this folder; remove `run.resume_run_id`".to_owned()]
                } else {
                    vec![format!("known runs: {}", known.join(", "))]
                }
            }
            DialogueError::ForeignState { .. } => vec![
                "nothing was changed; remove `run.resume_run_id` to begin a run beside it, for which what is on disk counts as asked and covered"
                    .to_owned(),
            ],
            DialogueError::RunTaken { newest, .. } => vec![format!(
                "only the newest run ({newest}) can go on; choose another `run.run_id`"
            )],
            DialogueError::JournalOrder { .. } => {
                vec!["run `forgemark journal verify` on the output folder".to_owned()]
            }
            DialogueError::Probe { role, .. } => vec![
                format!("check `llm.agents.{role}` (model, base_url) and its key variable"),
                "`forgemark doctor CONFIG` tests each endpoint".to_owned(),
            ],
            DialogueError::JudgedSince { .. } => vec![
                "make dropped conversations again before judging; now more can only be added, with a larger `run.total_samples` or `--new-run`".to_owned(),
            ],
            DialogueError::NothingToJudge { .. } => vec![
                "make conversations with `forgemark dialogue run CONFIG`, or name a folder that has some with `--set saving.output_dir=...`".to_owned(),
            ],
            DialogueError::Vector { .. } => vec![
                "lower `tools.retrieval.chunking.chunk_size`, or use a model that reads longer texts".to_owned(),
                "or set `embeddings: hashed`".to_owned(),
            ],
            DialogueError::Corpus(_)
            | DialogueError::Prompt(_)
            | DialogueError::Build(_)
            | DialogueError::Id(_)
            | DialogueError::Thread(_) => Vec::new(),
        }
    }
}
