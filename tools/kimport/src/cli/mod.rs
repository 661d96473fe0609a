// SPDX-License-Identifier: GPL-2.0

//! The command line. Each subcommand is a module with its arguments, its help, and the code that
//! runs it.

mod check;
mod compare;
mod declare;
mod inputs;
mod kbuild;
mod list;
mod load;
mod makefile;
mod new;
mod output;
mod packages;
mod prepare;
mod relink;
mod schema;
mod vm;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// Declares, shows, checks and changes the imports of Linux kernel modules.
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
    Relink(relink::Relink),
    List(list::List),
    Check(check::Check),
    Compare(compare::Compare),
    Declare(declare::Declare),
    Load(load::Load),
    New(new::New),
    Prepare(prepare::Prepare),
    Makefile(makefile::Makefile),
    Vm(vm::Vm),
    Schema(schema::Schema),
    #[command(hide = true, subcommand)]
    Kbuild(kbuild::Kbuild),
    Man(packages::Man),
    Completions(packages::Completions),
}

const REPLACEMENT: &str = "PROVIDER=OLD";
const REPLACEMENT_HELP: &str =
    "Takes from PROVIDER what the module takes from OLD; may be repeated";
const REPLACEMENT_LONG_HELP: &str = "Takes from PROVIDER what the module takes from OLD; may be repeated

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

The names of the symbols in modules, and the tables of packed kernel images, are kept below \
KIMPORT_CACHE, or else in the user's cache directory. They are read again when the file of the \
module or of the image has changed. The tables take at most 256 MiB.

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
        Command::Declare(command) => command.run(cli.json),
        Command::Load(command) => command.run(cli.json),
        Command::New(command) => command.run(cli.json),
        Command::Prepare(command) => command.run(cli.json),
        Command::Makefile(command) => command.run(cli.json),
        Command::Vm(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Kbuild(command) => command.run(cli.json),
        Command::Man(command) => command.run(cli.json),
        Command::Completions(command) => command.run(cli.json),
    };
    let outcome = result.unwrap_or_else(|error| {
        output::failure(&error, cli.json);
        error.outcome()
    });
    ExitCode::from(outcome as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outcome;

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
        let all = [Outcome::Fine, Outcome::Findings, Outcome::Unusable];
        assert_eq!(all.map(|outcome| outcome as u8), [0, 1, 2]);
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
