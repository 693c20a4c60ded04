//! Services beside the models: web search, reranker, embeddings.

use std::collections::BTreeMap;

use forgemark_contract::json::Json;
use forgemark_contract::settings::{Resolved, SettingError};
use forgemark_model::service::search::Provider;
use forgemark_model::service::{rank, vectors};
use forgemark_model::settings::PriceSettings;
use forgemark_model::{Address, Method, Price, WhenDown};

/// The services' names: the roles of their calls in the journal and in the totals.
pub const WEB_SEARCH: &str = "web_search";
/// The reranker's.
pub const RERANK: &str = "rerank";
/// The embedding model's.
pub const EMBEDDINGS: &str = "embeddings";

/// Fewest passages that are found before any is reranked.
const FEWEST_CANDIDATES: u64 = 1;

/// Where a service is, and with which key.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Its address; empty is the provider's own.
    pub base_url: String,
    /// The variable of the key, where one is named.
    pub api_key_env: Option<String>,
    /// Time for an attempt, in seconds; `None` is that of the models.
    pub timeout_s: Option<f64>,
}

/// `tools.web_search`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSearch {
    /// Who is asked.
    pub provider: Provider,
    /// Where.
    pub place: Place,
    /// Pages that a search returns, at least 1.
    pub results: u64,
    /// Micro US dollars for a search, where that is known.
    pub cost_micro_usd: Option<u64>,
}

/// `tools.retrieval.reranker`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranker {
    /// The model's name on the wire.
    pub model: String,
    /// Where.
    pub place: Place,
    /// Passages that are found and reordered, unless more are asked for.
    pub candidates: usize,
    /// What a call costs.
    pub price: Price,
}

/// `tools.retrieval.embeddings.endpoint`.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// The model's name on the wire.
    pub model: String,
    /// Where.
    pub place: Place,
    /// Values of a vector, where the model can shorten them.
    pub dimensions: Option<u32>,
    /// Texts of a call.
    pub batch: usize,
    /// What a call costs.
    pub price: Price,
    /// Whether passages are found by these vectors; else only questions are compared.
    pub retrieval: bool,
}

/// The services of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Services {
    /// The web search, when it is offered.
    pub web_search: Option<WebSearch>,
    /// The reranker, when there is one.
    pub reranker: Option<Reranker>,
    /// The embedding model, when anything needs it.
    pub embeddings: Option<Embeddings>,
}

/// What a caller has to know of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service<'a> {
    /// Its name.
    pub name: &'static str,
    /// The group of keys that configures it.
    pub path: &'static str,
    /// The model or the provider.
    pub model: &'a str,
    /// Where it is.
    pub place: &'a Place,
    /// The provider's own address and the variable of its key, which is read for no other address.
    pub own: Option<(&'static str, Option<&'static str>)>,
    /// The header of the key; `None` is `Authorization: Bearer`.
    pub key_header: Option<&'static str>,
    /// What the address leads to.
    pub address: Address,
    /// How requests travel.
    pub method: Method,
    /// What it costs.
    pub price: Price,
    /// What its failures mean.
    pub when_down: WhenDown,
}

impl Services {
    /// Reads the keys, and finds what is missing.
    pub(super) fn read(
        values: &Resolved,
        prices: &BTreeMap<String, PriceSettings>,
        problems: &mut Vec<SettingError>,
    ) -> Result<Self, SettingError> {
        let services = Services {
            web_search: web_search(values)?,
            reranker: reranker(values, prices)?,
            embeddings: embeddings(values, prices, problems)?,
        };
        for service in services.all() {
            if service.place.base_url.is_empty()
                && service.own.is_none()
                && service.name != EMBEDDINGS
            {
                problems.push(
                    SettingError::new(format!("{}.base_url", service.path), "is not set")
                        .with_hint(match service.name {
                            RERANK => "name a server with /rerank (vLLM, llama.cpp, Jina, Cohere), such as http://127.0.0.1:8000/v1",
                            _ => "name the server's search page, such as http://127.0.0.1:8080/search",
                        }),
                );
            }
        }
        Ok(services)
    }

