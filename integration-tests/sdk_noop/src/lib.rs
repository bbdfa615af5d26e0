//! A filter made with the proxy-wasm SDK, as its users get it: all callbacks are there, none does anything. What it
//! costs is what the SDK and Envoy's Wasm host cost before a filter's own work begins. With any configuration, it holds
//! requests until their bodies are there, and reads these.

#![expect(missing_docs, reason = "the SDK's macro makes a function without")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Noop { holds: false }));
}}

struct Noop {
    holds: bool,
}

impl Context for Noop {}

impl HttpContext for Noop {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if self.holds && !end_of_stream { Action::Pause } else { Action::Continue }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.holds {
            return Action::Continue;
        }
        if !end_of_stream {
            return Action::Pause;
        }
        core::hint::black_box(self.get_http_request_body(0, size));
        Action::Continue
    }
}

impl RootContext for Noop {
    fn on_configure(&mut self, size: usize) -> bool {
        self.holds = size > 0;
        true
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self { holds: self.holds }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
