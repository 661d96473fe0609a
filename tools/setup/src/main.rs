// SPDX-License-Identifier: GPL-2.0

//! The command of `scripts/setup`, which names the checkout in `KIMPORT_TOP`.

use kimport_setup::{
    error::{Error, Result},
    place::Place,
    Named, COMMAND_OF_CHECKOUT,
};
use std::{
    env,
    path::PathBuf,
    process::{self, Command, ExitCode},
};

const USAGE: &str = "usage: scripts/setup
       scripts/setup prepare-kernel [RELEASE | DIRECTORY | --running]
       scripts/setup update-kernel | kernels | root NAME
       scripts/setup tree-kernel builtin|modules
       scripts/setup ways-kernel [OPTION=VALUE...]
       scripts/setup profile-kernel [--made] NAME
       scripts/setup step|show NAME PROGRAM [ARGUMENT...]";

fn work(arguments: &[&str]) -> Result<()> {
    let usage = || Error::new(USAGE);
    let top = env::var_os("KIMPORT_TOP").ok_or_else(usage)?;
    let place = Place::find(&PathBuf::from(top).join("scripts"))?;
    match arguments {
        [] => kimport_setup::setup(place),
        ["prepare-kernel", kernel @ ..] => {
            let named = match kernel {
                [] => Named::Chosen,
                ["--running"] => Named::Release(kimport_setup::running()),
                [name] => kimport_setup::named(name)
                    .map_err(|error| Error::new(format_args!("{name}: {error}")))?,
                _ => return Err(usage()),
            };
            let kernel = kimport_setup::prepare(place, named, COMMAND_OF_CHECKOUT)?;
            println!("KDIR={}", kernel.kdir.display());
            Ok(())
        }
        ["update-kernel"] => kimport_setup::update_kernel(place),
        ["kernels"] => kimport_setup::kernels(place),
        ["root", name] => {
            println!("{}", kimport_setup::root(place, name)?.display());
            Ok(())
        }
        ["tree-kernel", kind @ ("builtin" | "modules")] => {
            println!("{}", kimport_setup::tree_kernel(place, kind)?.display());
            Ok(())
        }
        ["ways-kernel", options @ ..] => {
            println!("{}", kimport_setup::ways_kernel(place, options)?.display());
            Ok(())
        }
        ["profile-kernel", made @ .., name] if matches!(made, [] | ["--made"]) => {
            let variables = kimport_setup::profile_kernel(place, name, !made.is_empty())?;
            println!("{variables}");
            Ok(())
        }
        [how @ ("step" | "show"), name, program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            if *how == "step" {
                return kimport_setup::step(&place, name, &mut command);
            }
            match kimport_setup::show(&place, name, &mut command)? {
                true => Ok(()),
                // The program has said why.
                false => process::exit(1),
            }
        }
        _ => Err(usage()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match work(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Interrupted) => {
            kimport_setup::note("interrupted; run it again to go on.");
            ExitCode::from(130)
        }
        Err(error) => {
            if let Error::Explained { log, .. } = &error {
                if !log.is_empty() {
                    eprintln!("{log}");
                }
            }
            eprintln!("kimport: error: {error}");
            ExitCode::from(3)
        }
    }
}
