//! Tokens for the load: one, or so many that no cache helps.

use std::fs;
use std::io::{Write as _, stderr};
use std::thread;

use portcullis_integration_tests::mint::{Key, Token, claims_with, key_set};
use portcullis_integration_tests::workspace;
use serde_json::{Value, json};

use crate::Result;

/// More than any cache here holds; taken in turn, none is seen again before all the others were.
pub(crate) const MANY: usize = 20_000;

/// The keys that sign, by algorithm.
const SIGNERS: [(&str, &str); 3] = [("RS256", "rsa-1"), ("ES256", "p256-1"), ("EdDSA", "ed25519-1")];

fn signer(algorithm: &str) -> Key {
    let found = SIGNERS.iter().find(|(known, _)| *known == algorithm);
    Key::load(found.unwrap_or_else(|| panic!("no key for {algorithm}")).1)
}

/// The key set that all these tokens are good by.
pub(crate) fn keys() -> Value {
    key_set(&SIGNERS.map(|(algorithm, _)| signer(algorithm)))
}

/// Alice's tokens differ in their `jti` alone.
pub(crate) fn one(algorithm: &str, number: usize) -> String {
    by(&signer(algorithm), algorithm, number)
}

fn by(key: &Key, algorithm: &str, number: usize) -> String {
    let claims = claims_with(&json!({
        "jti": format!("{number:08}"),
        "scope": "orders:read orders:write",
        "roles": ["customer"],
    }));
    Token::new(algorithm, &claims).kid(key.kid()).sign(key)
}

/// [`MANY`] tokens. Signing them takes up to a minute, so they are kept in `target/bench/tokens/`; they are the same
/// each time.
pub(crate) fn many(algorithm: &str) -> Result<Vec<String>> {
    let file = workspace("target/bench/tokens").join(algorithm);
    let kept: Vec<String> = fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned).collect();
    let current = |number: usize| kept.get(number).is_some_and(|kept| *kept == one(algorithm, number));
    if kept.len() == MANY && current(0) && current(MANY - 1) {
        return Ok(kept);
    }
    let _ = writeln!(stderr(), "signing {MANY} tokens with {algorithm}, once");
    let tokens = sign(algorithm);
    fs::create_dir_all(workspace("target/bench/tokens"))?;
    fs::write(&file, tokens.join("\n"))?;
    Ok(tokens)
}

fn sign(algorithm: &str) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<usize> = (0..MANY).collect();
    thread::scope(|scope| {
        let sign = |part: &[usize]| {
            let key = signer(algorithm);
            part.iter().map(|number| by(&key, algorithm, *number)).collect::<Vec<String>>()
        };
        let parts: Vec<_> =
            numbers.chunks(MANY.div_ceil(threads)).map(|part| scope.spawn(move || sign(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("signed")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_the_same_each_time() {
        assert_eq!(one("ES256", 7), one("ES256", 7));
        assert_ne!(one("ES256", 7), one("ES256", 8));
        assert_eq!(keys()["keys"].as_array().map(Vec::len), Some(3));
    }
}
