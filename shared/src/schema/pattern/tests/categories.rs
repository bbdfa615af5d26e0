//! The table of general categories, which is made from that of `regex-syntax`.

use regex_syntax::hir::{Class, HirKind};

use crate::schema::pattern::category::{self, NAMES};

/// The table's bytes.
fn table() -> Vec<u8> {
    let mut categories = vec![u8::MAX; 0x11_0000];
    for (index, (name, _)) in NAMES.iter().enumerate() {
        // In Rust there are no surrogates.
        let ranges = match regex_syntax::parse(&format!(r"\p{{{name}}}")).map(|hir| hir.kind().clone()) {
            Ok(HirKind::Class(Class::Unicode(class))) => {
                class.ranges().iter().map(|range| (range.start() as usize, range.end() as usize)).collect()
            }
            Ok(HirKind::Literal(literal)) => {
                let char = std::str::from_utf8(&literal.0).unwrap().chars().next().unwrap();
                vec![(char as usize, char as usize)]
            }
            _ => vec![(0xD800, 0xDFFF)],
        };
        for (from, to) in ranges {
            for category in &mut categories[from..=to] {
                if *name != "Cn" || *category == u8::MAX {
                    *category = u8::try_from(index).unwrap();
                }
            }
        }
    }
    let mut table = Vec::new();
    for run in categories.chunk_by(|one, other| one == other) {
        assert!(usize::from(run[0]) < NAMES.len());
        table.push(run[0]);
        let mut length = run.len();
        while length > 0x7F {
            table.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
            length >>= 7;
        }
        table.push(u8::try_from(length).unwrap());
    }
    table
}

/// With `PORTCULLIS_WRITE_CATEGORIES`, it writes the table instead: for a new version of Unicode.
#[test]
fn the_table_is_that_of_regex_syntax() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema/pattern/categories.bin");
    if std::env::var_os("PORTCULLIS_WRITE_CATEGORIES").is_some() {
        std::fs::write(path, table()).unwrap();
    }
    assert!(std::fs::read(path).unwrap() == table());
}

#[test]
fn every_name_is_found() {
    let mut all = 0;
    for (short, long) in NAMES {
        let set = category::find(short).unwrap();
        assert_eq!(Some(&set), category::find(long).as_ref(), "{long}");
        all += set.ranges().iter().map(|(from, to)| to - from + 1).sum::<u32>();
    }
    assert_eq!(all, 0x11_0000);
    assert_eq!(category::find("Letter").unwrap().ranges().len(), 677);
}
