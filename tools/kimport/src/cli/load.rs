// SPDX-License-Identifier: GPL-2.0

//! `kimport load`.

use super::{inputs, output};
use crate::{
    check,
    error::{printable, Error, Outcome, Result},
    kernel::Kernel,
    list::Listing,
    load::{
        self, failure,
        plan::{LoadPlan, LoadReport, RunningKernel},
        system::{Addresses, System},
    },
    module_file::ModuleFile,
    relink::request::Request,
    relinked_types,
    symvers::modules,
};
use clap::Args;
use std::{ffi::CString, path::PathBuf};

/// Loads a module after writing addresses of unexported symbols into it
///
/// This is for modules built with plain declarations, on kernels that have no livepatch to resolve
/// them. Undefined symbols that the running kernel does not export get the addresses that
/// /proc/kallsyms shows to root. Symbols of a module are only used if --from names that module. A
/// module that uses kimport's macro gets the address of kallsyms_lookup_name as a parameter, unless
/// you give that parameter yourself.
///
/// The types that the module was built with are compared with the running kernel's, as far as both
/// have BTF: the prototype in the provider with that in the module that exports the symbol, and the
/// layouts of the structs that the prototype reaches. The kernel itself neither knows nor checks
/// any of this, and nothing keeps a provider loaded. If an address is written, the signature no
/// longer fits and is dropped. The modules that this one depends on are not loaded for it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport load rust_iblock.ko provider=target_core_mod\n  \
    kimport load tcm_loop.ko.xz --from target_core_mod_new=target_core_mod --dry-run")]
pub(super) struct Load {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko")]
    input: PathBuf,
    /// The module's parameters: NAME=VALUE or NAME
    #[arg(value_name = "PARAMS")]
    parameters: Vec<String>,
    /// Names another place to take symbols from; may be repeated
    ///
    /// PROVIDER takes from the module PROVIDER the symbols that nothing exports and the kernel
    /// image does not have.
    ///
    /// PROVIDER:SYMBOL,SYMBOL... takes these symbols from PROVIDER, exported or not. SYMBOL@N is
    /// the Nth of several symbols of the same name, counted as in `kimport relink`.
    ///
    /// PROVIDER=OLD takes from PROVIDER the symbols that the module uses and the loaded module OLD
    /// exports, as in `kimport relink`.
    ///
    /// PROVIDER is the name of a loaded module, or vmlinux for the kernel image.
    #[arg(long, value_name = "PROVIDER[=OLD|:SYMBOLS]")]
    from: Vec<Request>,
    /// The kernel's Module.symvers, for kernels whose /proc/kallsyms does not show which symbols
    /// are exported; may be repeated
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
    /// Does not compare types
    #[arg(long)]
    unverified: bool,
    /// Prints what would be done, and does not load the module
    #[arg(long)]
    dry_run: bool,
    /// Sets kptr_restrict to 1 while the addresses are read, if it hides them even from root; also
    /// tries to load the module where unsigned modules are refused
    #[arg(long)]
    force: bool,
}

impl Load {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let file = ModuleFile::read(&self.input)?;
        let with_path = |error: Error| error.context(self.input.display());
        let listing = Listing::new(&file, None).map_err(with_path)?;
        let facts = load::Facts::new(&file).map_err(with_path)?;
        let symvers = inputs::symvers(None, &self.symvers)?;
        let providers = modules(self.from.iter().map(|request| &request.provider));
        let system = System::read();
        if !self.dry_run {
            // An unsigned module stays unsigned: refuse it before the addresses are read.
            self.unless_forbidden(system.forbids(file.is_signed()))?;
        }
        let addresses = Addresses::read(&providers, self.force)?;
        let kernel = Kernel::of_running(addresses.text, &system.release, None);
        let running = RunningKernel {
            kernel: &kernel,
            symvers: symvers.as_ref(),
            sections: &addresses.sections,
            system: &system,
        };
        let (from, parameters) = (&self.from, &self.parameters);
        let mut plan =
            LoadPlan::new(&listing, &facts, from, parameters, &running).map_err(with_path)?;
        if !self.unverified {
            let mismatches = relinked_types::mismatches(&file, &plan.taken(&running), &kernel);
            check::refuse_mismatches(&mismatches).map_err(with_path)?;
        }
        if addresses.raised {
            let note = "kptr_restrict was 1 while the addresses were read, and is 2 again";
            plan.notes.push(note.to_owned());
        }
        let changed = !plan.filled.is_empty();
        if changed && file.is_signed() {
            plan.notes
                .push("the signature does not fit the changed module and was dropped".to_owned());
        }
        let forbidden = system.forbids(file.is_signed() && !changed);
        plan.notes.extend(forbidden.clone());
        if self.dry_run {
            return self.show(&plan, false, as_json);
        }
        if !plan.refused.is_empty() {
            output::notes(&plan.notes);
            return Err(Error::finding(plan.refusals()).help("nothing was loaded"));
        }
        self.unless_forbidden(forbidden)?;
        let image = if changed {
            load::rewrite::fill(file.elf(), &plan.filled).map_err(with_path)?
        } else {
            file.bytes().to_vec()
        };
        let parameters = CString::new(plan.parameters.as_str())
            .map_err(|_| Error::unusable("a parameter has a NUL in it"))?;
        load::system::load(&image, &parameters).map_err(|(errno, log)| {
            let what = if log.is_empty() { " nothing" } else { ":" };
            let lines = log.iter().map(|line| format!("\n  {}", printable(line)));
            let log = String::from_iter(lines);
            Error::finding(format_args!(
                "the kernel did not load {}: {errno}\nit logged{what}{log}",
                plan.module
            ))
            .help(failure::cause(errno, &system))
        })?;
        self.show(&plan, true, as_json)
    }

    fn unless_forbidden(&self, why: Option<String>) -> Result<()> {
        match why.filter(|_| !self.force) {
            None => Ok(()),
            Some(why) => Err(Error::finding(why).help(
                "sign the module with a key that the kernel knows, or boot without the restriction; \
                 --force tries nevertheless",
            )),
        }
    }

    fn show(&self, plan: &LoadPlan, loaded: bool, as_json: bool) -> Result<Outcome> {
        output::result(as_json, &LoadReport { loaded, plan }, || {
            let mut text = plan.text(output::width());
            if !plan.refused.is_empty() {
                text += &format!("{}\n", plan.refusals());
            }
            let is = if loaded { "is" } else { "was not" };
            text + &format!("{} {is} loaded\n", plan.module)
        })?;
        if !as_json {
            output::notes(&plan.notes);
        }
        Ok(plan.outcome())
    }
}
