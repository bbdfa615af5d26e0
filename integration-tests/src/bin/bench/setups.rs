//! The parts that variants are put together from.

use std::env;
use std::path::PathBuf;

use portcullis_integration_tests::{WasmFilter, dist, jwt_authn, local_jwks, workspace};
use serde_json::{Value, json};

use crate::agents::TEN;
use crate::tokens;

/// Envoy's RBAC filter: no user agent that has one of the names in it.
pub(crate) fn rbac(names: &[impl AsRef<str>]) -> Value {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let regex = format!("(?i).*({}).*", names.join("|"));
    let agent = json!({"header": {"name": "user-agent", "string_match": {"safe_regex": {"regex": regex}}}});
    let policy = json!({"permissions": [agent], "principals": [{"any": true}]});
    json!({"name": "rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": {"action": "DENY", "policies": {"agents": policy}},
    }})
}

/// Envoy's Lua filter, written as its users would: the names one by one.
pub(crate) fn lua() -> Value {
    let names = TEN.map(|name| format!("{:?}", name.to_lowercase())).join(", ");
    let code = format!(
        r#"
local names = {{{names}}}
function envoy_on_request(handle)
  local agent = handle:headers():get("user-agent")
  if agent == nil then return end
  agent = string.lower(agent)
  for i = 1, #names do
    if string.find(agent, names[i], 1, true) then
      handle:respond({{[":status"] = "403"}}, "denied")
      return
    end
  end
end
"#
    );
    json!({"name": "lua", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": code},
    }})
}

/// A filter made with the SDK that does nothing; the Makefile has it built.
pub(crate) fn sdk_noop() -> WasmFilter {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace("target"), PathBuf::from);
    WasmFilter::new("sdk_noop", target.join("wasm/wasm32-wasip1/release/sdk_noop.wasm"))
}

/// The same, holding requests until their bodies are there.
pub(crate) fn sdk_buffer() -> WasmFilter {
    sdk_noop().config(&json!({"holds": true}))
}

/// Envoy's Lua filter, which waits for the body and takes it as a string: it has nothing to read JSON with.
pub(crate) fn lua_buffer() -> Value {
    let code = r#"
function envoy_on_request(handle)
  local body = handle:body()
  if body == nil then return end
  local text = body:getBytes(0, body:length())
  if string.sub(text, 1, 1) ~= "{" and string.sub(text, 1, 1) ~= "[" then
    handle:respond({[":status"] = "400"}, "no JSON")
  end
end
"#;
    json!({"name": "lua", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": code},
    }})
}

/// Our `ua_block`, refusing user agents that have one of the names in them.
pub(crate) fn ua_block(names: &[impl AsRef<str>], audit: Audit) -> WasmFilter {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let rule = json!({"name": "names", "contains": names, "action": "deny"});
    let mut config = json!({"rules": [rule], "default": "allow"});
    let mut sink = json!({"cluster": "audit", "path": "/ingest", "format": "ndjson"});
    match audit {
        Audit::Off => {}
        Audit::On => config["audit"] = sink,
        Audit::Everything => {
            sink["events"] = json!(["allow", "deny", "shadow", "error"]);
            config["audit"] = sink;
        }
    }
    WasmFilter::new("ua_block", dist("ua_block")).config(&config)
}

/// Whether events go to the cluster `audit`.
#[derive(Clone, Copy)]
pub(crate) enum Audit {
    Off,
    /// Events of the default kind: what was refused, or would have been.
    On,
    /// Each request has an event.
    Everything,
}

/// Routes that answer with this status by themselves.
pub(crate) fn refusing_route(status: u16) -> [Value; 1] {
    let answer = json!({"status": status, "body": {"inline_string": "denied\n"}});
    [json!({"match": {"prefix": "/"}, "direct_response": answer})]
}

/// Envoy's own filter for tokens, which knows no owners.
pub(crate) fn authn(cache: bool) -> Value {
    jwt_authn(&local_jwks(&tokens::keys()), cache)
}

/// Our `jwt_bola`: a good token, and of the user whose resource it is. Its cache holds fewer tokens than
/// [`tokens::MANY`], as that of [`authn`] does.
pub(crate) fn jwt_bola(crypto: Crypto) -> WasmFilter {
    let mut config = json!({
        "providers": {"main": {
            "issuer": "https://idp.example",
            "audiences": ["orders-api"],
            "algorithms": ["RS256", "ES256", "EdDSA"],
            "jwks": {"inline": tokens::keys()},
            "from": [{"header": "authorization", "scheme": "Bearer"}],
        }},
        "rules": [{
            "path": "/users/{user_id}/**",
            "auth": ["main"],
            "owner": [{"resource": "path.user_id", "claim": "/sub"}],
        }],
        "default": "deny",
        "cache": {"entries": 1000},
    });
    if matches!(crypto, Crypto::Wasm) {
        config["signatures"] = json!("wasm");
    }
    WasmFilter::new("jwt_bola", dist("jwt_bola")).config(&config)
}

/// Where `jwt_bola` has signatures verified, if the host can.
#[derive(Clone, Copy)]
pub(crate) enum Crypto {
    Host,
    Wasm,
}
