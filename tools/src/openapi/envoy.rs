//! The entry of `http_filters` that a configuration is in.

use super::node::Node;

/// How far the configuration is in from the left.
const INDENT: usize = 10;

/// The entry, as in `envoy/schema_check.yaml`.
pub(super) fn fragment(config: &Node, responses: bool) -> String {
    // What judges responses is a module of its own.
    let module = if responses { "schema_check_responses" } else { "schema_check" };
    let mut text = format!(
        "\
- name: portcullis.schema_check
  typed_config:
    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: schema_check
      # If the VM ever failed: 503 until a new one is up.
      failure_policy: FAIL_RELOAD
      # A request whose body is judged is held at its headers. Without this, they may reach the upstream before the verdict.
      allow_on_headers_stop_iteration: true
      vm_config:
        vm_id: portcullis.schema_check
        runtime: envoy.wasm.runtime.v8
        code: {{ local: {{ filename: dist/{module}.wasm }} }}
      # JSON in a string: a Struct would turn numbers into floats.
      configuration:
        \"@type\": type.googleapis.com/google.protobuf.StringValue
        value: |
"
    );
    text.extend(std::iter::repeat_n(' ', INDENT));
    config.write(INDENT, &mut text);
    text.push('\n');
    text
}
