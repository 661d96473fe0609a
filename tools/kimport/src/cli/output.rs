// SPDX-License-Identifier: GPL-2.0

//! The ways in which subcommands print and write.

use crate::error::{Error, Result};
use anstyle::AnsiColor;
use serde::Serialize;
use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Prints the result of a subcommand: `value` as JSON, or `text` for people.
pub(super) fn result<S: AsRef<str>>(
    as_json: bool,
    value: &impl Serialize,
    text: impl FnOnce() -> S,
) -> Result<()> {
    if as_json {
        json(value)
    } else {
        print(text().as_ref())
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::unusable(format_args!("cannot write JSON: {error}")))?;
    print(&(text + "\n"))
}

/// Returns the number of columns of standard output, if it is a terminal.
pub(super) fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// Prints on standard output. A reader that closes the pipe early is no error.
fn print(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes());
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::unusable(
            format_args!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Prints notes for the user on standard error.
pub(super) fn notes(notes: &[String]) {
    let mut stderr = anstream::stderr().lock();
    let blue = AnsiColor::Cyan.on_default();
    for note in notes {
        // A note that cannot be written is no reason to fail.
        let _ = writeln!(stderr, "kimport: {blue}note{blue:#}: {note}");
    }
}

/// Prints why the command failed.
pub(super) fn failure(error: &Error, as_json: bool) {
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
        let _ = json(error);
    }
}

/// Writes the HTML page that a command line asks for.
pub(super) fn page(path: Option<&Path>, html: impl FnOnce() -> String) -> Result<()> {
    match path {
        Some(path) => write_file(path, html().as_bytes(), "choose another place with --html"),
        None => Ok(()),
    }
}

/// Writes a file in one step: a module loader that waits for it never sees half of it.
pub(super) fn write_file(path: &Path, bytes: &[u8], help: &str) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".kimport-")
            // The mode of any new file, before the umask is applied.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| {
        Error::unusable(format_args!("cannot write {}: {error}", path.display())).help(help)
    })
}
