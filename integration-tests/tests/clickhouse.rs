//! A real store takes batches as Envoy sent them: `ClickHouse`, in process as the Python module `chdb`.
//!
//! Run by `make test-clickhouse`, which fetches it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use portcullis_integration_tests::{
    Batch, Bootstrap, Client, Collector, Envoy, Launch, Request, Upstream, WasmFilter, dist, merge, workspace,
};
use serde_json::{Value, json};

const TABLE: &str = "envoy/observability/clickhouse.sql";

/// Runs SQL statements, each a file, and prints what the last one gives.
const PYTHON: &str = "
import sys
from chdb.session import Session
session = Session()
for file in sys.argv[1:]:
    with open(file, encoding='utf-8') as sql:
        result = session.query(sql.read())
print(result, end='')
";

/// Says no to what the table has no column for.
const STRICT: &str = "input_format_skip_unknown_fields=0&input_format_json_ignore_unknown_keys_in_named_tuple=0";

/// The `audit` part in the table's comments.
fn documented_config() -> Value {
    let sql = fs::read_to_string(workspace(TABLE)).unwrap();
    let lines = sql.lines().map_while(|line| line.strip_prefix("--"));
    let lines = lines.skip_while(|line| !line.contains("\"audit\": {")).take_while(|line| !line.trim().is_empty());
    let config: Value = serde_json::from_str(&format!("{{{}}}", lines.collect::<String>())).expect("JSON in comments");
    config["audit"].clone()
}

/// The statement that `ClickHouse`'s HTTP interface makes of a batch.
fn statement(batch: &Batch) -> String {
    let (_, query) = batch.path.split_once('?').expect("a query");
    let (settings, parameters): (Vec<_>, Vec<_>) =
        query.split('&').chain(STRICT.split('&')).partition(|p| !p.starts_with("query="));
    let insert = parameters[0]["query=".len()..].replace("%20", " ");
    let (into, format) = insert.split_once(" FORMAT ").expect("a format");
    let settings: Vec<String> = settings.iter().map(|setting| setting.replacen('=', "='", 1) + "'").collect();
    let body = String::from_utf8(batch.body.clone()).expect("UTF-8");
    format!("{into} SETTINGS {} FORMAT {format} {body}", settings.join(", "))
}

/// A real Envoy's batches in both formats, from these many denials.
async fn batches() -> Vec<Batch> {
    let (upstream, collector) = (Upstream::start().await, Collector::start().await);
    let audit = documented_config();
    let config = |format: &str| {
        let mut config = json!({
            "rules": [
                {"name": "scanners", "preset": ["scanners"], "action": "deny"},
                {"name": "named", "contains": ["BadBot"], "action": "deny"},
                {"name": "tools", "contains": ["curl"], "paths": ["/internal/**"], "action": "deny", "mode": "shadow"},
            ],
            "audit": audit,
        });
        merge(&mut config["audit"], &json!({"format": format, "batch": {"max_age_ms": 50}}));
        config
    };
    let options = json!({"xff_num_trusted_hops": 1, "preserve_external_request_id": true});
    for format in ["ndjson", "json"] {
        let filter =
            WasmFilter::new("ua_block", dist("ua_block")).config(&config(format)).env(&["CLICKHOUSE_PASSWORD"]);
        let bootstrap =
            Bootstrap::new(upstream.address()).cluster("clickhouse", collector.address()).http(&options).filter(filter);
        let envoy = Launch::new(bootstrap).env("CLICKHOUSE_PASSWORD", "s3cret").start().await;
        send_all(&envoy).await;
        collector.await_count(if format == "json" { 24 } else { 12 }).await;
    }
    collector.batches()
}

async fn send_all(envoy: &Envoy) {
    let (h1, h2) = (Client::h1(envoy.address()), Client::h2(envoy.address()));
    for (agent, source, path, count) in [
        (&b"BadBot/1.0"[..], "203.0.113.7", "/", 3),
        (b"BadBot \"quoted\\\" \xf0\x9f\x94\x91", "203.0.113.8", "/a?b='c'\\&token=x", 2),
        (b"BadBot\xa1", "203.0.113.7", "/", 1),
        (b"sqlmap/1.8", "2001:db8::7", "/?q=1", 2),
        (b"", "203.0.113.7", "/", 1),
        (b"curl/8", "203.0.113.9", "/a/..%2finternal/x", 2),
        (b"curl/8", "203.0.113.9", "/internal", 1),
        (b"Mozilla/5.0", "203.0.113.7", "/", 5),
    ] {
        let request = Request::get(path).header("user-agent", agent).header("x-forwarded-for", source);
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let request = request.header("traceparent", trace).header("x-request-id", "request-1");
        for n in 0..count {
            if n == 0 {
                h1.send(request.clone()).await
            } else {
                h2.send(request.clone()).await
            };
        }
    }
}

