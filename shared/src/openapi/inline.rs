//! Contracts from JSON Schemas: one for each media type of an operation.

use std::rc::Rc;

use crate::{
    json::Part,
    schema::{Compiler, Dialect, Fault},
    spelling::is_tchar,
};

use super::{
    Body, Contract, Operation, ReadSettings, label,
    paths::Item,
    reader::{Place, Reader, below},
    version::Version,
};

/// An operation that a configuration describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Inline {
    /// Its name, as an `operationId`; one is made of method and path if there is none.
    pub id: Option<String>,
    /// Such as `POST`.
    pub method: String,
    /// All of it, as a key of OpenAPI's `paths`: `/users/{id}`.
    pub path: String,
    /// An object: schemas by media type or range. A schema is a document of its own, to which its `$ref`s refer.
    pub body: Option<Part>,
    /// Whether a request has to have the body.
    pub is_body_required: bool,
    /// A list of parameters, as OpenAPI 3.1 has them; the schema of each is a document of its own.
    pub parameters: Option<Part>,
    /// What schemas are written in that have no `$schema`.
    pub dialect: Dialect,
    /// Where faults in it are said to be, such as `/operations/0`.
    pub pointer: String,
}

/// The contract, faults for which it must not be used, and warnings. Of `settings` the base path is not looked at.
pub fn contract(operations: &[Inline], settings: &ReadSettings) -> (Contract, Vec<Fault>, Vec<Fault>) {
    let nothing = Part::from(&serde_json::Value::Null);
    let compiler = Compiler::new(nothing.clone(), Dialect::Draft202012, settings.schema, &settings.ignored);
    let mut reader = Reader::new(nothing.value(), Version::V31, compiler, settings);
    let operations = operations.iter().filter_map(|inline| reader.inline(inline)).collect();
    reader.finish(operations)
}

impl<'d> Reader<'d> {
    fn inline(&mut self, inline: &'d Inline) -> Option<Operation> {
        let Inline { path, method, pointer, .. } = inline;
        self.dialect = Some(inline.dialect);
        // Each may be of a text of its own, where the same number is another value.
        self.parameters.clear();
        if method.is_empty() || !method.bytes().all(is_tchar) || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let found = crate::config::quoted(method);
            self.findings
                .fault(&below(pointer, "method"), format!("expected a method such as \"POST\", found {found}"));
        }
        let templates = self.templates(path, &[String::new()], &below(pointer, "path"))?;
        let made_up = || label::of_path(method, path);
        let (id, _) = self.labels.add(&inline.id.clone().unwrap_or_else(made_up));
        let mut operation = Operation {
            id,
            operation_id: inline.id.as_deref().map(Into::into),
            method: method.as_str().into(),
            path: path.as_str().into(),
            templates: templates.clone(),
            parameters: Vec::new(),
            has_ignored_parameters: false,
            body: None,
            responses: Vec::new(),
            is_deprecated: false,
            is_unchecked: self.findings.is_ignored(pointer),
            pointer: pointer.as_str().into(),
        };
        if operation.is_unchecked {
            return Some(operation);
        }
        if let Some(parameters) = &inline.parameters {
            let list = Place { value: parameters.value(), pointer: below(pointer, "parameters") };
            self.part = Some(parameters.clone());
            operation.has_ignored_parameters |= !self.parameters(&list, &mut operation.parameters);
        }
        let item = Item {
            path,
            query: Vec::new(),
            bases: Vec::new(),
            templates,
            parameters: None,
            pointer: pointer.clone(),
            is_ignored: false,
        };
        self.complete(&mut operation, &item, &[]);
        if let Some(body) = &inline.body {
            self.part = Some(body.clone());
            let place = Place { value: body.value(), pointer: below(pointer, "body") };
            let content = self.inline_content(&place);
            operation.body =
                Some(Rc::new(Body { is_required: inline.is_body_required, content, pointer: place.pointer.into() }));
        }
        Some(operation)
    }
}
