//! Ids in a JSON body, read strictly and in one pass that keeps nothing but the ids.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::{
    media::MediaType,
    pointer::{self, Pointer},
    spelling::alike,
};

use super::{Fault, header::is_header};

/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;

/// The most ids that are looked for in a body.
pub const MAX_POINTERS: usize = 64;

/// The largest integer that every JSON reader takes for itself (RFC 8259 section 6): JavaScript reads 2^53+1 as 2^53.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Judges by its headers whether a body will be JSON: one `content-type`, `application/json` or `application/…+json`, in
/// UTF-8 if it says so; no `content-encoding`.
///
/// # Errors
/// [`Fault::BodyEncoded`] and [`Fault::BodyInvalid`].
pub(super) fn check_headers<'a>(headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<(), Fault> {
    let (mut types, mut encoded) = (0_usize, false);
    let mut good = false;
    for (name, value) in headers {
        encoded |= is_header(name, "content-encoding");
        if is_header(name, "content-type") {
            types = types.saturating_add(1);
            good = is_json(value);
        }
    }
    match (encoded, types, good) {
        (true, ..) => Err(Fault::BodyEncoded),
        (false, 1, true) => Ok(()),
        _ => Err(Fault::BodyInvalid),
    }
}

/// Whether it is JSON, as every server takes it, in UTF-8.
fn is_json(media_type: &[u8]) -> bool {
    let is_json = |media_type: MediaType| {
        media_type.essence().starts_with("application/") && media_type.is_json() && media_type.is_utf8()
    };
    MediaType::parse(media_type).is_ok_and(is_json)
}

/// An id in a body.
pub(super) type Found = Result<String, Fault>;

/// The ids at these places, in their order.
///
/// The whole body must be one JSON text (RFC 8259) in UTF-8, without a byte order mark, without duplicate members
/// anywhere, without lone surrogates, not deeper than [`MAX_DEPTH`]. On the way to an id, members whose names some
/// servers take for the wanted one are ambiguous. An id is a text or a safe integer.
pub(super) fn read(body: &[u8], pointers: &[Pointer]) -> Result<Vec<Found>, Fault> {
    if body.is_empty() {
        return Err(Fault::ResourceMissing);
    }
    let active = u64::MAX.checked_shr(u32::try_from(64_usize.saturating_sub(pointers.len())).unwrap_or(0)).unwrap_or(0);
    let mut reading =
        Reading { pointers, found: vec![Err(Fault::ResourceMissing); pointers.len()], near: 0, fault: None };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let outcome = Place { reading: &mut reading, depth: 0, active }.deserialize(&mut deserializer);
    if outcome.and_then(|()| deserializer.end()).is_err() {
        return Err(reading.fault.unwrap_or(Fault::BodyInvalid));
    }
    let Reading { mut found, near, .. } = reading;
    for (bit, found) in found.iter_mut().enumerate() {
        if near & mask(bit) != 0 {
            *found = Err(if found.is_ok() { Fault::ResourceRepeated } else { Fault::ResourceAmbiguous });
        }
    }
    Ok(found)
}

/// What one pass over a body has found.
struct Reading<'p> {
    pointers: &'p [Pointer],
    found: Vec<Found>,
    /// The pointers whose way has a member that some servers take for theirs; one bit each.
    near: u64,
    /// Why the pass ended early, if the text is not to blame.
    fault: Option<Fault>,
}

/// A value in the body.
struct Place<'r, 'p> {
    reading: &'r mut Reading<'p>,
    depth: usize,
    /// The pointers that lead here or through here; one bit each.
    active: u64,
}

fn mask(bit: usize) -> u64 {
    u32::try_from(bit).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0)
}

impl<'p> Place<'_, 'p> {
    /// The pointers among the active ones whose next token is so.
    fn through(&self, fits: impl Fn(&str) -> bool) -> u64 {
        if self.active == 0 {
            return 0;
        }
        let pointers = self.reading.pointers.iter().enumerate();
        let leading = pointers
            .filter(|(bit, pointer)| self.active & mask(*bit) != 0 && pointer.token(self.depth).is_some_and(&fits));
        leading.fold(0, |all, (bit, _)| all | mask(bit))
    }

    /// Notes what is here for the pointers that end here.
    fn note(&mut self, id: impl FnOnce() -> Found) {
        if self.active == 0 {
            return;
        }
        let id = id();
        let Reading { pointers, found, .. } = &mut *self.reading;
        for (bit, (pointer, found)) in pointers.iter().zip(found).enumerate() {
            if self.active & mask(bit) != 0 && pointer.len() == self.depth {
                found.clone_from(&id);
            }
        }
    }

    fn note_integer(&mut self, magnitude: u64, text: impl FnOnce() -> String) {
        self.note(|| if magnitude > MAX_SAFE_INTEGER { Err(Fault::ResourceAmbiguous) } else { Ok(text()) });
    }

    /// Prepares for an object or an array, which is no id.
    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        self.note(|| Err(Fault::ResourceInvalid));
        Ok(())
    }

    fn child(&mut self, active: u64) -> Place<'_, 'p> {
        Place { reading: &mut *self.reading, depth: self.depth.saturating_add(1), active }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let active = self.through(|token| token == name);
            self.reading.near |= self.through(|token| token != name && alike(token, &name));
            if !names.add(name) {
                self.reading.fault = Some(if active == 0 { Fault::BodyInvalid } else { Fault::ResourceRepeated });
                return Err(A::Error::custom("a member twice"));
            }
            map.next_value_seed(self.child(active))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut position = 0_usize;
        loop {
            let active = self.through(|token| pointer::index(token) == Some(position));
            if seq.next_element_seed(self.child(active))?.is_none() {
                return Ok(());
            }
            position = position.saturating_add(1);
        }
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.note(|| Ok(text.to_owned()));
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.note_integer(number, || number.to_string());
        Ok(())
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<(), E> {
        self.note_integer(number.unsigned_abs(), || number.to_string());
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.note(|| Err(Fault::ResourceInvalid));
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.note(|| Err(Fault::ResourceInvalid));
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.note(|| Err(Fault::ResourceEmpty));
        Ok(())
    }
}

/// The names of an object's members: a list while they are few, which is quicker than a tree.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    more: BTreeSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 16;

    /// Adds a name; false if it is there already.
    fn add(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
            return true;
        }
        self.more.insert(name)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
