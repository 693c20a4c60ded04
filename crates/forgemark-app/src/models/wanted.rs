//! What a pipeline's configuration says of its models, in one shape for all pipelines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forgemark_arena::pipeline::config::Settings;
use forgemark_dialogue::config::{Config, Judging, Service};
use forgemark_model::settings::{
    BatchSettings, BudgetSettings, EndpointSettings, LimitSettings, PriceSettings, RoleSettings,
};

use super::is_in_process;

/// What a pipeline's configuration says of its models.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The roles that are called.
    pub roles: Vec<&'a RoleSettings>,
    /// The servers of roles that name none of their own.
    pub endpoints: &'a [EndpointSettings],
    /// Prices by model name.
    pub prices: &'a BTreeMap<String, PriceSettings>,
    /// Limits of endpoints.
    pub limits: LimitSettings,
    /// Spending limits of the run.
    pub budget: BudgetSettings,
    /// Items of the pipeline at the same time, which bounds the calls in flight where nothing else does.
    pub concurrency: usize,
    /// Calls of all roles together that wait when the pipeline can do nothing else, so that a batch is sent without a pause;
    /// with fewer it is sent after the pause.
    pub everyone: usize,
    /// How calls go as batches, for the roles whose calls do.
    pub batch: BatchSettings,
    /// File with certificates of authorities that are trusted beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// The models of this process that fit the pipeline, for a hint.
    pub built_in: &'static str,
    /// Services beside the models.
    pub services: Vec<Service<'a>>,
}

impl<'a> Wanted<'a> {
    /// What a dialogue's configuration in the folder `root` says: of the judge only when it judges.
    pub fn of_dialogue(config: &'a Config, root: &Path) -> Self {
        let mut roles = vec![&config.user, &config.assistant];
        if config.judging != Judging::Off {
            roles.push(&config.judge);
        }
        Self {
            roles,
            endpoints: &config.endpoints,
            prices: &config.prices,
            limits: config.limits,
            budget: config.budget,
            concurrency: config.concurrency,
            // A conversation makes one call at a time.
            everyone: config.concurrency,
            batch: config.batch,
            ca_file: config.ca_file.as_ref().map(|file| root.join(file)),
            built_in: "built in are offline:user, offline:assistant, offline:judge and scripted:dialogue",
            services: config.services.all(),
        }
    }

    /// What a dialogue's configuration in the folder `root` says of its judges alone, for judging later.
    pub fn of_judges(config: &'a Config, root: &Path) -> Self {
        Self {
            roles: config.judges(),
            ..Self::of_dialogue(config, root)
        }
    }

    /// What an arena's configuration in the folder `root` says: each model of the registry is the role of its slug. `parser`
    /// repairs replies.
    pub fn of_arena(settings: &'a Settings, parser: Option<&'a RoleSettings>, root: &Path) -> Self {
        let roles = settings.models.iter().map(|model| &model.call);
        let batched = roles
            .clone()
            .filter(|call| call.batch && !is_in_process(&call.model))
            .count();
        Self {
            roles: roles.chain(parser).collect(),
            endpoints: &settings.endpoints,
            prices: &settings.prices,
            limits: settings.limits,
            budget: settings.budget,
            concurrency: settings.concurrency,
            // Each model works on so many records, and each record makes one call at a time.
            everyone: settings.concurrency.saturating_mul(batched.max(1)),
            batch: settings.batch,
            ca_file: settings.ca_file.as_ref().map(|file| root.join(file)),
            built_in: "built in is offline:solver, with a `skill` from 0 to 1",
            services: Vec::new(),
        }
    }
}
