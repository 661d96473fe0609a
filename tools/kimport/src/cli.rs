// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::{
    check,
    compare::{self, Matrix, Subject},
    error::{printable, Error, Failure, Outcome, Result},
    kbuild,
    kernel::{self, Kernel},
    list::{Instead, Listing},
    load::{
        self, failure,
        plan::{Done, Plan, Running},
        system::{Addresses, System},
    },
    module_file::ModuleFile,
    prepare,
    progress::Spinner,
    relink::{
        self,
        request::{self, Request},
        Wish,
    },
    schema,
    sign::{self, Hash, Signer},
    symvers::{Symvers, VMLINUX},
};
use anstyle::AnsiColor;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use kimport_setup::Named;
use rayon::prelude::*;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    env,
    ffi::{CString, OsStr},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Works on what Linux kernel modules import.
#[derive(Debug, Parser)]
#[command(
    name = "kimport",
    version,
    propagate_version = true,
    after_help = EXIT_STATUS
)]
struct Cli {
    /// Prints JSON on standard output, errors included; `kimport schema` describes it
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Relink(Relink),
    List(List),
    Check(Check),
    Compare(Compare),
    Load(Load),
    Prepare(Prepare),
    Schema(Schema),
    #[command(hide = true, subcommand)]
    Kbuild(Kbuild),
    Man(Man),
    Completions(Completions),
}

