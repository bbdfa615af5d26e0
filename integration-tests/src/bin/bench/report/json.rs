//! The report for programs.

use serde_json::{Value, json};

use super::{Report, Row, Section};
use crate::numbers::Spread;

pub(super) fn render(report: &Report) -> Value {
    json!({
        "machine": report.machine.json(),
        "options": report.options,
        "rounds": report.rounds,
        "other_work_processors": round(report.others, 3),
        "latency_requests_per_second": report.rate,
        "groups": report.groups.iter().map(group).collect::<Vec<_>>(),
    })
}

fn group(group: &Section) -> Value {
    let trouble = |(name, why): &(String, String)| json!({"variant": name, "why": why});
    json!({
        "name": group.name,
        "title": group.title,
        "status": group.status,
        "latency_requests_per_second": group.rate,
        "baseline": group.rows.first().map(|row| &row.name),
        "yardstick": group.yardstick,
        "variants": group.rows.iter().map(row).collect::<Vec<_>>(),
        "not_measured": group.troubles.iter().map(trouble).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    json!({
        "name": row.name,
        "title": row.title,
        "requests_per_second": spread(row.requests_per_second, 0),
        "cpu_us_per_request": spread(row.cpu_us, 3),
        "cpu_us_over_baseline": row.over_us.map(|it| spread(it, 3)),
        "times_yardstick": row.ratio.map(|it| round(it, 3)),
        "p50_us": spread(row.p50_us, 1),
        "p99_us": spread(row.p99_us, 1),
        "p50_us_over_baseline": row.added_p50_us.map(|it| spread(it, 1)),
        "p99_us_over_baseline": row.added_p99_us.map(|it| spread(it, 1)),
        "resident_mb": round(row.resident_mb, 1),
        "grown_mb": round(row.grown_mb, 1),
        "grown_mb_later_half": round(row.grown_late_mb, 1),
        "start_cpu_ms": round(row.start_ms, 1),
        "start_cpu_ms_over_baseline": row.start_over_ms.map(|it| round(it, 1)),
        "counters": row.counters,
    })
}

fn spread(spread: Spread, digits: i32) -> Value {
    json!({
        "median": round(spread.median, digits),
        "quartiles": [round(spread.low, digits), round(spread.high, digits)],
    })
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
