// SPDX-License-Identifier: GPL-2.0

//! The items that bindgen made, by which declarations name types.

use crate::error::{Error, Result};
use std::{collections::HashSet, fs, path::Path, str::FromStr};

/// A file that bindgen wrote, and the Rust path of the module that includes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingsFile {
    /// The Rust path.
    pub module: String,
    /// The path of the file.
    pub file: std::path::PathBuf,
}

/// The Rust path of the kernel's own bindings.
const KERNEL: &str = "kernel::bindings";

impl FromStr for BindingsFile {
    type Err = Error;

    /// Parses `[MODULE=]FILE`.
    fn from_str(text: &str) -> Result<Self> {
        let (module, file) = text.split_once('=').unwrap_or((KERNEL, text));
        let is_path = module.split("::").all(|part| {
            let mut bytes = part.bytes();
            let first = bytes.next();
            first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_path || file.is_empty() {
            return Err(Error::unusable(format_args!(
                "'{text}': give a file that bindgen wrote, or RUST::PATH=FILE"
            )));
        }
        Ok(Self {
            module: module.to_owned(),
            file: file.into(),
        })
    }
}

impl BindingsFile {
    /// Returns the kernel's own bindings in a build tree, if it has them.
    pub fn of_tree(tree: &Path) -> Option<Self> {
        let file = tree.join("rust/bindings/bindings_generated.rs");
        file.is_file().then(|| Self {
            module: KERNEL.to_owned(),
            file,
        })
    }
}

/// The names of the only field that a struct has if bindgen does not know its members.
const OPAQUE: [&str; 3] = ["_unused:", "_address:", "_bindgen_opaque_blob:"];

/// The types and statics that bindgen made.
#[derive(Debug, Default)]
pub struct Bindings {
    files: Vec<Items>,
}

#[derive(Debug)]
struct Items {
    /// The module as declarations write it.
    path: String,
    types: HashSet<String>,
    /// The types of `types` whose members bindgen does not know.
    opaque: HashSet<String>,
    statics: HashSet<String>,
}

impl Bindings {
    /// Reads the files.
    pub fn read(files: &[BindingsFile]) -> Result<Self> {
        let read = |one: &BindingsFile| {
            let text = fs::read_to_string(&one.file).map_err(|error| {
                Error::unusable(format_args!("{}: {error}", one.file.display()))
            })?;
            Ok(Items::parse(&one.module, &text))
        };
        Ok(Self {
            files: files.iter().map(read).collect::<Result<_>>()?,
        })
    }

    /// Returns whether no file was read.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the path of the type of that name, for pointers to it.
    pub fn pointee(&self, name: &str) -> Option<String> {
        let has = |items: &&Items| items.types.contains(name);
        let items = self.files.iter().find(has)?;
        Some(format!("{}::{}", items.path, super::identifier(name)))
    }

    /// Returns the path of the type of that name, for values of it.
    pub fn value(&self, name: &str) -> Option<String> {
        let is_opaque = |items: &Items| items.opaque.contains(name);
        self.pointee(name)
            .filter(|_| !self.files.iter().any(is_opaque))
    }

    /// Returns the module that has a static of that name.
    pub fn module_of_static(&self, name: &str) -> Option<&str> {
        let has = |items: &&Items| items.statics.contains(name);
        self.files.iter().find(has).map(|items| items.path.as_str())
    }
}

impl Items {
    /// Finds the items in the text of a file, as bindgen formats it.
    fn parse(module: &str, text: &str) -> Self {
        let mut items = Self {
            path: match module {
                KERNEL => "bindings".to_owned(),
                other => other.to_owned(),
            },
            types: HashSet::new(),
            opaque: HashSet::new(),
            statics: HashSet::new(),
        };
        let mut last = None;
        for line in text.lines() {
            let line = line.trim_start();
            let field = line.strip_prefix("pub ").unwrap_or(line);
            if OPAQUE.iter().any(|name| field.starts_with(name)) {
                items.opaque.extend(last.take());
                continue;
            }
            last = None;
            let words = line
                .strip_prefix("pub ")
                .and_then(|item| item.split_once(' '));
            let Some((keyword, rest)) = words else {
                continue;
            };
            let name = |rest: &str| {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                // Generic types are bindgen's own.
                (!rest[end..].starts_with('<')).then(|| rest[..end].to_owned())
            };
            match keyword {
                "struct" | "union" | "type" => {
                    last = name(rest);
                    items.types.extend(last.clone());
                }
                "static" => items
                    .statics
                    .extend(name(rest.strip_prefix("mut ").unwrap_or(rest))),
                _ => {}
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_bindgen() {
        let text =
            "pub struct __BindgenBitfieldUnit<T> {\n}\npub struct list_head {\n    pub next: \
            u8,\n}\npub struct opaque {\n    _unused: [u8; 0],\n}\npub struct elsewhere {\n    pub _address: u8,\n}\npub type \
            gfp_t = u32;\nextern \
            \"C\" {\n    pub static mut init_uts_ns: uts_namespace;\n    pub fn f();\n}\n";
        let bindings = Bindings {
            files: vec![
                Items::parse("crate::lio", "pub union lio {\n}\n"),
                Items::parse(KERNEL, text),
            ],
        };
        assert_eq!(bindings.pointee("lio").unwrap(), "crate::lio::lio");
        assert_eq!(bindings.value("list_head").unwrap(), "bindings::list_head");
        assert_eq!(bindings.value("gfp_t").unwrap(), "bindings::gfp_t");
        assert_eq!(bindings.pointee("opaque").unwrap(), "bindings::opaque");
        for absent in [
            "opaque",
            "elsewhere",
            "f",
            "init_uts_ns",
            "__BindgenBitfieldUnit",
            "next",
        ] {
            assert_eq!(bindings.value(absent), None, "{absent}");
        }
        assert_eq!(bindings.module_of_static("init_uts_ns"), Some("bindings"));
        assert_eq!(bindings.module_of_static("list_head"), None);
    }

    #[test]
    fn arguments() {
        let file: BindingsFile = "a/b.rs".parse().unwrap();
        assert_eq!(file.module, KERNEL);
        let file: BindingsFile = "crate::bindings=a.rs".parse().unwrap();
        assert_eq!(
            (file.module.as_str(), file.file.to_str()),
            ("crate::bindings", Some("a.rs"))
        );
        for wrong in ["", "a-b=c", "::a=b", "a=", "1=b"] {
            assert!(wrong.parse::<BindingsFile>().is_err(), "{wrong}");
        }
    }
}