/// Makes undefined symbols of a built module come from a provider that does not export them
///
/// The symbols become livepatch symbols. The kernel resolves these while it loads the module
/// (CONFIG_LIVEPATCH), whether they are exported or not. A kernel without livepatch refuses the
/// module, because it does not have klp_enable_patch. The provider has to be loaded before the
/// module and must stay loaded as long as the module: the kernel holds no reference on it for such
/// symbols.
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
struct Relink {
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
    /// Refuses symbols that would not resolve on this kernel; also reads the kernel's
    /// Module.symvers if it is among the files
    ///
    /// KERNEL is running, or paths of the kernel's files with commas between them; see `kimport
    /// check`.
    #[arg(long, value_name = KERNEL)]
    kernel: Option<kernel::Spec>,
    /// The file to write the module to; it is never compressed
    #[arg(short, long, value_name = "OUT.ko")]
    output: PathBuf,
    /// Renames the module, so that it can be loaded beside the original
    #[arg(long, value_name = "NEW", value_parser = request::new_name)]
    name: Option<String>,
    /// Removes the module's exports, since no two loaded modules may export the same symbol
    #[arg(long)]
    no_exports: bool,
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

/// Shows the imports of a module
///
/// Lists the imports made with kimport's macro, the livepatch symbols and the ordinary undefined
/// symbols. With --symvers, also shows what exports the undefined symbols; a symbol that nothing
/// exports, and without which the module cannot be loaded, is a finding.
#[derive(Debug, Args)]
struct List {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko")]
    input: PathBuf,
    /// The kernel's Module.symvers, the list of exported symbols; may be repeated to add those of
    /// other modules
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
}

/// Tells whether a kernel would load a module and resolve everything it imports
///
/// Looks up each import made with kimport, each livepatch symbol and each undefined symbol. For a
/// symbol that would not resolve, prints what the kernel would log. Declared types are compared
/// with the kernel's, as far as its type information (BTF) goes. The checks of the kernel's module
/// loader are made too: the version magic, the architecture, and the namespaces, licence and
/// versions of exported symbols. A difference that the loader accepts with a taint is a warning. A
/// question that the given files do not answer is reported as "not known". Nothing is loaded.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport check rust_iblock.ko --kernel running\n  \
    kimport check rust_iblock.ko --kernel running,other/provider.ko\n  \
    kimport check rust_iblock.ko --from target_core_mod_new=target_core_mod \\\n      \
    --kernel linux-image.deb,target_core_mod_new.ko\n  \
    kimport check rust_iblock.ko --kernel next=/mnt/boot/vmlinuz,/mnt/lib/modules/7.3.4")]
struct Check {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko")]
    input: PathBuf,
    #[arg(long, value_name = KERNEL, help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: kernel::Spec,
    #[arg(long, value_name = INSTEAD, help = INSTEAD_HELP, long_help = INSTEAD_LONG_HELP)]
    from: Vec<Instead>,
}

/// Shows how symbols change from kernel to kernel
///
/// Shows for each symbol and kernel: the place of the symbol; whether it is static or global,
/// exported, ambiguous, left only as a clone made by the compiler, or gone; and whether its
/// prototype is the same as in the kernel before. Prototypes are compared by the names of types; a
/// change inside a struct does not show.
///
/// A symbol that cannot be imported on one of the kernels, or has moved or changed, is a finding.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport compare --module rust_iblock.ko --kernel running --kernel next.deb\n  \
    kimport compare target_core_mod:target_complete_cmd nr_processes \\\n      \
    --kernel linux-image-6.1.deb --kernel linux-image-6.12.deb --html report.html")]
struct Compare {
    /// The symbols: NAME in the kernel image or else in any module, MODULE:NAME in that module
    #[arg(value_name = "[MODULE:]NAME", required_unless_present = "module")]
    names: Vec<Subject>,
    /// Compares everything that this module imports with kimport or as livepatch symbols
    #[arg(long, value_name = "FILE.ko")]
    module: Option<PathBuf>,
    #[arg(long, required = true, value_name = KERNEL, help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: Vec<kernel::Spec>,
    #[arg(long, requires = "module", value_name = INSTEAD, help = INSTEAD_HELP, long_help = INSTEAD_LONG_HELP)]
    from: Vec<Instead>,
    /// Also writes the matrix as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Loads a module after writing addresses of unexported symbols into it
///
/// This is for modules built with plain declarations, on kernels that have no livepatch to resolve
/// them. Undefined symbols that the running kernel does not export get the addresses that
/// /proc/kallsyms shows to root. Symbols of a module are only used if --from names that module. A
/// module that uses kimport's macro gets the address of kallsyms_lookup_name as a parameter, unless
/// you give that parameter yourself.
///
/// The kernel neither knows nor checks any of this: nothing keeps a provider loaded, and nothing
/// compares the module's declarations with the kernel's. If an address is written, the signature no
/// longer fits and is dropped. The modules that this one depends on are not loaded for it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport load rust_iblock.ko provider=target_core_mod\n  \
    kimport load tcm_loop.ko.xz --from target_core_mod_new=target_core_mod --dry-run")]
struct Load {
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
    /// Prints what would be done, and does not load the module
    #[arg(long)]
    dry_run: bool,
    /// Sets kptr_restrict to 1 while the addresses are read, if it hides them even from root; also
    /// tries to load the module where unsigned modules are refused
    #[arg(long)]
    force: bool,
}

/// Makes the kernel tree that Rust modules for a Debian kernel are built against
///
/// Distributions' headers packages lack files that Rust modules need. This command makes the tree
/// from the kernel's source, with the distribution's own compilers in a build root, for any Debian
/// kernel with CONFIG_RUST. It prints the path of the tree: KDIR=... A tree that exists is not made
/// again.
///
/// The first run needs the network, about 5 GB, and some minutes.
#[derive(Debug, Args)]
#[command(after_long_help = "Environment:\n  \
    KIMPORT_CACHE   where to put it all (default: kimport in the user's cache directory)\n  \
    KIMPORT_MIRROR  URL of a Debian mirror (default: the one in this machine's apt configuration)\n\n\
    Examples:\n\n  \
    export $(kimport prepare --running) && make -C \"$KDIR\" M=\"$PWD\"\n  \
    kimport prepare 7.3.4+deb13-amd64 --json")]
