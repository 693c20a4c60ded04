use super::*;

const FULL: &str = r#" {"model": "org/m", "messages": [
  {"role":"system","content":"say \"response_format\" and }{"},
  {"role":"user","content":"first"},
  {"role":"tool","content":"old","tool_call_id":"a"},
  {"role":"user","content":"second \"quoted\"\n"},
  {"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},
  {"content":"result","role":"tool"}],
 "tools":[{"type":"function","function":{"description":"d","name":"vector_db_search"}}, {"function":{"name":"other"}}],
 "response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"name":{"type":"string"}}},"name":"user_turn"}},
 "temperature":0.5,"stream":false} "#;

#[test]
fn the_facts_of_a_full_request() {
    let found = scan(FULL.as_bytes()).unwrap();
    assert_eq!(found.model, b"org/m");
    assert_eq!(found.schema_name, Some(&b"user_turn"[..]));
    assert_eq!(found.first_tool, Some(&b"vector_db_search"[..]));
    assert_eq!(&FULL[found.last_user], r#"second \"quoted\"\n"#);
    assert!(found.tool_result);
    assert!(!found.stream);
    assert!(!found.tools_off);
    assert_eq!(member(FULL.as_bytes(), b"temperature"), Some(&b"0.5"[..]));
    assert_eq!(member(FULL.as_bytes(), b"absent"), None);
}

#[test]
fn a_user_message_after_the_tool_result_clears_it() {
    let body = br#"{"messages":[{"role":"tool","content":"x"},{"role":"user","content":[{"type":"text","text":"p"}]}],"stream":true,"tool_choice":"none"}"#;
    let found = scan(body).unwrap();
    assert!(!found.tool_result);
    assert!(found.stream);
    assert!(found.tools_off);
    assert_eq!(&body[found.last_user], br#"[{"type":"text","text":"p"}]"#);
    assert_eq!(found.first_tool, None);
    assert_eq!(found.schema_name, None);
}

#[test]
fn what_is_not_a_chat_request_is_none() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"messages\":{}}",
        "{\"messages\":[]",
        "{\"messages\" []}",
        "{\"messages\":[],}",
        "{\"a\":,\"messages\":[]}",
        "{\"a\":\"\\",
    ] {
        assert_eq!(scan(body.as_bytes()), None, "{body}");
    }
    assert!(scan(b"{\"messages\":[]}").is_some());
    let deep = format!(
        "{{\"a\":{}{},\"messages\":[]}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(scan(deep.as_bytes()), None);
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    let bytes = FULL.as_bytes();
    for end in 0..bytes.len() {
        let _ = scan(&bytes[..end]);
        let _ = member(&bytes[..end], b"tools");
    }
    for at in 0..bytes.len() {
        for byte in *b"\"\\{}[],: a\xff" {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            // Most changes still scan; none may panic.
            let _ = scan(&changed);
        }
    }
    assert!(scan(bytes).is_some());
}
