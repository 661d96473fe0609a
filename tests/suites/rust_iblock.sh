#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests samples/rust_iblock as a user sees it: its parameters, disks on several block devices, the
# commands that reach the device below, and the status that an initiator gets when they fail. Needs
# two empty disks, /dev/vda and /dev/vdb, of 64 MiB.
#
# With IBLOCK_PROVIDER the suite runs on another core; rust_iblock_new.sh does that.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/lio_core_new/target_core_mod_new samples/rust_iblock/rust_iblock
# kimport-vm: livepatch tcm_loop_new
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# kimport-vm: stock tcm_loop sd_mod null_blk sg dm_delay dm_mod
# kimport-vm: optional scsi_debug
# kimport-vm: program dmsetup losetup sg_xcopy
# kimport-vm: disk 64M 64M
# shellcheck shell=dash disable=SC1090,SC2046,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"

: "${IBLOCK_PROVIDER:=target_core_mod}" "${IBLOCK_SUBSYS:=target}"
FABRIC=loopback
HBA=iblock_0
WWN=naa.6001405000000001
CORE=$LIO_CONFIGFS/$IBLOCK_SUBSYS/core
NULLB=$LIO_CONFIGFS/nullb
TRACE=/sys/kernel/tracing
MIB=1048576

# ---- Helpers.

# disk_up DEVICE [PARAMETERS]: makes a disk on DEVICE; sets $disk.
disk_up() {
	mkdir -p "$CORE/$HBA" && mkdir "$CORE/$HBA/data" &&
		lio_write "udev_path=$1${2:+,$2}" "$CORE/$HBA/data/control" &&
		lio_write serial "$CORE/$HBA/data/wwn/vpd_unit_serial" &&
		lio_write 1 "$CORE/$HBA/data/enable" &&
		disk_attach
}

disk_attach() {
	lio_loop_attach "$IBLOCK_SUBSYS" $FABRIC $WWN $HBA/data &&
		disk=$(lio_wait_disk "$IBLOCK_SUBSYS" $FABRIC $WWN)
}

disk_down() {
	lio_loop_detach "$IBLOCK_SUBSYS" $FABRIC $WWN && backstore_remove data
}

backstore() {
	mkdir -p "$CORE/$HBA" && mkdir "$CORE/$HBA/$1"
}

backstore_remove() {
	lio_backstore_remove "$IBLOCK_SUBSYS" $HBA "$1"
}

# refuses TEXT COMMAND...: COMMAND fails and says TEXT.
refuses() {
	wanted=$1
	shift
	if output=$("$@" 2>&1); then
		echo "succeeded: $*"
		return 1
	fi
	has "$output" "$wanted" || {
		echo "from: $*"
		return 1
	}
}

# control NAME TEXT: writes TEXT in one write, and prints the errno if it is refused. (The shell's
# printf does not.)
control() {
	printf '%s' "$2" | dd of="$CORE/$HBA/$1/control" bs=8192 status=none
}

configure() {
	printf 1 | dd of="$CORE/$HBA/$1/enable" status=none
}

# sectors DISK: prints the size of DISK that the SCSI layer sees.
sectors() {
	cat "/sys/block/${1##*/}/size"
}

# trace COMMAND...: prints the flags of the bios that COMMAND made on $below, one a line.
trace() {
	number=$(cat "/sys/block/${below##*/}/dev")
	event=$TRACE/events/block/block_bio_queue
	echo "dev == $((${number%:*} << 20 | ${number#*:}))" >$event/filter &&
		echo >$TRACE/trace && echo 1 >$event/enable || return
	"$@" >/dev/null
	status=$?
	echo 0 >$event/enable
	# ... block_bio_queue: 254,0 WFS 0 + 8 [sg_raw]
	sed -n 's/.*block_bio_queue: [0-9]*,[0-9]* \([A-Z]*\) .*/\1/p' $TRACE/trace
	return $status
}

# nullb NAME [ATTRIBUTE=VALUE]...: makes a null_blk device of 64 MiB with a memory; sets $below.
nullb() {
	name=$1
	shift
	mkdir "$NULLB/$name" || return
	for setting in memory_backed=1 size=64 "$@" power=1; do
		lio_write "${setting#*=}" "$NULLB/$name/${setting%%=*}" || return
	done
	below=/dev/$name
	[ -b "$below" ]
}

