//! `style`.

use super::Location;

/// How a value becomes text (OpenAPI 3.1.1 section 4.8.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// `;name=a,b` in a path.
    Matrix,
    /// `.a.b` in a path.
    Label,
    /// `a,b` in a path or a header.
    Simple,
    /// `name=a,b` or `name=a&name=b` in a query or a cookie.
    Form,
    /// `name=a%20b` in a query.
    SpaceDelimited,
    /// `name=a|b` in a query.
    PipeDelimited,
    /// `name[a]=b` in a query. Of lists, which the specification leaves open, it is `name[]=a` and `name[0]=a`.
    DeepObject,
}

impl Style {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Matrix,
        Self::Label,
        Self::Simple,
        Self::Form,
        Self::SpaceDelimited,
        Self::PipeDelimited,
        Self::DeepObject,
    ];

    /// The word for it in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Label => "label",
            Self::Simple => "simple",
            Self::Form => "form",
            Self::SpaceDelimited => "spaceDelimited",
            Self::PipeDelimited => "pipeDelimited",
            Self::DeepObject => "deepObject",
        }
    }

    /// What a parameter has of which no more is said.
    pub const fn of(location: Location) -> Self {
        match location {
            Location::Path | Location::Header => Self::Simple,
            Location::Query | Location::Cookie => Self::Form,
        }
    }

    /// Whether a parameter there can have it.
    pub const fn is_for(self, location: Location) -> bool {
        matches!(
            (self, location),
            (Self::Simple, Location::Path | Location::Header)
                | (Self::Matrix | Self::Label, Location::Path)
                | (Self::Form, Location::Query | Location::Cookie)
                | (Self::SpaceDelimited | Self::PipeDelimited | Self::DeepObject, Location::Query)
        )
    }
}
