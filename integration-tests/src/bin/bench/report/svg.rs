//! The picture: a bar for each variant's cost over bare, with the middle half of its rounds.

use std::fmt::Write;

use super::{Report, Row, Section};
use crate::numbers::Spread;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 290.0;
/// Room for the figure behind the longest bar.
const RIGHT: f64 = 80.0;
const BAR: f64 = 18.0;
const PITCH: f64 = 28.0;
const OURS: &str = "#3d9bb8";
const THEIRS: &str = "#9aa5b1";

pub(super) fn render(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 34.0;
    text(
        &mut body,
        20.0,
        y,
        "start",
        "font-size=\"17\" font-weight=\"bold\"",
        "Processor time of Envoy for each request, over bare Envoy",
    );
    y += 20.0;
    let subtitle = format!(
        "Microseconds; median of {} rounds. The line across a bar's end spans the middle half of them. Shorter is better.",
        report.rounds
    );
    text(&mut body, 20.0, y, "start", "fill=\"#52606d\"", &subtitle);
    for group in &report.groups {
        y = section(&mut body, y + 36.0, group);
    }
    y += 30.0;
    text(&mut body, 20.0, y, "start", "fill=\"#52606d\" font-size=\"11\"", &report.machine.brief());
    let height = y + 18.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"#1f2933\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Draws a group from `top` on and returns where it ends.
fn section(body: &mut String, top: f64, group: &Section) -> f64 {
    let bars: Vec<(&Row, Spread)> = group.rows.iter().filter_map(|row| Some((row, row.over_us?))).collect();
    let baseline = group.rows.first().map_or(0.0, |row| row.cpu_us.median);
    let title = format!("{} (bare Envoy: {baseline:.1} µs)", group.title);
    text(body, 20.0, top, "start", "font-size=\"14\" font-weight=\"bold\"", &title);
    let scale = Scale::over(&bars);
    let first = top + 14.0;
    let bottom = first + PITCH * bars.len() as f64;
    for tick in scale.ticks() {
        let x = scale.x(tick);
        let colour = if tick == 0.0 { "#52606d" } else { "#e4e7eb" };
        let _ = writeln!(body, "<path d=\"M{x:.1} {first:.1}V{bottom:.1}\" stroke=\"{colour}\"/>");
        text(body, x, bottom + 15.0, "middle", "fill=\"#52606d\" font-size=\"11\"", &format!("{tick}"));
    }
    for (index, (row, over)) in bars.iter().enumerate() {
        bar(body, first + PITCH * (index as f64 + 0.5), &scale, row, *over);
    }
    bottom + 15.0
}

fn bar(body: &mut String, middle: f64, scale: &Scale, row: &Row, over: Spread) {
    let colour = if row.name.starts_with("ua_block") { OURS } else { THEIRS };
    text(body, LEFT - 12.0, middle + 4.5, "end", "", &row.title);
    let (zero, end) = (scale.x(0.0), scale.x(over.median));
    let (x, width, y) = (zero.min(end), (end - zero).abs().max(1.0), middle - BAR / 2.0);
    let _ = writeln!(body, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>");
    let (low, high) = (scale.x(over.low), scale.x(over.high));
    let _ = writeln!(
        body,
        "<path d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8\" stroke=\"#1f2933\" fill=\"none\"/>",
        middle - 4.0,
        middle - 4.0
    );
    let figure = format!("{:+.2}", over.median);
    text(body, high.max(end).max(zero) + 8.0, middle + 4.5, "start", "", &figure);
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, more: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(body, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{text}</text>");
}

/// From microseconds to places.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    fn over(bars: &[(&Row, Spread)]) -> Self {
        let low = bars.iter().map(|(_, over)| over.low.min(over.median)).fold(0.0, f64::min);
        let high = bars.iter().map(|(_, over)| over.high).fold(1.0, f64::max);
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
        let step = steps.into_iter().find(|step| (high - low) / step <= 8.0).unwrap_or(200.0);
        Self { low: (low / step).floor() * step, high, step }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).floor();
        // Counted from the low end, and rounded, so that 0 is 0.
        (0..=100_u8).map(f64::from).take_while(move |index| *index <= count).map(|index| {
            let tick = self.low + index * self.step;
            (tick * 10.0).round() / 10.0
        })
    }
}
