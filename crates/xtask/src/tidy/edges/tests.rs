use super::*;

fn graph(members: &[&str], edges: &[(&str, &str)]) -> Graph {
    let mut graph = Graph {
        members: members.iter().map(|name| (*name).to_owned()).collect(),
        ..Graph::default()
    };
    for (from, to) in edges {
        graph
            .uses
            .entry((*from).to_owned())
            .or_default()
            .insert((*to).to_owned());
    }
    graph
}

fn found(members: &[&str], edges: &[(&str, &str)]) -> Vec<String> {
    findings(&graph(members, edges))
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

#[test]
fn an_edge_that_goes_up_is_found() {
    let members = ["forgemark-contract", "forgemark-journal"];
    assert_eq!(
        found(&members, &[("forgemark-journal", "forgemark-contract")]),
        [""; 0]
    );
    let wrong = found(&members, &[("forgemark-contract", "forgemark-journal")]);
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].starts_with("forgemark-contract may not use forgemark-journal"),
        "{wrong:?}"
    );
}

#[test]
fn a_product_crate_may_not_use_the_testkit() {
    let wrong = found(
        &["forgemark-run", "forgemark-testkit"],
        &[("forgemark-run", "forgemark-testkit")],
    );
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}

#[test]
fn a_crate_that_nobody_decided_on_is_found() {
    let wrong = found(&["forgemark-utils"], &[]);
    assert!(wrong[0].contains("missing in the table"), "{wrong:?}");
}

#[test]
fn presentation_below_the_app_is_found() {
    for package in ["clap", "clap_complete", "indicatif", "comfy-table"] {
        assert_eq!(
            found(&["forgemark-dialogue"], &[("forgemark-dialogue", package)]).len(),
            1,
            "{package}"
        );
        assert_eq!(
            found(&["forgemark-app"], &[("forgemark-app", package)]),
            [""; 0],
            "{package}"
        );
    }
}

#[test]
fn a_runtime_far_below_is_found_with_the_way_to_it() {
    let edges = [
        ("forgemark-stats", "a"),
        ("a", "b"),
        ("b", "a"),
        ("b", "tokio"),
        ("forgemark-model", "tokio"),
    ];
    let wrong = found(&["forgemark-stats", "forgemark-model"], &edges);
    assert_eq!(
        wrong,
        ["forgemark-stats must not reach tokio, and does: forgemark-stats -> a -> b -> tokio"]
    );
}

#[test]
fn metadata_is_read_without_what_only_tests_use() {
    let dep = |id: &str, kinds: &[Option<&str>]| {
        let kinds: Vec<Value> = kinds
            .iter()
            .map(|kind| serde_json::json!({ "kind": kind, "target": null }))
            .collect();
        serde_json::json!({ "name": id, "pkg": id, "dep_kinds": kinds })
    };
    let package = |id: &str, name: &str| {
        let targets = serde_json::json!([
            { "kind": ["lib"], "doctest": true },
            { "kind": ["test"], "doctest": false },
        ]);
        serde_json::json!({ "id": id, "name": name, "targets": targets })
    };
    let names = ["ours", "normal", "both", "tests", "builds"];
    let packages: Vec<Value> = names.iter().map(|name| package(name, name)).collect();
    let deps = [
        dep("normal", &[None]),
        dep("both", &[Some("dev"), None]),
        dep("tests", &[Some("dev")]),
        dep("builds", &[Some("build")]),
    ];
    let metadata = serde_json::json!({
        "packages": packages,
        "workspace_members": ["ours"],
        "resolve": { "nodes": [{ "id": "ours", "deps": deps }] },
    });
    let mut wanted = graph(
        &["ours"],
        &[("ours", "normal"), ("ours", "both"), ("ours", "builds")],
    );
    wanted.doctested.insert("ours".to_owned());
    assert_eq!(Graph::read(&metadata), Some(wanted));
    assert_eq!(Graph::read(&serde_json::json!({ "packages": 1 })), None);
}

#[test]
fn the_table_names_only_crates_that_it_knows() {
    for (name, allowed) in MAY_USE {
        for used in *allowed {
            let full = format!("forgemark-{used}");
            assert!(
                MAY_USE.iter().any(|(known, _)| *known == full),
                "{name} may use {full}, which is no crate"
            );
        }
    }
}

#[test]
fn a_crate_that_tests_its_documentation_is_found() {
    let mut graph = graph(&["forgemark-run"], &[]);
    assert_eq!(findings(&graph), []);
    graph.doctested.insert("forgemark-run".to_owned());
    assert!(findings(&graph)[0].what.contains("doctest = false"));
}
