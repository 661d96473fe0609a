// SPDX-License-Identifier: GPL-2.0

//! `kimport relink`.

use super::{inputs, output, KERNEL};
use crate::{
    check,
    error::{Error, Outcome, Result},
    kernel,
    module_file::ModuleFile,
    relink::{
        self,
        request::{self, Request},
        RelinkOptions,
    },
    sign::{self, Hash, Signer},
};
use clap::Args;
use std::{env, ffi::OsStr, path::PathBuf};

/// Makes undefined symbols of a built module come from a provider that does not export them
///
/// The symbols become livepatch symbols. The kernel resolves these while it loads the module
/// (CONFIG_LIVEPATCH), whether they are exported or not. A kernel without livepatch refuses the
/// module, because it does not have klp_enable_patch. The provider has to be loaded before the
/// module and must stay loaded as long as the module.
///
/// The kernel itself holds no reference on the provider for such symbols. The kernel module
/// kimport_guard does that, and refuses the module if its symbols or their types are not as
/// recorded in it. The types are those that --kernel tells. modprobe loads kimport_guard before the
/// module, if the system has it, and unless --no-guard is given.
///
/// The signature does not fit the changed module: it is dropped, or made anew with --sign. --sign,
/// --name and --no-exports also work without --from. Relinking the output again with the same
/// options changes nothing.
///
/// llvm-strip and llvm-objcopy refuse files with livepatch symbols. Strip the module before it is
/// relinked, or use GNU `strip -g`; in a dkms.conf, STRIP="no" keeps DKMS from stripping it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example: Debian's loopback target on an upgraded LIO core\n\n  \
    kimport relink tcm_loop.ko.xz --from target_core_mod_new=target_core_mod \\\n      \
    --symvers Module.symvers --name tcm_loop_new -o tcm_loop_new.ko"
)]
pub(super) struct Relink {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "IN.ko")]
    input: PathBuf,
    /// Names a provider and the symbols to take from it; may be repeated
    ///
    /// PROVIDER:SYMBOL,SYMBOL... takes these symbols from PROVIDER. SYMBOL@N is the Nth of several
    /// symbols of the same name, counted as the kernel counts: in vmlinux in address order, in a
    /// module in the order of its symbol table (`nm -p`).
    ///
    /// PROVIDER=OLD takes from PROVIDER the symbols that the module uses and OLD exports (needs
    /// --symvers). It is refused for a module that also imports from OLD with kimport: such a
    /// module asks for these imports itself when it is loaded.
    ///
    /// PROVIDER alone takes from it the symbols that nothing exports (needs --symvers). Weak
    /// symbols, which may stay unresolved, are only taken if they are listed.
    ///
    /// PROVIDER is the name of a module, or vmlinux for the kernel image. A symbol listed by name
    /// takes precedence over the other forms.
    #[arg(
        long,
        required_unless_present_any = ["sign", "name", "no_exports"],
        value_name = "PROVIDER[=OLD|:SYMBOLS]"
    )]
    from: Vec<Request>,
    /// The kernel's Module.symvers, the list of exported symbols; may be repeated to add those of
    /// other modules
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
    /// Refuses symbols that would not resolve on this kernel, or whose types differ there from
    /// those that the module was built with; also reads the kernel's Module.symvers if it is among
    /// the files
    ///
    /// Types are compared as far as both have BTF: the prototype in the new provider with that in
    /// the module that exports the symbol, and the layouts of all structs, unions and enums that
    /// the prototype reaches with those in the module's own BTF.
    ///
    /// KERNEL is running, or paths of the kernel's files with commas between them; see `kimport
    /// check`.
    #[arg(long, value_name = KERNEL)]
    kernel: Option<kernel::Spec>,
    /// Does not compare types
    #[arg(long, requires = "kernel")]
    unverified: bool,
    /// The file to write the module to; it is never compressed
    #[arg(short, long, value_name = "OUT.ko")]
    output: PathBuf,
    /// Renames the module, so that it can be loaded beside the original
    #[arg(long, value_name = "NEW", value_parser = request::new_name)]
    name: Option<String>,
    /// Removes the module's exports, since no two loaded modules may export the same symbol
    #[arg(long)]
    no_exports: bool,
    /// Does not make modprobe load kimport_guard before the module
    #[arg(long)]
    no_guard: bool,
    /// Signs the output, for kernels that only load signed modules
    ///
    /// The signature has the format of the kernel's scripts/sign-file. KEY is an RSA or EC private
    /// key in PEM form, CERT its X.509 certificate in PEM or DER form; a file that holds both can
    /// be named twice. The passphrase of an encrypted key is taken from the environment variable
    /// KBUILD_SIGN_PIN.
    ///
    /// The kernel has to know the certificate: either it was built with it, or the certificate was
    /// enrolled as a machine owner's key (mokutil --import).
    #[arg(long, num_args = 2, value_names = ["KEY", "CERT"])]
    sign: Option<Vec<PathBuf>>,
    /// The hash to sign; by default the one of the previous signature, or else sha512
    #[arg(long, requires = "sign")]
    hash: Option<Hash>,
}

impl Relink {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let extension = self.output.extension().and_then(OsStr::to_str);
        if matches!(extension, Some("xz" | "zst" | "gz")) {
            let error = Error::unusable("the output is not compressed");
            let error = error.help("name it .ko and compress it afterwards");
            return Err(error.context(self.output.display()));
        }
        let signer = match self.sign.as_deref() {
            Some([key, certificate]) => {
                let passphrase = env::var("KBUILD_SIGN_PIN").ok();
                Some(Signer::read(key, certificate, passphrase.as_deref())?)
            }
            _ => None,
        };
        let kernel = self.kernel.as_ref().map(inputs::kernel).transpose()?;
        let of_kernel = kernel.map(|kernel| &kernel.symvers);
        let of_kernel = of_kernel.filter(|symvers| !symvers.is_empty());
        let (symvers, file) = rayon::join(
            || inputs::symvers(of_kernel.cloned(), &self.symvers),
            || ModuleFile::read(&self.input),
        );
        let (symvers, file) = (symvers?, file?);
        let options = RelinkOptions {
            requests: self.from.clone(),
            name: self.name.clone(),
            no_exports: self.no_exports,
            no_guard: self.no_guard,
        };
        // Without these types, kimport_guard compares none either.
        let types = kernel.filter(|_| !self.unverified);
        let (mut bytes, mut report) = relink::relink(&file, symvers.as_ref(), types, &options)
            .map_err(|error| error.context(self.input.display()))?;
        if let Some(kernel) = kernel {
            let with_path = |error: Error| error.context(self.input.display());
            check::relinked(&report.symbols, kernel).map_err(with_path)?;
            if !self.unverified {
                check::relinked_types(&file, &report.symbols, kernel).map_err(with_path)?;
            }
        }
        if let Some(signer) = &signer {
            // The previous signature tells which hash the kernel is configured for.
            let hash = self.hash.or_else(|| sign::hash_of(&file));
            let hash = hash.unwrap_or_default();
            let signature;
            (bytes, signature) = signer.sign(&ModuleFile::from_bytes(bytes)?, hash)?;
            report.signature_dropped = false;
            report.signature = Some(signature);
        }
        output::write_file(&self.output, &bytes, "choose another place with -o")?;
        output::notes(&report.notices());
        output::result(as_json, &report, || report.text())?;
        Ok(Outcome::Fine)
    }
}
