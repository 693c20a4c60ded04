//! Tables of ours as other programs read them.

mod heavy {
    use forgemark_contract::json::parse_str;
    use forgemark_contract::store::{ContextRecord, Edit, Scan, StoreOptions};

    use crate::python::Python;
    use crate::support::{latest, patch, row, temporary, write};

    const FULL: &str = r#"{"id":"full","external_id":"e","run_id":"r","bot_id":"b","session_id":"s","tenant":"t","source":"web","created_at":"2030-01-02T03:04:05.000006Z","role":"assistant","state_metadata":{"step":1,"active_plan_id":"p","tokens_used":11,"custom":"c"},"metadata":{"reward":0.5,"text":"ä","nested":[1,{"a":null}]},"relationships":[{"target_id":"r0","relation":"answers","weight":0.25},{"target_id":"r1","relation":"follows"}],"expires_at":"2040-01-02T03:04:05Z","retention_policy":"long","lifecycle_status":"contradicted","retired_at":"2031-01-02T03:04:05Z","retired_reason":"old","supersedes_id":"x","superseded_by_id":"y","content_type":"text/plain","text_payload":"hi 東京","binary_payload":"AAEC","payload_uri":"s3://b/k","payload_size":3,"payload_checksum":"sha256:0","embedding":[0.5,1.0,-2.5],"seq":3,"parent_id":"r0","branch_id":"main","candidate_group":"g","message":{"role":"assistant","content":[{"type":"text","text":"hi"}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"train":false},"updated_at":"2030-01-02T03:04:06Z","origin_digest":"d"}"#;

    fn record(json: &forgemark_contract::json::Json) -> ContextRecord {
        ContextRecord::from_json(json).unwrap_or_else(|error| panic!("{error}: {json:?}"))
    }

    #[test]
    fn lance_duckdb_and_datafusion_read_our_columns() {
        let Some(python) = Python::new() else { return };
        let made = temporary(&StoreOptions::default());
        let store = &*made.store;
        let full = record(&parse_str(FULL).unwrap());
        let rows = ["a", "b", "c"].map(|id| Edit::Add(row(id)));
        write(store, [vec![Edit::Add(full)], rows.to_vec()].concat());
        // A row that was replaced lies in another file, and is read in its place.
        write(
            store,
            vec![patch("a", r#"{"metadata.reward":1,"role":"tool"}"#)],
        );
        let ours = latest(store);
        let ours = ours.scan(&Scan::everything()).unwrap();
        let ours: Vec<ContextRecord> = ours.map(|row| row.unwrap().1).collect();
        assert_eq!(ours.len(), 4);
        let read = python.json("interop.py", &[&made.uri]);
        for program in ["lance", "duckdb", "datafusion"] {
            let rows = read.at("rows").items(program).iter().map(record);
            assert_eq!(rows.collect::<Vec<_>>(), ours, "{program}");
        }
        let roles = parse_str(r#"{"assistant":1,"tool":1,"user":2}"#).unwrap();
        assert_eq!(read.at("roles"), &roles);
    }
}
