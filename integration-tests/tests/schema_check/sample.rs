//! A small API that many tests use, and requests for it.

use portcullis_integration_tests::{Request, merge};
use serde_json::{Value, json};

/// Its document.
pub(crate) fn document() -> Value {
    let user = json!({"$ref": "#/components/schemas/User"});
    let json_of = |schema: &Value| json!({"application/json": {"schema": schema}});
    let ok = json!({"description": "", "content": json_of(&user)});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Users", "version": "1"},
        "paths": {
            "/health": {"get": {"operationId": "getHealth", "responses": {"200": {"description": ""}}}},
            "/users": {
                "get": {
                    "operationId": "findUsers",
                    "parameters": [
                        {"name": "name", "in": "query", "schema": {"type": "string", "maxLength": 8}},
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                        {"name": "X-Region", "in": "header", "schema": {"enum": ["eu", "us"]}},
                        {"name": "theme", "in": "cookie", "schema": {"enum": ["dark", "light"]}},
                    ],
                    "responses": {"200": {"description": "", "content": json_of(&json!({"type": "array", "items": user}))}},
                },
                "post": {
                    "operationId": "createUser",
                    "requestBody": {"required": true, "content": json_of(&user)},
                    "responses": {"200": ok, "201": ok, "204": {"description": ""}},
                },
            },
            "/users/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
                "get": {"operationId": "getUser", "responses": {"200": ok, "304": {"description": ""}}},
                "put": {
                    "operationId": "putUser",
                    "requestBody": {"required": true, "content": json_of(&user)},
                    "responses": {"200": ok},
                },
            },
        },
        "components": {"schemas": {"User": {
            "type": "object",
            "required": ["email"],
            "properties": {
                "id": {"type": "integer", "readOnly": true},
                "email": {"type": "string", "format": "email"},
                "age": {"type": "integer", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}},
                "password": {"type": "string", "minLength": 8, "writeOnly": true},
            },
            "additionalProperties": false,
        }}},
    })
}

/// A configuration with it and audit, changed by this patch.
pub(crate) fn config(patch: &Value) -> Value {
    let mut config = json!({"openapi": document(), "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}}});
    merge(&mut config, patch);
    config
}

/// A request that creates a user.
pub(crate) fn create(user: &Value) -> Request {
    create_text(user.to_string())
}

/// The same with any text for a user.
pub(crate) fn create_text(user: impl Into<String>) -> Request {
    Request::post("/users", user.into()).header("content-type", "application/json")
}

/// One that the contract allows.
pub(crate) fn good() -> Request {
    create(&json!({"email": "alice@example.com"}))
}

/// What the contract does not allow: each request with the operation and the reason.
pub(crate) fn bad() -> Vec<(Request, &'static str, &'static str)> {
    let text = |body: &str| create_text(body);
    vec![
        (Request::get("/users?limit=many"), "findUsers", "parameter_invalid"),
        (Request::get("/users?limit=1&limit=2"), "findUsers", "parameter_repeated"),
        (Request::get("/users?name=%ff"), "findUsers", "parameter_malformed"),
        (Request::get("/users?other=1"), "findUsers", "query_unknown"),
        (Request::get("/users").header("x-region", "mars"), "findUsers", "parameter_invalid"),
        (Request::get("/users").header("cookie", "theme=blue"), "findUsers", "parameter_invalid"),
        (Request::get("/users/me"), "getUser", "parameter_invalid"),
        (Request::new("POST", "/users"), "createUser", "body_missing"),
        (Request::get("/users").body("x"), "findUsers", "body_unexpected"),
        (
            Request::post("/users", "a=b").header("content-type", "application/x-www-form-urlencoded"),
            "createUser",
            "media_type_unknown",
        ),
        (
            Request::post("/users", "{}").header("content-type", "application/json; charset=latin1"),
            "createUser",
            "charset_unsupported",
        ),
        (good().header("content-encoding", "gzip"), "createUser", "content_encoding_unsupported"),
        (text(r#"{"email": "alice@example.com", "role": "admin"}"#), "createUser", "body_invalid"),
        (text("{"), "createUser", "json_invalid"),
        (text("{} {}"), "createUser", "json_trailing_data"),
        (text(r#"{"email": "a@b.example", "email": "c@b.example"}"#), "createUser", "json_duplicate_key"),
        (text(&"[".repeat(100)), "createUser", "json_too_deep"),
        (text(r#"{"age": 1}"#).trailer("x-trailer", "1"), "createUser", "body_invalid"),
    ]
}
