//! The configurations that users copy, and the pages about them: they say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use portcullis_integration_tests::{Envoy, Example, Launch, read_yaml, workspace};
use serde_json::Value;

/// The filters that have a gateway `envoy/<filter>.yaml` and a page `docs/<filter>.md`.
const FILTERS: [&str; 4] = ["ua_block", "jwt_bola", "schema_check", "ratelimit"];

fn gateway(filter: &str) -> String {
    format!("envoy/{filter}.yaml")
}

fn text(file: &str) -> String {
    fs::read_to_string(workspace(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_filter_has_one() {
    let folders = fs::read_dir(workspace("filters")).unwrap().map(|entry| entry.unwrap().file_name());
    let filters: BTreeSet<String> = folders.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(filters, FILTERS.map(str::to_owned).into());
}

#[test]
fn addresses_are_those_in_the_comments() {
    let mut listeners = BTreeSet::new();
    for filter in FILTERS {
        let (text, root) = (text(&gateway(filter)), read_yaml(workspace(gateway(filter))));
        let port = |address: &Value| address["socket_address"]["port_value"].to_string();
        let listener = port(&root["static_resources"]["listeners"][0]["address"]);
        let comments = || text.lines().filter(|line| line.starts_with('#'));
        let has = |part: &str| comments().any(|line| line.contains(part));
        assert!(has(&format!("envoy -c {}", gateway(filter))));
        assert!(
            comments().any(|line| line.contains("curl ") && line.contains(&format!("http://localhost:{listener}/")))
        );
        assert!(has(&format!("http://localhost:{}/stats/prometheus", port(&root["admin"]["address"]))));
        listeners.insert(listener);
    }
    assert_eq!(listeners.len(), FILTERS.len(), "the demo has all of them at a time");
}

#[test]
fn stats_tags_are_the_same_everywhere() {
    let of = |file: &str| read_yaml(workspace(file))["stats_config"]["stats_tags"].take();
    let tags = of("envoy/stats_tags.yaml");
    assert_eq!(tags.as_array().map(Vec::len), Some(8));
    for filter in FILTERS {
        assert_eq!(of(&gateway(filter)), tags, "{filter}");
    }
}

/// The first block of YAML on the page.
#[test]
fn the_page_shows_the_same_filter() {
    for filter in FILTERS {
        let page = text(&format!("docs/{filter}.md"));
        let block = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a YAML block");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("block.yaml");
        fs::write(&file, block).unwrap();
        let mut shown = read_yaml(&file)[0].take();
        let root = read_yaml(workspace(gateway(filter)));
        let manager = &root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
        let mut shipped = manager["typed_config"]["http_filters"][0].clone();
        let parse = |filter: &mut Value| -> Value {
            let text = filter["typed_config"]["config"]["configuration"]["value"].take();
            serde_json::from_str(text.as_str().expect("JSON as text")).unwrap()
        };
        assert_eq!(parse(&mut shown), parse(&mut shipped), "{filter}");
        assert_eq!(shown, shipped, "{filter}");
    }
}

/// The service is where the gateway looks for it, and has the limits that the gateway asks it about.
#[test]
fn the_rate_limit_service_of_the_compose_file_fits_its_gateway() {
    let [compose, limits, root] = ["ratelimit.compose", "ratelimit_descriptors", "ratelimit"]
        .map(|file| read_yaml(workspace(format!("envoy/{file}.yaml"))));
    let service = &compose["services"]["ratelimit"];
    assert!(service["volumes"][0].as_str().unwrap().starts_with("./ratelimit_descriptors.yaml:"));
    let clusters = root["static_resources"]["clusters"].as_array().unwrap();
    let cluster = clusters.iter().find(|cluster| cluster["name"] == "ratelimit").unwrap();
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    let port = endpoint["address"]["socket_address"]["port_value"].to_string();
    assert_eq!(service["environment"]["GRPC_PORT"], port.as_str());
    let manager = &root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let config = manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"].as_str().unwrap();
    let config: Value = serde_json::from_str(config).unwrap();
    assert_eq!(config["global"]["domain"], limits["domain"]);
    let global = config["limits"].as_array().unwrap().iter().filter(|limit| limit["global"] == true);
    for limit in global {
        let known = limits["descriptors"].as_array().unwrap().iter();
        let of_name = |known: &&Value| known["key"] == "limit" && known["value"] == limit["name"];
        let found = known.clone().find(of_name).unwrap_or_else(|| panic!("no descriptor for {limit}"));
        assert_eq!(found["descriptors"][0]["key"], limit["key"][0]);
        assert_eq!(found["descriptors"][0]["rate_limit"]["requests_per_unit"], limit["quota"]);
    }
}

/// As it stands, with TLS where it has that. Only the addresses lead nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_loads_and_its_metrics_are_documented() {
    for filter in FILTERS {
        let example = Example::load(&gateway(filter));
        let envoy: Envoy = Launch::new(&example).env("PORTCULLIS_HS256", &"0123456789abcdef".repeat(4)).start().await;
        let pages = text("README.md") + &text(&format!("docs/{filter}.md"));
        let samples = envoy.stats().samples().await;
        let ours: Vec<_> = samples.iter().filter(|sample| sample.name.contains("portcullis")).collect();
        assert!(!ours.is_empty());
        for sample in ours {
            // So no label stays behind in a name, either.
            assert!(pages.contains(&format!("`{}`", sample.name)), "{} is not documented", sample.name);
            for (label, _) in sample.labels.iter().filter(|(label, _)| label != "le") {
                assert!(pages.contains(&format!("`{label}`")), "the label {label} is not documented");
            }
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = FILTERS.map(|filter| format!("docs/{filter}.md"));
    for page in pages.iter().map(String::as_str).chain(["README.md"]) {
        let text = text(page);
        let folder = Path::new(page).parent().unwrap();
        let mut links = 0;
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            // Configurations for usual providers are on their way.
            if link.starts_with("https://") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.into() } else { folder.join(file) };
            assert!(workspace(&target).exists(), "{page}: {link}");
            assert!(anchor.is_empty() || has_heading(&target, anchor), "{page}: {link}");
        }
        assert!(links > 3, "{page}");
    }
}

/// Whether a page has a heading that this is the anchor of.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(workspace(page)).unwrap();
    text.lines().filter_map(|line| line.strip_prefix('#')).any(|heading| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.replace(|char: char| !char.is_alphanumeric() && char != '-' && char != '_', "") == anchor
    })
}
