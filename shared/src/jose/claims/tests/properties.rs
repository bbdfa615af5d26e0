#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use proptest::{option, prelude::*};

use super::{ClaimRules, Claims, Fault, Validity};

proptest! {
    /// Whole seconds, and the rules as plain comparisons.
    #[test]
    fn times_are_judged_as_by_plain_comparisons(
        exp in option::weighted(0.8, 0..60_i64),
        nbf in option::of(0..60_i64),
        iat in option::of(0..60_i64),
        now in 0..80_i64,
        leeway in 0..15_i64,
        max_age in option::of(0..40_i64),
        require_exp in any::<bool>(),
    ) {
        let claims = [("exp", exp), ("nbf", nbf), ("iat", iat)];
        let members: Vec<_> =
            claims.iter().filter_map(|(name, time)| time.map(|time| format!(r#""{name}":{time}"#))).collect();
        let claims = Claims::parse(format!("{{{}}}", members.join(",")).as_bytes()).unwrap();
        let rules = ClaimRules {
            leeway_s: leeway.try_into().unwrap(),
            require_exp,
            max_age_s: max_age.map(|age| age.try_into().unwrap()),
            ..ClaimRules::default()
        };
        let oldest = iat.zip(max_age).map(|(iat, age)| iat + age);
        let faults = [
            (require_exp && exp.is_none(), Fault::ExpiryMissing, None),
            (exp.is_some_and(|exp| now >= exp + leeway), Fault::Expired, exp.map(|exp| now - exp)),
            (nbf.is_some_and(|nbf| now < nbf - leeway), Fault::NotYetValid, nbf.map(|nbf| nbf - now)),
            (iat.is_some_and(|iat| now < iat - leeway), Fault::IssuedInFuture, iat.map(|iat| iat - now)),
            (max_age.is_some() && iat.is_none(), Fault::IssuedAtMissing, None),
            (oldest.is_some_and(|oldest| now >= oldest + leeway), Fault::TooOld, oldest.map(|oldest| now - oldest)),
        ];
        let expected = match faults.into_iter().find(|(is_so, ..)| *is_so) {
            Some((_, fault, by_s)) => Err((fault, by_s)),
            None => Ok(exp.into_iter().chain(oldest).min().map(|end| end + leeway)),
        };
        let nanoseconds = |seconds: i64| u64::try_from(seconds).unwrap() * 1_000_000_000;
        let found = rules.check(&claims, None, nanoseconds(now));
        let found = found.map_err(|missed| (missed.fault, missed.by_s.map(|by| by.try_into().unwrap())));
        let expected = expected.map(|until| Validity { until: until.map_or(u64::MAX, nanoseconds) });
        prop_assert_eq!(found, expected);
    }
}
