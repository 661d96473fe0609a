// SPDX-License-Identifier: GPL-2.0

//! How one crate was compiled, from the `.cmd` file that Kbuild keeps beside each product.

use anyhow::{bail, Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// One call of the Rust compiler.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) crate_name: String,
    pub(crate) source: PathBuf,
    pub(crate) edition: String,
    pub(crate) cfgs: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) externs: Vec<String>,
    /// The library, if the crate is a procedural macro.
    pub(crate) proc_macro: Option<PathBuf>,
    /// Where the build generated sources for this crate.
    pub(crate) generated: Option<PathBuf>,
}

impl Command {
    /// The call in the `.cmd` file `file`, whose content is `text`; none if the step did not compile Rust.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Option<Self>> {
        let Some((target, command)) = text
            .lines()
            .find_map(|line| line.strip_prefix("savedcmd_")?.split_once(" := "))
        else {
            return Ok(None);
        };
        // A step may go on with other programs, as objtool.
        let command = command.split(" ; ").next().unwrap_or(command);
        // As make wrote it.
        let command = command.replace("$(pound)", "#").replace("$$", "$");
        let Some(words) = shlex::split(&command) else {
            bail!("unbalanced quotes");
        };
        let program = words
            .iter()
            .position(|word| !is_assignment(word))
            .unwrap_or(words.len());
        let is_rustc = words.get(program).is_some_and(|word| {
            let name = Path::new(word).file_name().unwrap_or_default();
            name == "rustc" || name == "clippy-driver"
        });
        if !is_rustc {
            return Ok(None);
        }
        let base = base(file, target).context("its place is not that of its target")?;
        let mut this = Self {
            env: words[..program]
                .iter()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..Self::default()
        };
        this.arguments(&words[program + 1..], &base)?;
        if let Some(generated) = &this.generated {
            if !this.env.contains_key("KIMPORT_BINDINGS") {
                let bindings = bindings(generated, this.env.get("OBJTREE"));
                this.env.insert("KIMPORT_BINDINGS".into(), bindings);
            }
        }
        if this.crate_name.is_empty() || this.source.as_os_str().is_empty() {
            bail!("no crate name or no source");
        }
        Ok(Some(this))
    }

    fn arguments(&mut self, words: &[String], base: &Path) -> Result<()> {
        let mut words = words.iter().map(String::as_str);
        let mut is_proc_macro = false;
        let mut linked = None;
        while let Some(word) = words.next() {
            let mut value = |name: &str| match word.strip_prefix(name)? {
                "" => words.next().map(str::to_owned),
                rest => Some(rest.strip_prefix('=').unwrap_or(rest).to_owned()),
            };
            if let Some(name) = value("--crate-name") {
                self.crate_name = name;
            } else if let Some(kind) = value("--crate-type") {
                is_proc_macro = kind == "proc-macro";
            } else if let Some(edition) = value("--edition") {
                self.edition = edition;
            } else if let Some(cfg) = value("--cfg") {
                self.cfgs.push(cfg);
            } else if let Some(name) = value("--extern") {
                let name = name.split_once('=').map_or(&*name, |(name, _)| name);
                self.externs.push(name.to_owned());
            } else if let Some(dir) = value("-L") {
                // Where Makefile.kimport generates; KIMPORT_OBJ, which names it to a module, is not in the command.
                let dir = tidy(&base.join(dir));
                if dir.file_name().is_some_and(|name| name == ".kimport") {
                    let path = dir.to_string_lossy().into_owned();
                    self.env.insert("KIMPORT_OBJ".into(), path);
                    self.generated = Some(dir);
                }
            } else if let Some(path) = word.strip_prefix("--emit=link=") {
                linked = Some(tidy(&base.join(path)));
            } else if let Some(path) = word.strip_prefix('@') {
                let path = base.join(path);
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let cfgs = text.lines().filter_map(|line| line.strip_prefix("--cfg="));
                self.cfgs.extend(cfgs.map(str::to_owned));
            } else if word.ends_with(".rs") && !word.starts_with('-') {
                self.source = tidy(&base.join(word));
            }
        }
        self.proc_macro = linked.filter(|_| is_proc_macro);
        Ok(())
    }
}

