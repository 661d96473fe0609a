// SPDX-License-Identifier: GPL-2.0

//! The file `/sys/kernel/debug/kimport/<module>`: it shows a module's current imports from all of
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
use crate::importer::{Importer, THIS};
use crate::log::log;
use crate::once::Once;
use crate::resolver::Kallsyms;
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

/// The file of a module.
struct File {
    importer: &'static Importer,
    /// The result of `debugfs_create_file()`, which may be an error pointer.
    dentry: *mut bindings::dentry,
}

// SAFETY: A dentry belongs to no thread.
unsafe impl Send for File {}

kernel::sync::global_lock! {
    // SAFETY: Only `files()` uses the lock, and initialises it before.
    unsafe(uninit) static FILES: Mutex<KVec<File>> = KVec::new();
}

kernel::sync::global_lock! {
    // SAFETY: The lock is used with `FILES` locked, or by readers of a debugfs file. Both come
    // after `files()`, which initialises it: a debugfs file is created with `FILES` locked.
    unsafe(uninit) static BLOCKS: Mutex<KVec<&'static Block>> = KVec::new();
}

/// Locks the files. The holder of the lock may create and remove them.
///
/// Readers of a file lock only `BLOCKS`, so that the holder of this lock may wait for them.
fn files() -> GlobalGuard<FILES> {
    static READY: Once = Once::new();

    READY.call(|| {
        // SAFETY: This is the only initialisation, and it runs once.
        unsafe { BLOCKS.init() };
        // SAFETY: As above.
        unsafe { FILES.init() };
    });
    FILES.lock()
}

/// Lists `block` from now on. May sleep. A failure is no error, but is logged.
pub(crate) fn show(block: &'static Block) {
    let importer = &block.importer;
    let mut files = files();
    let is_there = files.iter().any(|file| file.importer == importer);
    let listed = files
        .reserve(1, GFP_KERNEL)
        .and_then(|()| BLOCKS.lock().push(block, GFP_KERNEL));
    if listed.is_err() {
        let (importer, block) = (importer.name(), block.name);
        log!(
            importer,
            WARNING,
            "no memory to list block {block} in debugfs"
        );
    } else if let Some(dentry) = (!is_there).then(|| create(importer)).flatten() {
        // There is room for it.
        let _ = files.push_within_capacity(File { importer, dentry });
    }
}

/// Lists `block` no longer. May sleep.
pub(crate) fn hide(block: &'static Block) {
    let mut files = files();
    let mut blocks = BLOCKS.lock();
    blocks.retain(|&mut listed| !core::ptr::eq(listed, block));
    if blocks
        .iter()
        .any(|listed| listed.importer == block.importer)
    {
        return;
    }
    // Statics are not dropped when the module is unloaded.
    if blocks.is_empty() {
        *blocks = KVec::new();
    }
    drop(blocks);
    for file in files.iter().filter(|file| *file.importer == block.importer) {
        // SAFETY: `create` made the dentry, and nobody else removes it; error pointers are
        // accepted. This waits for readers, which do not take the lock of `FILES`.
        unsafe { bindings::debugfs_remove(file.dentry) };
    }
    files.retain(|file| *file.importer != block.importer);
    if files.is_empty() {
        *files = KVec::new();
    }
}

/// Creates the file of `importer`; [`None`] if there is no debugfs.
fn create(importer: &'static Importer) -> Option<*mut bindings::dentry> {
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
        return None;
    }
    // SAFETY: The name ends in a NUL and is copied; the directory is held. The operations live as
    // long as this code, which open files hold, and so does the importer: the file is removed when
    // its last block is dropped.
    let file = unsafe {
        bindings::debugfs_create_file_full(
            importer.name().as_char_ptr(),
            0o400,
            directory,
            core::ptr::from_ref(importer).cast_mut().cast(),
            core::ptr::null(),
            &OPERATIONS.0,
        )
    };
    // SAFETY: `debugfs_lookup()` gave a reference, which ends here.
    unsafe { bindings::dput(directory) };
    Some(file)
}

struct Operations(bindings::file_operations);

// SAFETY: The operations are never written.
unsafe impl Sync for Operations {}

static OPERATIONS: Operations = Operations(bindings::file_operations {
    owner: THIS.as_owner(),
    open: Some(open),
    read: Some(bindings::seq_read),
    llseek: Some(bindings::seq_lseek),
    release: Some(bindings::single_release),
    ..pin_init::zeroed()
});

/// # Safety
///
/// The conditions of `open` in `struct file_operations` hold.
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: By the contract of this function.
    let importer = unsafe { (*inode).i_private };
    // SAFETY: By the contract of this function the file is being opened. `create` gave the inode
    // the data that `print_all` needs.
    unsafe { bindings::single_open(file, Some(print_all), importer) }
}

/// # Safety
///
/// `seq` is a `seq_file` that nobody else uses, whose data is an `Importer`.
unsafe extern "C" fn print_all(seq: *mut bindings::seq_file, _data: *mut c_void) -> c_int {
    // SAFETY: By the contract of this function.
    let importer = unsafe { (*seq).private };
    // SAFETY: As above. While the file is read, debugfs does not let it be removed, and the
    // importer lives until then.
    let importer = unsafe { &*importer.cast::<Importer>() };
    // SAFETY: By the contract of this function.
    let seq = unsafe { SeqFile::from_raw(seq) };
    seq_print!(
        seq,
        "# block symbol kernel_name provider address call direct/sites verified\n"
    );
    let blocks = BLOCKS.lock();
    for block in blocks.iter().filter(|block| block.importer == *importer) {
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
        Some(address) => print_bound(seq, block, symbol, address),
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

fn print_bound(seq: &SeqFile, block: &Block, symbol: &Symbol, address: *mut c_void) {
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
    let Some(mode) = symbol.binding.call_mode(&block.importer) else {
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
