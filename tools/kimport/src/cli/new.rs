// SPDX-License-Identifier: GPL-2.0

//! `kimport new`.

use super::{declare, output, KERNEL, KERNEL_HELP, KERNEL_LONG_HELP};
use crate::{
    declare::{bindings::BindingsFile, Wanted},
    error::{Error, Outcome, Result},
    kernel,
    new::{self, Language},
};
use clap::Args;
use std::path::PathBuf;

/// Makes a directory with a new module that imports symbols
///
/// The directory NAME has the source, with the declarations that `kimport declare` writes, a
/// Makefile (make, make test, make load, make install), a Kbuild, a dkms.conf, a test that runs in
/// a virtual machine, a .gitignore and a README. It builds and runs as it is.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport new count_processes --import nr_processes\n  \
    kimport new my_backend --import target_core_mod:target_complete_cmd,target_submit\n  \
    kimport new tracer --c --import nr_processes --kernel linux-image.deb")]
pub(super) struct New {
    /// The name of the module; with a path before it, the directory is made there
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The symbols to import, of the kernel image or of MODULE; @N selects one of several
    #[arg(
        long,
        value_name = "[MODULE:]NAME[@N],...",
        default_value = "nr_processes"
    )]
    import: Vec<Wanted>,
    /// Writes a module in C, whose symbols the build relinks
    #[arg(long)]
    c: bool,
    #[arg(long, value_name = KERNEL, default_value = "running", help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: Vec<kernel::Spec>,
    /// A file that bindgen wrote, as for `kimport declare`
    #[arg(long, value_name = "[RUST::PATH=]FILE")]
    bindings: Vec<BindingsFile>,
}

impl New {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let name = self.path.file_name().and_then(|name| name.to_str());
        let name = new::module_name(name.unwrap_or_default())?;
        let declared = declare::declare(&self.import, &[], false, &self.bindings, &self.kernel)?;
        let language = if self.c { Language::C } else { Language::Rust };
        let mut problems = declared.symbols.iter().flat_map(|symbol| {
            let named = |problem: &str| format!("{}: {problem}", symbol.name);
            // The type of data may be in the bindings alone.
            let is_untold = self.c && symbol.problems.is_empty() && symbol.c.is_none();
            let untold = is_untold.then(|| named("the kernel's types (BTF) do not have its type"));
            let problems = symbol.problems.iter().map(move |problem| named(problem));
            problems.chain(untold)
        });
        if let Some(first) = problems.next() {
            let all = problems.fold(first, |all, next| all + "\n  " + &next);
            return Err(
                Error::finding(all).help("leave these symbols out, and declare them by hand")
            );
        }
        let made = new::make(&self.path, &name, language, &declared)?;
        output::result(as_json, &made, || {
            format!(
                "{}: {}\nNext: cd {0} && make test\n",
                made.directory.display(),
                made.files.join(" ")
            )
        })?;
        if !as_json && language == Language::Rust {
            declare::note_lack_of_bindings(&declared);
        }
        Ok(Outcome::Fine)
    }
}
