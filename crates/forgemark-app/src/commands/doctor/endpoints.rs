//! Keys and endpoints: is the key there (it is never shown), does the server answer, does it list the
//! model, does it give one token.

use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::json::Json;
use forgemark_contract::settings::SettingError;
use forgemark_dialogue::config::{EMBEDDINGS, RERANK, Services, WEB_SEARCH};
use forgemark_journal::{DiskStorage, Journal, OpenOptions, Storage};
use forgemark_model::service::{rank, vectors};
use forgemark_model::{
    Backend, Caller, CallerConfig, EndpointConfig, ListError, RoleProbe, list_models,
};

use super::report::{Level, Report};
use crate::Context;
use crate::clock;
use crate::error::rooms::endpoint_hint;
use crate::error::{AppError, ErrorKind};
use crate::human;
use crate::models::{self, FindAgent, KeyUse, Route, Wanted};
use crate::network;

/// Longest wait for a list of models.
const LIST_LIMIT: Duration = Duration::from_secs(15);

/// Names that are listed when a model is missing.
const MAX_NAMES: usize = 5;

/// Adds the checks. Asks each endpoint for its list of models and each role for one token, unless
/// `offline`.
pub(super) fn check(
    wanted: &Wanted<'_>,
    find_agent: &FindAgent<'_>,
    services_of: Option<&Services>,
    offline: bool,
    report: &mut Report,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let routes = match models::routes(wanted, context.env) {
        Ok(routes) => routes,
        Err(errors) => {
            add_all(report, "models", &errors);
            return Ok(());
        }
    };
    let services = match models::service_routes(wanted, context.env) {
        Ok(services) => services,
        Err(errors) => {
            add_all(report, "services", &errors);
            return Ok(());
        }
    };
    let uses = routes.iter().flat_map(|route| &route.endpoints);
    let uses = uses.filter_map(|target| target.key.as_ref());
    keys(
        uses.chain(services.iter().filter_map(|route| route.key.as_ref())),
        report,
    );
    let roles = wanted.roles.iter().zip(&routes);
    for (role, route) in roles.filter(|(_, route)| route.endpoints.is_empty()) {
        let (level, what) = match find_agent(role) {
            Some(_) => (Level::Ok, "runs in this process"),
            None => (Level::Fail, "is no model of this program"),
        };
        report.add(&route.role, level, format!("{} {what}", route.model));
    }
    if services.is_empty() && routes.iter().all(|route| route.endpoints.is_empty()) {
        return Ok(());
    }
    let caller_config = match models::caller_config(wanted, context.env, find_agent) {
        Ok(caller_config) => caller_config,
        Err(mut errors) => {
            // Keys and agents that are missing were said above.
            let (network, mut others): (Vec<_>, Vec<_>) = errors
                .drain(..)
                .partition(|error| network::concerns(&error.path));
            add_all(report, "network", &network);
            others.retain(|error| error.path.starts_with("run.budget."));
            add_all(report, "prices", &others);
            return Ok(());
        }
    };
    if offline {
        report.add("endpoints", Level::Ok, "not asked");
        return Ok(());
    }
    ask(&caller_config, &routes, services_of, report, context)
}

fn add_all(report: &mut Report, name: &str, errors: &[SettingError]) {
    for error in errors {
        report.add_with_hint(name, Level::Fail, error.to_string(), error.hint.clone());
    }
}

fn keys<'a>(uses: impl Iterator<Item = &'a KeyUse>, report: &mut Report) {
    let mut seen = Vec::new();
    for key in uses {
        if seen.contains(&&key.variable) {
            continue;
        }
        seen.push(&key.variable);
        if key.is_set {
            report.add("key", Level::Ok, format!("{} is set", key.variable));
        } else {
            let text = format!("{} is not set ({} needs it)", key.variable, key.used_by);
            let hint = format!(
                "export {}, or name another variable in `{}`",
                key.variable, key.path
            );
            report.add_with_hint("key", Level::Fail, text, Some(hint));
        }
    }
}

