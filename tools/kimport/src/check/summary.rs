// SPDX-License-Identifier: GPL-2.0

//! The findings of a check by their reasons, each with the way out.

use super::{CheckReport, Finding, ReferenceKind};
use crate::{
    error::{count, printable},
    loader::RefusalReason,
    resolve::Cause,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

/// The number of symbols that a line names at most.
const MAX_NAMES: usize = 8;

/// Findings that have the same reason.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Reason {
    /// The reason.
    pub reason: &'static str,
    /// The way out.
    pub way_out: &'static str,
    /// The symbols; none if the module as a whole is refused.
    pub symbols: Vec<String>,
}

impl CheckReport {
    /// Returns the reasons for the findings, in the order in which the report has them.
    pub(super) fn sum_up(&self) -> Vec<Reason> {
        let mut reasons = IndexMap::<_, Vec<String>>::new();
        for refusal in &self.refusals {
            reasons.entry(refused(refusal.reason)).or_default();
        }
        if self.license.is_some() {
            reasons.entry(LICENSE).or_default();
        }
        for finding in &self.findings {
            let symbols = reasons.entry(why_of(finding)).or_default();
            // Of several entries for a symbol, one has to be mended like the other.
            if !symbols.contains(&finding.symbol) {
                symbols.push(finding.symbol.clone());
            }
        }
        let reasons = reasons.into_iter();
        let reasons = reasons.map(|((reason, way_out), symbols)| Reason {
            reason,
            way_out,
            symbols,
        });
        reasons.collect()
    }
}

impl Reason {
    /// Returns the reason in a few words.
    pub(super) fn short(&self) -> String {
        match self.symbols.len() {
            0 => self.reason.to_owned(),
            number => format!("{}: {}", self.reason, count(number, "symbol")),
        }
    }

    /// Returns the reason with the names of symbols, and the way out.
    pub(super) fn line(&self) -> String {
        let mut names = self
            .symbols
            .iter()
            .take(MAX_NAMES)
            .cloned()
            .collect::<Vec<_>>();
        if let more @ 1.. = self.symbols.len().saturating_sub(MAX_NAMES) {
            names.push(format!("{more} more"));
        }
        let names = match names.join(", ").as_str() {
            "" => String::new(),
            names => format!(" ({})", printable(names)),
        };
        format!("{}{names}: {}", self.short(), self.way_out)
    }
}

/// A reason, and the way out.
type Why = (&'static str, &'static str);

const LICENSE: Why = (
    "license",
    "state a GPL-compatible license, if the module has one",
);
const INTERNAL: Why = (
    "kimport itself lacks",
    "build the module with a kimport that knows this kernel",
);
const BUILT: Why = (
    "built with other types",
    "build the module with the headers of its provider",
);

fn refused(reason: RefusalReason) -> Why {
    match reason {
        RefusalReason::Architecture => ("architecture", "build the module for this architecture"),
        RefusalReason::VersionMagic | RefusalReason::Layout => {
            ("other kernel", "build the module for this kernel")
        }
        RefusalReason::Livepatch => (
            "no livepatch",
            "import with the macro, or load with `kimport load`",
        ),
        RefusalReason::ModuleNamespace => (
            "reserved namespace",
            "import the symbols with kimport instead of the namespace",
        ),
        RefusalReason::DuplicateExport => (
            "exported twice",
            "leave out the export, or rename the symbol",
        ),
    }
}

/// Returns the reason that a finding belongs to, and the way out.
fn why_of(finding: &Finding) -> Why {
    match (finding.internal, finding.way, &finding.cause) {
        // Nobody knows whether kimport lacks anything.
        (_, _, cause @ Cause::Unknown { .. }) => why(cause),
        (true, _, _) => INTERNAL,
        // A module that was relinked declares nothing.
        (_, ReferenceKind::Livepatch, cause) => relinked(cause),
        (_, _, cause) => why(cause),
    }
}

/// Returns the reason that the cause of a livepatch symbol belongs to, and the way out.
fn relinked(cause: &Cause) -> Why {
    let (reason, way_out) = why(cause);
    match cause {
        Cause::Differs { .. } => BUILT,
        Cause::Missing => (
            reason,
            "take the provider's version that the module was relinked for",
        ),
        Cause::Renamed { .. } | Cause::SeveralRenames { .. } => {
            (reason, "import it with the macro, which takes a #[name]")
        }
        Cause::Elsewhere { .. } | Cause::InImage | Cause::ProviderBuiltin => (
            reason,
            "relink the module --from the place that has it, or try --from PROVIDER=OLD",
        ),
        _ => (reason, way_out),
    }
}

/// Returns the reason that a cause belongs to, and the way out.
fn why(cause: &Cause) -> Why {
    match cause {
        Cause::Missing => (
            "not found",
            "check the spelling, or make it #[optional]; `kimport compare` tells which kernels have it",
        ),
        Cause::Inlined { .. } | Cause::OnlyClone { .. } => (
            "inlined or cloned",
            "import a function that calls it",
        ),
        Cause::Renamed { .. } | Cause::SeveralRenames { .. } => {
            ("renamed by the compiler", "give the new name with #[name]")
        }
        Cause::Elsewhere { .. } | Cause::InImage | Cause::ProviderBuiltin => (
            "in another place",
            "correct `from` in the block, or try --from PROVIDER=OLD",
        ),
        Cause::Ambiguous { .. } | Cause::Position { .. } => (
            "several of the name",
            "select one with #[position], or @N in a Kbuild",
        ),
        Cause::InInit => (
            "freed after init",
            "import a symbol that stays in memory",
        ),
        Cause::PerCpu => (
            "per-CPU data",
            "import a function that gives access to it",
        ),
        Cause::NotFunction | Cause::NotData => (
            "of another kind",
            "declare a function as one, and data as data",
        ),
        Cause::Differs { .. } => (
            "of another type",
            "declare it with the type of this kernel, which `kimport declare` writes",
        ),
        Cause::Unverified { .. } => (
            "not comparable",
            "make it #[unverified], or choose #[verify(strict)]",
        ),
        Cause::NoProvider => (
            "no provider",
            "add the provider's .ko to --kernel, or take another provider with --from",
        ),
        Cause::NotExported => (
            "not exported",
            "import it with the macro, or name its provider to `kimport relink`",
        ),
        Cause::GplOnly { .. } => LICENSE,
        Cause::Namespace { .. } => (
            "namespace",
            "add MODULE_IMPORT_NS, or import it with kimport",
        ),
        Cause::Version { .. } => ("other version", "build the module for this kernel"),
        Cause::NoData { .. } => (
            "data, which kallsyms lacks",
            "import a function that gives access to it",
        ),
        Cause::Unknown { .. } => (
            "not known",
            "add the files that the lines above name to --kernel",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_out_fits_the_way_of_the_reference() {
        let reason = |internal, way, cause| {
            let finding = Finding {
                symbol: "f".to_owned(),
                provider: None,
                way,
                internal,
                position: 0,
                cause,
                message: String::new(),
                near: Vec::new(),
            };
            why_of(&finding).0
        };
        let (import, livepatch) = (ReferenceKind::Import, ReferenceKind::Livepatch);
        let differs = || Cause::Differs {
            report: String::new(),
        };
        let unknown = Cause::Unknown {
            needs: String::new(),
        };
        assert_eq!(reason(true, import, Cause::Missing), "kimport itself lacks");
        assert_eq!(reason(true, import, unknown), "not known");
        assert_eq!(reason(false, import, differs()), "of another type");
        assert_eq!(
            reason(false, livepatch, differs()),
            "built with other types"
        );
    }
}
