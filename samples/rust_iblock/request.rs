// SPDX-License-Identifier: GPL-2.0

//! The execution of commands.

use crate::backing::Backing;
use crate::bindings;
use crate::bio::{Bio, BioList, Context, Status, BATCH_SIZE};
use crate::command::Command;
use crate::integrity::Protection;
use crate::log::pr_err_ratelimited;
use crate::scatterlist::{ScatterList, Segment};
use crate::scsi::{SamStatus, Sense};
use core::iter::Peekable;
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::sync::atomic::{ordering::Relaxed, AtomicFlag};
use kernel::sync::{Arc, UniqueArc};
use kernel::types::ForeignOwnable;
use kimport::compat::DMA_TO_DEVICE;

/// A command that is executed by several bios.
///
/// Each of them has a reference while it is under way, and so has the task that submits them. The
/// command is completed when the last reference is dropped.
struct Request {
    command: Command,
    failed: AtomicFlag,
    reservation_conflict: AtomicFlag,
    guard_check_failed: AtomicFlag,
}

impl Request {
    /// Begins the execution of `command`. The request completes the command when the execution has
    /// ended, also on errors.
    fn new(command: Command) -> Result<Arc<Self>, Sense> {
        // The allocation comes first, because a `Request` that is dropped completes the command.
        let memory = UniqueArc::new_uninit(GFP_KERNEL).map_err(|_| Sense::COMMUNICATION_FAILURE)?;
        Ok(memory
            .write(Self {
                command,
                failed: AtomicFlag::new(false),
                reservation_conflict: AtomicFlag::new(false),
                guard_check_failed: AtomicFlag::new(false),
            })
            .into())
    }

    /// Notes that the command has failed.
    // Relaxed, as the last put of the reference count orders this before `drop`.
    fn fail(&self) {
        self.failed.store(true, Relaxed);
    }

    fn status(&self) -> SamStatus {
        if self.reservation_conflict.load(Relaxed) {
            SamStatus::ReservationConflict
        } else if self.guard_check_failed.load(Relaxed) {
            SamStatus::GuardCheckFailed
        } else if self.failed.load(Relaxed) {
            SamStatus::CheckCondition
        } else {
            SamStatus::Good
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let status = self.status();
        // SAFETY: Nothing refers to the request any more, and only the request had the command.
        unsafe { self.command.complete_once(status) }
    }
}

/// Returns the status of a command that was executed by a bio, and logs an error.
fn transferred(status: Status) -> SamStatus {
    if status.is_ok() {
        return SamStatus::Good;
    }
    pr_err_ratelimited!("bio error: {}\n", status.into_raw());
    if status.is_reservation_conflict() {
        SamStatus::ReservationConflict
    } else if status.is_protection_error() {
        SamStatus::GuardCheckFailed
    } else {
        SamStatus::CheckCondition
    }
}

impl Context for Arc<Request> {
    fn into_private(self) -> *mut c_void {
        self.into_foreign()
    }

    unsafe fn from_private(private: *mut c_void) -> Self {
        // SAFETY: By the requirements of this function the pointer is from `into_foreign`, and used
        // once.
        unsafe { <Self as ForeignOwnable>::from_foreign(private) }
    }

    fn done(self, status: Status) {
        match transferred(status) {
            SamStatus::Good => {}
            SamStatus::CheckCondition => self.fail(),
            SamStatus::GuardCheckFailed => self.guard_check_failed.store(true, Relaxed),
            SamStatus::ReservationConflict => self.reservation_conflict.store(true, Relaxed),
        }
    }
}

/// A command that is executed by one bio, which completes it.
impl Context for Command {
    fn into_private(self) -> *mut c_void {
        self.into_raw().cast()
    }

    unsafe fn from_private(private: *mut c_void) -> Self {
        // SAFETY: By the requirements of this function the pointer is from `into_private`, which
        // consumed the command.
        unsafe { Command::from_raw(private.cast()) }
    }

    fn done(self, status: Status) {
        self.complete(transferred(status));
    }
}

/// A SYNCHRONIZE CACHE, which is completed when the flush is done.
struct Flush(Command);

impl Context for Flush {
    fn into_private(self) -> *mut c_void {
        self.0.into_private()
    }