struct Prepare {
    /// The release of a kernel that is installed or in the archive, or the directory of a kernel's
    /// .deb files; by default the kernel that this version of kimport is tested with
    #[arg(
        value_name = "RELEASE|DIRECTORY",
        conflicts_with = "running",
        value_parser = kimport_setup::named
    )]
    kernel: Option<Named>,
    /// Takes the kernel that is running here
    #[arg(long)]
    running: bool,
}

/// Describes the --json output of a subcommand
///
/// The description is a JSON Schema (draft 2020-12) that explains each member.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n\n  \
    kimport schema check")]
struct Schema {
    /// The subcommand, or error for the output of any subcommand that fails
    #[arg(value_name = "COMMAND")]
    of: schema::Of,
}

/// The steps of scripts/Makefile.relink
#[derive(Debug, Subcommand)]
enum Kbuild {
    /// Writes a Module.symvers with the symbols that modules get from providers that do not export
    /// them
    Symvers {
        #[command(flatten)]
        modules: Modules,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Copies a Module.symvers and removes the namespaces of the symbols that modules get from
        /// providers
        #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
        to_all: Option<Vec<PathBuf>>,
    },
    /// Relinks in place each built module that is not relinked yet
    Relink {
        #[command(flatten)]
        modules: Modules,
        #[arg(long, value_name = KERNEL, help = "Refuses symbols that KERNEL would not resolve")]
        kernel: Option<kernel::Spec>,
    },
}

/// The modules of a build
#[derive(Debug, Args)]
struct Modules {
    /// A file with a line for each module: its name without suffix, then its values of relink's
    /// --from
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// A Module.symvers with the exports of other modules
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
}

