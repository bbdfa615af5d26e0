//! From samples to figures, and where those go.

mod json;
mod svg;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::Result;
use crate::machine::Machine;
use crate::numbers::Spread;
use crate::options::Options;
use crate::rounds::{Measured, Results, Sample};
use crate::variants::{Group, Variant};

pub(crate) struct Report {
    machine: Machine,
    options: String,
    rounds: u32,
    rate: u32,
    others: f64,
    groups: Vec<Section>,
    /// Each round of each variant, as CSV.
    samples: String,
}

/// A group's figures.
struct Section {
    name: &'static str,
    title: &'static str,
    status: u16,
    /// Requests a second for the latencies.
    rate: u32,
    yardstick: Option<&'static str>,
    rows: Vec<Row>,
    /// Name and reason of those without figures.
    troubles: Vec<(String, String)>,
}

/// A variant's figures. Differences are to the group's first variant, round by round.
struct Row {
    name: String,
    title: String,
    requests_per_second: Spread,
    cpu_us: Spread,
    over_us: Option<Spread>,
    /// The cost over bare as a multiple of the yardstick's.
    ratio: Option<f64>,
    p50_us: Spread,
    p99_us: Spread,
    added_p50_us: Option<Spread>,
    added_p99_us: Option<Spread>,
    /// Resident at the end, the most of all lives.
    resident_mb: f64,
    /// Growth from the warm-up to the end, the most of all lives; and that in the later half of the rounds.
    grown_mb: f64,
    grown_late_mb: f64,
    start_ms: f64,
    start_over_ms: Option<f64>,
    counters: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn new(machine: Machine, options: &Options, results: &Results) -> Self {
        let samples = samples(results);
        let groups = results.groups.iter().zip(&results.rates);
        let groups = groups.map(|((group, measured), rate)| Section::new(group, measured, *rate)).collect();
        Self {
            machine,
            options: format!("{options:?}"),
            rounds: options.rounds,
            rate: results.rate,
            others: results.others,
            groups,
            samples,
        }
    }

    pub(crate) fn table(&self) -> String {
        table::render(self)
    }

    /// Whether all that was asked for was measured.
    pub(crate) fn complete(&self) -> bool {
        self.groups.iter().all(|group| group.troubles.is_empty())
    }

    pub(crate) fn write(&self, options: &Options) -> Result<()> {
        let json = format!("{:#}\n", json::render(self));
        fs::create_dir_all(&options.save)?;
        fs::write(options.save.join("results.json"), &json)?;
        fs::write(options.save.join("samples.csv"), &self.samples)?;
        fs::write(options.save.join("cost.svg"), svg::render(self))?;
        println!("written to {}: results.json, samples.csv, cost.svg", options.save.display());
        if let Some(file) = &options.json {
            fs::write(file, &json)?;
            println!("written to {}", file.display());
        }
        Ok(())
    }
}

impl Section {
    fn new(group: &Group, measured: &[Measured], rate: u32) -> Self {
        let baseline = &measured[0];
        let pairs = || group.variants.iter().zip(measured);
        let mut rows: Vec<Row> = pairs()
            .enumerate()
            .filter_map(|(index, (variant, measured))| Row::new(variant, measured, (index > 0).then_some(baseline)))
            .collect();
        let of_yardstick = rows.iter().find(|row| Some(row.name.as_str()) == group.yardstick);
        if let Some(one) = of_yardstick.and_then(|row| row.over_us) {
            // A yardstick within the noise measures nothing.
            let usable = one.median > 0.2;
            for row in &mut rows {
                row.ratio = row.over_us.filter(|_| usable).map(|over| over.median / one.median);
            }
        }
        let trouble =
            |(variant, measured): (&Variant, &Measured)| Some((variant.name.clone(), measured.trouble.clone()?));
        Self {
            name: group.name,
            title: group.title,
            status: group.load.status,
            rate,
            yardstick: group.yardstick,
            rows,
            troubles: pairs().filter_map(trouble).collect(),
        }
    }
}

impl Row {
    fn new(variant: &Variant, measured: &Measured, baseline: Option<&Measured>) -> Option<Self> {
        let of = |value: fn(&Sample) -> f64| Spread::of(all(measured).map(value));
        let bare: BTreeMap<u32, &Sample> = baseline.into_iter().flat_map(all).map(|it| (it.round, it)).collect();
        let over = |value: fn(&Sample) -> f64| {
            Spread::of(all(measured).filter_map(|it| Some(value(it) - value(bare.get(&it.round)?))))
        };
        let median = |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        let start_ms = median(&measured.start_ms)?;
        let [resident_mb, grown_mb, grown_late_mb] = memory(measured);
        Some(Self {
            name: variant.name.clone(),
            title: variant.title.clone(),
            requests_per_second: of(|it| it.requests_per_second)?,
            cpu_us: of(|it| it.cpu_us)?,
            over_us: over(|it| it.cpu_us),
            ratio: None,
            p50_us: of(|it| it.p50_us)?,
            p99_us: of(|it| it.p99_us)?,
            added_p50_us: over(|it| it.p50_us),
            added_p99_us: over(|it| it.p99_us),
            resident_mb,
            grown_mb,
            grown_late_mb,
            start_ms,
            start_over_ms: baseline.and_then(|baseline| Some(start_ms - median(&baseline.start_ms)?)),
            counters: sums(measured),
        })
    }
}

fn all(measured: &Measured) -> impl Iterator<Item = &Sample> {
    measured.lives.iter().flat_map(|life| &life.samples)
}

/// MB at the end, MB grown since the warm-up, MB grown in the later half of the rounds: the most of all lives.
fn memory(measured: &Measured) -> [f64; 3] {
    let mut most = [0.0, f64::MIN, f64::MIN];
    for life in &measured.lives {
        let Some(last) = life.samples.last() else { continue };
        let middle = &life.samples[life.samples.len().div_ceil(2) - 1];
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let end = megabytes(last.resident_bytes);
        let values = [end, end - megabytes(life.warm_bytes), end - megabytes(middle.resident_bytes)];
        most = std::array::from_fn(|index| most[index].max(values[index]));
    }
    most
}

fn sums(measured: &Measured) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, value) in measured.lives.iter().flat_map(|life| &life.counters) {
        *sums.entry(name.clone()).or_default() += value;
    }
    sums
}

fn samples(results: &Results) -> String {
    let mut csv =
        "group,variant,restart,round,requests_per_second,cpu_us,waited,p50_us,p99_us,resident_bytes\n".to_owned();
    for (group, measured) in &results.groups {
        for (variant, measured) in group.variants.iter().zip(measured) {
            for (restart, life) in measured.lives.iter().enumerate() {
                for it in &life.samples {
                    let waited = it.waited.map(|waited| format!("{waited:.4}")).unwrap_or_default();
                    let _ = writeln!(
                        csv,
                        "{},{},{},{},{:.0},{:.3},{waited},{:.1},{:.1},{}",
                        group.name,
                        variant.name,
                        restart + 1,
                        it.round + 1,
                        it.requests_per_second,
                        it.cpu_us,
                        it.p50_us,
                        it.p99_us,
                        it.resident_bytes
                    );
                }
            }
        }
    }
    csv
}