fn ask(
    config: &CallerConfig,
    routes: &[Route],
    services_of: Option<&Services>,
    report: &mut Report,
    context: &Context<'_>,
) -> Result<(), AppError> {
    // A caller keeps what it is told in a journal; this one is thrown away.
    let folder = tempfile::tempdir().map_err(|error| {
        AppError::new(ErrorKind::Io, "cannot make a temporary folder").caused_by(error)
    })?;
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage);
    let (journal, _) = Journal::open(storage, folder.path(), OpenOptions::default())?;
    let caller = match Caller::new(config, journal, Arc::new(clock::now)) {
        Ok(caller) => caller,
        Err(error) => {
            report.add("endpoints", Level::Fail, error.to_string());
            return Ok(());
        }
    };
    context.runtime()?.block_on(async {
        for route in routes.iter().filter(|route| !route.endpoints.is_empty()) {
            let name = config
                .roles
                .get(&route.role)
                .map(|role| role.model.as_str());
            let model = name.and_then(|name| config.models.get(name));
            if let Some(Backend::Http(endpoints)) = model.map(|model| &model.backend) {
                for endpoint in endpoints {
                    let listed = list_models(endpoint, &config.http, LIST_LIMIT).await;
                    listing(route, endpoint, listed, report);
                }
            }
            match caller.probe(&route.role).await {
                Ok(probe) => probed(&probe, report),
                Err(error) => report.add(&route.role, Level::Fail, error.to_string()),
            }
        }
        if let Some(of) = services_of {
            services(&caller, of, report).await;
        }
    });
    Ok(())
}

/// Asks each service once: for a page, for the order of two texts, for a vector.
async fn services(caller: &Caller, services: &Services, report: &mut Report) {
    type Check<'a> = Box<dyn Fn(&Json) -> Result<(), String> + Sync + 'a>;
    let mut asked: Vec<(&str, Json, Check<'_>, &str)> = Vec::new();
    if let Some(search) = &services.web_search {
        let provider = search.provider;
        let check: Check<'_> = Box::new(move |answer| provider.read(answer, 1).map(drop));
        asked.push((
            WEB_SEARCH,
            provider.request("forgemark", 1),
            check,
            "answered a search",
        ));
    }
    if let Some(reranker) = &services.reranker {
        let body = rank::request(&reranker.model, "water", &["a pump", "a lake"], 2);
        let check: Check<'_> = Box::new(|answer| rank::read(answer, 2).map(drop));
        asked.push((RERANK, body, check, "ranked two texts"));
    }
    if let Some(embeddings) = &services.embeddings {
        let dimensions = embeddings.dimensions;
        let body = vectors::request(&embeddings.model, &["water"], dimensions);
        let check: Check<'_> =
            Box::new(move |answer| vectors::read(answer, 1, dimensions).map(drop));
        asked.push((EMBEDDINGS, body, check, "made a vector"));
    }
    for (name, body, check, what) in asked {
        match caller.probe_service(name, &body, &*check).await {
            Ok(Ok(time)) => {
                report.add(
                    name,
                    Level::Ok,
                    format!("{what} in {}", human::duration(time)),
                );
            }
            Ok(Err(failure)) => report.add_with_hint(
                name,
                Level::Fail,
                failure.detail,
                Some(endpoint_hint(failure.kind)),
            ),
            Err(error) => report.add(name, Level::Fail, error.to_string()),
        }
    }
}

fn listing(
    route: &Route,
    endpoint: &EndpointConfig,
    listed: Result<Vec<String>, ListError>,
    report: &mut Report,
) {
    let wanted = endpoint.model.as_deref().unwrap_or(&route.model);
    let at = &endpoint.name;
    match listed {
        // Some list `models/NAME`.
        Ok(names)
            if names
                .iter()
                .any(|name| name == wanted || name.rsplit('/').next() == Some(wanted)) =>
        {
            report.add(&route.role, Level::Ok, format!("{at} lists {wanted}"));
        }
        Ok(names) => {
            let shown: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
            let more = names.len().saturating_sub(MAX_NAMES);
            let text = format!("{at} does not list {wanted}");
            let hint = match (shown.is_empty(), more) {
                (true, _) => None,
                (false, 0) => Some(format!("it lists {}", shown.join(", "))),
                (false, more) => Some(format!(
                    "it lists {} and {}",
                    shown.join(", "),
                    human::plural(more as u64, "other", "others")
                )),
            };
            // Routers serve more than they list, so the probe decides.
            report.add_with_hint(&route.role, Level::Warn, text, hint);
        }
        Err(error) => report.add(&route.role, Level::Warn, format!("{at}: {error}")),
    }
}

fn probed(probe: &RoleProbe, report: &mut Report) {
    for endpoint in &probe.endpoints {
        match &endpoint.result {
            Ok(time) => {
                let text = format!(
                    "{} gave a token of {} in {}",
                    endpoint.endpoint,
                    probe.model,
                    human::duration(*time)
                );
                report.add(&probe.role, Level::Ok, text);
            }
            Err((kind, line)) => {
                // One of several endpoints may fail; the others serve.
                let level = if probe.is_usable() {
                    Level::Warn
                } else {
                    Level::Fail
                };
                report.add_with_hint(
                    &probe.role,
                    level,
                    format!("{}: {line}", endpoint.endpoint),
                    Some(endpoint_hint(*kind)),
                );
            }
        }
    }
}
