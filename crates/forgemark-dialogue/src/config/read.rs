//! From resolved values to the typed configuration, and the conflicts between keys.

use std::path::PathBuf;

use forgemark_contract::dialogue::{Columns, ColumnsError};
use forgemark_contract::json::{Json, Object};
use forgemark_contract::settings::{Resolved, SettingError};
use forgemark_model::{Wire, settings};

use super::{
    Accept, Aggregate, Config, Coverage, Exhaustion, Judging, Profile, RoleSettings, Services,
    TurnDistribution, Turns, keys, panel,
};
use crate::question::Matching;

impl Config {
    /// Types the resolved values.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path it concerns.
    pub fn new(values: &Resolved) -> Result<Self, Vec<SettingError>> {
        let mut problems = Vec::new();
        let config = Self::read(values, &mut problems);
        match config {
            Ok(config) if problems.is_empty() => Ok(config),
            Ok(_) => Err(problems),
            Err(error) => {
                problems.push(error);
                Err(problems)
            }
        }
    }

    fn read(values: &Resolved, problems: &mut Vec<SettingError>) -> Result<Self, SettingError> {
        let languages = languages(values)?;
        let batch_size = values.u64("run.batch_size")?.max(1);
        let total = match values.u64("run.total_samples")? {
            0 => batch_size,
            total => total,
        };
        let quotas = quotas(values, &languages, total, problems)?;
        let turns = turns(values, problems)?;
        let chunk_size = values.usize("tools.retrieval.chunking.chunk_size")?;
        let chunk_overlap = values.usize("tools.retrieval.chunking.chunk_overlap")?;
        if chunk_overlap >= chunk_size {
            problems.push(
                SettingError::new(
                    "tools.retrieval.chunking.chunk_overlap",
                    format!("{chunk_overlap} is not below chunk_size ({chunk_size})"),
                )
                .with_hint("neighbouring chunks must differ; 150 of 750 is usual"),
            );
        }
        let judging = judging(values)?;
        let accept = Accept {
            min_score: values.opt_f64("judge.accept.min_score")?,
            min_support: values.opt_f64("judge.accept.min_support")?,
        };
        if accept.min_score.is_some() && judging == Judging::Off {
            problems.push(
                SettingError::new("judge.accept.min_score", "needs scores, but judging is off")
                    .with_hint("set judge.enabled: true and judge.mode: online, or remove it"),
            );
        }
        let columns = columns(values, problems)?;
        let seed_topics = if values.bool("run.data.seeding.topics.enabled")? {
            Some((
                values.str("run.data.seeding.topics.path")?.to_owned(),
                values.str("run.data.seeding.topics.variant")?.to_owned(),
                values.f64("run.data.seeding.topics.probability")?,
            ))
        } else {
            None
        };
        let (run_id, resume_run_id) = (
            values.str("run.run_id")?.to_owned(),
            values.str("run.resume_run_id")?.to_owned(),
        );
        // A wave or a language of the run has its name with something after it.
        let of_run = resume_run_id
            .strip_prefix(&run_id)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        if !run_id.is_empty() && !resume_run_id.is_empty() && !of_run {
            problems.push(
                SettingError::new(
                    "run.resume_run_id",
                    format!("is {resume_run_id:?} while run.run_id is {run_id:?}"),
                )
                .with_hint("name the run in one of the two"),
            );
        }
        let endpoints = settings::endpoints(values, problems)?;
        let prices = settings::prices(values, problems)?;
        let services = Services::read(values, &prices, problems)?;
        for refused in keys::REFUSED_VALUES {
            if values.get(refused.path).as_str() == Some(refused.value) {
                problems.push(
                    SettingError::new(
                        refused.path,
                        format!("{:?} is not supported", refused.value),
                    )
                    .with_hint(refused.why),
                );
            }
        }
        if values.str("llm.mode")? == "vllm_attach" && endpoints.is_empty() {
            problems.push(
                SettingError::new("llm.mode", "vllm_attach needs llm.routing.endpoints")
                    .with_hint("list the base URL of each server there"),
            );
        }
        let embedder = values.str("tools.retrieval.embeddings.model")?;
        if !keys::EMBEDDING_NAMES.contains(&embedder) {
            problems.push(
                SettingError::new(
                    "tools.retrieval.embeddings.model",
                    format!("{embedder:?} is not available"),
                )
                .with_hint("remove the key and write `embeddings: hashed`, the built-in one, or `embeddings: endpoint` with the model behind a server as `tools.retrieval.embeddings.endpoint.model`"),
            );
        }
        let [user, assistant, judge] = [
            role(values, "user")?,
            role(values, "assistant")?,
            role(values, "judge")?,
        ];
        for settings in [&user, &assistant, &judge] {
            if settings.model.is_empty() && (settings.role != "judge" || judging != Judging::Off) {
                problems.push(
                    SettingError::new(format!("llm.agents.{}.model", settings.role), "is not set")
                        .with_hint(format!(
                            "name a model, or use \"offline:{}\" for the built-in baseline",
                            settings.role
                        )),
                );
            }
        }
        let panel = panel::panel(values, &judge, problems);
        Ok(Self {
            run_id,
            resume_run_id,
            batch_size,
            languages,
            quotas,
            seed: values.u64("run.seed")?,
            concurrency: values.usize("run.concurrency")?.max(1),
            lookahead: values.usize("run.lookahead")?.max(1),
            question: values.str("run.data.seeding.question")?.to_owned(),
            turns,
            seed_topics,
            user,
            assistant,
            judge,
            endpoints,
            ca_file: settings::ca_file(values)?,
            batch: settings::batch(values)?,
            prices,
            limits: settings::limits(values)?,
            limit: values.opt_u64("run.limit")?,
            max_conversation_tokens: values.opt_u64("run.budget.max_tokens_per_conversation")?,
            budget: settings::budget(values)?,
            coverage: coverage(values)?,
            exhaustion: match values.str("coverage.exhaustion")? {
                "stop" => Exhaustion::Stop,
                "warn" => Exhaustion::Warn,
                _ => Exhaustion::Reuse,
            },
            dedup_retries: values.u64("coverage.question_dedup_retries")? as u32,
            matching: match values.str("dedup.near.method")? {
                "off" => Matching::EXACT,
                "embeddings" => Matching {
                    cosine: Some(values.f64("dedup.near.cosine")?),
                    ..Matching::EXACT
                },
                _ => Matching {
                    near: Some(values.f64("dedup.near.threshold")?),
                    ..Matching::EXACT
                },
            },
            services,
            top_k: values.usize("tools.retrieval.top_k")?.max(1),
            chunk_size,
            chunk_overlap,
            documents: PathBuf::from(values.str("documents.path")?),
            index_dir: PathBuf::from(values.str("tools.retrieval.index.persist_dir")?),
            rebuild: values.bool("tools.retrieval.index.rebuild")?,
            max_document_bytes: values.u64("documents.max_document_mb")? << 20,
            pdf_timeout_s: values.u64("documents.pdf.timeout_s")?,
            pdf_memory_bytes: values.u64("documents.pdf.memory_mb")? << 20,
            personas: if values.bool("personas.enabled")? {
                Some(values.str("personas.path")?.to_owned())
            } else {
                None
            },
            judging,
            granularity: match values.str("judge.granularity")? {
                "conversation" => Judging::Conversation,
                _ => Judging::Turn,
            },
            panel,
            repeats: values.u64("judge.repeats")?.max(1) as u32,
            aggregate: match values.str("judge.aggregate")? {
                "median" => Aggregate::Median,
                _ => Aggregate::Mean,
            },
            judge_reasons: values.str_list("judge.reasons")?,
            accept,
            max_tool_rounds: values.u64("tools.max_rounds")? as u32,
            output_dir: PathBuf::from(values.str("saving.output_dir")?),
            columns,
            profile: match values.str("saving.profile")? {
                "compat" => Profile::Compat,
                _ => Profile::Forgemark,
            },
            bundle: super::bundle::bundle(values, problems)?,
            prompts: values.opt_str("prompts")?.map(PathBuf::from),
        })
    }
}

