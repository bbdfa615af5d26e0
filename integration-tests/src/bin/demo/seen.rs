//! Walks the tour, and gathers what was seen of each step.

use std::borrow::Cow;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_integration_tests::{DEADLINE, Received, Sample, until};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use crate::answer::{Answer, Sent, send};
use crate::check;
use crate::stage::Stage;
use crate::step::{Event, Group, Step};

/// A batch of events leaves within a second or so: what has not come by then does not come.
const SETTLED: Duration = Duration::from_millis(1500);

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) number: usize,
    pub(crate) group: &'static Group,
    pub(crate) step: &'static Step,
    /// Where it was sent to.
    pub(crate) gateway: SocketAddr,
    pub(crate) sent: Sent,
    /// The statuses of the same request sent before.
    pub(crate) burst: Vec<u16>,
    pub(crate) answer: Answer,
    pub(crate) upstream: Vec<Received>,
    pub(crate) moved: Vec<Moved>,
    pub(crate) events: Vec<Value>,
    /// What is otherwise than the step expects.
    pub(crate) differences: Vec<String>,
    /// The client's, which tells its events from others.
    pub(crate) port: u16,
}

impl Seen {
    /// Nothing yet.
    pub(crate) fn new(number: usize, group: &'static Group, step: &'static Step) -> Self {
        Self {
            number,
            group,
            step,
            gateway: SocketAddr::from(([0; 4], 0)),
            sent: Sent { request: &step.request, token: None },
            burst: Vec::new(),
            answer: Answer::default(),
            upstream: Vec::new(),
            moved: Vec::new(),
            events: Vec::new(),
            differences: Vec::new(),
            port: 0,
        }
    }

    pub(crate) fn is_as_expected(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A metric that changed.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) sample: Sample,
    pub(crate) before: f64,
}

/// Sends all requests one after the other, then waits for the events.
pub(crate) async fn walk(stage: &Stage, groups: &'static [Group]) -> Result<Vec<Seen>, Box<dyn Error>> {
    let mut walked = Vec::new();
    let mut page = metrics(stage).await;
    for (group, step) in groups.iter().flat_map(|group| group.steps.iter().map(move |step| (group, step))) {
        let (seen, after) = walk_step(stage, group, step, walked.len() + 1, &page).await?;
        walked.push(seen);
        page = after;
    }
    let settled = Instant::now() + SETTLED;
    let expected: Vec<_> = walked.iter().map(|seen| (seen.port, check::events(seen.step))).collect();
    let all = || async {
        let events = stage.collector.events();
        let complete =
            |(port, count): &(u16, usize)| events.iter().filter(|event| is_from(event, *port)).count() >= *count;
        expected.iter().all(complete).then_some(())
    };
    // If some stay out, the steps that lack them say so.
    let _ = until(DEADLINE, all).await;
    sleep_until(settled).await;
    let events = stage.collector.events();
    for seen in &mut walked {
        seen.events = events.iter().filter(|event| is_from(event, seen.port)).cloned().collect();
        seen.differences = check::differences(seen);
    }
    Ok(walked)
}

async fn walk_step(
    stage: &Stage,
    group: &'static Group,
    step: &'static Step,
    number: usize,
    before: &[Sample],
) -> Result<(Seen, Vec<Sample>), Box<dyn Error>> {
    let (sent, gateway) = (Sent::new(&step.request), stage.gateway(group.filter));
    let once = || async {
        let answer = timeout(DEADLINE, send(&sent, gateway)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer after {DEADLINE:?}").into()));
        answer.map_err(|error| format!("step {number}, {}: {error}", step.title))
    };
    let mut burst = Vec::new();
    let mut before = Cow::Borrowed(before);
    if let Some(event) = step.event {
        stage.let_happen(event).await;
        if let Event::Burst(times) = event {
            while burst.len() < times {
                burst.push(once().await?.1.status);
            }
            before = metrics(stage).await.into();
        }
    }
    stage.upstream.clear();
    let (port, answer) = once().await?;
    let after = metrics(stage).await;
    let seen = Seen {
        gateway,
        burst,
        answer,
        upstream: stage.upstream.requests(),
        moved: moved(&before, &after),
        sent,
        port,
        ..Seen::new(number, group, step)
    };
    Ok((seen, after))
}

/// The filters' decisions. Other metrics move by themselves: events are delivered later, keys are fetched.
async fn metrics(stage: &Stage) -> Vec<Sample> {
    let mut samples = stage.envoy.stats().samples().await;
    samples.retain(|sample| sample.name == "portcullis_decisions_total");
    samples
}

fn moved(before: &[Sample], after: &[Sample]) -> Vec<Moved> {
    let changes = after.iter().filter_map(|sample| {
        let same = before.iter().find(|old| old.name == sample.name && old.labels == sample.labels);
        let before = same.map_or(0.0, |old| old.value);
        (before.to_bits() != sample.value.to_bits()).then(|| Moved { sample: sample.clone(), before })
    });
    let mut changes: Vec<Moved> = changes.collect();
    // Denials first, in whatever mode: they are what a step is about.
    changes.sort_by_key(|moved| moved.sample.label("action") != Some("deny"));
    changes
}

fn is_from(event: &Value, port: u16) -> bool {
    event.pointer("/source/port").and_then(Value::as_u64) == Some(port.into())
}