/// Runs `sql` after the table was made and filled with the batches; the rows.
fn select(batches: &[Batch], sql: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let ddl = fs::read_to_string(workspace(TABLE)).unwrap();
    let statements = ddl.split_inclusive(";\n").map(str::to_owned);
    let statements = statements.chain(batches.iter().map(statement)).chain([format!("{sql} FORMAT JSONEachRow")]);
    let write = |(n, sql)| {
        let file = folder.path().join(format!("{n}.sql"));
        fs::write(&file, sql).unwrap();
        file
    };
    let files: Vec<_> = statements.enumerate().map(write).collect();
    let python = std::env::var("PORTCULLIS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = Command::new(python).args(["-c", PYTHON]).args(files).current_dir(&folder).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let rows = String::from_utf8(run.stdout).unwrap();
    rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chdb: make test-clickhouse"]
async fn clickhouse_takes_batches_as_they_are() {
    let batches = batches().await;
    assert!(batches.iter().all(|batch| batch.headers.text("x-clickhouse-key").as_deref() == Some("s3cret")));

    let rows = select(
        &batches,
        "SELECT rule.name AS rule, event.reason AS reason, toString(source.ip) AS ip, toUInt32(count()) AS count
         FROM portcullis.events WHERE portcullis.class = 'deny' GROUP BY ALL ORDER BY ALL",
    );
    let expected = [
        ("empty", "user_agent_empty", "::ffff:203.0.113.7", 2),
        ("named", "user_agent_denied", "::ffff:203.0.113.7", 6),
        ("named", "user_agent_denied", "::ffff:203.0.113.8", 4),
        ("non_utf8", "user_agent_not_utf8", "::ffff:203.0.113.7", 2),
        ("scanners", "user_agent_denied", "2001:db8::7", 4),
    ];
    assert_eq!(
        rows,
        expected.map(|(rule, reason, ip, count)| json!({"rule": rule, "reason": reason, "ip": ip, "count": count}))
    );

    let rows = select(
        &batches,
        "SELECT url.path AS path, toString(portcullis.details.path_ambiguity) AS why, toUInt32(count()) AS count
         FROM portcullis.events WHERE portcullis.class = 'shadow' GROUP BY ALL ORDER BY ALL",
    );
    let ambiguous = json!({"path": "/a/..%2finternal/x", "why": "path_encoded_slash", "count": 4});
    assert_eq!(rows, [ambiguous, json!({"path": "/internal", "why": "", "count": 2})]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chdb: make test-clickhouse"]
async fn clickhouse_keeps_every_field_and_one_of_each_event() {
    let batches = batches().await;
    let sent: Vec<Value> = batches.iter().flat_map(|batch| batch.events.clone().unwrap()).collect();
    // Delivered twice.
    let twice: Vec<Batch> = batches.iter().chain(&batches).cloned().collect();
    let rows = select(&twice, "SELECT * FROM portcullis.events FINAL");
    assert_eq!(rows.len(), sent.len());
    let by_id = |events: &[Value]| -> BTreeMap<String, Value> {
        events.iter().map(|event| (event["event"]["id"].as_str().unwrap().to_owned(), comparable(event))).collect()
    };
    assert_eq!(by_id(&rows), by_id(&sent));
}

/// An event with what `ClickHouse` writes in another way: absent values as null, addresses as IPv6, times with a space.
fn comparable(event: &Value) -> Value {
    match event {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), comparable(value)));
            let empty = |value: &Value| value.is_null() || value == &json!({});
            Value::Object(fields.filter(|(_, value)| !empty(value)).collect())
        }
        Value::String(text) => {
            let text = text.strip_prefix("::ffff:").unwrap_or(text);
            let is_time = text.len() > 25 && text.starts_with("20") && text.as_bytes()[13] == b':';
            if is_time { json!(text.replace('T', " ").trim_end_matches('Z')) } else { json!(text) }
        }
        // 64 bits go as text.
        Value::Number(number) => json!(number.to_string()),
        other => other.clone(),
    }
}
