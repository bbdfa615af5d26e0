//! `make bench`: what the filters cost in a real Envoy, beside the ways Envoy itself offers.
//!
//! Every variant is an Envoy with one worker in front of one nginx, all of them alive at once. They are measured in
//! turn, in many short rounds whose order changes, and each is compared with the bare Envoy of its own round; so what
//! drifts on the machine drifts for all. Now and then all Envoys are started anew, because one process can be luckier
//! with its memory than the next. [`variants`] is the table of what is measured.

#![expect(clippy::cast_precision_loss, reason = "no figure here needs more than 52 bits")]

mod agents;
mod contract;
mod h2load;
mod limits;
mod machine;
mod meter;
mod numbers;
mod options;
mod pace;
mod report;
mod rounds;
mod service;
mod setups;
mod stage;
mod tokens;
mod variants;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{self, ExitCode};

use portcullis_integration_tests::Redis;
use tokio::signal::unix::{SignalKind, signal};

use crate::machine::Machine;
use crate::options::Command;
use crate::report::Report;
use crate::stage::Stage;
use crate::variants::Group;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One thread: what is measured shall have the processors to itself, and its children must be started by a thread that
/// lives as long as the process.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tempfile::env::override_temp_dir(folder.path()).expect("nobody was before us");
    let outcome = tokio::select! {
        outcome = bench() => outcome,
        () = interrupted(folder.path()) => unreachable!("the process ends there"),
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
            for group in variants::groups() {
                print!("{group}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        Command::Run(options) => options,
    };
    let mut groups = variants::select(&options)?;
    if !Redis::is_installed() {
        for group in groups.extract_if(.., |group| group.asks_service()) {
            eprintln!("{} is left out: there is no redis-server; run scripts/setup redis", group.name);
        }
    }
    if groups.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let stage = Stage::set(groups.iter().any(Group::asks_service)).await?;
    let machine = Machine::look(&stage).await;
    println!("{machine}");
    let results = rounds::run(&stage, groups, &options).await?;
    let report = Report::new(machine, &options, &results);
    print!("{}", report.table());
    report.write(&options)?;
    Ok(if report.complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits for Ctrl-C or an order to end, and ends the process; the kernel then ends its children. Nothing is dropped on
/// the way: the terminal sends Ctrl-C to the Envoys as well, and an Envoy's owner is alarmed when it is gone.
async fn interrupted(folder: &Path) {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    let mut hang_up = signal(SignalKind::hangup()).expect("a handler for SIGHUP");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    let _ = fs::remove_dir_all(folder);
    eprintln!("\nstopped");
    process::exit(130);
}
