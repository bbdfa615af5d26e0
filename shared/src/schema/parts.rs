//! The parts of arrays and objects against their schemas.

use crate::json::Value;

use super::{
    TooComplex,
    evaluated::Frame,
    run::{GUESSES, Run, Verdict},
    table::{FALSE, Member, NONE, Object, TRUE, Way, count},
};

impl Run<'_> {
    /// Whether there are as many parts as there may be; each bound with its keyword.
    #[inline]
    fn is_sized(&mut self, value: Value<'_>, min: (u32, &'static str), max: (u32, &'static str)) -> bool {
        let len = count(value.len());
        let (is_enough, is_too_many) = (len >= min.0, len > max.0);
        if !is_enough {
            self.fail(value, min.1);
        }
        if is_too_many {
            self.fail(value, max.1);
        }
        is_enough && !is_too_many
    }

    #[inline(never)]
    pub(super) fn object(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let table = self.table;
        let Some(object) = table.objects.get(at as usize) else { return Ok(true) };
        let mut is_valid = self.is_sized(value, (object.min, "minProperties"), (object.max, "maxProperties"));
        if !is_valid && self.is_over() {
            return Ok(false);
        }
        if object.is_declared {
            self.evaluated.declare(frame);
        }
        // The first required members are known one by one; of more, they are counted.
        let mut seen = [0_u64; 2];
        let mut found = 0_u32;
        let declared = object.members.of(&table.members);
        let mut members = value.members();
        let mut position = 0_usize;
        while let Some((name, member)) = members.pair() {
            self.spend(1)?;
            let named = name.name();
            let guess = self.guesses.get(position % GUESSES).copied().unwrap_or_default();
            let mut known = declared.get(guess).filter(|member| table.is_named(member, named));
            if known.is_none()
                && let Some(at) = table.position(declared, named)
            {
                known = declared.get(at);
                if let Some(guess) = self.guesses.get_mut(position % GUESSES) {
                    *guess = at;
                }
            }
            if let Some(Member { required, .. }) = known
                && let Some(required) = required.checked_sub(1)
            {
                let bit = 1_u64.wrapping_shl(required);
                let word = seen.get_mut((required >> 6) as usize);
                if word.as_ref().is_none_or(|word| **word & bit == 0) {
                    found = found.saturating_add(1);
                }
                if let Some(word) = word {
                    *word |= bit;
                }
            }
            if !self.member(object, known, name, member, frame, position)? {
                is_valid = false;
                if self.is_over() {
                    return Ok(false);
                }
            }
            position = position.wrapping_add(1);
        }
        if found < object.required {
            is_valid = self.missing(object, value)?;
            if self.is_over() {
                return Ok(false);
            }
        }
        if object.dependents.len > 0 && !self.dependents(object, value, frame)? {
            is_valid = false;
        }
        Ok(is_valid)
    }

    #[inline]
    fn member(
        &mut self,
        object: &Object,
        known: Option<&Member>,
        name: Value<'_>,
        value: Value<'_>,
        frame: Frame,
        position: usize,
    ) -> Verdict {
        let mut is_valid = true;
        let mut is_declared = false;
        if let Some(member) = known
            && member.schema != NONE
        {
            is_declared = true;
            if member.way == Way::Both {
                is_valid = self.part(member.schema, value)?;
            } else {
                is_valid = self.fail(value, if member.way == Way::ReadOnly { "readOnly" } else { "writeOnly" });
            }
        }
        if object.patterns.len > 0 {
            for (pattern, schema) in object.patterns.of(&self.table.pattern_members) {
                if (is_valid || !self.is_over()) && self.is_match(*pattern, name.as_str().unwrap_or_default())? {
                    is_declared = true;
                    is_valid &= self.part(*schema, value)?;
                }
            }
        }
        if !is_declared && object.additional != NONE {
            is_declared = true;
            is_valid = match object.additional {
                FALSE => self.fail(value, "additionalProperties"),
                schema => self.part(schema, value)?,
            };
        }
        if is_declared {
            self.evaluated.mark(frame, position);
        }
        if object.names != NONE && (is_valid || !self.is_over()) && !self.quietly(object.names, name, Frame::NONE)? {
            is_valid = self.fail(value, "propertyNames");
        }
        Ok(is_valid)
    }

    /// Reports what is missing. Always `false`.
    #[inline(never)]
    fn missing(&mut self, object: &Object, value: Value<'_>) -> Verdict {
        let table = self.table;
        let members = if self.is_reporting { object.members.of(&table.members) } else { &[] };
        for member in members.iter().filter(|member| member.required > 0) {
            self.spend(value.len())?;
            let name = table.name(member.name);
            if value.get(name).is_none() {
                self.fail_missing(value, "required", name);
            }
        }
        Ok(false)
    }

    #[inline(never)]
    fn dependents(&mut self, object: &Object, value: Value<'_>, frame: Frame) -> Verdict {
        let mut is_valid = true;
        for dependent in object.dependents.of(&self.table.dependents) {
            self.spend(value.len())?;
            if value.get(&dependent.name).is_none() {
                continue;
            }
            for name in &dependent.required {
                self.spend(value.len())?;
                if value.get(name).is_none() {
                    is_valid = self.fail_missing(value, dependent.keyword, name);
                }
            }
            if dependent.schema != NONE && (is_valid || !self.is_over()) {
                is_valid &= self.schema(dependent.schema, value, frame)?;
            }
        }
        Ok(is_valid)
    }

    #[inline(never)]
    pub(super) fn array(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let table = self.table;
        let Some(array) = table.arrays.get(at as usize) else { return Ok(true) };
        let mut is_valid = self.is_sized(value, (array.min, "minItems"), (array.max, "maxItems"));
        if !is_valid && self.is_over() {
            return Ok(false);
        }
        let prefix = array.prefix.of(&table.ids);
        for (position, element) in value.elements().enumerate() {
            self.spend(1)?;
            let verdict = match prefix.get(position).copied().unwrap_or(array.items) {
                NONE => continue,
                FALSE => self.fail(element, if position < prefix.len() { "false" } else { array.items_name }),
                schema => self.part(schema, element)?,
            };
            self.evaluated.mark(frame, position);
            if !verdict {
                is_valid = false;
                if self.is_over() {
                    return Ok(false);
                }
            }
        }
        if array.contains != NONE {
            is_valid &= self.contains(at, value, frame)?;
        }
        if array.is_unique && (is_valid || !self.is_over()) && !self.is_unique(value)? {
            is_valid = self.fail(value, "uniqueItems");
        }
        Ok(is_valid)
    }

    #[inline(never)]
    fn contains(&mut self, at: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let Some(array) = self.table.arrays.get(at as usize) else { return Ok(true) };
        let mut found = 0_u32;
        let before = std::mem::replace(&mut self.is_reporting, false);
        let result: Result<(), TooComplex> = value.elements().enumerate().try_for_each(|(position, element)| {
            if self.part(array.contains, element)? {
                found = found.saturating_add(1);
                if array.contains_evaluates {
                    self.evaluated.mark(frame, position);
                }
            }
            Ok(())
        });
        self.is_reporting = before;
        result?;
        if found < array.min_contains {
            return Ok(self.fail(value, if array.min_contains > 1 { "minContains" } else { "contains" }));
        }
        if found > array.max_contains {
            return Ok(self.fail(value, "maxContains"));
        }
        Ok(true)
    }

    #[inline(never)]
    pub(super) fn unevaluated_items(&mut self, schema: u32, value: Value<'_>, frame: Frame) -> Verdict {
        let mut is_valid = true;
        for (position, element) in value.elements().enumerate() {
            self.spend(1)?;
            if self.evaluated.is_marked(frame, position) {
                continue;
            }
            self.evaluated.mark(frame, position);
            let verdict = match schema {
                TRUE => true,
                FALSE => self.fail(element, "unevaluatedItems"),
                schema => self.part(schema, element)?,
            };
            if !verdict {
                is_valid = false;
                if self.is_over() {
                    break;
                }
            }
        }
        Ok(is_valid)
    }

    #[inline(never)]
    pub(super) fn unevaluated_properties(
        &mut self,
        schema: u32,
        value: Value<'_>,
        frame: Frame,
        keyword: &'static str,
    ) -> Verdict {
        let mut is_valid = true;
        for (position, (_, member)) in value.members().enumerate() {
            self.spend(1)?;
            if self.evaluated.is_marked(frame, position) {
                continue;
            }
            self.evaluated.mark(frame, position);
            let verdict = match schema {
                TRUE => true,
                FALSE => self.fail(member, keyword),
                schema => self.part(schema, member)?,
            };
            if !verdict {
                is_valid = false;
                if self.is_over() {
                    break;
                }
            }
        }
        Ok(is_valid)
    }
}
