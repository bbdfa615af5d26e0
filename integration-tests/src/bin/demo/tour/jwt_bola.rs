//! Tokens and ownership: by the rules in `envoy/jwt_bola.yaml`.

use crate::step::{Decision, Event, Expect, Group, Key, Request, Step, Token, get};

pub(crate) const GROUP: Group = Group {
    filter: "jwt_bola",
    about: "asks who is calling (401), and whether the object is theirs (403)",
    deciding: &["authorization", "x-user-id"],
    steps: STEPS,
};

const ALICE: Token =
    Token { name: "ALICE", key: Key::Old, subject: "alice", roles: &[], scope: "orders:write", expires_s: 3600 };
const ADMIN: Token = Token { name: "ADMIN", subject: "carol", roles: &["admin"], scope: "", ..ALICE };
const LATE: Token = Token { name: "LATE", expires_s: -30, ..ALICE };
const EXPIRED: Token = Token { name: "EXPIRED", expires_s: -600, ..ALICE };
const UNSIGNED: Token = Token { name: "UNSIGNED", key: Key::None, ..ALICE };
const ROTATED: Token = Token { name: "ROTATED", key: Key::New, ..ALICE };

pub(crate) const GOOD_AFTERWARDS: &[Token] =
    &[Token { name: "ALICE", ..ROTATED }, Token { key: Key::New, expires_s: 3600, ..ADMIN }];

const AUTHORIZED: Decision = Decision::allow("users", "authorized");

const fn token(reason: &'static str) -> Decision {
    Decision::deny("token", reason)
}

const STEPS: &[Step] = &[
    Step::new(
        "No token",
        "The rule `users` asks for one. Clients are told how to come back: `www-authenticate`.",
        get("/users/alice/orders", &[]),
        Expect::refused(401, &[token("token_missing")]),
    ),
    Step::new(
        "A good token",
        "Signed by the provider, whose key Envoy fetched. The upstream sees whose it is, not the token.",
        get("/users/alice/orders", &[]).with(&ALICE),
        Expect::passes(&[AUTHORIZED]),
    ),
    Step::new(
        "A header that lies",
        "`x-user-id` is the filter's own: what a client sends under this name never gets through.",
        get("/users/alice/orders", &[("x-user-id", b"bob")]).with(&ALICE),
        Expect::passes(&[AUTHORIZED]),
    ),
    Step::new(
        "Another user's object",
        "The hole that scanners do not find: a good token, and bob's id in the path. It is not alice's.",
        get("/users/bob/orders", &[]).with(&ALICE),
        Expect::refused(403, &[Decision::deny("users", "owner_mismatch")]),
    ),
    Step::new(
        "The same, in disguise",
        "A server that decodes twice goes from alice up to bob: what has two readings is refused.",
        get("/users/alice%252f..%252fbob/orders", &[]).with(&ALICE),
        Expect::refused(400, &[Decision::deny("paths", "path_double_encoding")]),
    ),
    Step::new(
        "Another user in the body",
        "An id may also be in JSON. The upstream gets nothing before the whole body is judged.",
        Request::post("/orders", r#"{"customer_id": "bob", "item": 7}"#).with(&ALICE),
        Expect::refused(403, &[Decision::deny("new-order", "owner_mismatch")]),
    ),
    Step::new(
        "An admin",
        "`exempt` spares the role admin the question whose object it is. Each such request is audited.",
        get("/users/bob/orders", &[]).with(&ADMIN),
        Expect::passes(&[Decision::audited("users", "owner_exempt")]),
    ),
    Step::new(
        "Expired, within leeway",
        "Clocks differ. 30 s after its end a token still passes, as `leeway_s` is 60 by default.",
        get("/users/alice/orders", &[]).with(&LATE),
        Expect::passes(&[AUTHORIZED]),
    ),
    Step::new(
        "Expired, outside leeway",
        "The event says how long ago (`missed_by_s`), which tells a wrong clock from an old token.",
        get("/users/alice/orders", &[]).with(&EXPIRED),
        Expect::refused(401, &[token("token_expired")]),
    ),
    Step::new(
        "An unsigned token",
        "`alg: none` is the oldest forgery of all. Only the algorithms of the provider are taken.",
        get("/users/alice/orders", &[]).with(&UNSIGNED),
        Expect::refused(401, &[token("token_algorithm_none")]),
    ),
    Step::new(
        "A rotated key",
        "The provider has just replaced its key. Its `kid` is new, so the keys are fetched: no restart.",
        get("/users/alice/orders", &[]).with(&ROTATED),
        Expect::passes(&[AUTHORIZED]),
    )
    .after(Event::Rotation),
    Step::new(
        "The key that is gone",
        "alice's first token was remembered as good. Its key is gone, and with it the token.",
        get("/users/alice/orders", &[]).with(&ALICE),
        Expect::refused(401, &[token("token_key_unknown")]),
    ),
];
