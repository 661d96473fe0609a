// SPDX-License-Identifier: GPL-2.0

//! The plan of a relinking: the symbols that go to each provider, and the relocations that follow
//! the symbols.
//!
//! Nothing is changed here. So all reasons to refuse are found, and reported together, before the
//! first byte is changed.

use super::{
    exports,
    request::{Listed, Request, Selection, MAX_SYMBOL},
    requirement,
};
use crate::{
    elf::{self, LivepatchSymbol},
    error::{printable, Error, Result},
    symvers::{modules, Symvers},
};
use object::{
    build::{
        elf::{Builder, SectionData, SectionId, SymbolId},
        Id,
    },
    elf::STB_WEAK,
};
use std::collections::{BTreeSet, HashMap};

/// A symbol that goes to another provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The symbol in the module's symbol table.
    pub symbol: SymbolId,
    /// The livepatch symbol that it becomes.
    pub to: LivepatchSymbol,
    /// The module that exports it, or `vmlinux`, if that is known.
    pub exporter: Option<String>,
    /// Set if the symbol states its provider itself, as those of `#[livepatch]` blocks do. The
    /// module checks such a symbol and holds its provider when it resolves the block.
    pub marked: bool,
}

/// The relocations of one section that follow their symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The relocation section they are in.
    pub from: SectionId,
    /// The section they relocate.
    pub target: SectionId,
    /// That section's name.
    pub target_name: String,
    /// The number of relocations.
    pub count: usize,
    /// Set if the target is part of the loaded module. Debug information is not; its relocations
    /// cannot be moved anywhere and are dropped.
    pub loaded: bool,
}

/// All changes to symbols and relocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelinkPlan {
    /// The symbols, in the order of the symbol table.
    pub redirects: Vec<Redirect>,
    /// The relocations, in the order of the section table.
    pub moves: Vec<Move>,
    /// The modules whose exports the module no longer uses.
    pub left: BTreeSet<String>,
    /// The modules that it now gets symbols from.
    pub joined: BTreeSet<String>,
}

impl RelinkPlan {
    /// Works out the changes that `requests` mean for the module.
    pub fn new(
        builder: &Builder<'_>,
        requests: &[Request],
        symvers: Option<&Symvers>,
    ) -> Result<Self> {
        let providers = Providers::new(requests, symvers)?;
        let mut redirects = Vec::new();
        let mut kept_exporters = BTreeSet::new();
        let symbols = builder.symbols.iter();
        for symbol in symbols.filter(|symbol| elf::is_undefined(symbol)) {
            let name = String::from_utf8_lossy(&symbol.name);
            let exporter = symvers.and_then(|symvers| symvers.exporter(&name));
            match providers.of(&name, exporter, symbol.st_bind() == STB_WEAK) {
                Some(to) => redirects.push(Redirect {
                    symbol: symbol.id(),
                    to: readable(to, &symbol.name)?,
                    exporter: exporter.map(str::to_owned),
                    marked: LivepatchSymbol::parse(&symbol.name).is_some(),
                }),
                None => kept_exporters.extend(exporter),
            }
        }
        unmet(builder, requests, &redirects)?;

        let left = modules(
            redirects
                .iter()
                .filter_map(|redirect| redirect.exporter.as_ref()),
        );
        let left = left.difference(&kept_exporters);
        let left = left.map(|&module| module.to_owned()).collect();
        let joined = modules(redirects.iter().map(|redirect| &redirect.to.object));
        let joined = joined.into_iter().map(str::to_owned).collect();
        let moves = moves(builder, &redirects)?;
        Ok(Self {
            redirects,
            moves,
            left,
            joined,
        })
    }
}

/// Returns `to`, the livepatch symbol for the symbol `name`, if the kernel would parse its name as
/// intended.
fn readable(to: LivepatchSymbol, name: &[u8]) -> Result<LivepatchSymbol> {
    let read = LivepatchSymbol::parse(to.to_string().as_bytes());
    let is_text = std::str::from_utf8(name).is_ok();
    if is_text && to.name.len() <= MAX_SYMBOL && read.as_ref() == Some(&to) {
        return Ok(to);
    }
    Err(Error::finding(format_args!(
        "{} cannot be the name of a livepatch symbol: it has a comma, is not text, or is longer than \
         {MAX_SYMBOL} characters",
        printable(name)
    ))
    .help("leave it where it is: list the others as PROVIDER:SYMBOL,SYMBOL"))
}

