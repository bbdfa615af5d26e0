//! Which operation a request is for.

use std::{borrow::Borrow, collections::BTreeMap};

use crate::{
    path::{Case, NormalPath, Template, TemplateSet},
    schema::Fault,
};

use super::{Operation, findings::Findings};

/// Finds operations by path and method.
///
/// The most specific template decides, as [`TemplateSet`] has it: with `GET /users/me` and `DELETE /users/{id}`, there is no
/// `DELETE /users/me` (OpenAPI 3.1.1 section 4.8.8.1). A slash at the end is without meaning.
///
/// `HEAD` is served by `GET` where the document has no `HEAD` (RFC 9110 section 9.3.2). `OPTIONS` has to be declared, but
/// for [`Lookup::Preflight`].
#[derive(Clone, Debug)]
pub struct Router {
    sites: TemplateSet<Site>,
    case: Case,
}

/// What is at a path.
#[derive(Clone, Debug, Default)]
struct Site {
    methods: Vec<(Box<str>, Vec<Candidate>)>,
}

/// An operation that a request is for.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its position in the contract.
    pub operation: usize,
    /// The template by which it was found, for the variables' values: [`Template::values`].
    pub template: Template,
}

/// What is there for a request.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'r, 'p> {
    /// These operations: nearly always one. Where a document tells several apart by what no path does (`/a#add` and
    /// `/a#remove`), the request is good if it is good for one of them.
    Found(&'r [Candidate]),
    /// A browser asks whether it may send a request that the contract has (Fetch section 3.2.2).
    Preflight,
    /// No operation has the path.
    PathUnknown,
    /// The path has other methods.
    MethodUnknown(Methods<'r, 'p>),
}

/// The methods of a path, for those who have to tell.
#[derive(Clone, Copy, Debug)]
pub struct Methods<'r, 'p> {
    router: &'r Router,
    path: NormalPath<'p>,
}

impl Methods<'_, '_> {
    /// All methods that the path has, `HEAD` with each `GET`, as the `allow` header lists them: sorted, each
    /// once.
    pub fn list(&self) -> Vec<Box<str>> {
        let site = self.router.sites.find(&self.path).into_iter();
        let mut methods: Vec<_> = site.flat_map(|site| &site.value.methods).map(|(method, _)| method.clone()).collect();
        if methods.iter().any(|method| **method == *GET) {
            methods.push(HEAD.into());
        }
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

const SHARED: &str = "is for the same requests as an operation before it: what either allows is allowed";
const SHARED_UNCHECKED: &str = "is for the same requests as an operation before it, and one of them is ignored: these \
                                requests pass unchecked";
const GET: &str = "GET";
const HEAD: &str = "HEAD";

impl Site {
    fn get(&self, method: &[u8]) -> Option<&[Candidate]> {
        let find = |method: &[u8]| self.methods.iter().find(|(known, _)| known.as_bytes() == method);
        let found = find(method).or_else(|| if method == HEAD.as_bytes() { find(GET.as_bytes()) } else { None });
        found.map(|(_, candidates)| candidates.as_slice())
    }
}

impl Router {
    /// For these operations. Also returned is what an operator should know.
    pub fn new(operations: &[impl Borrow<Operation>], case: Case) -> (Self, Vec<Fault>) {
        let mut findings = Findings::default();
        let mut sites = Vec::<(Template, Site)>::new();
        let mut known = BTreeMap::<String, usize>::new();
        for (position, operation) in operations.iter().map(Borrow::borrow).enumerate() {
            for template in &operation.templates {
                let index = *known.entry(shape(template, case)).or_insert(sites.len());
                if index == sites.len() {
                    sites.push((template.clone(), Site::default()));
                }
                let Some((_, site)) = sites.get_mut(index) else { continue };
                let candidate = Candidate { operation: position, template: template.clone() };
                match site.methods.iter_mut().find(|(method, _)| *method == operation.method) {
                    // Two of its base paths are one.
                    Some((_, known)) if known.iter().any(|other| other.operation == position) => {}
                    Some((_, candidates)) => {
                        let is_unchecked = |found: &Candidate| {
                            operations.get(found.operation).is_some_and(|known| known.borrow().is_unchecked)
                        };
                        let is_open = operation.is_unchecked || candidates.iter().any(is_unchecked);
                        findings.warn(&operation.pointer, if is_open { SHARED_UNCHECKED } else { SHARED });
                        candidates.push(candidate);
                    }
                    None => site.methods.push((operation.method.clone(), vec![candidate])),
                }
            }
        }
        (Self { sites: TemplateSet::new(sites, case), case }, findings.finish().1)
    }

    /// What is there for a request. `asked` is the method that a preflight asks for: what is in
    /// `access-control-request-method`, if there is an `origin` too and preflights are to pass.
    pub fn find<'p>(&self, path: &NormalPath<'p>, method: &[u8], asked: Option<&[u8]>) -> Lookup<'_, 'p> {
        if let Some(candidates) = self.candidates(path, method) {
            return Lookup::Found(candidates);
        }
        if !self.sites.matches_any(path) {
            return Lookup::PathUnknown;
        }
        if method == b"OPTIONS" && asked.is_some_and(|asked| self.candidates(path, asked).is_some()) {
            return Lookup::Preflight;
        }
        Lookup::MethodUnknown(Methods { router: self, path: *path })
    }

    fn candidates(&self, path: &NormalPath<'_>, method: &[u8]) -> Option<&[Candidate]> {
        self.sites.find(path)?.value.get(method)
    }

    /// Whether case matters in paths.
    pub const fn case(&self) -> Case {
        self.case
    }
}

/// What two templates have in common that match the same: all but the variables' names, and a slash at the end.
fn shape(template: &Template, case: Case) -> String {
    let mut shape = String::new();
    let mut is_name = false;
    for char in template.as_str().trim_end_matches('/').chars() {
        is_name &= char != '}';
        if !is_name {
            shape.push(if case == Case::Insensitive { char.to_ascii_lowercase() } else { char });
        }
        is_name |= char == '{';
    }
    shape
}
