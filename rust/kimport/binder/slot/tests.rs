// SPDX-License-Identifier: GPL-2.0

//! Tests of [`slot`](super): the target that a slot holds.

use super::{FunctionBinding, Key};
use crate::binder::Binder as _;
use crate::selftest::{check, check_eq, suite};
use core::ffi::c_void;

extern "C" fn unbound() -> ! {
    panic!("a test")
}

extern "C" fn target() {}

suite! {
    kimport_slot:

    fn a_slot_is_bound_and_unbound() {
        static KEY: Key = Key::new(unbound as *mut c_void);
        // SAFETY: `unbound` takes nothing and does not return; the key holds it.
        static BINDING: FunctionBinding = unsafe { FunctionBinding::new(&KEY, unbound as *mut c_void) };

        check!(!BINDING.is_bound());
        // SAFETY: `target` stays a function; nothing calls it through the slot.
        unsafe { BINDING.bind(target as *mut c_void) };
        check_eq!(BINDING.address(), Some(target as *mut c_void));
        BINDING.unbind();
        check_eq!(BINDING.address(), None);
        Ok(())
    }
}