/// A lookup of the provider that the requests name for a symbol.
pub struct Providers<'a> {
    /// The provider of each listed symbol, and the symbol's position there.
    listed: HashMap<&'a str, (&'a str, u64)>,
    exported_by: HashMap<&'a str, &'a str>,
    unexported: Option<&'a str>,
}

impl<'a> Providers<'a> {
    /// Reads the requests, which must not contradict each other.
    pub fn new(requests: &'a [Request], symvers: Option<&Symvers>) -> Result<Self> {
        let mut providers = Self {
            listed: HashMap::new(),
            exported_by: HashMap::new(),
            unexported: None,
        };
        for request in requests {
            let provider = request.provider.as_str();
            if symvers.is_none() && !matches!(request.selection, Selection::Listed(_)) {
                let why =
                    "does not list symbols, and without --symvers nothing tells which are meant";
                let help =
                    "add --symvers Module.symvers, or list them: --from PROVIDER:SYMBOL,SYMBOL";
                let error = Error::unusable(format_args!("--from {provider} {why}"));
                return Err(error.help(help));
            }
            match &request.selection {
                Selection::Listed(symbols) => {
                    for Listed { name, position } in symbols {
                        let other = providers.listed.insert(name, (provider, *position));
                        one_provider(other.map(|(other, _)| other), provider, name)?;
                        if other.is_some_and(|(_, other)| other != *position) {
                            let why = format!("{name} is listed with different positions");
                            return Err(Error::unusable(why));
                        }
                    }
                }
                Selection::ExportedBy(old) => {
                    if symvers.is_some_and(|symvers| !symvers.exports_from(old)) {
                        let why = format!("no module {old} exports anything in this kernel");
                        let help = "check the name and that --symvers is of the module's kernel";
                        return Err(Error::unusable(why).help(help));
                    }
                    let other = providers.exported_by.insert(old, provider);
                    one_provider(other, provider, format_args!("what {old} exports"))?;
                }
                Selection::Unexported => {
                    let other = providers.unexported.replace(provider);
                    one_provider(other, provider, "what nothing exports")?;
                }
            }
        }
        Ok(providers)
    }

    /// Returns the livepatch symbol that the undefined symbol `name` becomes; `exporter` exports
    /// it.
    ///
    /// A symbol that already has the name of a livepatch symbol, as those of `#[livepatch]` blocks
    /// have, states its provider itself. Among the requests, a symbol listed by name goes first. A
    /// weak symbol may stay unresolved; so nothing follows from the fact that nothing exports it.
    pub fn of(&self, name: &str, exporter: Option<&str>, weak: bool) -> Option<LivepatchSymbol> {
        if let Some(marked) = LivepatchSymbol::parse(name.as_bytes()) {
            return Some(marked);
        }
        let by_rule = || match exporter {
            // The symbol that relinking itself adds is not to be relinked.
            Some(_) if name == requirement::SYMBOL => None,
            Some(exporter) => self.exported_by.get(exporter).copied(),
            None if weak || name == elf::IGNORED => None,
            None => self.unexported,
        };
        let listed = self.listed.get(name).copied();
        let (object, position) = listed.or_else(|| by_rule().map(|provider| (provider, 0)))?;
        Some(LivepatchSymbol {
            object: object.to_owned(),
            name: name.to_owned(),
            position,
        })
    }
}

fn one_provider(other: Option<&str>, provider: &str, what: impl std::fmt::Display) -> Result<()> {
    match other {
        Some(other) if other != provider => Err(Error::unusable(format_args!(
            "{what} cannot come from both {other} and {provider}"
        ))),
        _ => Ok(()),
    }
}