    unsafe fn from_private(private: *mut c_void) -> Self {
        // SAFETY: By the requirements of this function, which are the same.
        Self(unsafe { Command::from_private(private) })
    }

    fn done(self, status: Status) {
        if status.is_ok() {
            self.0.complete(SamStatus::Good);
        } else {
            pr_err_ratelimited!("cache flush failed: {}\n", status.into_raw());
            self.0.complete(SamStatus::CheckCondition);
        }
    }
}

/// The operation and flags of the bios for a READ or WRITE.
fn bio_op(command: &Command, direction: bindings::dma_data_direction) -> Result<u32, Sense> {
    if direction != DMA_TO_DEVICE {
        return Ok(bindings::REQ_OP_READ);
    }

    command.device().writable_backing()?;
    // These are the flags that O_DIRECT sets, so that writeback throttling leaves the bios alone.
    let mut op = bindings::REQ_OP_WRITE | bindings::REQ_SYNC | bindings::REQ_IDLE;
    // A device without FUA is flushed after the write, and one without a cache ignores the flag.
    if command.force_unit_access() {
        op |= bindings::REQ_FUA;
    }
    if command.atomic() {
        op |= bindings::REQ_ATOMIC;
    }
    Ok(op)
}

/// Executes READ and WRITE.
pub(crate) fn read_write(
    command: Command,
    data: ScatterList<'_>,
    direction: bindings::dma_data_direction,
) -> Result<(), Sense> {
    let op = bio_op(&command, direction)?;
    // SAFETY: The protection information is not used after the command is completed.
    let protection = unsafe { command.protection() };
    transfer(command, op, data.len().into(), data.iter(), protection)
}

/// The part of a command that is not in bios yet.
struct Transfer<'a, I: Iterator> {
    op: u32,
    /// The sector at which the next bio begins.
    sector: u64,
    /// The number of segments.
    left: u64,
    segments: Peekable<I>,
    protection: Option<Protection<'a>>,
}

impl<'a, I: Iterator<Item = Segment<'a>>> Transfer<'a, I> {
    /// Makes a bio of as many segments as it can have, one at least. Returns [`None`] if that is
    /// not possible.
    ///
    /// # Safety
    ///
    /// `backing` and the memory of the segments must outlive the bio. If that is submitted, they
    /// must stay until it is done.
    unsafe fn next_bio<'b>(&mut self, backing: &'b Backing) -> Option<Bio<'static>>
    where
        'a: 'b,
    {
        let room = self.left.try_into().unwrap_or(u32::MAX);
        let mut bio: Bio<'b> = backing.new_bio(room, self.op, self.sector)?;
        let before = self.left;
        while let Some(segment) = self.segments.next_if(|segment| bio.add(segment)) {
            self.sector += segment.sectors();
            self.left -= 1;
        }
        if self.left == before {
            pr_err_ratelimited!("a bio does not take a single segment\n");
            return None;
        }
        if let Some(protection) = &mut self.protection {
            let integrity = backing.bdev.integrity()?;
            if !bio.protect(&integrity, protection) {
                pr_err_ratelimited!("a bio does not take its protection information\n");
                return None;
            }
        }
        // SAFETY: By the requirements of this function.
        Some(unsafe { bio.detach() })
    }
}

/// Executes a command by bios of the operation `op` that transfer `count` segments, and their
/// protection information if there is any. Otherwise the block layer makes and checks it.
fn transfer<'a>(
    command: Command,
    op: u32,
    count: u64,
    segments: impl Iterator<Item = Segment<'a>>,
    protection: Option<Protection<'a>>,
) -> Result<(), Sense> {
    if count == 0 {
        command.complete(SamStatus::Good);
        return Ok(());
    }
    let mut transfer = Transfer {
        op,
        sector: command.sector(),
        left: count,
        segments: segments.peekable(),
        protection,
    };
    // SAFETY: The core keeps the device and its memory until the command is completed. The bio
    // completes the command when it is done.
    let first = unsafe { transfer.next_bio(command.device().backing()?) }
        .ok_or(Sense::COMMUNICATION_FAILURE)?;
    // This is the usual case, which needs no memory other than the bio.
    if transfer.left == 0 {
        first.submit(command);
        return Ok(());
    }

    // From here on, the request completes the command.
    let request = Request::new(command)?;
    if submit_all(&request, first, transfer).is_err() {
        request.fail();
    }
    Ok(())
}

