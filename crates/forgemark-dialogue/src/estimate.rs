//! What a run will ask for, before anything is paid.
//!
//! Numbers of conversations and turns are exact for the first attempt of every ordinal, because
//! plans are a pure function of the seed. Calls are bounded: a turn takes one call of the user role
//! (more after duplicates), one to `tools.max_rounds` + 1 of the assistant role and one of the judge.
//! Tokens are characters over four, from the templates as they are and passages of the corpus's mean
//! length; replies are taken as [`REPLY_TOKENS`]. Bytes on disk follow the rule of [`disk_rule`].
//!
//! A probe replaces these assumptions: [`measure`] takes what the committed conversations of a run have
//! really used and predicts the whole run with an interval, by [`forgemark_stats::predict_total`]. The
//! size of a conversation, known for all of them from the plan, is its turns, for calls, reply tokens and
//! bytes; and its prompts' forecast length, which grows faster than the turns, for prompt tokens and cost.
//! A dropped conversation has size 0 and the amounts that it took.

use forgemark_contract::ids::RunId;
use forgemark_corpus::Corpus;
use forgemark_journal::{JournalError, Recovered};
use forgemark_stats::{Prediction, predict_total};

use crate::config::{Config, Judging, Personas, RoleSettings, SeedTopics, View, Views};
use crate::error::DialogueError;
use crate::outcome::{Outcome, Spent};
use crate::pipeline::OFFER;
use crate::plan::{Planner, PlannerParts};
use crate::prompts::Prompts;

/// Tokens that a reply is taken to have: user, assistant, judge.
pub const REPLY_TOKENS: [u64; 3] = [220, 450, 90];

/// Characters a token, for estimates.
const CHARS_PER_TOKEN: u64 = 4;

/// Forecast for one role.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleEstimate {
    /// The role.
    pub role: String,
    /// Its model.
    pub model: String,
    /// Calls without duplicates, failures and second tool rounds.
    pub calls: u64,
    /// Calls when every turn takes all its tool rounds.
    pub most_calls: u64,
    /// Prompt tokens of `calls`.
    pub prompt_tokens: u64,
    /// Reply tokens of `calls`.
    pub completion_tokens: u64,
    /// US dollars of `calls`; `None` when the price is not configured.
    pub cost_usd: Option<f64>,
}

/// Forecast of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Conversations.
    pub conversations: u64,
    /// Turns.
    pub turns: u64,
    /// By role.
    pub roles: Vec<RoleEstimate>,
    /// Bytes of the whole output folder by the rule of [`disk_rule`]; assumed, not measured.
    pub disk_bytes: u64,
    /// How long the prompts of a conversation are forecast to be.
    weight: Weight,
    /// The weights of all conversations.
    weights: f64,
}

/// Characters of the prompts of a conversation, over all roles.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weight {
    /// For each turn.
    turn: f64,
    /// For each earlier exchange that a turn carries.
    exchange: f64,
}

impl Weight {
    fn of(self, turns: u64) -> f64 {
        let n = turns as f64;
        n * self.turn + n * (n - 1.0).max(0.0) / 2.0 * self.exchange
    }
}

/// What a run will take, predicted from what its first conversations took.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Committed conversations that were measured, dropped ones included.
    pub conversations: u64,
    /// Their turns.
    pub turns: u64,
    /// Calls of the whole run.
    pub calls: Prediction,
    /// Prompt tokens of the whole run.
    pub prompt_tokens: Prediction,
    /// Reply tokens of the whole run.
    pub completion_tokens: Prediction,
    /// US dollars of the whole run; `None` when a price is not configured.
    pub cost_usd: Option<Prediction>,
    /// Bytes of the whole output folder, the journal included; `None` when it is not known what the rows take.
    pub disk_bytes: Option<Prediction>,
}

