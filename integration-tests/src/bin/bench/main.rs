//! `make bench`: what the filters cost in a real Envoy, beside the ways Envoy itself offers.
//!
//! Every variant is an Envoy with one worker in front of one nginx, all of them alive at once. They are measured in
//! turn, in many short rounds whose order changes, and each is compared with the bare Envoy of its own round; so what
//! drifts on the machine drifts for all. Now and then all Envoys are started anew, because one process can be luckier
//! with its memory than the next. [`variants`] is the table of what is measured.

#![expect(clippy::cast_precision_loss, reason = "no figure here needs more than 52 bits")]

mod agents;
mod h2load;
mod machine;
mod meter;
mod numbers;
mod options;
mod pace;
mod report;
mod rounds;
mod setups;
mod stage;
mod variants;

use std::error::Error;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::machine::Machine;
use crate::options::{Command, Options};
use crate::report::Report;
use crate::rounds::Results;
use crate::stage::Stage;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One thread: what is measured shall have the processors to itself, and its children must be started by a thread that
/// lives as long as the process.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        outcome = bench() => outcome,
        signal = interrupted() => Err(format!("stopped by {signal}").into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("\nerror: {error}");
        ExitCode::FAILURE
    })
}

async fn bench() -> Result<ExitCode> {
    let options = match Command::parse(std::env::args().skip(1))? {
        Command::Help => {
            print!("{}", options::HELP);
            return Ok(ExitCode::SUCCESS);
        }
        Command::List => {
            variants::groups().iter().for_each(|group| print!("{group}"));
            return Ok(ExitCode::SUCCESS);
        }
        Command::Run(options) => options,
    };
    let groups = variants::select(&options)?;
    let stage = Stage::set().await?;
    let machine = Machine::look(&stage).await;
    println!("{machine}");
    let results = rounds::run(&stage, groups, &options).await?;
    let report = Report::new(machine, &options, results);
    print!("{}", report.table());
    report.write(&options)?;
    Ok(if report.complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits for Ctrl-C or an order to end; then everything started here is dropped, and ends.
async fn interrupted() -> &'static str {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
    }
}
