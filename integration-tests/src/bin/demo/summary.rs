//! The tour at a glance.

use crate::seen::Seen;
use crate::stage::Stage;
use crate::style::{Style, Tone};

const HEAD: [&str; 8] = ["", "step", "status", "upstream", "rule", "reason", "mode", "event"];

/// A cell's text and colour.
type Row = [(String, Tone); 8];

pub(crate) fn table(seen: &[Seen], style: Style) -> String {
    let head = HEAD.map(|title| (title.to_owned(), Tone::Quiet));
    let rows: Vec<Row> = [head].into_iter().chain(seen.iter().flat_map(rows)).collect();
    let widths: [usize; 8] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].0.chars().count()).max().unwrap_or(0));
    let mut text = "\n".to_owned();
    for row in rows {
        let mut line = String::new();
        for (index, ((cell, tone), width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            let cell = style.paint(*tone, cell);
            // Numbers end where their column does, text begins there.
            let parts = if index == 0 { [&gap, &cell, "  "] } else { [&cell, &gap, "  "] };
            line.extend(parts);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row for each decision; what the filter was not asked about has one as well.
fn rows(seen: &Seen) -> Vec<Row> {
    let plain = |text: &str| (text.to_owned(), Tone::Plain);
    let quiet = |text: &str| (text.to_owned(), Tone::Quiet);
    let title =
        if seen.is_as_expected() { plain(seen.step.title) } else { (format!("! {}", seen.step.title), Tone::Wrong) };
    let status = (seen.answer.status.to_string(), if seen.answer.status < 400 { Tone::Good } else { Tone::Refused });
    let upstream = if seen.upstream.is_empty() { quiet("no") } else { plain("yes") };
    let first = [quiet(&seen.number.to_string()), title, status, upstream];
    let again = [(); 4].map(|()| plain(""));
    let mut rows = Vec::new();
    for moved in &seen.moved {
        let label = |name| moved.sample.label(name).unwrap_or("-");
        let is_event = seen.events.iter().any(|event| {
            let is = |pointer, name| event.pointer(pointer).and_then(|value| value.as_str()) == Some(label(name));
            is("/rule/name", "rule") && is("/event/reason", "reason") && is("/portcullis/mode", "mode")
        });
        let [number, title, status, upstream] = if rows.is_empty() { first.clone() } else { again.clone() };
        let mode = (label("mode").to_owned(), if label("mode") == "shadow" { Tone::Shadow } else { Tone::Plain });
        let event = if is_event { plain("yes") } else { quiet("no") };
        rows.push([number, title, status, upstream, plain(label("rule")), plain(label("reason")), mode, event]);
    }
    if rows.is_empty() {
        let [number, title, status, upstream] = first;
        let event = if seen.events.is_empty() { quiet("no") } else { plain("yes") };
        rows.push([number, title, status, upstream, quiet("-"), quiet("-"), quiet("-"), event]);
    }
    rows
}

pub(crate) fn verdict(stage: &Stage, seen: &[Seen], style: Style) -> String {
    let wrong = seen.iter().filter(|seen| !seen.is_as_expected()).count();
    let verdict = if wrong == 0 {
        style.paint(Tone::Good, &format!("All {} steps went as expected.", seen.len()))
    } else {
        style.paint(Tone::Wrong, &format!("{wrong} of {} steps did not go as expected: those with a `!`.", seen.len()))
    };
    let events: usize = seen.iter().map(|seen| seen.events.len()).sum();
    let batches = stage.collector.batches();
    let Some(batch) = batches.last() else {
        return format!("\n{verdict}\n");
    };
    let kind = batch.headers.text("content-type").unwrap_or_default();
    let calls = if batches.len() == 1 { "one call".to_owned() } else { format!("{} calls", batches.len()) };
    format!("\n{verdict}\nTheir {events} events reached the collector in {calls}: POST {}, {kind}.\n", batch.path)
}
