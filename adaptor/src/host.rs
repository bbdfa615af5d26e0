//! What the proxy offers, as a trait: everything above it is tested natively with a host made of plain data.

#[cfg(any(target_arch = "wasm32", test))]
pub(crate) mod abi;
#[cfg(any(target_arch = "wasm32", test))]
#[cfg_attr(not(target_arch = "wasm32"), expect(unreachable_pub, reason = "exported to filters as WebAssembly only"))]
mod arena;
mod pairs;
#[cfg(target_arch = "wasm32")]
mod wasm;

use portcullis_shared::request::Packed;

#[cfg(target_arch = "wasm32")]
pub use arena::memory_allocate;
pub use pairs::render;
#[cfg(target_arch = "wasm32")]
pub use wasm::WasmHost;

/// The host refused a call; the number is proxy-wasm's status (ABI 0.2.1, `proxy_status_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u32);

/// The version of a shared value that is not there: Envoy takes it for "create, and do not overwrite".
pub const ABSENT: u32 = u32::MAX;

/// A log level, by proxy-wasm's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Level {
    /// For one who follows what the filter does.
    Info = 2,
    /// Something is wrong, and it goes on.
    Warn = 3,
    /// Something does not work.
    Error = 4,
}

/// Names a counter or gauge that was defined in the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric(pub u32);

/// The two kinds of metric in use, by proxy-wasm's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MetricKind {
    /// Only goes up.
    Counter = 0,
    /// Goes up and down. Workers share it, so it is moved by differences, never set.
    Gauge = 1,
}

/// An answer to the client in place of the upstream's, rendered when the configuration loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`: no spaces.
    pub details: String,
    /// Headers, as [`render`] makes them.
    pub headers: Vec<u8>,
    /// The body; for gRPC requests Envoy makes it the `grpc-message`.
    pub body: String,
    /// The body for gRPC requests.
    pub grpc_message: String,
    /// Sent in place of `status` when the request is gRPC; Envoy sees to the form.
    pub grpc_status: u8,
}

/// A call to an HTTP service in one of Envoy's clusters.
#[derive(Clone, Copy, Debug)]
pub struct HttpCall<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Headers with `:method`, `:path` and `:authority`, as [`render`] makes them.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// Envoy answers 504 in the service's place after this long.
    pub timeout_ms: u32,
}

/// The host's calls, byte-safe and without panics.
///
/// Slices are borrowed from the host until the callback ends: [`Host::begin`] takes it by `&mut`, so the compiler sees
/// to it that none outlives its callback.
pub trait Host {
    /// Starts a callback: memory that the host filled during the last one is used again.
    fn begin(&mut self);

    /// The first value of a request header.
    fn request_header(&self, name: &str) -> Result<Option<&[u8]>, Refused>;

    /// All request headers.
    fn request_headers(&self) -> Result<Packed<'_>, Refused>;

    /// A property (Envoy's attributes), by its path: steps with a NUL between them.
    fn property(&self, path: &str) -> Result<Option<&[u8]>, Refused>;

    /// The filter's configuration, in `on_configure`.
    fn configuration(&self, size: usize) -> Result<&[u8], Refused>;

    /// Replaces all values of a request header, or adds it.
    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), Refused>;

    /// Takes all values of a request header away.
    fn remove_request_header(&self, name: &str) -> Result<(), Refused>;

    /// The request's trailers, in their callback.
    fn request_trailers(&self) -> Result<Packed<'_>, Refused>;

    /// Takes all values of a trailer away.
    fn remove_request_trailer(&self, name: &[u8]) -> Result<(), Refused>;

    /// Leaves a value for later filters of the stream.
    fn set_property(&self, path: &str, value: &[u8]) -> Result<(), Refused>;

    /// What is there of the request's body: in its callbacks, and while the request is paused there.
    fn request_body(&self) -> Result<&[u8], Refused>;

    /// Replaces the request's body, in its callbacks.
    fn set_request_body(&self, body: &[u8]) -> Result<(), Refused>;

    /// All response headers, in their callback.
    fn response_headers(&self) -> Result<Packed<'_>, Refused>;

    /// What is there of the response's body, in its callbacks, up to `size` bytes.
    fn response_body(&self, size: usize) -> Result<&[u8], Refused>;

    /// Replaces all values of a response header, or adds it: in their callback, and while the response is held.
    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), Refused>;

    /// Takes all values of a response header away: while the response is held.
    fn remove_response_header(&self, name: &str) -> Result<(), Refused>;

    /// The response's trailers, in their callback.
    fn response_trailers(&self) -> Result<Packed<'_>, Refused>;

    /// Takes all values of a response's trailer away.
    fn remove_response_trailer(&self, name: &[u8]) -> Result<(), Refused>;

    /// Replaces the response's body, in its callbacks.
    fn set_response_body(&self, body: &[u8]) -> Result<(), Refused>;

    /// Makes a stream the one that other calls are about; `false` when it is gone. A root's context id goes back to the
    /// root. Lasts until the callback ends.
    fn enter(&self, context: u32) -> bool;

    /// Lets the paused request go on.
    fn resume(&self) -> Result<(), Refused>;

    /// Calls a function that this host has beyond proxy-wasm's; `None` when it has it not or refuses the arguments.
    fn foreign(&self, function: &str, arguments: &[u8]) -> Option<&[u8]>;

    /// A value that all VMs with the same `vm_id` share, and its version.
    fn shared(&self, key: &str) -> Result<Option<(&[u8], u32)>, Refused>;

    /// Sets a shared value if its version is still this one; `false` when it is not. Of a value that is not there
    /// yet the version is [`ABSENT`].
    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Refused>;

    /// The status of a call's response, in `on_http_call_response`.
    fn call_status(&self) -> Option<u16>;

    /// All headers of a call's response, in `on_http_call_response`.
    fn call_headers(&self) -> Result<Packed<'_>, Refused>;

    /// All trailers of a call's response, in `on_http_call_response`; an error where it has none.
    fn call_trailers(&self) -> Result<Packed<'_>, Refused>;

    /// The body of a call's response, in `on_http_call_response`.
    fn call_body(&self, size: usize) -> Result<&[u8], Refused>;

    /// Answers the request.
    fn reply(&self, reply: &Reply, grpc: bool) -> Result<(), Refused>;

    /// Sends a call; the token comes back with the response.
    fn http_call(&self, call: HttpCall<'_>) -> Result<u32, Refused>;

    /// Defines a metric. Envoy keeps it for ever, so each name is defined once in a VM.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<Metric, Refused>;

    /// Moves a metric. Envoy refuses 0.
    fn add(&self, metric: Metric, by: i64);

    /// Asks for `on_tick` on the current root context every so many milliseconds.
    fn tick_every(&self, milliseconds: u32);

    /// Writes to Envoy's log.
    fn log(&self, level: Level, message: &str);

    /// The wall clock, in nanoseconds since 1970.
    fn now(&self) -> u64;

    /// A random number, of which nothing can be foretold from others.
    fn random(&self) -> u64;

    /// A variable of the VM's environment (`vm_config.environment_variables`).
    fn environment(&self, name: &str) -> Option<String>;
}
