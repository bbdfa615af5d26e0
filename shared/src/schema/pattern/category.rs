//! Unicode's general categories.

use super::set::{CharSet, LAST};

/// All code points in order: for each run of one category, the category's place in [`NAMES`] and the run's length. The
/// length is in groups of seven bits, the lowest first; all but the last have the eighth bit set. A test writes it.
static RUNS: &[u8] = include_bytes!("categories.bin");

/// Short and long names (PropertyValueAliases.txt).
pub(super) const NAMES: [(&str, &str); 30] = [
    ("Lu", "Uppercase_Letter"),
    ("Ll", "Lowercase_Letter"),
    ("Lt", "Titlecase_Letter"),
    ("Lm", "Modifier_Letter"),
    ("Lo", "Other_Letter"),
    ("Mn", "Nonspacing_Mark"),
    ("Mc", "Spacing_Mark"),
    ("Me", "Enclosing_Mark"),
    ("Nd", "Decimal_Number"),
    ("Nl", "Letter_Number"),
    ("No", "Other_Number"),
    ("Pc", "Connector_Punctuation"),
    ("Pd", "Dash_Punctuation"),
    ("Ps", "Open_Punctuation"),
    ("Pe", "Close_Punctuation"),
    ("Pi", "Initial_Punctuation"),
    ("Pf", "Final_Punctuation"),
    ("Po", "Other_Punctuation"),
    ("Sm", "Math_Symbol"),
    ("Sc", "Currency_Symbol"),
    ("Sk", "Modifier_Symbol"),
    ("So", "Other_Symbol"),
    ("Zs", "Space_Separator"),
    ("Zl", "Line_Separator"),
    ("Zp", "Paragraph_Separator"),
    ("Cc", "Control"),
    ("Cf", "Format"),
    ("Cs", "Surrogate"),
    ("Co", "Private_Use"),
    ("Cn", "Unassigned"),
];

/// Categories of categories, and other names.
const GROUPS: [(&str, &str); 10] = [
    ("Letter", "L"),
    ("Mark", "M"),
    ("Combining_Mark", "M"),
    ("Number", "N"),
    ("Punctuation", "P"),
    ("punct", "P"),
    ("Symbol", "S"),
    ("Separator", "Z"),
    ("Other", "C"),
    ("digit", "Nd"),
];

/// What `\p{name}` matches, if it is known.
pub(super) fn find(name: &str) -> Option<CharSet> {
    match name {
        "Any" => return Some(CharSet::of(&[(0, LAST)])),
        "ASCII" => return Some(CharSet::of(&[(0, 0x7F)])),
        "Assigned" => return find("Cn").map(|set| set.negated()),
        "LC" | "Cased_Letter" => return Some(matching(|short| matches!(short, "Lu" | "Ll" | "Lt"))),
        "cntrl" => return find("Cc"),
        _ => {}
    }
    let name = name.strip_prefix("gc=").or_else(|| name.strip_prefix("General_Category=")).unwrap_or(name);
    let name = GROUPS.iter().find(|(long, _)| *long == name).map_or(name, |(_, short)| short);
    let name = NAMES.iter().find(|(_, long)| *long == name).map_or(name, |(short, _)| short);
    let known = NAMES.iter().any(|(short, _)| *short == name || (name.len() == 1 && short.starts_with(name)));
    known.then(|| matching(|short| short.starts_with(name)))
}

fn matching(wanted: impl Fn(&str) -> bool) -> CharSet {
    let mut set = CharSet::default();
    let wanted: Vec<bool> = NAMES.iter().map(|(short, _)| wanted(short)).collect();
    let mut bytes = RUNS.iter();
    let mut from = 0_u32;
    while let Some(category) = bytes.next() {
        let mut length = 0_u32;
        let mut shift = 0_u32;
        for byte in bytes.by_ref() {
            length |= u32::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            shift = shift.saturating_add(7);
            if *byte < 0x80 {
                break;
            }
        }
        let next = from.saturating_add(length);
        if wanted.get(usize::from(*category)).copied().unwrap_or_default() {
            set.add(from, next.saturating_sub(1));
        }
        from = next;
    }
    set.finish();
    set
}
