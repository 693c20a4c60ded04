//! Reads the faults of a script.

use forgemark_contract::json::Json;

use super::place::{Place, Read};
use super::read::{BYTES_LIMIT, MS_LIMIT};
use crate::scripted::fault::{Fault, FaultRule};

pub(super) fn read_fault_rule(place: &Place<'_>) -> Read<FaultRule> {
    let shared = ["rate", "attempts", "over_bytes"];
    let fault = read_fault(place, &shared)?;
    let mut rule = FaultRule::at_rate(fault, 1.0);
    if place.value.as_object().is_none() {
        return Ok(rule);
    }
    rule.rate = place.rate("rate")?.unwrap_or(1.0);
    if let Some(attempts) = place.get("attempts") {
        for item in attempts.list()? {
            match item.value.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(n) if n > 0 => rule.attempts.push(n),
                _ => return Err(item.wrong("the number of an attempt, from 1")),
            }
        }
    }
    rule.over_bytes = place.integer("over_bytes", 0, BYTES_LIMIT)?.unwrap_or(0) as usize;
    Ok(rule)
}

/// The fault of one attempt: `ok` and null are none.
pub(super) fn read_attempt(place: &Place<'_>) -> Read<Option<Fault>> {
    match place.value {
        Json::Null => Ok(None),
        Json::Str(text) if text == "ok" => Ok(None),
        _ => read_fault(place, &[]).map(Some),
    }
}

/// Reads a fault: a name, a status, or an object with `kind`, the fault's own keys and `shared`.
fn read_fault(place: &Place<'_>, shared: &[&str]) -> Read<Fault> {
    if let Json::Object(_) = place.value {
        let Some(kind) = place.get("kind") else {
            return Err(place.error("has no `kind`"));
        };
        return fault_with_parameters(place, fault_of_name(&kind)?, shared);
    }
    fault_of_name(place)
}

fn fault_of_name(place: &Place<'_>) -> Read<Fault> {
    let status = place
        .value
        .as_u64()
        .or_else(|| place.value.as_str()?.parse().ok());
    if let Some(status) = status {
        return match u16::try_from(status) {
            Ok(status @ 400..=599) => Ok(Fault::status(status)),
            _ => Err(place.error(format!("status {status} is not from 400 to 599"))),
        };
    }
    let name = place.text()?;
    Fault::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = Fault::all().iter().map(Fault::name).collect();
        place.error(format!(
            "unknown fault `{name}`; known are {}",
            known.join(", ")
        ))
    })
}

fn fault_with_parameters(place: &Place<'_>, fault: Fault, shared: &[&str]) -> Read<Fault> {
    let only = |own: &[&str]| {
        let known: Vec<&str> = ["kind"].iter().chain(own).chain(shared).copied().collect();
        place.only(&known)
    };
    match fault {
        Fault::Status { status, .. } => {
            only(&["status", "retry_after_s"])?;
            let status = place
                .small("status", 400, 599)?
                .map_or(status, |status| status as u16);
            Ok(Fault::Status {
                status,
                retry_after_s: place.small("retry_after_s", 0, u32::MAX)?,
            })
        }
        Fault::UnsupportedParameter { parameter, .. } => {
            only(&["parameter", "value"])?;
            Ok(Fault::UnsupportedParameter {
                parameter: place.string("parameter")?.map_or(parameter, str::to_owned),
                value: place.string("value")?.map(str::to_owned),
            })
        }
        Fault::LargeReply { bytes } => {
            only(&["bytes"])?;
            let bytes = place
                .integer("bytes", 0, BYTES_LIMIT)?
                .map_or(bytes, |n| n as usize);
            Ok(Fault::LargeReply { bytes })
        }
        Fault::SlowBody {
            pieces,
            interval_ms,
        } => {
            only(&["pieces", "interval_ms"])?;
            Ok(Fault::SlowBody {
                pieces: place.small("pieces", 1, u32::MAX)?.unwrap_or(pieces),
                interval_ms: place
                    .small("interval_ms", 0, MS_LIMIT as u32)?
                    .unwrap_or(interval_ms),
            })
        }
        other => {
            only(&[])?;
            Ok(other)
        }
    }
}
