// SPDX-License-Identifier: GPL-2.0

//! Declarations as Rust source.

use super::{identifier, Declaration, Declarations};
use crate::{error::printable, symvers::VMLINUX};
use indexmap::IndexMap;
use std::iter;

/// The number of columns of a line.
const WIDTH: usize = 100;

impl Declarations {
    /// Returns the source: the definitions of types, and a block for each provider. The macro takes
    /// no block without entries, so there is none if nothing is declared.
    pub fn text(&self) -> String {
        let kernels = printable(self.kernels.join(", "));
        let mut text = format!("// From the types of {kernels}.\n\n");
        if self.uses_bindings {
            text += "use kernel::bindings;\n";
        }
        match self.ffi.as_slice() {
            [] => {}
            [one] => text += &format!("use kernel::ffi::{one};\n"),
            names => {
                text += &wrapped(
                    &format!("use kernel::ffi::{{{}}};", names.join(", ")),
                    "",
                    "    ",
                );
            }
        }
        let declares = self.symbols.iter().any(Declaration::is_declared);
        if declares {
            text += "use kimport::import_symbols;\n\n";
        }
        text += &self.definitions();
        if declares {
            text += "import_symbols! {\n";
        }
        for (key, name) in self.named_blocks() {
            let symbols = self.symbols.iter().filter(|symbol| symbol.block() == key);
            text += &block(&name, key, &symbols.collect::<Vec<_>>());
        }
        if declares {
            text += "}\n";
        }
        text
    }

    /// Returns the names of the blocks.
    pub fn blocks(&self) -> Vec<String> {
        self.named_blocks().into_values().collect()
    }

    /// Returns the blocks with their names, which differ.
    fn named_blocks(&self) -> IndexMap<Block<'_>, String> {
        let mut names = IndexMap::<_, String>::new();
        for key in self.symbols.iter().map(Declaration::block) {
            if names.contains_key(&key) {
                continue;
            }
            let usual = block_name(key);
            let is_free = |name: &String| !names.values().any(|other| other == name);
            let numbered = (2..).map(|number| format!("{usual}_{number}"));
            let name = iter::once(usual.clone()).chain(numbered).find(is_free);
            names.insert(key, name.unwrap_or(usual));
        }
        names
    }

    fn definitions(&self) -> String {
        if self.types.is_empty() {
            return String::new();
        }
        let text: String = self
            .types
            .iter()
            .map(|ty| ty.rust.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let uses = |word: &str| text.contains(word);
        let mut head = String::from("/// Types that the kernel's bindings lack.\n");
        head += "#[allow(\n    dead_code,\n    non_camel_case_types,\n    non_snake_case,\n    \
                 unreachable_pub,\n    unused_imports\n)]\nmod types {\n";
        let mut core = Vec::new();
        if uses("PhantomData<") {
            core.push("core::marker::{PhantomData, PhantomPinned}");
        }
        if uses("ManuallyDrop<") {
            core.push("core::mem::ManuallyDrop");
        }
        if uses("size_of::<") {
            core.push("core::mem::{offset_of, size_of}");
        }
        for path in core {
            head += &format!("    use {path};\n");
        }
        if uses("bindings::") {
            head += "    use kernel::bindings;\n";
        }
        if uses("c_") {
            head += "    use kernel::ffi::*;\n";
        }
        if uses("KnownLayout") {
            head += "    use kimport::KnownLayout;\n";
        }
        head += "\n";
        for line in text.lines() {
            head += &match line {
                "" => "\n".to_owned(),
                line => format!("    {line}\n"),
            };
        }
        head + "}\n#[allow(unused_imports)]\nuse types::*;\n\n"
    }
}

/// The provider of a block, and the bindings of its data.
type Block<'a> = (&'a str, Option<&'a str>);

impl Declaration {
    /// Returns the block that the symbol belongs to.
    fn block(&self) -> Block<'_> {
        (&self.provider, self.static_of.as_deref())
    }

    pub(super) fn is_declared(&self) -> bool {
        self.function.is_some() || self.data.is_some() || self.static_of.is_some()
    }
}

/// Returns the usual name of a block.
fn block_name((provider, static_of): Block<'_>) -> String {
    let name = match provider {
        VMLINUX => "image",
        module => module,
    };
    match static_of {
        Some(_) => format!("{name}_data"),
        None => identifier(name),
    }
}

/// Returns the block of these symbols, or only comments if none of them is declared.
fn block(name: &str, (provider, static_of): Block<'_>, symbols: &[&Declaration]) -> String {
    let mut entries = String::new();
    for symbol in symbols {
        let of_that_name = symbols.iter().filter(|other| other.name == symbol.name);
        entries += &entry(symbol, of_that_name.count() > 1);
    }
    if !symbols.iter().any(|symbol| symbol.is_declared()) {
        return entries;
    }
    let from = match provider {
        VMLINUX => String::new(),
        module => format!(" from \"{module}\""),
    };
    let mut text = format!("    mod {name}{from} {{\n");
    if let Some(module) = static_of {
        let module = if module == "bindings" {
            "kernel::bindings"
        } else {
            module
        };
        text += &format!("        use {module};\n\n");
    }
    text + &entries + "    }\n"
}