/// Writes the manual pages, for packages
#[derive(Debug, Args)]
#[command(hide = true)]
struct Man {
    /// The directory to write to; there is one page for the command and one for each subcommand
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// Prints the completions for a shell, for packages
#[derive(Debug, Args)]
#[command(hide = true)]
struct Completions {
    shell: clap_complete::Shell,
}

const INSTEAD: &str = "PROVIDER=OLD";
const INSTEAD_HELP: &str = "Takes from PROVIDER what the module takes from OLD; may be repeated";
const INSTEAD_LONG_HELP: &str = "Takes from PROVIDER what the module takes from OLD; may be repeated

The imports that the module makes from OLD with kimport are looked for in PROVIDER, as if the module \
asked for that when it is loaded (`resolve_imports_from`). If it makes no such imports, the symbols \
that OLD exports are looked for in PROVIDER, as if `kimport relink` or `load` had been given the same \
option. OLD is a module, or vmlinux for the kernel image.";
const EXIT_STATUS: &str =
    "Exit status: 0 all is well, 1 there are findings, 2 the command line or an \
input cannot be used.";
const KERNEL: &str = "[NAME=]KERNEL";
const KERNEL_HELP: &str = "The kernel: running, or paths of its files with commas between them";
const KERNEL_LONG_HELP: &str = "The kernel: running, or paths of its files with commas between them

A path is a directory that holds the unpacked packages of one kernel (or its part of a system's \
/lib/modules), a Debian package, or a single file: vmlinuz, vmlinux, System.map, a copy of \
/proc/kallsyms or of /sys/kernel/btf/vmlinux, Module.symvers, or a module. Several Module.symvers \
add up. Of several modules of the same name, the one given as a file is read, or else the one that \
depmod prefers (depmod.d).

After running, further paths may follow: modules that are not installed, and Module.symvers.

Debug information, as in a distribution's debug packages, tells which functions were inlined. It is \
only read when a symbol is missing.

The name of a kernel in the output is read from its files, or is the NAME before the '='.";

/// Returns the command line with the exit codes in each help text.
fn documented() -> clap::Command {
    Cli::command().mut_subcommands(|command| {
        let long = match command.get_after_long_help() {
            Some(more) => format!("{more}\n\n{EXIT_STATUS}"),
            None => EXIT_STATUS.to_owned(),
        };
        command.after_help(EXIT_STATUS).after_long_help(long)
    })
}

/// Runs the command.
pub fn main() -> ExitCode {
    // Clap ends the process with 2 on a wrong command line, as promised.
    let cli =
        Cli::from_arg_matches(&documented().get_matches()).unwrap_or_else(|error| error.exit());
    let result = match &cli.command {
        Command::Relink(command) => command.run(cli.json),
        Command::List(command) => command.run(cli.json),
        Command::Check(command) => command.run(cli.json),
        Command::Compare(command) => command.run(cli.json),
        Command::Load(command) => command.run(cli.json),
        Command::Prepare(command) => command.run(cli.json),
        Command::Schema(command) => command.run(),
        Command::Kbuild(command) => command.run(cli.json),
        Command::Man(command) => command.run(cli.json),
        Command::Completions(command) => command.run(cli.json),
    };
    let outcome = result.unwrap_or_else(|error| {
        complain(&error, cli.json);
        error.outcome()
    });
    ExitCode::from(outcome as u8)
}

impl Relink {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        if let Some(extension) = self.output.extension().and_then(OsStr::to_str) {
            if ["xz", "zst", "gz"].contains(&extension) {
                return Err(Error::unusable(format_args!(
                    "{}: the output is not compressed",
                    self.output.display()
                ))
                .help("name it .ko and compress it afterwards"));
            }
        }
        let signer = match self.sign.as_deref() {
            Some([key, certificate]) => {
                let passphrase = env::var("KBUILD_SIGN_PIN").ok();
                Some(Signer::read(key, certificate, passphrase.as_deref())?)
            }
            _ => None,
        };
        let kernel = self.kernel.as_ref().map(read_kernel).transpose()?;
        let of_kernel = kernel.as_ref().and_then(Kernel::symvers);
        let symvers = read_symvers(of_kernel.cloned(), &self.symvers)?;
        let file = ModuleFile::read(&self.input)?;
        let wish = Wish {
            requests: self.from.clone(),
            name: self.name.clone(),
            no_exports: self.no_exports,
        };
        let (mut bytes, mut report) = relink::relink(&file, symvers.as_ref(), &wish)
            .map_err(|error| error.context(self.input.display()))?;
        if let Some(kernel) = &kernel {
            check::relinked(&report.symbols, kernel)
                .map_err(|error| error.context(self.input.display()))?;
        }
        if let Some(signer) = &signer {
            // The previous signature tells which hash the kernel is configured for.
            let hash = self
                .hash
                .or_else(|| sign::hash_of(&file))
                .unwrap_or_default();
            let signature;
            (bytes, signature) = signer.sign(&ModuleFile::from_bytes(bytes)?, hash)?;
            report.signed(signature);
        }
        write_file(&self.output, &bytes, "choose another place with -o")?;
        tell(&report.notices());
        if as_json {
            print(&json(&report)?)?;
        } else {
            print(&report.text())?;
        }
        Ok(Outcome::Fine)
    }
}

impl List {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let symvers = read_symvers(None, &self.symvers)?;
        let file = ModuleFile::read(&self.input)?;
        let listing = Listing::new(&file, symvers.as_ref())
            .map_err(|error| error.context(self.input.display()))?;
        if as_json {
            print(&json(&listing)?)?;
        } else {
            print(&listing.text(width()))?;
        }
        Ok(listing.outcome())
    }
}

impl Check {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let file = ModuleFile::read(&self.input)?;
        let with_path = |error: Error| error.context(self.input.display());
        let mut listing = Listing::new(&file, None).map_err(with_path)?;
        let kernel = read_kernel(&self.kernel)?;
        let exports = |module: &str, symbol: &str| kernel.exports_from(module, symbol);
        listing.take_from(&self.from, exports).map_err(with_path)?;
        let report = check::Report::new(&listing, &kernel);
        if as_json {
            print(&json(&report)?)?;
        } else {
            print(&report.text())?;
        }
        Ok(report.outcome())
    }
}

