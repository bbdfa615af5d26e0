//! What an object's id is in a header, and which headers make the upstream see another request.

use crate::query::may_have;

use super::Fault;

/// Headers by which frameworks let a client replace the method: a rule for POST would be judged, and DELETE carried out.
pub const METHOD_OVERRIDE_HEADERS: &[&str] =
    &["x-http-method-override", "x-http-method", "x-method-override", "x-method"];

/// Query parameters by which frameworks let a client replace the method (Rails, Laravel, Salesforce, Google's older
/// APIs). Rails and Laravel also read `_method` from a form in the body, which no header shows: where the upstream does,
/// let rules for POST ask for as much as those for the other methods.
pub const METHOD_OVERRIDE_PARAMETERS: &[&str] = &["_method", "_httpmethod", "x-http-method-override"];

/// Headers by which frameworks let a client replace the path (IIS, Symfony, Zend, and what imitates them), and those
/// that gateways set and applications believe. `x-forwarded-prefix`, which only puts something before the path, is not
/// among them.
pub const PATH_OVERRIDE_HEADERS: &[&str] = &[
    "x-original-url",
    "x-rewrite-url",
    "x-override-url",
    "x-original-uri",
    "x-forwarded-uri",
    "x-forwarded-url",
    "x-forwarded-path",
    "x-http-destinationurl",
    "x-http-path-override",
];

/// Refuses a request that asks the upstream to take it for another one.
///
/// # Errors
/// [`Fault::MethodOverride`] and [`Fault::PathOverride`]; the first header that is one decides, then the query.
pub fn refuse_overrides<'a>(
    headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    query: Option<&[u8]>,
) -> Result<(), Fault> {
    // All of them begin so; few other headers do.
    let suspects = headers.into_iter().filter(|(name, _)| matches!(name, [b'x' | b'X', b'-' | b'_', ..]));
    for (name, _) in suspects {
        if METHOD_OVERRIDE_HEADERS.iter().any(|known| is_header(name, known)) {
            return Err(Fault::MethodOverride);
        }
        if PATH_OVERRIDE_HEADERS.iter().any(|known| is_header(name, known)) {
            return Err(Fault::PathOverride);
        }
    }
    refuse_overriding_query(query)
}

/// The part of [`refuse_overrides`] that is about the query.
///
/// # Errors
/// [`Fault::MethodOverride`].
pub fn refuse_overriding_query(query: Option<&[u8]>) -> Result<(), Fault> {
    let Some(query) = query else { return Ok(()) };
    let overrides = METHOD_OVERRIDE_PARAMETERS.iter().any(|name| may_have(query, name));
    if overrides { Err(Fault::MethodOverride) } else { Ok(()) }
}

/// Whether a server may take the header `name` for `wanted`, which is in lower case: CGI and its heirs make one name of
/// `x-user-id` and `x_user_id`.
pub fn is_header(name: &[u8], wanted: &str) -> bool {
    let fold = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() == wanted.len() && name.iter().map(fold).eq(wanted.as_bytes().iter().map(fold))
}

/// Whether the body is a form: Servlets, PHP and Rails make one set of parameters of it and of the query.
pub(super) fn has_form<'a>(headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> bool {
    headers.into_iter().any(|(name, value)| {
        let form = |form: &[u8]| value.windows(form.len()).any(|window| window.eq_ignore_ascii_case(form));
        is_header(name, "content-type") && (form(b"x-www-form-urlencoded") || form(b"multipart/"))
    })
}

/// The one value of a header.
pub(super) fn only<'a>(
    headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    wanted: &str,
) -> Result<&'a [u8], Fault> {
    let mut found = headers.into_iter().filter(|(name, _)| is_header(name, wanted));
    let (name, value) = found.next().ok_or(Fault::ResourceMissing)?;
    if found.next().is_some() {
        return Err(Fault::ResourceRepeated);
    }
    if !name.eq_ignore_ascii_case(wanted.as_bytes()) {
        return Err(Fault::ResourceAmbiguous);
    }
    // Envoy joins repeats of some headers with a comma.
    if value.contains(&b',') {
        return Err(Fault::ResourceRepeated);
    }
    if value.iter().any(|byte| !byte.is_ascii_graphic() || b";\"\\".contains(byte)) {
        return Err(Fault::ResourceAmbiguous);
    }
    Ok(value)
}
