//! The measuring: Envoys started, warmed up, and put under load in turn.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_integration_tests::{Client, Envoy, Launch, Request};

use crate::agents::Random;
use crate::meter::Share;
use crate::options::Options;
use crate::pace::{Plan, Turns, flood};
use crate::stage::Stage;
use crate::variants::{Group, Load, Variant};
use crate::{Result, h2load, meter, numbers};

/// Enough for V8 to compile what is hot, and for Envoy to have all its connections.
const WARM_UP: u64 = 20_000;

/// A slice in which other work had Envoy's processor for more than this part of the time is measured again, and the
/// least disturbed one counts.
const DISTURBED: f64 = 0.03;
const TRIES: u32 = 3;

pub(crate) struct Results {
    pub(crate) groups: Vec<(Group, Vec<Measured>)>,
    /// Requests a second for the latencies: what was asked for, or what the machine can do easily.
    pub(crate) rate: u32,
    /// The same by group: less where a service is asked that is slow.
    pub(crate) rates: Vec<u32>,
    /// How many processors other work had on the average.
    pub(crate) others: f64,
}

/// What was seen of a variant.
#[derive(Default)]
pub(crate) struct Measured {
    /// Processor milliseconds until ready, for each start.
    pub(crate) start_ms: Vec<f64>,
    pub(crate) lives: Vec<Life>,
    /// Why there are no figures, or no more.
    pub(crate) trouble: Option<String>,
}

/// One Envoy's life.
pub(crate) struct Life {
    /// Resident bytes after the warm-up.
    pub(crate) warm_bytes: u64,
    pub(crate) samples: Vec<Sample>,
    /// What Wasm filters counted, what went to the cluster `audit`, and what a rate limit service said to Envoy itself.
    pub(crate) counters: BTreeMap<String, u64>,
}

/// One round.
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) requests_per_second: f64,
    /// Processor microseconds of Envoy for each request, at the full rate.
    pub(crate) cpu_us: f64,
    /// The part of the time that Envoy was ready to run while its processor was taken.
    pub(crate) waited: Option<f64>,
    /// At the fixed rate, in microseconds.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) resident_bytes: u64,
}

struct Live {
    /// Places in the results.
    group: usize,
    variant: usize,
    envoy: Envoy,
    turns: Turns,
    life: Life,
}

/// How much load a round brings.
struct Slices {
    /// Requests at the full rate, by group.
    counts: Vec<u64>,
    /// Requests a second for the latencies, by group.
    rates: Vec<u32>,
    length: Duration,
}

pub(crate) async fn run(stage: &Stage, groups: Vec<Group>, options: &Options) -> Result<Results> {
    let unmeasured = |group: Group| {
        let measured = group.variants.iter().map(|_| Measured::default()).collect();
        (group, measured)
    };
    let turns: Vec<Turns> = groups.iter().map(|group| Turns::of(&group.load)).collect::<Result<_>>()?;
    let groups = groups.into_iter().map(unmeasured).collect();
    let mut results = Results { groups, rate: options.rate, rates: Vec::new(), others: 0.0 };
    let (before, start) = (Share::now(&stage.helpers())?, Instant::now());
    let mut round = 0;
    let mut progress = Progress::new(options);
    for restart in 0..options.restarts {
        let mut live = start_all(stage, &mut results, &turns, &mut progress).await?;
        let slices = warm_up(stage, &mut results, &mut live, options.slice).await?;
        let share = options.rounds * (restart + 1) / options.restarts;
        while round < share {
            progress.round(round);
            one_round(stage, &mut results, &mut live, round, &slices).await;
            round += 1;
        }
        for mut it in live {
            it.life.counters = counters(&it.envoy).await;
            results.groups[it.group].1[it.variant].lives.push(it.life);
        }
    }
    progress.end();
    let others = Share::now(&stage.helpers())?.others_since(&before);
    results.others = others.as_secs_f64() / start.elapsed().as_secs_f64();
    Ok(results)
}