/// Where the macro looks for the types of `name: _`, which Makefile.kimport names to a module in its environment: what
/// bindgen made for the module, then what it made for the kernel, which was built in `objtree`.
fn bindings(generated: &Path, objtree: Option<&String>) -> String {
    let files = fs::read_dir(generated).into_iter().flatten().flatten();
    let mut bindings: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        // The library's own.
        .filter(|path| path.file_name().is_some_and(|name| name != "kprobes.rs"))
        .collect();
    bindings.sort();
    let kernel = objtree.map(|dir| Path::new(dir).join("rust/bindings/bindings_generated.rs"));
    bindings.extend(kernel.filter(|path| path.exists()));
    let bindings: Vec<_> = bindings.iter().map(|path| path.to_string_lossy()).collect();
    bindings.join(":")
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The directory that the build ran in: `file` is `.NAME.cmd` beside the `target`, which is relative to it.
fn base(file: &Path, target: &str) -> Option<PathBuf> {
    let target = tidy(Path::new(target));
    let mut dir = file.parent()?;
    for part in target.parent()?.components().rev() {
        if dir.file_name()? != part.as_os_str() {
            return None;
        }
        dir = dir.parent()?;
    }
    Some(dir.to_owned())
}

/// The path without `.` and without `..` where that is possible by name alone.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(file: &str, text: &str) -> Option<Command> {
        Command::parse(Path::new(file), text).unwrap()
    }

    #[test]
    fn a_part_of_a_module() {
        let dir = tempfile::tempdir().unwrap();
        let cfgs = dir.path().join("rustc_cfg");
        fs::write(&cfgs, "--cfg=CONFIG_SMP\n--cfg=CONFIG_HZ=\"250\"\n").unwrap();
        let text = format!(
            "savedcmd_cases/main.o := OBJTREE=/kdir RUST_MODFILE=./import_cases rustc --edition=2021 -Wmissing_docs \
             --extern kimport -L ./.kimport/import_cases -L ./.kimport --crate-name main --cfg MODULE @{} \
             -Zcrate-attr='feature(asm_goto,used_with_arg)' --extern kernel --crate-type rlib \
             --emit=obj=cases/main.o /src/./cases/main.rs ; ./tools/objtool/objtool --ibt cases/main.o\n\n\
             source_cases/main.o := /src/cases/main.rs\n",
            cfgs.display()
        );
        let command = parse("/build/cases/.main.o.cmd", &text).unwrap();
        let env = [
            ("KIMPORT_BINDINGS", ""),
            ("KIMPORT_OBJ", "/build/.kimport"),
            ("OBJTREE", "/kdir"),
            ("RUST_MODFILE", "./import_cases"),
        ];
        let expected = Command {
            crate_name: "main".into(),
            source: "/src/cases/main.rs".into(),
            edition: "2021".into(),
            cfgs: ["MODULE", "CONFIG_SMP", "CONFIG_HZ=\"250\""]
                .map(Into::into)
                .into(),
            env: env.map(|(name, value)| (name.into(), value.into())).into(),
            externs: ["kimport", "kernel"].map(Into::into).into(),
            proc_macro: None,
            generated: Some("/build/.kimport".into()),
        };
        assert_eq!(command, expected);
    }

    #[test]
    fn bindings_are_those_of_the_module_and_of_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        for name in [
            "m/.kimport/b.rs",
            "m/.kimport/a.rs",
            "m/.kimport/kprobes.rs",
            "m/.kimport/a.o",
            "kdir/rust/bindings/bindings_generated.rs",
        ] {
            fs::create_dir_all(Path::new(&path(name)).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
        }
        let bindings = |more: &str| {
            let text = format!(
                "savedcmd_main.o := OBJTREE={} {more} rustc -L .kimport --crate-name main main.rs\n",
                path("kdir")
            );
            parse(&path("m/.main.o.cmd"), &text).unwrap().env["KIMPORT_BINDINGS"].clone()
        };
        let expected = [
            "m/.kimport/a.rs",
            "m/.kimport/b.rs",
            "kdir/rust/bindings/bindings_generated.rs",
        ];
        assert_eq!(bindings(""), expected.map(path).join(":"));
        assert_eq!(bindings("KIMPORT_BINDINGS=/x.rs"), "/x.rs");
    }

    #[test]
    fn a_procedural_macro() {
        let text = "savedcmd_.kimport/libm.so := rustc --edition=2021 --emit=link=.kimport/libm.so \
                    --crate-type proc-macro --crate-name m --extern syn -L/kdir/rust/host /src/m/lib.rs\n";
        let command = parse("/build/.kimport/.libm.so.cmd", text).unwrap();
        assert_eq!(command.proc_macro, Some("/build/.kimport/libm.so".into()));
        assert_eq!(command.externs, ["syn"]);
        assert_eq!(command.generated, None);
    }

    #[test]
    fn what_is_not_rust_is_left_alone() {
        assert_eq!(
            parse("/b/.a.o.cmd", "savedcmd_a.o := gcc -c -o a.o a.c\n"),
            None
        );
        assert_eq!(
            parse("/b/.a.mod.cmd", "savedcmd_a.mod := printf '%s\\n' a.o\n"),
            None
        );
        assert_eq!(parse("/b/.a.cmd", ""), None);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let parse = |text| Command::parse(Path::new("/b/.a.o.cmd"), text);
        assert!(parse("savedcmd_a.o := rustc 'a.rs\n").is_err());
        assert!(parse("savedcmd_a.o := rustc a.rs\n").is_err());
        assert!(parse("savedcmd_x/a.o := rustc --crate-name a a.rs\n").is_err());
    }
}