impl Compare {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let kernels = || {
            let _spinner = Spinner::new("reading the kernels");
            let read = self.kernel.par_iter().map(Kernel::read);
            read.collect::<Result<Vec<_>>>()
        };
        let mut subjects: BTreeSet<Subject> = self.names.iter().cloned().collect();
        let kernels = match &self.module {
            None => kernels()?,
            Some(module) => {
                let with_path = |error: Error| error.context(module.display());
                let file = ModuleFile::read(module)?;
                let mut listing = Listing::new(&file, None).map_err(with_path)?;
                let kernels = kernels()?;
                let exports = |module: &str, symbol: &str| {
                    let mut kernels = kernels.iter();
                    kernels.any(|kernel| kernel.exports_from(module, symbol))
                };
                listing.take_from(&self.from, exports).map_err(with_path)?;
                subjects.extend(compare::subjects(&listing));
                kernels
            }
        };
        if subjects.is_empty() {
            return Err(
                Error::unusable("the module imports nothing that could be compared")
                    .help("name symbols, or give a module that imports with kimport or livepatch"),
            );
        }
        let matrix = Matrix::new(&subjects, &kernels);
        if let Some(path) = &self.html {
            write_file(
                path,
                matrix.html().as_bytes(),
                "choose another place with --html",
            )?;
        }
        if as_json {
            print(&json(&matrix)?)?;
        } else {
            print(&matrix.text(width()))?;
        }
        Ok(matrix.outcome())
    }
}

