// SPDX-License-Identifier: GPL-2.0

//! The comparisons that the tables show.

use crate::samples::Samples;
use anyhow::{Context, Result};
use serde::Serialize;
use Value::{All, Call, Each};

/// The number of turns of the loop around calls, and of imports of the blocks, as in
/// tests/modules/bench.
const CALLS: u64 = 10_000;
pub(crate) const SOME: u64 = 12;
pub(crate) const FEW: u64 = 45;
const MANY: u64 = 128;

/// A number that is calculated from medians.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// The ticks of one call: a turn of the first loop less a turn of the second.
    Call(&'static str, &'static str),
    /// The ticks of one out of this many.
    Each(&'static str, u64),
    /// The ticks of all of this many.
    All(&'static str, u64),
}

impl Value {
    pub(crate) fn of(self, samples: &Samples) -> Result<f64> {
        Ok(match self {
            Call(calls, empty) => {
                samples.median(calls, CALLS)?.each() - samples.median(empty, CALLS)?.each()
            }
            Each(name, count) => samples.median(name, count)?.each(),
            All(name, count) => samples.median(name, count)?.ticks,
        })
    }
}

struct Layout {
    title: &'static str,
    /// The rows. The others are compared with the first one.
    rows: &'static [(&'static str, Value)],
}

/// The steps of a resolution for each of `count` imports, other than those of the other tables.
const fn steps(count: u64) -> [(&'static str, Value); 7] {
    [
        ("look-up", Each("look-up", count)),
        ("check of the type", Each("verify", count)),
        ("  without layouts", Each("verify/prototypes", count)),
        ("binding, one by one", Each("bind/one-by-one", count)),
        ("binding, all together", Each("bind/at-once", count)),
        ("unbinding, one by one", Each("unbind/one-by-one", count)),
        ("unbinding, all together", Each("unbind/at-once", count)),
    ]
}

const LAYOUT: &[Layout] = &[
    Layout {
        title: "one call of a function that does nothing, without the loop around it",
        rows: &[
            ("exported function", Call("call/export", "call/loop")),
            ("import", Call("call/import", "call/loop")),
            (
                "C macro: function pointer",
                Call("call/c-pointer", "call/c-loop"),
            ),
            (
                "import, kimport-calls=pointer",
                Call("call/pointer-binder", "call/loop"),
            ),
            (
                "import of a #[rebindable] block",
                Call("call/rebindable", "call/loop"),
            ),
            ("import of a #[late] block", Call("call/late", "call/loop")),
        ],
    },
    Layout {
        title: "all of the first resolution in a module, 45 imports",
        rows: &[
            ("C macro: kprobe, 45 look-ups", All("c-macro", FEW)),
            ("resolve_imports", All("first/refused_probe/resolve", FEW)),
            (
                "  bound one by one",
                All("first/refused_probe/one-by-one/resolve", FEW),
            ),
            (
                "  by a disabled probe",
                All("first/disabled_probe/resolve", FEW),
            ),
            ("  by the parameter", All("first/parameter/resolve", FEW)),
        ],
    },
    Layout {
        title: "all of the first resolution in a module, imports from a module with 2,000 symbols",
        rows: &[
            ("C macro: kprobe, 45 look-ups", All("c-macro/big", FEW)),
            ("resolve_imports of 45", All("first/big/resolve", FEW)),
            ("C macro: kprobe, 12 look-ups", All("c-macro/big", SOME)),
            ("resolve_imports of 12", All("first/big/resolve", SOME)),
        ],
    },
    Layout {
        title: "all of the first resolution in a module, 45 optional imports",
        rows: &[
            ("all are there", All("first/refused_probe/resolve", FEW)),
            ("20 are missing", All("first/optional/resolve", FEW)),
        ],
    },
    Layout {
        title: "finding kallsyms_lookup_name",
        rows: &[
            ("refused probe", All("find/refused_probe", 1)),
            ("disabled probe", All("find/disabled_probe", 1)),
            ("parameter", All("find/parameter", 1)),
        ],
    },
    Layout {
        title: "the other steps of a resolution, for each of 45 imports",
        rows: &steps(FEW),
    },
    Layout {
        title: "and for each of 128",
        rows: &steps(MANY),
    },
    Layout {
        title: "all of Imports::rebind, 45 imports",
        rows: &[
            ("bound one by one", All("rebind/one-by-one", FEW)),
            ("bound all together", All("rebind/at-once", FEW)),
        ],
    },
];

/// One number, and its ratio to the number of the first row.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) ticks: f64,
    /// The ratio to the first row.
    pub(crate) ratio: f64,
}

