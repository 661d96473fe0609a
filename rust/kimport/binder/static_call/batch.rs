// SPDX-License-Identifier: GPL-2.0

//! Changes the targets of many functions together.
//!
//! `__static_call_update()` patches a trampoline and then each call site by a text poke of its own.
//! Such a poke is safe under callers because it goes through an `int3`. The kernel writes that,
//! then the rest of the instruction, then its first byte. After each of the three writes it
//! interrupts all CPUs and waits for them. The kernel can take many instructions through these
//! steps together (`smp_text_poke_batch_add()` and `_finish()`, as it does for jump labels and
//! ftrace). Then a block costs three interruptions and not three for each trampoline and call site.
//! The steps are the same, and so is the effect on concurrent callers: each lands in the old
//! function or in the new one.
//!
//! [`update`] does for all of them what `__static_call_update()` does for one, under the same locks
//! in the same order:
//!
//! - it takes `cpus_read_lock()`, then `static_call_mutex`: nobody else changes a key or its call
//!   sites;
//! - it stores the key's `func`, with which later updates compare, before it writes instructions;
//! - it takes `text_mutex`: nobody else patches text, or adds to the kernel's queue of instructions
//!   to patch. The queue has to be sorted by address: before the kernel adds a lower address, it
//!   patches the instructions in the queue (jump labels may have left some). Here all are sorted,
//!   which makes it one batch, or several of 256 instructions;
//! - it patches the trampoline, and all call sites that the module's table has for the key: those
//!   in init sections only while the module is in its init.
//!
//! The rest is left to `__static_call_update()`: instructions other than those of [`Branch`], which
//! the kernel itself writes if the target is one of its own stubs, and targets that are too far
//! away. Everything is left to it on a kernel that lacks one of the symbols of `batch/imported.rs`
//! or has another type of one, while the kernel boots, and if there is no memory.
//!
//! The savings grow with the number of CPUs. Without [`update`], to bind 45 functions of one call
//! site each, all CPUs together execute 1.03 times the instructions on one CPU, and more than three
//! times on four (`make bench`), and each CPU is interrupted 270 times.
//!
//! Source: `kernel/static_call_inline.c`, `arch/x86/kernel/static_call.c`,
//! `arch/x86/kernel/alternative.c`.

mod imported;

use super::branch::Branch;
use super::{sites_of, FunctionBinding};
use crate::bindings::{self, mutex};
use crate::block::Symbol;
use crate::importer::Importer;
use core::ffi::c_void;
use core::ptr::null;
use kernel::ffi::c_int;
use kernel::prelude::*;

/// Returns the symbols of the kernel image that [`update`] needs, by their names and by older ones.
pub(super) fn imports() -> [&'static [Symbol]; 2] {
    [imported::symbols(), imported::OLDER]
}

/// Returns whether to find the symbols costs less than they save in the binding of `functions`
/// functions. For each function and each other CPU they save some 6,700 instructions, and to find
/// them takes 410,000 (`make bench`).
pub(super) fn pays(functions: usize) -> bool {
    const LEAST: usize = 64;

    // SAFETY: This is the kernel's own counter, one word that may change at any time.
    let cpus = unsafe { (&raw const bindings::__num_online_cpus.counter).read_volatile() };
    let others = usize::try_from(cpus).unwrap_or_default().saturating_sub(1);
    functions.saturating_mul(others) >= LEAST
}

/// Makes the calls of each function in `importer` go to its new target. May sleep. Returns
/// [`false`] if it did nothing, and each function has to be updated by itself.
///
/// # Safety
///
/// Each target is a function of the declared type, or may be called with any arguments and does not
/// return.
pub(super) unsafe fn update<U>(importer: &Importer, updates: U) -> bool
where
    U: Iterator<Item = (&'static FunctionBinding, *mut c_void)> + Clone,
{
    if !is_possible() {
        return false;
    }
    if updates.clone().next().is_none() {
        return true;
    }
    let size = |(binding, _): (&FunctionBinding, _)| 1 + sites_of(importer, binding.key).count();
    let Ok(mut pokes) = KVec::with_capacity(updates.clone().map(size).sum(), GFP_KERNEL) else {
        return false;
    };
    let locked = Locked::new();
    for (binding, target) in updates.clone() {
        if binding.target() != target
            && locked.plan(&mut pokes, importer, binding, target).is_none()
        {
            return false;
        }
    }
    sort(&mut pokes);
    for (binding, target) in updates {
        // SAFETY: The key lives as long as the module.
        let func = unsafe { &raw mut (*binding.key.0.get()).func };
        // SAFETY: `func` points into the key, which only the holder of the locks writes. Others
        // read the word at any time, hence the volatile write.
        unsafe { func.write_volatile(target) };
    }
    // SAFETY: The pokes were planned from the trampolines and call sites of these functions.
    unsafe { locked.patch(&pokes) };
    drop(locked);
    #[cfg(any(kimport_selftest, kimport_bench))]
    switch::count();
    crate::log::debug!("patched {} instructions at once", pokes.len());
    true
}

/// Sorts by address. (The sorting functions of `core` call functions that never return, which
/// objtool does not know.)
fn sort(pokes: &mut [Branch]) {
    /// # Safety
    ///
    /// Both pointers are to elements of the slice.
    unsafe extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
        // SAFETY: By the contract of this function it points to an element.
        let a = unsafe { &*a.cast::<Branch>() };
        // SAFETY: As above.
        let b = unsafe { &*b.cast::<Branch>() };
        a.address().cmp(&b.address()) as c_int
    }

    let (base, len) = (pokes.as_mut_ptr().cast(), pokes.len());
    // SAFETY: These are the elements of the slice, which may be moved as bytes, so no function to
    // swap them is needed.
    unsafe { bindings::sort(base, len, size_of::<Branch>(), Some(compare), None) };
}

