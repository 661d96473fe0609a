/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Input of bindgen: the items that this driver needs and `kernel::bindings`
 * lacks, and the prototypes of `helpers.c`.
 *
 * target_bindings.bindgen restricts the output to the items that these headers
 * define themselves. A type that they only use is that of `kernel::bindings`.
 */
#ifndef TARGET_BINDINGS_H
#define TARGET_BINDINGS_H

/* Avoids forward references to `enum` types, see rust/bindings/bindings_helper.h. */
#include <linux/hrtimer_types.h>

#include <linux/bio.h>
#include <linux/blk-integrity.h>
#include <linux/blkdev.h>
#include <linux/moduleparam.h>
#include <linux/parser.h>
#include <linux/pr.h>
#include <linux/scatterlist.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_backend.h>

#ifdef __BINDGEN__
/* bindgen evaluates no macro that has a cast in it. bindings.rs renames these constants. */
static const blk_status_t RUST_CONST_HELPER_BLK_STS_PROTECTION = BLK_STS_PROTECTION;
static const blk_status_t RUST_CONST_HELPER_BLK_STS_RESV_CONFLICT = BLK_STS_RESV_CONFLICT;
static const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_READ = BLK_OPEN_READ;
static const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_WRITE = BLK_OPEN_WRITE;
static const blk_opf_t RUST_CONST_HELPER_REQ_OP_READ = REQ_OP_READ;
static const blk_opf_t RUST_CONST_HELPER_REQ_OP_WRITE = REQ_OP_WRITE;
static const blk_opf_t RUST_CONST_HELPER_REQ_ATOMIC = REQ_ATOMIC;
static const blk_opf_t RUST_CONST_HELPER_REQ_FUA = REQ_FUA;
static const blk_opf_t RUST_CONST_HELPER_REQ_IDLE = REQ_IDLE;
static const blk_opf_t RUST_CONST_HELPER_REQ_PREFLUSH = REQ_PREFLUSH;
static const blk_opf_t RUST_CONST_HELPER_REQ_SYNC = REQ_SYNC;
static const gfp_t RUST_CONST_HELPER_GFP_NOIO = GFP_NOIO;
static const unsigned long RUST_CONST_HELPER_SG_PAGE_LINK_MASK = SG_PAGE_LINK_MASK;
#endif

/* helpers.c */
unsigned int rust_helper_bdev_physical_block_size(struct block_device *bdev);
unsigned int rust_helper_bdev_io_min(struct block_device *bdev);
unsigned int rust_helper_bdev_io_opt(struct block_device *bdev);
unsigned int rust_helper_bdev_max_hw_sectors(struct block_device *bdev);
unsigned int rust_helper_bdev_write_zeroes_sectors(struct block_device *bdev);
bool rust_helper_bdev_rot(struct block_device *bdev);
bool rust_helper_bdev_write_cache(struct block_device *bdev);
bool rust_helper_iblock_ratelimit(void);

#endif
