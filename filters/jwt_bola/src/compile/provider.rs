//! Providers: their keys, where their tokens are, and what they show the upstream.

use portcullis_shared::{
    config::{is_token, quoted, variable},
    jose::{ClaimRules, Key, KeySet, KeyType, Secrets},
    ownership::{Requirement, is_header},
    pointer::Pointer,
};
use std::{cell::RefCell, rc::Rc};

use super::{Compiler, JWKS, Named, twice};
use crate::{
    carrier::Carrier,
    config::{self, Jwks, Place},
    keys::{self, Keys},
    provider::Provider,
    word::Audiences,
};

impl Compiler<'_> {
    pub(super) fn provider(&mut self, provider: config::Provider, path: &str) -> (Provider, Vec<usize>) {
        let config::Provider { algorithms, .. } = &provider;
        if algorithms.is_empty() {
            self.errors.add(format_args!("{path}.algorithms"), "at least one algorithm", "none");
        }
        self.range(path, "leeway_s", provider.leeway_s, 0, 3600);
        self.range(path, "max_age_s", provider.max_age_s.unwrap_or(1), 1, 3_153_600_000);
        self.range(path, "max_token_bytes", provider.max_token_bytes, 256, 65_536);
        twice(&format!("{path}.algorithms"), &provider.algorithms, &mut self.errors);
        if provider.issuer.as_ref().is_some_and(String::is_empty) {
            self.errors.add(format_args!("{path}.issuer"), "an issuer, or null for any or none", quoted(""));
        }
        let audiences = match &provider.audiences {
            Audiences::Any => None,
            Audiences::Of(list) => Some(list),
        };
        for (key, list) in [("typ", provider.typ.as_ref()), ("audiences", audiences)] {
            if list.is_some_and(Vec::is_empty) {
                self.errors.add(format_args!("{path}.{key}"), "at least one text, or no such key", "none");
            }
            if let Some(empty) = list.and_then(|list| list.iter().position(String::is_empty)) {
                self.errors.add(format_args!("{path}.{key}[{empty}]"), "a text that is not empty", quoted(""));
            }
        }
        let keys = self.keys(&provider, path);
        let require_path = format!("{path}.require");
        let require = provider.require.into_iter().enumerate();
        let require = require.map(|(index, rule)| {
            Requirement::new(rule, &mut self.claims, &format_args!("{require_path}[{index}]"), &mut self.errors)
        });
        let require = require.collect();
        let mut headers: Vec<(Rc<str>, Pointer)> = Vec::new();
        for (name, pointer) in provider.claims_to_headers.0 {
            let path = format!("{path}.claims_to_headers.{name}");
            self.header_name(&name, &path, FORBIDDEN_CLAIM_HEADERS);
            if let Some((known, _)) = headers.iter().find(|(known, _)| is_header(name.as_bytes(), known)) {
                let expected = format_args!("a header that servers do not take for `{known}`");
                self.errors.add(path, expected, quoted(&name));
            }
            headers.push((name.to_ascii_lowercase().into(), pointer));
        }
        let properties = provider.claims_to_filters.into_iter();
        let properties = properties.map(|pointer| (property(pointer.as_str()).into(), pointer)).collect();
        let carriers = self.carriers(provider.from, &format!("{path}.from"));
        let provider = Provider {
            claims: ClaimRules {
                issuer: provider.issuer,
                audiences: audiences.cloned(),
                leeway_s: provider.leeway_s,
                require_exp: provider.require_exp,
                max_age_s: provider.max_age_s,
                typ: provider.typ,
            },
            algorithms: provider.algorithms.into(),
            keys,
            require,
            headers,
            properties,
            forward: provider.forward,
            max_token_bytes: provider.max_token_bytes as usize,
        };
        (provider, carriers)
    }

    pub(super) fn keys(&mut self, provider: &config::Provider, path: &str) -> Keys {
        let nothing = || Keys::Fixed(Rc::new(KeySet::default()));
        let (jwks, secret) = match (&provider.jwks, &provider.secret) {
            (Some(jwks), None) => (jwks, None),
            (None, Some(secret)) => (&Jwks { remote: None, inline: None, env: None }, Some(secret)),
            (both, _) => {
                let found = if both.is_some() { "both" } else { "neither" };
                self.errors.add(path, "one of `jwks` and `secret`", found);
                return nothing();
            }
        };
        if let Some(secret) = secret {
            let path = format!("{path}.secret.env");
            let Some(text) = self.variable(&secret.env, &path) else { return nothing() };
            for algorithm in &provider.algorithms {
                if algorithm.key_type() != KeyType::Secret {
                    let expected = "HS256, HS384 or HS512, with a secret";
                    self.errors.add(&path, expected, format_args!("`{}` among the algorithms", algorithm.as_str()));
                }
            }
            return match Key::secret(text.as_bytes(), None, None) {
                Ok(key) => {
                    for algorithm in provider.algorithms.iter().filter(|algorithm| !key.fits(**algorithm)) {
                        let expected = format_args!("a secret that is long enough for {}", algorithm.as_str());
                        self.errors.add(&path, expected, format_args!("{} bytes", text.len()));
                    }
                    Keys::Fixed(Rc::new(KeySet::from(key)))
                }
                Err(fault) => {
                    self.errors.add(&path, "a secret (RFC 7518 section 3.2)", fault);
                    nothing()
                }
            };
        }
        if jwks.env.is_none() {
            for algorithm in provider.algorithms.iter().filter(|algorithm| algorithm.key_type() == KeyType::Secret) {
                let expected = "algorithms with public keys; those with secrets need `secret` or `jwks.env`";
                self.errors.add(format_args!("{path}.algorithms"), expected, quoted(algorithm.as_str()));
            }
        }
        let path = format!("{path}.jwks");
        let (json, path, secrets) = match (&jwks.remote, &jwks.inline, &jwks.env) {
            (Some(remote), None, None) => {
                let document = self.document(remote.clone(), JWKS, &format!("{path}.remote"));
                return Keys::Remote { document, current: RefCell::default() };
            }
            (None, Some(inline), None) => {
                let json = serde_json::to_vec(inline).unwrap_or_default();
                (json, format!("{path}.inline"), Secrets::Refuse)
            }
            (None, None, Some(variable)) => {
                let path = format!("{path}.env");
                let Some(text) = self.variable(variable, &path) else { return nothing() };
                (text.into_bytes(), path, Secrets::Allow)
            }
            _ => {
                self.errors.add(&path, "one of `remote`, `inline` and `env`", "none or several");
                return nothing();
            }
        };
        match KeySet::parse(&json, secrets) {
            Ok((keys, left_out)) => {
                if keys.is_empty() {
                    self.errors.add(&path, "a key that can be used", keys::listed(&left_out));
                    return nothing();
                }
                if !left_out.is_empty() {
                    self.warnings.push(format!("{path}: left out: {}", keys::listed(&left_out)));
                }
                for algorithm in &provider.algorithms {
                    if !keys.keys().iter().any(|key| key.fits(*algorithm)) {
                        self.warnings.push(format!("{path}: no key for {}", algorithm.as_str()));
                    }
                }
                Keys::Fixed(Rc::new(keys))
            }
            Err(fault) => {
                self.errors.add(&path, "a key set (RFC 7517)", fault);
                nothing()
            }
        }
    }

    pub(super) fn variable(&mut self, name: &str, path: &str) -> Option<String> {
        variable(path, name, self.environment, &mut self.errors)
    }

    /// Refuses headers for claims in which clients send tokens: they would be removed.
    pub(super) fn claim_headers(&mut self, names: &[Named], providers: &[Provider]) {
        for (Named { name, .. }, provider) in names.iter().zip(providers) {
            for (header, _) in &provider.headers {
                if self.carriers.has_header(header) {
                    let path = format_args!("$.providers.{name}.claims_to_headers.{header}");
                    self.errors.add(path, "a header that no provider takes tokens from", quoted(header));
                }
            }
        }
    }

    pub(super) fn carriers(&mut self, places: Vec<Place>, path: &str) -> Vec<usize> {
        if places.is_empty() || places.len() > 8 {
            self.errors.add(path, "1 to 8 places", places.len());
        }
        let mut positions = Vec::new();
        for (index, place) in places.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            let carrier = match (place.header, place.cookie, place.query, place.scheme) {
                (Some(name), None, None, scheme) => {
                    self.header_name(&name, &format!("{path}.header"), FORBIDDEN_TOKEN_HEADERS);
                    if let Some(scheme) = &scheme
                        && !is_token(scheme)
                    {
                        self.errors.add(format_args!("{path}.scheme"), "a scheme such as `Bearer`", quoted(scheme));
                    }
                    Carrier::Header {
                        name: name.to_ascii_lowercase().into(),
                        scheme: scheme.map(|scheme| scheme.to_ascii_lowercase().into()),
                    }
                }
                (None, Some(name), None, None) => {
                    if !is_token(&name) {
                        self.errors.add(format_args!("{path}.cookie"), "a cookie's name", quoted(&name));
                    }
                    Carrier::Cookie(name.into())
                }
                (None, None, Some(name), None) => {
                    if !is_token(&name) {
                        self.errors.add(format_args!("{path}.query"), "a parameter's name", quoted(&name));
                    }
                    Carrier::Query(name.into())
                }
                _ => {
                    self.errors.add(
                        &path,
                        "one of `header`, `cookie` and `query`; `scheme` with `header`",
                        "otherwise",
                    );
                    continue;
                }
            };
            let position = self.carriers.add(carrier);
            if positions.contains(&position) {
                self.errors.add(&path, "each place once", "a second one");
            }
            positions.push(position);
        }
        if self.carriers.are_at_odds(&positions) {
            self.errors.add(path, AT_ODDS, "both");
        }
        positions
    }

    pub(super) fn header_name(&mut self, name: &str, path: &str, forbidden: &[&str]) {
        if !is_token(name) {
            self.errors.add(path, "a header's name", quoted(name));
        } else if forbidden.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.errors.add(path, "a header that is free for this", quoted(name));
        }
    }
}

/// With both, what is a token in one is a malformed one in the other.
pub(super) const AT_ODDS: &str = "tokens of one header either behind a scheme or alone";

/// The property that a claim is handed over in.
fn property(pointer: &str) -> String {
    format!("portcullis.claim.{pointer}")
}

/// Headers that a claim may not replace: the message's own, the connection's own, and where tokens are.
const FORBIDDEN_CLAIM_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-request-id",
];

/// Headers that hold something else than a token.
const FORBIDDEN_TOKEN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
