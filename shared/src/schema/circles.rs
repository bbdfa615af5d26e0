//! Schemas that refer to themselves without a step into the value: no value could ever be judged by them.

use super::table::{NONE, Rule, Table};

/// One of each circle.
pub(super) fn find(table: &Table) -> Vec<u32> {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; table.nodes.len()];
    let mut found = Vec::new();
    let mut open: Vec<(u32, Vec<u32>)> = Vec::new();
    let mut mark = |id: u32, state: Seen| seen.get_mut(id as usize).map(|seen| std::mem::replace(seen, state));
    for start in 0..super::table::count(table.nodes.len()) {
        let mut next = Some(start);
        loop {
            if let Some(id) = next {
                match mark(id, Seen::Open) {
                    Some(Seen::No) => open.push((id, parts(table, id))),
                    Some(Seen::Open) => found.push(id),
                    Some(Seen::Done) => {
                        mark(id, Seen::Done);
                    }
                    None => {}
                }
            }
            let Some((id, left)) = open.last_mut() else { break };
            next = left.pop();
            if next.is_none() {
                mark(*id, Seen::Done);
                open.pop();
            }
        }
    }
    found
}

/// The schemas that judge the same value as this one.
fn parts(table: &Table, id: u32) -> Vec<u32> {
    let mut parts = Vec::new();
    for rule in table.node(id).rules.of(&table.rules) {
        match *rule {
            Rule::Ref(id) | Rule::Not(id) => parts.push(id),
            Rule::All(list) | Rule::Any(list) | Rule::One(list) => parts.extend(table.list(list)),
            Rule::If(at) => {
                parts.extend(
                    table.ifs.get(at as usize).map(|it| [it.condition, it.then, it.or_else]).into_iter().flatten(),
                );
            }
            Rule::Object(at) => {
                let dependents = table.objects.get(at as usize).map(|object| object.dependents.of(&table.dependents));
                parts.extend(dependents.into_iter().flatten().map(|dependent| dependent.schema));
            }
            _ => {}
        }
    }
    parts.retain(|part| *part != NONE);
    parts
}