/// Returns the entry of a symbol. Its position tells it from others if it `is_one_of_several` of
/// its name.
fn entry(symbol: &Declaration, is_one_of_several: bool) -> String {
    const INDENT: &str = "        ";
    let comment = format!("{INDENT}// ");
    let mut text = String::new();
    for problem in symbol.problems.iter().chain(&symbol.untold) {
        let position = symbol.position.map(|position| format!("@{position}"));
        let position = position.unwrap_or_default();
        let problem = printable(format!("{}{position}: {problem}", symbol.name));
        text += &wrapped(&problem, &comment, &comment);
    }
    let name = match symbol.position.filter(|_| is_one_of_several) {
        Some(position) => format!("{}_{position}", symbol.name),
        None => identifier(&symbol.name),
    };
    let declaration = match (&symbol.function, &symbol.data, &symbol.static_of) {
        (Some(parts), ..) => function(&name, parts, INDENT),
        (None, Some(data), _) => format!("{INDENT}{name}: {data},\n"),
        (None, None, Some(_)) => format!("{INDENT}{name}: _,\n"),
        (None, None, None) => return text,
    };
    if let Some(c) = &symbol.c {
        let doc = format!("{INDENT}/// ");
        text += &wrapped(&format!("`{c}`"), &doc, &doc);
    }
    if symbol.optional {
        text += &format!("{INDENT}#[optional]\n");
    }
    if name.trim_start_matches("r#") != symbol.name {
        text += &format!("{INDENT}#[name = \"{}\"]\n", symbol.name);
    }
    if let Some(position) = symbol.position {
        text += &format!("{INDENT}#[position = {position}]\n");
    }
    text + &declaration
}

/// Returns an entry in one line, or with a line for each argument.
fn function(name: &str, parts: &[String], indent: &str) -> String {
    let Some((returned, arguments)) = parts.split_last() else {
        return String::new();
    };
    let line = format!("{indent}{name}: fn({}){returned},\n", arguments.join(", "));
    if line.len() <= WIDTH + 1 {
        return line;
    }
    let arguments = arguments.iter().map(|one| format!("{indent}    {one},\n"));
    let arguments: String = arguments.collect();
    format!("{indent}{name}: fn(\n{arguments}{indent}){returned},\n")
}

/// Breaks a text at spaces. `first` is put before the first line, and `next` before the others.
fn wrapped(text: &str, first: &str, next: &str) -> String {
    let mut lines = vec![first.to_owned()];
    let mut is_empty = true;
    for word in text.split(' ') {
        let line = lines.last_mut().expect("it has one line at least");
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("{next}{word}"));
        } else {
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        is_empty = false;
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_different_names() {
        let symbol = |provider: &str, static_of: Option<&str>| Declaration {
            name: "a".to_owned(),
            provider: provider.to_owned(),
            static_of: static_of.map(str::to_owned),
            ..Declaration::default()
        };
        let declarations = Declarations {
            symbols: vec![
                symbol(VMLINUX, None),
                symbol("image", None),
                symbol(VMLINUX, Some("bindings")),
                symbol(VMLINUX, Some("other")),
                symbol(VMLINUX, None),
                symbol("lio", None),
            ],
            ..Declarations::default()
        };
        let names = ["image", "image_2", "image_data", "image_data_2", "lio"];
        assert_eq!(declarations.blocks(), names);
        let text = declarations.text();
        assert!(
            text.contains("    mod image_data_2 {\n        use other;\n"),
            "{text}"
        );
    }

    #[test]
    fn names_that_rust_does_not_have() {
        let symbol = |name: &str, position| Declaration {
            name: name.to_owned(),
            provider: "9pnet".to_owned(),
            position,
            data: Some("u8".to_owned()),
            ..Declaration::default()
        };
        let symbols = vec![
            symbol("self", None),
            symbol("move", None),
            symbol("twice", Some(1)),
            symbol("twice", Some(2)),
            symbol("once", Some(3)),
        ];
        let declarations = Declarations {
            kernels: vec!["a\nb".to_owned()],
            symbols,
            ..Declarations::default()
        };
        let expected = "\
        // From the types of a\\nb.

use kimport::import_symbols;

import_symbols! {
    mod _9pnet from \"9pnet\" {
        #[name = \"self\"]
        self_: u8,
        r#move: u8,
        #[name = \"twice\"]
        #[position = 1]
        twice_1: u8,
        #[name = \"twice\"]
        #[position = 2]
        twice_2: u8,
        #[position = 3]
        once: u8,
    }
}
";
        assert_eq!(declarations.text(), expected);
    }
}