impl Load {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let file = ModuleFile::read(&self.input)?;
        let with_path = |error: Error| error.context(self.input.display());
        let listing = Listing::new(&file, None).map_err(with_path)?;
        let facts = load::Facts::new(&file).map_err(with_path)?;
        let symvers = read_symvers(None, &self.symvers)?;
        let providers: BTreeSet<&str> = self
            .from
            .iter()
            .map(|request| request.provider.as_str())
            .filter(|provider| *provider != VMLINUX)
            .collect();
        let providers: Vec<&str> = providers.into_iter().collect();
        let system = System::read();
        if !self.dry_run {
            // An unsigned module stays unsigned: refuse it before the addresses are read.
            self.unless_forbidden(system.forbids(file.is_signed()))?;
        }
        let Addresses {
            text,
            sections,
            raised,
        } = Addresses::read(&providers, self.force)?;
        let kernel = Kernel::of_running(text, &system.release, None);
        let running = Running {
            kernel: &kernel,
            symvers: symvers.as_ref(),
            sections: &sections,
            system: &system,
        };
        let wish = load::plan::Wish {
            requests: self.from.clone(),
            parameters: self.parameters.clone(),
        };
        let mut plan = Plan::new(&listing, &facts, &wish, &running).map_err(with_path)?;
        if raised {
            plan.notes.push(
                "kptr_restrict was 1 while the addresses were read, and is 2 again".to_owned(),
            );
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
            tell(&plan.notes);
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
            let log = log
                .iter()
                .map(|line| format!("\n  {}", printable(line.as_bytes())));
            let log: String = log.collect();
            let log = match log.as_str() {
                "" => "\nit logged nothing".to_owned(),
                lines => format!("\nit logged:{lines}"),
            };
            Error::finding(format_args!(
                "the kernel did not load {}: {errno}{log}",
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

    fn show(&self, plan: &Plan, loaded: bool, as_json: bool) -> Result<Outcome> {
        if as_json {
            print(&json(&Done { loaded, plan })?)?;
            return Ok(plan.outcome());
        }
        let mut text = plan.text(width());
        if !plan.refused.is_empty() {
            text += &format!("{}\n", plan.refusals());
        }
        text += &format!(
            "{} {}\n",
            plan.module,
            if loaded {
                "is loaded"
            } else {
                "was not loaded"
            }
        );
        print(&text)?;
        tell(&plan.notes);
        Ok(plan.outcome())
    }
}

impl Prepare {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let prepared = prepare::prepare(match &self.kernel {
            Some(kernel) => kernel.clone(),
            None if self.running => Named::Release(kimport_setup::running()),
            None => Named::Pinned,
        })?;
        if as_json {
            print(&json(&prepared)?)?;
        } else {
            print(&format!("KDIR={}\n", prepared.kdir.display()))?;
            tell(&[format!(
                "the tree holds programs of Debian's; build modules on other systems with\n  \
                 KIMPORT_BIND=\"$PWD\" {} make -C {} M=\"$PWD\"",
                prepared.in_root.display(),
                prepared.kdir.display()
            )]);
        }
        Ok(Outcome::Fine)
    }
}

impl Schema {
    fn run(&self) -> Result<Outcome> {
        print(&json(&self.of.schema())?)?;
        Ok(Outcome::Fine)
    }
}

impl Kbuild {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        match self {
            Self::Symvers {
                modules,
                output,
                to_all,
            } => {
                let (modules, exports) = modules.read()?;
                let text = kbuild::unexported(&modules, &exports)?;
                if let Some([from, to]) = to_all.as_deref() {
                    let text = fs::read_to_string(from).map_err(|error| {
                        Error::unusable(format_args!("{}: {error}", from.display()))
                    })?;
                    let text = kbuild::to_all(&text, &modules, &exports)?;
                    write_file(
                        to,
                        text.as_bytes(),
                        "see why the build tree cannot be written to",
                    )?;
                }
                write_file(output, text.as_bytes(), "choose another place with -o")?;
                if as_json {
                    let lines: Vec<&str> = text.lines().collect();
                    print(&json(&lines)?)?;
                }
            }
            Self::Relink { modules, kernel } => {
                let (modules, exports) = modules.read()?;
                let kernel = kernel.as_ref().map(Kernel::read).transpose()?;
                let mut reports = Vec::new();
                for module in modules.iter().filter(|module| module.is_relinked()) {
                    let Some((bytes, report)) = kbuild::relink(module, &exports)? else {
                        continue;
                    };
                    let path = module.path();
                    if let Some(kernel) = &kernel {
                        check::relinked(&report.symbols, kernel)
                            .map_err(|error| error.context(path.display()))?;
                    }
                    write_file(&path, &bytes, "see why the build tree cannot be written to")?;
                    reports.push(report);
                }
                if as_json {
                    print(&json(&reports)?)?;
                } else {
                    let text = reports.iter().map(relink::Report::text);
                    print(&text.collect::<String>())?;
                }
            }
        }
        Ok(Outcome::Fine)
    }
}

impl Modules {
    fn read(&self) -> Result<(Vec<kbuild::Module>, Symvers)> {
        let list = fs::read_to_string(&self.list).map_err(|error| {
            Error::unusable(format_args!("{}: {error}", self.list.display()))
                .help("this is a step of scripts/Makefile.relink, which writes that file")
        })?;
        let others = read_symvers(None, &self.symvers)?.unwrap_or_default();
        kbuild::Module::read_all(&list, others)
    }
}

impl Man {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let cannot = |error: io::Error| {
            Error::unusable(format_args!("{}: {error}", self.directory.display()))
                .help("choose another directory")
        };
        fs::create_dir_all(&self.directory).map_err(cannot)?;
        clap_mangen::generate_to(documented().disable_help_subcommand(true), &self.directory)
            .map_err(cannot)?;
        let mut written = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(cannot)? {
            written.push(entry.map_err(cannot)?.path().display().to_string());
        }
        written.sort_unstable();
        if as_json {
            print(&json(&written)?)?;
        } else {
            print(&(written.join("\n") + "\n"))?;
        }
        Ok(Outcome::Fine)
    }
}