/// Refuses requests that apply to no symbol, unless a previous relinking has done what they ask
/// for.
fn unmet(builder: &Builder<'_>, requests: &[Request], redirects: &[Redirect]) -> Result<()> {
    let done = builder.symbols.iter().filter_map(LivepatchSymbol::of);
    let done: Vec<LivepatchSymbol> = done.collect();
    let new = redirects.iter().map(|redirect| &redirect.to);
    let all = done.iter().chain(new);
    let is_used = |provider: &str| all.clone().any(|to| to.object == provider);
    let mut complaints = Vec::new();
    for request in requests {
        let provider = &request.provider;
        match &request.selection {
            Selection::Listed(symbols) => {
                for Listed { name, position } in symbols {
                    let wanted = (provider, name, position);
                    let mut all = all.clone();
                    if !all.any(|to| (&to.object, &to.name, &to.position) == wanted) {
                        complaints.push(missing(builder, &done, name));
                    }
                }
            }
            Selection::ExportedBy(old) if !is_used(provider) => {
                complaints.push(format!("the module uses nothing that {old} exports"));
            }
            Selection::Unexported if !is_used(provider) => {
                complaints.push(format!(
                    "every symbol the module needs is exported, none is left for {provider}"
                ));
            }
            _ => {}
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Error::finding(complaints.join("; ")).help("`kimport list` shows what a module imports"))
}

/// Explains why there is no undefined symbol of that name.
fn missing(builder: &Builder<'_>, done: &[LivepatchSymbol], name: &str) -> String {
    if let Some(other) = done.iter().find(|symbol| symbol.name == name) {
        let at = match other.position {
            0 => String::new(),
            position => format!(", position {position}"),
        };
        return format!("{name} already comes from {}{at}", other.object);
    }
    let mut symbols = builder.symbols.iter();
    if symbols.any(|symbol| symbol.name.as_slice() == name.as_bytes()) {
        format!("{name} is defined in the module itself")
    } else {
        format!("the module does not use {name}")
    }
}

/// Finds the relocations that follow their symbols.
fn moves(builder: &Builder<'_>, redirects: &[Redirect]) -> Result<Vec<Move>> {
    let mut names = HashMap::new();
    for redirect in redirects {
        names.insert(redirect.symbol.index(), redirect.to.name.as_str());
    }
    let mut moves = Vec::new();
    let mut refused = BTreeSet::new();
    for section in &builder.sections {
        let (SectionData::Relocation(relocations), Some(target)) =
            (&section.data, section.sh_info_section)
        else {
            continue;
        };
        let moving: Vec<&str> = relocations
            .iter()
            .filter_map(|relocation| names.get(&relocation.symbol?.index()).copied())
            .collect();
        if moving.is_empty() {
            continue;
        }
        let target = builder.sections.get(target);
        let target_name = printable(&*target.name);
        if section.sh_flags & elf::SHF_RELA_LIVEPATCH != 0 {
            return Err(Error::unusable(format_args!(
                "{} already is livepatch's and refers to the undefined symbol {}",
                printable(&*section.name),
                moving[0]
            )));
        }
        if let Some(reason) = not_movable(&target_name) {
            let line = |symbol: &&str| format!("{target_name} refers to {symbol}: {reason}");
            refused.extend(moving.iter().map(line));
        }
        moves.push(Move {
            from: section.id(),
            target: target.id(),
            target_name,
            count: moving.len(),
            loaded: target.is_alloc(),
        });
    }
    if refused.is_empty() {
        return Ok(moves);
    }
    let refused: Vec<String> = refused.into_iter().collect();
    Err(Error::finding(refused.join("; "))
        .help("leave these symbols where they are: list the others as PROVIDER:SYMBOL,SYMBOL"))
}

/// Returns the reason why the relocations of this section must stay ordinary ones.
///
/// The kernel's own code reads these tables, not the module's code. Some of their entries tie the
/// module to the symbols that they refer to for as long as it is loaded, but without the reference
/// that an ordinary import holds on the provider. Others cannot refer to another module at all.
fn not_movable(section: &str) -> Option<&'static str> {
    Some(match section {
        "__jump_table" => "the kernel enters the module in the list that the static key owns",
        ".static_call_sites" => {
            "the kernel enters the module in the list that the static call owns"
        }
        ".altinstructions" | ".altinstr_replacement" | ".parainstructions" => {
            "alternative instructions are patched in by what they refer to"
        }
        "__mcount_loc" | "__patchable_function_entries" => {
            "ftrace only has the module's own code here"
        }
        ".retpoline_sites" | ".return_sites" | ".call_sites" | ".ibt_endbr_seal" | ".cfi_sites"
        | ".smp_locks" => "code patching only has the module's own code here",
        "__ex_table" | "__bug_table" => "faults are looked up in the module's own code",
        ".orc_unwind" | ".orc_unwind_ip" | ".orc_header" => {
            "the stack unwinder only has the module's own code here"
        }
        "__tracepoints" | "__tracepoints_ptrs" | "__bpf_raw_tp_map" | "_ftrace_events" => {
            "tracing enters the module in lists that the tracepoint owns"
        }
        ".gnu.linkonce.this_module" => "a module's init and exit functions are its own",
        ".modinfo" | "__versions" | "__version_ext_names" | "__version_ext_crcs" => {
            "the module loader reads it before it resolves symbols"
        }
        _ if section.starts_with(exports::TABLE) => "a module can only export what is its own",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMVERS: &str = "0x0\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n\
        0x0\tklp_enable_patch\tvmlinux\tEXPORT_SYMBOL_GPL\t\n\
        0x0\ttarget_submit\tdrivers/target/target_core_mod\tEXPORT_SYMBOL\t\n\
        0x0\tscsi_done\tdrivers/scsi/scsi_mod\tEXPORT_SYMBOL\t\n";

    fn requests(texts: &[&str]) -> Vec<Request> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn provider(texts: &[&str], symbol: &str, weak: bool) -> Option<String> {
        let symvers = Symvers::parse(SYMVERS).unwrap();
        let requests = requests(texts);
        Providers::new(&requests, Some(&symvers))
            .unwrap()
            .of(symbol, symvers.exporter(symbol), weak)
            .map(|to| to.object)
    }

    #[test]
    fn each_form_chooses_its_own() {
        let core = &["new=target_core_mod"][..];
        let image = &["new=vmlinux"][..];
        let plain = &["new"][..];
        let listed = &["new:kfree"][..];
        // A listed symbol goes before the rules.
        let all = &["a=target_core_mod", "b", "c:target_submit,unheard_of"][..];
        for (texts, symbol, weak, expected) in [
            (core, "target_submit", false, Some("new")),
            (core, "scsi_done", false, None),
            (core, "unheard_of", false, None),
            (image, "kfree", false, Some("new")),
            (image, requirement::SYMBOL, false, None),
            (plain, "unheard_of", false, Some("new")),
            (plain, "unheard_of", true, None),
            (plain, "_GLOBAL_OFFSET_TABLE_", false, None),
            (plain, "kfree", false, None),
            (listed, "kfree", true, Some("new")),
            (listed, "target_submit", false, None),
            (listed, ".klp.sym.other.kfree,0", false, Some("other")),
            (all, "target_submit", false, Some("c")),
            (all, "unheard_of", false, Some("c")),
            (all, "other", false, Some("b")),
        ] {
            let found = provider(texts, symbol, weak);
            assert_eq!(found.as_deref(), expected, "{texts:?} {symbol} {weak}");
        }
    }

    #[test]
    fn contradictions_and_unknown_modules_are_refused() {
        let symvers = Symvers::parse(SYMVERS).unwrap();
        for texts in [
            &["a:f", "b:f"][..],
            &["a:f@1", "a:f@2"],
            &["a", "b"],
            &["a=scsi_mod", "b=scsi_mod"],
            &["a=no_such_module"],
        ] {
            let requests = requests(texts);
            let providers = Providers::new(&requests, Some(&symvers));
            assert!(providers.is_err(), "{texts:?}");
        }
        let repeated = requests(&["a:f", "a:f", "a", "a"]);
        assert!(Providers::new(&repeated, Some(&symvers)).is_ok());
    }

    #[test]
    fn rules_need_the_kernels_exports() {
        assert!(Providers::new(&requests(&["a=b"]), None).is_err());
        assert!(Providers::new(&requests(&["a"]), None).is_err());
        assert!(Providers::new(&requests(&["a:f"]), None).is_ok());
    }

    /// The kernel would take these names for other symbols.
    #[test]
    fn names_that_livepatch_cannot_write_are_refused() {
        let named = |name: &[u8], position| {
            let to = LivepatchSymbol {
                object: "new".to_owned(),
                name: String::from_utf8_lossy(name).into_owned(),
                position,
            };
            readable(to, name)
        };
        let written = named(b"f.isra.0", 1).unwrap().to_string();
        assert_eq!(written, ".klp.sym.new.f.isra.0,1");
        let long = [b'x'; MAX_SYMBOL + 1];
        for name in [&b"f,2"[..], b"f\xff", &long] {
            let error = named(name, 0).unwrap_err();
            assert!(error.to_string().contains("livepatch"), "{error}");
        }
        assert!(named(&long[1..], 0).is_ok());
    }

    #[test]
    fn code_and_data_move_and_the_kernels_tables_do_not() {
        let movable = ".text .init.text .exit.text .rodata .data __dyndbg";
        for section in movable.split(' ') {
            assert_eq!(not_movable(section), None, "{section}");
        }
        let tables = "__jump_table .static_call_sites __ex_table __ksymtab_gpl";
        for section in tables.split(' ') {
            assert!(not_movable(section).is_some(), "{section}");
        }
    }
}
