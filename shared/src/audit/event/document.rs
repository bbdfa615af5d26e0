//! The shape of the JSON. The table in the parent module says what each field means.

use std::{borrow::Cow, net::IpAddr};

use serde::Serialize;

use super::{
    EventInput, RequestFacts,
    details::Details,
    limited::limited,
    parse::{Timestamp, host, http_version, target, traceparent},
};
use crate::{
    audit::Class,
    redact::{self, printable},
};

type Text<'a> = Cow<'a, str>;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    ecs: Ecs,
    event: Event<'a>,
    rule: Rule<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<UserAgent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Id<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<Id<'a>>,
    observer: Observer<'a>,
    portcullis: Portcullis<'a>,
}

#[derive(Serialize)]
struct Ecs {
    version: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    id: String,
    kind: &'static str,
    category: [&'static str; 2],
    #[serde(rename = "type")]
    types: &'static [&'static str],
    action: &'static str,
    outcome: &'static str,
    reason: Text<'a>,
    sequence: u64,
    module: &'static str,
    dataset: String,
    provider: Text<'a>,
}

#[derive(Serialize)]
struct Rule<'a> {
    name: Text<'a>,
    ruleset: Text<'a>,
}

#[derive(Serialize)]
struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize)]
struct Http<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<HttpRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<HttpResponse>,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Text<'a>>,
}

#[derive(Serialize)]
struct HttpResponse {
    status_code: u16,
}

#[derive(Serialize)]
struct Url<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Text<'a>>,
}

#[derive(Serialize)]
struct UserAgent<'a> {
    original: Text<'a>,
}

#[derive(Serialize)]
struct Id<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Observer<'a> {
    vendor: &'static str,
    product: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: Text<'a>,
}

#[derive(Serialize)]
struct Portcullis<'a> {
    filter: Text<'a>,
    action: &'static str,
    mode: &'static str,
    vm: Text<'a>,
    class: Class,
    #[serde(skip_serializing_if = "Details::is_empty")]
    details: Details<'a>,
    #[serde(skip_serializing_if = "is_zero")]
    details_omitted: usize,
}

impl<'a> Document<'a> {
    pub(super) fn new(input: &EventInput<'a>) -> Self {
        let EventInput { outcome, request, .. } = input;
        let name = |text| limited(printable(str::as_bytes(text)), 64);
        let (filter, vm) = (name(input.filter), name(input.vm));
        let details = Details::new(input.details);
        let details_omitted = details.omitted;
        let (trace, span) = request.traceparent.and_then(traceparent).unzip();
        let refused = outcome.refuses();
        let failed = input.class == Class::Error;
        let event = Event {
            id: format!("{vm}-{}", input.sequence),
            kind: if input.alert { "alert" } else { "event" },
            category: ["network", "web"],
            types: match (refused, failed) {
                (true, true) => &["access", "denied", "error"],
                (true, false) => &["access", "denied"],
                (false, true) => &["access", "allowed", "error"],
                (false, false) => &["access", "allowed"],
            },
            action: if refused { "deny" } else { "allow" },
            outcome: match (refused, failed) {
                (true, _) => "failure",
                (false, true) => "unknown",
                (false, false) => "success",
            },
            reason: name(outcome.reason.0),
            sequence: input.sequence,
            module: "portcullis",
            dataset: format!("portcullis.{filter}"),
            provider: filter.clone(),
        };
        Self {
            timestamp: Timestamp(input.time),
            ecs: Ecs { version: "8.17.0" },
            event,
            rule: Rule { name: limited(printable(outcome.rule.as_bytes()), 128), ruleset: filter.clone() },
            source: source(request),
            http: http(request),
            url: url(request),
            user_agent: request.user_agent.map(|agent| UserAgent { original: limited(redact::bytes(agent), 1024) }),
            trace: trace.map(|id| Id { id }),
            span: span.map(|id| Id { id }),
            observer: Observer {
                vendor: "Portcullis",
                product: "Portcullis",
                kind: "waf",
                version: name(input.filter_version),
            },
            portcullis: Portcullis {
                filter,
                action: outcome.action.as_str(),
                mode: outcome.mode.as_str(),
                vm,
                class: input.class,
                details,
                details_omitted,
            },
        }
    }
}

fn source(request: &RequestFacts) -> Option<Source> {
    let ip = request.client.map(|ip| ip.to_canonical());
    let port = request.client_port;
    (ip.is_some() || port.is_some()).then_some(Source { ip, port })
}

fn http<'a>(request: &RequestFacts<'a>) -> Option<Http<'a>> {
    let short = |bytes: &'a [u8], max| limited(redact::bytes(bytes), max);
    let version = request.protocol.map(|protocol| short(http_version(protocol), 8));
    let method = request.method.map(|method| short(method, 32));
    let id = request.request_id.map(|id| short(id, 128));
    let response = request.status.map(|status_code| HttpResponse { status_code });
    let request = (method.is_some() || id.is_some()).then_some(HttpRequest { method, id });
    (version.is_some() || request.is_some() || response.is_some()).then_some(Http { version, request, response })
}

fn url<'a>(request: &RequestFacts<'a>) -> Option<Url<'a>> {
    let (path, query) = request.path.map(target).unzip();
    let path = path.map(|path| limited(redact::path(path), 2048));
    let query = query.flatten().map(|query| limited(redact::query(query), 2048));
    let domain = request.authority.map(host).filter(|host| !host.is_empty());
    let domain = domain.map(|host| limited(lower(redact::bytes(host)), 255));
    (path.is_some() || domain.is_some()).then_some(Url { path, query, domain })
}

fn lower(text: Text<'_>) -> Text<'_> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}
