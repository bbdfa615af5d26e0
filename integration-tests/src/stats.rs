//! Envoy's statistics, as Prometheus sees them (with labels) and by raw name.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::wait::{DEADLINE, until};

/// One line of the Prometheus page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name; `_bucket`, `_sum` and `_count` are apart.
    pub name: String,
    /// Labels in the page's order.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn matches(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name == name && labels.iter().all(|(key, value)| self.label(key) == Some(value))
    }
}

/// Reads the statistics of one Envoy; every call asks anew.
///
/// Counters appear when they are first used, so a missing one counts as 0. Envoy's own carry the
/// prefix `envoy_` on the Prometheus page, those of Wasm filters do not.
#[derive(Clone)]
pub struct Stats {
    pub(crate) admin: Client,
}

impl Stats {
    /// The whole Prometheus page.
    pub async fn samples(&self) -> Vec<Sample> {
        parse_page(&self.admin.get("/stats/prometheus").await.text())
    }

    /// The sum of all samples with this name and these labels (others may be there too).
    pub async fn counter(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        sum(&self.samples().await, name, labels)
    }

    /// Waits until [`counter`](Self::counter) is at least `at_least`, and returns it.
    pub async fn await_counter(&self, name: &str, labels: &[(&str, &str)], at_least: u64) -> u64 {
        let probe = || async {
            let value = self.counter(name, labels).await;
            (value >= at_least).then_some(value)
        };
        if let Some(value) = until(DEADLINE, probe).await {
            return value;
        }
        let samples = self.samples().await;
        let got: Vec<_> = samples.iter().filter(|sample| sample.name == name).collect();
        panic!("{name} {labels:?} is not {at_least} after {DEADLINE:?}; of that name: {got:#?}");
    }

    /// A counter or gauge by the name in Envoy's own notation, such as
    /// `cluster.upstream.upstream_rq_total`; `None` if there is none.
    pub async fn raw(&self, name: &str) -> Option<u64> {
        self.raw_below("").await.remove(name)
    }

    /// All counters and gauges whose raw name starts with `prefix`, by the rest of the name.
    pub async fn raw_below(&self, prefix: &str) -> BTreeMap<String, u64> {
        let page = self.admin.get("/stats?format=json").await.json();
        let stats = page["stats"].as_array().expect("a list of statistics").iter();
        stats
            .filter_map(|stat| {
                let name = stat["name"].as_str()?.strip_prefix(prefix)?;
                Some((name.to_owned(), stat["value"].as_u64()?))
            })
            .collect()
    }

    /// Waits until [`raw`](Self::raw) is at least `at_least`, and returns it.
    pub async fn await_raw(&self, name: &str, at_least: u64) -> u64 {
        let probe = || async { self.raw(name).await.filter(|value| *value >= at_least) };
        match until(DEADLINE, probe).await {
            Some(value) => value,
            None => panic!("{name} is {:?}, not {at_least}, after {DEADLINE:?}", self.raw(name).await),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters are small")]
fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> u64 {
    let matching = samples.iter().filter(|sample| sample.matches(name, labels));
    matching.map(|sample| sample.value).sum::<f64>() as u64
}

fn parse_page(page: &str) -> Vec<Sample> {
    let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| parse_line(line).unwrap_or_else(|| panic!("bad sample: {line}"))).collect()
}

/// `name{label="value",...} 1`, or without braces.
fn parse_line(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = head.split_once('{') else {
        return Some(Sample { name: head.to_owned(), labels: Vec::new(), value });
    };
    let mut rest = rest.strip_suffix('}')?;
    let mut labels = Vec::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (text, end) = parse_label_value(after)?;
        labels.push((label.trim_start_matches(',').to_owned(), text));
        rest = &after[end..];
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The unescaped value and where its closing quote ends.
fn parse_label_value(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_labels_with_escapes() {
        let page = "# TYPE a counter\na{x=\"1\",y=\"q\\\"}\\\\ {\\n\"} 3\na{x=\"2\"} 4\nb 1e3\n";
        let samples = parse_page(page);
        assert_eq!(samples[0].label("y"), Some("q\"}\\ {\n"));
        assert_eq!(sum(&samples, "a", &[]), 7);
        assert_eq!(sum(&samples, "a", &[("x", "2")]), 4);
        assert_eq!(sum(&samples, "b", &[]), 1000);
        assert_eq!(sum(&samples, "c", &[]), 0);
    }
}
