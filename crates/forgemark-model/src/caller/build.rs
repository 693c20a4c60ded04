//! From configuration to a caller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use forgemark_journal::{
    BatchRecord, BatchStage, Journal, JournalError, PendingBatch, Record, Totals,
};

use super::{Caller, Clock, Drain, FIRST_COMPLETION, Inner, RoleState, Shared, Target};
use crate::batch::Batches;
use crate::budget::{Amount, Ledger};
use crate::chat::anthropic;
use crate::config::{
    Backend, BuildError, CallerConfig, EndpointConfig, ModelConfig, RoleParams, Wire,
};
use crate::endpoint::Endpoint;
use crate::http::Clients;
use crate::meter::Meter;
use crate::pool::Pool;
use crate::secret::{Scrubber, Secret};
use crate::service::ServiceState;

/// Idle connections that are kept for each host at most, whatever the configuration allows to be in flight.
const MAX_IDLE: usize = 4_096;

impl Caller {
    /// A caller for the roles of `config`. Sends nothing yet.
    ///
    /// # Errors
    /// [`BuildError`] when the configuration cannot work.
    pub fn new(
        config: &CallerConfig,
        journal: Journal,
        clock: Clock,
    ) -> Result<Caller, BuildError> {
        Self::of_run(config, journal, clock, &Totals::default())
    }

    /// The same for a run in a journal that other runs have used: budgets do not count what had been spent `before`
    /// the run first began.
    ///
    /// # Errors
    /// As [`Caller::new`].
    pub fn of_run(
        config: &CallerConfig,
        journal: Journal,
        clock: Clock,
        before: &Totals,
    ) -> Result<Caller, BuildError> {
        let mut clients = Clients::new(&config.http, max_idle(config));
        let mut targets = BTreeMap::new();
        let mut pools = Vec::new();
        let mut adopted = still_open(&journal, &clock)?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut all_batches: Vec<Arc<Batches>> = Vec::new();
        for (name, model) in &config.models {
            let target = match &model.backend {
                Backend::Agent(agent) => Target::Agent(Arc::clone(agent)),
                Backend::Http(endpoints) => {
                    let pool = Arc::new(pool(name, model, endpoints, config, &mut clients)?);
                    pools.push(Arc::clone(&pool));
                    let under_way = take_under_way(&mut adopted, model, &pool)?;
                    let configs: Vec<_> = endpoints.iter().map(|e| e.batch).collect();
                    if !under_way.is_empty() || configs.iter().any(Option::is_some) {
                        all_batches.push(Arc::new(Batches::new(
                            Arc::clone(&pool),
                            model.model.clone(),
                            model.prices,
                            configs,
                            under_way,
                            Arc::clone(&waiting),
                        )));
                    }
                    Target::Pool(pool)
                }
            };
            targets.insert(name.as_str(), (model, target));
        }
        let mut roles = BTreeMap::new();
        let mut extras: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, role) in &config.roles {
            let Some((model, target)) = targets.get(role.model.as_str()) else {
                return Err(BuildError::UnknownModel {
                    role: name.clone(),
                    model: role.model.clone(),
                });
            };
            let paid = matches!(target, Target::Pool(_));
            if paid && config.budget.max_cost_micro_usd.is_some() && model.prices.is_none() {
                return Err(BuildError::BudgetWithoutPrices {
                    role: name.clone(),
                    model: role.model.clone(),
                });
            }
            let known = extras.entry(role.model.as_str()).or_default();
            let first = role.params.max_tokens.unwrap_or(FIRST_COMPLETION);
            let params = RoleParams::new(name, &role.params, known)?;
            if speaks_anthropic(model) {
                anthropic::check(&params).map_err(|what| BuildError::Params {
                    role: name.clone(),
                    what,
                })?;
            }
            let state = RoleState {
                name: name.clone(),
                model: model.model.clone(),
                batches: batches_of(target, &all_batches),
                target: target.share(),
                params,
                prices: model.prices,
                attempt_timeout: role.attempt_timeout,
                completion: AtomicU64::new(first.min(FIRST_COMPLETION)),
            };
            roles.insert(name.clone(), state);
        }
        let mut services = BTreeMap::new();
        for (name, service) in &config.services {
            let state = ServiceState::new(name, service, &config.http, &mut clients)?;
            pools.push(Arc::clone(&state.pool));
            services.insert(name.clone(), state);
        }
        let spent = amount(&journal.totals()).minus(amount(before));
        let ledger = Ledger::new(config.budget, spent);
        Ok(Caller {
            inner: Arc::new(Inner {
                roles,
                pools,
                batches: all_batches,
                journal,
                ledger,
                services,
                shared: Shared {
                    meter: Meter::default(),
                    clock,
                    scrubber: Scrubber::new(secrets(config)),
                    drain: Arc::new(Drain::default()),
                    max_body: config.http.max_body,
                },
            }),
        })
    }
}