/// Predicts a run from its committed conversations. `on_disk` is what the output folder takes now, in bytes; each
/// conversation is taken to have the share of it that its rows have of all rows. `None` while nothing is committed that has
/// a turn.
///
/// # Errors
/// When the journal cannot be read.
pub fn measure(
    forecast: &Estimate,
    recovered: &Recovered,
    on_disk: u64,
) -> Result<Option<Measured>, JournalError> {
    let newest = recovered
        .current
        .and_then(|place| recovered.runs.get(place));
    let mut units: Vec<(u64, Spent)> = Vec::new();
    let mut row_bytes = 0;
    for item in recovered.items() {
        let item = item?;
        let Some(outcome) = Outcome::from_json(&item.payload) else {
            continue;
        };
        row_bytes += outcome.spent.bytes;
        if newest.is_some_and(|run| *run.run_id == *item.run_id) {
            let turns = if outcome.is_good() { outcome.turns } else { 0 };
            units.push((turns, outcome.spent));
        }
    }
    let turns: u64 = units.iter().map(|(turns, _)| turns).sum();
    // What replaces a dropped conversation may have another number of turns than it.
    let good = units.iter().filter(|(turns, _)| *turns > 0).count() as u64;
    let is_done = good >= forecast.conversations || turns >= forecast.turns;
    let by_turns = |amount: &dyn Fn(&Spent) -> Option<f64>| {
        let pairs = units
            .iter()
            .map(|(n, spent)| Some((*n as f64, amount(spent)?)));
        let pairs: Vec<(f64, f64)> = pairs.collect::<Option<_>>()?;
        let left = if is_done { 0 } else { forecast.turns - turns };
        predict_total(&pairs, left as f64)
    };
    let by_weight = |amount: &dyn Fn(&Spent) -> Option<f64>| {
        let pairs = units
            .iter()
            .map(|(n, spent)| Some((forecast.weight.of(*n), amount(spent)?)));
        let pairs: Vec<(f64, f64)> = pairs.collect::<Option<_>>()?;
        let known: f64 = pairs.iter().map(|(weight, _)| weight).sum();
        let left = if is_done {
            0.0
        } else {
            (forecast.weights - known).max(0.0)
        };
        predict_total(&pairs, left)
    };
    let (Some(calls), Some(prompt_tokens), Some(completion_tokens)) = (
        by_turns(&|spent| Some(spent.calls as f64)),
        by_weight(&|spent| Some(spent.prompt as f64)),
        by_turns(&|spent| Some(spent.completion as f64)),
    ) else {
        return Ok(None);
    };
    let is_known = row_bytes > 0 && units.iter().all(|(_, spent)| spent.bytes > 0);
    let share = on_disk as f64 / row_bytes.max(1) as f64;
    Ok(Some(Measured {
        conversations: units.len() as u64,
        turns,
        calls,
        prompt_tokens,
        completion_tokens,
        cost_usd: by_weight(&|spent| Some(spent.cost_micro_usd? as f64 / 1e6)),
        disk_bytes: if is_known {
            by_turns(&|spent| Some(spent.bytes as f64 * share))
        } else {
            None
        },
    }))
}

/// Bytes of a turn in the output folder, for replies of so many bytes: `(copies, other)` by file, where `copies` is how often
/// the replies of a turn stand in it and `other` what else a turn has there (evidence, ids, scores, names). The sums are
/// those of a judged run of 87 turns of the scripted agents with 1,975 bytes of replies a turn; how they divide into the two
/// is an assumption. Real replies and passages differ, which is why a probe measures.
pub fn disk_rule(views: Views, reply_bytes: u64) -> u64 {
    // The journal, synthetic_qa and coverage_ledger; then the views.
    let always = (4.2, 8_750.0);
    let views = views.iter().map(|view| match view {
        View::Turns => (1.0, 2_540.0),
        View::ShareGpt => (1.5, 1_810.0),
        View::ShareGptJudged => (1.5, 2_290.0),
        View::Conversations => (4.0, 12_590.0),
        View::Index => (0.0, 80.0),
        View::RunState => (2.5, 10_880.0),
    });
    let parts = std::iter::once(always).chain(views);
    let bytes: f64 = parts
        .map(|(copies, other)| copies * reply_bytes as f64 + other)
        .sum();
    bytes.round() as u64
}

impl Estimate {
    /// Cost over all roles; `None` when any price is not configured.
    pub fn cost_usd(&self) -> Option<f64> {
        self.roles.iter().map(|role| role.cost_usd).sum()
    }
}

