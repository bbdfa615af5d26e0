//! URI references, as far as `$id` and `$ref` need them (RFC 3986).

/// A reference without its fragment, against a base (RFC 3986 section 5.2).
pub(super) fn join(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_owned();
    }
    if scheme(reference).is_some() {
        return reference.to_owned();
    }
    let scheme = scheme(base).map_or("", |length| base.get(..length).unwrap_or_default());
    let rest = base.get(scheme.len()..).unwrap_or_default();
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let authority = match rest.strip_prefix("//") {
        Some(after) => {
            let length = after.find(['/', '?']).unwrap_or(after.len()).saturating_add(2);
            rest.get(..length).unwrap_or_default()
        }
        None => "",
    };
    let path = rest.get(authority.len()..).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    if reference.starts_with('?') {
        return format!("{scheme}{authority}{path}{reference}");
    }
    let merged = if reference.starts_with('/') {
        reference.to_owned()
    } else if path.is_empty() && !authority.is_empty() {
        format!("/{reference}")
    } else {
        let folder = path.rfind('/').map_or("", |last| path.get(..=last).unwrap_or_default());
        format!("{folder}{reference}")
    };
    format!("{scheme}{authority}{}", without_dots(&merged))
}

/// The length of the scheme, its colon included.
fn scheme(text: &str) -> Option<usize> {
    let end = text.find(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '+' | '-' | '.'))?;
    let is_scheme = text.starts_with(|char: char| char.is_ascii_alphabetic()) && text.get(end..)?.starts_with(':');
    is_scheme.then(|| end.saturating_add(1))
}

/// RFC 3986 section 5.2.4.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." if is_last => kept.push(""),
            "." => {}
            ".." => {
                if kept.len() > 1 || kept.first().is_some_and(|first| !first.is_empty()) {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let path = kept.join("/");
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}
