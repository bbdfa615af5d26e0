//! The command line.

use crate::style::Style;

pub(crate) const HELP: &str = "\
Shows what the filters do in a real Envoy: make demo DEMO_ARGS=\"OPTION ...\"

  --once   ends after the tour, instead of serving until Ctrl-C
  --json   prints the tour as JSON, with every event in full; ends after it
  --help   prints this

It fails (exit status 1) when a step went otherwise than expected. Colour needs a terminal, and NO_COLOR not set.
";

pub(crate) enum Command {
    Help,
    Run(Options),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) once: bool,
    pub(crate) json: bool,
    pub(crate) style: Style,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { once: false, json: false, style: Style::of_stdout() };
        for argument in arguments {
            match argument.as_str() {
                "--once" => options.once = true,
                "--json" => (options.json, options.once) = (true, true),
                "--help" | "-h" => return Ok(Self::Help),
                _ => return Err(format!("unknown option {argument:?}\n\n{HELP}")),
            }
        }
        Ok(Self::Run(options))
    }
}
