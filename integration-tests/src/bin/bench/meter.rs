//! What the kernel knows of a process.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_integration_tests::Envoy;

/// Sums over all threads since the start.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Processor time, user and system.
    pub(crate) cpu: Duration,
    /// Time spent ready to run while others ran: what shows that a machine is busy. `None` if the kernel does not tell.
    pub(crate) waited: Option<Duration>,
}

/// Reads `schedstat`, which counts nanoseconds, or where the kernel has none `stat`, which counts in steps of 10 ms.
pub(crate) fn usage(envoy: &Envoy) -> io::Result<Usage> {
    let mut total = (0, 0);
    for thread in threads(envoy.pid())? {
        let Ok(text) = fs::read_to_string(thread.join("schedstat")) else {
            return Ok(Usage { cpu: envoy.cpu_time(), waited: None });
        };
        let mut fields = text.split_whitespace().map(|field| field.parse::<u64>().unwrap_or_default());
        total.0 += fields.next().unwrap_or_default();
        total.1 += fields.next().unwrap_or_default();
    }
    Ok(Usage { cpu: Duration::from_nanos(total.0), waited: Some(Duration::from_nanos(total.1)) })
}

/// The folders of a process's threads below `/proc`.
pub(crate) fn threads(process: u32) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(format!("/proc/{process}/task"))?.map(|entry| Ok(entry?.path())).collect()
}
