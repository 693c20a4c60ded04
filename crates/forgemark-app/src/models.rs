//! From what a configuration says of models to the models behind its roles: providers by name, endpoints, keys
//! from the environment, limits, prices.
//!
//! A key goes only where it belongs: the provider's own variable is read only for the provider's own
//! address, and any other server gets a key only when the configuration names the variable for it.

mod services;
mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::settings::SettingError;
use forgemark_model::settings::{BatchSettings, EndpointSettings, PriceSettings, RoleSettings};
use forgemark_model::{
    Agent, Backend, BatchConfig, Budget, CallerConfig, EndpointConfig, ModelConfig, Params, Prices,
    Retry, RoleConfig, Wire,
};

use crate::env::Environment;
use crate::network;
use crate::providers::{self, PROVIDERS, Provider};
use crate::secrets;

use self::services::{secret, service_configs};
pub use self::services::{ServiceRoute, service_routes};
pub use self::wanted::Wanted;

/// Names of models that run in this process begin with one of these.
pub const IN_PROCESS: [&str; 2] = ["offline:", "scripted:"];

/// Calls in flight with which an endpoint begins.
const START_IN_FLIGHT: usize = 16;

/// Finds the agent of an in-process model (`offline:user`).
pub type FindAgent<'a> = dyn Fn(&RoleSettings) -> Option<Arc<dyn Agent>> + 'a;

/// A key that an endpoint needs or may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// What it is for: a role or an endpoint.
    pub used_by: String,
    /// The key of the configuration that names the variable.
    pub path: String,
    /// The variable that holds it, or the first that could.
    pub variable: String,
    /// Whether the variable is set.
    pub is_set: bool,
}

/// Where a role's calls go.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The role.
    pub role: String,
    /// The model's name on the wire.
    pub model: String,
    /// The endpoints; empty for a model of this process.
    pub endpoints: Vec<Target>,
    /// Whether its calls go as batches.
    pub batch: bool,
}

/// One endpoint of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The endpoint as configured, base URL and protocol filled in.
    pub settings: EndpointSettings,
    /// The key, when one is to be sent.
    pub key: Option<KeyUse>,
}