impl Completions {
    fn run(&self, as_json: bool) -> Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut documented(), "kimport", &mut script);
        let script = String::from_utf8_lossy(&script);
        if as_json {
            print(&json(&script)?)?;
        } else {
            print(&script)?;
        }
        Ok(Outcome::Fine)
    }
}

/// Reads several `Module.symvers` and adds them to `known`.
fn read_symvers(known: Option<Symvers>, paths: &[PathBuf]) -> Result<Option<Symvers>> {
    let mut all = known;
    for path in paths {
        // The Module.symvers of modules that export nothing is empty.
        let is_empty = fs::metadata(path).is_ok_and(|file| file.len() == 0);
        let new = if is_empty {
            Symvers::default()
        } else {
            Symvers::read(path)?
        };
        if let Some(note) = all.as_ref().and_then(|all| new.contradicts(all, path)) {
            tell(&[note]);
        }
        all.get_or_insert_default().extend(new);
    }
    Ok(all)
}

fn read_kernel(kernel: &kernel::Spec) -> Result<Kernel> {
    let _spinner = Spinner::new("reading the kernel");
    Kernel::read(kernel)
}

/// Writes a file in one step: a module loader that waits for it never sees half of it.
fn write_file(path: &Path, bytes: &[u8], help: &str) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".kimport-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // The mode of any new file, before the umask is applied.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| {
        Error::unusable(format_args!("cannot write {}: {error}", path.display())).help(help)
    })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::unusable(format_args!("cannot write JSON: {error}")))
}

/// Returns the number of columns of standard output, if it is a terminal.
fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// Prints on standard output. A reader that closes the pipe early is no error.
fn print(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::unusable(
            format_args!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Prints notes for the user on standard error.
fn tell(notes: &[String]) {
    let mut stderr = anstream::stderr().lock();
    let blue = AnsiColor::Cyan.on_default();
    for note in notes {
        // A note that cannot be written is no reason to fail.
        let _ = writeln!(stderr, "kimport: {blue}note{blue:#}: {note}");
    }
}

fn complain(error: &Error, as_json: bool) {
    // If this cannot be written either, there is no way left to report it. Styles only reach a
    // terminal.
    let mut stderr = anstream::stderr().lock();
    let red = AnsiColor::Red.on_default().bold();
    let _ = writeln!(stderr, "kimport: {red}error{red:#}: {error}");
    if let Some(help) = error.way_out() {
        let green = AnsiColor::Green.on_default();
        let _ = writeln!(stderr, "kimport: {green}help{green:#}: {help}");
    }
    if as_json {
        let _ = json(&Failure::from(error)).and_then(|text| print(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The manual states the exit codes that the code returns.
    #[test]
    fn exit_codes_are_documented() {
        let mut command = documented();
        let mut commands = vec![command.clone()];
        commands.extend(command.get_subcommands_mut().map(|command| command.clone()));
        for mut command in commands {
            let help = command.render_long_help().to_string();
            let wanted = "0 all is well, 1 there are findings, 2 the command line";
            assert!(help.contains(wanted), "{help}");
        }
        assert_eq!(
            [Outcome::Fine, Outcome::Findings, Outcome::Unusable].map(|outcome| outcome as u8),
            [0, 1, 2]
        );
    }

    #[test]
    fn requests_are_repeatable_and_required() {
        let parse = |extra: &[&str]| {
            let common = ["kimport", "relink", "in.ko", "-o", "out.ko"];
            Cli::try_parse_from(common.iter().chain(extra))
        };
        assert!(parse(&[]).is_err());
        assert!(parse(&["--from", "a=b", "--from", "c:d", "--json"]).is_ok());
        assert!(parse(&["--from", "a/b"]).is_err());
        assert!(parse(&["--from", "a", "--name", "b-c"]).is_err());
    }
}
