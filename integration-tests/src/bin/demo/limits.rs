//! The demo's rate limit service, and the Redis in which it counts.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_integration_tests::{RateLimitService, Redis, read_yaml, workspace};

/// The limits that the service knows, below the workspace.
const DESCRIPTORS: &str = "envoy/ratelimit_descriptors.yaml";

pub(crate) struct Limits {
    redis: Redis,
    service: RateLimitService,
}

impl Limits {
    /// Nothing is counted yet. The service's clock stands still, so that no window ends during the tour.
    pub(crate) async fn start() -> Result<Self, &'static str> {
        if !Redis::is_installed() {
            return Err("redis-server is missing: run scripts/setup redis");
        }
        let redis = Redis::start().await;
        let service = RateLimitService::start(&redis, &read_yaml(workspace(DESCRIPTORS))).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        service.set_clock(Some(now));
        Ok(Self { redis, service })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Lets windows end, as they do for real.
    pub(crate) fn let_time_pass(&self) {
        self.service.set_clock(None);
    }

    pub(crate) fn kill_redis(&self) {
        self.redis.kill();
    }

    pub(crate) async fn revive_redis(&self) {
        self.redis.restart().await;
    }
}
