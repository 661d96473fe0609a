// SPDX-License-Identifier: GPL-2.0

//! Imports that are held, dropped and refused in turns, and providers that are requested. The
//! imports that remain at the end of a case are held until the module is unloaded.

use kernel::ffi::c_int;
use kernel::prelude::*;
use kimport::compat::{
    code::{EALREADY, EBADMSG, EINVAL},
    parameter,
};
use kimport::{import_symbols, Imports};

module! {
    type: LifetimeLoad,
    name: "lifetime_load",
    authors: ["The kimport developers"],
    description: "Holds and requests providers, for the tests of kimport",
    license: "GPL",
    params: {
        case: u32 {
            default: 0,
            description: "What to do; tests/suites/lifetime.sh lists the cases",
        },
    },
}

import_symbols! {
    mod first from "kimport_side_a" {
        side_id: fn() -> c_int,
    }
    mod second from "kimport_side_a" {
        side_value: c_int,
    }
    mod refused from "kimport_side_a" {
        side_id: fn() -> c_int,
        no_such_symbol: fn(),
    }
    #[autoload]
    mod requested from "kimport_side_b" {
        side_id: fn() -> c_int,
    }
    #[autoload]
    mod stock from "dummy" {
        dummy_setup: fn(*mut kernel::bindings::net_device),
    }
    #[autoload]
    mod starting from "kimport_test_provider" {
        provider_add: fn(c_int, c_int) -> c_int,
    }
    #[autoload]
    mod absent from "no_such_module" {
        side_id: fn() -> c_int,
    }
    #[autoload]
    mod own from "lifetime_load" {
        side_id: fn() -> c_int,
    }
}

struct LifetimeLoad(#[expect(dead_code)] KVec<Imports>);

impl kernel::Module for LifetimeLoad {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut held = KVec::new();
        match parameter(&module_parameters::case) {
            0 => {
                held.push(first::resolve_imports()?, GFP_KERNEL)?;
                held.push(second::resolve_imports()?, GFP_KERNEL)?;
            }
            1 => {
                let first = first::resolve_imports()?;
                held.push(second::resolve_imports()?, GFP_KERNEL)?;
                drop(first);
            }
            2 => {
                let first = first::resolve_imports()?;
                drop(second::resolve_imports()?);
                drop(first);
            }
            3 => {
                held.push(first::resolve_imports()?, GFP_KERNEL)?;
                ensure(refused::resolve_imports().is_err())?;
                // The block is claimed, and stays claimed.
                ensure(first::resolve_imports().err() == Some(EALREADY))?;
                ensure(first::resolve_imports().err() == Some(EALREADY))?;
            }
            4 => ensure(refused::resolve_imports().is_err())?,
            5 => drop(refused::resolve_imports()?),
            6 => {
                held.push(requested::resolve_imports()?, GFP_KERNEL)?;
                // SAFETY: The imports are resolved.
                ensure(unsafe { requested::side_id() } == 2)?;
            }
            7 => {
                let imports = requested::resolve_imports_from(c"kimport_side_a")?;
                held.push(imports, GFP_KERNEL)?;
                // SAFETY: The imports are resolved.
                ensure(unsafe { requested::side_id() } == 1)?;
            }
            8 => {
                let imports = stock::resolve_imports()?;
                for import in imports.iter() {
                    pr_info!("{import}\n");
                }
                held.push(imports, GFP_KERNEL)?;
            }
            9 => drop(absent::resolve_imports()?),
            10 => drop(own::resolve_imports()?),
            // The provider is absent, and the block does not request it.
            11 => drop(first::resolve_imports()?),
            12 => {
                held.push(starting::resolve_imports()?, GFP_KERNEL)?;
                // SAFETY: The imports are resolved.
                ensure(unsafe { starting::provider_add(40, 2) } == 42)?;
            }
            _ => return Err(EINVAL),
        }
        Ok(Self(held))
    }
}

fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EBADMSG)
}
