# SPDX-License-Identifier: GPL-2.0
#
# Makes a SCSI disk with LIO through its configfs tree alone, in POSIX sh
# (busybox suffices). From nothing to a disk and back:
#
#	. ./lio.sh
#	lio_backstore_create target iblock_0 data /dev/vdb
#	lio_loop_attach target loopback naa.6001405000000001 iblock_0/data
#	disk=$(lio_wait_disk target loopback naa.6001405000000001)
#	mount "$disk" /mnt; ...; umount /mnt
#	lio_loop_detach target loopback naa.6001405000000001
#	lio_backstore_remove target iblock_0 data
#
# SUBSYS is the core's directory in configfs: `target`, or `target_new` for the copy of
# samples/lio_core_new. HBA is PLUGIN_NUMBER, where the plugin is the backend's name (with at most
# one underscore, or the core does not find it). FABRIC is the front end's name (`loopback` for
# tcm_loop). A function that fails prints the reason on standard error and returns non-zero. If it
# makes something, it undoes that.
#
# shellcheck shell=dash

: "${LIO_CONFIGFS:=/sys/kernel/config}"

lio_error() {
	echo "lio: $*" >&2
	return 1
}

# lio_front_end: loads Debian's tcm_loop as a front end of target_core_mod_new, and sets
# LIO_FRONT_END to the module's name. kimport_guard is loaded before it, if the VM has that. Without
# livepatch it is the stock front end, loaded with the addresses of that core.
# shellcheck disable=SC2034 # the suites read LIO_FRONT_END
lio_front_end() {
	modprobe -a scsi_mod sd_mod || return
	if [ -d /sys/kernel/livepatch ]; then
		LIO_FRONT_END=tcm_loop_new
		[ ! -e "$TEST_MODULES/kimport_guard.ko" ] || [ -d /sys/module/kimport_guard ] ||
			insmod "$TEST_MODULES/kimport_guard.ko" || return
		insmod "$TEST_MODULES/tcm_loop_new.ko"
	else
		LIO_FRONT_END=tcm_loop
		modprobe target_core_mod || return
		kimport load "$(modinfo -n tcm_loop)" --from target_core_mod_new=target_core_mod
	fi
}

# lio_scsi_debug [PARAMETER...]: makes a disk of 64 MiB with scsi_debug, which exists as long as
# that is loaded. Sets LIO_DISK to the disk and LIO_ADDRESS to its HOST:CHANNEL:TARGET:LUN.
lio_scsi_debug() {
	modprobe scsi_debug dev_size_mb=64 delay=0 "$@" || return
	while :; do
		for lio_block in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*/block/*; do
			LIO_DISK=/dev/${lio_block##*/} LIO_ADDRESS=${lio_block%/block/*}
			LIO_ADDRESS=${LIO_ADDRESS##*/}
			[ -b "$LIO_DISK" ] && return
		done
		usleep 50000
	done
}

# lio_write VALUE FILE: one write to one attribute.
lio_write() {
	# The shell reports an error of the redirection, echo one of the write.
	echo "$1" >"$2" || lio_error "writing '$1' to $2 failed"
}

# lio_backstore_create SUBSYS HBA NAME UDEV_PATH [SERIAL]: makes a backstore NAME
# on the block device UDEV_PATH.
lio_backstore_create() {
	[ -b "$4" ] || lio_error "$4 is no block device" || return
	lio_backstore_control "$1" "$2" "$3" "udev_path=$4" "$4" "${5-}"
}

# lio_backstore_control SUBSYS HBA NAME CONTROL UDEV_PATH [SERIAL]: makes a backstore NAME with the
# backend's parameters CONTROL, such as fd_dev_name=FILE,fd_dev_size=BYTES.
lio_backstore_control() {
	lio_hba=$LIO_CONFIGFS/$1/core/$2
	lio_dev=$lio_hba/$3
	[ -d "$lio_hba" ] || mkdir "$lio_hba" || lio_error "the core '$1' knows no backend for '$2'" || return
	mkdir "$lio_dev" || {
		# This may fail: another backstore may live in the HBA.
		rmdir "$lio_hba" 2>/dev/null
		lio_error "cannot make the backstore '$2/$3'"
		return
	}
	# The serial cannot change any more once the backstore has a LUN. The backend opens the device
	# that `control` names. The attribute `udev_path` is only for people to read, but pscsi wants it
	# to be set.
	if ! {
		{ [ -z "${6-}" ] || lio_write "$6" "$lio_dev/wwn/vpd_unit_serial"; } &&
			lio_write "$4" "$lio_dev/control" &&
			lio_write "$5" "$lio_dev/udev_path" &&
			lio_write 1 "$lio_dev/enable"
	}; then
		lio_backstore_remove "$1" "$2" "$3"
		return 1
	fi
}

# lio_backstore_remove SUBSYS HBA NAME: removes the backstore, and its HBA if
# that was the last backstore.
lio_backstore_remove() {
	rmdir "$LIO_CONFIGFS/$1/core/$2/$3" || lio_error "cannot remove the backstore '$2/$3'" || return
	rmdir "$LIO_CONFIGFS/$1/core/$2" 2>/dev/null || :
}

