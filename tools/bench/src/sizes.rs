// SPDX-License-Identifier: GPL-2.0

//! The sizes of modules, as `size` prints them.

use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// The bytes of text and data of each module, by its name.
#[derive(Debug, Default)]
pub(crate) struct Sizes(BTreeMap<String, f64>);

impl Sizes {
    /// Reads the output of `size`: a line of titles, then for each file a line of text, data, bss,
    /// their sum in decimal and in hexadecimal, and the path.
    pub(crate) fn parse(output: &str) -> Result<Self> {
        let line = |line: &str| -> Result<(String, f64)> {
            let words: Vec<_> = line.split_whitespace().collect();
            let sum = words.get(3).and_then(|sum| sum.parse().ok());
            let path = words.get(5).map(|path| path.trim_end_matches(".ko"));
            let name = path.and_then(|path| path.rsplit('/').next());
            let both = name.map(str::to_owned).zip(sum);
            both.with_context(|| format!("no size: {line}"))
        };
        let sizes = output.lines().skip(1).map(line);
        Ok(Self(sizes.collect::<Result<_>>()?))
    }

    /// Returns the size of the module called `name`.
    pub(crate) fn of(&self, name: &str) -> Result<f64> {
        let size = self.0.get(name).copied();
        size.with_context(|| format!("the size of {name} is not known"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read() {
        let sizes =
            "   text	   data	    bss	    dec	    hex	filename\n 1000	 20	 3	 1023	 3ff	/a/b.ko\n";
        let sizes = Sizes::parse(sizes).unwrap();
        assert_eq!(sizes.of("b").unwrap(), 1023.0);
        assert!(sizes.of("a").is_err());
        assert!(Sizes::parse("titles\n1 2 3\n").is_err());
    }
}
