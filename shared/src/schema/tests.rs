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
fn short_numbers_compare_as_exact_ones() {
    use super::{build::compare_short, decimal::Decimal};
    for text in [
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
        "123456789.12345678",
        "1e1",
        "0.1e2",
    ] {
        for limit in [-2, -1, 0, 1, 2, 20, 123_456_789, i64::MAX, i64::MIN] {
            let exact = Decimal::parse(text).unwrap().cmp(&Decimal::from(limit));
            assert!(compare_short(text, limit).is_none_or(|order| order == exact), "{text} {limit}");
        }
    }
    assert_eq!(compare_short("-0.5", 0), Some(std::cmp::Ordering::Less));
    assert_eq!(compare_short("0.1e2", 0), None);
}
