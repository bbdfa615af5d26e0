//! Parameters and headers.

use std::rc::Rc;

use crate::media::MediaType;

use super::{
    Location, Parameter, ParameterKind, Style,
    reader::{Place, Reader, unknown_word},
    shape,
};

/// What an element of a list of parameters is.
pub(super) enum Found {
    Parameter(Rc<Parameter>),
    /// A header that has to be ignored (OpenAPI 3.1.1 section 4.8.12.2).
    Nothing,
    Unreadable,
}

impl From<Option<Option<Rc<Parameter>>>> for Found {
    fn from(found: Option<Option<Rc<Parameter>>>) -> Self {
        found.map_or(Self::Unreadable, |found| found.map_or(Self::Nothing, Self::Parameter))
    }
}

impl<'d> Reader<'d> {
    pub(super) fn parameter(&mut self, place: Place<'d>) -> Found {
        let is_ignored = self.findings.is_ignored(&place.pointer);
        let Some(place) = self.follow(place) else { return Found::Unreadable };
        if is_ignored || self.findings.is_ignored(&place.pointer) {
            return self.named(&place, true).into();
        }
        if let Some(known) = self.parameters.get(&place.value.id()) {
            return Some(known.clone()).into();
        }
        let found = self.named(&place, false);
        if let Some(parameter) = &found {
            self.parameters.insert(place.value.id(), parameter.clone());
        }
        found.into()
    }

    /// `None` if it cannot be read.
    #[expect(clippy::option_option, reason = "the inner one is what becomes `Found::Nothing`")]
    fn named(&mut self, place: &Place<'d>, is_ignored: bool) -> Option<Option<Rc<Parameter>>> {
        if !self.is_object(place, "a parameter, which is an object") {
            return None;
        }
        let name = self.required(place, "name", "a name")?;
        let location = self.required(place, "in", "one of path, query, header, cookie")?;
        let location = match location {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" => Location::Cookie,
            _ => {
                if let Some(found) = place.get("in") {
                    let message = unknown_word(&["path", "query", "header", "cookie"], found.value);
                    self.findings.fault(&found.pointer, message);
                }
                return None;
            }
        };
        let name: Box<str> = if location == Location::Header { name.to_ascii_lowercase().into() } else { name.into() };
        if location == Location::Header && matches!(&*name, "accept" | "content-type" | "authorization") {
            return Some(None);
        }
        let required = if is_ignored { None } else { self.boolean(place, "required") };
        let mut parameter = self.field(place, name, location, is_ignored);
        parameter.is_required = required == Some(true) || location == Location::Path;
        Some(Some(Rc::new(parameter)))
    }

    fn required(&mut self, place: &Place<'d>, name: &str, expected: &str) -> Option<&'d str> {
        if place.value.get(name).is_none() {
            self.findings.fault(&place.pointer, format!("expected `{name}` with {expected}, found none"));
        }
        self.text(place, name)
    }

    /// A header of a response or a part, by its name.
    pub(super) fn header(&mut self, name: &str, place: Place<'d>) -> Option<Parameter> {
        let name = name.to_ascii_lowercase();
        if name == "content-type" || self.findings.is_ignored(&place.pointer) {
            return None;
        }
        let place = self.follow(place)?;
        if self.findings.is_ignored(&place.pointer) || !self.is_object(&place, "a header, which is an object") {
            return None;
        }
        let required = self.boolean(&place, "required");
        let mut header = self.field(&place, name.into(), Location::Header, false);
        header.is_required = required == Some(true);
        Some(header)
    }

    /// All but its name and place.
    fn field(&mut self, place: &Place<'d>, name: Box<str>, location: Location, is_ignored: bool) -> Parameter {
        let style = Style::of(location);
        let mut parameter = Parameter {
            location,
            name,
            is_required: false,
            style,
            explode: style == Style::Form,
            allow_empty: false,
            allow_reserved: false,
            kind: ParameterKind::Any,
            pointer: place.pointer.as_str().into(),
        };
        if is_ignored {
            parameter.allow_empty = location == Location::Query;
            return parameter;
        }
        if location == Location::Query {
            parameter.allow_empty = self.boolean(place, "allowEmptyValue") == Some(true);
            parameter.allow_reserved = self.boolean(place, "allowReserved") == Some(true);
        }
        let schema = place.get("schema");
        if let Some(schema) = &schema {
            self.enter(schema);
            (parameter.style, parameter.explode) = self.style(place, location, schema);
            parameter.kind = self.schema(schema).map_or(ParameterKind::Any, ParameterKind::Schema);
        }
        match (place.get("content"), schema) {
            (Some(_), Some(_)) => {
                self.findings.warn(&place.pointer, "has `schema` and `content`: only the schema is enforced");
            }
            (Some(content), None) => parameter.kind = self.content(&content),
            (None, Some(_)) => {}
            (None, None) => self.findings.warn(&place.pointer, "has neither `schema` nor `content`: may be any text"),
        }
        parameter
    }

    /// A style that fits, and whether it explodes.
    pub(super) fn style(&mut self, place: &Place<'d>, location: Location, schema: &Place<'d>) -> (Style, bool) {
        let explode = self.boolean(place, "explode");
        let word = self.text(place, "style");
        let style = word.and_then(|word| Style::ALL.into_iter().find(|style| style.as_str() == word));
        let usual = Style::of(location);
        if word.is_some() && style.is_none_or(|style| !style.is_for(location)) {
            self.findings.warn(&place.pointer, "a style that is not for this place: read as if it were not there");
        }
        let style = style.filter(|style| style.is_for(location)).unwrap_or(usual);
        if !matches!(style, Style::SpaceDelimited | Style::PipeDelimited | Style::DeepObject) {
            return (style, explode.unwrap_or(style == Style::Form));
        }
        let shape = shape::of(self, schema.value);
        match style {
            Style::DeepObject if !(shape.array || shape.object) => {
                self.findings.warn(&place.pointer, "`deepObject` of what is no object: read as `form`");
                (Style::Form, true)
            }
            Style::DeepObject => {
                if !shape.object {
                    let message = "`deepObject` of a list, which OpenAPI leaves open: read as `name[]=` and `name[0]=`";
                    self.findings.warn(&place.pointer, message);
                }
                (style, true)
            }
            _ if !(shape.array || shape.object) => {
                self.findings.warn(&place.pointer, "a list's style of what is no list: read as `form`");
                (Style::Form, explode.unwrap_or(true))
            }
            _ if explode == Some(true) => {
                self.findings.warn(&place.pointer, "a list's style with `explode`: each element is a pair of its own");
                (Style::Form, true)
            }
            _ => (style, false),
        }
    }

    fn content(&mut self, content: &Place<'d>) -> ParameterKind {
        if self.findings.is_ignored(&content.pointer) || !self.is_object(content, "an object with one media type") {
            return ParameterKind::Any;
        }
        let mut members = content.members();
        let (Some((name, media)), None) = (members.next(), members.next()) else {
            self.findings.warn(&content.pointer, "expected one media type: may be any text");
            return ParameterKind::Any;
        };
        let Ok(media_type) = MediaType::parse(name.as_bytes()) else {
            self.findings.warn(&media.pointer, "no media type: may be any text");
            return ParameterKind::Any;
        };
        let schema = self.follow(media).and_then(|media| media.get("schema"));
        ParameterKind::Content(media_type, schema.and_then(|schema| self.schema(&schema)))
    }
}
