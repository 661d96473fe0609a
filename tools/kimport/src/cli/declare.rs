// SPDX-License-Identifier: GPL-2.0

//! `kimport declare`.

use super::{inputs, output, KERNEL, KERNEL_HELP, KERNEL_LONG_HELP};
use crate::{
    declare::{
        bindings::{Bindings, BindingsFile},
        Declarations, Wanted,
    },
    error::{Outcome, Result},
    kernel,
};
use clap::Args;
use std::{env, path::Path};

/// Writes the import_symbols! block for symbols of a kernel
///
/// Prints Rust source: each symbol with its type, as the kernel's type information (BTF) has it,
/// and with its declaration in C as the comment. A symbol that one of several kernels lacks is
/// optional. For a symbol that cannot be imported, or whose type is not known, the source has a
/// comment with the reason. If one of several kernels has no types to compare, a comment names that
/// kernel.
///
/// The types that the kernel's bindings have are taken from there. The others are declared by name,
/// which suffices for pointers to them, or with their members, see --types and --type. The compiler
/// checks the sizes and offsets of these against those of the kernel, and so does kimport when the
/// imports are resolved. Bit-fields become bytes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport declare nr_processes --kernel running\n  \
    kimport declare target_core_mod:target_complete_cmd,target_submit --types --kernel running\n  \
    kimport declare kallsyms_lookup_name sched_domains_mutex \\\n      \
    --kernel old=/mnt/old --kernel new=linux-image.deb --bindings $KDIR/rust/bindings/bindings_generated.rs")]
pub(super) struct Declare {
    /// The symbols, of the kernel image or of MODULE; @N selects one of several of that name
    ///
    /// N counts from 1: in the kernel image in address order, in a module in the order of its
    /// symbol table.
    #[arg(
        value_name = "[MODULE:]NAME[@N],...",
        required_unless_present = "defined"
    )]
    symbols: Vec<Wanted>,
    #[arg(long, required = true, value_name = KERNEL, help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: Vec<kernel::Spec>,
    /// A file that bindgen wrote, and the path of the module that includes it; may be repeated
    ///
    /// Without RUST::PATH, the file has the kernel's own bindings. By default these are taken from
    /// the kernel build tree that the variable KDIR names.
    #[arg(long, value_name = "[RUST::PATH=]FILE")]
    bindings: Vec<BindingsFile>,
    /// Defines the structs and unions that the symbols name with their members
    #[arg(long)]
    types: bool,
    /// Defines this struct or union with its members; may be repeated
    #[arg(long = "type", id = "defined", value_name = "[MODULE:]NAME,...")]
    defined: Vec<Wanted>,
}

impl Declare {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let declared = declare(
            &self.symbols,
            &self.defined,
            self.types,
            &self.bindings,
            &self.kernel,
        )?;
        output::result(as_json, &declared, || declared.text())?;
        if !as_json {
            note_lack_of_bindings(&declared);
        }
        Ok(declared.outcome())
    }
}

/// Says so if no bindings are known that may have the types of these declarations.
pub(super) fn note_lack_of_bindings(declared: &Declarations) {
    if declared.opaque > 0 && !declared.has_bindings {
        output::notes(&[
            "no bindings are known, so all structs are declared by name; --bindings names a file \
             that bindgen wrote, as $KDIR/rust/bindings/bindings_generated.rs"
                .to_owned(),
        ]);
    }
}

/// Declares symbols of kernels.
pub(super) fn declare(
    symbols: &[Wanted],
    defined: &[Wanted],
    defines_all: bool,
    bindings: &[BindingsFile],
    kernels: &[kernel::Spec],
) -> Result<Declarations> {
    let mut files = bindings.to_vec();
    if files.is_empty() {
        let tree = env::var_os("KDIR");
        files.extend(tree.and_then(|tree| BindingsFile::of_tree(Path::new(&tree))));
    }
    let bindings = Bindings::read(&files)?;
    let kernels = kernels.iter().map(inputs::kernel);
    let kernels = kernels.collect::<Result<Vec<_>>>()?;
    Declarations::new(symbols, defined, defines_all, &bindings, &kernels)
}
