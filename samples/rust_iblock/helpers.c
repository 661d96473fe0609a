// SPDX-License-Identifier: GPL-2.0
/* Helpers for static inline functions of the kernel for which `kernel::bindings` has none. */
#include <linux/ratelimit.h>

#include "target_bindings.h"

#define BDEV_HELPER(type, function)				\
	type rust_helper_##function(struct block_device *bdev)	\
	{							\
		return function(bdev);				\
	}

BDEV_HELPER(unsigned int, bdev_physical_block_size)
BDEV_HELPER(unsigned int, bdev_io_min)
BDEV_HELPER(unsigned int, bdev_io_opt)
BDEV_HELPER(unsigned int, bdev_write_zeroes_sectors)
BDEV_HELPER(bool, bdev_rot)
BDEV_HELPER(bool, bdev_write_cache)

unsigned int rust_helper_bdev_max_hw_sectors(struct block_device *bdev)
{
	return queue_max_hw_sectors(bdev_get_queue(bdev));
}

/* Returns whether one more message may be logged. The kernel logs the number of those that were not. */
bool rust_helper_iblock_ratelimit(void)
{
	static DEFINE_RATELIMIT_STATE(state, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);

	return ___ratelimit(&state, KBUILD_MODNAME);
}
