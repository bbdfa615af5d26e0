//! How responses are judged, of modules that export their callbacks.
//!
//! A response that is held reaches the client when it is judged; until then Envoy buffers it, up to its own limit. One
//! that is not held goes on as it comes, and a copy of it is judged at its end.

use portcullis_shared::{problem::Refusal, request::Headers, response::Response};

use super::{
    Flow, Vm, chain_of,
    judge::{Answer, Tools, conclude},
};
use crate::{
    documents::SharedStore,
    host::{Host, Level, Reply},
    request::HostRequest,
    watched::Watched,
};

impl<H: Host> Vm<H> {
    /// A response's headers are here.
    pub fn on_response_headers(&mut self, context: u32, end_of_stream: bool) -> Flow {
        if self.responses.is_empty() {
            return Flow::Continue;
        }
        self.host.begin();
        let Some(mut watched) = self.responses.take(context) else { return Flow::Continue };
        for (name, value) in watched.sets.drain(..) {
            if self.host.set_response_header(name, value.as_bytes()).is_err() {
                self.host.log(Level::Error, "portcullis: Envoy does not set a response header");
            }
        }
        if watched.checks.is_empty() {
            return Flow::Continue;
        }
        let Self { host, roots, trail, pipelines, metrics, .. } = self;
        let Some(chain) = chain_of(roots, watched.root) else { return Flow::Continue };
        if !watched.checks.iter().all(|(_, check)| check.judges_local) && !is_from_upstream(host) {
            watched.checks.retain(|(_, check)| check.judges_local);
        }
        let headers = host.response_headers().map(Headers::Packed);
        // Each call that hands something over costs an entry into the VM, so the status is taken from among all.
        let status = |headers: &Headers<'_>| std::str::from_utf8(headers.get(":status")?).ok()?.parse().ok();
        let Some((status, headers)) = headers.ok().and_then(|headers| Some((status(&headers)?, headers))) else {
            host.log(Level::Error, "portcullis: Envoy does not show a response");
            return Flow::Continue;
        };
        let store = &SharedStore(host);
        let response = Response { status, headers, ended: end_of_stream, now: host.now(), store };
        let request = HostRequest::with_headers(host, &watched.request);
        for (index, check) in watched.checks.drain(..) {
            let Some(link) = chain.get(index) else { continue };
            trail.begin(link.allowed_is_audited);
            let body = (check.judge)(&response, trail);
            let answer = if check.holds { Answer::Reply } else { Answer::Nothing };
            let tools = &mut Tools { host, pipelines, metrics, answer };
            if conclude(tools, &request, link, trail, false) == Flow::Pause {
                return Flow::Pause;
            }
            if let Some(body) = body {
                watched.holds |= check.holds;
                watched.bodies.push((index, body));
            }
        }
        if watched.bodies.is_empty() {
            return Flow::Continue;
        }
        if end_of_stream {
            self.judge_response(&mut watched, Some(0));
            return Flow::Continue;
        }
        let flow = if watched.holds { Flow::Pause } else { Flow::Continue };
        self.responses.watch(context, watched);
        flow
    }

    /// More of a response's body is here; while it is held, Envoy shows all of it that came so far.
    pub fn on_response_body(&mut self, context: u32, size: usize, end_of_stream: bool) -> Flow {
        if self.responses.is_empty() {
            return Flow::Continue;
        }
        self.host.begin();
        let Some(mut watched) = self.responses.take(context) else { return Flow::Continue };
        if watched.is_replaced {
            if self.host.set_response_body(&[]).is_err() {
                self.host.log(Level::Error, "portcullis: Envoy does not empty a response");
            }
            if !end_of_stream {
                self.responses.watch(context, watched);
            }
            return Flow::Continue;
        }
        let known = watched.copy.len();
        let all = if watched.holds { size } else { known.saturating_add(size) };
        let limit = watched.bodies.iter().map(|(_, body)| body.limit).min().unwrap_or_default();
        if all > limit || (!watched.holds && !self.responses.has_room(all)) {
            watched.is_replaced = self.judge_response(&mut watched, None) == Flow::Pause;
            if watched.is_replaced && !end_of_stream {
                self.responses.watch(context, watched);
            }
            return Flow::Continue;
        }
        if !watched.holds {
            let chunk = self.host.response_body(size).unwrap_or_default();
            watched.copy.extend_from_slice(chunk);
        }
        if end_of_stream {
            self.judge_response(&mut watched, Some(size));
            return Flow::Continue;
        }
        let flow = if watched.holds { Flow::Pause } else { Flow::Continue };
        self.responses.watch(context, watched);
        flow
    }

