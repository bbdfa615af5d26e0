//! A request as the host shows it, in the request-headers callback.

use portcullis_shared::{
    net,
    request::{Headers, Request, Unavailable},
    store::Store,
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    net::IpAddr,
};

use crate::{
    documents::{Documents, SharedStore},
    host::{Host, Refused},
};

/// Asks the host when a policy asks, and for the same thing once.
pub(crate) struct HostRequest<'a, H> {
    host: &'a H,
    may_wait: bool,
    has_body: bool,
    /// When it was first asked: a request is judged at one moment.
    now: OnceCell<u64>,
    /// Those of the policy that is asked.
    documents: Cell<Option<&'a Documents>>,
    store: SharedStore<'a, H>,
    client: OnceCell<Result<Option<Client>, Unavailable>>,
    /// Until a header is edited.
    headers: RefCell<Option<Result<Headers<'a>, Unavailable>>>,
}

/// The client, as Envoy trusts it (`source.address`).
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
}

impl<'a, H: Host> HostRequest<'a, H> {
    pub(crate) fn new(host: &'a H, may_wait: bool, has_body: bool) -> Self {
        Self {
            host,
            may_wait,
            has_body,
            now: OnceCell::new(),
            documents: Cell::new(None),
            store: SharedStore(host),
            client: OnceCell::new(),
            headers: RefCell::new(None),
        }
    }

    /// A request whose headers the host shows no more, and some of which were kept.
    pub(crate) fn with_headers(host: &'a H, headers: &'a [(String, Vec<u8>)]) -> Self {
        let request = Self::new(host, false, false);
        request.headers.replace(Some(Ok(Headers::Listed(headers))));
        request
    }

    /// Which documents the policy that is asked next may ask for.
    pub(crate) fn see_documents(&self, documents: &'a Documents) {
        self.documents.set(Some(documents));
    }

    /// All headers in one call: cheaper than three calls for one header each.
    pub(crate) fn all_headers(&self) -> Result<Headers<'a>, Unavailable> {
        let mut known = self.headers.try_borrow_mut().map_err(|_| Unavailable)?;
        known.get_or_insert_with(|| self.host.request_headers().map(Headers::Packed).map_err(unavailable)).clone()
    }

    /// The headers may have changed.
    fn forget_headers(&self) {
        self.headers.replace(None);
    }

    pub(crate) fn client(&self) -> Result<Option<Client>, Unavailable> {
        *self.client.get_or_init(|| {
            let source = self.host.property("source\0address").map_err(unavailable)?;
            // A Unix socket or an internal listener: a client without an address.
            Ok(source.and_then(|source| {
                let address = net::parse_client_address(source).ok()?;
                Some(Client { address, port: port(source) })
            }))
        })
    }
}

fn unavailable(_: Refused) -> Unavailable {
    Unavailable
}

fn port(source: &[u8]) -> Option<u16> {
    let port = source.rsplit(|&byte| byte == b':').next()?;
    // Behind a trusted proxy Envoy knows the address, and says port 0.
    std::str::from_utf8(port).ok()?.parse().ok().filter(|port| *port != 0)
}

impl<H: Host> Request for HostRequest<'_, H> {
    fn header(&self, name: &str) -> Result<Option<&[u8]>, Unavailable> {
        match &*self.headers.try_borrow().map_err(|_| Unavailable)? {
            Some(Ok(headers)) => Ok(headers.get(name)),
            Some(Err(unavailable)) => Err(*unavailable),
            None => self.host.request_header(name).map_err(unavailable),
        }
    }

    fn headers(&self) -> Result<Headers<'_>, Unavailable> {
        self.all_headers()
    }

    fn client_address(&self) -> Result<Option<IpAddr>, Unavailable> {
        Ok(self.client()?.map(|client| client.address))
    }

    fn now(&self) -> u64 {
        *self.now.get_or_init(|| self.host.now())
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }

    fn has_body(&self) -> bool {
        self.has_body
    }

    fn has_document(&self, document: usize) -> bool {
        self.documents.get().is_some_and(|documents| documents.is_usable(document, self.now()))
    }

    fn demand_document(&self, document: usize) -> bool {
        let now = self.now();
        self.documents.get().is_some_and(|documents| documents.demand(document, now, &self.store))
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn property(&self, path: &str) -> Result<Option<&[u8]>, Unavailable> {
        self.host.property(path).map_err(unavailable)
    }

    fn random(&self) -> u64 {
        self.host.random()
    }

    fn foreign(&self, function: &str, arguments: &[u8]) -> Option<&[u8]> {
        self.host.foreign(function, arguments)
    }

    fn set_header(&self, name: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.forget_headers();
        self.host.set_request_header(name, value).map_err(unavailable)
    }

    fn remove_header(&self, name: &str) -> Result<(), Unavailable> {
        self.forget_headers();
        self.host.remove_request_header(name).map_err(unavailable)
    }

    fn set_body(&self, body: &[u8]) -> Result<(), Unavailable> {
        // What is left of the old length would make a request of its own out of the rest.
        if self.header("content-length")?.is_some() {
            self.set_header("content-length", body.len().to_string().as_bytes())?;
        }
        self.host.set_request_body(body).map_err(unavailable)
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.host.set_property(name, value).map_err(unavailable)
    }
}
