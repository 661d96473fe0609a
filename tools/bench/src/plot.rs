// SPDX-License-Identifier: GPL-2.0

//! A picture of the goals: for each a bar, relative to the goal, with a line where it is met.

use crate::goals::Goal;
use crate::{ratio, samples::Samples};
use svg::node::element::{Line, Rectangle, Text};
use svg::Document;

const ROW: f64 = 44.0;
const BAR: f64 = 16.0;
/// The place of the line at which goals are met, and the longest bar.
const MET: f64 = 240.0;
const LONGEST: f64 = 640.0;
const LEFT: f64 = 20.0;
const WIDTH: f64 = 860.0;

fn text(x: f64, y: f64, words: String) -> Text {
    Text::new(words)
        .set("x", x)
        .set("y", y)
        .set("font-family", "sans-serif")
        .set("font-size", 13)
        .set("fill", "#333")
}

/// Draws the goals with the greatest number of all runs.
pub(crate) fn plot(runs: &[Samples], goals: &[Goal]) -> String {
    let goals: Vec<_> = goals
        .iter()
        .filter_map(|goal| Some((goal, goal.goal?)))
        .collect();
    let height = ROW * (goals.len() as f64 + 1.5);
    let kernel = runs.first().map_or("", |run| &run.kernel);
    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .add(
            Rectangle::new()
                .set("width", WIDTH)
                .set("height", height)
                .set("fill", "#fff"),
        )
        .add(text(
            LEFT,
            20.0,
            format!("Costs on {kernel}, relative to the goals (the line)"),
        ));
    for (row, (goal, most)) in goals.into_iter().enumerate() {
        let top = ROW * (row as f64 + 1.0);
        let worst = goal.runs.iter().copied().flatten().fold(0.0, f64::max);
        let length = (worst / most * MET).min(LONGEST);
        let color = if goal.is_met { "#4a8f5b" } else { "#c0703a" };
        let label = format!("{} / {}", goal.what, goal.reference);
        let numbers = format!("{} (goal {})", ratio(worst), ratio(most));
        document = document
            .add(text(LEFT, top + 12.0, label))
            .add(
                Rectangle::new()
                    .set("x", LEFT)
                    .set("y", top + 18.0)
                    .set("width", length)
                    .set("height", BAR)
                    .set("fill", color),
            )
            .add(text(LEFT + length + 8.0, top + 31.0, numbers));
    }
    let line = Line::new()
        .set("x1", LEFT + MET)
        .set("x2", LEFT + MET)
        .set("y1", ROW)
        .set("y2", height - ROW / 2.0)
        .set("stroke", "#333")
        .set("stroke-dasharray", "4 3");
    document.add(line).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_has_a_bar() {
        let goal = |what, number: f64| Goal {
            what,
            reference: "a reference",
            goal: Some(0.5),
            runs: vec![Some(number / 2.0), None, Some(number)],
            is_met: number <= 0.5,
        };
        let picture = plot(
            &[],
            &[goal("what is met", 0.25), goal("what is missed", 40.0)],
        );
        for part in [
            "what is met / a reference",
            "0.25 (goal 0.50)",
            "width=\"120\"",
            "40.00 (goal 0.50)",
            "width=\"640\"",
        ] {
            assert!(picture.contains(part), "{part} in {picture}");
        }
    }
}
