// SPDX-License-Identifier: GPL-2.0

//! The file `/sys/kernel/debug/kimport/<module>`: it shows the module's current imports from all of
//! its blocks, one line for each import.
//!
//! The columns, separated by one space:
//!
//! - block: the block's name; `-` for the bare form;
//! - symbol: the Rust name;
//! - kernel_name: the kernel's name;
//! - provider: the module that the address lies in; `vmlinux` for the kernel image;
//! - address: printed with `%pK`, so that `kptr_restrict` decides what the reader sees;
//! - call: `direct`, `livepatch`, `veneer`, `pointer`, `data`; `unbound`, or `missing` for an
//!   optional symbol that is missing;
//! - direct/sites: the number of call sites that are direct calls of the address, read back from
//!   the code, and of all call sites;
//! - verified: `yes` if the declared type is the kernel's; `unverified: ` and the reason why the
//!   type could not be compared; or `no: ` and the reason.
//!
//! The file exists while a block of the module is claimed. The directory belongs to all modules
//! with a copy of this crate. The first one creates it and nobody removes it: the copies share no
//! lock under which one could know that it is the last. For that reason the file is not made with
//! `kernel::debugfs`, whose `Dir` creates its directory and removes it when dropped.

use crate::binder::CallMode;
use crate::bindings;
use crate::block::{Block, Symbol};
use crate::once::Once;
use crate::resolver::Kallsyms;
use crate::this_module::{module_name, this_module};
use crate::types::{Judgement, Policy};
use crate::verify::Printed;
use core::ffi::{c_void, CStr};
use core::ptr::null_mut;
use kernel::ffi::c_int;
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::seq_print;
use kernel::sync::GlobalGuard;

const DIRECTORY: &CStr = c"kimport";

/// The result of `debugfs_create_file()`, which may be an error pointer.
struct File(*mut bindings::dentry);

// SAFETY: A dentry belongs to no thread.
unsafe impl Send for File {}

kernel::sync::global_lock! {
    // SAFETY: Only `file()` uses the lock, and initialises it before.
    unsafe(uninit) static FILE: Mutex<File> = File(null_mut());
}

kernel::sync::global_lock! {
    // SAFETY: The lock is used with `FILE` locked, or by readers of the debugfs file. Both come
    // after `file()`, which initialises it: the debugfs file is created with `FILE` locked.
    unsafe(uninit) static BLOCKS: Mutex<KVec<&'static Block>> = KVec::new();
}

/// Locks the file. The holder of the lock may create and remove it.
///
/// Readers of the file lock only `BLOCKS`, so that the holder of this lock may wait for them.
fn file() -> GlobalGuard<FILE> {
    static READY: Once = Once::new();

    READY.call(|| {
        // SAFETY: This is the only initialisation, and it runs once.
        unsafe { BLOCKS.init() };
        // SAFETY: As above.
        unsafe { FILE.init() };
    });
    FILE.lock()
}

/// Lists `block` from now on. May sleep. A failure is no error, but is logged.
pub(crate) fn show(block: &'static Block) {
    let mut file = file();
    let listed = BLOCKS.lock().push(block, GFP_KERNEL);
    if listed.is_err() {
        crate::log::log!(WARNING, "no memory to list block {} in debugfs", block.name);
    } else if file.0.is_null() {
        *file = create();
    }
}

/// Lists `block` no longer. May sleep.
pub(crate) fn hide(block: &'static Block) {
    let mut file = file();
    let mut blocks = BLOCKS.lock();
    blocks.retain(|&mut listed| !core::ptr::eq(listed, block));
    if !blocks.is_empty() {
        return;
    }
    // Statics are not dropped when the module is unloaded.
    *blocks = KVec::new();
    drop(blocks);
    let File(dentry) = core::mem::replace(&mut *file, File(null_mut()));
    // SAFETY: `create` made the dentry, and nobody else removes it; null and error pointers are
    // accepted. This waits for readers, which do not take the lock of `FILE`.
    unsafe { bindings::debugfs_remove(dentry) };
}

