// SPDX-License-Identifier: GPL-2.0

//! Plugs, which hold back I/O while the core submits several commands.

use crate::bindings;
use core::ptr::NonNull;
use kernel::cpu::{nr_cpu_ids, CpuId};
use kernel::prelude::*;
use kernel::sync::atomic::{
    ordering::{Acquire, Release},
    AtomicFlag,
};
use kernel::types::Opaque;

/// A plug that the core sees as a `struct se_dev_plug`.
#[repr(C)]
pub(crate) struct Plug {
    // This is the first field, so the address of the plug is its address.
    se_plug: Opaque<bindings::se_dev_plug>,
    blk_plug: Opaque<bindings::blk_plug>,
    plugged: AtomicFlag,
}

// SAFETY: A plug is only used by the task that `Plugs::start` gave it to.
unsafe impl Send for Plug {}

// SAFETY: As above; `plugged` is atomic.
unsafe impl Sync for Plug {}

impl Plug {
    /// Submits the I/O that was held back since [`Plugs::start`].
    ///
    /// # Safety
    ///
    /// `se_plug` must be from [`Plugs::start`], called by the same task, and must not be used
    /// afterwards.
    pub(crate) unsafe fn finish(se_plug: NonNull<bindings::se_dev_plug>) {
        // SAFETY: By the requirements of this function this is a pointer to a plug, in which
        // `se_plug` comes first.
        let plug = unsafe { se_plug.cast::<Self>().as_ref() };
        // SAFETY: `Plugs::start` started it, by this task.
        unsafe { bindings::blk_finish_plug(plug.blk_plug.get()) };
        plug.plugged.store(false, Release);
    }
}

/// A plug for each CPU.
///
/// # Invariants
///
/// The plugs do not move.
pub(crate) struct Plugs(KVec<Plug>);

impl Plugs {
    /// Creates the plugs.
    pub(crate) fn new() -> Result<Self> {
        let count = nr_cpu_ids() as usize;
        let mut plugs = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            let plug = Plug {
                se_plug: pin_init::zeroed(),
                blk_plug: pin_init::zeroed(),
                plugged: AtomicFlag::new(false),
            };
            plugs.push(plug, GFP_KERNEL)?;
        }
        // INVARIANT: From here on there are only shared references to the vector.
        Ok(Self(plugs))
    }

    /// Holds back the I/O that the current task submits, until [`Plug::finish`].
    ///
    /// Returns [`None`] if the plug of this CPU is in use. That is rare: the core has one worker
    /// for each CPU, but another task may have preempted it.
    pub(crate) fn start(&self) -> Option<NonNull<bindings::se_dev_plug>> {
        let plug = self.0.get(CpuId::current().as_u32() as usize)?;
        if plug.plugged.xchg(true, Acquire) {
            return None;
        }
        // SAFETY: The plug does not move. It belongs to this task, because `plugged` was not set.
        unsafe { bindings::blk_start_plug(plug.blk_plug.get()) };
        // This is a pointer to the whole plug, so that `finish` may use all of it.
        Some(NonNull::from(plug).cast())
    }
}
