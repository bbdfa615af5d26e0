//! `make demo`: a real Envoy with the filters, as a newcomer would set it up, and a tour through what they do.
//!
//! The tour is a list of [`Step`](step::Step)s in [`tour`]: each has a request and what is expected of it. Everything
//! shown is what was sent and seen; a step that went otherwise than expected is marked and makes the demo fail. To add
//! to the tour, add an entry to a filter's list there, or a list.

mod answer;
mod check;
mod curl;
mod idp;
mod json;
mod limits;
mod live;
mod options;
mod seen;
mod show;
mod stage;
mod step;
mod stop;
mod style;
mod summary;
mod tour;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::options::{Command, Options};
use crate::seen::Seen;
use crate::stage::Stage;
use crate::stop::Stop;

/// One thread, so that what has arrived cannot grow between looking at it and clearing it away.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Command::parse(std::env::args().skip(1)) {
        Ok(Command::Run(options)) => demo(options).await,
        Ok(Command::Help) => say(options::HELP).map(|()| true).map_err(Into::into),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every step went as expected.
async fn demo(options: Options) -> Result<bool, Box<dyn Error>> {
    let mut stop = Stop::listen()?;
    let stage = match Stage::set().await {
        Ok(stage) => stage,
        // Ctrl-C in a terminal goes to Envoy as well.
        Err(_) if stop.asked().await => return Err("stopped".into()),
        Err(error) => return Err(error),
    };
    let outcome = tokio::select! {
        outcome = walk(&stage, options) => outcome,
        () = stop.wait() => Err("stopped before the tour was over".into()),
    };
    let served = if outcome.is_ok() && !options.once {
        tokio::select! {
            served = live::serve(&stage, options.style) => served,
            () = stop.wait() => say("\n"),
        }
    } else {
        Ok(())
    };
    stage.strike().await;
    served?;
    outcome
}

async fn walk(stage: &Stage, options: Options) -> Result<bool, Box<dyn Error>> {
    let groups = tour::groups();
    if !options.json {
        let requests = groups.iter().map(|group| group.steps.len()).sum();
        say(&show::intro(stage, requests, options.style))?;
    }
    let seen = seen::walk(stage, groups).await?;
    let passed = seen.iter().all(Seen::is_as_expected);
    if options.json {
        say(&format!("{:#}\n", json::report(stage, &seen)))?;
    } else {
        say(&show::steps(stage, &seen, options.style))?;
        say(&summary::table(&seen, options.style))?;
        say(&summary::verdict(stage, &seen, options.style))?;
    }
    if !passed {
        let log = stage.envoy.log();
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        eprintln!("\nEnvoy's log ends:");
        lines.iter().rev().for_each(|line| eprintln!("  {line}"));
    }
    Ok(passed)
}

/// Prints; unlike `print!` it leaves it to the caller what becomes of a reader that has gone away.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