fn create() -> File {
    // SAFETY: The name is NUL-terminated; null is the root.
    let find = || unsafe { bindings::debugfs_lookup(DIRECTORY.as_char_ptr(), null_mut()) };
    let mut directory = find();
    if directory.is_null() {
        // Another module's copy may create it first. The directory itself is found below in either
        // case.
        // SAFETY: As above.
        unsafe { bindings::debugfs_create_dir(DIRECTORY.as_char_ptr(), null_mut()) };
        directory = find();
    }
    if directory.is_null() {
        // There is no debugfs, for example with `debugfs=off`.
        return File(null_mut());
    }
    // SAFETY: The name ends in a NUL and is copied; the directory is held. The operations live as
    // long as the module, which removes the file before it goes and which open files hold.
    let file = unsafe {
        bindings::debugfs_create_file_full(
            module_name().as_char_ptr(),
            0o400,
            directory,
            null_mut(),
            core::ptr::null(),
            &OPERATIONS.0,
        )
    };
    // SAFETY: `debugfs_lookup()` gave a reference, which ends here.
    unsafe { bindings::dput(directory) };
    File(file)
}

struct Operations(bindings::file_operations);

// SAFETY: The operations are never written.
unsafe impl Sync for Operations {}

static OPERATIONS: Operations = Operations(bindings::file_operations {
    owner: this_module(),
    open: Some(open),
    read: Some(bindings::seq_read),
    llseek: Some(bindings::seq_lseek),
    release: Some(bindings::single_release),
    ..pin_init::zeroed()
});

/// # Safety
///
/// The conditions of `open` in `struct file_operations` hold.
unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: By the contract of this function the file is being opened; `print_all` needs no data.
    unsafe { bindings::single_open(file, Some(print_all), null_mut()) }
}

/// # Safety
///
/// `seq` is a `seq_file` that nobody else uses.
unsafe extern "C" fn print_all(seq: *mut bindings::seq_file, _data: *mut c_void) -> c_int {
    // SAFETY: By the contract of this function.
    let seq = unsafe { SeqFile::from_raw(seq) };
    seq_print!(
        seq,
        "# block symbol kernel_name provider address call direct/sites verified\n"
    );
    for block in BLOCKS.lock().iter() {
        for symbol in block.symbols {
            print(seq, block, symbol);
        }
    }
    0
}

fn print(seq: &SeqFile, block: &Block, symbol: &Symbol) {
    if block.name.is_empty() {
        seq_print!(seq, "- ");
    } else {
        seq_print!(seq, "{} ", block.name);
    }
    match symbol.rust_name {
        Some(name) => seq_print!(seq, "{name}"),
        None => seq_print!(seq, "{}", symbol.name),
    }
    seq_print!(seq, " {} ", symbol.name);
    match symbol.address() {
        Some(address) => print_bound(seq, symbol, address),
        None if symbol.optional => return seq_print!(seq, "- - missing - -\n"),
        None => return seq_print!(seq, "- - unbound - -\n"),
    }
    if symbol.unverified {
        return seq_print!(seq, " no: #[unverified]\n");
    }
    if block.policy == Policy::Off {
        return seq_print!(seq, " no: verify(off)\n");
    }
    match symbol.binding.verdict().get() {
        Some(Judgement::Verified) => seq_print!(seq, " yes\n"),
        Some(Judgement::Unverified(why)) => seq_print!(seq, " unverified: {}\n", Printed(why)),
        Some(Judgement::Accepted | Judgement::Refused) => seq_print!(seq, " no: it differs\n"),
        None => seq_print!(seq, " no: not checked\n"),
    }
}

fn print_bound(seq: &SeqFile, symbol: &Symbol, address: *mut c_void) {
    match Kallsyms::get().and_then(|kallsyms| kallsyms.owners()) {
        Ok(owners) => owners.with_module_of(address.addr(), |module| {
            seq_print!(seq, "{} ", module.unwrap_or(c"vmlinux"));
        }),
        Err(_) => seq_print!(seq, "? "),
    }
    // CAST: A `SeqFile` is a `struct seq_file`.
    let raw = core::ptr::from_ref(seq)
        .cast_mut()
        .cast::<bindings::seq_file>();
    // SAFETY: While the reference exists, nobody else uses the file. The format takes one pointer,
    // which is not followed.
    unsafe { bindings::seq_printf(raw, c"%pK".as_char_ptr(), address) };
    let Some(mode) = symbol.binding.call_mode() else {
        return seq_print!(seq, " data -");
    };
    match mode {
        CallMode::Direct { sites } => seq_print!(seq, " direct {sites}/{sites}"),
        CallMode::Partial { sites, direct } => seq_print!(seq, " direct {direct}/{sites}"),
        CallMode::Veneer => seq_print!(seq, " veneer -"),
        CallMode::Pointer => seq_print!(seq, " pointer -"),
        CallMode::Livepatch { sites } => seq_print!(seq, " livepatch {sites}/{sites}"),
    }
}