/// The roles that a run calls, with the endpoints of each.
///
/// # Errors
/// Providers that are not known and have no URL.
pub fn routes(wanted: &Wanted<'_>, env: &Environment) -> Result<Vec<Route>, Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut routes = Vec::new();
    for role in &wanted.roles {
        match route(role, wanted, env) {
            Ok(route) => routes.push(route),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(routes)
    } else {
        Err(errors)
    }
}

/// What a caller is made from.
///
/// # Errors
/// Unknown providers, keys that are not in the environment, in-process models that do not exist, a cost
/// budget without the prices that it needs, certificates that cannot be read.
pub fn caller_config(
    wanted: &Wanted<'_>,
    env: &Environment,
    find_agent: &FindAgent<'_>,
) -> Result<CallerConfig, Vec<SettingError>> {
    let routes = routes(wanted, env)?;
    let mut errors = Vec::new();
    let mut models: BTreeMap<String, ModelConfig> = BTreeMap::new();
    let mut roles = BTreeMap::new();
    let mut shared: Vec<Place> = Vec::new();
    for (settings, route) in wanted.roles.iter().zip(routes) {
        let retry = retry(wanted, settings, &route);
        // Roles with the same model at the same endpoints share their limits.
        let identity = Place::of(&route, retry);
        let index = shared.iter().position(|known| *known == identity);
        let name = model_name(&route.model, index.unwrap_or(shared.len()));
        if index.is_none() {
            match backend(settings, &route, wanted, env, find_agent) {
                Ok(backend) => {
                    let prices = prices(wanted, settings, &route);
                    let paid = matches!(backend, Backend::Http(_));
                    if paid && prices.is_none() && wanted.budget.max_cost_usd.is_some() {
                        errors.push(unpriced(settings, &route));
                    }
                    models.insert(
                        name.clone(),
                        ModelConfig {
                            model: route.model.clone(),
                            backend,
                            prices,
                            retry,
                        },
                    );
                }
                Err(mut more) => errors.append(&mut more),
            }
            shared.push(identity);
        }
        roles.insert(settings.role.clone(), role_config(name, settings));
    }
    let services = service_configs(wanted, env).unwrap_or_else(|mut more| {
        errors.append(&mut more);
        BTreeMap::new()
    });
    let http = match network::http(env, wanted.ca_file.as_deref()) {
        Ok(http) => http,
        Err(error) => {
            errors.push(error);
            return Err(errors);
        }
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let budget = Budget {
        max_cost_micro_usd: wanted.budget.max_cost_usd.map(micro_usd),
        max_tokens: wanted.budget.max_tokens,
        max_calls: wanted.budget.max_calls,
    };
    Ok(CallerConfig {
        models,
        roles,
        services,
        budget,
        http,
    })
}

/// What makes two roles share a model.
#[derive(PartialEq)]
struct Place {
    model: String,
    batch: bool,
    endpoints: Vec<(EndpointSettings, Option<String>)>,
    retry: Retry,
}

impl Place {
    fn of(route: &Route, retry: Retry) -> Self {
        let endpoints = route.endpoints.iter().map(|target| {
            // How the key is named in the configuration makes no difference, which key it is does.
            let settings = EndpointSettings {
                api_key_env: None,
                ..target.settings.clone()
            };
            (
                settings,
                target.key.as_ref().map(|key| key.variable.clone()),
            )
        });
        Self {
            model: route.model.clone(),
            batch: route.batch,
            endpoints: endpoints.collect(),
            retry,
        }
    }
}

fn route(
    role: &RoleSettings,
    wanted: &Wanted<'_>,
    env: &Environment,
) -> Result<Route, SettingError> {
    if is_in_process(&role.model) {
        return Ok(Route {
            role: role.role.clone(),
            model: role.model.clone(),
            endpoints: Vec::new(),
            batch: false,
        });
    }
    let provider = if role.provider.is_empty() {
        providers::by_place(&role.model, &role.base_url)
    } else {
        providers::by_name(&role.provider)
    };
    let key_path = format!("{}.api_key_env", role.path);
    let (shared, at) = if role.endpoints.is_empty() {
        (wanted.endpoints, "llm.routing.endpoints".to_owned())
    } else {
        (
            role.endpoints.as_slice(),
            format!("{}.endpoints", role.path),
        )
    };
    if role.base_url.is_empty() && !shared.is_empty() {
        let endpoints = shared.iter().enumerate().map(|(index, endpoint)| {
            let key = key_use(
                &endpoint.name,
                format!("{at}[{index}].api_key_env"),
                endpoint.api_key_env.as_deref(),
                provider,
                &endpoint.base_url,
                env,
            );
            let settings = EndpointSettings {
                wire: Some(wire(endpoint.wire.or(role.wire), &endpoint.base_url)),
                ..endpoint.clone()
            };
            Target { settings, key }
        });
        return Ok(Route {
            role: role.role.clone(),
            model: role.model.clone(),
            endpoints: endpoints.collect(),
            batch: role.batch,
        });
    }
    let (base_url, model) = match (role.base_url.as_str(), provider) {
        ("", Some(provider)) => (provider.base_url, provider.own_model_name(&role.model)),
        ("", None) => return Err(unknown_provider(role)),
        (url, Some(provider)) if provider.owns(url) => (url, provider.own_model_name(&role.model)),
        (url, _) => (url, role.model.as_str()),
    };
    if let Some(error) = credentials(&format!("{}.base_url", role.path), base_url) {
        return Err(error);
    }
    // Messages name the endpoint by this: a provider's name stands for its own address only.
    let name = match (role.provider.as_str(), provider) {
        (_, Some(provider)) if provider.owns(base_url) => provider.name,
        ("", _) | (_, Some(_)) => base_url.split('?').next().unwrap_or(base_url),
        (given, None) => given,
    };
    let key = key_use(
        &role.role,
        key_path,
        role.api_key_env.as_deref(),
        provider,
        base_url,
        env,
    );
    let settings = EndpointSettings {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        api_key_env: role.api_key_env.clone(),
        weight: 1.0,
        max_in_flight: None,
        timeout_s: None,
        model: None,
        wire: Some(wire(role.wire, base_url)),
    };
    Ok(Route {
        role: role.role.clone(),
        model: model.to_owned(),
        endpoints: vec![Target { settings, key }],
        batch: role.batch,
    })
}

/// What a server speaks: what is said, else what the provider speaks whose address it is, else what most do.
fn wire(said: Option<Wire>, base_url: &str) -> Wire {
    let owner = PROVIDERS.iter().find(|provider| provider.owns(base_url));
    said.or(owner.map(|provider| provider.wire))
        .unwrap_or_default()
}

/// Whether a model runs in this process.
pub fn is_in_process(model: &str) -> bool {
    IN_PROCESS.iter().any(|prefix| model.starts_with(prefix))
}

fn unknown_provider(role: &RoleSettings) -> SettingError {
    let path = format!("{}.provider", role.path);
    let known: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    let hint = format!(
        "known are {}; any other needs {}.base_url",
        known.join(", "),
        role.path
    );
    let what = if role.provider.is_empty() {
        "is not set, and there is no base_url".to_owned()
    } else {
        format!(
            "no provider {:?} is known, and there is no base_url",
            role.provider
        )
    };
    SettingError::new(path, what).with_hint(hint)
}

/// The error of an address that holds a password, which would stand in journals and messages.
fn credentials(path: &str, base_url: &str) -> Option<SettingError> {
    secrets::has_user_info(base_url).then(|| {
        SettingError::new(path, "holds a user name or a password").with_hint(
            "take it out; keys come from the environment only, name the variable with `api_key_env`",
        )
    })
}

/// The variable that holds the key: the one that is named, else the provider's own at its own
/// address, else none.
fn key_use(
    used_by: &str,
    path: String,
    named: Option<&str>,
    provider: Option<&Provider>,
    base_url: &str,
    env: &Environment,
) -> Option<KeyUse> {
    let is_set = |name: &str| matches!(env.get(name), Ok(Some(_)));
    let candidates: Vec<&str> = match (named, provider) {
        (Some(name), _) => vec![name],
        (None, Some(provider)) if provider.owns(base_url) => provider.key_env.to_vec(),
        _ => Vec::new(),
    };
    let variable = candidates
        .iter()
        .find(|name| is_set(name))
        .or(candidates.first())?;
    Some(KeyUse {
        used_by: used_by.to_owned(),
        path,
        variable: (*variable).to_owned(),
        is_set: is_set(variable),
    })
}

fn backend(
    settings: &RoleSettings,
    route: &Route,
    wanted: &Wanted<'_>,
    env: &Environment,
    find_agent: &FindAgent<'_>,
) -> Result<Backend, Vec<SettingError>> {
    if route.endpoints.is_empty() {
        let agent = find_agent(settings).ok_or_else(|| {
            let path = format!("{}.model", settings.path);
            let error =
                SettingError::new(path, format!("no built-in model {:?} exists", route.model));
            vec![error.with_hint(wanted.built_in)]
        })?;
        return Ok(Backend::Agent(agent));
    }
    let mut errors = Vec::new();
    let mut endpoints = Vec::new();
    for target in &route.endpoints {
        match endpoint(target, route.batch, wanted, env) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(Backend::Http(endpoints))
    } else {
        Err(errors)
    }
}

fn endpoint(
    target: &Target,
    batch: bool,
    wanted: &Wanted<'_>,
    env: &Environment,
) -> Result<EndpointConfig, SettingError> {
    let settings = &target.settings;
    let api_key = match &target.key {
        None => None,
        Some(key) => Some(secret(key, env)?),
    };
    let max_in_flight = settings
        .max_in_flight
        .or(wanted.limits.max_in_flight)
        .map_or(wanted.concurrency, |max| max as usize)
        .max(1);
    Ok(EndpointConfig {
        wire: settings.wire.unwrap_or_default(),
        batch: batch.then(|| batches(wanted)),
        api_key,
        model: settings.model.clone(),
        weight: settings.weight,
        max_in_flight,
        start_in_flight: START_IN_FLIGHT.min(max_in_flight),
        requests_per_minute: wanted.limits.requests_per_minute,
        tokens_per_minute: wanted.limits.tokens_per_minute,
        ..EndpointConfig::new(settings.name.clone(), settings.base_url.clone())
    })
}

fn batches(wanted: &Wanted<'_>) -> BatchConfig {
    let BatchSettings {
        enabled: _,
        max_calls,
        quiet_s,
        poll_s,
        leftover,
        rounds,
        price_percent,
    } = wanted.batch;
    BatchConfig {
        max_calls,
        quiet: seconds(quiet_s),
        everyone: Some(wanted.everyone),
        poll: seconds(poll_s),
        leftover,
        rounds,
        price_percent,
        ..BatchConfig::default()
    }
}

fn retry(wanted: &Wanted<'_>, role: &RoleSettings, route: &Route) -> Retry {
    let limits = &wanted.limits;
    // Endpoints have one limit of time together: that of the most patient one.
    let slowest = route
        .endpoints
        .iter()
        .filter_map(|target| target.settings.timeout_s)
        .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
    let attempts = role.max_retries.map_or(limits.max_attempts, |retries| {
        u32::try_from(retries).unwrap_or(u32::MAX).saturating_add(1)
    });
    Retry {
        attempt_timeout: seconds(slowest.unwrap_or(limits.attempt_timeout_s)),
        deadline: seconds(limits.deadline_s),
        answered_failures: attempts.max(1),
        give_up_after: seconds(limits.give_up_after_s),
        ..Retry::default()
    }
}

fn role_config(model: String, settings: &RoleSettings) -> RoleConfig {
    RoleConfig {
        model,
        params: Params {
            temperature: settings.temperature,
            top_p: settings.top_p,
            max_tokens: settings.max_tokens,
            extra: settings.extra.clone(),
            ..Params::default()
        },
        attempt_timeout: settings.timeout_s.map(seconds),
    }
}

/// The price under the model's name as it is configured, on the wire, or with its provider.
fn prices(wanted: &Wanted<'_>, settings: &RoleSettings, route: &Route) -> Option<Prices> {
    let names = [
        settings.model.clone(),
        route.model.clone(),
        settings.agent_name(),
    ];
    let price = names.iter().find_map(|name| wanted.prices.get(name))?;
    let PriceSettings {
        input,
        cached_input,
        output,
    } = *price;
    Some(Prices {
        prompt: micro_usd(input),
        cached: micro_usd(cached_input.unwrap_or(input)),
        completion: micro_usd(output),
    })
}

/// A cost budget would never stop a run whose calls have no known price.
fn unpriced(settings: &RoleSettings, route: &Route) -> SettingError {
    let Route { model, role, .. } = route;
    let what =
        format!("needs the prices of every model; `llm.prices` has none of {model} ({role})");
    SettingError::new("run.budget.max_cost_usd", what).with_hint(format!(
        "add `{}: {{input_per_mtok: ..., output_per_mtok: ...}}` to `llm.prices` (0 where nothing is paid), or limit `run.budget.max_tokens` or `max_calls` instead",
        settings.model
    ))
}

/// Unique and readable: two models of one name at different places are told apart by a number.
fn model_name(model: &str, index: usize) -> String {
    if index == 0 {
        model.to_owned()
    } else {
        format!("{model} ({})", index + 1)
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn micro_usd(usd: f64) -> u64 {
    (usd * 1e6).round() as u64
}

#[cfg(test)]
mod tests;
