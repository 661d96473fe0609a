// SPDX-License-Identifier: GPL-2.0

//! The device parameters in configfs: the grammar of `control` and the text of `info`.

use crate::bdev::BlockDevice;
use crate::bindings;
use kernel::error::to_result;
use kernel::ffi::c_int;
use kernel::fmt::{self, Write};
use kernel::prelude::*;
use kernel::str::CString;
use kimport::compat::code::ENAMETOOLONG;

/// The parameters of a device.
pub(crate) struct Config {
    /// The block device's path.
    pub(crate) udev_path: Option<CString>,
    /// Set if the block device is opened for reading only.
    pub(crate) readonly: bool,
    /// Set if the block device is claimed exclusively.
    pub(crate) exclusive: bool,
}

/// The parameters that the grammar knows.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Token {
    UdevPath,
    Readonly,
    Exclusive,
    Unknown,
}

/// A `match_table_t`.
#[repr(transparent)]
struct Tokens([bindings::match_token; 4]);

// SAFETY: The table is never written.
unsafe impl Sync for Tokens {}

static TOKENS: Tokens = {
    const fn entry(token: Token, pattern: Option<&'static CStr>) -> bindings::match_token {
        bindings::match_token {
            token: token as c_int,
            pattern: match pattern {
                Some(pattern) => kernel::str::as_char_ptr_in_const_context(pattern),
                None => core::ptr::null(),
            },
        }
    }
    Tokens([
        entry(Token::UdevPath, Some(c"udev_path=%s")),
        entry(Token::Readonly, Some(c"readonly=%d")),
        entry(Token::Exclusive, Some(c"exclusive=%d")),
        entry(Token::Unknown, None),
    ])
};

impl Token {
    /// Recognizes one parameter, and returns it with its value.
    fn parse(option: &CStr) -> (Self, &CStr) {
        let mut args = [bindings::substring_t::default(); bindings::MAX_OPT_ARGS as usize];
        let start = option.as_char_ptr().cast_mut();
        // SAFETY: `match_token` only reads the string, and the table up to its null pattern. There
        // is room for the maximum number of arguments that it finds.
        let token = unsafe { bindings::match_token(start, TOKENS.0.as_ptr(), args.as_mut_ptr()) };
        let known = [Self::UdevPath, Self::Readonly, Self::Exclusive];
        let Some(token) = known.into_iter().find(|known| *known as c_int == token) else {
            return (Self::Unknown, c"");
        };

        // All patterns end in their only argument, so that the value is the rest of the string.
        // SAFETY: `match_token` found an argument, which is a part of `option`.
        let value = unsafe { CStr::from_char_ptr(args[0].from) };
        (token, value)
    }
}

/// Parses an unsigned number whose prefix tells its base, as in C.
fn parse_unsigned(value: &CStr) -> Result<u64> {
    let mut number = 0;
    // SAFETY: `value` is a C string, `number` valid for writes.
    to_result(unsafe { bindings::kstrtoull(value.as_char_ptr(), 0, &mut number) })?;
    Ok(number)
}

/// Parses a signed number whose prefix tells its base, as in C.
fn parse_int(value: &CStr) -> Result<c_int> {
    let mut number = 0;
    // SAFETY: `value` is a C string, `number` valid for writes.
    to_result(unsafe { bindings::kstrtoint(value.as_char_ptr(), 0, &mut number) })?;
    Ok(number)
}

impl Config {
    /// The parameters of a new device.
    pub(crate) const DEFAULT: Self = Self {
        udev_path: None,
        readonly: false,
        exclusive: true,
    };

    /// Sets the parameters in `page`, which was written to `control`.
    ///
    /// Parameters are separated by commas or newlines; unknown ones are ignored, and so is `force`,
    /// as in the C driver. If `in_use` is set, the path cannot change any more.
    pub(crate) fn set(&mut self, page: &CStr, in_use: bool) -> Result {
        let mut options = KVec::new();
        options.extend_from_slice(page.to_bytes_with_nul(), GFP_KERNEL)?;
        for byte in options.iter_mut() {
            if matches!(*byte, b',' | b'\n') {
                *byte = 0;
            }
        }

        for option in options.split_inclusive(|byte| *byte == 0) {
            let option = CStr::from_bytes_with_nul(option).map_err(|_| EINVAL)?;
            self.set_one(option, in_use)?;
        }
        Ok(())
    }

    fn set_one(&mut self, option: &CStr, in_use: bool) -> Result {
        let (token, value) = Token::parse(option);
        match token {
            Token::UdevPath if in_use => {
                pr_err!("Unable to set udev_path= while the device is in use\n");
                return Err(EEXIST);
            }
            Token::UdevPath => {
                // The C driver cuts off the rest instead.
                if value.count_bytes() >= bindings::SE_UDEV_PATH_LEN as usize {
                    pr_err!("udev_path= is too long\n");
                    return Err(ENAMETOOLONG);
                }
                self.udev_path = Some(CString::try_from(value)?);
            }
            Token::Readonly => {
                let readonly = parse_unsigned(value)
                    .inspect_err(|_| pr_err!("kstrtoul() failed for readonly=\n"))?;
                self.readonly = readonly != 0;
            }
            Token::Exclusive => {
                let exclusive = parse_int(value)
                    .inspect_err(|_| pr_err!("kstrtoint() failed for exclusive=\n"))?;
                self.exclusive = exclusive != 0;
            }
            Token::Unknown => {}
        }
        Ok(())
    }

    /// Writes the text that `info` shows. `bdev` is the block device, if it is open.
    pub(crate) fn show(&self, page: &mut Page<'_>, bdev: Option<&BlockDevice>) -> fmt::Result {
        if let Some(bdev) = bdev {
            page.write_str("iBlock device: ")?;
            page.advance_by(|rest| bdev.write_name(rest));
        }
        if let Some(path) = &self.udev_path {
            page.write_str("  UDEV PATH: ")?;
            page.write_bytes(path.to_bytes())?;
        }
        writeln!(page, "  readonly: {}", u8::from(self.readonly))?;
        writeln!(page, "  exclusive: {}", u8::from(self.exclusive))?;
        match bdev.map(BlockDevice::number) {
            Some((major, minor)) => {
                writeln!(
                    page,
                    "        Major: {major} Minor: {minor}  CLAIMED: IBLOCK"
                )
            }
            None => writeln!(page, "        Major: 0 Minor: 0"),
        }
    }
}

/// The rest of a page of configfs, and the number of bytes that were written to it.
///
/// # Invariants
///
/// `len` is at most the length of `buffer`.
pub(crate) struct Page<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Page<'a> {
    /// Begins at the start of `buffer`.
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        // INVARIANT: Zero is at most the length of any buffer.
        Self { buffer, len: 0 }
    }

    /// The number of bytes that were written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Calls `write` with the rest of the page. `write` returns the number of bytes that it wrote.
    fn advance_by(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        let rest = &mut self.buffer[self.len..];
        let room = rest.len();
        // INVARIANT: At most the length of the rest is added.
        self.len += write(rest).min(room);
    }

    /// Writes bytes as they are, whatever their encoding.
    fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        let rest = self.buffer[self.len..].get_mut(..bytes.len());
        rest.ok_or(fmt::Error)?.copy_from_slice(bytes);
        // INVARIANT: There was room for the bytes.
        self.len += bytes.len();
        Ok(())
    }
}

impl Write for Page<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.write_bytes(s.as_bytes())
    }
}
