// SPDX-License-Identifier: GPL-2.0

//! The command. All code is in the library, so that tests can call it.

fn main() -> std::process::ExitCode {
    kimport_cli::cli::main()
}
