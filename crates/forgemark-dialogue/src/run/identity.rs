//! Which run this is.

use forgemark_contract::ids::RunId;
use forgemark_contract::json::{Json, Object, to_compact};
use forgemark_journal::{Recovered, Totals};

use super::foreign::{self, Found};
use super::{Environment, RunOptions, documents};
use crate::config::Profile;
use crate::error::DialogueError;
use crate::render::RUN_STATE;

/// The run to work on.
pub(super) struct Choice {
    pub(super) run: RunId,
    pub(super) resumed: bool,
    /// Items that were committed before the run began.
    pub(super) first_item: u64,
    /// Ordinals that each language must make whatever its total says; see [`recorded`].
    pub(super) at_least: Vec<u64>,
    /// What earlier runs in the folder had spent when this one first began.
    pub(super) spent_before: Totals,
    /// The run of the original that goes on for the first time.
    pub(super) found: Option<Found>,
    /// What the plan record of an earlier start says of one.
    known: Option<Json>,
}

impl Choice {
    /// What the plan record keeps of the original's run, if this one goes on with it.
    pub(super) fn adopted(&self) -> Option<&Json> {
        let found = self.found.as_ref().map(|found| &found.record);
        found.or(self.known.as_ref())
    }
}

/// Keys of the plan record that are no part of the plan's identity.
const AT_LEAST: &str = "at_least";
const SPENT_BEFORE: &str = "spent_before";
const SPENT_BY_ENDPOINT: &str = "spent_before_by_endpoint";
const ADOPTED: &str = "adopted";
const NO_PART: [&str; 4] = [AT_LEAST, SPENT_BEFORE, SPENT_BY_ENDPOINT, ADOPTED];

/// The plan as the journal keeps it, with what a later part of the run must know:
///
/// * the ordinals that existed before dropped conversations were made again, so that a run that is
///   killed in the middle of that still gives up no conversation that was good;
/// * what earlier runs had spent, because the journal adds up the calls of all runs of a folder and
///   only the newest run can go on: what came since is this run's;
/// * which run of the original goes on, see [`foreign`].
pub(super) fn recorded(mut plan: Json, at_least: &[u64], choice: &Choice) -> Json {
    let spent_before = &choice.spent_before;
    if let Some(plan) = plan.as_object_mut() {
        if at_least.iter().any(|n| *n > 0) {
            plan.insert(
                AT_LEAST,
                Json::Array(at_least.iter().map(|n| Json::from(*n)).collect()),
            );
        }
        if spent_before.all().calls > 0 {
            plan.insert(SPENT_BEFORE, spent_before.to_json());
            plan.insert(SPENT_BY_ENDPOINT, spent_before.endpoints_to_json());
        }
        if let Some(record) = choice.adopted() {
            plan.insert(ADOPTED, record.clone());
        }
    }
    plan
}

/// What earlier runs had spent when the run of this recorded plan first began.
pub(super) fn spent_before(plan: &Json) -> Totals {
    let mut totals = Totals::from_json(plan.at(SPENT_BEFORE));
    totals.read_endpoints(plan.at(SPENT_BY_ENDPOINT));
    totals
}

/// Conversations and turns of a recorded plan that the original had made.
pub(super) fn counted_before(plan: &Json) -> (u64, u64) {
    foreign::counted(plan.at(ADOPTED))
}

/// States of the original that a recorded plan goes on from.
pub(crate) fn states_taken_over(plan: &Json) -> Vec<String> {
    foreign::states(plan.at(ADOPTED))
}

/// What identifies a run, part by part: configuration, prompts, documents, personas, seed topics.
pub fn plan_identity(environment: &Environment) -> Json {
    let mut parts: Object = environment
        .config
        .identity()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    parts.insert("prompts", environment.prompts.hash());
    parts.insert("documents", environment.corpus.digest());
    parts.insert("personas", digest(&format!("{:?}", environment.personas)));
    parts.insert("seed topics", digest(&format!("{:?}", environment.seeds)));
    Json::Object(parts)
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().as_str()[..16].to_owned()
}

/// Names of the parts in which two plans differ.
fn differences(old: &Json, new: &Json) -> Vec<String> {
    let empty = Object::new();
    let (old, new) = (
        old.as_object().unwrap_or(&empty),
        new.as_object().unwrap_or(&empty),
    );
    let mut names: Vec<String> = new
        .iter()
        .filter(|(name, value)| old.get(name) != Some(*value))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.extend(
        old.keys()
            .filter(|name| !NO_PART.contains(name) && !new.contains_key(name))
            .map(str::to_owned),
    );
    names
}

