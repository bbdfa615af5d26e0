//! Classes: what is in brackets.

use super::{
    ByteSet, Fault, Parsed, Parser,
    escape::{Escape, is_space},
    is_word,
};

/// One byte, which may start a range, or several.
enum Item {
    Byte(u8),
    Set(ByteSet),
}

impl Parser<'_> {
    pub(super) fn class(&mut self) -> Parsed<ByteSet> {
        let start = self.at;
        self.next();
        let negated = self.eat("^");
        let mut set = ByteSet::default();
        let mut first = true;
        loop {
            let rest = self.rest();
            match rest {
                [] => return Err(Fault { what: "unclosed class", at: start }),
                [b'&', b'&', ..] => return self.fault("unsupported class operation &&"),
                [b'-', b'-', ..] => return self.fault("unsupported class operation --"),
                [b'~', b'~', ..] => return self.fault("unsupported class operation ~~"),
                [b'[', ..] => set.add(&self.named()?),
                // As the first byte it is itself, and starts no range.
                [b']' | b'-', ..] if first => {
                    self.next();
                    set.insert(*rest.first().unwrap_or(&b']'));
                }
                [b']', ..] => {
                    self.next();
                    break;
                }
                _ => set.add(&self.range()?),
            }
            first = false;
        }
        let set = self.cased(set);
        let set = if negated { set.inverted() } else { set };
        if set.is_empty() {
            return Err(Fault { what: "unsupported class without any byte", at: start });
        }
        Ok(set)
    }

    fn range(&mut self) -> Parsed<ByteSet> {
        let at = self.at;
        let low = self.item()?;
        let [b'-', after, ..] = self.rest() else { return Ok(low.set()) };
        if matches!(after, b']' | b'-') {
            return Ok(low.set());
        }
        self.next();
        match (low, self.item()?) {
            (Item::Byte(low), Item::Byte(high)) if low <= high => Ok(ByteSet::range(low, high)),
            _ => Err(Fault { what: "faulty range in a class", at }),
        }
    }

    fn item(&mut self) -> Parsed<Item> {
        let at = self.at;
        let other = Err(Fault { what: "unsupported class of characters that are not ASCII", at });
        match self.peek() {
            Some(b'\\') => match self.escape()? {
                Escape::Byte(byte) => Ok(Item::Byte(byte)),
                Escape::Set(set) => Ok(Item::Set(set)),
                Escape::Char(_) => other,
                Escape::Look(_) => Err(Fault { what: "assertion in a class", at }),
            },
            Some(byte) if byte.is_ascii() => {
                self.next();
                Ok(Item::Byte(byte))
            }
            Some(_) => other,
            None => self.fault("unclosed class"),
        }
    }

    /// `[:name:]` or `[:^name:]`.
    fn named(&mut self) -> Parsed<ByteSet> {
        let start = self.at;
        if self.eat("[:") {
            let negated = self.eat("^");
            for (name, belongs) in &NAMED {
                let before = self.at;
                if self.eat(name) && self.eat(":]") {
                    // Case is ignored before the set is inverted, as with the class around it.
                    let set = self.cased(ByteSet::of(*belongs));
                    return Ok(if negated { set.inverted() } else { set });
                }
                self.at = before;
            }
        }
        Err(Fault { what: "unsupported class in a class", at: start })
    }
}

impl Item {
    fn set(self) -> ByteSet {
        match self {
            Self::Byte(byte) => ByteSet::range(byte, byte),
            Self::Set(set) => set,
        }
    }
}

type Belongs = fn(&u8) -> bool;

static NAMED: [(&str, Belongs); 14] = [
    ("alnum", u8::is_ascii_alphanumeric),
    ("alpha", u8::is_ascii_alphabetic),
    ("ascii", u8::is_ascii),
    ("blank", |byte| matches!(byte, b'\t' | b' ')),
    ("cntrl", u8::is_ascii_control),
    ("digit", u8::is_ascii_digit),
    ("graph", u8::is_ascii_graphic),
    ("lower", u8::is_ascii_lowercase),
    ("print", |byte| matches!(byte, b' '..=b'~')),
    ("punct", u8::is_ascii_punctuation),
    ("space", is_space),
    ("upper", u8::is_ascii_uppercase),
    ("word", is_word),
    ("xdigit", u8::is_ascii_hexdigit),
];
