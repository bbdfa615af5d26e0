//! The rate limit service that a fleet shares: the tests' own, on a real Redis, away from Envoy's processor.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use portcullis_integration_tests::{RateLimitService, Redis};

use crate::Result;
use crate::limits;
use crate::stage::Processors;

/// Lives as long as the process.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// The process of its Redis.
    pub(crate) redis: u32,
}

impl Service {
    /// In a thread of its own: the main one starts and measures.
    pub(crate) fn start(processors: &Processors) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (started, when_started) = mpsc::channel();
        let load = processors.clone();
        thread::spawn(move || {
            if let Err(error) = load.join_load() {
                return drop(started.send(Err(error)));
            }
            runtime.block_on(async {
                let redis = Redis::start().await;
                let service = RateLimitService::start(&redis, &limits::descriptors()).await;
                let _ = started.send(Ok(Self { address: service.address(), redis: redis.pid() }));
                pending::<()>().await;
            });
        });
        let service = when_started.recv().map_err(|_| "the rate limit service did not start")??;
        processors.move_to_load(service.redis)?;
        Ok(service)
    }
}
