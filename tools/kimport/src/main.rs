// SPDX-License-Identifier: GPL-2.0

//! The command; everything is in the library so that tests reach it.

fn main() -> std::process::ExitCode {
    kimport::cli::main()
}
