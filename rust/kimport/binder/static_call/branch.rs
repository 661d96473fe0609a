// SPDX-License-Identifier: GPL-2.0

//! The instructions at call sites and in trampolines: `call`, `jmp` and conditional jumps with a
//! displacement of 32 bits.

/// The length of the longest instructions. The kernel's decoder may look at as many bytes.
const MAX_LENGTH: usize = 15;
const INT3: u8 = 0xcc;
const DISPLACEMENT: usize = size_of::<i32>();

/// One of these instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Branch {
    address: usize,
    opcode: Opcode,
    displacement: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Call,
    Jump,
    /// A jump under a condition, which is in the second byte.
    Conditional(u8),
}

impl Branch {
    /// Decodes the instruction at `site`. Returns [`None`] for any other instruction.
    ///
    /// # Safety
    ///
    /// The five bytes at `site` may be read, and if a conditional jump begins there, a sixth.
    pub(super) unsafe fn read(site: *const u8) -> Option<Self> {
        // SAFETY: By the contract of this function these bytes may be read. The instruction may be
        // changed meanwhile, hence the volatile read.
        let code = unsafe { site.cast::<[u8; 5]>().read_volatile() };
        let (opcode, displacement) = match code {
            [0xe8, displacement @ ..] => (Opcode::Call, displacement),
            [0xe9, displacement @ ..] => (Opcode::Jump, displacement),
            [0x0f, condition @ 0x80..=0x8f, a, b, c] => {
                // SAFETY: The instruction that begins with these two bytes has a sixth one.
                let last = unsafe { site.add(code.len()) };
                // SAFETY: As above.
                let d = unsafe { last.read_volatile() };
                (Opcode::Conditional(condition), [a, b, c, d])
            }
            _ => return None,
        };
        Some(Self {
            address: site.addr(),
            opcode,
            displacement: i32::from_le_bytes(displacement),
        })
    }

    /// Returns whether it is a call, which returns.
    pub(super) fn is_call(&self) -> bool {
        self.opcode == Opcode::Call
    }

    pub(super) fn address(&self) -> usize {
        self.address
    }

    /// Returns the number of its bytes.
    pub(super) fn len(&self) -> usize {
        let opcode = match self.opcode {
            Opcode::Call | Opcode::Jump => 1,
            Opcode::Conditional(_) => 2,
        };
        opcode + DISPLACEMENT
    }

    /// Returns its target.
    pub(super) fn target(&self) -> usize {
        (self.address + self.len()).wrapping_add_signed(self.displacement as isize)
    }

    /// Returns the same instruction with another `target`, or [`None`] if that is too far away.
    pub(super) fn retargeted(self, target: usize) -> Option<Self> {
        let distance = target.wrapping_sub(self.address + self.len()) as isize;
        let displacement = i32::try_from(distance).ok()?;
        Some(Self {
            displacement,
            ..self
        })
    }

    /// Returns its bytes, and behind them as many `int3` as a decoder may look at.
    pub(super) fn code(&self) -> [u8; MAX_LENGTH] {
        let [a, b, c, d] = self.displacement.to_le_bytes();
        let mut code = [INT3; MAX_LENGTH];
        match self.opcode {
            Opcode::Call => [code[0], code[1], code[2], code[3], code[4]] = [0xe8, a, b, c, d],
            Opcode::Jump => [code[0], code[1], code[2], code[3], code[4]] = [0xe9, a, b, c, d],
            Opcode::Conditional(condition) => {
                [code[0], code[1], code[2], code[3], code[4], code[5]] =
                    [0x0f, condition, a, b, c, d];
            }
        }
        code
    }
}
