use serde::Deserialize;
use serde_json::Value as Json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{LIMITS, mini::Mini, style};
use crate::{
    json::Tape,
    openapi::{Encoding, Media},
    parameters::{MAX_FIELDS, Unreadable, read_form, read_multipart},
};

/// A body, and the value that it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) schema: Json,
    /// As in an OpenAPI document; `binary` where the schema says so.
    #[serde(default)]
    pub(super) encoding: Json,
    #[serde(default)]
    literal: bool,
    boundary: Option<String>,
    pub(super) body: String,
    /// None if it cannot be read.
    value: Option<Json>,
}

impl Case {
    pub(super) fn media(&self) -> Media {
        let encoding = |text: &Json| Encoding {
            content_types: text["contentType"]
                .as_str()
                .into_iter()
                .flat_map(|list| list.split(", "))
                .map(|range| range.parse().unwrap())
                .collect(),
            style: text["style"].as_str().map(|name| (style(name), text["explode"] == true, false)),
            is_binary: text["binary"] == true,
            headers: Vec::new(),
        };
        let members = self.encoding.as_object().into_iter().flatten();
        Media {
            range: "".into(),
            schema: None,
            encoding: members.map(|(name, text)| (name.as_str().into(), encoding(text))).collect(),
            pointer: "".into(),
        }
    }

    pub(super) fn form(&self, tape: &mut Tape, is_literal: bool) -> Result<Json, Unreadable> {
        let mini = Mini::default();
        let schema = (mini.add(&self.schema), &self.media());
        read_form(self.body.as_bytes(), schema, (&mini, &LIMITS), tape, is_literal)?;
        Ok(tape.built().to_serde())
    }

    fn multipart(&self, tape: &mut Tape) -> Result<Json, Unreadable> {
        let mini = Mini::default();
        let schema = (mini.add(&self.schema), &self.media());
        let boundary = self.boundary.as_deref().unwrap_or("b0undary");
        read_multipart(self.body.as_bytes(), boundary, schema, (&mini, &LIMITS), tape, self.literal)?;
        Ok(tape.built().to_serde())
    }
}

pub(super) fn forms() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/parameters/forms.json")).unwrap()
}

pub(super) fn multipart() -> Vec<Case> {
    serde_json::from_str(include_str!("../../../testdata/parameters/multipart.json")).unwrap()
}

fn judge(cases: &[Case], read: impl Fn(&Case, &mut Tape) -> Result<Json, Unreadable>) {
    let tape = &mut Tape::default();
    let failed = cases.iter().filter_map(|case| {
        let found = read(case, tape);
        (found.as_ref().ok() != case.value.as_ref()).then(|| format!("{}: {found:?}", case.name))
    });
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn forms_are_objects() {
    judge(&forms(), |case, tape| case.form(tape, case.literal));
}

#[test]
fn multipart_bodies_are_objects() {
    judge(&multipart(), Case::multipart);
}

fn count(fields: &str, read: impl Fn(&Case, &mut Tape) -> Result<Json, Unreadable>) -> Option<usize> {
    let case = Case {
        name: String::new(),
        schema: serde_json::json!({ "type": "object", "properties": { "a": { "type": "array" } } }),
        encoding: Json::Null,
        literal: false,
        boundary: None,
        body: fields.to_owned(),
        value: None,
    };
    read(&case, &mut Tape::default()).ok().map(|value| value["a"].as_array().unwrap().len())
}

#[test]
fn fields_are_counted() {
    let form = |count: usize| vec!["a=1"; count].join("&");
    assert_eq!(count(&form(MAX_FIELDS), |case, tape| case.form(tape, false)), Some(MAX_FIELDS));
    assert_eq!(count(&form(MAX_FIELDS + 1), |case, tape| case.form(tape, false)), None);
    let part = "--b0undary\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
    let multipart = |count: usize| format!("{}--b0undary--", part.repeat(count));
    assert_eq!(count(&multipart(MAX_FIELDS), Case::multipart), Some(MAX_FIELDS));
    assert_eq!(count(&multipart(MAX_FIELDS + 1), Case::multipart), None);
}

#[test]
fn bytes_that_are_not_utf8_are_for_binary_parts_only() {
    let mini = Mini::default();
    let case = |is_binary: bool| Case {
        name: String::new(),
        schema: serde_json::json!({ "properties": { "a": { "type": "string" } } }),
        encoding: serde_json::json!({ "a": { "binary": is_binary } }),
        literal: false,
        boundary: None,
        body: String::new(),
        value: None,
    };
    for (is_binary, expected) in [(true, Ok(())), (false, Err(Unreadable))] {
        let case = case(is_binary);
        let body = b"--b\r\nContent-Disposition: form-data; name=a; filename=x\r\n\r\n\xff\r\n--b--";
        let schema = (mini.add(&case.schema), &case.media());
        let tape = &mut Tape::default();
        assert_eq!(read_multipart(body, "b", schema, (&mini, &LIMITS), tape, false), expected);
    }
}