    /// A response's trailers are here: its body has ended, and no body callback has said so.
    pub fn on_response_trailers(&mut self, context: u32) -> Flow {
        if self.responses.is_empty() {
            return Flow::Continue;
        }
        self.host.begin();
        if let Some(mut watched) = self.responses.take(context)
            && (watched.is_replaced || self.judge_response(&mut watched, Some(usize::MAX)) == Flow::Pause)
        {
            self.remove_response_trailers();
        }
        Flow::Continue
    }

    /// Those of a response in whose place the client gets another.
    fn remove_response_trailers(&self) {
        for (name, _) in self.host.response_trailers().into_iter().flatten() {
            if self.host.remove_response_trailer(name).is_err() {
                self.host.log(Level::Error, "portcullis: Envoy does not remove a trailer");
            }
        }
    }

    /// Judges a body that is all here: `size` is that of what Envoy holds. `None`: there is too much of it to be judged.
    /// [`Flow::Pause`] when the client gets another.
    fn judge_response(&mut self, watched: &mut Watched, size: Option<usize>) -> Flow {
        let Self { host, roots, trail, pipelines, metrics, .. } = self;
        let Some(chain) = chain_of(roots, watched.root) else { return Flow::Continue };
        let body = match size {
            Some(size) if watched.holds && size > 0 => host.response_body(size).unwrap_or_default(),
            _ => watched.copy.as_slice(),
        };
        let request = HostRequest::with_headers(host, &watched.request);
        let answer = if watched.holds { Answer::Replace } else { Answer::Nothing };
        for (index, check) in watched.bodies.drain(..) {
            let Some(link) = chain.get(index) else { continue };
            trail.begin(link.allowed_is_audited);
            match size {
                Some(_) => (check.judge)(body, trail),
                None => trail.conclude(check.over_limit),
            }
            if conclude(&mut Tools { host, pipelines, metrics, answer }, &request, link, trail, false) == Flow::Pause {
                return Flow::Pause;
            }
        }
        Flow::Continue
    }
}

/// Whether a response is the upstream's own; if not, Envoy or one of its filters has answered.
fn is_from_upstream(host: &impl Host) -> bool {
    matches!(host.property("response\0code_details"), Ok(Some(b"via_upstream")))
}

/// Puts another answer in the place of a response that is held.
pub(super) fn replace(host: &impl Host, reply: &Reply) {
    const ABOUT_THE_BODY: [&str; 10] = [
        "content-encoding",
        "content-disposition",
        "content-language",
        "content-range",
        "etag",
        "last-modified",
        "cache-control",
        "expires",
        "accept-ranges",
        "trailer",
    ];
    let removed = ABOUT_THE_BODY.iter().all(|name| host.remove_response_header(name).is_ok());
    let set = [(":status", reply.status.to_string()), ("content-length", reply.body.len().to_string())]
        .iter()
        .all(|(name, value)| host.set_response_header(name, value.as_bytes()).is_ok());
    let typed = host.set_response_header("content-type", Refusal::CONTENT_TYPE.as_bytes()).is_ok();
    if host.set_response_body(reply.body.as_bytes()).is_err() || !removed || !set || !typed {
        host.log(Level::Error, "portcullis: Envoy does not replace a response");
    }
}
