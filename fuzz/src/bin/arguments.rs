// SPDX-License-Identifier: GPL-2.0

//! Arguments of the command line: an accepted one is the same after it is written and read again.

#![no_main]

use kimport_cli::{
    kernel::Spec,
    relink::request::{new_name, Request, Selection},
};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<&'static str> {
    vec![
        "core",
        "new=core",
        "vmlinux:a,b.isra.0,c@2",
        "x=running",
        "n=/a/b,c",
        "tcm_loop_new",
    ]
}

fn write(request: &Request) -> String {
    let provider = &request.provider;
    match &request.selection {
        Selection::Unexported => provider.clone(),
        Selection::ExportedBy(old) => format!("{provider}={old}"),
        Selection::Listed(symbols) => {
            let symbols = symbols.iter().map(|symbol| match symbol.position {
                0 => symbol.name.clone(),
                position => format!("{}@{position}", symbol.name),
            });
            format!("{provider}:{}", symbols.collect::<Vec<_>>().join(","))
        }
    }
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |text: &str| {
    match text.parse::<Request>() {
        Ok(request) => assert_eq!(write(&request).parse(), Ok(request)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match new_name(text) {
        Ok(name) => assert_eq!(name, text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Err(error) = text.parse::<Spec>() {
        assert!(!error.to_string().is_empty());
    }
});
