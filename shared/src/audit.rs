//! Audit events: what they say, which are kept when there are too many, and how they reach a collector.
//!
//! A filter renders an event from its outcome's [`event::Template`], hands it to [`Delivery::offer`], and lets
//! [`Delivery::poll`] say on each tick which batch to send. Nothing here waits: a request pays for building one event,
//! whatever the collector does.
//!
//! Delivery is at least once. A collector that was slow to answer may get an event twice; `event.id` tells.

mod class;
pub mod config;
pub mod delivery;
pub mod event;
pub mod queue;

pub use class::{Class, PerClass};
pub use config::{AuditConfig, Sink};
pub use delivery::Delivery;
