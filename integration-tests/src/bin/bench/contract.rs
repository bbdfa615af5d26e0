//! The contract that requests are held against, and bodies that keep it.

use portcullis_integration_tests::{WasmFilter, dist};
use serde_json::{Value, json};

/// Our `schema_check`, with this many operations on `/resources` beside those on `/orders` and `/files`.
pub(crate) fn schema_check(operations: usize) -> WasmFilter {
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    let limit = json!({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}});
    let body = |media_type: &str, schema: Value| json!({"required": true, "content": {media_type: {"schema": schema}}});
    let orders = json!({"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Order"}});
    let file = json!({"type": "string", "format": "binary"});
    let mut paths = json!({
        "/orders": {"post": {"operationId": "createOrders", "requestBody": body("application/json", orders),
                             "responses": {"200": {"description": "Created"}}}},
        "/files": {"post": {"operationId": "upload", "requestBody": body("application/octet-stream", file),
                            "responses": {"200": {"description": "Taken"}}}},
    });
    for number in 0..operations {
        paths[format!("/resources/{number}/items/{{id}}")] = json!({"get": {
            "operationId": format!("item{number}"),
            "parameters": [id, limit],
            "responses": {"200": {"description": "The item"}},
        }});
    }
    let document = json!({
        "openapi": "3.0.3",
        "info": {"title": "Orders", "version": "1"},
        "paths": paths,
        "components": {"schemas": {
            "Order": {
                "type": "object",
                "required": ["id", "customer", "currency", "items"],
                "additionalProperties": false,
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "customer": {"$ref": "#/components/schemas/Customer"},
                    "currency": {"type": "string", "enum": ["EUR", "USD", "GBP", "CHF"]},
                    "note": {"type": "string", "maxLength": 500, "nullable": true},
                    "items": {"type": "array", "minItems": 1, "maxItems": 100,
                              "items": {"$ref": "#/components/schemas/Item"}},
                },
            },
            "Customer": {
                "type": "object",
                "required": ["id", "email"],
                "properties": {
                    "id": {"type": "integer", "format": "int64", "minimum": 1},
                    "email": {"type": "string", "format": "email", "maxLength": 254},
                    "name": {"type": "string", "minLength": 1, "maxLength": 100},
                    "vip": {"type": "boolean"},
                },
            },
            "Item": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{3}$"},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
                    "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}},
                },
            },
        }},
    });
    WasmFilter::new("schema_check", dist("schema_check")).config(&json!({"openapi": document}))
}

/// The body of a POST to `/orders`: each order takes 1,000 bytes or so.
pub(crate) fn orders(count: usize) -> Vec<u8> {
    let item = |number: usize| json!({"sku": format!("ABC-{number:03}"), "quantity": number + 1, "price": 19.99, "tags": ["blue", "large"]});
    let order = |number: usize| {
        json!({
            "id": format!("0b9c1f6e-6c1e-4d7e-9f0a-{number:012}"),
            "customer": {"id": 4711, "email": "jane.doe@example.com", "name": "Jane Doe", "vip": true},
            "currency": "EUR",
            "note": "Please leave the parcel at the door of the neighbours \u{2013} they are in \"most\" of the day.",
            "items": (0..10).map(item).collect::<Vec<_>>(),
        })
    };
    let orders: Vec<Value> = (0..count).map(order).collect();
    json!(orders).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_large_as_their_names_say() {
        assert!((900..1200).contains(&orders(1).len()), "{}", orders(1).len());
        assert!((60_000..72_000).contains(&orders(64).len()), "{}", orders(64).len());
    }
}
