//! Remote documents of a policy: polled by ticks, fetched by calls, shared by all workers through Envoy's shared data.

use portcullis_shared::{
    document::{Answer, Demand, Document, Failure, FetchId, Fetches, Step},
    metrics,
    policy::Policy,
    store::{NotSet, Store, Stored, Unavailable},
};
use std::cell::RefCell;

use crate::{
    audit::Define,
    host::{self, Host, HttpCall, Level, Metric, MetricKind},
};

/// Envoy's shared data. Without it each worker keeps what it needs to itself.
pub(crate) struct SharedStore<'a, H>(pub(crate) &'a H);

impl<H: Host> Store for SharedStore<'_, H> {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        let stored = self.0.shared(key).map_err(|_| Unavailable)?;
        Ok(stored.map(|(value, cas)| Stored { value: value.into(), cas }))
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        match self.0.set_shared(key, value, cas) {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotSet::CasMismatch),
            Err(_) => Err(NotSet::Unavailable),
        }
    }
}

/// The documents of one policy, in its order.
pub(crate) struct Documents(Vec<RefCell<Entry>>);

struct Entry {
    document: Document,
    /// Of the request that fetches it.
    headers: Vec<u8>,
    /// The call that is under way.
    call: Option<(u32, FetchId)>,
    /// In the order of [`Fetches::iter`].
    counters: Vec<Option<Metric>>,
    is_failing: bool,
}

impl Documents {
    pub(crate) fn new(filter: &str, policy: &dyn Policy, define: Define<'_>) -> Self {
        let entry = |source: portcullis_shared::document::Source| {
            let headers: Vec<_> = source.request_headers().collect();
            let headers = host::render(&headers);
            let counters = Fetches::default().iter().map(|(result, _)| {
                let labels = [("filter", filter), ("document", source.kind.name), ("result", result)];
                define(MetricKind::Counter, &metrics::name("portcullis_document_fetches_total", &labels))
            });
            let counters = counters.into();
            let document = Document::new(filter, source);
            RefCell::new(Entry { document, headers, call: None, counters, is_failing: false })
        };
        Self(policy.documents().into_iter().map(entry).collect())
    }

    /// Whether a document is there and recent enough.
    pub(crate) fn is_usable(&self, document: usize, now: u64) -> bool {
        let entry = self.0.get(document).and_then(|entry| entry.try_borrow().ok());
        entry.is_some_and(|entry| entry.document.is_usable(now))
    }

    /// Asks for a newer version; whether one is on its way. One that is due a little later is not waited for: who sends
    /// tokens with made-up keys would have all of them wait.
    pub(crate) fn demand(&self, document: usize, now: u64, store: &dyn Store) -> bool {
        let Some(mut entry) = self.0.get(document).and_then(|entry| entry.try_borrow_mut().ok()) else { return false };
        match entry.document.demand(now, store) {
            Demand::Stored | Demand::Coming => true,
            Demand::NotBefore(_) => false,
        }
    }

    /// How soon to poll again; `None` when there is no document.
    pub(crate) fn next_poll_ms(&self, is_waited_for: bool) -> Option<u32> {
        let entries = self.0.iter().filter_map(|entry| entry.try_borrow().ok());
        entries.map(|entry| entry.document.next_poll_ms(is_waited_for)).min()
    }

    /// Takes what other workers fetched, and fetches what is due; whether anything new is there.
    pub(crate) fn poll(&mut self, host: &impl Host, filter: &str, policy: &dyn Policy, now: u64) -> bool {
        let entries = self.0.iter_mut().enumerate();
        entries.fold(false, |has_new, (index, entry)| {
            has_new | entry.get_mut().poll(host, filter, policy, index, now, true)
        })
    }

    /// Takes what other workers fetched. Envoy sends no calls while it starts.
    pub(crate) fn take_shared(&mut self, host: &impl Host, filter: &str, policy: &dyn Policy) {
        let now = host.now();
        for (index, entry) in self.0.iter_mut().enumerate() {
            entry.get_mut().poll(host, filter, policy, index, now, false);
        }
    }

