//! The service's side of the protocol.

use super::{
    Code, Status,
    field::{fields, put_bytes, put_number},
};

/// One descriptor of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fleet) struct Asked {
    /// Its last value.
    pub(in crate::fleet) value: String,
    pub(in crate::fleet) hits: u32,
}

/// What a body asks for.
pub(in crate::fleet) fn asked(body: &[u8]) -> Vec<Asked> {
    let parts = |message: &'static str, bytes: &[u8]| {
        let parts: Vec<_> = fields(bytes)
            .map(|field| field.unwrap())
            .map(|(number, value)| (number, value.bytes().map(<[u8]>::to_vec).map_err(|_| value.u32().expect(message))))
            .collect();
        parts
    };
    let request = parts("request", &body[5..]);
    let most = request.iter().find_map(|(number, value)| value.as_ref().err().filter(|_| *number == 3)).copied();
    let descriptors = request.iter().filter(|(number, _)| *number == 2);
    let descriptors = descriptors.map(|(_, value)| parts("descriptor", value.as_ref().unwrap()));
    let descriptors = descriptors.map(|descriptor| {
        let mut asked = Asked { value: String::new(), hits: most.unwrap_or(1) };
        for (number, value) in descriptor {
            let inner = parts("entry or number", &value.unwrap());
            if number == 3 {
                asked.hits = inner.first().map_or(0, |(_, value)| *value.as_ref().unwrap_err());
            } else if let Some((2, Ok(value))) = inner.last() {
                asked.value = String::from_utf8(value.clone()).unwrap();
            }
        }
        asked
    });
    descriptors.collect()
}

/// A body with these statuses.
pub(in crate::fleet) fn answer(overall: Code, statuses: &[Status]) -> Vec<u8> {
    let mut message = Vec::new();
    put_number(&mut message, 1, overall as u64);
    for status in statuses {
        let mut part = Vec::new();
        put_number(&mut part, 1, status.code as u64);
        if let Some(limit) = status.limit {
            let mut inner = Vec::new();
            put_number(&mut inner, 1, u64::from(limit));
            put_bytes(&mut part, 2, &inner);
        }
        put_number(&mut part, 3, u64::from(status.remaining));
        if let Some(reset) = status.reset {
            let mut inner = Vec::new();
            put_number(&mut inner, 1, reset / 1_000_000_000);
            put_number(&mut inner, 2, reset % 1_000_000_000);
            put_bytes(&mut part, 4, &inner);
        }
        put_bytes(&mut message, 2, &part);
    }
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), &message].concat()
}
