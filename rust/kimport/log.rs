// SPDX-License-Identifier: GPL-2.0

//! Log lines that begin with the importing module's name: `log!`, and `debug!` for lines that
//! dynamic debug switches on.

/// Prints one line at `level` (a name of `kernel::print::format_strings`), with the prefix
/// `<module>: kimport: `. `module` is a `&CStr`.
macro_rules! log {
    ($module:expr, $level:ident, $($arg:tt)*) => {{
        let module: &core::ffi::CStr = $module;
        // SAFETY: The format string is one of `format_strings`, and the name ends in a NUL.
        unsafe {
            kernel::print::call_printk(
                &kernel::print::format_strings::$level,
                module.to_bytes_with_nul(),
                kernel::prelude::fmt!("kimport: {}\n", kernel::prelude::fmt!($($arg)*)),
            )
        }
    }};
}
pub(crate) use log;

/// Prints text of one or more lines, each as `log!` does. A line may be longer than a record of
/// the kernel log, which holds some 1,000 bytes.
macro_rules! log_lines {
    ($module:expr, $level:ident, $($arg:tt)*) => {{
        use core::fmt::Write as _;

        let mut lines =
            $crate::log::Lines::new(|line| $crate::log::log!($module, $level, "{line}"));
        // The writer accepts everything.
        let _ = lines.write_fmt(kernel::prelude::fmt!($($arg)*));
        lines.flush();
    }};
}
pub(crate) use log_lines;

/// A writer that cuts text into parts that fit into records of the kernel log. A part is a line. A
/// line that is too long becomes several parts, which end and continue with `...`.
pub(crate) struct Lines<F: FnMut(&str)> {
    print: F,
    part: [u8; PART],
    len: usize,
}

/// The maximum size of a part in bytes. The rest of a record is for the text that precedes it.
const PART: usize = 800;
const MARK: &str = "...";

impl<F: FnMut(&str)> Lines<F> {
    pub(crate) fn new(print: F) -> Self {
        Self {
            print,
            part: [0; PART],
            len: 0,
        }
    }

    /// Prints the text that was not printed yet.
    pub(crate) fn flush(&mut self) {
        // `put` stores whole characters only.
        let part = self.part.get(..self.len).unwrap_or_default();
        let part = core::str::from_utf8(part).unwrap_or_default();
        if !part.is_empty() {
            (self.print)(part);
        }
        self.len = 0;
    }

    fn put(&mut self, character: char) {
        let mut bytes = [0; 4];
        for &byte in character.encode_utf8(&mut bytes).as_bytes() {
            // There is room: the callers ensure that.
            if let Some(place) = self.part.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
    }
}

impl<F: FnMut(&str)> core::fmt::Write for Lines<F> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for character in text.chars() {
            if character == '\n' {
                self.flush();
                continue;
            }
            if self.len + character.len_utf8() > PART - MARK.len() {
                MARK.chars().for_each(|dot| self.put(dot));
                self.flush();
                MARK.chars().for_each(|dot| self.put(dot));
            }
            self.put(character);
        }
        Ok(())
    }
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;

/// Prints one line, with the prefix `<module>: kimport: `, if dynamic debug has switched it on.
macro_rules! debug {
    ($format:tt $($args:tt)*) => {{
        #[cfg(CONFIG_KIMPORT_DYNAMIC_DEBUG)]
        {
            use $crate::dynamic_debug::Line;

            #[link_section = "__dyndbg"]
            static LINE: Line = Line::new(
                concat!(module_path!(), "\0"),
                concat!(file!(), "\0"),
                line!(),
                concat!($format, "\0"),
            );
            if LINE.is_on() {
                LINE.print(kernel::prelude::fmt!($format $($args)*));
            }
        }
        #[cfg(not(CONFIG_KIMPORT_DYNAMIC_DEBUG))]
        if false {
            let _ = kernel::prelude::fmt!($format $($args)*);
        }
    }};
}
pub(crate) use debug;
