//! Responses.

use std::rc::Rc;

use crate::{json::Kind, schema::Direction};

use super::{
    Response, Status,
    model::any_media,
    reader::{Place, Reader},
};

impl<'d> Reader<'d> {
    pub(super) fn responses(&mut self, place: &Place<'d>) -> Vec<(Status, Rc<Response>)> {
        let any = |pointer: &str| {
            let content = Some(any_media(pointer));
            Rc::new(Response { content, headers: Vec::new(), pointer: pointer.into() })
        };
        if self.findings.is_ignored(&place.pointer) || !self.is_object(place, "an object of responses") {
            return vec![(Status::Default, any(&place.pointer))];
        }
        self.direction = Direction::Response;
        let mut responses = Vec::new();
        for (name, place) in place.members() {
            let Some(status) = status(name) else {
                let message = "expected a status such as `200`, `2XX` or `default`: no response has it";
                self.findings.warn(&place.pointer, message);
                continue;
            };
            let pointer = place.pointer.clone();
            responses.push((status, self.response(place).unwrap_or_else(|| any(&pointer))));
        }
        self.direction = self.request;
        responses
    }

    /// `None` for what is not to be enforced.
    fn response(&mut self, place: Place<'d>) -> Option<Rc<Response>> {
        if self.findings.is_ignored(&place.pointer) {
            return None;
        }
        let place = self.follow(place)?;
        if let Some(known) = self.responses.get(&place.value.id()) {
            return Some(Rc::clone(known));
        }
        if self.findings.is_ignored(&place.pointer) || !self.is_object(&place, "a response, which is an object") {
            return None;
        }
        let content =
            place.get("content").filter(|content| content.value.kind() != Kind::Object || !content.value.is_empty());
        let content = content.map(|content| self.media_table(&content));
        let mut headers = Vec::new();
        for (name, header) in place.get("headers").iter().flat_map(Place::entries) {
            headers.extend(self.header(name, header));
        }
        let response = Rc::new(Response { content, headers, pointer: place.pointer.as_str().into() });
        self.responses.insert(place.value.id(), Rc::clone(&response));
        Some(response)
    }
}

fn status(name: &str) -> Option<Status> {
    let [first @ b'1'..=b'5', rest @ ..] = name.as_bytes() else {
        return (name == "default").then_some(Status::Default);
    };
    match rest {
        b"XX" | b"xx" => Some(Status::Class(first.saturating_sub(b'0'))),
        [b'0'..=b'9', b'0'..=b'9'] => name.parse().ok().map(Status::Exact),
        _ => None,
    }
}
