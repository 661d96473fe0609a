// SPDX-License-Identifier: GPL-2.0

//! A directory with a new module that builds, loads and is tested as it is.
//!
//! The files are those of `templates/`, with the words in `@` replaced. The declarations of the
//! imports come from [`declare`](crate::declare).

use crate::{
    declare::{Declaration, Declarations},
    error::{Error, Result},
    symvers::VMLINUX,
};
use indexmap::{IndexMap, IndexSet};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The language of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the macro.
    Rust,
    /// C, with symbols that the build relinks.
    C,
}

/// A directory that was made.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct NewModule {
    /// The directory.
    pub directory: PathBuf,
    /// The files in it.
    pub files: Vec<String>,
}

/// The files of every module: the name, the mode, and the text.
const FILES: [(&str, u32, &str); 6] = [
    ("Makefile", 0o666, include_str!("templates/Makefile")),
    ("Kbuild", 0o666, include_str!("templates/Kbuild")),
    ("dkms.conf", 0o666, include_str!("templates/dkms.conf")),
    ("test.sh", 0o777, include_str!("templates/test.sh")),
    (".gitignore", 0o666, include_str!("templates/gitignore")),
    ("README.md", 0o666, include_str!("templates/README.md")),
];

/// Makes the directory `directory` for a module `name` that imports what was declared.
pub fn make(
    directory: &Path,
    name: &str,
    language: Language,
    declared: &Declarations,
) -> Result<NewModule> {
    fs::create_dir(directory).map_err(|error| {
        let failed = not_made(directory, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => failed.help("choose another name, or remove it"),
            _ => failed,
        }
    })?;
    let made = fill(directory, name, language, declared);
    if made.is_err() {
        // The error says what is wrong with the directory.
        let _ = fs::remove_dir_all(directory);
    }
    made
}

fn not_made(what: &Path, error: &io::Error) -> Error {
    Error::unusable(format_args!("cannot make {}: {error}", what.display()))
}

/// Makes the files of the directory.
fn fill(
    directory: &Path,
    name: &str,
    language: Language,
    declared: &Declarations,
) -> Result<NewModule> {
    let (source, text) = match language {
        Language::Rust => (format!("{name}.rs"), rust(name, declared)),
        Language::C => (format!("{name}.c"), c(name, declared)),
    };
    let relinked = match language {
        Language::Rust => String::new(),
        Language::C => format!("kimport-from-{name} := {}\n", providers(declared)),
    };
    let modules: Vec<&str> = modules(declared);
    let stock = match modules.as_slice() {
        [] => String::new(),
        names => format!("# kimport-vm: stock {}\n", names.join(" ")),
    };
    let load = modules
        .iter()
        .map(|module| format!("modprobe {module} && "));
    let load: String = load.collect();
    let source_name = source.clone();
    let filled = FILES.map(|(file, mode, text)| {
        let text = text
            .replace("@NAME@", name)
            .replace("@SOURCE@", &source_name)
            .replace("@FROM@\n", &relinked)
            .replace("@STOCK@\n", &stock)
            .replace("@LOAD@", &load);
        (file.to_owned(), mode, text)
    });
    let mut files = Vec::new();
    for (file, mode, text) in [(source, 0o666, text)].into_iter().chain(filled) {
        let path = directory.join(&file);
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(mode).open(&path);
        opened
            .and_then(|mut opened| io::Write::write_all(&mut opened, text.as_bytes()))
            .map_err(|error| not_made(&path, &error))?;
        files.push(file);
    }
    Ok(NewModule {
        directory: directory.to_owned(),
        files,
    })
}

/// Returns the modules that provide symbols.
fn modules(declared: &Declarations) -> Vec<&str> {
    let mut modules: Vec<&str> = declared
        .symbols
        .iter()
        .map(|symbol| symbol.provider.as_str())
        .filter(|provider| *provider != VMLINUX)
        .collect();
    modules.sort_unstable();
    modules.dedup();
    modules
}

/// Returns the name of a type for a module: `count_processes` gives `CountProcesses`.
fn type_name(name: &str) -> String {
    let mut text = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.extend(letters);
    }
    // The names that the source uses for something else.
    let is_taken = ["Imports", "Ok", "Option", "Result", "Self", "ThisModule"];
    let is_taken = is_taken.contains(&text.as_str());
    match text.as_bytes().first() {
        Some(first) if first.is_ascii_alphabetic() && !is_taken => text,
        _ => format!("Module{text}"),
    }
}

fn rust(name: &str, declared: &Declarations) -> String {
    let blocks = declared.blocks();
    let resolved: Vec<_> = blocks
        .iter()
        .map(|block| format!("{block}::resolve_imports()?"))
        .collect();
    // As rustfmt breaks an array.
    let line = resolved.join(", ");
    let resolved = match line.len() {
        ..60 => line,
        _ => {
            let lines = resolved.iter().map(|one| format!("            {one},\n"));
            format!("\n{}        ", lines.collect::<String>())
        }
    };
    include_str!("templates/module.rs")
        .replace("@NAME@", name)
        .replace("@TYPE@", &type_name(name))
        .replace("@DECLARED@\n", &declared.text())
        .replace("@COUNT@", &blocks.len().to_string())
        .replace("@RESOLVED@", &resolved)
}

