//! Bodies: `requestBody`, `content`, `encoding`.

use std::rc::Rc;

use crate::{
    json::Kind,
    media::{MediaRange, MediaTable, MediaType},
};

use super::{
    Body, Encoding, Location, Media,
    model::any_media,
    reader::{Place, Reader},
    shape,
};

impl<'d> Reader<'d> {
    pub(super) fn body(&mut self, place: &Place<'d>) -> Rc<Body> {
        let any = |place: &Place<'d>| Rc::new(Body::any(&place.pointer));
        if self.findings.is_ignored(&place.pointer) {
            return any(place);
        }
        let Some(place) = self.follow(place.clone()) else { return any(place) };
        if self.findings.is_ignored(&place.pointer) {
            return any(&place);
        }
        if let Some(known) = self.bodies.get(&place.value.id()) {
            return Rc::clone(known);
        }
        if !self.is_object(&place, "a request body, which is an object") {
            return any(&place);
        }
        let is_required = self.boolean(&place, "required") == Some(true);
        let content =
            place.get("content").filter(|content| content.value.kind() != Kind::Object || !content.value.is_empty());
        let content = if let Some(content) = content {
            self.media_table(&content)
        } else {
            self.findings.warn(&place.pointer, "a body of which no media type is declared: it may be anything");
            any_media(&place.pointer)
        };
        let body = Rc::new(Body { is_required, content, pointer: place.pointer.as_str().into() });
        self.bodies.insert(place.value.id(), Rc::clone(&body));
        body
    }

    pub(super) fn media_table(&mut self, content: &Place<'d>) -> MediaTable<Rc<Media>> {
        self.table(content, Self::media)
    }

    /// The same where each entry is the schema itself.
    pub(super) fn inline_content(&mut self, content: &Place<'d>) -> MediaTable<Rc<Media>> {
        self.table(content, |reader, name, range, place| {
            let media = Media {
                range: name.into(),
                schema: None,
                encoding: Vec::new(),
                pointer: place.pointer.as_str().into(),
            };
            reader.judged(media, range, None, &place)
        })
    }

    fn table(
        &mut self,
        content: &Place<'d>,
        mut media: impl FnMut(&mut Self, &str, &MediaRange, Place<'d>) -> Media,
    ) -> MediaTable<Rc<Media>> {
        if self.findings.is_ignored(&content.pointer) || !self.is_object(content, "an object of media types") {
            return any_media(&content.pointer);
        }
        let mut entries = Vec::new();
        for (name, place) in content.members() {
            match name.parse::<MediaRange>() {
                Ok(range) => {
                    let media = media(self, name, &range, place);
                    entries.push((range, Rc::new(media)));
                }
                Err(_) => self.findings.warn(&place.pointer, "no media type or range: no body has it"),
            }
        }
        MediaTable::new(entries)
    }

    fn media(&mut self, name: &str, range: &MediaRange, place: Place<'d>) -> Media {
        let media =
            Media { range: name.into(), schema: None, encoding: Vec::new(), pointer: place.pointer.as_str().into() };
        if self.findings.is_ignored(&place.pointer) {
            return media;
        }
        let Some(place) = self.follow(place) else { return media };
        if self.findings.is_ignored(&place.pointer) || !self.is_object(&place, "a media type, which is an object") {
            return media;
        }
        match place.get("schema") {
            Some(schema) => self.judged(media, range, place.get("encoding"), &schema),
            None => media,
        }
    }

    /// With its schema, if that can be held against it.
    fn judged(
        &mut self,
        mut media: Media,
        range: &MediaRange,
        encoding: Option<Place<'d>>,
        schema: &Place<'d>,
    ) -> Media {
        let media_type = range.media_type();
        let essence = media_type.as_ref().map(MediaType::essence).unwrap_or_default();
        let is_form = essence == "application/x-www-form-urlencoded" || essence == "multipart/form-data";
        if essence.ends_with("/xml") || essence.ends_with("+xml") {
            self.findings.warn(&schema.pointer, "XML is not held against its schema");
            return media;
        }
        if media_type.as_ref().is_some_and(|media_type| !media_type.is_json())
            && !is_form
            && shape::is_compound(self, schema.value)
        {
            let message = "bodies of this media type are not held against their schema: only JSON and forms are";
            self.findings.warn(&schema.pointer, message);
            return media;
        }
        media.schema = self.schema(schema);
        if is_form {
            media.encoding = self.encodings(encoding, schema);
        }
        media
    }

    /// What is said of members, and which are binary.
    fn encodings(&mut self, declared: Option<Place<'d>>, schema: &Place<'d>) -> Vec<(Box<str>, Encoding)> {
        let mut members = Vec::<(&str, Place<'d>, bool)>::new();
        shape::members(self, schema.value, &mut |name, value| {
            if !members.iter().any(|(known, ..)| *known == name) {
                let place = Place { value, pointer: schema.pointer.clone() };
                members.push((name, place, shape::is_binary(self, value)));
            }
        });
        let mut encodings: Vec<(Box<str>, Encoding)> = Vec::new();
        for (name, _, _) in members.iter().filter(|(.., is_binary)| *is_binary) {
            encodings.push(((*name).into(), Encoding { is_binary: true, ..Encoding::default() }));
        }
        let Some(declared) = declared else { return encodings };
        if self.findings.is_ignored(&declared.pointer) || !self.is_object(&declared, "an object of encodings") {
            return encodings;
        }
        for (name, place) in declared.entries() {
            let schema = members.iter().find(|(known, ..)| *known == name);
            if self.findings.is_ignored(&place.pointer) || !self.is_object(&place, "an encoding, which is an object") {
                continue;
            }
            let Some((_, schema, is_binary)) = schema else {
                self.findings.warn(&place.pointer, "an encoding of a member that the schema does not declare");
                continue;
            };
            let encoding = Encoding { is_binary: *is_binary, ..self.encoding(&place, schema) };
            match encodings.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, known)) => *known = encoding,
                None => encodings.push((name.into(), encoding)),
            }
        }
        encodings
    }

    fn encoding(&mut self, place: &Place<'d>, schema: &Place<'d>) -> Encoding {
        let mut encoding = Encoding::default();
        if ["style", "explode", "allowReserved"].into_iter().any(|name| place.value.get(name).is_some()) {
            let (style, explode) = self.style(place, Location::Query, schema);
            let allow_reserved = self.boolean(place, "allowReserved") == Some(true);
            encoding.style = Some((style, explode, allow_reserved));
        }
        for text in self.text(place, "contentType").into_iter().flat_map(|list| list.split(',')) {
            match text.trim().parse() {
                Ok(range) => encoding.content_types.push(range),
                Err(_) => self.findings.warn(&place.pointer, "no media type or range: no part has it"),
            }
        }
        for (name, header) in place.get("headers").iter().flat_map(Place::entries) {
            encoding.headers.extend(self.header(name, header));
        }
        encoding
    }
}
