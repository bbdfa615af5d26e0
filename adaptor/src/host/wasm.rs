//! The host as seen from inside Envoy's VM: the only code that calls the ABI.

use super::{Host, HttpCall, Level, Metric, MetricKind, Refused, Reply, abi, arena};
use portcullis_shared::request::Packed;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    ptr, slice,
    time::{SystemTime, UNIX_EPOCH},
};

/// Envoy. One value of it may exist in a VM.
#[derive(Debug, Default)]
pub struct WasmHost(());

fn done(status: u32) -> Result<(), Refused> {
    if status == abi::OK { Ok(()) } else { Err(Refused(status)) }
}

impl WasmHost {
    /// What a call hands over; `None` when it has nothing.
    ///
    /// The slice lives in the arena, and may be used as long as `self` is borrowed: only [`Host::begin`], which
    /// borrows it exclusively, takes the arena's memory back.
    #[expect(clippy::unused_self, reason = "the slice lives as long as it is borrowed")]
    fn handed_over(&self, call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Option<&[u8]>, Refused> {
        let (mut bytes, mut size) = (ptr::null_mut::<u8>(), 0);
        match call(&raw mut bytes, &raw mut size) {
            abi::OK if bytes.is_null() || size == 0 => Ok(Some(&[])),
            // SAFETY: the host allocated `size` bytes through `memory_allocate` and filled them.
            abi::OK => Ok(Some(unsafe { slice::from_raw_parts(bytes, size) })),
            abi::NOT_FOUND => Ok(None),
            status => Err(Refused(status)),
        }
    }

    /// A buffer from its start, up to `size` bytes.
    fn buffer(&self, buffer: u32, size: usize) -> Result<&[u8], Refused> {
        // SAFETY: all pointers are valid for the call.
        let bytes =
            self.handed_over(|bytes, length| unsafe { abi::proxy_get_buffer_bytes(buffer, 0, size, bytes, length) })?;
        Ok(bytes.unwrap_or_default())
    }

    fn map(&self, map: u32) -> Result<Packed<'_>, Refused> {
        // SAFETY: all pointers are valid for the call.
        let pairs = self.handed_over(|pairs, size| unsafe { abi::proxy_get_header_map_pairs(map, pairs, size) })?;
        pairs.and_then(Packed::new).ok_or(Refused(abi::NOT_FOUND))
    }

    /// Replaces all of a buffer.
    #[expect(clippy::unused_self, reason = "the host is who has it")]
    fn set_buffer(&self, buffer: u32, bytes: &[u8]) -> Result<(), Refused> {
        // SAFETY: as of the calls below.
        done(unsafe { abi::proxy_set_buffer_bytes(buffer, 0, usize::MAX, bytes.as_ptr(), bytes.len()) })
    }

    /// Replaces all values of a header, or adds it.
    #[expect(clippy::unused_self, reason = "the host is who has it")]
    fn set_header(&self, map: u32, name: &str, value: &[u8]) -> Result<(), Refused> {
        // SAFETY: as of the calls below.
        done(unsafe {
            abi::proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    /// Takes all values of a header away.
    #[expect(clippy::unused_self, reason = "the host is who has it")]
    fn remove_header(&self, map: u32, name: &[u8]) -> Result<(), Refused> {
        // SAFETY: as of the calls below.
        done(unsafe { abi::proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
    }

    fn header(&self, map: u32, name: &str) -> Result<Option<&[u8]>, Refused> {
        // SAFETY: all pointers are valid for the call.
        self.handed_over(|value, size| unsafe {
            abi::proxy_get_header_map_value(map, name.as_ptr(), name.len(), value, size)
        })
    }
}

// SAFETY (of every call below): pointers come with their sizes from slices that live through the call, and the
// host keeps none of them.
impl Host for WasmHost {
    fn begin(&mut self) {
        // SAFETY: slices into the arena borrow `self`.
        unsafe { arena::reset() };
    }

    fn request_header(&self, name: &str) -> Result<Option<&[u8]>, Refused> {
        self.header(abi::REQUEST_HEADERS, name)
    }

    fn request_headers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::REQUEST_HEADERS)
    }

    fn property(&self, path: &str) -> Result<Option<&[u8]>, Refused> {
        self.handed_over(|value, size| unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), value, size) })
    }

    fn configuration(&self, size: usize) -> Result<&[u8], Refused> {
        self.buffer(abi::PLUGIN_CONFIGURATION, size)
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.set_header(abi::REQUEST_HEADERS, name, value)
    }

    fn remove_request_header(&self, name: &str) -> Result<(), Refused> {
        self.remove_header(abi::REQUEST_HEADERS, name.as_bytes())
    }

