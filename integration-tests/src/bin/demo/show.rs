//! The tour for people.

use portcullis_integration_tests::dist;
use serde_json::Value;

use crate::seen::{Moved, Seen};
use crate::stage::{CONFIGS, Stage};
use crate::step::{Group, Step};
use crate::style::{Lines, Style, Tone, WIDTH};
use crate::{check, curl, idp};

/// Where the text beside a label begins.
const INDENT: usize = 14;
const ROOM: usize = WIDTH - INDENT;

/// Headers that tell clients how to go on; those that are missing are passed over.
const TOLD: [&str; 4] = ["www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"];

/// An event's essential fields; those that are missing are passed over.
const EVENT_FIELDS: &[&str] = &[
    "event.action",
    "rule.name",
    "event.reason",
    "portcullis.mode",
    "portcullis.action",
    "event.sequence",
    "source.ip",
    "url.path",
    "url.query",
    "user_agent.original",
    "http.response.status_code",
];

pub(crate) fn intro(stage: &Stage, requests: usize, style: Style) -> String {
    let modules: Vec<String> = stage.filters().iter().map(|filter| module(filter.module)).collect();
    let what = format!(
        "a real Envoy {} with {}, set up by {}, a listener of each. Behind it is a small upstream, beside it an \
         identity provider, a rate limit service with a real Redis, and a collector of audit events. Only addresses \
         were changed, TLS to the provider was left out, and the rate limit service may take longer.",
        stage.version,
        modules.join(", "),
        CONFIGS.join(", ")
    );
    let mut lines = Lines::new(style, WIDTH, 1);
    lines.piece(Tone::Title, "Portcullis:");
    what.split(' ').for_each(|word| lines.piece(Tone::Plain, word));
    let what = lines.into_vec().join("\n");
    let how =
        format!("Sending {requests} requests. It takes some 12 seconds: keys are fetched again each 10 at most ...");
    format!("\n{what}\n\n{}\n", style.paint(Tone::Quiet, &how))
}

fn module(name: &str) -> String {
    let size = std::fs::metadata(dist(name)).map_or(0, |file| file.len() / 1000);
    format!("dist/{name}.wasm ({size} kB)")
}

pub(crate) fn steps(stage: &Stage, seen: &[Seen], style: Style) -> String {
    let mut text = String::new();
    for chapter in seen.chunk_by(|a, b| a.group.filter == b.group.filter) {
        if let [first, ..] = chapter {
            text += &group(stage, first.group, style);
        }
        text.extend(chapter.iter().map(|seen| step(seen, style)));
    }
    text
}

/// The filter, and its rules as they stand in the configuration.
fn group(stage: &Stage, group: &Group, style: Style) -> String {
    let mut text = format!("\n{} {}. Its rules:\n\n", style.paint(Tone::Title, group.filter), group.about);
    let filters = stage.filters();
    let rules = filters.iter().find(|filter| filter.name == group.filter).map_or("", |filter| filter.rules);
    for line in rules.lines() {
        let content = line.trim_start();
        let margin = 2 + line.len() - content.len();
        let mut parts = Lines::new(style, WIDTH - margin - 2, 1);
        content.split_inclusive(", ").for_each(|part| parts.piece(Tone::Quiet, part.trim_end()));
        for (index, part) in parts.into_vec().iter().enumerate() {
            text.push_str(&" ".repeat(if index == 0 { margin } else { margin + 2 }));
            text.push_str(part);
            text.push('\n');
        }
    }
    text
}

fn step(seen: &Seen, style: Style) -> String {
    let (verdict, tone) = if seen.is_as_expected() { ("as expected", Tone::Good) } else { ("MISMATCH", Tone::Wrong) };
    let gap = " ".repeat(WIDTH.saturating_sub(4 + seen.step.title.chars().count() + verdict.len()));
    let title = format!("{}{gap}{}", style.paint(Tone::Title, seen.step.title), style.paint(tone, verdict));
    let mut block = Block { text: format!("\n{:>2}  {title}\n    {}\n", seen.number, seen.step.why), style };
    if let Some(event) = seen.step.event {
        block.field("before", &[event.words()]);
    }
    block.field("expect", &expected(seen.step, style));
    block.field("sent", &sent(seen, style));
    block.field("answer", &answer(seen, style));
    block.field("upstream", &upstream(seen, style));
    for moved in &seen.moved {
        block.field("metric", &metric(moved, style));
    }
    if seen.moved.is_empty() {
        block.field("metric", &["none moved".to_owned()]);
    }
    for value in &seen.events {
        block.field("event", &event(value, style));
    }
    if seen.events.is_empty() {
        block.field("event", &["none".to_owned()]);
    }
    for difference in &seen.differences {
        block.field("mismatch", &[style.paint(Tone::Wrong, difference)]);
    }
    block.text
}

struct Block {
    text: String,
    style: Style,
}

