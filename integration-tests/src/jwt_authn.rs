//! Envoy's own filter for tokens: what ours is held against, and compared with.

use serde_json::{Value, json};

/// The `jwt_authn` filter with one provider, which every request needs: tokens of [`mint::claims`](crate::mint::claims)
/// in `Authorization`, keys as `remote_jwks` or `local_jwks` says, and a cache of verified tokens if `cache` is set.
pub fn jwt_authn(keys: &Value, cache: bool) -> Value {
    let mut provider = json!({
        "issuer": "https://idp.example",
        "audiences": ["orders-api"],
    });
    crate::merge(&mut provider, keys);
    if cache {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 1000});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"main": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "main"}}],
        },
    })
}

/// For [`jwt_authn`]: this key set.
pub fn local_jwks(keys: &Value) -> Value {
    json!({"local_jwks": {"inline_string": keys.to_string()}})
}

/// For [`jwt_authn`]: the key set that the cluster `idp` has at this path.
pub fn remote_jwks(path: &str) -> Value {
    json!({"remote_jwks": {
        "http_uri": {"uri": format!("https://idp.example{path}"), "cluster": "idp", "timeout": "1s"},
        "cache_duration": "1s",
        "async_fetch": {},
    }})
}