/// Chooses by the rules of resume: a named run must exist or is begun; without a name the newest
/// run of an equal plan goes on; another plan is refused unless a new run was asked for.
pub(super) fn choose(
    environment: &Environment,
    options: &RunOptions,
    recovered: &Recovered,
    plan: &Json,
) -> Result<Choice, DialogueError> {
    let config = &environment.config;
    let committed = recovered.items_committed();
    let resume = config.resume_run_id.as_str();
    let is_known = |id: &str| recovered.runs.iter().any(|run| run.run_id == id);
    // A state of the original that was named at an earlier start stands for the run that went on from it.
    let by_state = recovered
        .runs
        .iter()
        .find(|run| states_taken_over(&run.plan).iter().any(|id| id == resume));
    let found = if resume.is_empty() || is_known(resume) || by_state.is_some() {
        None
    } else {
        let found = foreign::find(environment, resume)?.ok_or_else(|| {
            let states = foreign::ids(environment).into_iter();
            let known = recovered.runs.iter().map(|run| run.run_id.clone());
            DialogueError::UnknownRun {
                run_id: resume.to_owned(),
                known: known.chain(states).collect(),
                folder: environment.out_dir.clone(),
            }
        })?;
        Some(found)
    };
    let adopted_name;
    let wanted = if let Some(found) = &found {
        adopted_name = match config.profile {
            Profile::Forgemark => found.run.clone(),
            // In this profile ids are the original's, of which there are some already.
            Profile::Compat => format!("{}-resumed", found.run),
        };
        adopted_name.as_str()
    } else if let Some(run) = by_state {
        run.run_id.as_str()
    } else if resume.is_empty() {
        config.run_id.as_str()
    } else {
        resume
    };
    if config.profile == Profile::Compat
        && !wanted.is_empty()
        && !is_known(wanted)
        && foreign::ids(environment).iter().any(|id| id == wanted)
    {
        return Err(DialogueError::ForeignState {
            path: environment.out_dir.join(RUN_STATE).join(format!("{wanted}.json")),
            why: "`run.run_id` names its run, whose files the profile `compat` would write over; choose another name, or set `run.resume_run_id`".to_owned(),
        });
    }
    let newest = recovered
        .current
        .and_then(|index| recovered.runs.get(index));
    if let Some(newest) = newest
        && !options.new_run
        && found.is_none()
        && (wanted.is_empty() || wanted == newest.run_id)
    {
        let changed = differences(&newest.plan, plan);
        if !changed.is_empty() {
            return Err(DialogueError::PlanChanged {
                run_id: newest.run_id.clone(),
                documents: documents::changes(environment, newest.plan.str_or("documents", "")),
                changed,
            });
        }
        return Ok(Choice {
            run: RunId::new(newest.run_id.clone())?,
            resumed: true,
            first_item: newest.first_item,
            at_least: newest
                .plan
                .items(AT_LEAST)
                .iter()
                .filter_map(Json::as_u64)
                .collect(),
            spent_before: spent_before(&newest.plan),
            found: None,
            known: newest.plan.get(ADOPTED).cloned(),
        });
    }

    let id = if wanted.is_empty() {
        // The same plan over the same earlier rows has the same name, which keeps repeated runs
        // comparable; a number tells further runs in the folder apart.
        let base = format!(
            "r{}",
            &digest(&String::from_utf8_lossy(&to_compact(plan)))[..8]
        );
        (1..=u64::from(u32::MAX))
            .map(|n| {
                if n == 1 {
                    base.clone()
                } else {
                    format!("{base}-{n}")
                }
            })
            .find(|id| !is_known(id))
            .unwrap_or(base)
    } else {
        if is_known(wanted) {
            return Err(DialogueError::RunTaken {
                run_id: wanted.to_owned(),
                newest: newest.map_or_else(String::new, |run| run.run_id.clone()),
            });
        }
        wanted.to_owned()
    };
    Ok(Choice {
        run: RunId::new(id)?,
        resumed: false,
        first_item: committed,
        at_least: Vec::new(),
        spent_before: recovered.totals.clone(),
        found,
        known: None,
    })
}
