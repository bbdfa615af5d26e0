//! Classes in brackets.

use super::{Fault, Node, Parser, escape::Escape};
use crate::schema::pattern::set::CharSet;

impl Parser<'_> {
    /// Reads a class from behind its bracket, which is at `from`.
    pub(super) fn class(&mut self, from: usize) -> Result<Node, Fault> {
        let negated = self.eat("^");
        let mut set = CharSet::default();
        while !self.eat("]") {
            let start = self.at;
            let first = self.member(from)?;
            let rest = self.rest();
            if !rest.starts_with('-') || rest.starts_with("-]") {
                self.add(&mut set, first)?;
                continue;
            }
            self.next();
            match (first, self.member(from)?) {
                (Escape::Char(low), Escape::Char(high)) if low <= high => {
                    self.charge(1)?;
                    set.add(low, high);
                }
                (Escape::Char(_), Escape::Char(_)) => {
                    return Err(Fault { what: "range whose ends are the wrong way round".to_owned(), at: start });
                }
                // What is no range is its three parts.
                (first, last) => {
                    self.add(&mut set, first)?;
                    self.add(&mut set, Escape::Char(u32::from('-')))?;
                    self.add(&mut set, last)?;
                }
            }
        }
        set.finish();
        self.set(if negated { set.negated() } else { set })
    }

    fn member(&mut self, class: usize) -> Result<Escape, Fault> {
        let from = self.at;
        match self.next() {
            None => Err(Fault { what: "unclosed class".to_owned(), at: class }),
            Some('\\') => self.escape(from, true),
            Some(char) => Ok(Escape::Char(u32::from(char))),
        }
    }

    fn add(&mut self, set: &mut CharSet, member: Escape) -> Result<(), Fault> {
        match member {
            Escape::Char(char) => {
                self.charge(1)?;
                set.add(char, char);
            }
            Escape::Set(other) => {
                self.charge(other.ranges().len())?;
                set.add_all(&other);
            }
        }
        Ok(())
    }
}