# lio_loop_attach SUBSYS FABRIC WWN HBA/NAME [INITIATOR]: makes a target WWN
# whose LUN 0 is the backstore, connected to the SCSI layer of this machine. The
# initiator's name only matters to persistent reservations.
lio_loop_attach() {
	lio_fabric=$LIO_CONFIGFS/$1/$2
	lio_tpg=$lio_fabric/$3/tpgt_1
	[ -d "$lio_fabric" ] || mkdir "$lio_fabric" || lio_error "the core '$1' knows no fabric '$2'" || return
	mkdir "$lio_fabric/$3" || {
		rmdir "$lio_fabric" 2>/dev/null
		lio_error "cannot make the target '$3'"
		return
	}
	# The nexus comes first: the SCSI layer finds the disk while the link is made.
	if ! {
		mkdir "$lio_tpg" &&
			lio_write "${5:-naa.6001405000000000}" "$lio_tpg/nexus" &&
			mkdir "$lio_tpg/lun/lun_0" &&
			ln -s "$LIO_CONFIGFS/$1/core/$4" "$lio_tpg/lun/lun_0/backstore"
	}; then
		lio_loop_detach "$1" "$2" "$3"
		lio_error "cannot attach '$4' to '$3'"
	fi
}

# lio_loop_detach SUBSYS FABRIC WWN: removes the target with its LUN, and the
# fabric's directory if that was the last target. Undoes the steps that it finds
# done, so it also cleans up after a lio_loop_attach that failed.
lio_loop_detach() {
	lio_fabric=$LIO_CONFIGFS/$1/$2
	lio_tpg=$lio_fabric/$3/tpgt_1
	lio_lun=$lio_tpg/lun/lun_0
	[ ! -L "$lio_lun/backstore" ] || rm "$lio_lun/backstore" || lio_error "cannot unlink LUN 0 of '$3'" || return
	for lio_dir in "$lio_lun" "$lio_tpg" "$lio_fabric/$3"; do
		[ ! -d "$lio_dir" ] || rmdir "$lio_dir" || lio_error "cannot remove $lio_dir" || return
	done
	rmdir "$lio_fabric" 2>/dev/null || :
}

# lio_iscsi_attach SUBSYS IQN HBA/NAME PORTAL: makes a target whose LUN 0 is the backstore, for any
# initiator that comes to the portal, ADDRESS:PORT.
lio_iscsi_attach() {
	lio_fabric=$LIO_CONFIGFS/$1/iscsi
	lio_tpg=$lio_fabric/$2/tpgt_1
	[ -d "$lio_fabric" ] || mkdir "$lio_fabric" || lio_error "the core '$1' knows no iSCSI" || return
	if ! {
		mkdir "$lio_fabric/$2" && mkdir "$lio_tpg" && mkdir "$lio_tpg/lun/lun_0" &&
			ln -s "$LIO_CONFIGFS/$1/core/$3" "$lio_tpg/lun/lun_0/backstore" &&
			lio_write 1 "$lio_tpg/attrib/generate_node_acls" &&
			lio_write 0 "$lio_tpg/attrib/demo_mode_write_protect" &&
			lio_write 1 "$lio_tpg/attrib/cache_dynamic_acls" &&
			lio_write 0 "$lio_tpg/attrib/authentication" &&
			mkdir "$lio_tpg/np/$4" && lio_write 1 "$lio_tpg/enable"
	}; then
		lio_iscsi_detach "$1" "$2"
		lio_error "cannot attach '$3' to '$2'"
	fi
}

# lio_iscsi_detach SUBSYS IQN: removes the target. Undoes the steps that it finds done.
lio_iscsi_detach() {
	lio_fabric=$LIO_CONFIGFS/$1/iscsi
	lio_tpg=$lio_fabric/$2/tpgt_1
	[ ! -d "$lio_tpg" ] || lio_write 0 "$lio_tpg/enable" 2>/dev/null || :
	[ ! -L "$lio_tpg/lun/lun_0/backstore" ] || rm "$lio_tpg/lun/lun_0/backstore" || return
	for lio_dir in "$lio_tpg"/np/* "$lio_tpg/lun/lun_0" "$lio_tpg" "$lio_fabric/$2"; do
		[ ! -d "$lio_dir" ] || rmdir "$lio_dir" || lio_error "cannot remove $lio_dir" || return
	done
	rmdir "$lio_fabric" 2>/dev/null || :
}

# lio_wait_disk SUBSYS FABRIC WWN: prints /dev/sdX of LUN 0 as soon as
# it is there, that is, after the SCSI layer's asynchronous probing.
lio_wait_disk() {
	# HOST:CHANNEL:TARGET as the SCSI layer counts.
	lio_address=$(cat "$LIO_CONFIGFS/$1/$2/$3/tpgt_1/address") || return
	while :; do
		for lio_block in "/sys/class/scsi_device/$lio_address:0/device/block"/*; do
			lio_disk=/dev/${lio_block##*/}
			# The size stays 0 until the driver has read the capacity, and after that it takes a moment
			# until the disk can be opened.
			if [ -b "$lio_disk" ] && [ "$(cat "$lio_block/size")" -gt 0 ] && (: <"$lio_disk") 2>/dev/null; then
				echo "$lio_disk"
				return 0
			fi
		done
		usleep 50000
	done
}
