//! Characters that another character stands in for.

/// Whether some servers read this character as ASCII, or as nothing: what compatibility normalisation (Unicode NFKC) or
/// case folding turns into ASCII letters, digits or signs (a full-width `／`, the Kelvin sign), the slashes and
/// backslashes that best-fit code pages replace, blanks, and characters that are ignored (a soft hyphen, zero-width
/// and direction marks).
///
/// Whole neighbourhoods are named where most of them are of the kind, so a few innocent signs are among them. Letters
/// with accents are not.
pub(crate) fn is_lookalike(character: char) -> bool {
    matches!(u32::from(character),
        // Latin-1 and Latin Extended: no-break space, ª, soft hyphen, ², ³, ¹, º, ligatures, the long s.
        0xA0 | 0xAA | 0xAD | 0xB2..=0xB3 | 0xB9..=0xBA | 0x132..=0x133 | 0x17F | 0x1C7..=0x1CC | 0x1F1..=0x1F3
        // Modifier letters, the Greek question mark (a semicolon), blanks and ignored marks of other scripts.
        | 0x2B0..=0x2B8 | 0x2E1..=0x2E3 | 0x34F | 0x37E | 0x61C | 0x1680 | 0x180B..=0x180F | 0x1D2C..=0x1DBF | 0x1FEF
        // Blanks, zero-width marks, dot leaders, direction marks, the fraction slash, super- and subscripts.
        | 0x2000..=0x200F | 0x2024..=0x202F | 0x203C | 0x2044 | 0x2047..=0x2049 | 0x205F..=0x209C | 0x20A8
        // Letter-like signs, number forms, the division slash, backslash-like signs, enclosed letters.
        | 0x2100..=0x218B | 0x2215..=0x2216 | 0x2460..=0x24FF | 0x29F5 | 0x29F8..=0x29F9 | 0x2A74..=0x2A76
        | 0x2C7C..=0x2C7D
        // East Asian: the ideographic space, enclosed and squared signs, vertical, small, full- and half-width forms.
        | 0x3000 | 0x3250..=0x33FF | 0xA7F2..=0xA7F4 | 0xFB00..=0xFB06 | 0xFB29 | 0xFE00..=0xFE19 | 0xFE30..=0xFE6B
        | 0xFEFF | 0xFF01..=0xFF5E
        // Beyond the first plane: mathematical letters, enclosed letters, legacy digits, tags.
        | 0x107A5 | 0x1D400..=0x1D7FF | 0x1F100..=0x1F190 | 0x1FBF0..=0x1FBF9 | 0xE0000..=0xE0FFF
    )
}
