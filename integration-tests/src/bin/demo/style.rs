//! Text in a terminal: colour where it is wanted, and lines that are not too long.

use std::env;
use std::io::{self, IsTerminal};

/// The width that all output keeps to.
pub(crate) const WIDTH: usize = 100;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colour: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Title,
    Quiet,
    Good,
    Refused,
    Shadow,
    Wrong,
}

impl Style {
    /// Colour on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub(crate) fn of_stdout() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !unwanted && io::stdout().is_terminal() }
    }

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Title => "1",
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Refused => "31",
            Tone::Shadow => "33",
            Tone::Wrong => "1;7;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Pieces of text, none of which is broken, laid out on lines of at most `width` characters.
#[derive(Debug)]
pub(crate) struct Lines {
    style: Style,
    width: usize,
    gap: usize,
    done: Vec<String>,
    /// Characters in the last line.
    used: usize,
}

impl Lines {
    /// `gap` spaces are between pieces.
    pub(crate) fn new(style: Style, width: usize, gap: usize) -> Self {
        Self { style, width, gap, done: Vec::new(), used: 0 }
    }

    pub(crate) fn piece(&mut self, tone: Tone, text: &str) {
        let text = tame(text);
        self.put(text.chars().count(), &self.style.paint(tone, &text));
    }

    /// A value and, quieter, its name.
    pub(crate) fn pair(&mut self, name: &str, value: &str) {
        let value = if value.is_empty() { "(empty)".to_owned() } else { tame(value) };
        let length = name.len() + 1 + value.chars().count();
        self.put(length, &format!("{}{value}", self.style.paint(Tone::Quiet, &format!("{name}="))));
    }

    /// What comes next begins a line.
    pub(crate) fn end_line(&mut self) {
        self.used = self.width;
    }

    pub(crate) fn into_vec(self) -> Vec<String> {
        self.done
    }

    fn put(&mut self, length: usize, written: &str) {
        match self.done.last_mut() {
            Some(line) if self.used + self.gap + length <= self.width => {
                line.push_str(&" ".repeat(self.gap));
                line.push_str(written);
                self.used += self.gap + length;
            }
            _ => {
                self.done.push(written.to_owned());
                self.used = length;
            }
        }
    }
}

/// Text from outside, with nothing in it that a terminal obeys.
pub(crate) fn tame(text: &str) -> String {
    let mut tame = String::new();
    for character in text.chars() {
        if character.is_control() {
            tame.extend(character.escape_default());
        } else {
            tame.push(character);
        }
    }
    tame
}
