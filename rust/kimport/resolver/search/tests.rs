// SPDX-License-Identifier: GPL-2.0

//! Tests of [`search`](super): the results for the symbols that a search is shown.

use super::{ByName, Kind, Place, Query, Search, Symbol};
use crate::compat::code;
use crate::resolver::NotFound;
use crate::selftest::{check, check_eq, suite};
use crate::types::name_cases::{Answer, CASES};

const fn query(position: Option<u32>) -> Query<'static> {
    Query {
        name: c"f",
        position,
        kind: Kind::Function,
        is_optional: false,
        loaded: None,
    }
}

fn symbol(address: usize, place: Place) -> Symbol {
    Symbol {
        address,
        place,
        size: None,
    }
}

/// Returns the address that a search for `query` finds when it is shown these symbols, or its
/// error.
fn found(
    query: Query<'_>,
    in_image: bool,
    shown: &[(usize, Place)],
) -> Result<usize, kernel::error::Error> {
    let mut search = Search::new(query, in_image);
    for &(address, place) in shown {
        search.see(symbol(address, place));
    }
    match search.result() {
        Ok(symbol) => Ok(symbol.address),
        Err(cause) => Err(cause.errno()),
    }
}

use Place::{Init, Kept, PerCpu};

suite! {
    kimport_search:

    fn positions_count_in_the_order_shown() {
        let shown = [(30, Kept), (10, Kept), (20, Kept)];
        check_eq!(found(query(Some(1)), false, &shown), Ok(30));
        check_eq!(found(query(Some(3)), false, &shown), Ok(20));
        check_eq!(found(query(Some(4)), false, &shown), Err(code::ENXIO));
        check_eq!(found(query(Some(1)), false, &[]), Err(code::ENOENT));
        Ok(())
    }

    fn init_symbols_of_a_module_do_not_count() {
        let shown = [(10, Init), (20, Kept), (30, Init), (40, Kept)];
        check_eq!(found(query(Some(1)), false, &shown), Ok(20));
        check_eq!(found(query(Some(2)), false, &shown), Ok(40));
        check_eq!(found(query(Some(3)), false, &shown), Err(code::ENXIO));
        check_eq!(found(query(None), false, &shown), Err(code::ENOTUNIQ));
        check_eq!(found(query(None), false, &shown[..3]), Ok(20));
        check_eq!(found(query(None), false, &shown[..1]), Err(code::ESTALE));
        check_eq!(found(query(Some(1)), false, &shown[..1]), Err(code::ESTALE));
        Ok(())
    }

    // Source: kernel/livepatch/core.c.
    fn livepatch_counts_all() {
        let shown = [(10, Init), (20, Kept), (30, Kept)];
        check_eq!(found(query(Some(2)), true, &shown), Ok(20));
        let loaded = Query { loaded: Some(core::ptr::null_mut()), ..query(Some(3)) };
        check_eq!(found(loaded, false, &shown), Ok(30));
        // The only symbol that stays is found without a position.
        check_eq!(found(query(None), true, &shown[..2]), Ok(20));
        Ok(())
    }

    fn per_cpu_data_are_candidates() {
        check_eq!(found(query(None), false, &[(10, PerCpu), (20, Kept)]), Err(code::ENOTUNIQ));
        check_eq!(found(query(Some(2)), false, &[(10, PerCpu), (20, Kept)]), Ok(20));
        Ok(())
    }

    fn names_made_by_compilers_are_judged_as_by_the_command() {
        for case in CASES {
            let mut searches = [Search::new(query(None), true)];
            let shown = || (0..).zip(case.symbols);
            let mut named = ByName::new(&mut searches, |_| true);
            for (address, name) in shown() {
                named.for_each(name.as_bytes(), |search| search.see(symbol(address, Kept)));
            }
            let mut made = ByName::new(&mut searches, Search::may_be_made);
            for (address, name) in shown() {
                made.see_made(name.as_bytes(), || symbol(address, Kept));
            }
            let is_right = match (searches[0].result(), case.answer) {
                (Ok(symbol), Answer::Found(index)) => symbol.address == index,
                (Err(NotFound::SeveralRenames { count, .. }), Answer::SeveralRenames(expected)) => {
                    count == expected
                }
                (Err(NotFound::OnlyClone(_)), Answer::OnlyClone) => true,
                (Err(NotFound::Missing), Answer::Missing) => true,
                _ => false,
            };
            if !is_right {
                crate::log::log!(crate::importer::THIS.name(), ERR, "wrong for {:?}", case.symbols);
            }
            check!(is_right);
        }
        Ok(())
    }

    fn a_rename_that_stays_goes_before_an_init_namesake() {
        for in_image in [false, true] {
            let mut searches = [Search::new(query(None), in_image)];
            searches[0].see(symbol(1, Init));
            check!(searches[0].may_be_made());
            let mut made = ByName::new(&mut searches, Search::may_be_made);
            made.see_made(b"f.cold", || symbol(2, Kept));
            check!(matches!(searches[0].result(), Err(NotFound::InInit)));
            let mut made = ByName::new(&mut searches, Search::may_be_made);
            made.see_made(b"f.llvm.7", || symbol(3, Kept));
            check!(searches[0].result().is_ok_and(|symbol| symbol.address == 3));
        }
        Ok(())
    }

    fn equal_names_are_all_found() {
        let mut searches = [
            Search::new(query(Some(1)), false),
            Search::new(Query { name: c"g", ..query(None) }, false),
            Search::new(query(Some(2)), false),
        ];
        let mut named = ByName::new(&mut searches, |_| true);
        for (name, address) in [(&b"f"[..], 1), (b"h", 2), (b"f", 3), (b"g", 4)] {
            named.for_each(name, |search| search.see(symbol(address, Kept)));
        }
        for (search, address) in searches.iter().zip([1, 4, 3]) {
            check!(search.result().is_ok_and(|symbol| symbol.address == address));
        }
        Ok(())
    }
}
