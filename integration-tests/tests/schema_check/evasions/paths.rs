//! Paths that some servers take for others.

use super::{BAD, Case, judge, settings};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn shapes_of_paths() {
    let gate = Gate::start(&settings()).await;
    let json: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let post = |target: &'static str, expect: &'static str| Case {
        request: (b"POST", target.as_bytes()),
        ..Case::post(&json, BAD, expect)
    };
    let mut cases: Vec<Case> = [
        // The same operation, and so its body is judged.
        ("/users", "body_invalid"),
        ("/%75sers", "body_invalid"),
        ("/%75%73%65%72%73", "body_invalid"),
        ("/users/", "body_invalid"),
        ("/users?", "body_invalid"),
        ("/users?&", "body_invalid"),
        // Another one, by case.
        ("/USERS", "path_unknown"),
        ("/usersx", "path_unknown"),
        ("/user", "path_unknown"),
        ("/users.json", "path_unknown"),
        ("/", "path_unknown"),
        ("/users%20", "path_whitespace"),
        ("/users/1/x", "path_unknown"),
        ("/\u{ff55}sers", "path_lookalike|envoy"),
        ("/users?admin=1", "query_unknown"),
        // What servers read in different ways.
        ("//users", "path_empty_segment"),
        ("/users//", "path_empty_segment"),
        ("/./users", "path_dot_segment"),
        ("/x/../users", "path_dot_segment"),
        ("/users/..", "path_dot_segment"),
        ("/users/.", "path_dot_segment"),
        ("/%2e/users", "path_encoded_dot"),
        ("/x/%2E%2e/users", "path_encoded_dot"),
        ("/x/.%2e/users", "path_encoded_dot"),
        ("/users;a=b", "path_parameter"),
        ("/x/..;/users", "path_parameter|path_dot_segment"),
        ("/users%3ba", "path_parameter"),
        ("/users%2f", "path_encoded_slash"),
        ("/users%2F1", "path_encoded_slash"),
        ("\\users", "path_not_absolute|path_backslash|envoy"),
        ("/\\users", "path_backslash"),
        ("/users%5c", "path_backslash"),
        ("/users%00", "path_control_byte"),
        ("/users%0a", "path_control_byte"),
        ("/users%0d%0ax-a:%201", "path_control_byte"),
        ("/users%252f", "path_double_encoding"),
        ("/%2575sers", "path_double_encoding"),
        ("/users%", "path_bad_percent"),
        ("/users%2", "path_bad_percent"),
        ("/users%u0041", "path_bad_percent"),
        ("/users%zz", "path_bad_percent"),
        ("/users%3Fa=1", "path_encoded_delimiter"),
        ("/users%23a", "path_encoded_delimiter"),
        ("/users#a", "path_fragment|envoy"),
        ("/users?a#b", "path_fragment|envoy"),
        ("/%c0%afusers", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("/users%c0%ae", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("/users%ff", "path_unknown|path_overlong_utf8|path_not_utf8|path_invalid_utf8"),
        ("http://a/users", "body_invalid|path_absolute_form|path_not_absolute|envoy"),
        ("*", "path_asterisk_form|envoy"),
        ("", "path_not_absolute|envoy"),
        ("users", "path_not_absolute|envoy"),
        ("?users", "path_not_absolute|envoy"),
        (" /users", "body_invalid|path_not_absolute|envoy"),
        ("/users /x", "envoy|path_unknown|path_control_byte"),
        ("/users\t", "body_invalid|path_control_byte|envoy"),
    ]
    .map(|(target, expect)| post(target, expect))
    .into();
    // Variables are decoded once, and are one segment.
    for (target, expect) in [
        ("/users/7", "accepted"),
        ("/users/%37", "accepted"),
        ("/users/7/", "accepted"),
        ("/users/0", "parameter_invalid"),
        ("/users/101", "parameter_invalid"),
        ("/users/+7", "parameter_invalid"),
        ("/users/%207", "path_whitespace"),
        ("/users/7%20", "path_whitespace"),
        ("/users/07", "parameter_invalid"),
        ("/users/0x7", "parameter_invalid"),
        ("/users/7.5", "parameter_invalid"),
        ("/users/7,8", "parameter_invalid"),
        ("/users/null", "parameter_invalid"),
        ("/users/%EF%BC%97", "path_lookalike"),
        ("/users/{id}", "parameter_invalid|envoy"),
        ("/users/%7Bid%7D", "parameter_invalid"),
        ("/users/7%00", "path_control_byte"),
        ("/users/7;a", "path_parameter"),
        ("/users/7%2f..", "path_encoded_slash|path_encoded_dot|path_dot_segment"),
    ] {
        cases.push(Case::get(target.as_bytes(), &[], expect));
    }
    judge(&gate, &cases).await;
}
