// SPDX-License-Identifier: GPL-2.0

//! Shows on a terminal that long work goes on. All of it is on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often what moves moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows what is being done until it is dropped; nothing where there is no terminal.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Begins.
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Steps that take their time, one after the other: a line for each that is done, and on a terminal
/// one for the step that goes on.
pub struct Steps {
    bar: ProgressBar,
    name: String,
}

impl Default for Steps {
    fn default() -> Self {
        let bar = ProgressBar::new_spinner();
        // The default is good enough should this one ever be wrong.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ... {elapsed}") {
            bar.set_style(style);
        }
        Self {
            bar,
            name: String::new(),
        }
    }
}

impl Steps {
    /// The step that begins.
    pub fn begin(&mut self, name: String) {
        self.name.clone_from(&name);
        self.bar.reset();
        self.bar.set_message(name);
        self.bar.enable_steady_tick(TICK);
    }

    /// The present step is done.
    pub fn end(&mut self) {
        self.bar.disable_steady_tick();
        let line = format!("{} ... {} s", self.name, self.bar.elapsed().as_secs());
        self.line(&line);
    }

    /// A line of its own.
    pub fn line(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
