//! What is no token at all: parts, base64url, size, other serialisations.

use serde_json::json;

use super::{Table, bearer, rs256, rsa, signed};
use crate::mint::{Token, claims, claims_with, encode};

pub(super) fn add(table: &mut Table) {
    parts(table);
    alphabet(table);
    others(table);
}

fn parts(table: &mut Table) {
    let good = signed(&rs256());
    let (input, signature) = good.rsplit_once('.').expect("a token");
    let (header, payload) = input.split_once('.').expect("a token");
    for (name, token, why) in [
        ("one part", header.to_owned(), "a header alone"),
        ("two parts", input.to_owned(), "the signature is left out, with its dot"),
        ("four parts", format!("{good}.{signature}"), "two signatures"),
        ("four parts, the last empty", format!("{good}."), "a dot behind a good token"),
        ("four parts, the first empty", format!(".{good}"), "a dot before a good token"),
        ("six parts", format!("{good}.{good}"), "two good tokens with a dot between"),
        ("no dots", good.replace('.', "-"), "dots are what parts a token"),
        ("a doubled dot", format!("{header}..{payload}.{signature}"), "an empty part between good ones"),
        ("a thousand dots", ".".repeat(1000), "parts are counted, not collected"),
    ] {
        table.token(name, token, "token_malformed", why);
    }
    let empty = format!("..{signature}");
    table.token("empty header and payload", empty, "token_header_invalid", "nothing is no JSON object");
    table.token("only two dots", "..", "token_header_invalid", "nothing is no JSON object");
    let empty = format!(".{payload}.{signature}");
    table.token("empty header", empty, "token_header_invalid", "nothing is no JSON object");
    table.token("empty payload", signed(&rs256().payload("")), "token_claims_invalid", "nothing is no JSON object");
    let jwe = Token::new("RSA-OAEP", &claims()).header(&json!({"enc": "A256GCM"}));
    let jwe = format!("{}.{}.{}", jwe.input(), encode([7; 12]), jwe.signature([7; 16]).replace('.', ""));
    table.token("four parts of a JWE", jwe.clone(), "token_malformed", "a JWE has five parts, a JWS three");
    let five = format!("{jwe}.{}", encode([9; 16]));
    table.token("a JWE", five, "token_encrypted", "encrypted with a public key, which everyone has: proves nothing");
    table.token("a JWE of nothing", "....", "token_encrypted", "five parts, all empty");
    let direct =
        format!("{}..{}.{}.{}", encode(r#"{"alg":"dir","enc":"A128GCM"}"#), encode([1; 12]), payload, signature);
    table.token("a JWE without a key", direct, "token_encrypted", "the second part of a direct JWE is empty");
}

fn alphabet(table: &mut Table) {
    let expect = "token_base64_invalid";
    // Long enough for both letters that differ between the alphabets, and of a length that padding would fill.
    let spelt = rs256().claims(&claims_with(&json!({"x": "????>>>>~~~~a"})));
    let good = signed(&spelt);
    let (input, signature) = good.rsplit_once('.').expect("a token");
    let (header, payload) = input.split_once('.').expect("a token");
    let sign = |input: &str| format!("{input}.{}", encode(rsa().sign("RS256", input.as_bytes())));

    let padding = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
    let padded = format!("{input}.{}", padding(signature));
    table.token("padded signature", padded, expect, "a second spelling of the same token");
    let padded = sign(&format!("{}.{}", padding(header), padding(payload)));
    assert!(padded.contains("=."), "there is padding to see");
    let why = "RFC 7515 leaves padding out, and credentials have = at their end only";
    table.carried("padded parts, signed so", &bearer(&padded), "token_source_malformed", why);
    let padded = format!("{good}====");
    table.token("too much padding", padded, expect, "no padding, and surely not four of it");
    assert!(payload.contains(['-', '_']), "the alphabets differ");
    let standard = sign(&input.replace('-', "+").replace('_', "/"));
    table.token("the standard alphabet, signed so", standard, expect, "RFC 7515 uses base64url, not base64");
    let mut stray = good.clone();
    let last = stray.pop().expect("a letter");
    stray.push(next_in_alphabet(last));
    assert_eq!(signature.len() % 4, 2, "256 bytes end in a letter of which two bits count");
    table.token(
        "stray bits at the end of the signature",
        stray,
        expect,
        "decodes to the same bytes: a second spelling",
    );
    let mut stray = encode(r#"{"alg":"RS256","kid":"rsa-1"}"#);
    assert_ne!(stray.len() % 4, 0, "the last letter has bits that do not count");
    let last = stray.pop().expect("a letter");
    stray.push(next_in_alphabet(last));
    let stray = sign(&format!("{stray}.{payload}"));
    table.token("stray bits at the end of the header, signed so", stray, expect, "no canonical base64url");
    let odd = format!("{good}AAA");
    table.token("a length that no bytes have", odd, expect, "one letter more than a multiple of four");
    let tilde = good.replace('.', ".~");
    table.token("a letter of neither alphabet", tilde, expect, "~ is for credentials, not for base64url");
    let trailing = format!("{good}AA");
    table.token("bytes after the signature", trailing, "token_signature_malformed", "257 bytes, where the key has 256");
    let trailing = format!("{header}x.{payload}.{signature}");
    table.token("a letter after the header", trailing, "token_header_invalid", "a byte more than the JSON has");
}

/// The letter whose lowest bit differs.
fn next_in_alphabet(letter: char) -> char {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = ALPHABET.find(letter).expect("a letter of base64url");
    ALPHABET.chars().nth(place ^ 1).expect("within")
}

fn others(table: &mut Table) {
    let good = signed(&rs256());
    let parts: Vec<&str> = good.split('.').collect();
    let json = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    table.token(
        "JSON serialisation in base64url",
        encode(&json),
        "token_malformed",
        "only the compact form is a token",
    );
    let why = "no token's letters, and its commas read as several credentials";
    table.carried("JSON serialisation", &bearer(&json), "token_source_multiple", why);
    table.or("token_source_malformed");
    let huge = signed(&rs256().claims(&claims_with(&json!({"pad": "x".repeat(15_000)}))));
    table.token("huge", huge, "token_too_large", "20 KB: refused before anything is decoded");
    let opaque = "2YotnFZFEjr1zCsicMWpAA";
    table.token("an opaque token", opaque, "token_malformed", "a handle of an OAuth server, not a JWT");
    let paseto = format!("v2.local.{}", encode([0xa5; 64]));
    table.token("a PASETO", paseto, "token_base64_invalid", "three parts, but no base64url of JSON");
}