nullb_remove() {
	lio_write 0 "$NULLB/$1/power" && rmdir "$NULLB/$1"
}

# rw10 OPCODE FLAGS LBA: prints the CDB of a READ(10) or WRITE(10) of one block.
rw10() {
	printf '%s %s %02x %02x %02x %02x 00 00 01 00' "$1" "$2" $(($3 >> 24)) $(($3 >> 16 & 255)) $(($3 >> 8 & 255)) $(($3 & 255))
}

# read10 LBA, write10 LBA [FLAGS]: transfers one block of 512 bytes with one command, also on a
# read-only disk.
read10() {
	sg_raw -R -r 512 "$disk" $(rw10 28 00 "$1") 2>&1
}

write10() {
	head -c 512 /dev/urandom >/tmp/block && sg_raw -R -s 512 -i /tmp/block "$disk" $(rw10 2a "${2:-00}" "$1") 2>&1
}

# status COMMAND...: prints the SCSI status that sg_raw reports.
status() {
	"$@" | sed -n 's/^SCSI Status: *//p' | sed 's/ *$//'
}

# ---- Loading.

wrong_provider() {
	log_mark
	refuses "" insmod "$TEST_MODULES/rust_iblock.ko" provider=no_such_core &&
		log_since | grep 'rust_iblock: kimport: .* no_such_core: provider is not loaded' &&
		refuses "No space left" insmod "$TEST_MODULES/rust_iblock.ko" provider="$(printf '%056d' 0)" &&
		! grep -q '^rust_iblock ' /proc/modules
}

parameter_documented() {
	modinfo -F parm "$TEST_MODULES/rust_iblock.ko" | grep -x 'provider:Module that provides the LIO core (string)'
}

load() {
	insmod "$TEST_MODULES/rust_iblock.ko" provider="$IBLOCK_PROVIDER" &&
		is "$IBLOCK_PROVIDER" "$(cat /sys/module/rust_iblock/parameters/provider)"
}

unload() {
	[ ! -d "$CORE/$HBA" ] && rmmod rust_iblock
}

load_again() {
	for _ in 1 2 3; do
		load && unload || return
	done
}

# ---- Parameters.

parameters() {
	backstore p &&
		refuses "Invalid argument" configure p &&
		refuses "Invalid argument" control p readonly=-1 &&
		refuses "out of range" control p readonly=99999999999999999999 &&
		refuses "out of range" control p exclusive=99999999999 &&
		refuses "File name too long" control p "udev_path=/$(printf '%0511d' 0)" &&
		control p udev_path=/no/such/device &&
		refuses "No such file" configure p &&
		control p udev_path=/dev/null &&
		refuses "Block device required" configure p &&
		backstore_remove p
}

# Parameters that the grammar does not know are ignored, as in the C driver; the parameters beside
# them are not.
grammar() {
	backstore p && control p "nonsense,readonly=0x1,,readonly=abc
exclusive=00,force=1,udev_path=,udev_path=/dev/a b,exclusive" || return
	info=$(sed -n '/UDEV PATH/,$p' "$CORE/$HBA/p/info")
	is "          UDEV PATH: /dev/a b  readonly: 1
  exclusive: 0
        Major: 0 Minor: 0" "$info" && backstore_remove p
}

