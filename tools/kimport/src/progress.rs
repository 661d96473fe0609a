// SPDX-License-Identifier: GPL-2.0

//! Progress on a terminal during long work. All of it goes to standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// The interval between two frames of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// A spinner that shows the present work until it is dropped. Without a terminal it shows nothing.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Starts a spinner with the message `what`.
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

/// A sequence of long steps. Each finished step gets a line; on a terminal the present step has one
/// too.
pub struct Steps {
    bar: ProgressBar,
    name: String,
}

impl Default for Steps {
    fn default() -> Self {
        let bar = ProgressBar::new_spinner();
        // The default style will do if this template is ever wrong.
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
    /// Begins a step.
    pub fn begin(&mut self, name: String) {
        self.name.clone_from(&name);
        self.bar.reset();
        self.bar.set_message(name);
        self.bar.enable_steady_tick(TICK);
    }

    /// Ends the present step.
    pub fn end(&mut self) {
        self.bar.disable_steady_tick();
        let line = format!("{} ... {} s", self.name, self.bar.elapsed().as_secs());
        self.line(&line);
    }

    /// Prints a line above the present step.
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