/// Submits the bio `first`, and those for the rest of a command.
///
/// After an error, the bios that were submitted are on their way, and the others are not submitted.
fn submit_all<'a>(
    request: &Arc<Request>,
    first: Bio<'static>,
    mut rest: Transfer<'a, impl Iterator<Item = Segment<'a>>>,
) -> Result<(), Sense> {
    let backing = request.command.device().backing()?;
    let mut bios = BioList::new();
    bios.push(first);
    while rest.left > 0 {
        if bios.len() == BATCH_SIZE {
            bios.submit(request);
        }
        // SAFETY: The core keeps the device and its memory until the command is completed. The
        // request completes it when all bios are done.
        let bio = unsafe { rest.next_bio(backing) };
        bios.push(bio.ok_or(Sense::COMMUNICATION_FAILURE)?);
    }
    bios.submit(request);
    Ok(())
}

/// Executes SYNCHRONIZE CACHE. The block layer takes no range, so this always flushes the whole
/// cache.
pub(crate) fn synchronize_cache(command: Command) -> Result<(), Sense> {
    let backing = command.device().backing()?;
    let bio = backing.new_flush().ok_or(Sense::COMMUNICATION_FAILURE)?;
    // SAFETY: The bio has no segments. The core keeps the device until the command is completed,
    // and `Device::destroy` waits for a flush that was begun.
    let bio = unsafe { bio.detach() };

    if command.is_immediate() {
        // SAFETY: `Device::destroy` calls `finish`, but not before the command is completed below.
        bio.submit(unsafe { backing.begin_flush() });
        command.complete(SamStatus::Good);
    } else {
        bio.submit(Flush(command));
    }
    Ok(())
}

/// Executes UNMAP of `count` blocks from `block` on. The core completes the command.
pub(crate) fn unmap(command: &Command, block: u64, count: u64) -> Result<(), Sense> {
    let bdev = &command.device().writable_backing()?.bdev;
    bdev.discard(command.to_sectors(block), command.to_sectors(count))
        .map_err(|error| {
            pr_err_ratelimited!("discard failed: {}\n", error.to_errno());
            Sense::COMMUNICATION_FAILURE
        })
}

/// Executes WRITE SAME without the UNMAP bit.
pub(crate) fn write_same(command: Command) -> Result<(), Sense> {
    // The initiator sends it for one block, and the reference tags of the others would differ.
    if command.sends_protection() {
        pr_err_ratelimited!("WRITE_SAME: protection information is not supported\n");
        return Err(Sense::COMMUNICATION_FAILURE);
    }

    // SAFETY: The segments are not used after the command is completed.
    let data = unsafe { command.data() };
    let Some(block) = data.iter().next() else {
        return Err(Sense::INVALID_CDB_FIELD);
    };
    let block_size = command.device().block_size();
    if data.len() > 1 || block.len() != block_size {
        pr_err_ratelimited!(
            "WRITE_SAME: {} segments, the first of {} bytes, for a block of {} bytes\n",
            data.len(),
            block.len(),
            block_size
        );
        return Err(Sense::INVALID_CDB_FIELD);
    }

    let bdev = &command.device().writable_backing()?.bdev;
    // Zeroes get no protection information from the block layer.
    let protected = bdev.integrity().is_some();
    let zeroed = !protected
        && bdev.max_write_zeroes_sectors() != 0
        && block.is_zero()
        && bdev
            .zero_out(command.sector(), command.write_same_sectors())
            .is_ok();
    if zeroed {
        command.complete(SamStatus::Good);
        return Ok(());
    }

    let blocks = command
        .write_same_sectors()
        .checked_div(block.sectors())
        .ok_or(Sense::INVALID_CDB_FIELD)?;
    let copies = (0..blocks).map(|_| block);
    transfer(command, bindings::REQ_OP_WRITE, blocks, copies, None)
}
