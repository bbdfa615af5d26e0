mod cases;
#[cfg(not(target_arch = "wasm32"))]
mod differential;
#[cfg(not(target_arch = "wasm32"))]
mod documents;
mod hostile;
#[cfg(not(target_arch = "wasm32"))]
mod suite;

use crate::json::{Limits, Part, Tape};

use super::{Budget, Compiler, Dialect, Direction, Fault, SchemaId, Schemas, Settings};

const PLAIN: Settings = Settings { formats: false, closed: false, closed_responses: false };
const BUDGET: Budget = Budget(10_000_000);

/// A schema that is a document.
struct Compiled {
    schemas: Schemas,
    id: SchemaId,
    faults: Vec<Fault>,
}

impl Compiled {
    fn new(schema: &Part, dialect: Dialect, settings: Settings, also: impl FnOnce(&mut Compiler)) -> Self {
        let mut compiler = Compiler::new(schema.clone(), dialect, settings, &[]);
        also(&mut compiler);
        let id = compiler.schema(schema.value(), "", Direction::Any);
        let (schemas, faults, _) = compiler.finish();
        Self { schemas, id, faults }
    }

    /// By both ways, which must agree.
    #[cfg(not(target_arch = "wasm32"))]
    fn is_valid(&self, instance: &str) -> bool {
        let mut tape = Tape::default();
        let value = tape.parse(instance.as_bytes(), &Limits::NONE).unwrap();
        let is_valid = self.schemas.is_valid(self.id, value, &mut BUDGET.clone()).unwrap();
        let report = self.schemas.report(self.id, value, 10, &mut BUDGET.clone()).unwrap();
        assert_eq!(is_valid, report.violations.is_empty(), "{instance}: {report:?}");
        is_valid
    }
}

#[test]
fn short_numbers_are_judged_as_exact_ones() {
    use super::{decimal::Decimal, short::Short};
    let numbers = [
        "0",
        "-0",
        "-0.5",
        "0.5",
        "-1",
        "-1.0",
        "1.00",
        "1.01",
        "0.99",
        "-1.25",
        "19.99",
        "0.01",
        "0.03",
        "2",
        "20",
        "123456789",
        "123456789.12345678",
        "0.0000000000000001",
        "-99999999999999999",
        "999999999999999999",
    ];
    for text in numbers {
        for other in numbers {
            let [one, two] = [text, other].map(|text| Short::parse(text).unwrap());
            let [exact, limit] = [text, other].map(|text| Decimal::parse(text).unwrap());
            assert!(one.compare(two).is_none_or(|order| order == exact.cmp(&limit)), "{text} {other}");
            let is_multiple = one.is_multiple_of(two);
            assert!(is_multiple.is_none_or(|is| is == exact.is_multiple_of(&limit)), "{text} {other}");
        }
    }
    let judge = |one, other| Short::parse(one).zip(Short::parse(other)).map(|(one, other)| one.compare(other));
    assert_eq!(judge("-0.5", "0"), Some(Some(std::cmp::Ordering::Less)));
    assert_eq!(judge("0.1e2", "0"), None);
    assert_eq!(judge("1234567890123456789", "0"), None);
    assert_eq!(judge("999999999999999999", "0.1"), Some(None));
    let [price, cent] = ["19.99", "0.01"].map(|text| Short::parse(text).unwrap());
    assert_eq!(price.is_multiple_of(cent), Some(true));
}
