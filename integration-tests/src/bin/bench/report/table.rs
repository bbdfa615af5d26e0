//! The report for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Report, Row, Section};
use crate::h2load::CONNECTIONS;
use crate::numbers::Spread;

/// The part of a processor from which other work is noise.
const BUSY: f64 = 0.05;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for group in &report.groups {
        let rate =
            if group.rate == report.rate { String::new() } else { format!("; p50, p99 at {} a second", group.rate) };
        let _ = writeln!(text, "\n{} (each answered {}{rate})", group.title, group.status);
        text += &aligned(&lines(group));
        for row in &group.rows {
            if let Some(events) = events(row) {
                let _ = writeln!(text, "  {}/{}: {events}", group.name, row.name);
            }
            let unanswered = unanswered(row);
            if unanswered > 0 {
                let _ =
                    writeln!(text, "  {}/{}: {unanswered} requests without the service's word", group.name, row.name);
            }
        }
        for (name, trouble) in &group.troubles {
            let _ = writeln!(text, "  {}/{name} was not measured: {}", group.name, trouble.replace('\n', "\n    "));
        }
    }
    let Report { rounds, rate, others, .. } = report;
    let _ = write!(
        text,
        "
req/s, CPU   at the full rate, {CONNECTIONS} connections; CPU is Envoy's processor time for each request, in us
over bare    the same less the first row's in the same round: median of {rounds} rounds, and their middle half
p50, p99     at {rate} random requests a second, in us: the first row's, and what the others add to it
RSS          Envoy's memory in MB at the end (the most of all starts), and growth since the warm-up
start        processor time until ready, in ms: the first row's, and what the others add to it
"
    );
    let noise = if *others > BUSY { ": expect noise" } else { "" };
    let percent = others * 100.0;
    let _ = writeln!(text, "others       other work on the machine took {percent:.0} % of a processor{noise}");
    text
}

/// What became of the audit events of all starts.
fn events(row: &Row) -> Option<String> {
    let mut results: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in &row.counters {
        let Some(labels) = name.strip_prefix("portcullis_audit_events_total_") else { continue };
        let result = labels.split_once("result=.=").and_then(|(_, rest)| rest.split_once(";.;"));
        *results.entry(result.map_or("of unknown fate", |(result, _)| result)).or_default() += count;
    }
    let parts: Vec<String> = results.iter().map(|(result, count)| format!("{count} {result}")).collect();
    (!parts.is_empty()).then(|| format!("audit events {}", parts.join(", ")))
}

/// Requests that a rate limit service was not asked about, or did not answer.
fn unanswered(row: &Row) -> u64 {
    let is_one = |name: &str| {
        name.starts_with("portcullis_ratelimit_service_fallback_total") || name == "cluster.upstream.ratelimit.error"
    };
    row.counters.iter().filter(|(name, _)| is_one(name)).map(|(_, count)| count).sum()
}

fn lines(group: &Section) -> Vec<Vec<String>> {
    let times = group.yardstick.map_or(String::new(), |name| format!("x {name}"));
    let head = ["", "req/s", "CPU", "over bare", "", &times, "p50", "p99", "RSS", "grown", "start"];
    let head = head.map(str::to_owned).to_vec();
    [head].into_iter().chain(group.rows.iter().map(line)).collect()
}

fn line(row: &Row) -> Vec<String> {
    let added = |added: Option<Spread>, own: Spread| match added {
        Some(added) => format!("{:+.0}", added.median),
        None => format!("{:.0}", own.median),
    };
    vec![
        row.title.clone(),
        format!("{:.0}", row.requests_per_second.median),
        format!("{:.2}", row.cpu_us.median),
        row.over_us.map(|over| format!("{:+.2}", over.median)).unwrap_or_default(),
        row.over_us.map(|over| format!("{:+.2} .. {:+.2}", over.low, over.high)).unwrap_or_default(),
        row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        added(row.added_p50_us, row.p50_us),
        added(row.added_p99_us, row.p99_us),
        format!("{:.0}", row.resident_mb),
        format!("{:+.1}", row.grown_mb),
        row.start_over_ms.map_or_else(|| format!("{:.0}", row.start_ms), |over| format!("{over:+.0}")),
    ]
}

/// The first column to the left, the others to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (index, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if index == 0 { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
