//! What an event says of the request.

use std::{borrow::Cow, fmt::Write, net::IpAddr};

use super::{
    RequestFacts, json,
    parse::{host, http_version, target, traceparent},
};
use crate::redact;

/// From `source` to `span`: the objects that have anything in them, each after a comma.
pub(super) fn write(request: &RequestFacts, out: &mut String) {
    object(out, r#","source":{"#, |out, field| {
        if let Some(client) = request.client {
            field.begin(out, r#""ip":""#);
            address(out, client.to_canonical());
            out.push('"');
        }
        if let Some(port) = request.client_port {
            field.begin(out, r#""port":"#);
            json::number(out, port.into());
        }
    });
    object(out, r#","http":{"#, |out, field| {
        if let Some(protocol) = request.protocol {
            field.text(out, r#""version":""#, &redact::bytes(http_version(protocol)), 8);
        }
        if request.method.is_some() || request.request_id.is_some() {
            field.begin(out, "");
            object(out, r#""request":{"#, |out, field| {
                if let Some(method) = request.method {
                    field.text(out, r#""method":""#, &redact::bytes(method), 32);
                }
                if let Some(id) = request.request_id {
                    field.text(out, r#""id":""#, &redact::bytes(id), 128);
                }
            });
        }
        if let Some(status) = request.status {
            field.begin(out, r#""response":{"status_code":"#);
            json::number(out, status.into());
            out.push('}');
        }
    });
    object(out, r#","url":{"#, |out, field| {
        if let Some((path, query)) = request.path.map(target) {
            field.text(out, r#""path":""#, &redact::path(path), 2048);
            if let Some(query) = query {
                field.text(out, r#""query":""#, &redact::query(query), 2048);
            }
        }
        if let Some(host) = request.authority.map(host).filter(|host| !host.is_empty()) {
            field.text(out, r#""domain":""#, &lower(redact::bytes(host)), 255);
        }
    });
    if let Some(agent) = request.user_agent {
        out.push_str(r#","user_agent":{"original":""#);
        json::text(out, &redact::bytes(agent), 1024);
        out.push_str(r#""}"#);
    }
    if let Some((trace, span)) = request.traceparent.and_then(traceparent) {
        for part in [r#","trace":{"id":""#, trace, r#""},"span":{"id":""#, span, r#""}"#] {
            out.push_str(part);
        }
    }
}

/// The fields of an object that is being written.
#[derive(Default)]
struct Fields {
    any: bool,
}

/// An object that begins with `open` and has the fields that `write` writes; nothing when it writes none.
fn object(out: &mut String, open: &str, write: impl FnOnce(&mut String, &mut Fields)) {
    let start = out.len();
    out.push_str(open);
    let mut fields = Fields::default();
    write(out, &mut fields);
    if fields.any { out.push('}') } else { out.truncate(start) }
}

impl Fields {
    /// Begins the next field; `key` has all that stands before its value.
    fn begin(&mut self, out: &mut String, key: &str) {
        if self.any {
            out.push(',');
        }
        self.any = true;
        out.push_str(key);
    }

    fn text(&mut self, out: &mut String, key: &str, text: &str, max: usize) {
        self.begin(out, key);
        json::text(out, text, max);
        out.push('"');
    }
}

fn address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push('.');
                }
                json::number(out, octet.into());
            }
        }
        // Writing to a String cannot fail.
        IpAddr::V6(address) => _ = write!(out, "{address}"),
    }
}

fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text }
}
