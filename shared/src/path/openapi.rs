//! Templates as OpenAPI documents write them.

use super::{
    Template, TemplateError,
    mixed::Mixed,
    template::{Name, Step, literal},
};

/// What begins an expression of RFC 6570 that is no plain name.
const OPERATORS: &[char] = &['+', '.', ';', '&', '=', ',', '!', '@', '|'];

impl Template {
    /// The most variables that a template of [`Template::openapi`] can have.
    pub const MAX_VARIABLES: usize = 64;

    /// Reads a key of an OpenAPI document's `paths` (OpenAPI 3.1.1, Paths Object), where variables may be a part of a
    /// segment:
    ///
    /// | segment | matches |
    /// |---|---|
    /// | `users` | as in any [`Template`] |
    /// | `{user_id}` | as in any [`Template`] |
    /// | `report.{format}`, `{id}:activate`, `{base}...{head}` | a segment with these texts in this order, from its first byte to its last; each variable is one byte at least, and as short as it can be |
    ///
    /// There are no wildcards: `*` is an error, and `%2A` as text. Names are what parameters may be called, so nearly any
    /// text. A slash at the end is without meaning.
    ///
    /// # Errors
    /// Besides what no path has: keys with `?` or `#`, by which some documents tell operations apart that no path tells
    /// apart; variables with nothing between them, which can be told apart in many ways; RFC 6570 operators.
    pub fn openapi(text: &str) -> Result<Self, TemplateError> {
        if text.contains(['?', '#']) {
            let expected = "a path that ends before `?` or `#`, which requests are not told apart by";
            return Err(TemplateError::new(expected, text));
        }
        let body = text
            .strip_prefix('/')
            .ok_or_else(|| TemplateError::new("a path that starts with `/`, such as `/users/{id}`", text))?;
        let body = body.strip_suffix('/').unwrap_or(body);
        let (mut steps, mut names) = (Vec::new(), Vec::<Name>::new());
        if !(body.is_empty() && text.len() == 1) {
            for segment in body.split('/') {
                if segment.is_empty() {
                    return Err(TemplateError::new("segments that are not empty", text));
                }
                steps.push(step(segment, steps.len(), &mut names)?);
            }
        }
        let repeated = |(at, name): (usize, &Name)| names.iter().take(at).any(|known| known.text == name.text);
        if names.iter().enumerate().any(repeated) {
            return Err(TemplateError::new("each name once", text));
        }
        if steps.len() > Self::MAX_SEGMENTS || names.len() > Self::MAX_VARIABLES {
            return Err(TemplateError::new("at most 64 segments and 64 variables", text));
        }
        Ok(Self { text: text.into(), steps: steps.into(), names: names.into(), rest: false })
    }
}

fn step(segment: &str, position: usize, names: &mut Vec<Name>) -> Result<Step, TemplateError> {
    let mut texts = Vec::new();
    let mut rest = segment;
    let mut variable = 0_usize;
    while let Some((text, opened)) = rest.split_once('{') {
        let Some((name, after)) = opened.split_once('}') else {
            return Err(TemplateError::new("a `}` for each `{`, in the same segment", segment));
        };
        if text.is_empty() && variable > 0 {
            let expected = "text between two variables, without which values cannot be told apart";
            return Err(TemplateError::new(expected, segment));
        }
        check_name(name, segment)?;
        texts.push(if text.is_empty() { Box::default() } else { part(text, segment)? });
        names.push(Name { position, variable, text: name.into() });
        variable = variable.saturating_add(1);
        rest = after;
    }
    match (variable, rest) {
        (0, _) => return Ok(Step::Literal(literal(brace_free(rest, segment)?)?)),
        (_, "") => texts.push(Box::default()),
        _ => texts.push(part(rest, segment)?),
    }
    let has_text = texts.iter().any(|text| !text.is_empty());
    Ok(Mixed::new(texts).filter(|_| has_text).map_or(Step::Capture, Step::Mixed))
}

/// A text beside a variable. Unlike a whole segment it may be dots.
fn part(text: &str, segment: &str) -> Result<Box<[u8]>, TemplateError> {
    let text = brace_free(text, segment)?;
    match text {
        "." | ".." => Ok(text.as_bytes().into()),
        _ => literal(text),
    }
}

fn brace_free<'t>(text: &'t str, segment: &str) -> Result<&'t str, TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::new("a `{` for each `}`, in the same segment", segment));
    }
    if text.contains('*') {
        let expected = "a path without `*`: OpenAPI has no wildcards, and as text it is `%2A`";
        return Err(TemplateError::new(expected, segment));
    }
    Ok(text)
}

fn check_name(name: &str, segment: &str) -> Result<(), TemplateError> {
    if name.is_empty() || name.contains(|found: char| found == '{' || found.is_control()) {
        return Err(TemplateError::new("a name such as `{user_id}`", segment));
    }
    if name.starts_with(OPERATORS) || name.ends_with(['*', '+']) {
        let expected = "a plain name such as `{format}`: OpenAPI has no operators such as `{.format}` or `{path*}`";
        return Err(TemplateError::new(expected, segment));
    }
    Ok(())
}
