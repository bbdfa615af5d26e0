//! Whether the object that a request names belongs to the caller.
//!
//! A rule says where an object's id is ([`Resource`]) and which claim of the verified token holds the ids that are the
//! caller's. What a user expects:
//! - The id that is judged is the one that the upstream sees. Where servers would read different ids from a request,
//!   there is no id, and the request is refused ([`Fault`]): repeated parameters, members and headers, names that differ
//!   only in case, encodings within encodings, characters that some servers drop.
//! - A claim that is missing, empty or of a wrong type owns nothing. Nothing is converted but an integer to its digits.
//! - All rules must hold. Those on path, query and headers are judged before the body is there.
//!
//! Claims are taken from a token once ([`ClaimTable::read`]); a request that is allowed by its path alone costs a
//! comparison and no allocation.

mod body;
mod claims;
mod compare;
pub mod enumeration;
mod fault;
mod header;
mod id;
mod resource;
#[cfg(test)]
mod tests;

pub use body::{MAX_DEPTH, MAX_POINTERS};
pub use claims::{ClaimIndex, ClaimRule, ClaimTable, Claims, Form, Requirement, Scalar, Split, Values};
pub use compare::{Compare, judge, owns};
pub use fault::Fault;
pub use header::{
    METHOD_OVERRIDE_HEADERS, METHOD_OVERRIDE_PARAMETERS, PATH_OVERRIDE_HEADERS, is_header, refuse_overrides,
    refuse_overriding_query,
};
pub use id::{MAX_ID, check_id};
pub use resource::{Resource, ResourceError};

use std::fmt::Display;

use serde::Serialize;

use crate::{
    config::Errors,
    config_struct,
    path::{NormalPath, Template},
    pointer::Pointer,
    query::{self, QueryFault},
};

config_struct! {
    /// An object's id, and the claim that must hold it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct OwnerRule {
        /// Where the id is.
        pub resource: Resource,
        /// Which claim holds the caller's ids: a text, an integer, or an array of them of which one must be the id.
        pub claim: Pointer,
        /// How they are compared.
        pub compare: Compare = Compare::Exact,
        /// Whether a claim that is a text holds several ids.
        pub split: Split = Split::Never,
    }
}

/// The owner rules of one route, compiled.
#[derive(Clone, Debug)]
pub struct Ownership {
    owners: Box<[Owner]>,
    /// Where those on the body look.
    pointers: Box<[Pointer]>,
}

#[derive(Clone, Debug)]
struct Owner {
    /// The rule's position in the configuration.
    index: usize,
    place: Place,
    claim: ClaimIndex,
    compare: Compare,
}

/// A [`Resource`], resolved.
#[derive(Clone, Debug)]
enum Place {
    Segment(usize),
    Query(Box<str>),
    Header(Box<str>),
    /// A position among the pointers.
    Body(usize),
}

/// Why a request may not have an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub fault: Fault,
    /// The position of the rule that refused, in its list; `None` if the body as a whole is to blame.
    pub rule: Option<usize>,
    /// The object's id, if it was read and the caller does not own it ([`Fault::OwnerMismatch`]).
    pub object: Option<Box<str>>,
}

impl Denial {
    const fn of_body(fault: Fault) -> Self {
        Self { fault, rule: None, object: None }
    }
}

impl Ownership {
    /// Compiles the rules that stand at `path` in the configuration, for a route with this template. Adds the claims
    /// that they need to `table`, and their faults to `errors`: a name that the template does not have, too many
    /// places in the body.
    pub fn new(
        rules: Vec<OwnerRule>,
        template: &Template,
        table: &mut ClaimTable,
        path: &dyn Display,
        errors: &mut Errors,
    ) -> Self {
        let (mut owners, mut pointers) = (Vec::with_capacity(rules.len()), Vec::new());
        for (index, OwnerRule { resource, claim, compare, split }) in rules.into_iter().enumerate() {
            let place = match resource {
                Resource::Path(name) => {
                    let Some(position) = template.position(&name) else {
                        let expected = format_args!("a name that `{template}` has");
                        errors.add(format_args!("{path}[{index}].resource"), expected, format_args!("`{name}`"));
                        continue;
                    };
                    Place::Segment(position)
                }
                Resource::Query(name) => Place::Query(name),
                Resource::Header(name) => Place::Header(name),
                Resource::Body(pointer) => Place::Body(place_of(pointer, &mut pointers)),
            };
            owners.push(Owner { index, place, claim: table.add(&claim, Form::Ids(split)), compare });
        }
        if pointers.len() > MAX_POINTERS {
            errors.add(path, format_args!("at most {MAX_POINTERS} places in the body"), pointers.len());
        }
        Self { owners: owners.into(), pointers: pointers.into() }
    }

