//! What a contract is made of.

use std::rc::Rc;

use crate::{
    media::{MediaRange, MediaTable, MediaType},
    path::Template,
    schema::SchemaId,
};

use super::Style;

/// What one method does at a path.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name in metrics and events, `[A-Za-z0-9._-]{1,64}`, no other operation's: its `operationId` with `-` for each `/`
    /// and `_` for whatever else a name cannot have, or the same of method and path. Long ones end with a hash, those that
    /// come again with a number.
    pub id: Box<str>,
    /// Its `operationId`, as it is written.
    pub operation_id: Option<Box<str>>,
    /// Such as `GET`.
    pub method: Box<str>,
    /// Its path as the document has it, with no base path.
    pub path: Box<str>,
    /// The paths of requests: one for each base path. A variable of a base path is `{server:name}`.
    pub templates: Vec<Template>,
    /// Those of the path and of the operation: no two of them have the same place and name.
    pub parameters: Vec<Rc<Parameter>>,
    /// Whether there may be other parameters, whatever the settings say: the operator ignores what would declare them.
    pub has_ignored_parameters: bool,
    /// `None`: there must be none.
    pub body: Option<Rc<Body>>,
    /// Empty where responses are not read.
    pub responses: Vec<(Status, Rc<Response>)>,
    /// Whether the document says `deprecated`.
    pub is_deprecated: bool,
    /// Whether requests and responses pass whatever they are: the operator ignores it.
    pub is_unchecked: bool,
    /// Where in the document.
    pub pointer: Box<str>,
}

impl Operation {
    /// What is declared for a status: for itself, for those that begin like it, or for all.
    pub fn response(&self, status: u16) -> Option<&Response> {
        let find = |wanted: Status| self.responses.iter().find(|(known, _)| *known == wanted);
        let class = u8::try_from(status.div_euclid(100)).unwrap_or_default();
        let found =
            find(Status::Exact(status)).or_else(|| find(Status::Class(class))).or_else(|| find(Status::Default));
        found.map(|(_, response)| response.as_ref())
    }
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A variable of the path.
    Path,
    /// A name of the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

/// A parameter, or a header of a response or of a part of a multipart body.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are what a document says")]
pub struct Parameter {
    /// Where it is.
    pub location: Location,
    /// Its name; in lower case if it is a header's.
    pub name: Box<str>,
    /// Whether it has to be there.
    pub is_required: bool,
    /// How its text becomes a value. Always one that its location may have.
    pub style: Style,
    /// Whether each element or member is a name or a pair of its own. Always for [`Style::DeepObject`], never for
    /// [`Style::SpaceDelimited`] and [`Style::PipeDelimited`].
    pub explode: bool,
    /// Whether no text at all will do (query only).
    pub allow_empty: bool,
    /// Whether reserved characters come as they are (query only).
    pub allow_reserved: bool,
    /// What it may be.
    pub kind: ParameterKind,
    /// Where in the document; that of the path or the operation if it is declared nowhere.
    pub pointer: Box<str>,
}

/// What a parameter may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Any,
    /// A value that is written in the parameter's style.
    Schema(SchemaId),
    /// A text of this media type; judged by the schema where that can be read.
    Content(MediaType, Option<SchemaId>),
}

/// What a request may bring.
#[derive(Clone, Debug)]
pub struct Body {
    /// Whether there has to be one.
    pub is_required: bool,
    /// What it may be.
    pub content: MediaTable<Rc<Media>>,
    /// Where in the document.
    pub pointer: Box<str>,
}

impl Body {
    /// Anything, or nothing.
    pub(super) fn any(pointer: &str) -> Self {
        Self { is_required: false, content: any_media(pointer), pointer: pointer.into() }
    }
}

/// One entry: anything of any media type.
pub(super) fn any_media(pointer: &str) -> MediaTable<Rc<Media>> {
    let media = Media { range: "*/*".into(), schema: None, encoding: Vec::new(), pointer: pointer.into() };
    MediaTable::new("*/*".parse::<MediaRange>().ok().map(|range| (range, Rc::new(media))))
}

/// A body of some media types.
#[derive(Clone, Debug)]
pub struct Media {
    /// The media types, as the document has them.
    pub range: Box<str>,
    /// `None`: anything, also what the media type does not allow.
    pub schema: Option<SchemaId>,
    /// Of forms and multipart bodies: the members of which the document says how they are written, and those that are
    /// binary. All others are as the specification says for their type.
    pub encoding: Vec<(Box<str>, Encoding)>,
    /// Where in the document.
    pub pointer: Box<str>,
}

impl Media {
    /// How the member `name` is written, if that is not as for any of its type.
    pub fn encoding(&self, name: &str) -> Option<&Encoding> {
        self.encoding.iter().find(|(known, _)| **known == *name).map(|(_, encoding)| encoding)
    }
}

/// How a member is written in a form or a multipart body.
#[derive(Clone, Debug, Default)]
pub struct Encoding {
    /// The media types that a part of it may have; empty where the document does not say.
    pub content_types: Vec<MediaRange>,
    /// Style and explode, and whether reserved characters come as they are, where the document says one of these:
    /// `content_types` then has no meaning.
    pub style: Option<(Style, bool, bool)>,
    /// Whether it is bytes, or a list of such: not to be read as text.
    pub is_binary: bool,
    /// Headers of its parts.
    pub headers: Vec<Parameter>,
}

impl Encoding {
    /// Whether it is JSON, and nothing else.
    pub fn is_json(&self) -> bool {
        let is_json = |range: &MediaRange| range.media_type().is_some_and(|known| known.is_json());
        !self.content_types.is_empty() && self.content_types.iter().all(is_json)
    }
}

/// Which statuses a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// One: `404`.
    Exact(u16),
    /// A hundred: `4XX` is 4.
    Class(u8),
    /// All that no other is for.
    Default,
}

/// What may come back.
#[derive(Clone, Debug)]
pub struct Response {
    /// What the body may be; `None`: there is none.
    pub content: Option<MediaTable<Rc<Media>>>,
    /// Which headers are declared; others may be there.
    pub headers: Vec<Parameter>,
    /// Where in the document.
    pub pointer: Box<str>,
}
