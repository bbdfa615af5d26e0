//! A request as the host shows it, in the request-headers callback.

use portcullis_shared::{
    net,
    request::{Request, Unavailable},
};
use std::{cell::OnceCell, net::IpAddr};

use crate::host::{Host, Pairs, Refused};

/// Asks the host when a policy asks, and for the same thing once.
pub(crate) struct HostRequest<'a, H> {
    host: &'a H,
    client: OnceCell<Result<Option<Client>, Unavailable>>,
    headers: OnceCell<Result<Pairs<'a>, Unavailable>>,
}

/// The client, as Envoy trusts it (`source.address`).
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
}

impl<'a, H: Host> HostRequest<'a, H> {
    pub(crate) fn new(host: &'a H) -> Self {
        Self { host, client: OnceCell::new(), headers: OnceCell::new() }
    }

    /// All headers in one call: cheaper than three calls for one header each.
    pub(crate) fn headers(&self) -> Result<Pairs<'a>, Unavailable> {
        *self.headers.get_or_init(|| self.host.request_headers().map_err(unavailable))
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
        match self.headers.get() {
            Some(headers) => Ok((*headers)?.get(name)),
            None => self.host.request_header(name).map_err(unavailable),
        }
    }

    fn client_address(&self) -> Result<Option<IpAddr>, Unavailable> {
        Ok(self.client()?.map(|client| client.address))
    }
}
