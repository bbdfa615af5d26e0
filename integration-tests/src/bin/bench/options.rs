//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_integration_tests::workspace;

use crate::Result;

pub(crate) const HELP: &str = "\
Measures what the filters cost in a real Envoy: make bench BENCH_ARGS=\"OPTION ...\"
All of it takes about three quarters of an hour. Leave the machine alone meanwhile: what else runs shows in the figures.

  --quick            a short run that shows that all of it works; its figures are rough
  --only NAME,...    only these: a group, a variant, group/variant (--list has the names), or the first word of
                     several groups, such as jwt
  --rounds N         rounds in all [30]
  --restarts N       how often all Envoys are started anew, each time for a share of the rounds [6]
  --seconds S        how long a variant is under load in a round, for each kind of load [0.5]
  --rate N           requests a second for the latencies; less if the machine is slow [5000]
  --save DIR         where results.json, samples.csv and cost.svg go [target/bench]
  --json FILE        writes results.json here as well
  --extra-wasm FILE  measures one more module, without a configuration; may be repeated
  --list             prints the names of groups and variants
  --help             prints this
";

pub(crate) enum Command {
    Help,
    List,
    Run(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) only: Vec<String>,
    pub(crate) rounds: u32,
    pub(crate) restarts: u32,
    /// Under each kind of load.
    pub(crate) slice: Duration,
    pub(crate) rate: u32,
    pub(crate) save: PathBuf,
    pub(crate) json: Option<PathBuf>,
    pub(crate) extra_wasm: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            rounds: 30,
            restarts: 6,
            slice: Duration::from_millis(500),
            rate: 5000,
            save: workspace("target/bench"),
            json: None,
            extra_wasm: Vec::new(),
        }
    }
}

impl Command {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Options::default();
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{option} needs a value"));
            match option.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--quick" => {
                    options.rounds = 4;
                    options.restarts = 1;
                    options.slice = Duration::from_millis(200);
                }
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--rounds" => options.rounds = number(&option, &value()?, 1..=1000)?,
                "--restarts" => options.restarts = number(&option, &value()?, 1..=100)?,
                "--rate" => options.rate = number(&option, &value()?, 100..=50_000)?,
                "--seconds" => options.slice = Duration::from_secs_f64(seconds(&value()?)?),
                "--save" => options.save = value()?.into(),
                "--json" => options.json = Some(value()?.into()),
                "--extra-wasm" => options.extra_wasm.push(value()?.into()),
                _ => return Err(format!("what is {option}?\n\n{HELP}").into()),
            }
        }
        options.restarts = options.restarts.min(options.rounds);
        Ok(Self::Run(options))
    }
}

fn number(option: &str, text: &str, range: RangeInclusive<u32>) -> Result<u32> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{option} takes {} to {}, not {text}", range.start(), range.end()).into())
}

fn seconds(text: &str) -> Result<f64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.05..=60.0).contains(seconds));
    seconds.ok_or_else(|| format!("--seconds takes 0.05 to 60, not {text}").into())
}
