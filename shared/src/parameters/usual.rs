//! Headers that no contract has to name.

/// What clients, browsers and proxies send of their own accord, in lower case: HTTP (RFC 9110, 9111, 9112), CORS and fetch
/// metadata, client hints, tracing, forwarding, and what Envoy adds. Names that start as one of [`PREFIXES`] as well.
const KNOWN: &[&str] = &[
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "b3",
    "baggage",
    "cache-control",
    "cdn-loop",
    "connection",
    "cookie",
    "date",
    "dnt",
    "early-data",
    "expect",
    "forwarded",
    "from",
    "grpc-timeout",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "save-data",
    "sentry-trace",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "uber-trace-id",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-correlation-id",
    "x-ot-span-context",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
    "x-requested-with",
];

const PREFIXES: &[&str] = &[
    "accept",
    "content-",
    "if-",
    "sec-",
    "x-amzn-trace-",
    "x-b3-",
    "x-cloud-trace-",
    "x-datadog-",
    "x-envoy-",
    "x-forwarded-",
];

/// Whether a header needs no mention.
pub(super) fn is_usual(name: &[u8]) -> bool {
    name.first() == Some(&b':')
        || KNOWN.binary_search_by(|known| known.as_bytes().cmp(name)).is_ok()
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}