fn columns(values: &Resolved, problems: &mut Vec<SettingError>) -> Result<Columns, SettingError> {
    let mut mapping = Object::new();
    for name in Columns::NAMES {
        mapping.insert(
            name,
            values.get(&format!("saving.output_columns.{name}")).clone(),
        );
    }
    Columns::new(&mapping).or_else(|error| {
        let problem = SettingError::new("saving.output_columns", error.to_string());
        problems.push(match &error {
            ColumnsError::Collision { first, second, .. } => problem.with_hint(format!(
                "give `saving.output_columns.{first}` or `saving.output_columns.{second}` another name"
            )),
            _ => problem,
        });
        Columns::new(&Object::new())
            .map_err(|error| SettingError::new("saving.output_columns", error.to_string()))
    })
}

fn languages(values: &Resolved) -> Result<Vec<String>, SettingError> {
    let mut languages: Vec<String> = Vec::new();
    for label in values.str_list("run.target_languages")? {
        let label = label.trim().to_owned();
        if !label.is_empty() && !languages.contains(&label) {
            languages.push(label);
        }
    }
    if languages.is_empty() {
        return Err(
            SettingError::new("run.target_languages", "names no language")
                .with_hint("write at least one, for example [en]"),
        );
    }
    Ok(languages)
}