    /// The answer to a call; whether it is one of these.
    #[expect(clippy::too_many_arguments, reason = "they are what the host says of an answer")]
    pub(crate) fn answered(
        &mut self,
        host: &impl Host,
        filter: &str,
        policy: &dyn Policy,
        token: u32,
        status: Option<u16>,
        body_size: usize,
        now: u64,
    ) -> bool {
        let is_its = |entry: &Entry| entry.call.is_some_and(|(known, _)| known == token);
        let mut entries = self.0.iter_mut().map(RefCell::get_mut).enumerate();
        let Some((index, entry)) = entries.find(|(_, entry)| is_its(entry)) else { return false };
        let Some((_, fetch)) = entry.call.take() else { return false };
        entry.answered(host, filter, policy, index, fetch, status, body_size, now);
        true
    }
}

impl Entry {
    fn poll(
        &mut self,
        host: &impl Host,
        filter: &str,
        policy: &dyn Policy,
        index: usize,
        now: u64,
        fetch: bool,
    ) -> bool {
        let store = SharedStore(host);
        let random = &mut || host.random();
        let mut has_new = false;
        while let Some(step) = if fetch { self.document.poll(now, random, &store) } else { self.document.look(&store) }
        {
            match step {
                Step::New { body, .. } => match policy.read_document(index, &body) {
                    Ok(read) => {
                        (read.accept)();
                        has_new = true;
                    }
                    Err(_) => self.document.refuse(now, &store),
                },
                Step::Renewed { .. } => has_new = true,
                Step::Fetch(id) => self.fetch(host, id, now),
            }
        }
        self.count(host, filter);
        has_new
    }

    fn fetch(&mut self, host: &impl Host, id: FetchId, now: u64) {
        let source = self.document.source();
        let call =
            HttpCall { cluster: &source.cluster, headers: &self.headers, body: &[], timeout_ms: source.timeout_ms };
        if let Ok(token) = host.http_call(call) {
            self.call = Some((token, id));
        } else {
            let failed = Err(Failure::NotSent);
            let _ = self.document.answered(id, failed, now, &mut || host.random(), &SharedStore(host));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are what the host says of an answer")]
    fn answered(
        &mut self,
        host: &impl Host,
        filter: &str,
        policy: &dyn Policy,
        index: usize,
        fetch: FetchId,
        status: Option<u16>,
        body_size: usize,
        now: u64,
    ) {
        let most = self.document.source().max_bytes;
        let body = match Failure::of_status(status) {
            Some(failure) => Err(failure),
            None if body_size > most => Err(Failure::TooLarge),
            None => host.call_body(body_size).map_err(|_| Failure::Refused),
        };
        let name = self.document.source().kind.name;
        let mut read = None;
        let body = body.and_then(|body| match policy.read_document(index, body) {
            Ok(document) => {
                read = Some(document);
                Ok(body)
            }
            Err(why) => {
                host.log(Level::Warn, &format!("portcullis {filter}: document {name} is of no use: {why}"));
                Err(Failure::Refused)
            }
        });
        let answer = self.document.answered(fetch, body, now, &mut || host.random(), &SharedStore(host));
        self.count(host, filter);
        if let (Answer::New, Some(read)) = (answer, read) {
            if let Some(warning) = read.warning {
                host.log(Level::Warn, &format!("portcullis {filter}: document {name}: {warning}"));
            }
            (read.accept)();
        }
    }

    /// Moves the counters, and tells of failures that begin and end.
    fn count(&mut self, host: &impl Host, filter: &str) {
        for (counter, (_, count)) in self.counters.iter().zip(self.document.take_fetches().iter()) {
            if let Some(counter) = counter.filter(|_| count > 0) {
                host.add(counter, i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        let is_failing = self.document.failures() > 0;
        if is_failing != self.is_failing {
            self.is_failing = is_failing;
            let source = self.document.source();
            let state = if is_failing { "cannot be fetched" } else { "can be fetched again" };
            let (name, cluster) = (source.kind.name, &source.cluster);
            host.log(Level::Warn, &format!("portcullis {filter}: document {name} from cluster {cluster} {state}"));
        }
    }
}
