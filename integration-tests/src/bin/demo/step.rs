//! What a tour is made of.

use std::net::Ipv4Addr;

/// The steps for one filter.
#[derive(Debug)]
pub(crate) struct Group {
    /// The filter's name: in Envoy's configuration, in metrics and in events.
    pub(crate) filter: &'static str,
    /// What it is for, in one line.
    pub(crate) about: &'static str,
    /// The headers that it decides by, which are shown with each request.
    pub(crate) deciding: &'static [&'static str],
    pub(crate) steps: &'static [Step],
}

/// One request, and what is expected of it.
#[derive(Debug)]
pub(crate) struct Step {
    /// At most 24 characters, for the table.
    pub(crate) title: &'static str,
    /// Why it matters, in one line.
    pub(crate) why: &'static str,
    /// What happens before.
    pub(crate) event: Option<Event>,
    pub(crate) request: Request,
    pub(crate) expect: Expect,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Path and query, sent as they are.
    pub(crate) path: &'static str,
    /// Besides `host` and `accept: */*`, in lower case.
    pub(crate) headers: &'static [(&'static str, &'static [u8])],
    /// JSON; with its `content-type`.
    pub(crate) body: Option<&'static str>,
    /// Whose bearer token it carries.
    pub(crate) token: Option<&'static Token>,
    /// The client's address, of those that are all this machine; by default the usual one.
    pub(crate) from: Option<Ipv4Addr>,
}

/// A token that the demo's identity provider mints for a step.
#[derive(Debug)]
pub(crate) struct Token {
    /// The variable that stands for it in commands.
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    /// The claim `sub`.
    pub(crate) subject: &'static str,
    /// The claim `roles`, if there are any.
    pub(crate) roles: &'static [&'static str],
    /// The claim `scope`, if it is not empty.
    pub(crate) scope: &'static str,
    /// When it ends, in seconds from when it is minted.
    pub(crate) expires_s: i64,
}

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The provider's key before it is rotated.
    Old,
    /// Its key after that.
    New,
    /// `alg: none`.
    None,
}

/// Something that happens before a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The identity provider replaces its key.
    Rotation,
    /// The same request is sent so many times, and passes.
    Burst(usize),
    /// The rate limit service loses its Redis, and Redis all that it knew.
    RedisKilled,
    /// An empty Redis takes its place.
    RedisRevived,
}

impl Event {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Rotation => "the identity provider has replaced its key p256-1 by p256-2".to_owned(),
            Self::Burst(1) => "the same request once, which passed".to_owned(),
            Self::Burst(times) => format!("the same request {times} times, all of which passed"),
            Self::RedisKilled => "the Redis of the rate limit service was killed".to_owned(),
            Self::RedisRevived => "a new Redis was started, which is empty".to_owned(),
        }
    }
}

/// What is to come of a request.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    /// Whether the upstream gets it.
    pub(crate) upstream: bool,
    /// What the group's filter decides: exactly these counters move, each by one, and exactly those events come.
    pub(crate) decisions: &'static [Decision],
    /// Names of headers of the answer, and text that is in each.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// What no event may hold.
    pub(crate) secrets: &'static [&'static str],
}

/// A decision as metrics and events name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) rule: &'static str,
    pub(crate) action: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) reason: &'static str,
    /// Whether it is audited: by default, what is allowed is not.
    pub(crate) audited: bool,
}

impl Step {
    pub(crate) const fn new(title: &'static str, why: &'static str, request: Request, expect: Expect) -> Self {
        Self { title, why, event: None, request, expect }
    }

    pub(crate) const fn after(self, event: Event) -> Self {
        Self { event: Some(event), ..self }
    }
}

/// A GET request.
pub(crate) const fn get(path: &'static str, headers: &'static [(&'static str, &'static [u8])]) -> Request {
    Request { method: "GET", path, headers, body: None, token: None, from: None }
}

impl Request {
    /// A POST request with this JSON.
    pub(crate) const fn post(path: &'static str, body: &'static str) -> Self {
        Self { method: "POST", body: Some(body), ..get(path, &[("content-type", b"application/json")]) }
    }

    pub(crate) const fn with(self, token: &'static Token) -> Self {
        Self { token: Some(token), ..self }
    }

    pub(crate) const fn from(self, address: Ipv4Addr) -> Self {
        Self { from: Some(address), ..self }
    }
}

impl Expect {
    /// The upstream gets the request and answers 200.
    pub(crate) const fn passes(decisions: &'static [Decision]) -> Self {
        Self { status: 200, upstream: true, decisions, headers: &[], secrets: &[] }
    }

    /// The client gets this status and the upstream nothing.
    pub(crate) const fn refused(status: u16, decisions: &'static [Decision]) -> Self {
        Self { status, upstream: false, decisions, headers: &[], secrets: &[] }
    }

    /// The answer's headers say this.
    pub(crate) const fn telling(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    /// Nothing of this is in any event.
    pub(crate) const fn without(self, secrets: &'static [&'static str]) -> Self {
        Self { secrets, ..self }
    }
}

impl Decision {
    /// `allow`, without an event.
    pub(crate) const fn allow(rule: &'static str, reason: &'static str) -> Self {
        Self { rule, action: "allow", mode: "enforce", reason, audited: false }
    }

    /// `allow`, with an event.
    pub(crate) const fn audited(rule: &'static str, reason: &'static str) -> Self {
        Self { audited: true, ..Self::allow(rule, reason) }
    }

    /// `deny`, carried out.
    pub(crate) const fn deny(rule: &'static str, reason: &'static str) -> Self {
        Self { rule, action: "deny", mode: "enforce", reason, audited: true }
    }

    /// `deny`, only reported.
    pub(crate) const fn shadow(rule: &'static str, reason: &'static str) -> Self {
        Self { rule, action: "deny", mode: "shadow", reason, audited: true }
    }

    /// Whether the filter itself answers.
    pub(crate) fn refuses(&self) -> bool {
        self.action == "deny" && self.mode == "enforce"
    }
}
