//! Services beside the models: their addresses, keys and limits.

use std::collections::BTreeMap;

use forgemark_contract::settings::SettingError;
use forgemark_dialogue::config::Service;
use forgemark_model::{EndpointConfig, Price, Retry, Secret, ServiceConfig, WhenDown};

use super::{KeyUse, START_IN_FLIGHT, Wanted, credentials, seconds};
use crate::env::Environment;
use crate::providers::{self, Provider};

/// Longest pause that an endpoint may ask for where the work can do without it, in seconds: a conversation waits meanwhile.
const LONGEST_PAUSE_S: f64 = 60.0;

/// Without an end: what the work can do without is asked again as soon as its pause is over, however long it was away.
const NEVER_S: f64 = 1e8;

/// Where a service's calls go.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRoute<'a> {
    /// What the configuration says.
    pub service: Service<'a>,
    /// The model's name at this address, or the provider's.
    pub model: String,
    /// Its address.
    pub base_url: String,
    /// Its name in messages.
    pub endpoint: String,
    /// The key, when one is to be sent.
    pub key: Option<KeyUse>,
}

/// The services of a run with their addresses.
///
/// # Errors
/// Addresses that are not known, or hold a password.
pub fn service_routes<'a>(
    wanted: &Wanted<'a>,
    env: &Environment,
) -> Result<Vec<ServiceRoute<'a>>, Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut routes = Vec::new();
    for service in &wanted.services {
        match route(service, env) {
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

fn route<'a>(service: &Service<'a>, env: &Environment) -> Result<ServiceRoute<'a>, SettingError> {
    let path = format!("{}.base_url", service.path);
    let given = service.place.base_url.as_str();
    if let Some(error) = credentials(&path, given) {
        return Err(error);
    }
    let provider = match service.own {
        None => providers::by_place(service.model, given),
        Some(_) => None,
    };
    let (base_url, own_key): (&str, Vec<&str>) = match (given, service.own, provider) {
        ("", Some((url, key)), _) => (url, key.into_iter().collect()),
        ("", None, Some(provider)) => (provider.base_url, provider.key_env.to_vec()),
        ("", None, None) => {
            let hint = format!(
                "name the server, or put a provider before a slash in {}.model",
                service.path
            );
            return Err(SettingError::new(path, "is not set").with_hint(hint));
        }
        (url, Some((own, key)), _) if Provider::same_host(own, url) => {
            (url, key.into_iter().collect())
        }
        (url, _, Some(provider)) if provider.owns(url) => (url, provider.key_env.to_vec()),
        (url, _, _) => (url, Vec::new()),
    };
    let named = service.place.api_key_env.as_deref();
    let candidates: Vec<&str> = named.map_or(own_key, |name| vec![name]);
    let is_set = |name: &str| matches!(env.get(name), Ok(Some(_)));
    let variable = candidates
        .iter()
        .find(|name| is_set(name))
        .or(candidates.first());
    let key = variable.map(|variable| KeyUse {
        used_by: service.name.to_owned(),
        path: format!("{}.api_key_env", service.path),
        variable: (*variable).to_owned(),
        is_set: is_set(variable),
    });
    let owner = provider.filter(|provider| provider.owns(base_url));
    let model = owner.map_or(service.model, |owner| owner.own_model_name(service.model));
    let endpoint = match (given, owner) {
        (_, Some(owner)) => owner.name,
        ("", None) => service.model,
        (url, None) => url.split('?').next().unwrap_or(url),
    };
    Ok(ServiceRoute {
        model: model.to_owned(),
        base_url: base_url.to_owned(),
        endpoint: endpoint.to_owned(),
        key,
        service: service.clone(),
    })
}

/// What a caller is told of the services.
///
/// # Errors
/// As [`service_routes`], keys that are not in the environment, a cost budget without the prices that it needs.
pub(super) fn service_configs(
    wanted: &Wanted<'_>,
    env: &Environment,
) -> Result<BTreeMap<String, ServiceConfig>, Vec<SettingError>> {
    let mut errors = Vec::new();
    let mut configs = BTreeMap::new();
    for route in service_routes(wanted, env)? {
        let unpriced = matches!(route.service.price, Price::Call(None) | Price::Tokens(None));
        if unpriced && wanted.budget.max_cost_usd.is_some() {
            errors.push(unknown_price(&route.service));
        }
        match config(&route, wanted, env) {
            Ok(config) => _ = configs.insert(route.service.name.to_owned(), config),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(configs)
    } else {
        Err(errors)
    }
}

fn unknown_price(service: &Service<'_>) -> SettingError {
    let what = format!("needs the price of {} ({})", service.model, service.name);
    let hint = match service.price {
        Price::Call(_) => format!(
            "set `{}.cost_per_search_usd` (0 where nothing is paid)",
            service.path
        ),
        Price::Tokens(_) => format!(
            "add `{}: {{input_per_mtok: ..., output_per_mtok: 0}}` to `llm.prices` (0 where nothing is paid)",
            service.model
        ),
    };
    SettingError::new("run.budget.max_cost_usd", what).with_hint(hint)
}

fn config(
    route: &ServiceRoute<'_>,
    wanted: &Wanted<'_>,
    env: &Environment,
) -> Result<ServiceConfig, SettingError> {
    let service = &route.service;
    let secret = match &route.key {
        None => None,
        Some(key) => Some(super::secret(key, env)?),
    };
    let limits = &wanted.limits;
    let max_in_flight = wanted.concurrency.max(1);
    let mut endpoint = EndpointConfig {
        max_in_flight,
        start_in_flight: START_IN_FLIGHT.min(max_in_flight),
        model: Some(route.model.clone()),
        ..EndpointConfig::new(route.endpoint.clone(), route.base_url.clone())
    };
    match (service.key_header, secret) {
        (Some(header), Some(secret)) => endpoint.headers.push((header.to_owned(), secret)),
        (None, secret) => endpoint.api_key = secret,
        (Some(_), None) => {}
    }
    let retry = Retry {
        attempt_timeout: seconds(service.place.timeout_s.unwrap_or(limits.attempt_timeout_s)),
        deadline: seconds(limits.deadline_s),
        answered_failures: limits.max_attempts.max(1),
        give_up_after: seconds(limits.give_up_after_s),
        ..Retry::default()
    };
    let retry = match service.when_down {
        WhenDown::Suspend => retry,
        WhenDown::Fail => Retry {
            give_up_after: seconds(NEVER_S),
            max_retry_after: seconds(LONGEST_PAUSE_S),
            ..retry
        },
    };
    Ok(ServiceConfig {
        model: service.model.to_owned(),
        endpoints: vec![endpoint],
        address: service.address,
        method: service.method,
        price: service.price,
        retry,
        when_down: service.when_down,
    })
}

/// The value of a key's variable.
pub(super) fn secret(key: &KeyUse, env: &Environment) -> Result<Secret, SettingError> {
    match env.get(&key.variable) {
        Ok(Some(value)) => Ok(Secret::new(value)),
        Ok(None) => {
            let error = SettingError::new(
                key.path.as_str(),
                format!("the environment variable {} is not set", key.variable),
            );
            Err(error.with_hint(format!(
                "export {}, or name another variable here",
                key.variable
            )))
        }
        Err(error) => Err(SettingError::new(key.path.as_str(), error.to_string())),
    }
}