async fn start_all(
    stage: &Stage,
    results: &mut Results,
    turns: &[Turns],
    progress: &mut Progress,
) -> Result<Vec<Live>> {
    let mut started = Vec::new();
    for (group_index, (group, measured)) in results.groups.iter_mut().enumerate() {
        for (variant_index, variant) in group.variants.iter().enumerate() {
            let measured = &mut measured[variant_index];
            if measured.trouble.is_some() {
                continue;
            }
            progress.tell(&format!("starting {}/{}", group.name, variant.name));
            match start(stage, variant, &group.load).await {
                Ok((envoy, start_ms)) => {
                    measured.start_ms.push(start_ms);
                    let life = Life { warm_bytes: 0, samples: Vec::new(), counters: BTreeMap::new() };
                    let turns = turns[group_index].anew();
                    started.push(Live { group: group_index, variant: variant_index, envoy, turns, life });
                }
                Err(error) if variant_index == 0 => return Err(error),
                Err(error) => measured.trouble = Some(error.to_string()),
            }
        }
    }
    Ok(started)
}

/// The Envoy and its processor milliseconds until it was ready.
async fn start(stage: &Stage, variant: &Variant, load: &Load) -> Result<(Envoy, f64)> {
    for module in variant.modules(stage) {
        if !Path::new(&module).is_file() {
            return Err(format!("there is no {module}; `make bench` builds it").into());
        }
    }
    let envoy = Launch::new((variant.setup)(stage)).concurrency(variant.workers).try_start().await?;
    let used = meter::usage(&envoy)?.cpu;
    stage.processors.pin(&envoy, variant.workers)?;
    if load.primed {
        let first = Request::get(load.path);
        let first = load.headers.iter().fold(first, |first, (name, value)| first.header(name, value));
        Client::h1(envoy.address()).send(first).await;
    }
    Ok((envoy, used.as_secs_f64() * 1e3))
}

/// Brings every Envoy to its full speed, and finds out how much load is a slice.
async fn warm_up(stage: &Stage, results: &mut Results, live: &mut Vec<Live>, length: Duration) -> Result<Slices> {
    // Requests a second of what all others in a group have to keep up with.
    let mut slowest = vec![f64::INFINITY; results.groups.len()];
    let mut going = Vec::new();
    for mut it in live.drain(..) {
        let (group, measured) = &mut results.groups[it.group];
        match full_load(stage, &it, &group.load, WARM_UP).await {
            Ok(rate) => {
                if it.variant == 0 {
                    results.rate = results.rate.min(easy(rate));
                }
                if it.variant == 0 || group.variants[it.variant].asks_service {
                    slowest[it.group] = slowest[it.group].min(rate);
                }
                it.life.warm_bytes = it.envoy.resident_bytes();
                going.push(it);
            }
            Err(error) if it.variant == 0 => return Err(error),
            Err(error) => measured[it.variant].trouble = Some(error.to_string()),
        }
    }
    *live = going;
    results.rates = slowest.iter().map(|slowest| results.rate.min(easy(*slowest))).collect();
    let counts = slowest.iter().map(|slowest| as_count(slowest * length.as_secs_f64()).max(1000)).collect();
    Ok(Slices { counts, rates: results.rates.clone(), length })
}

/// Far from what it can do: a latency shall not be a queue.
fn easy(rate: f64) -> u32 {
    let easy = as_count(rate / 3.0 / 100.0) * 100;
    u32::try_from(easy).unwrap_or(u32::MAX).max(100)
}

/// Each once, in an order of this round's own.
async fn one_round(stage: &Stage, results: &mut Results, live: &mut Vec<Live>, round: u32, slices: &Slices) {
    shuffle(live, round);
    let mut going = Vec::new();
    for mut it in live.drain(..) {
        let (group, measured) = &mut results.groups[it.group];
        match sample(stage, &it, group, round, slices).await {
            Ok(sample) => {
                it.life.samples.push(sample);
                going.push(it);
            }
            Err(error) => {
                measured[it.variant].trouble = Some(format!("in round {}: {error}", round + 1));
                measured[it.variant].lives.push(it.life);
            }
        }
    }
    *live = going;
}

