// SPDX-License-Identifier: GPL-2.0

//! Relinks a module that is well-formed except for some numbers: the output agrees with the report,
//! and relinking it again changes nothing.

#![no_main]

use arbitrary::Arbitrary;
use kimport_cli::{
    list::Listing,
    module_file::ModuleFile,
    relink::{relink, request::MAX_NAME, requirement},
    symvers::Symvers,
};
use kimport_fuzz::module::{Spec, WishSpec, SYMVERS};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static EXPORTS: LazyLock<Symvers> = LazyLock::new(|| Symvers::parse(SYMVERS).expect("it is right"));

#[derive(Arbitrary, Debug)]
struct Input {
    module: Spec,
    options: WishSpec,
    without_symvers: bool,
}

fuzz_target!(init: kimport_fuzz::seeds(kimport_fuzz::noise), |input: Input| {
    let symvers = (!input.without_symvers).then_some(&*EXPORTS);
    let bytes = input.module.bytes();
    let size = bytes.len();
    let file = ModuleFile::from_bytes(bytes).expect("it has no signature");
    let options = input.options.options();
    let before = Listing::new(&file, symvers);
    let (output, report) = match relink(&file, symvers, None, &options) {
        Ok(done) => done,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let _ = (report.text(), report.notices());
    let before = before.expect("what can be relinked can be listed");
    assert!(output.len() < 4 * size + 4096, "{size} to {} bytes", output.len());

    let again = ModuleFile::from_bytes(output).expect("the output has no signature");
    let after = Listing::new(&again, symvers).expect("the output is a module");
    if report.changed {
        assert_eq!(after.module.as_deref(), Some(report.new_name.as_str()));
        assert!(report.new_name.len() <= MAX_NAME || options.name.is_none());
        // The redirected symbols are livepatch's, and everything else is unchanged.
        assert_eq!(after.livepatch.len(), before.livepatch.len() + report.symbols.len());
        let undefined = |listing: &Listing| {
            let undefined = listing.undefined.iter();
            undefined.filter(|symbol| symbol.name != requirement::SYMBOL).count()
        };
        assert_eq!(undefined(&after) + report.symbols.len(), undefined(&before));
        let relocations: usize = report.symbols.iter().map(|symbol| symbol.relocations).sum();
        let moved: usize = report.sections.iter().map(|section| section.relocations).sum();
        assert_eq!(relocations, moved + report.debug_relocations_dropped);
        for symbol in &report.symbols {
            // Another symbol of the same name may stay: a weak one, or one without relocations. The
            // undefined symbol may already have had the livepatch symbol's name.
            let marked = format!(".klp.sym.{}.{},{}", symbol.provider, symbol.name, symbol.position);
            let count = |listing: &Listing| {
                let names = listing.undefined.iter().map(|undefined| &undefined.name);
                names.filter(|name| [&symbol.name, &marked].contains(name)).count()
            };
            assert!(count(&after) < count(&before));
            let is_it = |name: &str, provider: &str, position| {
                (name, provider, position)
                    == (&*symbol.name, &*symbol.provider, symbol.position)
            };
            assert!(after.livepatch.iter().any(|it| is_it(&it.name, &it.provider, it.position)));
        }
    }
    let (same, report) = relink(&again, symvers, None, &options).expect("the output can be relinked");
    assert!(!report.changed && same == again.bytes());
});
