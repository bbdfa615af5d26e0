//! Contracts in words, for tables.

use std::fmt::Write;

use crate::{
    media::MediaTable,
    openapi::{Encoding, Location, Media, Operation, Parameter, ParameterKind, Status},
    path::Template,
    schema::{Fault, SchemaId},
};

/// Each fault in a line.
pub(super) fn lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect()
}

/// Each operation in some lines: itself, its parameters, its body and responses with their media types.
pub(super) fn render(operations: &[Operation]) -> Vec<Vec<String>> {
    operations.iter().map(operation).collect()
}

fn operation(operation: &Operation) -> Vec<String> {
    let templates: Vec<_> = operation.templates.iter().map(Template::as_str).collect();
    let mut first = format!("{} {} {}", operation.method, templates.join(" "), operation.id);
    if let Some(id) = operation.operation_id.as_deref().filter(|id| **id != *operation.id) {
        let _ = write!(first, " = {id}");
    }
    for (is, word) in [
        (operation.is_deprecated, " deprecated"),
        (operation.is_unchecked, " unchecked"),
        (operation.has_ignored_parameters, " open"),
    ] {
        first += if is { word } else { "" };
    }
    let mut lines = vec![first + &format!(" at {}", operation.pointer)];
    lines.extend(operation.parameters.iter().map(|found| parameter(found)));
    if let Some(body) = &operation.body {
        lines.push(format!("body{} at {}", if body.is_required { " required" } else { "" }, body.pointer));
        lines.extend(table(&body.content));
    }
    for (status, response) in &operation.responses {
        let status = match status {
            Status::Exact(status) => status.to_string(),
            Status::Class(class) => format!("{class}XX"),
            Status::Default => "default".to_owned(),
        };
        lines.push(format!("{status} at {}", response.pointer));
        lines.extend(response.headers.iter().map(parameter));
        lines.extend(response.content.iter().flat_map(table));
    }
    lines
}

fn parameter(parameter: &Parameter) -> String {
    let location = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
    };
    let mut line = format!("{location} {}", parameter.name);
    let style = format!(" {}", parameter.style.as_str());
    for (is, word) in [
        (parameter.is_required, " required"),
        (true, style.as_str()),
        (parameter.explode, " explode"),
        (parameter.allow_empty, " empty"),
        (parameter.allow_reserved, " reserved"),
    ] {
        line += if is { word } else { "" };
    }
    let kind = match &parameter.kind {
        ParameterKind::Any => "any".to_owned(),
        ParameterKind::Schema(_) => "schema".to_owned(),
        ParameterKind::Content(media_type, judge) => format!("{} {}", media_type.essence(), schema(*judge)),
    };
    line + &format!(" {kind} at {}", parameter.pointer)
}

fn schema(schema: Option<SchemaId>) -> &'static str {
    if schema.is_some() { "schema" } else { "any" }
}

fn table(table: &MediaTable<std::rc::Rc<Media>>) -> Vec<String> {
    let line = |media: &Media| {
        let encodings = media.encoding.iter().map(|(name, found)| format!(", {name}:{}", encoding(found)));
        format!("{} {}{}", media.range, schema(media.schema), encodings.collect::<String>())
    };
    table.iter().map(|(_, media)| line(media)).collect()
}

fn encoding(encoding: &Encoding) -> String {
    let mut line = String::new();
    if encoding.is_binary {
        line += " binary";
    }
    for range in &encoding.content_types {
        let _ = write!(line, " {}", range.media_type().map_or("range".to_owned(), |found| found.essence().to_owned()));
    }
    if let Some((style, explode, allow_reserved)) = encoding.style {
        let _ = write!(line, " {}", style.as_str());
        line += if explode { " explode" } else { "" };
        line += if allow_reserved { " reserved" } else { "" };
    }
    for header in &encoding.headers {
        let _ = write!(line, " [{}]", parameter(header));
    }
    line
}
