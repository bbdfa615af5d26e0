//! Operations.

use std::rc::Rc;

use crate::json::{Kind, Value};

use super::{
    Body, Location, Operation, Parameter, ParameterKind, Style, label,
    parameters::Found,
    paths::Item,
    reader::{Place, Reader, below},
    security::Key,
    servers,
    version::Version,
};

impl<'d> Reader<'d> {
    pub(super) fn operation(&mut self, method: &str, place: &Place<'d>, item: &Item<'d>) -> Option<Operation> {
        if !self.is_object(place, "an operation, which is an object") {
            return None;
        }
        let is_ignored = item.is_ignored || self.findings.is_ignored(&place.pointer);
        let operation_id = place.value.get("operationId").and_then(Value::as_str).filter(|id| !id.is_empty());
        let mut operation = Operation {
            id: self.label(operation_id, method, item, place),
            operation_id: operation_id.map(Into::into),
            method: method.into(),
            path: item.path.into(),
            templates: item.templates.clone(),
            parameters: Vec::new(),
            has_ignored_parameters: false,
            body: None,
            responses: Vec::new(),
            is_deprecated: place.value.get("deprecated").and_then(Value::as_bool) == Some(true),
            is_unchecked: is_ignored,
            pointer: place.pointer.as_str().into(),
        };
        if is_ignored {
            return Some(operation);
        }
        if let Some(bases) = self.bases(place)
            && bases != item.bases
        {
            operation.templates = self.templates(item.path, &bases, &place.pointer)?;
        }
        let own = place.get("parameters");
        for list in own.iter().chain(&item.parameters) {
            operation.has_ignored_parameters |= !self.parameters(list, &mut operation.parameters);
        }
        let keys = self.keys_of(place);
        self.complete(&mut operation, item, &keys);
        if let Some(body) = place.get("requestBody") {
            operation.body = Some(self.request_body(&body, method));
        }
        for (name, message) in
            [("callbacks", "callbacks are not enforced"), ("security", "security schemes are not enforced here")]
        {
            if let Some(member) = place.get(name).filter(|member| !member.value.is_empty()) {
                self.findings.warn(&member.pointer, message);
            }
        }
        if self.has_responses
            && let Some(responses) = place.get("responses")
        {
            operation.responses = self.responses(&responses);
        }
        Some(operation)
    }

    fn label(&mut self, id: Option<&str>, method: &str, item: &Item<'d>, place: &Place<'d>) -> Box<str> {
        let made_up = || label::of_path(method, item.path);
        let (label, is_taken) = self.labels.add(&id.map_or_else(made_up, ToOwned::to_owned));
        if is_taken && id.is_some() {
            let pointer = below(&place.pointer, "operationId");
            self.findings.warn(&pointer, "another operation's name is the same: a number is added to this one");
        }
        label
    }

    /// Drops parameters that the path has no variable for, and adds those that nothing declares.
    pub(super) fn complete(&mut self, operation: &mut Operation, item: &Item<'d>, keys: &[Key<'d>]) {
        let Operation { templates, parameters, pointer, .. } = operation;
        let is_open = operation.has_ignored_parameters;
        let Some(template) = templates.first() else { return };
        let has = |name: &str| template.names().any(|(_, known)| known == name);
        parameters.retain(|parameter| {
            let is_good = parameter.location != Location::Path || has(&parameter.name);
            if !is_good {
                self.findings.warn(&parameter.pointer, "a path parameter of which the path has no variable");
            }
            is_good
        });
        let mut add = |location, name: &str| {
            let is_declared = parameters.iter().any(|known| known.location == location && *known.name == *name);
            if !is_declared {
                parameters.push(Rc::new(undeclared(location, name, pointer)));
            }
            is_declared
        };
        for (_, name) in template.names() {
            if !servers::is_variable(name) && !add(Location::Path, name) && !is_open {
                let message = "a variable of the path that no parameter declares: it may be any text";
                self.findings.warn(&item.pointer, message);
            }
        }
        for name in &item.query {
            add(Location::Query, name);
        }
        for key in keys {
            add(key.location, &key.name);
        }
    }

    /// The list of an operation, or of a path: what is in `known` already goes before it. Whether all could be read.
    pub(super) fn parameters(&mut self, list: &Place<'d>, known: &mut Vec<Rc<Parameter>>) -> bool {
        if self.findings.is_ignored(&list.pointer) {
            return false;
        }
        if list.value.kind() != Kind::Array {
            self.findings.expected("a list of parameters", list.value, &list.pointer);
            return false;
        }
        let mut is_good = true;
        let mut own = Vec::<Rc<Parameter>>::new();
        for place in list.elements() {
            let pointer = place.pointer.clone();
            match self.parameter(place) {
                Found::Parameter(parameter) if own.iter().any(|other| is_same(other, &parameter)) => {
                    self.findings.warn(&pointer, "a parameter of which the list has another: the first one counts");
                }
                Found::Parameter(parameter) => own.push(parameter),
                Found::Nothing => {}
                Found::Unreadable => is_good = false,
            }
        }
        own.retain(|parameter| !known.iter().any(|other| is_same(other, parameter)));
        known.append(&mut own);
        is_good
    }

    fn request_body(&mut self, place: &Place<'d>, method: &str) -> Rc<Body> {
        let body = self.body(place);
        // OpenAPI 3.0.3 section 4.7.10: it "SHALL be ignored" where HTTP gives it no meaning. Those of DELETE are in use.
        let is_meaningless = matches!(method, "GET" | "HEAD" | "TRACE") && self.version == Version::V30;
        if !(is_meaningless && body.is_required) {
            return body;
        }
        let message = "a body that is required of GET or HEAD, where OpenAPI 3.0 has none: it may be missing";
        self.findings.warn(&body.pointer, message);
        Rc::new(Body { is_required: false, ..Body::clone(&body) })
    }
}

fn is_same(one: &Parameter, other: &Parameter) -> bool {
    one.location == other.location && one.name == other.name
}

/// A parameter of which the document has no more than the name.
fn undeclared(location: Location, name: &str, pointer: &str) -> Parameter {
    let style = Style::of(location);
    Parameter {
        location,
        name: name.into(),
        is_required: location == Location::Path,
        style,
        explode: style == Style::Form,
        allow_empty: location == Location::Query,
        allow_reserved: false,
        kind: ParameterKind::Any,
        pointer: pointer.into(),
    }
}
