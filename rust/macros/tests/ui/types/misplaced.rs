// SPDX-License-Identifier: GPL-2.0

use core::ffi::c_void;
use kimport_types::{describe, Encoding};

const _: Encoding = Encoding::function(&[describe!(c_void)], Encoding::VOID, false);
const _: Encoding = Encoding::function(&[describe!([u8; 4])], Encoding::VOID, false);
const _: Encoding = Encoding::function(&[], describe!([u8; 4]), false);
const _: Encoding = describe!(c_void).into_data();
const _: Encoding = describe!(
    *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut u8
)
.into_data();

fn main() {}
