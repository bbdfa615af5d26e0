-- A ClickHouse table for Portcullis' audit events: one column for each of their objects. What the fields mean stands in
-- shared/src/audit/event.rs.
--
-- Envoy posts its batches to ClickHouse itself (`http_port`, 8123 by default). The filter's configuration:
--
--   "audit": {
--     "cluster": "clickhouse", "format": "ndjson", "header_env": { "x-clickhouse-key": "CLICKHOUSE_PASSWORD" },
--     "headers": { "x-clickhouse-user": "portcullis" },
--     "path": "/?query=INSERT%20INTO%20portcullis.events%20FORMAT%20JSONEachRow&date_time_input_format=best_effort"
--   }
--
-- Events are delivered at least once. Those that came twice have the same key here, and `FROM portcullis.events FINAL` shows
-- them once.
CREATE DATABASE IF NOT EXISTS portcullis;

CREATE TABLE IF NOT EXISTS portcullis.events
(
    `@timestamp` DateTime64(6, 'UTC'),
    `ecs` Tuple(version LowCardinality(String)),
    `event` Tuple(
        id String,
        kind LowCardinality(String),
        category Array(LowCardinality(String)),
        type Array(LowCardinality(String)),
        action LowCardinality(String),
        outcome LowCardinality(String),
        reason LowCardinality(String),
        sequence UInt64,
        module LowCardinality(String),
        dataset LowCardinality(String),
        provider LowCardinality(String)
    ),
    `rule` Tuple(name LowCardinality(String), ruleset LowCardinality(String)),
    -- IPv4 addresses as ::ffff:203.0.113.7; toIPv4OrNull and isIPAddressInRange take them.
    `source` Tuple(ip Nullable(IPv6), port Nullable(UInt16)),
    `http` Tuple(
        version Nullable(String),
        request Tuple(method Nullable(String), id Nullable(String)),
        response Tuple(status_code Nullable(UInt16))
    ),
    `url` Tuple(path Nullable(String), query Nullable(String), domain Nullable(String)),
    `user_agent` Tuple(original Nullable(String)),
    `trace` Tuple(id Nullable(String)),
    `span` Tuple(id Nullable(String)),
    `observer` Tuple(
        vendor LowCardinality(String),
        product LowCardinality(String),
        type LowCardinality(String),
        version LowCardinality(String)
    ),
    `portcullis` Tuple(
        filter LowCardinality(String),
        action LowCardinality(String),
        mode LowCardinality(String),
        vm LowCardinality(String),
        class LowCardinality(String),
        details JSON,
        details_omitted Nullable(UInt32)
    )
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(`@timestamp`)
ORDER BY (`@timestamp`, event.id)
TTL toDateTime(`@timestamp`) + INTERVAL 90 DAY;
