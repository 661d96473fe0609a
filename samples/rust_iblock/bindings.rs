// SPDX-License-Identifier: GPL-2.0

//! The C interface: `kernel::bindings`, and the bindings that bindgen makes from
//! `target_bindings.h`.
//!
//! The core's own functions and data are not here; see [`crate::imports`].

#![allow(
    clippy::all,
    clippy::as_underscore,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]
#![cfg_attr(not(CONFIG_RUSTC_HAS_UNNECESSARY_TRANSMUTES), allow(unknown_lints))]
#![allow(unnecessary_transmutes)]

use kernel::ffi;
use pin_init::MaybeZeroable;

// Items that the headers below define take precedence over the glob import.
pub(crate) use kernel::bindings::*;

include!(concat!(env!("KIMPORT_OBJ"), "/target_bindings.rs"));

pub(crate) use self::{
    RUST_CONST_HELPER_BLK_OPEN_READ as BLK_OPEN_READ,
    RUST_CONST_HELPER_BLK_OPEN_WRITE as BLK_OPEN_WRITE,
    RUST_CONST_HELPER_BLK_STS_PROTECTION as BLK_STS_PROTECTION,
    RUST_CONST_HELPER_BLK_STS_RESV_CONFLICT as BLK_STS_RESV_CONFLICT,
    RUST_CONST_HELPER_GFP_NOIO as GFP_NOIO, RUST_CONST_HELPER_REQ_ATOMIC as REQ_ATOMIC,
    RUST_CONST_HELPER_REQ_FUA as REQ_FUA, RUST_CONST_HELPER_REQ_IDLE as REQ_IDLE,
    RUST_CONST_HELPER_REQ_OP_READ as REQ_OP_READ, RUST_CONST_HELPER_REQ_OP_WRITE as REQ_OP_WRITE,
    RUST_CONST_HELPER_REQ_PREFLUSH as REQ_PREFLUSH, RUST_CONST_HELPER_REQ_SYNC as REQ_SYNC,
    RUST_CONST_HELPER_SG_PAGE_LINK_MASK as SG_PAGE_LINK_MASK,
};
