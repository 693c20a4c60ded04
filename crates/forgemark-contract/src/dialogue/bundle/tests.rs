use crate::json::parse_str;

use super::*;

/// The tables that a shape reaches, each once.
fn tables(shape: Shape, into: &mut Vec<&'static Table>) {
    match shape {
        Shape::Nullable(inner) | Shape::Array(inner) => tables(*inner, into),
        Shape::Closed(table) if into.iter().all(|known| known.name != table.name) => {
            into.push(table);
            for rule in table.fields {
                tables(rule.shape, into);
            }
        }
        _ => {}
    }
}

#[test]
fn every_object_of_the_schema_is_closed_and_has_all_keys() {
    let document = schema(&Columns::default());
    let mut found = Vec::new();
    tables(Shape::Closed(&ROW), &mut found);
    let defs = document.at("$defs").as_object().unwrap();
    assert_eq!(defs.len(), found.len());
    for table in found {
        let def = defs.get(table.name).unwrap();
        assert_eq!(
            def.at("additionalProperties"),
            &Json::Bool(false),
            "{}",
            table.name
        );
        let keys: Vec<&str> = table.fields.iter().map(|rule| rule.key).collect();
        let required: Vec<&str> = def
            .items("required")
            .iter()
            .filter_map(Json::as_str)
            .collect();
        let properties: Vec<&str> = def.at("properties").as_object().unwrap().keys().collect();
        assert_eq!((&required, &properties), (&keys, &keys), "{}", table.name);
        assert!(
            table
                .fields
                .iter()
                .all(|rule| rule.required && rule.legacy.is_none())
        );
    }
}

#[test]
fn renamed_columns_are_renamed_in_the_schema_and_in_the_check() {
    let mapping = Object::from([
        ("messages", Json::from("chat")),
        ("judge", Json::from("messages")),
    ]);
    let columns = Columns::new(&mapping).unwrap();
    let row = schema(&columns);
    let row = row.at("$defs").at("BundleRow");
    let names = [
        "chat",
        "messages_with_tools",
        "metadata",
        "user_reasoning",
        "assistant_reasoning",
        "messages",
    ];
    assert_eq!(
        row.at("properties")
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        names
    );
    assert_eq!(
        row.items("required")
            .iter()
            .filter_map(Json::as_str)
            .collect::<Vec<_>>(),
        names
    );
    let value = parse_str(r#"{"chat": [], "messages": [], "judge": 1, "metadata": 1}"#).unwrap();
    let found: Vec<String> = check_row(&columns, &value)
        .into_iter()
        .map(|finding| format!("{}: {}", finding.path, finding.what))
        .collect();
    assert_eq!(
        found,
        [
            "messages_with_tools: missing; BundleRow needs it",
            "metadata: expected an object, found integer 1",
            "user_reasoning: missing; BundleRow needs it",
            "assistant_reasoning: missing; BundleRow needs it",
            "judge: expected an object, found array",
            "'judge': BundleRow has no such key",
        ]
    );
}
