// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::{
    error::{Error, Outcome, Result},
    list::Listing,
    module_file::ModuleFile,
    relink::{
        self,
        request::{self, Request},
        Wish,
    },
    symvers::Symvers,
};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::{
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Works on what Linux kernel modules import.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Exit status: 0 all is well, 1 there are findings, \
                  2 the command line or an input cannot be used."
)]
struct Cli {
    /// Prints JSON on standard output, errors included
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Relink(Relink),
    List(List),
}

/// Sends undefined symbols of a built module to a provider that does not export them
///
/// The symbols become livepatch symbols, which the kernel resolves while it loads the module
/// (CONFIG_LIVEPATCH) whether they are exported or not. The provider has to be loaded before the
/// module and must stay loaded as long: the kernel holds no reference on it for such symbols.
///
/// A signature does not survive and is dropped. Relinking the output again with the same options
/// changes nothing.
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
    /// Where symbols shall come from; may be repeated
    ///
    /// PROVIDER:SYMBOL,SYMBOL... takes these symbols from PROVIDER.
    ///
    /// PROVIDER=OLD takes from PROVIDER what the module OLD exports (needs --symvers).
    ///
    /// PROVIDER alone takes from it what nothing exports (needs --symvers); weak symbols, which
    /// may stay unresolved, only if they are listed.
    ///
    /// PROVIDER is the name of a module or vmlinux, the kernel image. A symbol listed by name
    /// goes before the other forms.
    #[arg(long, required = true, value_name = "PROVIDER[=OLD|:SYMBOLS]")]
    from: Vec<Request>,
    /// The kernel's Module.symvers: who exports what
    #[arg(long, value_name = "FILE")]
    symvers: Option<PathBuf>,
    /// Where to write the module; never compressed
    #[arg(short, long, value_name = "OUT.ko")]
    output: PathBuf,
    /// Renames the module, so that it can be loaded beside the original
    #[arg(long, value_name = "NEW", value_parser = request::new_name)]
    name: Option<String>,
}

/// Shows what a module imports
///
/// Imports of Rust modules made with kimport, livepatch symbols, and ordinary undefined symbols.
/// With --symvers also where the latter are exported from; a symbol that nothing exports, and the
/// module cannot be loaded without, is a finding.
#[derive(Debug, Args)]
struct List {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko")]
    input: PathBuf,
    /// The kernel's Module.symvers: who exports what
    #[arg(long, value_name = "FILE")]
    symvers: Option<PathBuf>,
}

/// Runs the command.
pub fn main() -> ExitCode {
    // Clap ends the process with 2 on a wrong command line, as promised.
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Relink(command) => command.run(cli.json),
        Command::List(command) => command.run(cli.json),
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
        let symvers = read_symvers(self.symvers.as_deref())?;
        let file = ModuleFile::read(&self.input)?;
        let wish = Wish {
            requests: self.from.clone(),
            name: self.name.clone(),
        };
        let (bytes, report) = relink::relink(&file, symvers.as_ref(), &wish)
            .map_err(|error| error.context(self.input.display()))?;
        write_file(&self.output, &bytes)?;
        let mut stderr = io::stderr().lock();
        for notice in report.notices() {
            // The module is written; who cannot be told of it is no reason to fail.
            let _ = writeln!(stderr, "kimport: note: {notice}");
        }
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
        let symvers = read_symvers(self.symvers.as_deref())?;
        let file = ModuleFile::read(&self.input)?;
        let listing = Listing::new(&file, symvers.as_ref())
            .map_err(|error| error.context(self.input.display()))?;
        if as_json {
            print(&json(&listing)?)?;
        } else {
            print(&listing.text())?;
        }
        Ok(listing.outcome())
    }
}

fn read_symvers(path: Option<&Path>) -> Result<Option<Symvers>> {
    path.map(Symvers::read).transpose()
}

/// Writes a file so that there is never half of it: a module loader may be waiting for it.
fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
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
            // As any new file; the umask has its say.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| {
        Error::unusable(format_args!("cannot write {}: {error}", path.display()))
            .help("choose another place with -o")
    })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::unusable(format_args!("cannot write JSON: {error}")))
}

/// Prints on standard output; a reader that has seen enough is no error.
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

fn complain(error: &Error, as_json: bool) {
    // There is nobody left to tell if even this cannot be written.
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "kimport: error: {error}");
    if let Some(help) = error.way_out() {
        let _ = writeln!(stderr, "kimport: help: {help}");
    }
    if as_json {
        let object = serde_json::json!({
            "error": error.to_string(),
            "help": error.way_out(),
        });
        let _ = print(&format!("{object:#}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
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
