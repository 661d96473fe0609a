// SPDX-License-Identifier: GPL-2.0

//! Faults that instrumented kernels report. They show that the instruments work in Rust modules.

use core::mem::{forget, transmute};
use kernel::bindings::msleep;
use kernel::ffi::{c_int, c_ulong, c_void};
use kernel::prelude::*;
use kernel::sync::{new_mutex, new_spinlock, Arc, Mutex, SpinLock};
use kimport::compat::{
    code::{EBADMSG, EINVAL},
    parameter,
};
use kimport::import_symbols;
use thread::{Thread, Work};

#[path = "../lifetime/thread.rs"]
mod thread;

module! {
    type: Controls,
    name: "controls",
    authors: ["The kimport developers"],
    description: "Has faults that instrumented kernels report, for the tests of kimport",
    license: "GPL",
    params: {
        fault: u32 {
            default: 0,
            description: "The fault; tests/suites/controls.sh lists them",
        },
    },
}

import_symbols! {
    mod image {
        nr_processes: fn() -> c_int,
    }
}

struct Controls;

impl kernel::Module for Controls {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        match parameter(&module_parameters::fault) {
            0 => use_after_free()?,
            1 => lock_in_two_orders()?,
            2 => sleep_with_a_spinlock()?,
            3 => leak()?,
            4 => call_as_another_type()?,
            5 => race()?,
            _ => return Err(EINVAL),
        }
        Ok(Self)
    }
}

fn use_after_free() -> Result {
    let freed = KBox::into_raw(KBox::new(42_u64, GFP_KERNEL)?);
    // SAFETY: The pointer is from `into_raw`.
    drop(unsafe { KBox::from_raw(freed) });
    // SAFETY: None, this is the fault. The memory stays mapped.
    let value = unsafe { freed.read_volatile() };
    pr_info!("read {value} from freed memory\n");
    Ok(())
}

#[pin_data]
struct Locks {
    #[pin]
    first: Mutex<()>,
    #[pin]
    second: Mutex<()>,
    #[pin]
    spinning: SpinLock<()>,
}

impl Locks {
    fn new() -> Result<Pin<KBox<Self>>> {
        let locks = pin_init!(Self {
            first <- new_mutex!((), "controls: first"),
            second <- new_mutex!((), "controls: second"),
            spinning <- new_spinlock!((), "controls: spinning"),
        });
        KBox::pin_init(locks, GFP_KERNEL)
    }
}

fn lock_in_two_orders() -> Result {
    let locks = Locks::new()?;
    for (one, other) in [(&locks.first, &locks.second), (&locks.second, &locks.first)] {
        let _one = one.lock();
        let _other = other.lock();
    }
    Ok(())
}

fn sleep_with_a_spinlock() -> Result {
    let locks = Locks::new()?;
    let _spinning = locks.spinning.lock();
    // A mutex that nobody holds is taken without sleeping.
    let _first = locks.first.lock();
    Ok(())
}

/// Several objects, because the stack may still have a pointer to one.
fn leak() -> Result {
    for _ in 0..10 {
        forget(KBox::new([0_u64; 64], GFP_KERNEL)?);
    }
    Ok(())
}

/// Calls an import through a pointer of another type.
fn call_as_another_type() -> Result {
    let imports = image::resolve_imports()?;
    // SAFETY: The imports are resolved; the function takes nothing and may be called anywhere.
    let processes = unsafe { image::nr_processes() };
    let address = imports.iter().find_map(|import| import.address());
    let address = address.ok_or(EBADMSG)?;
    // SAFETY: None, this is the fault. By the ABI, a function may get an argument that it ignores.
    let mistyped: unsafe extern "C" fn(c_ulong) -> c_int =
        unsafe { transmute::<*mut c_void, _>(address) };
    // SAFETY: As above.
    let called = unsafe { mistyped(1) };
    pr_info!("{processes} processes, and {called} by a mistyped call\n");
    Ok(())
}

/// A counter that two threads change without a lock.
struct Racing {
    counter: core::cell::UnsafeCell<u64>,
}

// SAFETY: None, this is the fault.
unsafe impl Sync for Racing {}

impl Work for Racing {
    fn step(&self) {
        for _ in 0..1000 {
            // Otherwise the compiler reads once, and writes a thousand times. KCSAN takes two
            // plain writes for atomic ones.
            let counter = core::hint::black_box(self.counter.get());
            // SAFETY: None, this is the fault.
            unsafe { *counter += 1 };
        }
    }
}

fn race() -> Result {
    let racing = Racing {
        counter: core::cell::UnsafeCell::new(0),
    };
    let racing = Arc::new(racing, GFP_KERNEL)?;
    let threads = [Thread::new(racing.clone())?, Thread::new(racing)?];
    // SAFETY: The module's init may sleep.
    unsafe { msleep(5000) };
    drop(threads);
    Ok(())
}