/// One line of a table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The description of the work that was measured.
    pub(crate) label: &'static str,
    /// One cell for each run.
    pub(crate) runs: Vec<Cell>,
}

/// One comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    /// The title, which describes the numbers.
    pub(crate) title: &'static str,
    /// The rows. The others are compared with the first one.
    pub(crate) rows: Vec<Row>,
}

/// Returns all comparisons, with a column for each run.
pub(crate) fn tables(runs: &[Samples]) -> Result<Vec<Table>> {
    LAYOUT.iter().map(|layout| table(layout, runs)).collect()
}

fn table(layout: &Layout, runs: &[Samples]) -> Result<Table> {
    let values = |value: Value| -> Result<Vec<f64>> {
        let value = |run| value.of(run).context("a run is incomplete");
        runs.iter().map(value).collect()
    };
    let bases = match layout.rows {
        [(_, value), ..] => values(*value)?,
        [] => Vec::new(),
    };
    let row = |(label, value): &(&'static str, Value)| -> Result<Row> {
        let cells = values(*value)?.into_iter().zip(&bases);
        Ok(Row {
            label,
            runs: cells
                .map(|(ticks, base)| Cell {
                    ticks,
                    ratio: ticks / base,
                })
                .collect(),
        })
    };
    Ok(Table {
        title: layout.title,
        rows: layout.rows.iter().map(row).collect::<Result<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Makes a run in which each name has the median that `ticks` returns.
    fn run(ticks: impl Fn(&str) -> u64) -> Samples {
        let mut log = String::new();
        let mut add = |name: &str, count: u64| {
            for error in [0, 1, 2, 3, 4] {
                let ticks = ticks(name) + error - 2;
                writeln!(log, "1 channel| # sample {name} {count} {ticks}").unwrap();
            }
        };
        for (_, value) in LAYOUT.iter().flat_map(|layout| layout.rows) {
            match *value {
                Call(calls, empty) => {
                    add(calls, CALLS);
                    add(empty, CALLS);
                }
                Each(name, count) | All(name, count) => add(name, count),
            }
        }
        Samples::parse(&log).unwrap()
    }

    #[test]
    fn loops_are_subtracted_and_ratios_are_to_the_first_row() {
        let samples = run(|name| match name {
            "call/loop" => 2 * CALLS,
            "call/c-loop" => CALLS,
            "call/export" => 8 * CALLS,
            "call/c-pointer" => 13 * CALLS,
            _ => 90 * CALLS,
        });
        let tables = tables(&[samples]).unwrap();
        let cell = |table: usize, row: usize| &tables[table].rows[row].runs[0];
        assert_eq!((cell(0, 0).ticks, cell(0, 0).ratio), (6.0, 1.0));
        assert_eq!((cell(0, 2).ticks, cell(0, 2).ratio), (12.0, 2.0));
        assert_eq!((cell(1, 1).ticks, cell(1, 1).ratio), (900_000.0, 1.0));
        assert_eq!(cell(5, 0).ticks, 20_000.0);
    }

    #[test]
    fn a_run_that_lacks_something_is_an_error() {
        let whole = run(|_| 100);
        let part = Samples::parse("1 channel| # sample call/loop 10000 1").unwrap();
        assert!(tables(&[whole, part]).is_err());
    }
}