/// Returns whether all that [`update`] needs is there.
fn is_possible() -> bool {
    // Until the kernel's init sections are gone, they have call sites, too.
    #[cfg(not(MODULE))]
    {
        // SAFETY: This is the kernel's own variable, one word.
        let state = unsafe { (&raw const bindings::system_state).read_volatile() };
        if state < bindings::system_states_SYSTEM_RUNNING {
            return false;
        }
    }
    #[cfg(any(kimport_selftest, kimport_bench))]
    if switch::is_off() {
        return false;
    }
    imported::symbols()
        .iter()
        .all(|symbol| symbol.address().is_some())
}

/// The locks under which call sites are changed.
///
/// # Invariants
///
/// The current task holds `cpus_read_lock()`, `static_call_mutex` and `text_mutex`, and the
/// functions of `imported` are bound.
struct Locked(());

impl Locked {
    /// Takes the locks. May sleep. Only called if [`is_possible`] was true.
    fn new() -> Self {
        // SAFETY: Callers of this function may sleep.
        unsafe { bindings::cpus_read_lock() };
        for mutex in Self::mutexes() {
            // SAFETY: This is the kernel's own mutex, initialised at build time. The order is the
            // kernel's.
            unsafe { bindings::mutex_lock(mutex) };
        }
        // INVARIANT: The locks were just taken. The functions were bound when `is_possible` was
        // called, and are never unbound.
        Self(())
    }

    fn mutexes() -> [*mut mutex; 2] {
        [imported::static_call_mutex(), imported::text_mutex()]
    }

    /// Adds the instructions to `pokes` that `__static_call_update()` would write, within the
    /// capacity that is there. Returns [`None`] if one does not fit, or is not a [`Branch`].
    fn plan(
        &self,
        pokes: &mut KVec<Branch>,
        importer: &Importer,
        binding: &FunctionBinding,
        target: *mut c_void,
    ) -> Option<()> {
        let trampoline = binding.trampoline.cast_const().cast();
        let sites = sites_of(importer, binding.key).filter(|site| site.is_patchable(importer));
        let sites = sites.map(|site| site.address);
        for address in Iterator::chain(core::iter::once(trampoline), sites) {
            // SAFETY: This is a trampoline or a call site of a module, which is one of these
            // instructions if it begins like one.
            let now = unsafe { Branch::read(address) }?;
            let wanted = if now.is_call() {
                self.call_destination(target)
            } else {
                target
            };
            let new = now.retargeted(wanted.addr())?;
            if new != now {
                pokes.push_within_capacity(new).ok()?;
            }
        }
        Some(())
    }

    /// Returns the destination for calls of `target`: with call depth tracking, the accounting in
    /// front of the function.
    fn call_destination(&self, target: *mut c_void) -> *mut c_void {
        #[cfg(CONFIG_MITIGATION_CALL_DEPTH_TRACKING)]
        // SAFETY: By the type invariants the function is bound, and `text_mutex` is held, as it
        // requires. It takes the address of any function.
        let target = unsafe { imported::callthunks_translate_call_dest(target) };
        target
    }

    /// Writes the instructions, which are sorted by address.
    ///
    /// # Safety
    ///
    /// Each instruction replaces one of the same kind and length at its address.
    unsafe fn patch(&self, pokes: &[Branch]) {
        for poke in pokes {
            let (address, code) = (poke.address() as *mut c_void, poke.code());
            // SAFETY: By the type invariants the function is bound, and `text_mutex` is held. The
            // contract vouches for the address. The code is one whole instruction, followed by as
            // many bytes as the decoder may look at.
            unsafe {
                imported::smp_text_poke_batch_add(address, code.as_ptr().cast(), poke.len(), null())
            };
        }
        // SAFETY: By the type invariants the function is bound, and `text_mutex` is held.
        unsafe { imported::smp_text_poke_batch_finish() };
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        for mutex in Self::mutexes().into_iter().rev() {
            // SAFETY: By the type invariants the current task holds it.
            unsafe { bindings::mutex_unlock(mutex) };
        }
        // SAFETY: By the type invariants the current task holds it.
        unsafe { bindings::cpus_read_unlock() };
    }
}

/// A switch for tests and the bench: has functions bound one by one, as on a kernel that lacks a
/// symbol for binding them together, and counts how often they were bound together.
#[cfg(any(kimport_selftest, kimport_bench))]
pub(crate) mod switch {
    use kernel::sync::atomic::{Atomic, AtomicFlag, Relaxed};

    static OFF: AtomicFlag = AtomicFlag::new(false);
    static DONE: Atomic<i32> = Atomic::new(0);

    pub(crate) fn is_off() -> bool {
        OFF.load(Relaxed)
    }

    pub(crate) fn set(on: bool) {
        OFF.store(!on, Relaxed);
    }

    pub(super) fn count() {
        DONE.fetch_add(1, Relaxed);
    }

    /// Returns how many times functions were bound or unbound together.
    #[cfg(kimport_selftest)]
    pub(crate) fn done() -> i32 {
        DONE.load(Relaxed)
    }
}