async fn sample(stage: &Stage, it: &Live, group: &Group, round: u32, slices: &Slices) -> Result<Sample> {
    let alone = stage.processors.pinned() && group.variants[it.variant].workers == 1;
    let mut best = full_rate(stage, it, group, slices).await?;
    for _ in 1..TRIES {
        if best.waited.unwrap_or(0.0) <= DISTURBED || !alone {
            break;
        }
        let again = full_rate(stage, it, group, slices).await?;
        if again.waited < best.waited {
            best = again;
        }
    }
    let plan = Plan {
        to: it.envoy.address(),
        turns: it.turns.clone(),
        status: group.load.status,
        rate: slices.rates[it.group],
        length: slices.length,
        seed: u64::from(round) + 1,
    };
    let processors = stage.processors.clone();
    let paced = tokio::task::spawn_blocking(move || processors.join_load().and_then(|()| plan.run()));
    let latencies = numbers::sorted(paced.await??);
    let latency = |part| numbers::quantile(&latencies, part).ok_or("no request was sent at the fixed rate");
    Ok(Sample {
        round,
        requests_per_second: best.requests_per_second,
        cpu_us: best.cpu_us,
        waited: best.waited,
        p50_us: latency(0.5)?,
        p99_us: latency(0.99)?,
        resident_bytes: it.envoy.resident_bytes(),
    })
}

struct FullRate {
    requests_per_second: f64,
    cpu_us: f64,
    waited: Option<f64>,
}

async fn full_rate(stage: &Stage, it: &Live, group: &Group, slices: &Slices) -> Result<FullRate> {
    let count = slices.counts[it.group];
    let (before, start) = (meter::usage(&it.envoy)?, Instant::now());
    let requests_per_second = full_load(stage, it, &group.load, count).await?;
    let (after, took) = (meter::usage(&it.envoy)?, start.elapsed());
    let waited = before.waited.zip(after.waited).map(|(before, after)| after.saturating_sub(before));
    Ok(FullRate {
        requests_per_second,
        cpu_us: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / count as f64,
        waited: waited.map(|waited| waited.as_secs_f64() / took.as_secs_f64()),
    })
}

/// Sends `count` requests and returns how many went through in a second. Only a group's variants are compared, and they
/// all have the same sender.
async fn full_load(stage: &Stage, it: &Live, load: &Load, count: u64) -> Result<f64> {
    let to = it.envoy.address();
    if load.algorithm.is_none() {
        return h2load::run(stage, to, load, count).await;
    }
    let (processors, turns, status) = (stage.processors.clone(), it.turns.clone(), load.status);
    let sent = move || processors.join_load().and_then(|()| flood(to, &turns, status, count));
    Ok(tokio::task::spawn_blocking(sent).await??)
}

/// Fisher and Yates.
fn shuffle(live: &mut [Live], round: u32) {
    let mut random = Random::new(u64::from(round) + 1);
    for last in (1..live.len()).rev() {
        live.swap(last, random.below(last + 1));
    }
}

/// Those that have moved, of our filters and of what they and Envoy's own ask.
async fn counters(envoy: &Envoy) -> BTreeMap<String, u64> {
    let mut counters = envoy.stats().raw_below("wasmcustom.").await;
    for (name, value) in envoy.stats().raw_below("cluster.audit.upstream_").await {
        counters.insert(format!("cluster.audit.upstream_{name}"), value);
    }
    for (name, value) in envoy.stats().raw_below("cluster.upstream.ratelimit.").await {
        counters.insert(format!("cluster.upstream.ratelimit.{name}"), value);
    }
    counters.retain(|_, value| *value > 0);
    counters
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are small and above 0")]
fn as_count(rate: f64) -> u64 {
    rate as u64
}

/// Says on stderr how far it is: on one line of a terminal, or with each start elsewhere.
struct Progress {
    rounds: u32,
    first: Option<Instant>,
    terminal: bool,
    restarted: bool,
}

impl Progress {
    fn new(options: &Options) -> Self {
        Self { rounds: options.rounds, first: None, terminal: stderr().is_terminal(), restarted: false }
    }

    fn tell(&mut self, text: &str) {
        self.restarted = true;
        if self.terminal {
            eprint!("\r\x1b[K{text}");
            let _ = stderr().flush();
        }
    }

    fn round(&mut self, round: u32) {
        let first = *self.first.get_or_insert_with(Instant::now);
        let left = match round {
            0 => String::new(),
            _ => format!(
                ", about {:.0} s left",
                first.elapsed().as_secs_f64() / f64::from(round) * f64::from(self.rounds - round)
            ),
        };
        let text = format!("round {} of {}{left}", round + 1, self.rounds);
        if self.terminal {
            self.tell(&text);
        } else if self.restarted {
            eprintln!("{text}");
        }
        self.restarted = false;
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
