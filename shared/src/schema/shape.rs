//! What schemas are about, for those who have to read a value before it can be judged.

use crate::json;

use super::{
    Types,
    table::{FALSE, NONE, Object, Rule, TRUE, Table, types, word},
};

/// How far schemas are followed into one another.
const DEPTH: u32 = 16;

impl Table {
    /// The types that a schema may accept, as bits; integers are numbers.
    pub(super) fn types(&self, schema: u32) -> u8 {
        self.types_within(schema, DEPTH)
    }

    fn types_within(&self, schema: u32, depth: u32) -> u8 {
        if schema == FALSE {
            return 0;
        }
        let node = self.node(schema);
        let mut all = node.types;
        if all & (types::INTEGER | types::PLAIN_INTEGER) != 0 {
            all |= types::NUMBER;
        }
        all &= types::ALL;
        let Some(depth) = depth.checked_sub(1) else { return all };
        for rule in node.rules.of(&self.rules) {
            all &= match *rule {
                Rule::Never => 0,
                Rule::Ref(schema) => self.types_within(schema, depth),
                Rule::All(list) => {
                    self.list(list).iter().fold(types::ALL, |all, schema| all & self.types_within(*schema, depth))
                }
                Rule::Any(list) | Rule::One(list) => self.types_of_any(list, depth),
                Rule::Discriminator(at) => match self.discriminators.get(at as usize).and_then(|it| it.otherwise) {
                    Some(Rule::Any(list) | Rule::One(list)) => self.types_of_any(list, depth),
                    _ => types::ALL,
                },
                Rule::Enum(at) => self.types_of_enum(at),
                Rule::Const(at) => types::of(self.tape.at(at).kind()),
                _ => types::ALL,
            };
        }
        all
    }

    fn types_of_any(&self, list: u32, depth: u32) -> u8 {
        self.list(list).iter().fold(0, |all, schema| all | self.types_within(*schema, depth))
    }

    fn types_of_enum(&self, at: u32) -> u8 {
        let Some(known) = self.enums.get(at as usize) else { return types::ALL };
        let mut all = if known.texts.len > 0 { types::STRING } else { 0 };
        if known.words & word::NULL != 0 {
            all |= types::NULL;
        }
        if known.words & (word::TRUE | word::FALSE) != 0 {
            all |= types::BOOLEAN;
        }
        for other in known.others.of(&self.ids) {
            all |= types::of(self.tape.at(*other).kind());
        }
        all
    }

    /// Shows a rule of a schema and of those that judge the same value, until something is made of it.
    fn find<T>(&self, schema: u32, depth: u32, see: &mut dyn FnMut(Rule) -> Option<T>) -> Option<T> {
        let depth = depth.checked_sub(1)?;
        for rule in self.node(schema).rules.of(&self.rules) {
            let found = see(*rule).or_else(|| match *rule {
                Rule::Ref(schema) => self.find(schema, depth, see),
                Rule::All(list) | Rule::Any(list) | Rule::One(list) => self.find_in(list, depth, see),
                Rule::Discriminator(at) => match self.discriminators.get(at as usize).and_then(|it| it.otherwise) {
                    Some(Rule::Any(list) | Rule::One(list)) => self.find_in(list, depth, see),
                    _ => None,
                },
                Rule::If(at) => {
                    let rule = self.ifs.get(at as usize)?;
                    self.find(rule.then, depth, see).or_else(|| self.find(rule.or_else, depth, see))
                }
                _ => None,
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn find_in<T>(&self, list: u32, depth: u32, see: &mut dyn FnMut(Rule) -> Option<T>) -> Option<T> {
        self.list(list).iter().find_map(|schema| self.find(*schema, depth, see))
    }

    pub(super) fn element(&self, schema: u32, position: usize) -> Option<u32> {
        self.find(schema, DEPTH, &mut |rule| {
            let Rule::Array(at) = rule else { return None };
            let array = self.arrays.get(at as usize)?;
            let element = array.prefix.of(&self.ids).get(position).copied().unwrap_or(array.items);
            (element != NONE).then_some(element)
        })
    }

    pub(super) fn declared(&self, schema: u32, name: &str) -> Option<u32> {
        let named = (name.as_bytes(), json::start(name.as_bytes()));
        let known = |object: &Object| {
            let members = object.members.of(&self.members);
            let member = members.get(self.position(members, named)?)?;
            Some(member.schema).filter(|id| *id != NONE)
        };
        let own = |see: &dyn Fn(&Object) -> Option<u32>| {
            self.find(schema, DEPTH, &mut |rule| match rule {
                Rule::Object(at) => see(self.objects.get(at as usize)?),
                _ => None,
            })
        };
        let by_pattern = |object: &Object| {
            let mut patterns = object.patterns.of(&self.pattern_members).iter();
            let is_match = |pattern: u32| self.patterns.get(pattern as usize).is_some_and(|it| it.is_match(name));
            patterns.find(|(pattern, _)| is_match(*pattern)).map(|(_, schema)| *schema)
        };
        let additional =
            |object: &Object| Some(object.additional).filter(|schema| !matches!(*schema, NONE | TRUE | FALSE));
        own(&known).or_else(|| own(&by_pattern)).or_else(|| own(&additional))
    }

    /// The names of all members that are declared, and whether others may be there.
    pub(super) fn members(&self, schema: u32) -> (Vec<Box<str>>, bool) {
        let mut names: Vec<Box<str>> = Vec::new();
        let mut is_open = true;
        let _: Option<()> = self.find(schema, DEPTH, &mut |rule| {
            match rule {
                Rule::Object(at) => {
                    let object = self.objects.get(at as usize)?;
                    for member in object.members.of(&self.members).iter().filter(|member| member.schema != NONE) {
                        let name = self.name(member.name);
                        if !names.iter().any(|known| **known == *name) {
                            names.push(name.into());
                        }
                    }
                    is_open &= object.additional != FALSE || object.patterns.len > 0;
                }
                Rule::Closed | Rule::UnevaluatedProperties(FALSE) => is_open = false,
                _ => {}
            }
            None
        });
        (names, is_open)
    }
}

impl From<u8> for Types {
    fn from(bits: u8) -> Self {
        Self {
            null: bits & types::NULL != 0,
            boolean: bits & types::BOOLEAN != 0,
            number: bits & types::NUMBER != 0,
            string: bits & types::STRING != 0,
            array: bits & types::ARRAY != 0,
            object: bits & types::OBJECT != 0,
        }
    }
}