    /// Whether any rule is about the body.
    pub const fn needs_body(&self) -> bool {
        !self.pointers.is_empty()
    }

    /// Judges by all rules but those on the body; where there are such, also whether the body will be JSON.
    ///
    /// `headers` are all headers, repeats among them, names in any case.
    ///
    /// An id in the query is ambiguous if the body is a form. It is not if the body is JSON: where the upstream is one
    /// that reads parameters from there as well, as Rails does, and they win, let a rule be about the body.
    ///
    /// # Errors
    /// The [`Denial`] of the first rule that refuses.
    pub fn check_headers<'a, H>(&self, claims: &Claims, path: &NormalPath<'_>, headers: &H) -> Result<(), Denial>
    where
        H: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        for owner in &self.owners {
            match &owner.place {
                Place::Segment(position) => {
                    owner.judge(claims, path.segment(*position).ok_or(Fault::ResourceMissing))?;
                }
                Place::Query(_) if header::has_form(headers.clone()) => {
                    owner.judge(claims, Err(Fault::ResourceAmbiguous))?;
                }
                Place::Query(name) => {
                    let value = query_value(path.query().unwrap_or_default(), name);
                    owner.judge(claims, value.as_ref().map(|value| value.as_bytes()).map_err(|fault| *fault))?;
                }
                Place::Header(name) => owner.judge(claims, header::only(headers.clone(), name))?,
                Place::Body(_) => {}
            }
        }
        if self.needs_body() { body::check_headers(headers.clone()).map_err(Denial::of_body) } else { Ok(()) }
    }

    /// Judges by the rules on the body, once all of it is there; an empty one if there is none.
    ///
    /// # Errors
    /// The [`Denial`] of the first rule that refuses.
    pub fn check_body(&self, claims: &Claims, body: &[u8]) -> Result<(), Denial> {
        if !self.needs_body() {
            return Ok(());
        }
        let ids = body::read(body, &self.pointers).map_err(Denial::of_body)?;
        for owner in &self.owners {
            if let Place::Body(position) = owner.place {
                let id =
                    ids.get(position).map_or(Err(Fault::ResourceMissing), |id| id.as_ref().map_err(|fault| *fault));
                owner.judge(claims, id.map(String::as_bytes))?;
            }
        }
        Ok(())
    }
}

fn place_of(pointer: Pointer, pointers: &mut Vec<Pointer>) -> usize {
    pointers.iter().position(|known| *known == pointer).unwrap_or_else(|| {
        pointers.push(pointer);
        pointers.len().saturating_sub(1)
    })
}

fn query_value<'q>(query: &'q [u8], name: &str) -> Result<std::borrow::Cow<'q, str>, Fault> {
    match query::only(query, name) {
        Ok(value) => value.ok_or(Fault::ResourceMissing),
        Err(QueryFault::Repeated) => Err(Fault::ResourceRepeated),
        Err(QueryFault::Ambiguous) => Err(Fault::ResourceAmbiguous),
    }
}

impl Owner {
    fn judge(&self, claims: &Claims, id: Result<&[u8], Fault>) -> Result<(), Denial> {
        // What is wrong with the request comes before what is wrong with the token.
        let judged = id.and_then(check_id).map_err(|fault| (fault, None)).and_then(|id| {
            let values = claims.get(self.claim).map_err(|fault| (fault, None))?;
            judge(values, id.as_bytes(), self.compare).map_err(|fault| (fault, Some(id)))
        });
        judged.map_err(|(fault, id)| Denial {
            fault,
            rule: Some(self.index),
            object: id.filter(|_| fault == Fault::OwnerMismatch).map(Into::into),
        })
    }
}
