// SPDX-License-Identifier: GPL-2.0

//! The user's requests: `--from` and `--name`.

use crate::{
    error::{count, Error, Result},
    import_table::Import,
    symvers::VMLINUX,
};
use std::str::FromStr;

/// The longest module name that fits the `name` member of `struct module` and livepatch's format of
/// symbol names on every architecture.
pub const MAX_NAME: usize = 55;
/// The longest symbol name that fits livepatch's format.
pub const MAX_SYMBOL: usize = 511;

/// A provider, and the symbols to take from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The module that has them, or `vmlinux`.
    pub provider: String,
    /// The symbols to take.
    pub selection: Selection,
}

/// The undefined symbols that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The symbols that nothing in the kernel exports.
    Unexported,
    /// The symbols that this module exports.
    ExportedBy(String),
    /// The symbols listed by name.
    Listed(Vec<Listed>),
}

/// A symbol listed by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// The position among several symbols of that name, counted from 1 like livepatch code does: in
    /// the kernel image in address order, in a module in the order of its symbol table (local
    /// symbols before global ones). 0: there must be only one.
    pub position: u64,
}

impl FromStr for Request {
    type Err = Error;

    /// Parses `PROVIDER`, `PROVIDER=OLD` or `PROVIDER:SYMBOL[@N],SYMBOL[@N]...`.
    fn from_str(text: &str) -> Result<Self> {
        let (provider, selection) = match (text.split_once(':'), text.split_once('=')) {
            (None, None) => (text, Selection::Unexported),
            (None, Some((provider, old))) => (
                provider,
                Selection::ExportedBy(checked_name(old)?.to_owned()),
            ),
            (Some((provider, symbols)), None) => {
                let symbols = symbols.split(',').map(checked_symbol);
                (provider, Selection::Listed(symbols.collect::<Result<_>>()?))
            }
            (Some(_), Some(_)) => {
                return Err(Error::unusable(
                    "give either =OLD or :SYMBOLS, not both in one option",
                ));
            }
        };
        Ok(Self {
            provider: checked_name(provider)?.to_owned(),
            selection,
        })
    }
}

/// Refuses `PROVIDER=OLD` for a module that imports from OLD with kimport. The module itself
/// chooses the provider of these imports when it is loaded, and taking only its other symbols from
/// PROVIDER is hardly intended.
pub fn refuse_partly(requests: &[Request], imports: &[Import]) -> Result<()> {
    for request in requests {
        let Selection::ExportedBy(old) = &request.selection else {
            continue;
        };
        let imports = imports.iter().filter(|import| import.provider() == old);
        let number = imports.count();
        if number > 0 {
            return Err(Error::finding(format_args!(
                "the module imports {} from {old} with kimport, which --from does not change: they come from the module that it \
                 asks for when it is loaded",
                count(number, "symbol")
            ))
            .help(format_args!(
                "if only what {old} exports shall come from {0}, list it: --from {0}:SYMBOL,SYMBOL",
                request.provider
            )));
        }
    }
    Ok(())
}

/// Parses the new name of a module.
pub fn new_name(text: &str) -> Result<String> {
    if text == VMLINUX {
        return Err(Error::unusable("vmlinux is the kernel image, not a module"));
    }
    checked_name(text).map(str::to_owned)
}

fn checked_name(name: &str) -> Result<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let wrong = if name.is_empty() {
        "a module name is empty".to_owned()
    } else if name.contains('-') && name.chars().all(|c| allowed(c) || c == '-') {
        let right = name.replace('-', "_");
        format!("'{name}': the kernel writes module names with '_', not '-': '{right}'")
    } else if !name.chars().all(allowed) {
        format!("'{name}' is not a module name: letters, digits and '_' only, and no file name")
    } else if name.len() > MAX_NAME {
        format!("'{name}' is longer than the {MAX_NAME} characters a module name may have")
    } else {
        return Ok(name);
    };
    Err(Error::unusable(wrong))
}

fn checked_symbol(text: &str) -> Result<Listed> {
    let (symbol, position) = match text.split_once('@') {
        None => (text, 0),
        Some((symbol, number)) => {
            let wrong = || format!("'{text}': the position is a number from 1");
            let position = number.parse().ok().filter(|&position| position > 0);
            (symbol, position.ok_or_else(|| Error::unusable(wrong()))?)
        }
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    if symbol.is_empty() || symbol.len() > MAX_SYMBOL || !symbol.chars().all(allowed) {
        let wrong = format!("'{symbol}' is not a symbol name");
        return Err(Error::unusable(wrong));
    }
    Ok(Listed {
        name: symbol.to_owned(),
        position,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Result<(String, Selection)> {
        let request: Request = text.parse()?;
        Ok((request.provider, request.selection))
    }

    #[test]
    fn the_three_forms() {
        let symbols = [("a", 0), ("b.isra.0", 0), ("c", 2)].map(|(name, position)| Listed {
            name: name.to_owned(),
            position,
        });
        let exported_by = Selection::ExportedBy("core".into());
        let listed = Selection::Listed(symbols.into());
        for (text, provider, selection) in [
            ("core", "core", Selection::Unexported),
            ("core_new=core", "core_new", exported_by),
            ("vmlinux:a,b.isra.0,c@2", "vmlinux", listed),
        ] {
            let expected = (provider.into(), selection);
            assert_eq!(request(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let long = "x".repeat(MAX_NAME + 1);
        for text in [
            "", "=", "a=", "=a", "a:", ":a", "a:b,", "a:,b", "a=b:c", "a:b=c", "a.ko", "dir/a",
            "a b", "a:b c", "é", "a:b@", "a:b@0", "a:b@-1", "a:@1", "a:b@1@2", &long,
        ] {
            assert!(request(text).is_err(), "{text}");
        }
        assert!(request(&long[1..]).is_ok());
    }

    #[test]
    fn a_hyphen_is_explained() {
        let error = request("scsi-transport:f").unwrap_err();
        assert!(error.to_string().contains("'scsi_transport'"), "{error}");
    }

    #[test]
    fn a_module_cannot_be_called_vmlinux() {
        assert!(new_name("vmlinux").is_err());
        assert_eq!(new_name("tcm_loop_new").unwrap(), "tcm_loop_new");
    }

    fn listed() -> impl Strategy<Value = Listed> {
        ("[a-zA-Z0-9_.$]{1,9}", any::<u64>()).prop_map(|(name, position)| Listed { name, position })
    }

    fn requests() -> impl Strategy<Value = Request> {
        let selection = prop_oneof![
            Just(Selection::Unexported),
            "[a-z0-9_]{1,9}".prop_map(Selection::ExportedBy),
            prop::collection::vec(listed(), 1..5).prop_map(Selection::Listed),
        ];
        ("[a-z0-9_]{1,55}", selection).prop_map(|(provider, selection)| Request {
            provider,
            selection,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(request in requests()) {
            let provider = &request.provider;
            let text = match &request.selection {
                Selection::Unexported => provider.clone(),
                Selection::ExportedBy(old) => format!("{provider}={old}"),
                Selection::Listed(symbols) => {
                    let symbols = symbols.iter().map(|Listed { name, position }| match position {
                        0 => name.clone(),
                        position => format!("{name}@{position}"),
                    });
                    format!("{provider}:{}", symbols.collect::<Vec<_>>().join(","))
                }
            };
            prop_assert_eq!(text.parse(), Ok(request));
        }

        #[test]
        fn any_text_is_no_panic(text in "[a-zé:=@,.0-9-]{0,12}") {
            let _ = (text.parse::<Request>(), new_name(&text));
        }
    }
}