fn quotas(
    values: &Resolved,
    languages: &[String],
    total: u64,
    problems: &mut Vec<SettingError>,
) -> Result<Vec<u64>, SettingError> {
    let given = values.map("run.language_quotas")?;
    for (language, quota) in given {
        if !languages.iter().any(|known| known == language) {
            problems.push(
                SettingError::new(
                    "run.language_quotas",
                    format!("names {language:?}, which is not among run.target_languages"),
                )
                .with_hint("add the language or remove its quota"),
            );
        }
        if quota.as_u64().is_none() {
            problems.push(SettingError::new(
                "run.language_quotas",
                format!("the quota of {language:?} is not a whole number"),
            ));
        }
    }
    Ok(languages
        .iter()
        .map(|language| given.get(language).and_then(Json::as_u64).unwrap_or(total))
        .collect())
}

fn turns(values: &Resolved, problems: &mut Vec<SettingError>) -> Result<Turns, SettingError> {
    let distribution = match values.str("run.turns.distribution")? {
        "uniform" => TurnDistribution::Uniform,
        "exponential" => TurnDistribution::Exponential,
        _ => TurnDistribution::Poisson,
    };
    let mean = values.opt_f64("run.turns.mean")?;
    if values.str("run.turns.mode")? == "exact" {
        let exact = values.opt_u64("run.turns.exact")?.unwrap_or(1).max(1) as u32;
        return Ok(Turns {
            min: exact,
            max: exact,
            distribution,
            mean,
        });
    }
    let min = values.u64("run.turns.min")?.max(1) as u32;
    let mut max = values.u64("run.turns.max")? as u32;
    if max < min && !values.is_set("run.turns.max") {
        // Setting only the lower end means "at least this many".
        max = min;
    }
    if max < min {
        problems.push(
            SettingError::new(
                "run.turns.max",
                format!("{max} is below run.turns.min ({min})"),
            )
            .with_hint("raise run.turns.max or lower run.turns.min"),
        );
    }
    Ok(Turns {
        min,
        max: max.max(min),
        distribution,
        mean,
    })
}

fn judging(values: &Resolved) -> Result<Judging, SettingError> {
    if !values.bool("judge.enabled")? || values.str("judge.mode")? == "offline" {
        return Ok(Judging::Off);
    }
    Ok(match values.str("judge.granularity")? {
        "conversation" => Judging::Conversation,
        _ => Judging::Turn,
    })
}

fn coverage(values: &Resolved) -> Result<Coverage, SettingError> {
    Ok(match values.str("coverage.doc_coverage_mode")? {
        "off" => Coverage::Off,
        "compat" => Coverage::Compat {
            epsilon: values.f64("coverage.doc_coverage_epsilon")?,
            fraction: values
                .f64("coverage.doc_coverage_fraction")?
                .clamp(0.05, 1.0),
        },
        _ => Coverage::Balanced,
    })
}

fn role(values: &Resolved, role: &'static str) -> Result<RoleSettings, SettingError> {
    let path = |key: &str| format!("llm.agents.{role}.{key}");
    Ok(RoleSettings {
        role: role.to_owned(),
        path: format!("llm.agents.{role}"),
        provider: values.str(&path("provider"))?.trim().to_owned(),
        model: values.str(&path("model"))?.trim().to_owned(),
        base_url: values.str(&path("base_url"))?.trim().to_owned(),
        endpoints: Vec::new(),
        temperature: values.opt_f64(&path("temperature"))?,
        max_tokens: values.opt_u64(&path("max_tokens"))?,
        top_p: values.opt_f64(&path("top_p"))?,
        timeout_s: values.opt_f64(&path("timeout"))?,
        max_retries: values.opt_u64(&path("max_retries"))?,
        extra: values.map(&path("extra"))?.clone(),
        api_key_env: values
            .opt_str(&path("api_key_env"))?
            .or(values.opt_str("llm.api_key_env")?)
            .map(str::to_owned),
        wire: values.opt_str(&path("wire"))?.and_then(Wire::from_word),
        batch: match values.opt_bool(&path("batch"))? {
            Some(batch) => batch,
            None => values.bool("llm.batch.enabled")?,
        },
    })
}
