//! Which part of an OpenAPI document is where: a property that is called `description` is none.

/// A kind of object in a document (OpenAPI 3.0 and 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Document,
    Info,
    Server,
    ServerVariable,
    PathItem,
    Operation,
    Parameter,
    Header,
    RequestBody,
    MediaType,
    Encoding,
    Response,
    Components,
    SecurityScheme,
    Schema,
    Discriminator,
    /// Path templates and what is behind them.
    Paths,
    /// Statuses and responses.
    Responses,
    /// Any names, each with such an object.
    Map(&'static Part),
    /// The same, of things that are only there to be referred to.
    Named(&'static Part),
    /// A value that is not looked into.
    Value,
}

/// What the filter does with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It reads it.
    Read,
    /// It never reads it, unless something that it reads refers to it.
    Skip,
    /// It reads it where responses are judged.
    Response,
    /// It reads it where something refers to it.
    Named,
}

use portcullis_shared::pointer::unescaped;

use Part::{
    Components, Discriminator, Document, Encoding, Header, Info, Map, MediaType, Named, Operation, Parameter, PathItem,
    Paths, RequestBody, Response, Responses, Schema, SecurityScheme, Server, ServerVariable, Value,
};

impl Part {
    /// What the member of this name is, and whether it is read. What is not known is kept as it is.
    pub(super) fn member(self, name: &str) -> (Use, Self) {
        let read = |part| (Use::Read, part);
        match (self, name) {
            (Map(part), _) => read(*part),
            (Named(part), _) => (Use::Named, *part),
            (Value | Discriminator, _) => read(Value),
            (_, name) if name.starts_with("x-") => (Use::Skip, Value),
            (Paths, _) => read(PathItem),
            (Responses, _) => read(Response),
            (Info, "version" | "title") | (Schema, "default" | "enum" | "const") => read(Value),
            (Info, _)
            | (SecurityScheme, "description" | "flows" | "openIdConnectUrl" | "bearerFormat")
            | (Schema, "title" | "$comment" | "xml")
            | (
                Document | Server | PathItem | Operation | Parameter | Header | RequestBody | MediaType | Response
                | Schema | ServerVariable,
                "description" | "summary" | "example" | "examples" | "externalDocs" | "tags",
            )
            | (Components, "examples" | "links")
            | (Response, "links") => (Use::Skip, Value),
            (Document, "webhooks") => (Use::Skip, Map(&PathItem)),
            (Components | Operation, "callbacks") => (Use::Skip, Map(&Map(&PathItem))),
            (Document, "info") => read(Info),
            (Document | PathItem | Operation, "servers") => read(Server),
            (Document, "paths") => read(Paths),
            (Document, "components") => read(Components),
            (Server, "variables") => read(Map(&ServerVariable)),
            (PathItem | Operation, "parameters") => read(Parameter),
            (PathItem, "additionalOperations") => read(Map(&Operation)),
            (PathItem, "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace" | "query") => {
                read(Operation)
            }
            (Operation, "requestBody") => read(RequestBody),
            (Operation, "responses") => (Use::Response, Responses),
            (Parameter | Header | RequestBody | Response, "content") => read(Map(&MediaType)),
            (MediaType, "encoding") => read(Map(&Encoding)),
            (Encoding | Response, "headers") => read(Map(&Header)),
            (Components, name) => match section(name) {
                Some(part) => read(part),
                None => read(Value),
            },
            (Schema, "discriminator") => read(Discriminator),
            (Parameter | Header | MediaType, "schema")
            | (MediaType, "itemSchema")
            | (
                Schema,
                "items"
                | "additionalProperties"
                | "not"
                | "contains"
                | "propertyNames"
                | "if"
                | "then"
                | "else"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "additionalItems"
                | "contentSchema"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "prefixItems",
            ) => read(Schema),
            (
                Schema,
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "dependencies",
            ) => read(Map(&Schema)),
            _ => read(Value),
        }
    }

    /// The section of `components` that such things are in.
    pub(super) const fn section(self) -> Option<&'static str> {
        Some(match self {
            Schema => "schemas",
            Response => "responses",
            Parameter => "parameters",
            Header => "headers",
            RequestBody => "requestBodies",
            SecurityScheme => "securitySchemes",
            _ => return None,
        })
    }
}

/// What a section of `components` holds.
fn section(name: &str) -> Option<Part> {
    Some(match name {
        "schemas" => Named(&Schema),
        "responses" => Named(&Response),
        "parameters" => Named(&Parameter),
        "headers" => Named(&Header),
        "requestBodies" => Named(&RequestBody),
        // Not referred to, but named by `security`.
        "securitySchemes" => Map(&SecurityScheme),
        "pathItems" => Named(&PathItem),
        "mediaTypes" => Named(&MediaType),
        _ => return None,
    })
}

/// The names and positions in the fragment of a reference, such as `#/paths/~1users~1%7Bid%7D`; none if it is no JSON
/// pointer.
pub(super) fn tokens(fragment: &str) -> Option<Vec<String>> {
    let decoded = percent_decoded(fragment)?;
    let mut tokens = decoded.split('/');
    if tokens.next() != Some("") {
        return None;
    }
    Some(tokens.map(|token| unescaped(token).into_owned()).collect())
}

/// The text with `%xx` decoded, if it is UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
