use proptest::{collection::vec, prelude::*, sample::select};

use super::{Case, Match, Normaliser, Overlaps, PathBuffer, Template, TemplateSet, either};
use crate::path::{Ambiguity, NormalPath, Reading, SeparatorReading};

fn reading() -> impl Strategy<Value = Reading> {
    select(&[Reading::Refuse, Reading::Resolve][..])
}

fn separator() -> impl Strategy<Value = SeparatorReading> {
    select(&[SeparatorReading::Refuse, SeparatorReading::Resolve, SeparatorReading::Keep][..])
}

fn normaliser() -> impl Strategy<Value = Normaliser> {
    let readings = proptest::array::uniform11(reading());
    let separators = proptest::array::uniform4(separator());
    let drawn = (readings, separators).prop_map(|(readings, separators)| {
        let [absolute_form, fragment, bad_percent, double_encoding, encoded_delimiter, ..] = readings;
        let [.., dot_segment, encoded_dot, whitespace, trailing_dot, not_utf8, lookalike] = readings;
        let [encoded_slash, backslash, parameter, empty_segment] = separators;
        Normaliser {
            absolute_form,
            fragment,
            bad_percent,
            double_encoding,
            encoded_slash,
            backslash,
            encoded_delimiter,
            parameter,
            dot_segment,
            encoded_dot,
            empty_segment,
            whitespace,
            trailing_dot,
            not_utf8,
            lookalike,
            max_length: 200,
        }
    });
    prop_oneof![3 => drawn, 1 => Just(Normaliser::lenient()), 1 => Just(Normaliser::strict())]
}

/// Targets made of what attacks are made of.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(
        &[
            "/", "/", "/", "a", "b", "admin", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%25", "%", "2",
            "e", "%61", "%00", "%20", " ", "?", "#", "%3f", "%23", "%c0%af", "é", "／", "%c3", "%a9", "%80", "\u{7f}",
            "*", "{",
        ][..],
    );
    let pieces = vec(piece, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()).into_bytes());
    prop_oneof![9 => pieces, 1 => vec(any::<u8>(), 0..40)]
}

fn segments(path: &NormalPath<'_>) -> Vec<Vec<u8>> {
    path.segments().map(<[u8]>::to_vec).collect()
}

/// A path's segments by another way: split first, then decode; only for paths that need no resolving.
fn naive_segments(target: &[u8]) -> Vec<Vec<u8>> {
    let path = target.split(|byte| *byte == b'?').next().unwrap();
    let path = str::from_utf8(path).unwrap().trim_start_matches('/').trim_end_matches('/');
    let decode = |segment: &str| {
        let mut parts = segment.split('%');
        let mut decoded = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            let (digits, after) = part.split_at(2);
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            decoded.extend(after.bytes());
        }
        decoded
    };
    if path.is_empty() { Vec::new() } else { path.split('/').map(decode).collect() }
}

