//! What a run will ask for, before anything is paid.
//!
//! Numbers of conversations and turns are exact for the first attempt of every ordinal, because
//! plans are a pure function of the seed. Calls are bounded: a turn takes one call of the user role
//! (more after duplicates), one to `tools.max_rounds` + 1 of the assistant role and one of the judge.
//! Tokens are characters over four, from the templates as they are and passages of the corpus's mean
//! length; replies are taken as [`REPLY_TOKENS`]. A probe replaces these assumptions by measured
//! means.

use forgemark_contract::ids::RunId;
use forgemark_corpus::Corpus;

use crate::config::{Config, Judging, Personas, RoleSettings, SeedTopics};
use crate::error::DialogueError;
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
    let (mut turns, mut conversations) = (0u64, 0u64);
    let (mut user, mut assistant, mut judge) = (0u64, 0u64, 0u64);
    for (group, quota) in config.quotas.iter().enumerate() {
        for ordinal in 0..*quota {
            let n = u64::from(planner.sketch(group as u32, ordinal).turns);
            conversations += 1;
            turns += n;
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
    Ok(Estimate {
        conversations,
        turns,
        roles,
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
