// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers for static inline functions of the kernel for which
 * `kernel::bindings` has none.
 */
#include "target_bindings.h"

unsigned int rust_helper_bdev_logical_block_size(struct block_device *bdev)
{
	return bdev_logical_block_size(bdev);
}

unsigned int rust_helper_bdev_physical_block_size(struct block_device *bdev)
{
	return bdev_physical_block_size(bdev);
}

unsigned int rust_helper_bdev_io_min(struct block_device *bdev)
{
	return bdev_io_min(bdev);
}

unsigned int rust_helper_bdev_io_opt(struct block_device *bdev)
{
	return bdev_io_opt(bdev);
}

unsigned int rust_helper_bdev_max_hw_sectors(struct block_device *bdev)
{
	return queue_max_hw_sectors(bdev_get_queue(bdev));
}

unsigned int rust_helper_bdev_write_zeroes_sectors(struct block_device *bdev)
{
	return bdev_write_zeroes_sectors(bdev);
}

loff_t rust_helper_bdev_nr_bytes(struct block_device *bdev)
{
	return bdev_nr_bytes(bdev);
}

bool rust_helper_bdev_fua(struct block_device *bdev)
{
	return bdev_fua(bdev);
}

bool rust_helper_bdev_rot(struct block_device *bdev)
{
	return bdev_rot(bdev);
}

bool rust_helper_bdev_write_cache(struct block_device *bdev)
{
	return bdev_write_cache(bdev);
}

struct page *rust_helper_sg_page(struct scatterlist *sg)
{
	return sg_page(sg);
}
