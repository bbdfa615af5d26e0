//! Build-time tools. The Makefile runs them; nothing here ends up in a filter.

mod check_wasm;
mod openapi;
mod schema;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// What a subcommand ends with: what to print, and whether all was well.
type Outcome = Result<(String, bool), Box<dyn Error>>;

const USAGE: &str = "\
usage: portcullis-tools check-wasm DIST_DIR BUDGETS_JSON
         holds imports, exports and size of each DIST_DIR/*.wasm against its budget
       portcullis-tools schema --list
         lists the filters whose config has a JSON schema
       portcullis-tools schema FILTER
         prints the JSON schema of that filter's config
       portcullis-tools openapi FILE [--config CONFIG] [--envoy] [--slim] [--responses]
         prints the configuration of schema_check for the OpenAPI document in FILE (YAML or JSON; - for standard input)
         --config     a file with the other keys of the configuration
         --envoy      prints an entry for Envoy's http_filters instead
         --slim       leaves out what the filter never reads: descriptions, examples, responses, parts of no use
         --responses  for schema_check_responses.wasm, which judges responses: a slim document keeps them";

fn run(args: &[&str]) -> Outcome {
    match args {
        ["check-wasm", dist, budgets] => check_wasm::run(Path::new(dist), Path::new(budgets)),
        ["schema", "--list"] => Ok((schema::list(), true)),
        ["openapi", args @ ..] => openapi::run(args),
        ["schema", filter] => Ok((schema::of(filter)?, true)),
        _ => Err(USAGE.into()),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok((text, well)) => {
            print!("{text}");
            if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_commands_get_the_usage() {
        assert_eq!(run(&[]).unwrap_err().to_string(), USAGE);
        assert_eq!(run(&["schema"]).unwrap_err().to_string(), USAGE);
        assert_eq!(run(&["check-wasm", "dist"]).unwrap_err().to_string(), USAGE);
    }
}
