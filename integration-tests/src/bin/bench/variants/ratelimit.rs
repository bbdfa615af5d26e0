//! What limits cost.

use super::{Group, Load, variant};
use crate::limits::{By, Quota, TENANT, THREE, Told, envoy_fleet, fleet, local_ratelimit, ratelimit};
use crate::setups::{refusing_route, sdk_noop};
use crate::stage::Stage;

const ONE: &[By] = &[By::Address];

pub(super) fn groups() -> Vec<Group> {
    vec![one(), three(), refused(), workers(), service()]
}

fn one() -> Group {
    Group {
        name: "ratelimit-one",
        title: "Requests within one limit, by address",
        load: Load::get(200),
        yardstick: Some("local_ratelimit"),
        variants: vec![
            variant("bare", "bare Envoy", Stage::proxy),
            variant("bare-again", "bare Envoy again (shows the noise)", Stage::proxy),
            variant("local_ratelimit", "Envoy local_ratelimit", |stage| {
                stage.proxy().filter(local_ratelimit(ONE, Quota::Plenty, Told::Default))
            }),
            variant("local_ratelimit-headers", "Envoy local_ratelimit, headers", |stage| {
                stage.proxy().filter(local_ratelimit(ONE, Quota::Plenty, Told::All))
            }),
            variant("sdk-noop", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop())),
            variant("ratelimit", "ratelimit, 65,536 entries", |stage| {
                stage.proxy().filter(ratelimit(ONE, Quota::Plenty, Told::Default))
            }),
            variant("ratelimit-headers", "ratelimit, headers in all responses", |stage| {
                stage.proxy().filter(ratelimit(ONE, Quota::Plenty, Told::All))
            }),
        ],
    }
}

fn three() -> Group {
    Group {
        name: "ratelimit-three",
        title: "Requests within three limits: by address, by a header, by path",
        load: Load::get(200).path("/orders/7").header(TENANT, "acme"),
        yardstick: Some("local_ratelimit"),
        variants: vec![
            variant("bare", "bare Envoy", Stage::proxy),
            variant("local_ratelimit", "Envoy local_ratelimit", |stage| {
                stage.proxy().filter(local_ratelimit(&THREE, Quota::Plenty, Told::Default))
            }),
            variant("sdk-noop", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop())),
            variant("ratelimit", "ratelimit, 65,536 entries each", |stage| {
                stage.proxy().filter(ratelimit(&THREE, Quota::Plenty, Told::Default))
            }),
            variant("ratelimit-headers", "ratelimit, headers in all responses", |stage| {
                stage.proxy().filter(ratelimit(&THREE, Quota::Plenty, Told::All))
            }),
        ],
    }
}

fn refused() -> Group {
    Group {
        name: "ratelimit-refused",
        title: "Requests beyond a limit by address",
        load: Load::get(429).primed(),
        yardstick: Some("local_ratelimit"),
        variants: vec![
            variant("bare", "bare Envoy, the route says 429", |stage| stage.proxy().routes(&refusing_route(429))),
            variant("local_ratelimit", "Envoy local_ratelimit", |stage| {
                stage.proxy().filter(local_ratelimit(ONE, Quota::One, Told::Default))
            }),
            variant("local_ratelimit-headers", "Envoy local_ratelimit, headers", |stage| {
                stage.proxy().filter(local_ratelimit(ONE, Quota::One, Told::All))
            }),
            variant("ratelimit", "ratelimit, with its headers", |stage| {
                stage.proxy().filter(ratelimit(ONE, Quota::One, Told::Default))
            }),
        ],
    }
}

/// All workers count the same client: the worst case for those who share.
fn workers() -> Group {
    Group {
        name: "ratelimit-workers",
        title: "Two workers within one limit, on two processors, one of them the load's too",
        load: Load::get(200),
        yardstick: Some("local_ratelimit-2-workers"),
        variants: vec![
            variant("bare-2-workers", "bare Envoy", Stage::proxy).workers(2),
            variant("local_ratelimit-2-workers", "Envoy local_ratelimit", |stage| {
                stage.proxy().filter(local_ratelimit(ONE, Quota::Plenty, Told::Default))
            })
            .workers(2),
            variant("sdk-noop-2-workers", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop()))
                .workers(2),
            variant("ratelimit-2-workers", "ratelimit, 65,536 entries", |stage| {
                stage.proxy().filter(ratelimit(ONE, Quota::Plenty, Told::Default))
            })
            .workers(2),
        ],
    }
}

fn service() -> Group {
    Group {
        name: "ratelimit-fleet",
        title: "Requests within a limit by a header, which a service counts for a fleet, in Redis",
        load: Load::get(200).header(TENANT, "acme"),
        yardstick: Some("envoy-ratelimit"),
        variants: vec![
            variant("bare", "bare Envoy", Stage::proxy),
            variant("envoy-ratelimit", "Envoy ratelimit", |stage| {
                let (filter, routes) = envoy_fleet();
                stage.limited().filter(filter).routes(&routes)
            })
            .asking_service(),
            variant("ratelimit", "ratelimit", |stage| stage.limited().filter(fleet(1))).asking_service(),
            variant("ratelimit-lease-100", "ratelimit, 100 at a time", |stage| stage.limited().filter(fleet(100)))
                .asking_service(),
        ],
    }
}
