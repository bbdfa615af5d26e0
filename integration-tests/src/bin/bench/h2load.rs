//! Load at the full rate, by h2load: as many requests as fit through fifty connections.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::Result;
use crate::stage::Stage;
use crate::variants::Load;

pub(crate) const CONNECTIONS: u32 = 50;

/// A count of requests that should take a second or so, and never more than this.
const LIMIT: Duration = Duration::from_mins(2);

/// Sends `count` requests and returns how many went through in a second.
pub(crate) async fn run(stage: &Stage, to: SocketAddr, load: &Load, count: u64) -> Result<f64> {
    let mut command = stage.command("h2load");
    command.args(["--h1", "-t", "1", "-c", &CONNECTIONS.to_string(), "-n", &count.to_string()]);
    for (name, value) in &load.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    if !load.body.is_empty() {
        let file = stage.folder().join("body.bin");
        fs::write(&file, &load.body)?;
        command.arg("-d").arg(file);
    }
    command.arg(format!("http://{to}{}", load.path)).stdout(Stdio::piped()).stderr(Stdio::null());
    let output = timeout(LIMIT, command.output()).await.map_err(|_| format!("no end of the load after {LIMIT:?}"))?;
    let output = output.map_err(|error| format!("cannot start h2load: {error}\n  Run: scripts/setup bench"))?;
    let page = String::from_utf8_lossy(&output.stdout);
    let expected = format!("{count} {}xx", load.status / 100);
    let statuses = after(&page, "status codes: ").unwrap_or("none");
    if !statuses.contains(&expected) {
        return Err(format!("of {count} requests not all were answered {}: {statuses}", load.status).into());
    }
    rate(&page).ok_or_else(|| format!("h2load's answer is not understood:\n{page}").into())
}

/// `finished in 1.44s, 20840.15 req/s, 3.04MB/s`
fn rate(page: &str) -> Option<f64> {
    let (_, rest) = after(page, "finished in ")?.split_once(", ")?;
    rest.split_once(" req/s")?.0.parse().ok()
}

/// The rest of the line that starts so.
fn after<'page>(page: &'page str, start: &str) -> Option<&'page str> {
    page.lines().find_map(|line| line.strip_prefix(start))
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_the_rate() {
        let page = "progress: 100% done\n\nfinished in 1.44s, 20840.15 req/s, 3.04MB/s\nrequests: 30000 total\n";
        assert_eq!(super::rate(page), Some(20_840.15));
    }
}