/// Forecasts a run from its plan.
///
/// # Errors
/// When languages do not make valid identifiers.
pub fn estimate(
    config: &Config,
    corpus: &Corpus,
    prompts: &Prompts,
    personas: Option<&Personas>,
    seeds: Option<&SeedTopics>,
) -> Result<Estimate, DialogueError> {
    let run = RunId::new("estimate")?;
    let empty = Personas::default();
    let personas = personas.unwrap_or(&empty);
    let mut planner = Planner::new(&PlannerParts {
        seed: config.seed,
        turns: config.turns,
        batch_size: config.batch_size,
        compat_ids: config.profile == crate::config::Profile::Compat,
        languages: &config.languages,
        run: &run,
        user_personas: &personas.user,
        assistant_personas: &personas.assistant,
        seeds,
        run_question: &config.question,
    })?;
    let chunks = corpus.chunks().len().max(1) as u64;
    let chars: u64 = corpus
        .chunk_ids()
        .map(|id| corpus.text(id).chars().count() as u64)
        .sum();
    let passage = chars / chunks + 60;
    let size = |name: &str| {
        prompts
            .export()
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, text)| text.len() as u64)
    };
    let fixed =
        |role: &str| size(&format!("{role}.system.txt")) + size(&format!("{role}.task.txt"));
    let [asked, answered, judged] = REPLY_TOKENS;
    let exchange = (asked / 3 + answered / 2) * CHARS_PER_TOKEN;
    let (fixed_user, fixed_assistant) = (fixed("user_turn"), fixed("assistant_turn"));
    let fixed_judge = fixed("judge_turn");
    let offer = OFFER as u64 * passage;
    let found = config.top_k as u64 * passage;
    let judges = match config.judging {
        Judging::Off => 0,
        Judging::Turn | Judging::Conversation => 1,
    };
    let weight = Weight {
        turn: (fixed_user
            + offer
            + 2 * (fixed_assistant + found)
            + found
            + judges * (fixed_judge + offer + 2 * found + exchange)) as f64,
        exchange: (exchange * (3 + judges)) as f64,
    };
    let mut weights = 0.0;
    let (mut turns, mut conversations) = (0u64, 0u64);
    let (mut user, mut assistant, mut judge) = (0u64, 0u64, 0u64);
    for (group, quota) in config.quotas.iter().enumerate() {
        for ordinal in 0..*quota {
            let n = u64::from(planner.sketch(group as u32, ordinal).turns);
            conversations += 1;
            turns += n;
            weights += weight.of(n);
            // Turn t carries t - 1 earlier exchanges.
            let history = exchange * (n * (n - 1) / 2);
            user += n * (fixed_user + offer) + history;
            // A tool round sends everything again with the passages that it found.
            assistant += n * (2 * (fixed_assistant + found) + found) + 2 * history;
            judge += n * (fixed_judge + offer + 2 * found + exchange) + history;
        }
    }
    let rounds = u64::from(config.max_tool_rounds);
    let assistant_calls = turns * (1 + rounds.min(1));
    let mut roles = vec![
        role(config, &config.user, turns, turns, user, turns * asked),
        role(
            config,
            &config.assistant,
            assistant_calls,
            turns * (1 + rounds),
            assistant,
            assistant_calls * answered,
        ),
    ];
    match config.judging {
        Judging::Off => {}
        Judging::Turn => {
            roles.push(role(
                config,
                &config.judge,
                turns,
                turns,
                judge,
                turns * judged,
            ));
        }
        Judging::Conversation => roles.push(role(
            config,
            &config.judge,
            conversations,
            conversations,
            judge / turns.max(1) * conversations,
            conversations * judged,
        )),
    }
    let reply_bytes = (asked + answered + judges * judged) * CHARS_PER_TOKEN;
    Ok(Estimate {
        conversations,
        turns,
        roles,
        disk_bytes: turns * disk_rule(config.views, reply_bytes),
        weight,
        weights,
    })
}

fn role(
    config: &Config,
    settings: &RoleSettings,
    calls: u64,
    most_calls: u64,
    prompt_chars: u64,
    completion_tokens: u64,
) -> RoleEstimate {
    let prompt_tokens = prompt_chars / CHARS_PER_TOKEN;
    let cost_usd = cost_usd(config, settings, prompt_tokens, completion_tokens);
    RoleEstimate {
        role: settings.role.clone(),
        model: settings.agent_name(),
        calls,
        most_calls,
        prompt_tokens,
        completion_tokens,
        cost_usd,
    }
}

/// US dollars for tokens of a role; `None` when its price is not configured.
pub(crate) fn cost_usd(
    config: &Config,
    settings: &RoleSettings,
    prompt_tokens: u64,
    completion_tokens: u64,
) -> Option<f64> {
    let in_process =
        settings.model.starts_with("offline:") || settings.model.starts_with("scripted:");
    let price = config.prices.get(&settings.model);
    if in_process {
        Some(0.0)
    } else {
        price.map(|price| {
            let usual =
                prompt_tokens as f64 * price.input + completion_tokens as f64 * price.output;
            usual * config.batch.price_share(settings) / 1e6
        })
    }
}
