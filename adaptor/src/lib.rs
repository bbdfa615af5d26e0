//! The one place that speaks proxy-wasm: runs Portcullis' policies in Envoy.
//!
//! A filter crate writes its policy and one line, `portcullis_adaptor::export!(MyFilter);`. Everything else is here:
//! the VM's entry points, configuration, metrics, audit delivery, refusals.
//!
//! # What a request costs
//! An entry from Envoy into the VM costs 0.1 to 0.45 µs when its memory is in the processor's caches, and several times
//! that when it is not; each host call that returns data enters the VM once more. So entries are what there is to save. For
//! a request that a filter allows by its headers, the VM is entered for
//! - `proxy_on_context_create`: which configuration the stream belongs to. It comes right before the headers, so it is
//!   kept in one variable, with no map and no `proxy_on_delete` to clean it;
//! - `proxy_on_request_headers`: the policy;
//! - `proxy_on_memory_allocate`: once for each header, map of all headers or property that the policy asks for;
//!
//! and it makes one call that returns nothing, to count the decision, and one for each edit. A callback that no policy here
//! needs is not exported, so Envoy does not call it: `export!(Filter, body)` is for filters that judge bodies, and
//! `export!(Filter, body, response_headers)` for those that look at the headers of responses as well, and
//! `export!(Filter, body, response)` for those that judge all of them. Header bytes
//! are read in place (see `host::arena`); the adaptor allocates nothing for an allowed request.
//!
//! # What is held
//! A policy may ask for the body, for time until a document is there, or for the answer of a service
//! ([`portcullis_shared::policy::Next`]). Only
//! requests that are held so leave anything behind: see `stream`. Nothing of them reaches the upstream, not even their
//! headers; for that, the plugin's configuration must have `allow_on_headers_stop_iteration: true`, or Envoy sends no
//! body to a filter that pauses at the headers, and the request ends with the stream's time-out. Upgrades and CONNECT are
//! never held for a body. Ticks ask again about requests that wait, and forget those whose clients are gone.
//!
//! Without `proxy_on_done` and `proxy_on_delete`, which Envoy would call for each stream, a configuration that is gone
//! is noticed by its tick: see `Vm::on_tick`.
//!
//! # Documents
//! What a policy wants fetched (key sets, lists) is polled on ticks, fetched by calls of the root context, and shared by
//! all workers through Envoy's shared data: see `documents` and [`portcullis_shared::document`].
//!
//! # When something is wrong
//! What cannot be seen cannot be allowed: when the host refuses a call that a policy needs, or a stream belongs to no
//! known configuration, the request gets 503. Nothing here panics, and all lengths that the host gives are checked.

mod audit;
mod chain;
mod documents;
#[cfg(target_arch = "wasm32")]
mod entry;
pub mod host;
mod measures;
mod request;
mod stream;
pub mod vm;
mod watched;

#[cfg(test)]
mod tests;

pub use chain::{Loaded, load};
#[cfg(target_arch = "wasm32")]
pub use entry::entry;

/// Exports a filter: `export!(UaBlock);` makes a `.wasm` that takes that filter's configuration.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod exports {
            use super::*;
            use $crate::entry;

            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            // Defined, so that the linker does not wrap each export in a run of the constructors.
            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the host calls this once, before all else.
                unsafe { __wasm_call_ctors() };
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_abi_version_0_2_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
                $crate::host::memory_allocate(size)
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_context_create(context: u32, root: u32) {
                entry(|vm| vm.on_context_create(context, root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
                entry(|vm| vm.on_configure(root, size, $crate::load::<$filter>)).unwrap_or_default().into()
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_tick(root: u32) {
                entry(|vm| vm.on_tick(root));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_http_call_response(
                root: u32,
                token: u32,
                headers: u32,
                body: usize,
                _trailers: u32,
            ) {
                entry(|vm| vm.on_http_call_response(root, token, headers, body));
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_headers(context: u32, _headers: u32, end: u32) -> u32 {
                entry(|vm| vm.on_request_headers(context, end != 0)).unwrap_or_default() as u32
            }
        }
    };
    // For a filter that judges bodies, and looks at the headers of responses.
    ($filter:ty, body, response_headers) => {
        $crate::export!($filter, body);

        #[cfg(target_arch = "wasm32")]
        mod response_headers_export {
            use $crate::entry;

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_headers(context: u32, _headers: u32, end: u32) -> u32 {
                entry(|vm| vm.on_response_headers(context, end != 0)).unwrap_or_default() as u32
            }
        }
    };
    // For a filter that judges bodies and responses.
    ($filter:ty, body, response) => {
        $crate::export!($filter, body, response_headers);

        #[cfg(target_arch = "wasm32")]
        mod response_exports {
            use $crate::entry;

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_body(context: u32, size: usize, end: u32) -> u32 {
                entry(|vm| vm.on_response_body(context, size, end != 0)).unwrap_or_default() as u32
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_trailers(context: u32, _trailers: u32) -> u32 {
                entry(|vm| vm.on_response_trailers(context)).unwrap_or_default() as u32
            }
        }
    };
    // For a filter that judges bodies.
    ($filter:ty, body) => {
        $crate::export!($filter);

        #[cfg(target_arch = "wasm32")]
        mod body_exports {
            use $crate::entry;

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_body(context: u32, size: usize, end: u32) -> u32 {
                entry(|vm| vm.on_request_body(context, size, end != 0)).unwrap_or_default() as u32
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_trailers(context: u32, _trailers: u32) -> u32 {
                entry(|vm| vm.on_request_trailers(context)).unwrap_or_default() as u32
            }
        }
    };
}