impl Block {
    fn field(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let label = format!("    {label:<width$}", width = INDENT - 4);
            self.text.push_str(&self.style.paint(Tone::Quiet, &label));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

fn expected(step: &Step, style: Style) -> Vec<String> {
    let expect = &step.expect;
    let upstream = if expect.upstream { "from the upstream" } else { "and nothing at the upstream" };
    let mut parts = vec![format!("{} {upstream}", expect.status)];
    parts.extend(expect.decisions.iter().map(check::words));
    if expect.decisions.is_empty() {
        parts.push("no decision".to_owned());
    }
    parts.push(match check::events(step) {
        0 => "no event".to_owned(),
        1 => "one event".to_owned(),
        count => format!("{count} events"),
    });
    let mut lines = Lines::new(style, ROOM, 1);
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        lines.piece(Tone::Quiet, &if index < last { format!("{part};") } else { part.clone() });
    }
    lines.into_vec()
}

/// The curl command, which can be pasted, and the headers that decide.
fn sent(seen: &Seen, style: Style) -> Vec<String> {
    let mut command = Lines::new(style, ROOM - 2, 1);
    let pieces = curl::command(seen.sent.request, seen.gateway);
    for piece in &pieces {
        command.piece(Tone::Plain, piece);
    }
    let mut headers = Lines::new(style, ROOM, 2);
    if let Some(token) = seen.step.request.token {
        headers.piece(Tone::Quiet, &format!("{} is a token:", token.name));
        for (name, value) in idp::contents(token) {
            headers.pair(name, &value);
        }
        headers.end_line();
    }
    let in_token = |name: &str| name == "authorization" && seen.sent.token.is_some();
    for name in seen.group.deciding.iter().filter(|name| !in_token(name)) {
        let values: Vec<_> = seen.step.request.headers.iter().filter(|header| header.0 == *name).collect();
        if values.is_empty() {
            headers.piece(Tone::Quiet, &format!("{name}: (not sent)"));
        }
        for (_, value) in values {
            let value = if value.is_empty() { "(empty)".to_owned() } else { value.escape_ascii().to_string() };
            headers.piece(Tone::Quiet, &format!("{name}: {value}"));
        }
    }
    // A backslash at each line's end, but for the last, makes one command of them.
    [command.into_vec().join(" \\\n").lines().map(str::to_owned).collect(), headers.into_vec()].concat()
}

fn answer(seen: &Seen, style: Style) -> Vec<String> {
    let answer = &seen.answer;
    let tone = if answer.status < 400 { Tone::Good } else { Tone::Refused };
    let phrase = http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let mut lines = Lines::new(style, ROOM, 2);
    lines.piece(tone, &format!("{} {}", answer.status, phrase.unwrap_or_default()));
    lines.piece(Tone::Quiet, answer.headers.text("content-type").as_deref().unwrap_or("no content-type"));
    if answer.body.is_empty() {
        lines.piece(Tone::Plain, "(no body)");
    }
    // A list of what is wrong is longer than a line, and so may be what comes before it.
    for part in answer.body.trim_end().split_inclusive('[').flat_map(|part| part.split_inclusive("},")) {
        let breaks: &[char] = if part.len() > ROOM { &[','] } else { &[] };
        part.split_inclusive(breaks).for_each(|part| lines.piece(Tone::Plain, part));
    }
    for name in TOLD {
        let Some(value) = answer.headers.text(name) else { continue };
        lines.end_line();
        format!("{name}: {value}").split_inclusive(", ").for_each(|part| lines.piece(Tone::Quiet, part.trim_end()));
    }
    lines.into_vec()
}

fn upstream(seen: &Seen, style: Style) -> Vec<String> {
    let mut lines = Lines::new(style, ROOM, 2);
    if seen.upstream.is_empty() {
        lines.piece(Tone::Plain, "saw nothing");
    }
    for received in &seen.upstream {
        lines.piece(Tone::Plain, &format!("saw {} {}", received.method, received.path));
        for (name, value) in received.headers.iter().filter(|(name, _)| seen.group.deciding.contains(name)) {
            lines.piece(Tone::Quiet, &format!("{name}: {}", value.escape_ascii()));
        }
        lines.end_line();
    }
    lines.into_vec()
}

fn metric(moved: &Moved, style: Style) -> Vec<String> {
    let sample = &moved.sample;
    let mut lines = Lines::new(style, ROOM, 2);
    lines.piece(Tone::Plain, &format!("{} went from {} to {}", sample.name, moved.before, sample.value));
    lines.end_line();
    sample.labels.iter().for_each(|(name, value)| lines.pair(name, value));
    lines.into_vec()
}

fn event(event: &Value, style: Style) -> Vec<String> {
    let mut lines = Lines::new(style, ROOM, 2);
    for name in EVENT_FIELDS {
        match event.pointer(&format!("/{}", name.replace('.', "/"))) {
            None => {}
            Some(Value::String(text)) => lines.pair(name, text),
            Some(other) => lines.pair(name, &other.to_string()),
        }
    }
    for (name, value) in event["portcullis"]["details"].as_object().into_iter().flatten() {
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.pair(&format!("details.{name}"), &text);
        }
    }
    lines.into_vec()
}
