// SPDX-License-Identifier: GPL-2.0

//! The execution of commands.

use crate::backing::Backing;
use crate::bindings;
use crate::bio::{Batch, Bio, Context, Status};
use crate::command::Command;
use crate::scatterlist::{ScatterList, Segment};
use crate::scsi::{SamStatus, Sense};
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::sync::atomic::{ordering::Relaxed, AtomicFlag};
use kernel::sync::{Arc, UniqueArc};
use kernel::types::ForeignOwnable;
use kimport::compat::DMA_TO_DEVICE;

/// A command that is being executed.
///
/// Each of its bios has a reference while it is under way, and so has the task that submits them.
/// The command is completed when the last reference is dropped.
struct Request {
    command: Command,
    failed: AtomicFlag,
    reservation_conflict: AtomicFlag,
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
        if status.is_ok() {
            return;
        }
        pr_err!("bio error: {}\n", status.into_raw());
        if status.is_reservation_conflict() {
            self.reservation_conflict.store(true, Relaxed);
        }
        self.fail();
    }
}

/// A flush completes its command.
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
        if status.is_ok() {
            self.complete(SamStatus::Good);
        } else {
            pr_err!("cache flush failed: {}\n", status.into_raw());
            self.complete(SamStatus::CheckCondition);
        }
    }
}

/// The operation and flags of the bios for a READ or WRITE.
fn bio_op(command: &Command, direction: bindings::dma_data_direction) -> Result<u32, Sense> {
    if direction != DMA_TO_DEVICE {
        return Ok(bindings::REQ_OP_READ);
    }

    let bdev = &command.device().writable_backing()?.bdev;
    // These are the flags that O_DIRECT sets, so that writeback throttling leaves the bios alone.
    let mut op = bindings::REQ_OP_WRITE | bindings::REQ_SYNC | bindings::REQ_IDLE;
    // Write through if there is no volatile write cache or the initiator asks for it.
    if bdev.has_fua() && (command.force_unit_access() || !bdev.has_write_cache()) {
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
    let request = Request::new(command)?;

    // From here on, the request completes the command, with the status that `submit` leaves in it.
    if submit(&request, data, op).is_err() {
        request.fail();
    }
    Ok(())
}

/// Submits bios that transfer `data`.
fn submit(request: &Arc<Request>, data: ScatterList<'_>, op: u32) -> Result<(), Sense> {
    let mut submission = Submission::new(request, op)?;
    for (segment, left) in data.iter().zip((1..=data.len()).rev()) {
        submission.add(&segment, left)?;
    }
    submission.finish();
    Ok(())
}

/// The bios of a request that is being submitted.
///
/// If this is dropped, the bios that were submitted before are on their way, and the others are
/// never submitted.
struct Submission<'a> {
    request: &'a Arc<Request>,
    backing: &'a Backing,
    op: u32,
    sector: u64,
    batch: Batch,
    current: Option<Bio>,
}

impl<'a> Submission<'a> {
    /// Begins at the first sector of the command.
    fn new(request: &'a Arc<Request>, op: u32) -> Result<Self, Sense> {
        Ok(Self {
            request,
            backing: request.command.device().backing()?,
            op,
            sector: request.command.sector(),
            batch: Batch::new(),
            current: None,
        })
    }

    /// Adds a segment. It is one of `left` segments that are still to come.
    fn add(&mut self, segment: &Segment<'_>, left: u32) -> Result<(), Sense> {
        let added = self.current.as_mut().is_some_and(|bio| bio.add(segment));
        if !added {
            self.next_bio(left)?;
            if !self.current.as_mut().is_some_and(|bio| bio.add(segment)) {
                pr_err!("no bio takes a segment of {} bytes\n", segment.len());
                return Err(Sense::COMMUNICATION_FAILURE);
            }
        }
        self.sector += segment.sectors();
        Ok(())
    }

    /// Replaces the current bio, which is full, by an empty one.
    fn next_bio(&mut self, segments: u32) -> Result<(), Sense> {
        let bio = self
            .backing
            .new_bio(segments, self.op, self.sector)
            .ok_or(Sense::COMMUNICATION_FAILURE)?;
        if let Some(full) = self.current.replace(bio) {
            self.batch.push(full, self.request);
        }
        Ok(())
    }

    /// Submits the remaining bios.
    fn finish(mut self) {
        if let Some(last) = self.current.take() {
            self.batch.push(last, self.request);
        }
        self.batch.submit(self.request);
    }
}

/// Executes SYNCHRONIZE CACHE. The block layer takes no range, so this always flushes the whole
/// cache.
pub(crate) fn synchronize_cache(command: Command) -> Result<(), Sense> {
    let backing = command.device().backing()?;
    let bio = backing.new_flush().ok_or(Sense::COMMUNICATION_FAILURE)?;

    if command.is_immediate() {
        // SAFETY: `Device::destroy` calls `finish`, but not before the command is completed below.
        bio.submit(unsafe { backing.begin_flush() });
        command.complete(SamStatus::Good);
    } else {
        bio.submit(command);
    }
    Ok(())
}

/// Executes UNMAP of `count` blocks from `block` on. The core completes the command.
pub(crate) fn unmap(command: &Command, block: u64, count: u64) -> Result<(), Sense> {
    let bdev = &command.device().writable_backing()?.bdev;
    bdev.discard(command.to_sectors(block), command.to_sectors(count))
        .map_err(|error| {
            pr_err!("discard failed: {}\n", error.to_errno());
            Sense::COMMUNICATION_FAILURE
        })
}

/// Executes WRITE SAME without the UNMAP bit.
pub(crate) fn write_same(command: Command) -> Result<(), Sense> {
    if command.has_protection() {
        pr_err!("WRITE_SAME: protection information is not supported\n");
        return Err(Sense::COMMUNICATION_FAILURE);
    }

    let data = command.data();
    let Some(block) = data.iter().next() else {
        return Err(Sense::INVALID_CDB_FIELD);
    };
    let block_size = command.device().block_size();
    if data.len() > 1 || block.len() != block_size {
        pr_err!(
            "WRITE_SAME: {} segments, the first of {} bytes, for a block of {} bytes\n",
            data.len(),
            block.len(),
            block_size
        );
        return Err(Sense::INVALID_CDB_FIELD);
    }

    let bdev = &command.device().writable_backing()?.bdev;
    let zeroed = bdev.max_write_zeroes_sectors() != 0
        && block.is_zero()
        && bdev
            .zero_out(command.sector(), command.write_same_sectors())
            .is_ok();
    if zeroed {
        command.complete(SamStatus::Good);
        return Ok(());
    }

    let request = Request::new(command)?;
    if submit_same(&request).is_err() {
        request.fail();
    }
    Ok(())
}

/// Submits bios that write the command's block repeatedly.
fn submit_same(request: &Arc<Request>) -> Result<(), Sense> {
    let command = &request.command;
    let data = command.data();
    let block = data.iter().next().ok_or(Sense::INVALID_CDB_FIELD)?;
    let blocks = command
        .write_same_sectors()
        .checked_div(block.sectors())
        .ok_or(Sense::INVALID_CDB_FIELD)?;

    let mut submission = Submission::new(request, bindings::REQ_OP_WRITE)?;
    for left in (1..=blocks).rev() {
        submission.add(&block, u32::try_from(left).unwrap_or(u32::MAX))?;
    }
    submission.finish();
    Ok(())
}
