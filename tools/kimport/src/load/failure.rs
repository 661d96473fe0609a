// SPDX-License-Identifier: GPL-2.0

//! The causes for which the kernel refuses a module, in plain words.

use super::system::System;
use rustix::io::Errno;

/// Returns the likely cause of `errno` and the way out. The kernel's log, if it has a message, is
/// more precise.
pub fn cause(errno: Errno, system: &System) -> String {
    let cause = match errno {
        Errno::PERM if system.modules_disabled => {
            "loading modules was switched off (kernel.modules_disabled) and stays so until the next \
             boot"
        }
        Errno::PERM => match system.lockdown.as_deref() {
            Some(lockdown) if lockdown != "none" => {
                return format!(
                    "lockdown ({lockdown}) only lets signed modules in, and a module with addresses \
                     written into it has no signature"
                )
            }
            _ => "the kernel only lets root (CAP_SYS_MODULE) load modules, outside of containers",
        },
        Errno::EXIST => "a module of that name is loaded already, or another one exports the same \
                         symbols; unload that one first",
        Errno::NOENT => "the kernel found no exported symbol of some name (its log tells which): load \
                         the modules that this one depends on, or name a provider with --from; or it \
                         is exported to GPL-compatible modules only",
        Errno::NOEXEC => "the kernel does not take the file for a module of its own: another release, \
                          architecture or configuration, no symbol table, or a relocation that does \
                          not reach its address; build the module for this kernel, and `kimport check` \
                          it",
        Errno::INVAL => "an exported symbol is in a namespace that the module does not import, or of \
                         another version than it was built with; or a livepatch symbol was not found; \
                         or a parameter, or something else to the module's own init, is invalid",
        Errno::KEYREJECTED | Errno::NOKEY | Errno::BADMSG | Errno::NOPKG => {
            "the kernel only loads modules that are signed with a key it knows, and a module with \
             addresses written into it has no signature"
        }
        Errno::BUSY => "the kernel waited in vain for a module of that name, or one that it uses, to \
                        finish loading; try again",
        Errno::NOMEM => "there was no memory for the module",
        other => {
            return format!(
                "the kernel itself does not refuse modules with error {}; the module's own init \
                 ended with it",
                other.raw_os_error()
            )
        }
    };
    cause.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_forbids_goes_first() {
        let open = System::default();
        assert!(cause(Errno::PERM, &open).contains("root"));
        let locked = System {
            lockdown: Some("integrity".to_owned()),
            ..System::default()
        };
        assert!(cause(Errno::PERM, &locked).contains("lockdown (integrity)"));
        let disabled = System {
            modules_disabled: true,
            ..locked
        };
        assert!(cause(Errno::PERM, &disabled).contains("modules_disabled"));
        assert!(cause(Errno::NODEV, &open).contains("own init"));
        // The errors of resolve_symbol(); the suite load.sh provokes them in the kernel.
        assert!(cause(Errno::NOENT, &open).contains("GPL-compatible"));
        let invalid = cause(Errno::INVAL, &open);
        assert!(invalid.contains("namespace") && invalid.contains("another version"));
        assert!(!invalid.contains("GPL"), "{invalid}");
    }
}
