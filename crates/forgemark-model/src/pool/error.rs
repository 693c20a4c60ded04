//! Why a model cannot be called any more.

use std::fmt;
use std::time::Duration;

use crate::wire::ErrorKind;

/// Every endpoint of a model is unusable. The run stops; nothing is recorded for the calls that met this, so the same
/// command goes on where it stopped once the endpoints work again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    /// The model's name in the configuration.
    pub model: String,
    /// Why it was given up.
    pub why: Unusable,
    /// The last error of each endpoint, without secrets.
    pub endpoints: Vec<EndpointFailure>,
}

/// Why a model was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// Every endpoint says itself that no call can work: key refused, no credit, no such model.
    Refused,
    /// Every endpoint failed, and nothing succeeded for this long.
    NothingSucceeded {
        /// The configured time.
        for_at_least: Duration,
    },
}

/// The last error of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointFailure {
    /// The endpoint's name.
    pub endpoint: String,
    /// The kind of its last error.
    pub kind: Option<ErrorKind>,
    /// Its last error in words.
    pub error: String,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model '{}' is unusable: ", self.model)?;
        match self.why {
            Unusable::Refused => f.write_str("every endpoint refuses calls")?,
            Unusable::NothingSucceeded { for_at_least } => {
                write!(f, "nothing succeeded for {} s", for_at_least.as_secs_f64())?;
            }
        }
        for failure in &self.endpoints {
            write!(f, "; {}: {}", failure.endpoint, failure.error)?;
        }
        Ok(())
    }
}

impl std::error::Error for EndpointError {}