info() {
	disk_up /dev/vda || return
	number=$(cat /sys/block/vda/dev)
	is "        iBlock device: vda  UDEV PATH: /dev/vda  readonly: 0
  exclusive: 1
        Major: ${number%:*} Minor: ${number#*:}  CLAIMED: IBLOCK" "$(sed -n '/iBlock/,$p' "$CORE/$HBA/data/info")"
}

path_fixed() {
	refuses "File exists" control data udev_path=/dev/vdb
}

exclusive() {
	backstore second && control second udev_path=/dev/vda &&
		refuses "busy" configure second &&
		control second exclusive=0 && configure second && backstore_remove second
}

# ---- I/O.

geometry() {
	is "$(sectors /dev/vda)" "$(sectors "$disk")" &&
		is 512 "$(blockdev --getss "$disk")" &&
		sg_readcap --long "$disk" | grep "Last LBA=131071 " &&
		is "$(cat /sys/block/vda/queue/nr_requests)" "$(cat "$CORE/$HBA/data/attrib/hw_queue_depth")"
}

inquiry() {
	sg_inq "$disk" | tee /tmp/inquiry
	grep -q 'Vendor identification: LIO-ORG' /tmp/inquiry &&
		grep -q 'Product identification: IBLOCK' /tmp/inquiry &&
		grep -q 'Product revision level: 4.0' /tmp/inquiry
}

random_data() {
	head -c $((8 * MIB)) /dev/urandom >/tmp/random &&
		dd if=/tmp/random of="$disk" bs=8M oflag=direct status=none && drop_caches &&
		cmp -n $((8 * MIB)) /tmp/random "$disk" && cmp -n $((8 * MIB)) /tmp/random /dev/vda
}

# Several processes write small, unaligned pieces in parallel.
parallel() {
	jobs=
	for i in 0 1 2 3 4 5 6 7; do
		dd if=/tmp/random of="$disk" bs=1536 skip=$((i * 250)) seek=$((i * 250)) count=250 oflag=direct conv=notrunc status=none &
		jobs="$jobs $!"
	done
	for job in $jobs; do
		wait "$job" || return
	done
	drop_caches && cmp -n $((8 * 250 * 1536)) /tmp/random /dev/vda
}

file_system() {
	mkfs.ext4 -q "$disk" && mount -t ext4 "$disk" /mnt || return
	cp /tmp/random /mnt/random &&
		umount /mnt && drop_caches && mount -t ext4 "$disk" /mnt || return
	cmp /tmp/random /mnt/random
	result=$?
	umount /mnt && e2fsck -fn /dev/vda && return $result
}

busy() {
	refuses "in use" rmmod rust_iblock && refuses "in use" rmmod "$IBLOCK_PROVIDER"
}

flush() {
	below=/dev/vda
	is FW "$(trace sg_sync "$disk")" && is FW "$(trace sg_sync --immed "$disk")"
}

write_same() {
	# First a pattern, so that the device has to write it; then zeroes, for which the device has a
	# command.
	head -c 512 /dev/urandom >/tmp/pattern || return
	cat $(printf '/tmp/pattern %.0s' $(seq 3000)) >/tmp/expected || return
	sg_write_same --10 --lba=4096 --num=3000 --xferlen=512 --in=/tmp/pattern "$disk" && drop_caches &&
		dd if="$disk" skip=4096 count=3000 status=none | cmp - /tmp/expected &&
		is "$(dd if=/tmp/random bs=512 skip=7096 count=1 status=none | sha256sum)" \
			"$(dd if="$disk" bs=512 skip=7096 count=1 status=none | sha256sum)" || return
	below=/dev/vda
	is WZS "$(trace sg_write_same --10 --lba=4096 --num=3000 --xferlen=512 --in=/dev/zero "$disk")" && drop_caches &&
		dd if="$disk" skip=4096 count=3000 status=none | cmp -n $((3000 * 512)) - /dev/zero
}

# Each bio has 256 segments at most, and 32 bios are submitted together.
many_bios() {
	head -c 512 /dev/urandom >/tmp/pattern || return
	cat $(printf '/tmp/pattern %.0s' $(seq 3000)) >/tmp/expected || return
	below=/dev/vda
	bios=$(trace sg_write_same --16 --lba=1000 --num=60000 --xferlen=512 --in=/tmp/pattern "$disk") || return
	is 235 "$(printf '%s\n' "$bios" | grep -cx W)" && drop_caches &&
		is "$(for _ in $(seq 20); do cat /tmp/expected; done | sha256sum)" \
			"$(dd if="$disk" skip=1000 count=60000 status=none | sha256sum)"
}

# EXTENDED COPY makes the core read and write with commands of 4 MiB, page by page.
large_commands() {
	generic=/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic")
	dd if=/tmp/random of="$disk" bs=4M count=1 oflag=direct status=none &&
		sg_xcopy if="$generic" of="$generic" bs=512 count=8192 bpt=8192 seek=65536 && drop_caches &&
		dd if=/dev/vda bs=512 skip=65536 count=8192 status=none | cmp -n $((4 * MIB)) - /tmp/random
}

unmap() {
	below=/dev/vda
	lio_write 1 "$CORE/$HBA/data/attrib/emulate_tpu" &&
		is DS "$(trace sg_unmap --force --lba=8192 --num=1024 "$disk")"
}

readonly_disk() {
	disk_up /dev/vda readonly=1 &&
		is 1 "$(blockdev --getro "$disk")" &&
		is Good "$(status read10 0)" && is "Check Condition" "$(status write10 0)" &&
		write10 0 | grep -i "write protected"
	result=$?
	disk_down && return $result
}

# ---- Other block sizes. The last block is the one that the C driver computes, which converts the
# last block and not the count.

block_sizes() {
	for sizes in 4096/4096:16383 4096/512:131064 4096/2048:32766 512/4096:16383 512/1024:65535; do
		own=${sizes%/*}
		shown=${sizes#*/} shown=${shown%:*}
		nullb n "blocksize=$own" && backstore data && control data "udev_path=$below" && configure data &&
			is "$own" "$(cat "$CORE/$HBA/data/attrib/hw_block_size")" &&
			lio_write "$shown" "$CORE/$HBA/data/attrib/block_size" && disk_attach &&
			sg_readcap --long "$disk" | grep -E "Last LBA=${sizes#*:} |block length=$shown " | grep -c '' | grep -x 2 &&
			dd if=/tmp/random of="$disk" bs=1M count=4 oflag=direct status=none && drop_caches &&
			cmp -n $((4 * MIB)) /tmp/random "$below" || return
		disk_down && nullb_remove n || return
	done
}

# ---- Flags. null_blk has a write cache and FUA here.

force_unit_access() {
	nullb n cache_size=1 && disk_up "$below" || return
	is 1 "$(cat "/sys/block/${below##*/}/queue/fua")" &&
		is WS "$(trace write10 8)" && is WFS "$(trace write10 8 08)"
	result=$?
	disk_down && nullb_remove n && [ $result -eq 0 ] || return
	# This device has a cache but no FUA, so that the block layer flushes it after the write.
	below=/dev/vda
	disk_up $below || return
	is "write back 0" "$(cat /sys/block/vda/queue/write_cache) $(cat /sys/block/vda/queue/fua)" &&
		is WS "$(trace write10 8)" && is WFS "$(trace write10 8 08)"
	result=$?
	disk_down && return $result
}

# The limit of the block device is in sectors of 512 bytes.
longest_write_same() {
	lio_scsi_debug sector_size=4096 lbpu=1 lbpws=1 && disk_up "$LIO_DISK" || return
	bytes=$(cat "/sys/block/${LIO_DISK##*/}/queue/write_zeroes_max_bytes")
	[ "$bytes" -gt 0 ] && is "$((bytes / 4096))" "$(cat "$CORE/$HBA/data/attrib/max_write_same_len")"
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

# ---- Errors.

bad_blocks() {
	log_mark
	nullb n "badblocks=+2048-2055" && disk_up "$below" || return
	is Good "$(status write10 2040)" && is Good "$(status read10 2040)" &&
		is "Check Condition" "$(status read10 2050)" && is "Check Condition" "$(status write10 2050)" &&
		read10 2050 | tee /tmp/out
	grep -qi 'logical unit communication failure' /tmp/out &&
		# The middle of a large command fails, and the disk continues to work.
		refuses "Input/output error" dd if=/tmp/random of="$disk" bs=4M count=1 oflag=direct status=none &&
		is Good "$(status read10 2056)" &&
		log_since | grep 'rust_iblock: bio error: ' || return
	# Only some of many errors are logged.
	log_mark
	for _ in $(seq 40); do
		read10 2050 >/dev/null
	done
	[ "$(log_since | grep -c 'rust_iblock: bio error: ')" -lt 40 ]
	result=$?
	disk_down && nullb_remove n && return $result
}

# inject OPCODE STATUS KEY ASC ASCQ: makes a command of the device of scsi_debug fail.
inject() {
	lio_write "2 1 $1 0 0 $2 $3 $4 $5" "/sys/kernel/debug/scsi_debug/$LIO_ADDRESS/error"
}

injected() {
	lio_scsi_debug "$@" && disk_up "$LIO_DISK" || return
	is Good "$(status write10 16)" && inject 0x2a 0x18 0 0 0 &&
		is "Reservation Conflict" "$(status write10 16)" &&
		is Good "$(status read10 16)" &&
		inject 0x35 2 4 0x44 0 && refuses "" sg_sync "$disk"
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

alignment() {
	lio_scsi_debug physblk_exp=3 lowest_aligned=7 opt_blks=64 && disk_up "$LIO_DISK" || return
	sg_readcap --long "$disk" | tee /tmp/out
	grep -q 'exponent=3' /tmp/out && grep -q 'Lowest aligned.*=7' /tmp/out &&
		sg_vpd --page=bl "$disk" | tee /tmp/out
	grep -q 'Optimal transfer length granularity: 0x8' /tmp/out
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

# ---- Protection information.

# protection TYPE PARAMETER...: the initiator makes and checks protection information, and the
# device checks and stores it.
protection() {
	kind=$1
	shift
	lio_scsi_debug dif="$kind" dix=1 "$@" && disk_up "$LIO_DISK" || return
	protected "$kind" && protected_from_end_to_end && protected_without_initiator
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

protected() {
	above=/sys/block/${disk##*/}/integrity beneath=/sys/block/${LIO_DISK##*/}/integrity
	is "T10-DIF-TYPE$1-CRC" "$(cat "$above/format")" &&
		is "$1 $1" "$(cat "$CORE/$HBA/data/attrib/pi_prot_type" "$CORE/$HBA/data/attrib/hw_pi_prot_type" | paste -sd' ')" &&
		sg_inq "$disk" | grep -i 'protect=1' || return
	# Without this, the block layer makes and checks what nobody has passed on.
	lio_write 0 "$beneath/write_generate" && lio_write 0 "$beneath/read_verify"
}

protected_from_end_to_end() {
	dd if=/tmp/random of="$disk" bs=1M count=4 oflag=direct status=none && drop_caches &&
		cmp -n $((4 * MIB)) /tmp/random "$disk" || return
	# The data changes, and its protection information does not.
	dd if=/dev/zero of="$LIO_DISK" bs=4k seek=16 count=1 oflag=direct status=none &&
		# The error of a protection check, not EIO. The second command has several bios.
		refuses "Invalid or incomplete" dd if="$disk" of=/dev/null bs=4k skip=16 count=1 iflag=direct status=none &&
		refuses "Invalid or incomplete" dd if="$disk" of=/dev/null bs=2M count=1 iflag=direct status=none &&
		sg_raw -r 512 "$disk" $(rw10 28 00 128) 2>&1 | grep "guard check failed" &&
		dd if=/tmp/random of="$disk" bs=4k skip=16 seek=16 count=1 oflag=direct status=none &&
		dd if="$disk" bs=4k skip=16 count=1 iflag=direct status=none >/dev/null
}

# The core makes and checks it for an initiator that does not. WRITE SAME leaves that to the block
# layer, and COMPARE AND WRITE, too.
protected_without_initiator() {
	is Good "$(status write10 32)" && is Good "$(status read10 32)" &&
		# No block has no protection information.
		sg_raw "$disk" 28 00 00 00 00 00 00 00 00 00 2>&1 | grep 'SCSI Status: Good' &&
		dd if="$disk" bs=512 skip=32 count=1 iflag=direct status=none | cmp - /tmp/block || return
	lio_write 1 "$beneath/write_generate" && lio_write 1 "$beneath/read_verify" &&
		sg_write_same --10 --lba=1024 --num=600 --xferlen=512 --in=/tmp/block "$disk" &&
		dd if="$disk" bs=512 skip=1623 count=1 iflag=direct status=none | cmp - /tmp/block || return
	head -c 512 /dev/zero | cat /tmp/block - >/tmp/pair &&
		sg_raw -s 1024 -i /tmp/pair "$disk" 89 00 00 00 00 00 00 00 04 00 00 00 00 01 00 00 2>&1 | grep 'SCSI Status: Good' &&
		dd if="$disk" bs=512 skip=1024 count=1 iflag=direct status=none | cmp -n 512 - /dev/zero &&
		sg_write_same --10 --lba=1024 --num=600 --xferlen=512 --in=/dev/zero "$disk" &&
		dd if="$disk" bs=512 skip=1024 count=600 iflag=direct status=none | cmp -n 307200 - /dev/zero
}

# The core does not know the checksum of IP. The block layer makes and checks it.
protection_by_ip() {
	lio_scsi_debug dif=1 dix=1 guard=1 && disk_up "$LIO_DISK" || return
	is T10-DIF-TYPE1-IP "$(cat "/sys/block/${LIO_DISK##*/}/integrity/format")" &&
		is 0 "$(cat "$CORE/$HBA/data/attrib/hw_pi_prot_type")" &&
		dd if=/tmp/random of="$disk" bs=1M count=4 oflag=direct status=none && drop_caches &&
		cmp -n $((4 * MIB)) /tmp/random "$disk"
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

# ---- Devices that are removed.

# no_medium: the disk says that there is no medium, and still answers who it is. The commands are
# TEST UNIT READY, READ CAPACITY with 10 and 16 bytes, READ, WRITE SAME and SYNCHRONIZE CACHE.
no_medium() {
	for cdb in "00 00 00 00 00 00" "25 00 00 00 00 00 00 00 00 00" "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00" \
		"$(rw10 28 00 0)" "$(rw10 41 00 0)" "35 00 00 00 00 00 00 00 00 00"; do
		# shellcheck disable=SC2086 # words
		output=$(sg_raw "$disk" $cdb 2>&1) || :
		has "$output" "Sense key: Not Ready" && has "$output" "Medium not present" || return
	done
	sg_inq "$disk" | grep 'Product identification: IBLOCK' && sg_modes "$disk" >/dev/null
}

removed() {
	lio_scsi_debug && disk_up "$LIO_DISK" || return
	is Good "$(status read10 0)" && lio_write 1 "/sys/block/${LIO_DISK##*/}/device/delete" && no_medium
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

# The host goes while commands are under way. All of them end.
host_removed() {
	lio_scsi_debug ndelay=2000000 && disk_up "$LIO_DISK" || return
	jobs=
	for i in 0 1 2 3; do
		# This ends with the first error.
		while dd if="$disk" of=/dev/null bs=64k skip=$((i * 200)) iflag=direct 2>/dev/null; do :; done &
		jobs="$jobs $!"
	done
	usleep 300000
	early=0
	for job in $jobs; do kill -0 "$job" || early=1; done
	lio_write -1 /sys/bus/pseudo/drivers/scsi_debug/add_host || return
	for job in $jobs; do wait "$job"; done
	no_medium && [ $early -eq 0 ]
	result=$?
	disk_down && rmmod scsi_debug && return $result
}

# A loop device is empty until its file has blocks.
medium_comes() {
	modprobe loop && : >/tmp/medium && loop=$(losetup -f) && losetup "$loop" /tmp/medium || return
	backstore data && control data "udev_path=$loop" && configure data &&
		lio_write serial "$CORE/$HBA/data/wwn/vpd_unit_serial" || return
	head -c $MIB /dev/zero >/tmp/medium && losetup -c "$loop" && disk_attach &&
		is 2048 "$(sectors "$disk")" && is Good "$(status read10 2047)" &&
		: >/tmp/medium && losetup -c "$loop" && no_medium
	result=$?
	disk_down && losetup -d "$loop" && return $result
}

# ---- A device whose flushes take two seconds.

# since BEGIN: prints the seconds since BEGIN.
since() {
	echo $(($(cut -d. -f1 /proc/uptime) - $1))
}

flush_delayed() {
	modprobe dm_mod && modprobe dm_delay && size=$(sectors /dev/vdb) &&
		dmsetup create slow --table "0 $size delay /dev/vdb 0 0 /dev/vdb 0 0 /dev/vdb 0 2000" --noudevsync &&
		dmsetup mknodes && disk_up /dev/mapper/slow || return
	# This keeps the SCSI layer from a flush, and from waiting for it, when the disk is removed.
	for cache in "/sys/block/${disk##*/}/device/scsi_disk"/*/cache_type; do
		lio_write "temporary write through" "$cache"
	done
	begin=$(cut -d. -f1 /proc/uptime)
	sg_sync "$disk"
	first=$(since "$begin")
	# While the device is suspended, no flush ends. So this would never end if it waited.
	dmsetup suspend slow --noflush --nolockfs --noudevsync || return
	sg_sync --immed "$disk"
	result=$?
	dmsetup resume slow --noudevsync && [ $result -eq 0 ] || return
	begin=$(cut -d. -f1 /proc/uptime)
	# The removal of the device waits for the flush, so neither the device nor the module is gone when
	# the flush ends.
	disk_down && unload
	second=$(since "$begin")
	load
	echo "waited $first and $second seconds"
	[ "$first" -ge 2 ] && [ "$second" -ge 1 ] &&
		dmsetup remove slow --noudevsync && dmsetup mknodes
}

# ---- Plugs: the core's work queue submits several commands together.

queued() {
	backstore data && control data udev_path=/dev/vda && configure data &&
		lio_write 2 "$CORE/$HBA/data/attrib/submit_type" && disk_attach || return
	parallel
	result=$?
	disk_down && return $result
}

# ---- Persistent reservations, passed through.

pass_through() {
	backstore data && control data udev_path=/dev/vda && configure data &&
		lio_write 0 "$CORE/$HBA/data/attrib/pgr_support" && disk_attach || return
	sg_persist --in --report-capabilities "$disk" | tee /tmp/out
	grep -q 'Write Exclusive: 1' /tmp/out && grep -q '(PTPL_C): 1' /tmp/out &&
		# virtio has no persistent reservations.
		refuses "" sg_persist --in --read-keys "$disk" &&
		log_since | grep 'rust_iblock: the block device does not support persistent reservations'
	result=$?
	disk_down && return $result
}

# Nothing but the core of another disk implements reservations here, so there are two layers: the
# disk is on one of 18 paths to the other disk, each with an initiator and a key of its own.
PATHS=$(seq 11 28)

paths_up() {
	# The core keeps the keys in a file.
	mkdir -p /var/target/pr && backstore lower && control lower udev_path=/dev/vdb &&
		lio_write lower "$CORE/$HBA/lower/wwn/vpd_unit_serial" && configure lower || return
	for i in $PATHS; do
		lio_loop_attach "$IBLOCK_SUBSYS" $FABRIC "naa.60014050000001$i" $HBA/lower "naa.60014050000002$i" &&
			path=$(lio_wait_disk "$IBLOCK_SUBSYS" $FABRIC "naa.60014050000001$i") &&
			sg_persist --out --register --param-sark="0xabc$i" "$path" || return
		[ "$i" -ne 11 ] || first=$path
	done
	backstore data && control data "udev_path=$path" && configure data &&
		lio_write 0 "$CORE/$HBA/data/attrib/pgr_support" && disk_attach
}

paths_down() {
	disk_down || return
	for i in $PATHS; do
		lio_loop_detach "$IBLOCK_SUBSYS" $FABRIC "naa.60014050000001$i" || return
	done
	backstore_remove lower
}

many_keys() {
	sg_persist --in --read-keys "$disk" | tee /tmp/out
	for i in $PATHS; do
		grep -x " *0xabc$i" /tmp/out || return
	done
	is 18 "$(grep -c 0xabc /tmp/out)"
}

# The type is Write Exclusive.
path_conflicts() {
	sg_persist --out --reserve --param-rk=0xabc28 --prout-type=1 "$disk" &&
		sg_persist --in --read-reservation "$disk" | tee /tmp/out
	grep -q 'Key *= *0xabc28' /tmp/out && grep -q 'type: Write Exclusive$' /tmp/out &&
		is Good "$(status write10 0)" && lower=$disk && disk=$first && is "Reservation Conflict" "$(status write10 0)" &&
		disk=$lower && sg_persist --out --release --param-rk=0xabc28 --prout-type=1 "$disk" &&
		sg_persist --out --reserve --param-rk=0xabc11 --prout-type=1 "$first" || return
	# The conflict comes from the device below. It is for a write, and for another reservation.
	is "Reservation Conflict" "$(status write10 0)" && is Good "$(status read10 0)" &&
		refuses "Reservation conflict" sg_persist --out --reserve --param-rk=0xabc28 --prout-type=1 "$disk" &&
		# A preemption removes it.
		sg_persist --out --preempt --param-rk=0xabc28 --param-sark=0xabc11 --prout-type=1 "$disk" &&
		is Good "$(status write10 0)" && sg_persist --out --clear --param-rk=0xabc28 "$disk" &&
		sg_persist --in --read-keys "$disk" | grep 'there are NO registered'
}

front_end() {
	if [ "$IBLOCK_PROVIDER" = target_core_mod ]; then
		modprobe tcm_loop
	else
		insmod "$TEST_MODULES/$IBLOCK_PROVIDER.ko" && lio_front_end
	fi && modprobe sd_mod && modprobe sg && modprobe null_blk nr_devices=0
}

front_end_unload() {
	if [ "$IBLOCK_PROVIDER" = target_core_mod ]; then
		# The core has loaded the other backends that it could find.
		modprobe -r tcm_loop
		modprobe -qr target_core_file target_core_pscsi target_core_user
		modprobe -qr target_core_mod
	else
		rmmod "$LIO_FRONT_END" && rmmod "$IBLOCK_PROVIDER" || return
		[ ! -d /sys/module/target_core_mod ] || modprobe -r target_core_mod
	fi
	grep "^$IBLOCK_PROVIDER " /proc/modules
	! grep -q "^$IBLOCK_PROVIDER " /proc/modules
}

ktap_plan 44
ktap_test "the core and a front end are loaded" front_end
ktap_test "a provider that is not there, or cannot be" wrong_provider
ktap_test "the parameter is documented" parameter_documented
ktap_test "the module loads" load
ktap_test "wrong parameters are refused" parameters
ktap_test "unknown parameters are ignored" grammar
ktap_test "info shows the device" info
ktap_test "the path is fixed while in use" path_fixed
ktap_test "an exclusive device is exclusive" exclusive
ktap_test "capacity, block size and queue depth" geometry
ktap_test "INQUIRY" inquiry
ktap_test "random data, above and below" random_data
ktap_test "small writes from several processes" parallel
ktap_test "SYNCHRONIZE CACHE" flush
ktap_test "WRITE SAME" write_same
ktap_test "a command of many bios" many_bios
ktap_test "commands of 4 MiB" large_commands
ktap_test "UNMAP" unmap
ktap_test "a file system" file_system
ktap_test "modules in use stay" busy
ktap_test "the device is released" disk_down
ktap_test "a read-only device" readonly_disk
ktap_test "block sizes" block_sizes
ktap_test "FUA" force_unit_access
ktap_needs scsi_debug "the longest WRITE SAME" longest_write_same
ktap_test "bad blocks" bad_blocks
ktap_needs scsi_debug "RESERVATION CONFLICT and a failing flush" injected
ktap_needs scsi_debug "alignment" alignment
ktap_needs scsi_debug "protection information, type 1" protection 1
ktap_needs scsi_debug "protection information, type 3" protection 3
ktap_needs scsi_debug "protection information with IP checksums" protection_by_ip
ktap_needs scsi_debug "a device that is removed" removed
ktap_needs scsi_debug "a host that is removed while commands are under way" host_removed
ktap_test "a medium that comes and goes" medium_comes
ktap_test "a flush that takes its time" flush_delayed
ktap_test "commands from the core's queue" queued
log_mark
ktap_test "persistent reservations" pass_through
ktap_test "a disk on one of many paths" paths_up
ktap_test "many keys" many_keys
ktap_test "reservation conflicts between two paths" path_conflicts
ktap_test "the paths go" paths_down
ktap_test "the module unloads" unload
ktap_test "and loads again" load_again
ktap_test "the core unloads" front_end_unload
ktap_finish