/// Returns the words of `kimport-from-NAME`, for the symbols that the source declares.
fn providers(declared: &Declarations) -> String {
    let mut providers = IndexMap::<&str, Vec<String>>::new();
    for Declaration {
        name,
        provider,
        position,
        c,
        ..
    } in &declared.symbols
    {
        if c.is_none() {
            continue;
        }
        let position = position.map_or_else(String::new, |position| format!("@{position}"));
        providers
            .entry(provider)
            .or_default()
            .push(format!("{name}{position}"));
    }
    let words = providers
        .iter()
        .map(|(provider, symbols)| format!("{provider}:{}", symbols.join(",")));
    words.collect::<Vec<_>>().join(" ")
}

fn c(name: &str, declared: &Declarations) -> String {
    let symbols = || {
        let symbols = declared.symbols.iter();
        symbols.filter_map(|symbol| Some((&symbol.name, symbol.c.as_ref()?)))
    };
    let declared_symbols = declared.symbols.iter();
    let mut typedefs: IndexSet<&str> = IndexSet::new();
    for symbol in declared_symbols.filter(|symbol| symbol.c.is_some()) {
        typedefs.extend(symbol.c_typedefs.iter().map(String::as_str));
    }
    let declarations = symbols().map(|(_, c)| c.as_str());
    let declarations = declarations.chain(typedefs.iter().copied());
    let tags: BTreeSet<_> = declarations.flat_map(tags).collect();
    let tags = tags.iter().map(String::as_str);
    let externs = symbols().map(|(_, c)| format!("extern {c}"));
    let externs: String = tags
        .chain(typedefs.iter().copied())
        .map(str::to_owned)
        .chain(externs)
        .map(|declaration| declaration + ";\n")
        .collect();
    let printed =
        symbols().map(|(name, _)| format!("\tpr_info(\"{name} is at %p\\n\", &{name});\n"));
    let printed: String = printed.collect();
    include_str!("templates/module.c")
        .replace("@NAME@", name)
        .replace("@EXTERNS@\n", &externs)
        .replace("@PRINTED@\n", &printed)
}

/// Returns the structs, unions and enums that a declaration in C names.
fn tags(c: &str) -> Vec<String> {
    let words = c.split(|other: char| !other.is_ascii_alphanumeric() && other != '_');
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let pairs = words
        .windows(2)
        .filter(|pair| ["struct", "union", "enum"].contains(&pair[0]));
    pairs.map(|pair| pair.join(" ")).collect()
}

/// The crates that each module is built with, and kimport's own modules.
const OWN_NAMES: [&str; 4] = [
    "kimport",
    "kimport_types",
    "kimport_engine",
    "kimport_guard",
];

/// Parses the name of a new module.
pub fn module_name(text: &str) -> Result<String> {
    let name = crate::relink::request::new_name(text)?;
    let wrong = if name.starts_with(|first: char| first.is_ascii_digit()) {
        "begins with a digit"
    } else if OWN_NAMES.contains(&name.as_str()) {
        "is a crate or a module of kimport itself"
    } else {
        return Ok(name);
    };
    Err(Error::unusable(format_args!("'{text}' {wrong}")).help("choose another name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types() {
        for (name, expected) in [
            ("count_processes", "CountProcesses"),
            ("a", "A"),
            ("_x9_", "X9"),
            ("__", "Module"),
            ("imports", "ModuleImports"),
            ("this_module", "ModuleThisModule"),
            ("option", "ModuleOption"),
        ] {
            assert_eq!(type_name(name), expected);
        }
    }

    #[test]
    fn a_directory_is_made_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        let declared = Declarations::default();
        let made = make(&new, "new", Language::Rust, &declared).unwrap();
        assert_eq!(made.files.len(), FILES.len() + 1);
        let error = make(&new, "new", Language::Rust, &declared).unwrap_err();
        assert_eq!(error.way_out(), Some("choose another name, or remove it"));
        assert!(new.join("new.rs").exists());
        // The name of the source is too long for a file.
        let broken = dir.path().join("broken");
        make(&broken, &"x".repeat(300), Language::C, &declared).unwrap_err();
        assert!(!broken.exists());
    }

    #[test]
    fn tags_in_c() {
        let c = "long int f(const struct a *x, union b *(*call)(struct c_d), enum e f)";
        assert_eq!(tags(c), ["struct a", "union b", "struct c_d", "enum e"]);
    }

    #[test]
    fn names_of_modules() {
        assert!(module_name("count_processes").is_ok());
        for wrong in ["", "9p", "a-b", "a/b", "vmlinux", "../x", "kimport_types"] {
            assert!(module_name(wrong).is_err(), "{wrong}");
        }
    }
}