/// The pending batches of which something is still to come. The others were cut off right before they were closed.
fn still_open(journal: &Journal, clock: &Clock) -> Result<Vec<PendingBatch>, JournalError> {
    let mut open = Vec::new();
    for batch in journal.pending_batches()? {
        let mut known = true;
        for call in &batch.intent.calls {
            known = known && journal.lookup(&call.key)?.is_some();
        }
        if known {
            let how = "every reply stands in the journal".to_owned();
            let closed = Record::Batch(BatchRecord {
                id: batch.id,
                at: clock(),
                stage: BatchStage::Closed { how },
            });
            // It may be lost with the process: the next one finds it out again.
            drop(journal.append(closed));
        } else {
            open.push(batch);
        }
    }
    Ok(open)
}

/// Those pending batches that are this model's.
fn take_under_way(
    pending: &mut Vec<PendingBatch>,
    model: &ModelConfig,
    pool: &Pool,
) -> Result<Vec<PendingBatch>, BuildError> {
    let (ours, others) = std::mem::take(pending)
        .into_iter()
        .partition(|batch| batch.intent.model == model.model);
    *pending = others;
    let ours: Vec<PendingBatch> = ours;
    for batch in &ours {
        let endpoint = &batch.intent.endpoint;
        if !pool.endpoints.iter().any(|known| known.name == *endpoint) {
            return Err(BuildError::Batch {
                batch: batch
                    .provider_id
                    .clone()
                    .unwrap_or_else(|| batch.id.clone()),
                model: model.model.clone(),
                endpoint: endpoint.clone(),
            });
        }
    }
    Ok(ours)
}

/// The batches that new calls to a target go with.
fn batches_of(target: &Target, all: &[Arc<Batches>]) -> Option<Arc<Batches>> {
    let Target::Pool(pool) = target else {
        return None;
    };
    let mut ours = all.iter().filter(|batches| batches.is_on());
    ours.find(|batches| Arc::ptr_eq(&batches.pool, pool))
        .cloned()
}

/// What budgets count of these totals.
fn amount(totals: &Totals) -> Amount {
    let all = totals.all();
    Amount {
        cost_micro_usd: all.cost_micro_usd,
        tokens: all.prompt.saturating_add(all.completion),
        calls: all.calls,
    }
}

impl Target {
    fn share(&self) -> Target {
        match self {
            Target::Pool(pool) => Target::Pool(Arc::clone(pool)),
            Target::Agent(agent) => Target::Agent(Arc::clone(agent)),
        }
    }
}

fn speaks_anthropic(model: &ModelConfig) -> bool {
    match &model.backend {
        Backend::Http(endpoints) => endpoints.iter().any(|e| e.wire == Wire::Anthropic),
        Backend::Agent(_) => false,
    }
}

fn http_endpoints(config: &CallerConfig) -> impl Iterator<Item = &EndpointConfig> {
    let models = config
        .models
        .values()
        .flat_map(|model| match &model.backend {
            Backend::Http(endpoints) => endpoints.as_slice(),
            Backend::Agent(_) => &[],
        });
    models.chain(
        config
            .services
            .values()
            .flat_map(|service| &service.endpoints),
    )
}

fn max_idle(config: &CallerConfig) -> usize {
    http_endpoints(config)
        .map(|endpoint| endpoint.max_in_flight)
        .fold(0, usize::saturating_add)
        .min(MAX_IDLE)
}

fn secrets(config: &CallerConfig) -> impl Iterator<Item = &Secret> {
    let proxies = &config.http.proxies;
    let proxies = proxies.http.iter().chain(&proxies.https);
    let keys = http_endpoints(config).flat_map(|endpoint| {
        let headers = endpoint.headers.iter().map(|(_, value)| value);
        endpoint.api_key.iter().chain(headers)
    });
    keys.chain(proxies)
}

fn pool(
    name: &str,
    model: &ModelConfig,
    configs: &[EndpointConfig],
    config: &CallerConfig,
    clients: &mut Clients<'_>,
) -> Result<Pool, BuildError> {
    if configs.is_empty() {
        return Err(BuildError::NoEndpoint {
            model: name.to_owned(),
        });
    }
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(configs.len());
    for endpoint in configs {
        if endpoints.iter().any(|known| known.name == endpoint.name) {
            return Err(BuildError::Endpoint {
                model: name.to_owned(),
                endpoint: endpoint.name.clone(),
                what: "another endpoint has this name".to_owned(),
            });
        }
        let agent = &config.http.user_agent;
        endpoints.push(Endpoint::new(name, &model.model, endpoint, agent, |url| {
            clients.get(url)
        })?);
    }
    Ok(Pool::new(name.to_owned(), model.retry, endpoints, configs))
}
