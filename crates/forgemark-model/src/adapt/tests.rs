use super::{Accepts, Feature, Form, Sent};
use crate::chat::{ChatRequest, Message, ReplyFormat, ToolChoice, ToolSpec};
use crate::config::{Params, RoleParams, Wire};
use forgemark_contract::json::Json;

fn schema_request(tools: bool) -> ChatRequest {
    let mut request = ChatRequest::new(vec![Message::user("Hi")], 0);
    request.format = ReplyFormat::JsonSchema {
        name: "a".to_owned(),
        schema: Json::empty_object().into(),
    };
    if tools {
        request.tool_choice = ToolChoice::Required;
        request.tools.push(ToolSpec {
            name: "t".to_owned(),
            description: String::new(),
            parameters: Json::empty_object().into(),
        });
    }
    request
}

fn params() -> RoleParams {
    let mut params = Params {
        temperature: Some(1.0),
        max_tokens: Some(9),
        ..Params::default()
    };
    params.extra.insert("top_k", 4_i64);
    RoleParams::new("r", &params, &mut vec!["other".to_owned()]).expect("valid")
}

#[test]
fn the_ladder_of_forms() {
    let (request, params) = (schema_request(false), params());
    let mut accepts = Accepts::everything();
    let mut seen = vec![accepts.form(&request)];
    for _ in 0..2 {
        accepts = accepts
            .without(Feature::Form(accepts.form(&request)), &params, Wire::OpenAi)
            .0;
        seen.push(accepts.form(&request));
    }
    assert_eq!(seen, [Form::Schema, Form::Object, Form::None]);
    // An endpoint that takes schemas and no json_object keeps its schemas.
    let no_object = Accepts::everything()
        .without(Feature::Form(Form::Object), &params, Wire::OpenAi)
        .0;
    assert_eq!(no_object.form(&request), Form::Schema);
    let object = ChatRequest {
        format: ReplyFormat::JsonObject,
        ..schema_request(false)
    };
    assert_eq!(no_object.form(&object), Form::None);
}

#[test]
fn a_form_beside_tools_is_refused_only_there() {
    let accepts = Accepts::everything()
        .without(Feature::FormWithTools, &params(), Wire::OpenAi)
        .0;
    assert_eq!(accepts.form(&schema_request(true)), Form::None);
    assert_eq!(accepts.form(&schema_request(false)), Form::Schema);
}

#[test]
fn the_token_limit_changes_its_name_once_and_then_goes() {
    let params = params();
    for (start, names) in [
        (
            Accepts::everything(),
            [Some("max_tokens"), Some("max_completion_tokens"), None],
        ),
        (
            Accepts::completion_name(),
            [Some("max_completion_tokens"), Some("max_tokens"), None],
        ),
    ] {
        let second = start.without(Feature::MaxTokens, &params, Wire::OpenAi).0;
        let third = second.without(Feature::MaxTokens, &params, Wire::OpenAi).0;
        let seen = [start, second, third].map(Accepts::max_tokens_name);
        assert_eq!(seen, names);
    }
    let (_, what) = Accepts::everything().without(Feature::MaxTokens, &params, Wire::OpenAi);
    assert_eq!(what, "max_tokens refused, max_completion_tokens is sent");
}

#[test]
fn only_what_was_sent_can_be_refused() {
    let (request, params) = (schema_request(true), params());
    let names = |accepts: Accepts| -> Vec<String> {
        let sent = Sent {
            wire: Wire::OpenAi,
            accepts,
            request: &request,
            params: &params,
        };
        sent.features()
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    assert_eq!(
        names(Accepts::everything()),
        [
            "response_format",
            "max_tokens",
            "temperature",
            "tool_choice",
            "top_k"
        ]
    );
    // Numbers of extra keys are shared by the roles of a model: this role's only key has the number 1.
    let (less, what) = Accepts::everything().without(Feature::Extra(1), &params, Wire::OpenAi);
    assert_eq!(what, "top_k refused, not sent any more");
    let less = less
        .without(Feature::FormWithTools, &params, Wire::OpenAi)
        .0;
    assert_eq!(names(less), ["max_tokens", "temperature", "tool_choice"]);
}

#[test]
fn extra_keys_that_are_ours_are_a_mistake() {
    let mut params = Params::default();
    params.extra.insert("messages", Json::Null);
    let error = RoleParams::new("judge", &params, &mut Vec::new()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "role 'judge': extra key 'messages' is set in another place"
    );
}