    /// Those that are on.
    pub fn all(&self) -> Vec<Service<'_>> {
        let mut all = Vec::new();
        if let Some(search) = &self.web_search {
            let provider = search.provider;
            all.push(Service {
                name: WEB_SEARCH,
                path: "tools.web_search",
                model: provider.as_str(),
                place: &search.place,
                own: provider.own_url().map(|url| (url, provider.key_env())),
                key_header: provider.key_header(),
                address: Address::Exact,
                method: provider.method(),
                price: Price::Call(search.cost_micro_usd),
                when_down: WhenDown::Fail,
            });
        }
        if let Some(reranker) = &self.reranker {
            all.push(Service {
                name: RERANK,
                path: "tools.retrieval.reranker",
                model: &reranker.model,
                place: &reranker.place,
                own: None,
                key_header: None,
                address: Address::Beside(rank::PATH),
                method: Method::Post,
                price: reranker.price,
                when_down: WhenDown::Fail,
            });
        }
        if let Some(embeddings) = &self.embeddings {
            all.push(Service {
                name: EMBEDDINGS,
                path: "tools.retrieval.embeddings.endpoint",
                model: &embeddings.model,
                place: &embeddings.place,
                own: None,
                key_header: None,
                address: Address::Beside(vectors::PATH),
                method: Method::Post,
                price: embeddings.price,
                when_down: WhenDown::Suspend,
            });
        }
        all
    }

    /// What of them decides the rows. Addresses, keys and prices do not.
    pub(super) fn identity(&self) -> Vec<(&'static str, Json)> {
        let mut parts = Vec::new();
        if let Some(search) = &self.web_search {
            let value = format!("{} {}", search.provider.as_str(), search.results);
            parts.push(("tools.web_search", Json::from(value)));
        }
        if let Some(reranker) = &self.reranker {
            let value = format!("{} {}", reranker.model, reranker.candidates);
            parts.push(("tools.retrieval.reranker", Json::from(value)));
        }
        if let Some(embeddings) = &self.embeddings {
            let value = format!(
                "{} {:?} {}",
                embeddings.model, embeddings.dimensions, embeddings.retrieval
            );
            parts.push(("tools.retrieval.embeddings", Json::from(value)));
        }
        parts
    }
}

fn place(values: &Resolved, group: &str, timeout: Option<f64>) -> Result<Place, SettingError> {
    let text = |key: &str| values.opt_str(&format!("{group}.{key}"));
    Ok(Place {
        base_url: text("base_url")?.unwrap_or("").trim().to_owned(),
        api_key_env: text("api_key_env")?.map(str::to_owned),
        timeout_s: timeout,
    })
}

fn micro_usd(usd: Option<f64>) -> Option<u64> {
    usd.map(|usd| (usd * 1e6).round() as u64)
}

fn token_price(model: &str, prices: &BTreeMap<String, PriceSettings>) -> Price {
    Price::Tokens(micro_usd(prices.get(model).map(|price| price.input)))
}

fn web_search(values: &Resolved) -> Result<Option<WebSearch>, SettingError> {
    if !values.bool("tools.web_search.enabled")? {
        return Ok(None);
    }
    let provider = values.str("tools.web_search.provider")?;
    let timeout = values.f64("tools.web_search.serper_timeout")?;
    Ok(Some(WebSearch {
        provider: Provider::from_word(provider).unwrap_or(Provider::Serper),
        place: place(values, "tools.web_search", Some(timeout))?,
        results: values.u64("tools.web_search.serper_num_results")?.max(1),
        cost_micro_usd: micro_usd(values.opt_f64("tools.web_search.cost_per_search_usd")?),
    }))
}

fn reranker(
    values: &Resolved,
    prices: &BTreeMap<String, PriceSettings>,
) -> Result<Option<Reranker>, SettingError> {
    if !values.bool("tools.retrieval.reranker.enabled")? {
        return Ok(None);
    }
    let model = values.str("tools.retrieval.reranker.model")?.trim();
    let timeout = values.f64("tools.retrieval.reranker.timeout_s")?;
    let a_call = values.opt_f64("tools.retrieval.reranker.cost_per_call_usd")?;
    let candidates = values.u64("tools.retrieval.reranker.candidates")?;
    Ok(Some(Reranker {
        model: model.to_owned(),
        place: place(values, "tools.retrieval.reranker", Some(timeout))?,
        candidates: usize::try_from(candidates.max(FEWEST_CANDIDATES)).unwrap_or(usize::MAX),
        price: match micro_usd(a_call) {
            Some(price) => Price::Call(Some(price)),
            None => token_price(model, prices),
        },
    }))
}

fn embeddings(
    values: &Resolved,
    prices: &BTreeMap<String, PriceSettings>,
    problems: &mut Vec<SettingError>,
) -> Result<Option<Embeddings>, SettingError> {
    const GROUP: &str = "tools.retrieval.embeddings.endpoint";
    let retrieval = values.str("embeddings")? == "endpoint";
    let questions = values.str("dedup.near.method")? == "embeddings";
    if !retrieval && !questions {
        return Ok(None);
    }
    let model = values.opt_str("tools.retrieval.embeddings.endpoint.model")?;
    let model = model.unwrap_or("").trim();
    if model.is_empty() {
        let needs = if retrieval {
            "`embeddings: endpoint`"
        } else {
            "`dedup.near.method: embeddings`"
        };
        problems.push(
            SettingError::new(
                "tools.retrieval.embeddings.endpoint.model",
                format!("is not set, and {needs} needs it"),
            )
            .with_hint(
                "name the model, and its server in tools.retrieval.embeddings.endpoint.base_url",
            ),
        );
    }
    let dimensions = values.opt_u64("tools.retrieval.embeddings.endpoint.dimensions")?;
    Ok(Some(Embeddings {
        model: model.to_owned(),
        place: place(values, GROUP, None)?,
        dimensions: dimensions.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        batch: values
            .usize("tools.retrieval.embeddings.endpoint.batch")?
            .max(1),
        price: token_price(model, prices),
        retrieval,
    }))
}
