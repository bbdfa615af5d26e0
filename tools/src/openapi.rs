//! From an OpenAPI document, which people keep in YAML, to the configuration of `schema_check`, which is JSON.

mod bundle;
mod envoy;
mod node;
mod part;
mod read;
mod scalar;
mod slim;
#[cfg(test)]
mod tests;
mod yaml;

use node::Node;

use crate::Outcome;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// The document's file; `-` for standard input.
    file: &'a str,
    /// A file with the other keys of the configuration.
    config: Option<&'a str>,
    /// An entry of `http_filters` instead of the bare configuration.
    envoy: bool,
    /// Without what the filter never reads.
    slim: bool,
    /// With what it reads to judge responses, which else is left out of a slim document.
    responses: bool,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(&arg) = args.next() {
            match arg {
                "--config" => options.config = Some(args.next().copied().ok_or("--config needs a file")?),
                "--envoy" => options.envoy = true,
                "--slim" => options.slim = true,
                "--responses" => options.responses = true,
                _ if options.file.is_empty() && (arg == "-" || !arg.starts_with('-')) => options.file = arg,
                _ => return Err(format!("openapi: {arg}: not understood")),
            }
        }
        if options.file.is_empty() {
            return Err("openapi: which file?".to_owned());
        }
        Ok(options)
    }
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let options = Options::parse(args)?;
    let text = read::text(options.file)?;
    let config = options.config.map(|file| Ok::<_, String>((file, read::text(file)?))).transpose()?;
    Ok((convert(&options, &text, config.as_ref().map(|(file, text)| (*file, text.as_str())))?, true))
}

/// The configuration made of a document's text, and a configuration's name and text.
fn convert(options: &Options<'_>, text: &str, config: Option<(&str, &str)>) -> Result<String, String> {
    let document = read::parse(options.file, text)?;
    check(options.file, &document)?;
    let mut config = match config {
        Some((file, text)) => match read::parse(file, text)? {
            config @ Node::Map(_) => config,
            _ => return Err(format!("{file}: not an object")),
        },
        None => Node::Map(Vec::new()),
    };
    let mode = config.get("response").and_then(|response| response.get("mode")).and_then(Node::as_str);
    let responses = options.responses || mode.is_some_and(|mode| mode != "off");

    let mut document = bundle::bundle(options.file, text, document)?;
    if options.slim {
        let ignored = match config.get("ignore") {
            Some(Node::List(pointers)) => pointers.iter().filter_map(Node::as_str).collect(),
            _ => Vec::new(),
        };
        document = slim::slim(&document, responses, &ignored);
    }
    config.set("openapi", document);
    if options.envoy {
        return Ok(envoy::fragment(&config, responses));
    }
    let mut text = String::new();
    config.write(0, &mut text);
    text.push('\n');
    Ok(text)
}

/// Refuses what is no OpenAPI document of a version that the filter reads.
fn check(file: &str, document: &Node) -> Result<(), String> {
    if document.get("swagger").is_some() {
        let how = "npx swagger2openapi FILE --outfile openapi.json";
        return Err(format!("{file}: this is Swagger 2.0; convert it to OpenAPI 3 first: {how}"));
    }
    match document.get("openapi") {
        Some(Node::Text(version)) if version.starts_with("3.0.") || version.starts_with("3.1.") => Ok(()),
        Some(Node::Text(version)) => Err(format!("{file}: OpenAPI {version}: only 3.0 and 3.1 are read")),
        Some(Node::Number(version)) => {
            Err(format!("{file}: openapi: {version} is a number: write a text of three parts, as \"{version}.0\""))
        }
        Some(_) => Err(format!("{file}: openapi: not a version")),
        None => Err(format!("{file}: no OpenAPI document: it has no key `openapi`")),
    }
}
