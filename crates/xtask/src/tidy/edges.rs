//! Rules about crates: who may use whom, what a crate must not reach at all, and that none tests its documentation, as only
//! one of the two test runners would.
//!
//! The table is ARCHITECTURE.md's. Only what a crate is built with counts; its tests may use more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::{Finding, Level};
use crate::command::Line;

#[cfg(test)]
mod tests;

/// Which of our crates each of our crates may use. A crate that is missing here is an error: a new crate is a decision.
const MAY_USE: &[(&str, &[&str])] = &[
    ("forgemark-contract", &[]),
    ("forgemark-stats", &[]),
    ("forgemark-language", &[]),
    ("forgemark-curate", &["contract", "stats", "language"]),
    ("forgemark-store", &["contract", "curate"]),
    ("forgemark-journal", &["contract"]),
    ("forgemark-run", &["contract", "journal"]),
    ("forgemark-model", &["contract", "journal"]),
    (
        "forgemark-arena",
        &["contract", "stats", "journal", "run", "model"],
    ),
    ("forgemark-corpus", &["contract", "journal", "model"]),
    (
        "forgemark-dialogue",
        &[
            "contract", "stats", "language", "journal", "run", "model", "corpus",
        ],
    ),
    (
        "forgemark-app",
        &[
            "contract", "stats", "language", "journal", "run", "model", "corpus", "dialogue",
            "arena", "curate",
        ],
    ),
    (
        "forgemark",
        &[
            "contract", "stats", "journal", "run", "model", "corpus", "dialogue", "arena",
            "curate", "store", "app",
        ],
    ),
    (
        "forgemark-testkit",
        &[
            "contract", "stats", "journal", "run", "model", "corpus", "dialogue",
        ],
    ),
    ("xtask", &[]),
];

/// Packages (with what their names begin with) that only the presentation may use directly.
const PRESENTATION: &[&str] = &["clap", "indicatif", "comfy-table"];
const MAY_PRESENT: &[&str] = &["forgemark-app", "forgemark", "forgemark-testkit", "xtask"];

/// What a crate must not be built with, however far down.
const MUST_NOT_REACH: &[(&str, &[&str])] = &[
    ("forgemark-contract", &["tokio", "reqwest"]),
    ("forgemark-stats", &["tokio", "reqwest"]),
    ("forgemark-curate", &["tokio", "reqwest"]),
];

/// The packages of a build and what each is built with, by name. Two versions of one package count as one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Graph {
    /// Our own crates.
    members: BTreeSet<String>,
    /// Those whose examples in the documentation are run as tests.
    doctested: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

/// Checks the crates of the workspace at `root`.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    // Without a platform, cargo downloads what only other platforms build with.
    let host = host(root)?;
    let text = Line::cargo([
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        &host,
    ])
    .output(root)?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
    let graph = Graph::read(&metadata).context("cargo metadata has another shape than expected")?;
    Ok(findings(&graph))
}

/// The platform that is built for, such as `x86_64-unknown-linux-gnu`.
fn host(root: &Path) -> anyhow::Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(root)
        .output()
        .context("cannot start rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

impl Graph {
    /// Reads the output of `cargo metadata --format-version 1`.
    fn read(metadata: &Value) -> Option<Self> {
        let mut names = BTreeMap::new();
        let mut doctested = BTreeSet::new();
        for package in metadata["packages"].as_array()? {
            let id = package["id"].as_str()?;
            names.insert(id, package["name"].as_str()?);
            let targets = package["targets"].as_array()?;
            if targets.iter().any(|target| target["doctest"] == true) {
                doctested.insert(id);
            }
        }
        let mut graph = Graph::default();
        for id in metadata["workspace_members"].as_array()? {
            let id = id.as_str()?;
            let name = *names.get(id)?;
            graph.members.insert(name.to_owned());
            if doctested.contains(id) {
                graph.doctested.insert(name.to_owned());
            }
        }
        for node in metadata["resolve"]["nodes"].as_array()? {
            let uses = graph
                .uses
                .entry((*names.get(node["id"].as_str()?)?).to_owned())
                .or_default();
            for dependency in node["deps"].as_array()? {
                let kinds = dependency["dep_kinds"].as_array()?;
                if kinds
                    .iter()
                    .any(|kind| kind["kind"].as_str() != Some("dev"))
                {
                    uses.insert((*names.get(dependency["pkg"].as_str()?)?).to_owned());
                }
            }
        }
        Some(graph)
    }

    fn uses(&self, name: &str) -> impl Iterator<Item = &str> {
        self.uses
            .get(name)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The way from a crate to a package, both included.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut ways = vec![vec![from.to_owned()]];
        while let Some(way) = ways.pop() {
            let last = way.last()?;
            for next in self.uses(last) {
                let mut longer = way.clone();
                longer.push(next.to_owned());
                if next == to {
                    return Some(longer);
                }
                if seen.insert(next.to_owned()) {
                    ways.push(longer);
                }
            }
        }
        None
    }
}

fn findings(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &graph.members {
        let mut fail = |what: String| {
            findings.push(Finding {
                level: Level::Fail,
                check: "edges",
                path: format!("crates/{member}/Cargo.toml"),
                line: 0,
                what,
            });
        };
        match MAY_USE.iter().find(|(name, _)| name == member) {
            None => fail(format!(
                "{member} is missing in the table of crates (crates/xtask/src/tidy/edges.rs)"
            )),
            Some((_, allowed)) => {
                let ours = graph
                    .uses(member)
                    .filter(|used| graph.members.contains(*used));
                for used in
                    ours.filter(|used| !allowed.contains(&used.trim_start_matches("forgemark-")))
                {
                    fail(format!(
                        "{member} may not use {used}: see ARCHITECTURE.md for who may use whom"
                    ));
                }
            }
        }
        if !MAY_PRESENT.contains(&member.as_str()) {
            let presenting = graph
                .uses(member)
                .filter(|used| PRESENTATION.iter().any(|start| used.starts_with(start)));
            for used in presenting {
                fail(format!(
                    "{member} may not use {used}: only forgemark-app speaks to a person"
                ));
            }
        }
        if graph.doctested.contains(member) {
            fail(format!(
                "{member} needs `doctest = false` under `[lib]`: nextest would not run what `cargo test` runs"
            ));
        }
        let forbidden = MUST_NOT_REACH
            .iter()
            .find(|(name, _)| name == member)
            .map_or(&[][..], |(_, list)| list);
        for package in forbidden {
            if let Some(way) = graph.way(member, package) {
                fail(format!(
                    "{member} must not reach {package}, and does: {}",
                    way.join(" -> ")
                ));
            }
        }
    }
    findings
}