    fn request_trailers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::REQUEST_TRAILERS)
    }

    fn remove_request_trailer(&self, name: &[u8]) -> Result<(), Refused> {
        self.remove_header(abi::REQUEST_TRAILERS, name)
    }

    fn set_property(&self, path: &str, value: &[u8]) -> Result<(), Refused> {
        done(unsafe { abi::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
    }

    fn request_body(&self) -> Result<&[u8], Refused> {
        self.buffer(abi::REQUEST_BODY, usize::MAX)
    }

    fn set_request_body(&self, body: &[u8]) -> Result<(), Refused> {
        self.set_buffer(abi::REQUEST_BODY, body)
    }

    fn response_headers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::RESPONSE_HEADERS)
    }

    fn response_body(&self, size: usize) -> Result<&[u8], Refused> {
        self.buffer(abi::RESPONSE_BODY, size)
    }

    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.set_header(abi::RESPONSE_HEADERS, name, value)
    }

    fn remove_response_header(&self, name: &str) -> Result<(), Refused> {
        self.remove_header(abi::RESPONSE_HEADERS, name.as_bytes())
    }

    fn response_trailers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::RESPONSE_TRAILERS)
    }

    fn remove_response_trailer(&self, name: &[u8]) -> Result<(), Refused> {
        self.remove_header(abi::RESPONSE_TRAILERS, name)
    }

    fn set_response_body(&self, body: &[u8]) -> Result<(), Refused> {
        self.set_buffer(abi::RESPONSE_BODY, body)
    }

    fn enter(&self, context: u32) -> bool {
        done(unsafe { abi::proxy_set_effective_context(context) }).is_ok()
    }

    fn resume(&self) -> Result<(), Refused> {
        done(unsafe { abi::proxy_continue_stream(abi::REQUEST_STREAM) })
    }

    fn foreign(&self, function: &str, arguments: &[u8]) -> Option<&[u8]> {
        let results = self.handed_over(|results, size| unsafe {
            abi::proxy_call_foreign_function(
                function.as_ptr(),
                function.len(),
                arguments.as_ptr(),
                arguments.len(),
                results,
                size,
            )
        });
        results.ok().flatten()
    }

    fn shared(&self, key: &str) -> Result<Option<(&[u8], u32)>, Refused> {
        let mut version = 0;
        let value = self.handed_over(|value, size| unsafe {
            abi::proxy_get_shared_data(key.as_ptr(), key.len(), value, size, &raw mut version)
        })?;
        Ok(value.map(|value| (value, version)))
    }

    fn set_shared(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Refused> {
        let status =
            unsafe { abi::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) };
        if status == abi::CAS_MISMATCH { Ok(false) } else { done(status).map(|()| true) }
    }

    fn call_headers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::CALL_RESPONSE_HEADERS)
    }

    fn call_trailers(&self) -> Result<Packed<'_>, Refused> {
        self.map(abi::CALL_RESPONSE_TRAILERS)
    }

    fn call_body(&self, size: usize) -> Result<&[u8], Refused> {
        self.buffer(abi::CALL_RESPONSE_BODY, size)
    }

    fn call_status(&self) -> Option<u16> {
        let status = self.header(abi::CALL_RESPONSE_HEADERS, ":status").ok().flatten()?;
        std::str::from_utf8(status).ok()?.parse().ok()
    }

    fn reply(&self, reply: &Reply, grpc: bool) -> Result<(), Refused> {
        let body = if grpc { &reply.grpc_message } else { &reply.body };
        let grpc_status = if grpc { i32::from(reply.grpc_status) } else { -1 };
        done(unsafe {
            abi::proxy_send_local_response(
                reply.status.into(),
                reply.details.as_ptr(),
                reply.details.len(),
                body.as_ptr(),
                body.len(),
                reply.headers.as_ptr(),
                reply.headers.len(),
                grpc_status,
            )
        })
    }

    fn http_call(&self, call: HttpCall<'_>) -> Result<u32, Refused> {
        let mut token = 0;
        let no_trailers = super::render(&[]);
        done(unsafe {
            abi::proxy_http_call(
                call.cluster.as_ptr(),
                call.cluster.len(),
                call.headers.as_ptr(),
                call.headers.len(),
                call.body.as_ptr(),
                call.body.len(),
                no_trailers.as_ptr(),
                no_trailers.len(),
                call.timeout_ms,
                &raw mut token,
            )
        })?;
        Ok(token)
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<Metric, Refused> {
        let mut metric = 0;
        done(unsafe { abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut metric) })?;
        Ok(Metric(metric))
    }

    fn add(&self, metric: Metric, by: i64) {
        if by != 0 {
            // A metric that cannot be moved must not cost a request.
            let _ = unsafe { abi::proxy_increment_metric(metric.0, by) };
        }
    }

    fn tick_every(&self, milliseconds: u32) {
        // Can only fail outside of a root context.
        let _ = unsafe { abi::proxy_set_tick_period_milliseconds(milliseconds) };
    }

    fn log(&self, level: Level, message: &str) {
        // There is nowhere to say that logging failed.
        let _ = unsafe { abi::proxy_log(level as u32, message.as_ptr(), message.len()) };
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> u64 {
        // Its keys start from the host's random bytes, and change with each use.
        RandomState::new().build_hasher().finish()
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
