//! The VM of this thread, for the exported entry points.

use std::cell::RefCell;

use crate::{host::WasmHost, vm::Vm};

thread_local! {
    static VM: RefCell<Vm<WasmHost>> = RefCell::new(Vm::new(WasmHost::default()));
}

/// Enters the VM; `None` if it is entered already, which Envoy does not do.
pub fn entry<T>(enter: impl FnOnce(&mut Vm<WasmHost>) -> T) -> Option<T> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| enter(&mut vm)))
}
