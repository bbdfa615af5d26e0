//! Requests and the API's contract: by the OpenAPI document in `envoy/schema_check.yaml`.

use crate::step::{Decision, Expect, Group, Request, Step, get};

pub(crate) const GROUP: Group = Group {
    filter: "schema_check",
    about: "lets through what the API's OpenAPI document allows (400 otherwise)",
    deciding: &["content-type", "idempotency-key"],
    steps: STEPS,
};

const KEY: (&str, &[u8]) = ("idempotency-key", b"5f0c2f0e-8f9f-4d7c-9c38-6a3a0e1d2b4c");
const JSON: (&str, &[u8]) = ("content-type", b"application/json");

const fn deny(operation: &'static str, reason: &'static str) -> Decision {
    Decision::deny(operation, reason)
}

const STEPS: &[Step] = &[
    Step::new(
        "A new user",
        "As the document has it: path, method, media type, and every member as its schema says.",
        Request::post("/v1/users", r#"{"email": "alice@example.com", "name": "Alice"}"#),
        Expect::passes(&[Decision::allow("createUser", "valid")]),
    ),
    Step::new(
        "Malformed, as a form",
        "`curl -d` says that it is a form, and the operation takes JSON: nobody looks into it.",
        Request {
            headers: &[("content-type", b"application/x-www-form-urlencoded")],
            ..Request::post("/v1/users", r#"{"malformed": true}"#)
        },
        Expect::refused(400, &[deny("createUser", "media_type_unknown")]),
    ),
    Step::new(
        "Malformed, as JSON",
        "The client is told where which keyword failed, all at once, and never what it sent.",
        Request::post("/v1/users", r#"{"malformed": true}"#),
        Expect::refused(400, &[deny("createUser", "body_invalid")]),
    ),
    Step::new(
        "A member too many",
        "Mass assignment: who signs up as an admin? `role` is `readOnly`, for the service to set.",
        Request::post("/v1/users", r#"{"email": "eve@example.com", "name": "Eve", "role": "admin"}"#),
        Expect::refused(400, &[deny("createUser", "body_invalid")]).without(&["eve@example.com"]),
    ),
    Step::new(
        "One name, two values",
        "Which one counts? A gateway may read the first and a service the last. So neither does.",
        Request::post("/v1/users", r#"{"email": "a@example.com", "name": "Al", "\u006eame": "admin"}"#),
        Expect::refused(400, &[deny("createUser", "json_duplicate_key")]),
    ),
    Step::new(
        "An id that is none",
        "The path's variable is a UUID: what is looked up is not up to the client.",
        get("/v1/users/1%20or%201=1", &[]),
        Expect::refused(400, &[deny("getUser", "parameter_invalid")]),
    ),
    Step::new(
        "A query nobody knows",
        "`?debug=true` is not in the document. What is not documented is not tested either.",
        get("/v1/orders?limit=10&debug=true", &[]),
        Expect::refused(400, &[deny("listOrders", "query_unknown")]),
    ),
    Step::new(
        "An order",
        "A required header, a list, a pattern for what is ordered. The upstream gets it as it came.",
        Request {
            headers: &[JSON, KEY],
            ..Request::post("/v1/orders", r#"{"currency": "EUR", "items": [{"sku": "MUG-0042", "quantity": 2}]}"#)
        },
        Expect::passes(&[Decision::allow("createOrder", "valid")]),
    ),
    Step::new(
        "Minus one mug",
        "`quantity` has a minimum. The pointer in the answer says which item: /items/0/quantity.",
        Request {
            headers: &[JSON, KEY],
            ..Request::post("/v1/orders", r#"{"currency": "EUR", "items": [{"sku": "MUG-0042", "quantity": -1}]}"#)
        },
        Expect::refused(400, &[deny("createOrder", "body_invalid")]),
    ),
    Step::new(
        "An undocumented path",
        "An old version, a debug page, an admin console: what is not in the document is not there.",
        get("/v0/users", &[]),
        Expect::refused(404, &[deny("unknown.path", "path_unknown")]),
    ),
    Step::new(
        "An undocumented method",
        "The path is known, the method is not: 405, and `allow` says which there are.",
        get("/v1/users", &[]),
        Expect::refused(405, &[deny("unknown.method", "method_unknown")]),
    ),
];