fn template() -> impl Strategy<Value = String> {
    let step = select(
        &["a", "b", "A", "é", "%61", "a%2Fb", "{x}", "{x}", "b{x}", "{x}ab", "{x}cab{y}", "b{x}-{y}cb", "*", "*"][..],
    );
    (vec(step, 0..4), any::<bool>()).prop_map(|(steps, rest)| {
        // Names must differ.
        let steps = steps.into_iter().enumerate();
        let steps = steps.map(|(at, step)| format!("/{}", step.replace('}', &format!("{at}}}"))));
        let text = steps.collect::<String>();
        // Mixed segments and wildcards are of two syntaxes.
        let is_mixed = text.split('/').any(|step| step.contains('{') && (!step.starts_with("{x") || step.len() > 4));
        let text = if is_mixed { text.replace('*', "a") } else { text + if rest { "/**" } else { "" } };
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = select(
        &["a", "b", "A", "é", "a%2Fb", "c", "", "ba", "bab", "cab", "BAB", "acab", "bcabcab", "ba-acb", "b-a-cbcb"][..],
    );
    vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// The values between these texts.
fn naive_values<'s>(texts: &[&str], segment: &'s [u8], case: Case) -> Option<Vec<&'s [u8]>> {
    let flag = if case == Case::Insensitive { "i" } else { "" };
    let texts: Vec<_> = texts.iter().map(|text| regex::escape(text)).collect();
    let regex = regex::bytes::Regex::new(&format!("(?s{flag}-u)^{}$", texts.join("(.+?)"))).unwrap();
    let captures = regex.captures(segment)?;
    Some(captures.iter().skip(1).map(|value| value.unwrap().as_bytes()).collect())
}

/// The values of all variables of a template that matches.
fn naive_captures(template: &str, path: &[Vec<u8>], case: Case) -> Vec<Vec<u8>> {
    let steps = template.split('/').skip(1).zip(path).filter(|(step, _)| step.contains('{'));
    let values = steps.map(|(step, segment)| {
        let texts: Vec<_> = step.split(['{', '}']).step_by(2).collect();
        naive_values(&texts, segment, case).unwrap().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
    });
    values.flatten().collect()
}

/// One digit for each step of how specific a template is, if it matches: the least text wins.
fn naive_match(template: &str, path: &[Vec<u8>], case: Case) -> Option<String> {
    let fold = |segment: &[u8]| match case {
        Case::Sensitive => segment.to_vec(),
        Case::Insensitive => segment.to_ascii_lowercase(),
    };
    let mut path = path.iter();
    let mut specificity = String::new();
    for step in template.split('/').skip(1).filter(|step| !step.is_empty()) {
        if step == "**" {
            return Some(specificity + "5");
        }
        let segment = path.next()?;
        let texts: Vec<_> = step.split(['{', '}']).step_by(2).collect();
        specificity += match texts.as_slice() {
            ["*"] => "4",
            ["", ""] if segment.is_empty() => return None,
            ["", ""] => "3",
            [_] if fold(&naive_segments(step.as_bytes())[0]) == fold(segment) => "1",
            // More text goes first.
            [_, _, ..] if naive_values(&texts, segment, case).is_some() => {
                ["29", "28", "27", "26", "25"][texts.concat().len()]
            }
            _ => return None,
        };
    }
    path.next().is_none().then_some(specificity + "0")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_normal_form_is_its_own(normaliser in normaliser(), target in target()) {
        let (mut first, mut second) = (PathBuffer::default(), PathBuffer::default());
        if let Ok(path) = normaliser.normalise(&target, &mut first) {
            let shown = path.to_string();
            let again = normaliser.normalise(shown.as_bytes(), &mut second);
            prop_assert!(again.is_ok(), "{shown} is refused: {:?}", again);
            let again = again.unwrap();
            prop_assert_eq!(segments(&path), segments(&again));
            prop_assert_eq!(path.trailing_slash(), again.trailing_slash());
            prop_assert_eq!(again.to_string(), shown);
        }
    }

    #[test]
    fn what_strict_reads_all_read_alike(normaliser in normaliser(), target in target()) {
        let (mut first, mut second) = (PathBuffer::default(), PathBuffer::default());
        if let Ok(path) = (Normaliser { max_length: 200, ..Normaliser::strict() }).normalise(&target, &mut first) {
            prop_assert_eq!(segments(&path), naive_segments(&target));
            prop_assert_eq!(segments(&path), segments(&normaliser.normalise(&target, &mut second).unwrap()));
        }
    }

    #[test]
    fn no_normal_path_climbs(normaliser in normaliser(), target in target()) {
        let mut buffer = PathBuffer::default();
        if let Ok(path) = normaliser.normalise(&target, &mut buffer) {
            for segment in path.segments() {
                let mut parts = segment.split(|byte| b"/\\".contains(byte));
                prop_assert!(parts.all(|part| part != b"." && part != b".."), "{path}");
                prop_assert!(!segment.iter().any(u8::is_ascii_control));
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_an_option_less(normaliser in normaliser(), target in target()) {
        let mut buffer = PathBuffer::default();
        if let Err(ambiguity) = normaliser.normalise(&target, &mut buffer) {
            let strict = Normaliser { max_length: 200, ..Normaliser::strict() }.normalise(&target, &mut buffer);
            prop_assert!(strict.is_err(), "{ambiguity}");
        }
        let lenient = Normaliser::lenient().normalise(&target, &mut buffer);
        if let Err(ambiguity) = lenient {
            let always = [Ambiguity::NotAbsolute, Ambiguity::AsteriskForm, Ambiguity::TooLong, Ambiguity::ControlByte];
            prop_assert!(always.contains(&ambiguity), "{ambiguity}");
        }
    }

    #[test]
    fn a_set_finds_what_the_naive_search_finds(
        templates in vec(template(), 0..12),
        path in path(),
        insensitive in any::<bool>(),
    ) {
        let case = if insensitive { Case::Insensitive } else { Case::Sensitive };
        let set = TemplateSet::new(templates.iter().map(|text| either(text)).zip(0..), case);
        let keep = Normaliser {
            encoded_slash: SeparatorReading::Keep,
            empty_segment: SeparatorReading::Keep,
            ..Normaliser::strict()
        };
        let mut buffer = PathBuffer::default();
        let path = keep.normalise(path.as_bytes(), &mut buffer).unwrap();
        let matching = templates.iter().zip(0..);
        let matching = matching.filter_map(|(text, index)| Some((naive_match(text, &segments(&path), case)?, index)));
        let expected = matching.min().map(|(_, index)| index);
        let found = set.find(&path);
        prop_assert_eq!(found.map(|found| *found.value), expected);
        let values: Vec<_> = found.iter().flat_map(Match::captures).map(|(_, value)| value.to_vec()).collect();
        let expected = expected.map(|index| naive_captures(&templates[index], &segments(&path), case));
        prop_assert_eq!(values, expected.unwrap_or_default());
    }

    #[test]
    fn an_unreachable_template_is_never_found(templates in vec(template(), 0..8), paths in vec(path(), 20)) {
        let set = TemplateSet::new(templates.iter().map(|text| (either(text), ())), Case::Sensitive);
        let overlaps = set.overlaps(usize::MAX).found;
        let mut normaliser = Normaliser::strict();
        normaliser.encoded_slash = SeparatorReading::Keep;
        for path in paths {
            let mut buffer = PathBuffer::default();
            let Ok(path) = normaliser.normalise(path.as_bytes(), &mut buffer) else { continue };
            let Some(found) = set.find(&path) else { continue };
            prop_assert!(!overlaps.iter().any(|overlap| overlap.unreachable && overlap.loser == found.index));
        }
    }

    #[test]
    fn overlaps_are_those_of_the_naive_search(templates in vec(template(), 0..12), insensitive in any::<bool>()) {
        let case = if insensitive { Case::Insensitive } else { Case::Sensitive };
        let set = TemplateSet::new(templates.iter().map(|text| (either(text), ())), case);
        prop_assert_eq!(set.overlaps(usize::MAX), Overlaps { found: set.naive_overlaps(), more: false });
        prop_assert!(set.overlaps(1).found.len() <= 1);
    }

    #[test]
    fn no_template_panics(text in "/?[/a{}*%.]{0,20}", any in ".*") {
        let _ = text.parse::<Template>();
        let _ = any.parse::<Template>();
        let _ = Template::openapi(&text);
        let _ = Template::openapi(&any);
    }
}
