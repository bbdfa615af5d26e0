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
        let mut fields = text.split_whitespace().map(number);
        total.0 += fields.next().unwrap_or_default();
        total.1 += fields.next().unwrap_or_default();
    }
    Ok(Usage { cpu: Duration::from_nanos(total.0), waited: Some(Duration::from_nanos(total.1)) })
}

/// The folders of a process's threads below `/proc`.
pub(crate) fn threads(process: u32) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(format!("/proc/{process}/task"))?.map(|entry| Ok(entry?.path())).collect()
}

/// Processor time of the whole machine and of our part in it, since some moment long ago.
pub(crate) struct Share {
    busy: Duration,
    /// Taken by other guests of a virtual machine's host.
    stolen: Duration,
    ours: Duration,
}

impl Share {
    /// Now. `helpers` are children that live on; those that have ended count by themselves.
    pub(crate) fn now(helpers: &[u32]) -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        // cpu  user nice system idle iowait irq softirq steal
        let fields: Vec<u64> = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).map(number).collect();
        let field = |index| fields.get(index).copied().unwrap_or_default();
        let mut ours = own_ticks("self", 4)?;
        for helper in helpers {
            ours += own_ticks(&helper.to_string(), 2)?;
        }
        Ok(Self {
            busy: ticks(field(0) + field(1) + field(2) + field(5) + field(6)),
            stolen: ticks(field(7)),
            ours: ticks(ours),
        })
    }

    /// Processor time that others took since `before`: on this machine, or from all of it.
    pub(crate) fn others_since(&self, before: &Self) -> Duration {
        let busy = self.busy.saturating_sub(before.busy) + self.stolen.saturating_sub(before.stolen);
        busy.saturating_sub(self.ours.saturating_sub(before.ours))
    }
}

/// `utime`, `stime`, and (with 4) those of children that have ended.
fn own_ticks(process: &str, fields: usize) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything, so count from its end.
    let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
    Ok(rest.split_whitespace().skip(11).take(fields).map(number).sum())
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1000 / rustix::param::clock_ticks_per_second())
}
