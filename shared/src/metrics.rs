//! Metric names, with labels in the form that Envoy's `stats_tags` take apart.
//!
//! Envoy's metrics are flat names. `portcullis_decisions_total_filter=.=ua_block;.;_action=.=deny;.;` becomes
//! `portcullis_decisions_total{filter="ua_block",action="deny"}` on the Prometheus page by the tag rules in
//! `envoy/stats_tags.yaml`: one rule a label, each cutting its part out of the name.

use crate::decision::Outcome;
use std::fmt::Write;

/// A metric's full name in Envoy.
pub fn name(metric: &str, labels: &[(&str, &str)]) -> String {
    let mut name = metric.to_owned();
    for (label, value) in labels {
        // Writing to a String cannot fail.
        let _ = write!(name, "_{label}=.={value};.;");
    }
    name
}

/// The counter of an outcome: `portcullis_decisions_total{filter, rule, action, mode, reason}`.
pub fn decisions(filter: &str, outcome: &Outcome) -> String {
    name(
        "portcullis_decisions_total",
        &[
            ("filter", filter),
            ("rule", &outcome.rule),
            ("action", outcome.action.as_str()),
            ("mode", outcome.mode.as_str()),
            ("reason", outcome.reason.0),
        ],
    )
}
