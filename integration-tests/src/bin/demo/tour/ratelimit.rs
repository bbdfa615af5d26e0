//! Limits: by the rules in `envoy/ratelimit.yaml`, whose networks are other addresses here.

use std::net::Ipv4Addr;

use crate::step::{Decision, Event, Expect, Group, Request, Step, get};

pub(crate) const GROUP: Group = Group {
    filter: "ratelimit",
    about: "limits how much each client may have, counted in all workers, and in a fleet",
    deciding: &["x-api-key"],
    steps: STEPS,
};

/// Clients of a network with a lower limit, and of one without any.
const SUSPECT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const TRUSTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

const WITHIN: Decision = Decision::allow("limits", "within_limits");
const LOGIN: Decision = Decision::deny("login", "quota_exceeded");

const fn login() -> Request {
    Request::post("/login", r#"{"user": "alice", "password": "guess"}"#)
}

const STEPS: &[Step] = &[
    Step::new(
        "Within the limits",
        "`ratelimit` tells clients what is left (`r`), and in how many seconds all is back (`t`).",
        get("/", &[]),
        Expect::passes(&[WITHIN]).telling(&[("ratelimit-policy", "\"per-client\";q=600;w=60")]),
    ),
    Step::new(
        "A burst of logins",
        "Five in five minutes: this is the sixth. `retry-after` says in how many seconds one may come.",
        login(),
        Expect::refused(429, &[LOGIN]).telling(&[
            ("retry-after", ""),
            ("ratelimit", "\"login\";r=0;t="),
            ("ratelimit-policy", "\"per-client\";q=600;w=60, \"login\";q=5;w=300"),
        ]),
    )
    .after(Event::Burst(5)),
    Step::new(
        "Its path, in disguise",
        "Envoy and the filter read a path in one way: a spelling is no new path, and has no new quota.",
        get("/public/../%6cogin", &[]),
        Expect::refused(429, &[LOGIN]),
    ),
    Step::new(
        "A path with two readings",
        "Some servers drop `;x`. It counts for each limit with a path; `expensive` would ask for a key.",
        get("/login;x", &[]),
        Expect::refused(429, &[Decision::shadow("expensive", "key_missing"), LOGIN]),
    ),
    Step::new(
        "Posing as someone else",
        "Clients in the network of 127.0.0.3 have no limits. But the connection says who is one.",
        get("/login", &[("x-forwarded-for", b"127.0.0.3")]),
        Expect::refused(429, &[LOGIN]),
    ),
    Step::new(
        "Only logins are refused",
        "A limit with a path holds for that path; and what was refused has cost the other limits nothing.",
        get("/", &[]),
        Expect::passes(&[WITHIN]),
    ),
    Step::new(
        "A network with a tenth",
        "Its clients have a tenth (`factor`) of each quota: of five logins one, as it is never less.",
        login().from(SUSPECT),
        Expect::refused(429, &[LOGIN])
            .telling(&[("ratelimit-policy", "\"per-client\";q=60;w=60, \"login\";q=1;w=300")]),
    )
    .after(Event::Burst(1)),
    Step::new(
        "A network without limits",
        "Say, your own monitoring: `unlimited`. Of the networks that hold a client, the smallest counts.",
        login().from(TRUSTED),
        Expect::passes(&[Decision::allow("networks", "network_unlimited")]),
    )
    .after(Event::Burst(9)),
    Step::new(
        "A limit in shadow mode",
        "Reports cost 10 of 100 a minute, on trial: the eleventh passes, and is counted as one too many.",
        get("/reports/q3", &[("x-api-key", b"k-reports-9")]),
        Expect::passes(&[Decision::shadow("expensive", "quota_exceeded"), WITHIN]).without(&["k-reports-9"]),
    )
    .after(Event::Burst(10)),
    Step::new(
        "A limit for a fleet",
        "All Envoys count `per-key` at one service, in Redis. It gets the key's SHA-256, never the key.",
        get("/orders", &[("x-api-key", b"k-orders-7")]),
        Expect::passes(&[WITHIN])
            .telling(&[("ratelimit", "\"per-key\";r=997;"), ("ratelimit-policy", "\"per-key\";q=1000;w=3600")]),
    )
    .after(Event::Burst(2)),
    Step::new(
        "Redis is killed",
        "Envoy's filter would let all pass, or none. Here each Envoy counts by itself, half the quota.",
        get("/orders", &[("x-api-key", b"k-orders-7")]),
        Expect::passes(&[WITHIN])
            .telling(&[("ratelimit", "\"per-key\";r=499;"), ("ratelimit-policy", "\"per-key\";q=500;w=3600")]),
    )
    .after(Event::RedisKilled),
    Step::new(
        "Redis is back",
        "The service was asked again: the fleet counts together, here from the start, as Redis is new.",
        get("/orders", &[("x-api-key", b"k-orders-7")]),
        Expect::passes(&[WITHIN])
            .telling(&[("ratelimit", "\"per-key\";r=999;"), ("ratelimit-policy", "\"per-key\";q=1000;w=3600")]),
    )
    .after(Event::RedisRevived),
];
