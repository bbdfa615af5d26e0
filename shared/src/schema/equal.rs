//! Values that are equal: numbers by their value, objects whatever the order of their members.

use std::hash::{Hash, Hasher};

use crate::json::{Kind, Value};

use super::{
    TooComplex,
    run::{DEPTH, Run, Verdict},
    table::word,
};

/// How many elements are compared with one another before it is worth to sort them.
const FEW: usize = 12;

impl Run<'_> {
    pub(super) fn is_in_enum(&mut self, at: u32, value: Value<'_>) -> Verdict {
        let table = self.table;
        let Some(known) = table.enums.get(at as usize) else { return Ok(false) };
        if let Some(text) = value.as_str() {
            let texts = known.texts.of(&table.texts);
            let order = |span: &super::table::Span| {
                (span.len as usize).cmp(&text.len()).then_with(|| table.name(*span).cmp(text))
            };
            return Ok(texts.binary_search_by(order).is_ok());
        }
        match (value.kind(), value.as_bool()) {
            (Kind::Null, _) => Ok(known.words & word::NULL != 0),
            (_, Some(true)) => Ok(known.words & word::TRUE != 0),
            (_, Some(false)) => Ok(known.words & word::FALSE != 0),
            _ => {
                for other in known.others.of(&table.ids) {
                    if self.is_equal(table.tape.at(*other), value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    pub(super) fn is_equal(&mut self, one: Value<'_>, other: Value<'_>) -> Verdict {
        self.equal(one, other, 0)
    }

    fn equal(&mut self, one: Value<'_>, other: Value<'_>, depth: u32) -> Verdict {
        self.spend(1)?;
        if depth >= DEPTH {
            return Err(TooComplex);
        }
        let depth = depth.saturating_add(1);
        if one.kind() != other.kind() || one.len() != other.len() {
            return Ok(false);
        }
        match one.kind() {
            Kind::Null => Ok(true),
            Kind::Boolean => Ok(one.as_bool() == other.as_bool()),
            Kind::Number => self.is_same_number(one, other),
            Kind::String => self.is_same_text(one, other),
            Kind::Array => {
                for (one, other) in one.elements().zip(other.elements()) {
                    if !self.equal(one, other, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Object => {
                let mut beside = other.members();
                for (name, value) in one.members() {
                    // Most are in the same order.
                    let same = match beside.next() {
                        Some((known, same)) if known == name => Some(same),
                        _ => {
                            self.spend(other.len())?;
                            other.get(name)
                        }
                    };
                    let Some(same) = same else { return Ok(false) };
                    if !self.equal(value, same, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn is_same_text(&mut self, one: Value<'_>, other: Value<'_>) -> Verdict {
        let (one, other) = (one.as_str().unwrap_or_default(), other.as_str().unwrap_or_default());
        self.spend(one.len().min(other.len()).wrapping_shr(5))?;
        Ok(one == other)
    }

    fn is_same_number(&mut self, one: Value<'_>, other: Value<'_>) -> Verdict {
        let (one, other) = (one.as_number().unwrap_or_default(), other.as_number().unwrap_or_default());
        if one == other {
            return Ok(true);
        }
        Ok(self.exact(one)? == self.exact(other)?)
    }

    /// Whether no two elements are equal.
    #[inline(never)]
    pub(super) fn is_unique(&mut self, array: Value<'_>) -> Verdict {
        let len = array.len();
        if len <= FEW {
            let mut elements = array.elements();
            while let Some(one) = elements.next() {
                for other in elements.clone() {
                    if self.is_equal(one, other)? {
                        return Ok(false);
                    }
                }
            }
            return Ok(true);
        }
        self.spend(len)?;
        let mut hashed: Vec<(u64, Value<'_>)> = Vec::with_capacity(len);
        for element in array.elements() {
            let hash = self.hash(element, 0)?;
            hashed.push((hash, element));
        }
        hashed.sort_unstable_by_key(|(hash, _)| *hash);
        let mut rest = hashed.as_slice();
        while let [(hash, one), after @ ..] = rest {
            for (_, other) in after.iter().take_while(|(known, _)| known == hash) {
                if self.is_equal(*one, *other)? {
                    return Ok(false);
                }
            }
            rest = after;
        }
        Ok(true)
    }

    /// The same for values that are equal.
    fn hash(&mut self, value: Value<'_>, depth: u32) -> Result<u64, TooComplex> {
        if depth >= DEPTH {
            return Err(TooComplex);
        }
        let depth = depth.saturating_add(1);
        let mut hasher = Fnv::default();
        value.kind().hash(&mut hasher);
        match value.kind() {
            Kind::Null => self.spend(1)?,
            Kind::Boolean => {
                self.spend(1)?;
                value.as_bool().hash(&mut hasher);
            }
            Kind::Number => {
                let text = value.as_number().unwrap_or_default();
                self.spend(1)?;
                self.exact(text)?.hash(&mut hasher);
            }
            Kind::String => {
                let text = value.as_str().unwrap_or_default();
                self.spend(text.len().wrapping_shr(3).saturating_add(1))?;
                hasher.write(text.as_bytes());
            }
            Kind::Array => {
                self.spend(1)?;
                for element in value.elements() {
                    self.hash(element, depth)?.hash(&mut hasher);
                }
            }
            Kind::Object => {
                self.spend(1)?;
                let mut all = 0_u64;
                for (name, value) in value.members() {
                    self.spend(name.len().wrapping_shr(3))?;
                    let mut member = Fnv::default();
                    member.write(name.as_bytes());
                    self.hash(value, depth)?.hash(&mut member);
                    all = all.wrapping_add(member.finish());
                }
                all.hash(&mut hasher);
            }
        }
        Ok(hasher.finish())
    }
}

/// FNV-1a: who makes values collide spends their own budget.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
