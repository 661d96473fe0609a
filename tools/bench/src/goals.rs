// SPDX-License-Identifier: GPL-2.0

//! The goals: how much each thing may cost, as a ratio to a reference of the same run, or in
//! instructions.

use crate::samples::Samples;
use crate::sizes::Sizes;
use crate::tables::Value::{self, All, Call};
use crate::tables::{FEW, SOME};
use anyhow::{Context, Result};
use serde::Serialize;

/// A measured number.
#[derive(Clone, Copy)]
enum Measured {
    /// The ticks of the first, as a ratio to those of the second.
    Ratio(Value, Value),
    /// The ticks.
    Ticks(Value),
    /// The KiB by which the first module is larger than the second.
    More(&'static str, &'static str),
    /// The growth from the first module to the second, as a ratio to that from the third to the
    /// fourth.
    Growth([&'static str; 4]),
    /// The ticks of the I/O of this kind through the driver in Rust, as a ratio to those through
    /// the driver in C. Only one run has them.
    Disk(&'static str),
}
use Measured::{Disk, Growth, More, Ratio, Ticks};

/// The number of transfers, as in tests/suites/bench_disk.sh.
const TRANSFERS: u64 = 1024;

impl Measured {
    /// Returns the number of a run, or [`None`] if the run is not meant to have it.
    fn of(self, run: &Samples, sizes: &Sizes) -> Result<Option<f64>> {
        Ok(Some(match self {
            Ratio(value, reference) => value.of(run)? / reference.of(run)?,
            Ticks(value) => value.of(run)?,
            More(module, less) => (sizes.of(module)? - sizes.of(less)?) / 1024.0,
            Growth([few, many, few_of_c, many_of_c]) => {
                (sizes.of(many)? - sizes.of(few)?) / (sizes.of(many_of_c)? - sizes.of(few_of_c)?)
            }
            Disk(_) if !run.has("disk/") => return Ok(None),
            Disk(kind) => {
                let both = |driver| -> Result<f64> {
                    let order =
                        |order| run.median(&format!("disk/{driver}/{kind}/{order}"), TRANSFERS);
                    Ok(order("sequential")?.ticks + order("random")?.ticks)
                };
                both("rust")? / both("c")?
            }
        }))
    }
}

struct Layout {
    what: &'static str,
    /// The reference, or the unit.
    reference: &'static str,
    measured: Measured,
    /// The greatest number that meets the goal; [`None`] if it is only there to compare with.
    goal: Option<f64>,
}

const EXPORT: Value = Call("call/export", "call/loop");
const FIRST: Value = All("first/refused_probe/resolve", FEW);

const GOALS: &[Layout] = &[
    Layout {
        what: "call of an import",
        reference: "call of an exported function",
        measured: Ratio(Call("call/import", "call/loop"), EXPORT),
        goal: Some(1.0),
    },
    Layout {
        what: "call of a #[rebindable] import",
        reference: "(instructions)",
        measured: Ticks(Call("call/rebindable", "call/loop")),
        goal: Some(30.0),
    },
    Layout {
        what: "call of a #[late] import",
        reference: "(instructions)",
        measured: Ticks(Call("call/late", "call/loop")),
        goal: Some(40.0),
    },
    Layout {
        what: "resolve_imports of 45 from the kernel image",
        reference: "C macro: kprobe, 45 look-ups",
        measured: Ratio(FIRST, All("c-macro", FEW)),
        goal: Some(0.1),
    },
    Layout {
        what: "resolve_imports of 12 from a module with 2,000 symbols",
        reference: "C macro: kprobe, 12 look-ups of module:name",
        measured: Ratio(All("first/big/resolve", SOME), All("c-macro/big", SOME)),
        goal: Some(0.1),
    },
    Layout {
        what: "resolve_imports of 45 from that module",
        reference: "C macro: kprobe, 45 look-ups of module:name",
        measured: Ratio(All("first/big/resolve", FEW), All("c-macro/big", FEW)),
        goal: Some(0.1),
    },
    Layout {
        what: "resolve_imports of 45 optional ones, 20 of them missing",
        reference: "resolve_imports of 45 that are there",
        measured: Ratio(All("first/optional/resolve", FEW), FIRST),
        goal: Some(1.5),
    },
    Layout {
        what: "check of types and layouts, 45 imports",
        reference: "look-up of the same",
        measured: Ratio(All("verify", FEW), All("look-up", FEW)),
        goal: Some(1.0),
    },
    Layout {
        what: "insmod of a module with 45 imports",
        reference: "the same with 45 exported imports",
        measured: Ratio(All("insmod/imported", FEW), All("insmod/exported", FEW)),
        goal: Some(1.25),
    },
    Layout {
        what: "  the same with a shared engine",
        reference: "the same with 45 exported imports",
        measured: Ratio(All("insmod/shared", FEW), All("insmod/exported", FEW)),
        goal: Some(1.25),
    },
    Layout {
        what: "size of a module that imports 3, beyond one that imports none",
        reference: "(KiB)",
        measured: More("cost_three", "baseline_plain"),
        goal: Some(24.0),
    },
    Layout {
        what: "  the same with a shared engine",
        reference: "(KiB)",
        measured: More("shared_cost_three", "baseline_plain"),
        goal: Some(24.0),
    },
    Layout {
        what: "  the same with the C macro",
        reference: "(KiB)",
        measured: More("baseline_c_three", "baseline_c"),
        goal: None,
    },
    Layout {
        what: "size of each further import",
        reference: "the same with the C macro",
        measured: Growth([
            "shared_cost_three",
            "shared_cost_many",
            "baseline_c_three",
            "baseline_c_many",
        ]),
        goal: Some(1.5),
    },
    Layout {
        what: "read of 4 KiB through rust_iblock, brd, depth 1",
        reference: "the same through the driver in C",
        measured: Disk("ram0/1/read"),
        goal: Some(1.0),
    },
    Layout {
        what: "write of 4 KiB through rust_iblock, brd, depth 1",
        reference: "the same through the driver in C",
        measured: Disk("ram0/1/write"),
        goal: Some(1.0),
    },
    Layout {
        what: "read of 4 KiB through rust_iblock, brd, depth 16",
        reference: "the same through the driver in C",
        measured: Disk("ram0/16/read"),
        goal: Some(1.0),
    },
    Layout {
        what: "write of 4 KiB through rust_iblock, brd, depth 16",
        reference: "the same through the driver in C",
        measured: Disk("ram0/16/write"),
        goal: Some(1.0),
    },
    Layout {
        what: "read of 4 KiB through rust_iblock, null_blk, depth 1",
        reference: "the same through the driver in C",
        measured: Disk("nullb0/1/read"),
        goal: Some(1.0),
    },
    Layout {
        what: "write of 4 KiB through rust_iblock, null_blk, depth 1",
        reference: "the same through the driver in C",
        measured: Disk("nullb0/1/write"),
        goal: Some(1.0),
    },
    Layout {
        what: "read of 4 KiB through rust_iblock, null_blk, depth 16",
        reference: "the same through the driver in C",
        measured: Disk("nullb0/16/read"),
        goal: Some(1.0),
    },
    Layout {
        what: "write of 4 KiB through rust_iblock, null_blk, depth 16",
        reference: "the same through the driver in C",
        measured: Disk("nullb0/16/write"),
        goal: Some(1.0),
    },
];

/// A goal, and the number that each run has.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    /// The thing that the number is a ratio to, or the unit.
    pub(crate) reference: &'static str,
    /// The greatest number that meets the goal, if there is a goal.
    pub(crate) goal: Option<f64>,
    /// The number of each run that has one.
    pub(crate) runs: Vec<Option<f64>>,
    /// Set if all runs meet the goal.
    pub(crate) is_met: bool,
}

/// Returns all goals, with a number for each run.
pub(crate) fn goals(runs: &[Samples], sizes: &Sizes) -> Result<Vec<Goal>> {
    let goal = |layout: &Layout| -> Result<Goal> {
        let number = |run| {
            layout
                .measured
                .of(run, sizes)
                .context("a run is incomplete")
        };
        let runs = runs.iter().map(number).collect::<Result<Vec<_>>>()?;
        let mut numbers = runs.iter().flatten().peekable();
        let none = || format!("no run has: {}", layout.what);
        numbers.peek().with_context(none)?;
        Ok(Goal {
            what: layout.what,
            reference: layout.reference,
            goal: layout.goal,
            is_met: numbers.all(|&number| meets(number, layout.goal)),
            runs,
        })
    };
    GOALS.iter().map(goal).collect()
}

/// Returns whether a number meets a goal. The last digit that is shown counts: a loop around calls
/// adds or saves some hundredths of an instruction.
fn meets(number: f64, goal: Option<f64>) -> bool {
    goal.is_none_or(|goal| (number * 100.0).round() <= goal * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_met_to_the_digit_that_is_shown() {
        let meets = |number, goal| meets(number, Some(goal));
        assert!(meets(0.099, 0.1) && meets(0.1, 0.1) && meets(1.004, 1.0));
        assert!(!meets(0.106, 0.1) && !meets(1.006, 1.0) && !meets(31.0, 30.0));
    }

    #[test]
    fn a_goal_is_a_ratio_or_a_number_of_ticks() {
        let mut log = String::new();
        let mut add = |name: &str, count: u64, ticks: u64| {
            for _ in 0..5 {
                log += &format!("1 channel| # sample {name} {count} {ticks}\n");
            }
        };
        for (name, count, ticks) in [
            ("call/loop", 10_000, 20_000),
            ("call/export", 10_000, 80_000),
            ("call/import", 10_000, 80_000),
            ("call/rebindable", 10_000, 330_000),
            ("call/late", 10_000, 420_000),
            ("c-macro", 45, 15_000_000),
            ("c-macro/big", 12, 10_000_000),
            ("c-macro/big", 45, 10_000_000),
            ("first/refused_probe/resolve", 45, 3_000_000),
            ("first/big/resolve", 12, 1_000_000),
            ("first/big/resolve", 45, 2_000_000),
            ("first/optional/resolve", 45, 3_600_000),
            ("verify", 45, 900_000),
            ("look-up", 45, 1_000_000),
            ("insmod/imported", 45, 15_000_000),
            ("insmod/shared", 45, 12_000_000),
            ("insmod/exported", 45, 10_000_000),
        ] {
            add(name, count, ticks);
        }
        let [mut rust, mut c] = [996_000, 1_000_000];
        for device in ["ram0", "nullb0"] {
            for (depth, direction) in [(1, "read"), (1, "write"), (16, "read"), (16, "write")] {
                let kind = format!("{device}/{depth}/{direction}");
                add(&format!("disk/rust/{kind}/sequential"), TRANSFERS, rust);
                add(
                    &format!("disk/rust/{kind}/random"),
                    TRANSFERS,
                    rust + 10_000,
                );
                add(&format!("disk/c/{kind}/sequential"), TRANSFERS, c + 10_000);
                add(&format!("disk/c/{kind}/random"), TRANSFERS, c);
                [rust, c] = [c, rust];
            }
        }
        let run = Samples::parse(&log).unwrap();
        let sizes = [
            ("baseline_plain", 4_000),
            ("cost_three", 4_000 + 20 * 1024),
            ("cost_many", 4_000 + 20 * 1024 + 42 * 100),
            ("baseline_c", 2_000),
            ("baseline_c_three", 3_024),
            ("baseline_c_many", 3_024 + 42 * 50),
            ("shared_cost_three", 4_000 + 2 * 1024),
            ("shared_cost_many", 4_000 + 2 * 1024 + 42 * 100),
        ];
        let other: String = log
            .split_inclusive('\n')
            .filter(|l| !l.contains("disk/"))
            .collect();
        let other = Samples::parse(&other).unwrap();
        let sizes = Sizes::from_iter(sizes);
        let goals = goals(&[run, other], &sizes).unwrap();
        let found: Vec<_> = goals
            .iter()
            .map(|goal| (goal.runs[0].unwrap(), goal.is_met))
            .collect();
        let (both, one) = goals.split_at(14);
        assert!(both.iter().all(|goal| goal.runs[1] == goal.runs[0]));
        assert!(one.iter().all(|goal| goal.runs[1].is_none()));
        let expected = [
            (1.0, true),
            (31.0, false),
            (40.0, true),
            (0.2, false),
            (0.1, true),
            (0.2, false),
            (1.2, true),
            (0.9, true),
            (1.5, false),
            (1.2, true),
            (20.0, true),
            (2.0, true),
            (1.0, true),
            (2.0, false),
        ];
        let [less, more] = [2.002 / 2.01, 2.01 / 2.002];
        let disk = [(less, true), (more, true)].repeat(4);
        assert_eq!(found, [&expected[..], &disk].concat());
    }
}
