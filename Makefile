# SPDX-License-Identifier: GPL-2.0
#
# This Makefile is for people; the kernel's build reads the Kbuild files. `make help` lists the
# targets.
#
# Programs run in the build root that `make setup` makes. Results go to build/ and to the cache.
#
#: make demo            show in a VM a disk that Rust serves with a LIO core without exports
#: make demo-upgrade    show in a VM how a running LIO is upgraded, and goes back, while fio writes
#:                      and verifies (ROUNDS=10)
#: make stress          load and unload modules in random order, with 1, 2 and 4 CPUs (SEED=N
#:                      repeats a run, OPERATIONS=1000)
#: make bench           count instructions of calls, of resolving, and of the C macros (two VMs)
#: make bench-native    time the instruction sequences of calls on this machine's CPU
#: make sizes           print the size of samples/hello_import
#: make bench-compare   run make bench for the commit BASE=COMMIT and for this one, and show the
#:                      differences
#: make bench-host      compare the times of kimport, built for release, with those of bpftool, xz and
#:                      objcopy on the same files
#: make check           run what CI runs: check-host, check-vm, and some suites on the oldest kernel of
#:                      tests/kernels/supported, if its tree is there
#:
#: make setup           make build root and kernel build tree (other targets do this when needed)
#: make modules         build the samples and test modules into build/
#: make tools           build the host commands: @TOOLS@
#: make consumer        build the modules of README.md and docs/cookbook.md, and one with several
#:                      parts, outside of the checkout
#: make check-vm        run the suites in VMs; each VM is a target of its own:
#:                      @VMS@
#: make vm SUITE=...    run suites of tests/suites; with TEST=TEXT only tests with TEXT in the name
#: make check-host      run the checks without a VM: @HOST_CHECKS@
#: make check-cargo     run the tests of the host crates, which need no module of this build
#: make check-runner    run the tests of kimport-vm
#: make check-new       make new modules with what make install installs, build and load them
#: make check-deb       install the packages in a clean Debian 13, make modules there by hand and by
#:                      DKMS, and load them
#: make check-btf       check that every module that is built here has type information
#: make check-reuse     check that what CI reuses is built again when its sources change
#: make check-setup     check that set-up can be interrupted, and does without the pinned kernel
#: make check-conformance
#:                      run libiscsi's tests of SCSI targets on the C driver and on rust_iblock, on
#:                      both cores, and compare each result (DEVICES="null_blk scsi_debug brd",
#:                      FAMILIES="Read10 Reserve6" for some of the tests)
#: make check-crash     kill VMs during fsync, and check in another boot that nothing is lost
#:                      (CRASHES=20)
#: make check-install   check that install-modules wants a key where only signed modules are loaded
#: make check-fuzz      run each fuzz target for 1,500 inputs, the same ones each time
#: make check-ways      try each way to import on the kernels of docs/ways.md (builds them, once)
#: make check-tree      boot a small kernel that kimport is part of (builds it, once)
#: make check-kernels   run the suites on the kernels of docs/kernels.md, and write that table
#: make check PROFILE=debug
#:                      run suites on a kernel that checks itself, or another one of
#:                      tests/kernels/profiles (builds it, once)
#: make check-all       make check, run suites on each kernel of tests/kernels/profiles and on the
#:                      real-time kernel, make check-ways, and write the table of docs/profiles.md
#: make check-mutations load 10,000 damaged modules (MUTATIONS=10000) on the kernel of the profile
#:                      debug; SEED=N repeats a run
#: make check-compare   compare and check on four of Debian's kernels (fetches 360 MB, once)
#: make fuzz            fuzz the parsers of foreign files; SECONDS=60 each, or only TARGET=btf
#: make lint            run pre-commit, and clippy on the kernel-side crates (with W=1)
#: make pre-commit      run the quick checks of sources: rustfmt, clippy of the host crates,
#:                      shellcheck and the rules for texts. To have git run it before each commit:
#:                      echo 'exec make pre-commit' > .git/hooks/pre-commit
#:                      chmod +x .git/hooks/pre-commit
#: make rustfmt         format all Rust sources
#: make doc             make the book and rustdoc of all crates in build/doc
#: make book            make only the book, of docs, and check its links
#: make man             make manual pages and shell completions of kimport in build/
#: make install         install kimport with its manual pages and what modules are built with
#:                      (PREFIX=/usr/local, DESTDIR=), and the modules kimport_guard and
#:                      kimport_engine for KERNEL, if that kernel is installed
#: make deb             make packages of kimport for Debian 13 in build/deb
#: make install-modules install rust_iblock and target_core_mod_new for KERNEL (DESTDIR=), signed if
#:                      SIGN="KEY.pem CERTIFICATE" names a key
#: make rust-analyzer   write rust-project.json of the kernel-side crates, for editors
#: make update-kernel   pin the newest stock kernel of the archive
#: make clean           remove build/
#:
#: KERNEL=RELEASE       one of Debian's kernels instead of the pinned one, such as
#:                      7.2.12+deb13-amd64; make check KERNEL=RELEASE runs the suites on it
#: ARCH=arm64           the arm64 kernel of the pinned version; make demo and make check run on it
#: KDIR=...             kernel build tree, as scripts/prepare-kernel makes one for any Debian kernel
#:                      with CONFIG_RUST=y (now @KDIR@)
#: KIMPORT_CACHE=...    directory of everything that set-up makes (now @CACHE@)
#: KIMPORT_MIRROR=...   Debian mirror (default: from the apt configuration)
#: KIMPORT_ACCEL=tcg    emulate the CPUs of VMs even where KVM works (now @KIMPORT_ACCEL@)
#: VM_APPEND=...        more arguments of the kernels in VMs
#: KIMPORT_SEED=...     number that chooses other functions for the modules typed, declared and bench
#: FRESH=1              make check also runs VMs, and tests of kimport-vm, for which nothing has changed
#:                      since they passed
#: CHECK_JOBS=...       number of targets that make check makes side by side (now @CHECK_JOBS@)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules

# ---- Paths, from scripts/env

ifneq ($(filter-out amd64,$(ARCH)),)
KERNEL ?= $(shell sed -n 's/^RELEASE=\(.*\)-amd64$$/\1/p' kernel.pin)-$(ARCH)
endif
# scripts/env and scripts/setup read this variable.
export KERNEL

# The paths depend on what set-up finds, so it comes first.
NEED_SETUP := $(if $(WITHIN_SETUP),,$(filter-out help setup update-kernel clean,$(or $(MAKECMDGOALS),help)))
# Set-up runs this beside its later steps, which wait for the network and use one CPU.
BESIDE := env -u MAKEFLAGS $(MAKE) WITHIN_SETUP=1 $(CARGO_TARGET_DIR:%=CARGO_TARGET_DIR=%) \
	$(if $(filter-out demo,$(NEED_SETUP)),tools,commands QUICK=1)
# For the demo, set-up says what remains until its end.
export KIMPORT_DEMO := $(if $(filter demo,$(MAKECMDGOALS)),$(shell date +%s))
# Before 4.4, make does not export to these shells.
ENV := $(shell export KERNEL=$(KERNEL) KIMPORT_BESIDE='$(BESIDE)' KIMPORT_DEMO=$(KIMPORT_DEMO); \
	$(if $(NEED_SETUP),scripts/setup >&2 &&) scripts/env | \
	sed -n 's/^export \([A-Z_]*\)=\(.*\)/\1:=\2/p')
ifeq ($(ENV),)
$(error set-up failed)
endif
env-of = $(patsubst $(1):=%,%,$(filter $(1):=%,$(ENV)))

CACHE := $(call env-of,KIMPORT_CACHE)
ROOT := $(call env-of,ROOT)
STOCK := $(call env-of,STOCK)
SOURCE := $(call env-of,SOURCE)
RELEASE := $(call env-of,RELEASE)
OWN_KDIR := $(call env-of,KDIR)
KDIR ?= $(OWN_KDIR)
KERNEL_ROOT := $(call env-of,KERNEL_ROOT)
GUEST_ROOT := $(call env-of,GUEST_ROOT)
# Virtual machines of another architecture: the root that has its QEMU, and the target of the host
# commands that suites run.
VM_ROOT := $(ROOT)
ifneq ($(filter %-arm64 %-arm64-16k,$(RELEASE)),)
VM_ROOT := $(KERNEL_ROOT)
GUEST_TARGET := aarch64-unknown-linux-gnu
GUEST_CROSS := aarch64-linux-gnu-
endif
IN_VM_ROOT := scripts/in-root --root $(VM_ROOT) --
LIVEPATCH := $(shell grep -s '^CONFIG_LIVEPATCH=y' $(KDIR)/.config)
RUST := $(shell grep -s '^CONFIG_RUST=y' $(KDIR)/.config)
# Set if the kernel itself has Rust. Modules for another one carry a part of the kernel crate.
KERNEL_CRATE := $(if $(RUST),$(shell grep -s '^CONFIG_RUST=y' $(STOCK)/usr/lib/modules/*/config))
ifneq ($(KDIR),$(OWN_KDIR))
KERNEL_CRATE := $(RUST)
endif
# The features of suites that the kernel lacks.
LACKS := $(if $(LIVEPATCH),,livepatch) $(if $(RUST),,rust) $(if $(KERNEL_CRATE),,kernel-crate)

BUILD := $(CURDIR)/build$(KERNEL:%=/kernels/%)
JOBS := $(shell nproc)

# Tests and tools in the build root read these variables.
export KIMPORT_BUILD := $(BUILD)
export KIMPORT_CACHE := $(CACHE)
export KIMPORT_STOCK := $(STOCK)
export KIMPORT_KDIR := $(KDIR)
export DISKS_ROOT := $(call env-of,DISKS_ROOT)
export CARGO_TARGET_DIR := $(CACHE)/target
export KIMPORT_GUEST_TOOLS := $(CARGO_TARGET_DIR)/$(GUEST_TARGET:%=%/)debug
export KIMPORT_ACCEL ?= auto
ifneq ($(KDIR),$(OWN_KDIR))
export KIMPORT_BIND := $(KDIR)$(if $(KIMPORT_BIND),:$(KIMPORT_BIND))
endif
IN_ROOT := scripts/in-root --
# The build root with the kernel's compilers, which may be another one.
IN_KERNEL_ROOT := scripts/in-root --root $(KERNEL_ROOT) --
# All checkouts with the same sources share cargo's results in the cache. For that, each checkout is
# mounted at the same path, and cargo compares contents, not times, which is an unstable option.
AT := /kimport
CARGO_ENV := env RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_CHECKSUM_FRESHNESS=true
AT_ONE_PATH := scripts/in-root --at $(AT) -- $(CARGO_ENV)
CARGO := $(AT_ONE_PATH) cargo
BINARIES := $(CARGO_TARGET_DIR)/debug
RELEASE_BINARIES := $(CARGO_TARGET_DIR)/release
KIMPORT := $(BINARIES)/kimport

# The modules for docs/ways.md are built for each kernel there, see `ways`. The benchmarks read the
# time-stamp counter of x86.
RUST_DIRS := rust/engine rust/guard $(addprefix samples/,hello_import rust_iblock sched_latency) \
	$(addprefix tests/modules/,baseline bench cost declared lifetime selftest typed)
MODULE_DIRS := $(filter-out %/ways $(if $(GUEST_TARGET),%/baseline %/bench %/cost) $(if $(LINKS),%/baseline) $(if $(LIVEPATCH),,%/relink %/guard) \
	$(if $(RUST),,$(RUST_DIRS)) $(if $(KERNEL_CRATE),,samples/rust_iblock samples/sched_latency rust/engine tests/modules/controls),\
	$(patsubst %/Kbuild,%,$(wildcard rust/*/Kbuild samples/*/Kbuild tests/modules/*/Kbuild)))

# At least two targets side by side: a VM has two CPUs, but waits much.
CHECK_JOBS ?= $(shell n=$$(nproc); echo $$((n > 2 ? n - 1 : 2)))

.PHONY: help
help:
	@sed -n 's/^#: \?//p' Makefile | \
		sed $(foreach name,TOOLS VMS HOST_CHECKS KDIR CACHE KIMPORT_ACCEL CHECK_JOBS,\
			-e 's|@$(name)@|$($(name))|')

.PHONY: setup disks-root update-kernel
setup:
	@$(if $(WITHIN_SETUP),:,scripts/setup)

disks-root:
	@scripts/setup root trixie-disks > /dev/null

update-kernel:
	@scripts/setup update-kernel

# ---- Building

# Builds a directory. With KIMPORT_REUSE, results of the same sources are taken from the cache, even
# if another checkout built them.
# $(1): directory  $(2): its sources  $(3): command
make-in = $(if $(KIMPORT_REUSE),scripts/reuse --root $(KERNEL_ROOT) $(KDIR) $(BUILD)/$(1) $(2) --,\
	mkdir -p $(BUILD)/$(1) && $(IN_KERNEL_ROOT)) $(3)
CRATE := rust/kimport rust/bindings rust/macros/src rust/types/src scripts/Makefile.kimport \
	scripts/Makefile.relink scripts/runtime.lds

# W=, CLIPPY= and the like reach the kernel's build in MAKEFLAGS. Warnings of objtool are errors.
# ARGUMENTS are those of one target, private so that its prerequisites do not inherit them.
# $(1): directory of sources  $(2): further sources  $(3): directory to build in, if another
build-modules = $(call make-in,$(or $(3),$(1)),\
	$(if $(filter %/lio_core_new,$(1)),,$(CRATE)) $(1) $(2),$(MAKE) -j$(JOBS) -C $(KDIR) \
	M=$(if $(LINKS),$(BUILD)/$(or $(3),$(1)),$(CURDIR)/$(1)) MO=$(BUILD)/$(or $(3),$(1)) \
	KIMPORT=$(KIMPORT) CONFIG_OBJTOOL_WERROR=y $(ARGUMENTS))
# The first directory builds the parts that all have in common.
SHARED = KIMPORT_SHARED=$(BUILD)/samples/hello_import/.kimport

.PHONY: modules $(MODULE_DIRS) links
modules: $(MODULE_DIRS)

$(MODULE_DIRS): setup links
	@$(call build-modules,$@,$(MADE_OF)) $(if $(filter samples/hello_import,$@),,$(SHARED))

# Kbuild has MO= since 6.13. For older kernels, modules are built among links to their sources.
LINKS := $(if $(filter 6.12.%,$(RELEASE)),$(BUILD))
links: setup
ifneq ($(LINKS),)
	@for to in $(LINKS) $(LINKS)/pointer; do mkdir -p $$to/rust $$to/tests && \
		cp -rsf $(CURDIR)/rust/guard $$to/rust && \
		cp -rsf $(CURDIR)/samples $$to && cp -rsf $(CURDIR)/tests/modules $$to/tests && \
		ln -sfn $(CURDIR)/scripts $$to/scripts; done
endif

ifneq ($(RUST),)
$(filter-out samples/hello_import samples/lio_core_new,$(MODULE_DIRS)): samples/hello_import
else
# The tree is a headers package.
samples/lio_core_new: private ARGUMENTS = KSRC=$(or $(KSRC),$(SOURCE))
endif
tests/modules/controls: private MADE_OF = tests/modules/lifetime/thread.rs
tests/modules/relink: commands
tests/modules/relink: private MADE_OF = $(KIMPORT)
tests/modules/load tests/modules/guard: private MADE_OF = tests/modules/imports $(LINKS:%=%/tests/modules/imports)
# modpost only warns of symbols that nothing exports.
tests/modules/load tests/modules/guard: private ARGUMENTS = KBUILD_MODPOST_WARN=1
# Functions of the stock kernel, chosen at random. The seed is always the same unless KIMPORT_SEED
# names another.
TYPED := $(BUILD)/tests/modules/typed/prototypes.rs
TYPED_BENCH := $(BUILD)/tests/modules/typed/bench.rs
$(TYPED): tools/testing/src/bin/typed_module.rs tools/testing/src/prototypes.rs kernel.pin \
		$(if $(KIMPORT_SEED),FORCE) | tools
	@mkdir -p $(@D)
	@KIMPORT_SEED=$${KIMPORT_SEED:-20261122} $(AT_ONE_PATH) \
		$(BINARIES)/typed_module $(@D)
DECLARED := $(BUILD)/tests/modules/declared/declared.rs
$(DECLARED): tools/testing/src/bin/declared_module.rs tools/testing/src/prototypes.rs \
		$(wildcard tools/kimport/src/declare/*.rs) kernel.pin $(if $(KIMPORT_SEED),FORCE) | tools
	@mkdir -p $(@D)
	@KIMPORT_SEED=$${KIMPORT_SEED:-20261129} $(AT_ONE_PATH) $(BINARIES)/declared_module $(@D)
FORCE:
tests/modules/declared: $(DECLARED)
tests/modules/declared: private MADE_OF = $(DECLARED)
tests/modules/typed tests/modules/bench tests/modules/cost tests/modules/baseline bench-pointer bench-shared ibt-pointer: $(TYPED)
tests/modules/typed: private MADE_OF = $(TYPED)
tests/modules/bench bench-pointer: private MADE_OF = $(TYPED_BENCH)
tests/modules/bench bench-pointer: private ARGUMENTS = blocks=$(TYPED_BENCH)
tests/modules/cost bench-shared ibt-pointer: private MADE_OF = $(addprefix $(dir $(TYPED)),three.rs many.rs)
tests/modules/baseline: private MADE_OF = $(addprefix $(dir $(TYPED)),exported.rs three.h many.h)
tests/modules/cost tests/modules/baseline bench-shared ibt-pointer: private ARGUMENTS = blocks=$(TYPED:%/prototypes.rs=%)

.PHONY: pointer bench-pointer ibt-pointer shared shared-lifetime bench-shared consumer lio ways changed upgraded-core
# Modules once more, bound through function pointers, or with the engine in a module of its own.
pointer shared: private AGAIN = tests/modules/imports
bench-pointer: private AGAIN = tests/modules/bench
shared-lifetime: private AGAIN = tests/modules/lifetime
bench-shared ibt-pointer: private AGAIN = tests/modules/cost
pointer bench-pointer ibt-pointer: private AGAIN_WITH = kimport-calls=pointer
shared shared-lifetime bench-shared: private AGAIN_WITH = kimport-engine=shared KIMPORT_ENGINE=$(BUILD)/rust/engine
shared shared-lifetime bench-shared: rust/engine
pointer bench-pointer ibt-pointer shared shared-lifetime bench-shared: samples/hello_import links
	@$(call build-modules,$(AGAIN),$(MADE_OF),$(if $(LINKS),pointer/$(AGAIN),$@)) \
		$(SHARED) $(AGAIN_WITH)
	@$(if $(LINKS),mkdir -p $(BUILD)/$@ && cp $(BUILD)/pointer/$(AGAIN)/*.ko $(BUILD)/$@)

consumer: commands
	@$(call make-in,$@,$(CRATE) tests/modules/imports tests/host/build-consumer \
		README.md docs/cookbook.md .rustfmt.toml $(KIMPORT),\
		tests/host/build-consumer $(KDIR) $(BUILD)/$@ $(KIMPORT))

# The modules for the rows of docs/ways.md that one kernel has. KDIR, STOCK and BUILD belong to that
# kernel.
WAYS_KERNEL ?= stock$(if $(KERNEL_CRATE),, RUST=n MODVERSIONS=y)$(if $(LIVEPATCH),, LIVEPATCH=n)
ways: commands links
	@$(call make-in,$@,$(CRATE) tests/modules/ways tests/host/build-ways $(KIMPORT),\
		tests/host/build-ways $(KDIR) $(BUILD)/$@ $(KIMPORT) $(or $(LINKS),$(CURDIR)))
	@echo '$(WAYS_KERNEL)' > $(BUILD)/$@/kernel

# Every module of the distribution that needs the LIO core, relinked to the core without exports.
STOCK_MODULES := $(STOCK)/usr/lib/modules/$(RELEASE)
lio: commands
	@$(IN_ROOT) tests/host/relink-lio $(KIMPORT) $(STOCK_MODULES) $(KDIR)/Module.symvers $(BUILD)/$@

# The functions of the kernel that cannot be called indirectly where IBT is enforced.
.PHONY: ibt-sealed
ibt-sealed: tools
	@mkdir -p $(BUILD)/ibt
	@$(IN_ROOT) $(BINARIES)/branches sealed $(STOCK_MODULES)/vmlinuz > $(BUILD)/ibt/sealed

# The LIO core with changed structs.
changed: setup
	@$(call make-in,$@,samples/lio_core_new tests/host/build-changed-cores,\
		tests/host/build-changed-cores $(KDIR) $(SOURCE) $(BUILD)/$@ $(CURDIR))

# The LIO core of another version.
upgraded-core: setup
	@$(call make-in,$@,samples/lio_core_new tests/host/build-upgraded-core,\
		tests/host/build-upgraded-core $(KDIR) $(SOURCE) $(BUILD)/$@ $(CURDIR))

.PHONY: commands tools
COMMANDS := kimport kimport-vm
# The demo needs no more than these, no signatures, and a command without optimization, which takes
# a third of the time to build. Once the other tools are there, the commands are, too.
QUICK := $(if $(filter demo,$(MAKECMDGOALS)),$(if $(wildcard $(BINARIES)/kimport-bench),,1))
QUICKLY := --no-default-features --config profile.dev.package.kimport-cli.opt-level=0
TOOLS := $(COMMANDS) kimport-bench kimport-bench-disk kimport-rust-project
# Programs of tools/testing, which only tests run.
TEST_PROGRAMS := typed_module declared_module relocated branches stress mutations failures
tools: commands
	@$(CARGO) build -q --workspace $(addprefix --bin ,$(TOOLS) $(TEST_PROGRAMS))

commands: setup
	@$(CARGO) build -q --workspace $(if $(QUICK),$(QUICKLY)) $(addprefix --bin ,$(COMMANDS))
ifdef GUEST_TARGET
	@scripts/in-root --root $(KERNEL_ROOT) --at $(AT) -- $(CARGO_ENV) \
		RUSTFLAGS=--sysroot=$(GUEST_ROOT)/usr \
		cargo build -q --workspace --bin kimport --target $(GUEST_TARGET) \
		--config 'target.$(GUEST_TARGET).linker="$(GUEST_CROSS)gcc"'
endif

# Modules that are made from other modules.
DERIVED := not_gpl not_gpl_relinked provider_without_btf provider_livepatch
$(DERIVED:%=$(BUILD)/%.ko): tests/modules/imports
GUARDED := guarded guarded_second guarded_unbound guarded_unreadable
$(GUARDED:%=$(BUILD)/%.ko): tests/modules/imports tests/modules/guard
$(BUILD)/tcm_loop_new.ko: samples/lio_core_new
$(BUILD)/provider_upgraded.ko: tests/modules/upgraded
$(BUILD)/signed.ko: $(BUILD)/signing_key.pem
$(BUILD)/%.ko: commands
	@mkdir -p $(@D)
	@$(IN_VM_ROOT) env CROSS_COMPILE=$(GUEST_CROSS) tests/host/derive $@ $(KIMPORT) $(STOCK_MODULES) $(KDIR)/Module.symvers

$(BUILD)/signing_key.pem: | setup
	@mkdir -p $(BUILD)
	@$(IN_ROOT) openssl req -x509 -new -nodes -batch -subj '/CN=kimport test' -newkey rsa:2048 \
		-keyout $@ -out $(@:.pem=.x509) 2> /dev/null

# ---- Running

# A suite states at its top what it needs of its VM, and `kimport-vm` reads that. `needed` lists the
# targets that make the modules for suites: directories, and single modules in build/. `installed`
# makes all files below build/installed.
FEATURES := $(if $(LIVEPATCH),livepatch|)$(if $(RUST),rust|)module
needed = $(sort $(foreach module,$(if $(1),$(shell sed -nE \
	-e 's/^# kimport-vm: ($(FEATURES)) //p' \
	-e 's|^# kimport-vm: file \$$KIMPORT_BUILD/(installed)/.*|\1/|p' \
	-e 's|^# kimport-vm: root \$$DISKS_ROOT|disks-root/|p' $(1))),\
	$(if $(findstring /,$(module)),$(patsubst %/,%,$(dir $(module))),$(BUILD)/$(module).ko)))
.SECONDEXPANSION:

# The suites that the kernel cannot run, because it lacks a feature or a stock module: SUITE:NEED.
LACKING := $(shell sed -snE '1F; s/^\# kimport-vm: needs //; T; s/ /\n/g; p' tests/suites/*.sh | \
	while read -r word; do case $$word in \
	(tests/*) suite=$$word ;; \
	(livepatch|rust|kernel-crate) [[ " $(LACKS) " != *" $$word "* ]] || echo $$suite:$$word ;; \
	(CONFIG_*) grep -qs "^$$word=" $(KDIR)/.config || echo $$suite:$$word ;; \
	(*) grep -qs "/$$word\.ko" $(STOCK_MODULES)/modules.{order,builtin} || echo $$suite:$$word ;; \
	esac; done)
suites = $(filter-out $(foreach pair,$(LACKING),$(firstword $(subst :, ,$(pair)))),\
	$(1:%=tests/suites/%.sh))
left-out = $(foreach pair,$(filter $(1:%=tests/suites/%.sh:%),$(LACKING)),\
	echo "left out: $(subst .sh:,.sh: the kernel has no ,$(pair))";)

# $(1): suites  $(2): name of the log  $(3): options
# The kernel prints addresses in clear, because suites compare them with /proc/kallsyms.
# On a busy host some tests print nothing for a minute.
run-vm = $(IN_VM_ROOT) $(BINARIES)/kimport-vm run --root $(GUEST_ROOT) \
	$(addprefix --without ,$(LACKS)) --append "no_hash_pointers$(VM_APPEND:%= %)" --hang-timeout 150 \
	$(if $(BOOT_TIMEOUT),--boot-timeout $(BOOT_TIMEOUT)) \
	$(addprefix --suite ,$(1)) --log $(BUILD)/$(2).log $(3)

.PHONY: demo
demo: setup
	@scripts/setup step modules $(MAKE) -j$(CHECK_JOBS) QUICK=$(QUICK) commands \
		$(call needed,$(call suites,demo))
	@scripts/setup show demo $(call run-vm,$(call suites,demo),$@,--show)

# The upgrade of a running LIO, there and back ROUNDS times.
ROUNDS ?= 10
.PHONY: demo-upgrade
demo-upgrade: tools $$(call needed,$$(call suites,upgrade))
	@echo $(ROUNDS) > $(BUILD)/upgrade.rounds
	@$(call run-vm,$(call suites,upgrade),$@,--show --timeout 7200 \
		--file $(BUILD)/upgrade.rounds:/test/rounds)

.PHONY: vm
vm: tools $$(call needed,$$(call suites,$$(SUITE)))
	@$(if $(SUITE),,$(error SUITE=NAME... names suites of tests/suites))
	@$(call left-out,$(SUITE)) $(if $(call suites,$(SUITE)),\
		$(call run-vm,$(call suites,$(SUITE)),vm,--show $(if $(TEST),--test '$(TEST)')))

# The last line of each target of `make check` says how far that is.
CHECKS = $(VMS) $(if $(KERNEL),check-btf,$(HOST_CHECKS) check-oldest)
done = $(if $(BEGAN),echo $@ >> $(BUILD)/check.done; \
	after=$$(($$(date +%s) - $(BEGAN))) left=$$(($(or $(LAST),0) - after)); \
	echo "[$$(wc -l < $(BUILD)/check.done)/$(words $(CHECKS))] $@: $$after s after the start$(if $(LAST),$\
		$$([[ $$left -lt 30 ]] || echo ", about $$(((left + 30) / 60)) min left if it takes as long as the last run"))",:)

# Each VM is a target, so that VMs can run side by side. The longest come first. What has passed is
# not run again before something changes, but for CI.
REUSE_VMS := $(if $(FRESH)$(CI),,--reuse)
# For the table of `matrix`.
KEEP_VERDICT = --json $(BUILD)/verdicts/$@.json
VMS := vm-iblock vm-load vm-upgrade vm-conformance vm-imports vm-lifetime vm-lio vm-ways vm-guard \
	vm-lio-modules vm-pointer $(if $(KERNEL_CRATE),vm-shared)
vm-iblock.suites := rust_iblock_parity rust_iblock rust_iblock_new rust_iblock_installed layouts
vm-conformance.suites := conformance
vm-load.suites := check load
vm-imports.suites := selftest diagnostics imports typed relink
vm-lifetime.suites := lifetime unbound
vm-lio.suites := samples demo sched_latency signed
vm-upgrade.suites := upgrade upgrade_state
vm-ways.suites := ways
vm-guard.suites := guard
vm-lio-modules.suites := lio_modules relinked_rust
vm-pointer.suites := imports unbound
vm-controls.suites := controls
vm-failures.suites := failures
vm-shared.suites := shared imports $(if $(GUEST_TARGET),,ibt) unbound

.PHONY: check-vm $(VMS) vm-controls vm-failures
check-vm: $(VMS)

vm-failures: shared
$(VMS) vm-controls vm-failures: tools $$(call needed,$$(call suites,$$($$@.suites)))
	@$(call left-out,$($@.suites)) $(if $(call suites,$($@.suites)),\
		$(call run-vm,$(call suites,$($@.suites)),$(@:vm-%=%),$(VM_OPTIONS) $(REUSE_VMS) $(KEEP_VERDICT)))
	@$(done)

vm-pointer: pointer
vm-pointer: VM_OPTIONS = --instead tests/modules/imports=pointer \
	--file tests/suites/pointer.calls:/test/calls

vm-shared: shared shared-lifetime \
	$(if $(filter ibt,$(vm-shared.suites)),bench-shared ibt-pointer ibt-sealed)
vm-shared: VM_OPTIONS = --instead tests/modules/imports=shared \
	--instead tests/modules/lifetime=shared-lifetime

# Modules come and go in random order, with one, two and four CPUs. SEED= repeats the choices of a
# run.
OPERATIONS ?= 1000
STRESS_CPUS := 1 2 4
.PHONY: stress $(STRESS_CPUS:%=stress-%)
stress: $(STRESS_CPUS:%=stress-%)
$(STRESS_CPUS:%=stress-%): tools shared shared-lifetime $$(call needed,$$(call suites,stress))
	@echo '$(or $(SEED),$(shell date +%s)) $(OPERATIONS)' > $(BUILD)/stress.parameters
	@$(call run-vm,$(call suites,stress),$@,--smp $(@:stress-%=%) --show $(KEEP_VERDICT))

IBLOCK := $(BUILD)/samples/rust_iblock/rust_iblock.ko

# The benchmarks count ticks of the time-stamp counter, which are instructions here. They are not
# part of `check`: tests are not timed.
BENCH_CPUS := 1 4
BENCH_LOGS := $(BENCH_CPUS:%=$(BUILD)/bench-%.log)
.PHONY: bench $(BENCH_LOGS)
# One CPU suffices to count the instructions of I/O.
$(BUILD)/bench-1.log: BENCH_SUITES = bench bench_disk
BENCH_SUITES = bench
$(BENCH_LOGS): $(BUILD)/bench-%.log: tests/modules/bench samples/rust_iblock bench-pointer \
		bench-installed tools
	@$(call run-vm,$(call suites,$(BENCH_SUITES)),bench-$*,--smp $*)

# Modules as distributions install them, without debug information.
.PHONY: bench-installed
bench-installed: tests/modules/cost tests/modules/baseline bench-shared
	@[[ -z '$(LINKS)' ]] || { echo "make bench needs a kernel that is built with Rust" >&2; exit 2; }
	@mkdir -p $(BUILD)/$@
	@$(IN_ROOT) bash -euc 'cd $(BUILD); for ko in tests/modules/{cost,baseline}/*.ko rust/engine/*.ko; do \
		strip -g -o $@/$${ko##*/} $$ko; done; \
		for ko in bench-shared/*.ko; do strip -g -o $@/shared_$${ko##*/} $$ko; done'

bench: $(BENCH_LOGS)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-bench $(BENCH_LOGS) --json $(BUILD)/bench.json \
		--sizes $(BUILD)/bench-installed --svg $(BUILD)/bench.svg
	@echo $(BUILD)/bench.json $(BUILD)/bench.svg

# The copy of the functions of Rust's crates is only in modules for a kernel without Rust.
.PHONY: sizes
sizes: samples/hello_import
	@$(IN_ROOT) size $(wildcard $(addprefix $(BUILD)/$</,hello_import.ko \
		.kimport/hello_import/runtime.o))

# The base is built and measured in a clone of its own. The results are compared by the newer tools.
BENCH_BASE := $(BUILD)/bench-base
.PHONY: bench-compare
bench-compare: setup
	@[[ -n '$(BASE)' ]] || { echo "usage: make bench-compare BASE=COMMIT" >&2; exit 2; }
	@rm -rf $(BENCH_BASE)
	@commit=$$(git rev-parse --verify '$(BASE)^{commit}') && \
		git clone -q --shared . $(BENCH_BASE) && git -C $(BENCH_BASE) checkout -q --detach $$commit
	@$(MAKE) -C $(BENCH_BASE) bench
	@$(MAKE) bench
	@$(CARGO) build -q -p kimport-bench --bin kimport-bench-compare
	@$(AT_ONE_PATH) $(BINARIES)/kimport-bench-compare $(BENCH_BASE)/build/bench.json $(BUILD)/bench.json

# Times of instruction sequences on this machine's CPU.
.PHONY: bench-native
bench-native: setup
	@$(CARGO) bench -q -p kimport-bench --features native --bench calls

BPFTOOL := $(BUILD)/bpftool/bootstrap/bpftool
$(BPFTOOL): | setup
	@mkdir -p $(BUILD)/bpftool
	@$(IN_ROOT) $(MAKE) -j$(JOBS) -C $(SOURCE)/tools/bpf/bpftool OUTPUT=$(BUILD)/bpftool/ bootstrap \
		> $(BUILD)/bpftool/log 2>&1 || { cat $(BUILD)/bpftool/log; exit 1; }

# As cargo would install the command.
.PHONY: bench-host
bench-host: $(BPFTOOL) samples/rust_iblock
	@$(CARGO) build -q --release -p kimport-cli -p kimport-bench \
		--bin kimport --bin kimport-bench-host
	@$(IN_ROOT) $(RELEASE_BINARIES)/kimport-bench-host --kimport $(RELEASE_BINARIES)/kimport \
		--bpftool $(BPFTOOL) --stock $(STOCK) --release $(RELEASE) --module $(IBLOCK) \
		--work $(BUILD)/bench-host --json $(BUILD)/bench-host/rows.json
	@echo $(BUILD)/bench-host/rows.json

# ---- Checking

.PHONY: check check-host check-cargo check-runner check-new check-deb check-btf check-reuse check-setup check-install check-oldest check-fuzz fuzz
# Checks that need no VM do not depend on the kernel, but for that of the modules.
ifneq ($(PROFILE),)
check: check-profile
else
check: setup
	@mkdir -p $(BUILD) && : > $(BUILD)/check.done
	@began=$$(date +%s); \
		$(MAKE) -k -j$(CHECK_JOBS) --output-sync=target $(CHECKS) BEGAN=$$began \
		LAST=$$(cat $(BUILD)/check.seconds 2> /dev/null) 2>&1 | \
		tee $(BUILD)/check.log || { rc=$$?; echo "---- The last lines of each target that failed"; \
		grep -B 30 -E '^make(\[[0-9]+\])?: \*\*\* \[' $(BUILD)/check.log; exit $$rc; }; \
		echo $$(($$(date +%s) - began)) > $(BUILD)/check.seconds
endif

# Begins the command that makes something for the kernel of a profile. These kernels do without
# 5-level paging: while the kernel reads the features of the boot CPU, such paging seems absent, and
# KASAN takes the accesses of an interrupt for wild ones.
# $(1): the profile
of-profile = here=$$(scripts/setup profile-kernel $(1)) && \
	$(MAKE) -k PROFILE= BUILD=$(BUILD)/profiles/$(1) BOOT_TIMEOUT=300 VM_APPEND=no5lvl $$here

# These kernels run the suites that need no function of the stock kernel. The longest come first.
PROFILE_VMS := vm-failures vm-imports vm-lifetime vm-guard stress-2 vm-shared vm-controls
.PHONY: check-profile
check-profile: tools
	@$(call of-profile,$(PROFILE)) -j$(CHECK_JOBS) --output-sync=target $(PROFILE_VMS) \
		$(if $(filter file,$(origin OPERATIONS)),OPERATIONS=200) \
		vm-imports.suites="selftest imports" vm-shared.suites=shared

# Every kernel, one after the other, and the table of docs/profiles.md.
PROFILES := $(basename $(notdir $(wildcard tests/kernels/profiles/*.config)))
RT := $(RELEASE:%-amd64=%-rt-amd64)
.PHONY: check-all matrix
check-all: tools
	@rm -rf $(foreach pair,$(VERDICTS),$(lastword $(subst =, ,$(pair))))
	@rc=0; $(MAKE) check PROFILE= || rc=1; \
		$(MAKE) stress || rc=1; \
		for profile in $(PROFILES); do $(MAKE) check PROFILE=$$profile || rc=1; done; \
		$(MAKE) setup KERNEL=$(RT) && $(MAKE) -k vm-imports vm-lifetime vm-guard KERNEL=$(RT) || rc=1; \
		$(MAKE) check-ways || rc=1; $(MAKE) matrix || rc=1; exit $$rc

# A kernel that was not tried has no column. The runs of `make vm` and of
# the demos do not count.
VERDICTS := stock=$(BUILD)/verdicts rt=$(BUILD)/kernels/$(RT)/verdicts \
	$(foreach profile,$(PROFILES),$(profile)=$(BUILD)/profiles/$(profile)/verdicts) \
	$(foreach name,$(wildcard $(BUILD)/ways-*/name),$(file < $(name))=$(name:%/name=%/verdicts))
matrix: tools
	@rc=0; $(AT_ONE_PATH) $(BINARIES)/kimport-vm matrix \
		$(foreach pair,$(VERDICTS),$(if $(wildcard $(lastword $(subst =, ,$(pair)))),$(pair))) \
		> $(BUILD)/matrix.md || rc=$$?; \
		[[ $$rc -le 1 ]] || exit $$rc; \
		{ grep -v '^|' docs/profiles.md; cat $(BUILD)/matrix.md; } > $(BUILD)/profiles.md; \
		cp $(BUILD)/profiles.md docs/profiles.md; cat $(BUILD)/matrix.md; exit $$rc

# The longest come first.
HOST_CHECKS := check-cargo check-runner check-new lint check-fuzz doc rust-analyzer check-btf check-setup check-reuse \
	check-install
check-host: $(HOST_CHECKS)

check-cargo: setup
	@KIMPORT_BINDINGS=$(CURDIR)/rust/macros/tests/ui/support/bindings.rs \
		$(CARGO) test --workspace --exclude kimport-vm
	@$(done)

# Most of these tests boot a VM. Like VMs that have passed, they are not run again before something
# changes, but for CI.
RUNNER_PASSED := $(BUILD)/runner-passed
check-runner: tools
	@mkdir -p $(BUILD); made_of=$$({ echo $(ROOT) $(STOCK); \
		git ls-files -z tools/vm | xargs -0 cat $(BINARIES)/kimport-vm; } | sha256sum); \
	if [[ -z '$(FRESH)$(CI)' && $$(cat $(RUNNER_PASSED) 2> /dev/null) == "$$made_of" ]]; then \
		echo "note: nothing has changed since the tests of kimport-vm passed; they are not run again"; \
	else \
		rm -f $(RUNNER_PASSED); $(CARGO) test -p kimport-vm && echo "$$made_of" > $(RUNNER_PASSED); \
	fi
	@$(done)

check-btf: modules
	@$(IN_ROOT) tests/host/check-btf $(MODULE_DIRS:%=$(BUILD)/%)
	@$(done)

check-reuse: setup
	@tests/host/check-reuse $(KDIR) $(BUILD)/reuse
	@$(done)

check-setup: setup
	@tests/host/check-setup $(BUILD)/check-setup
	@$(done)

# The kernel's configuration is all that decides. In a make that goes on after a failure, or does
# things side by side, this tree would also be used for builds.
check-install: setup
	@mkdir -p $(BUILD)/forced && sed 's/^# CONFIG_MODULE_SIG_FORCE is.*/CONFIG_MODULE_SIG_FORCE=y/' \
		$(KDIR)/.config > $(BUILD)/forced/.config && grep -q _FORCE=y $(BUILD)/forced/.config
	@! $(MAKE) -S -j1 install-modules KDIR=$(BUILD)/forced DESTDIR=$(BUILD)/forced > $(BUILD)/forced/log 2>&1 && \
		grep -q '^this kernel only loads signed modules: SIGN=' $(BUILD)/forced/log && \
		[[ ! -e $(BUILD)/forced/lib ]] || { cat $(BUILD)/forced/log; exit 1; }
	@$(MAKE) may-install KDIR=$(BUILD)/forced SIGN="key certificate"
	@$(MAKE) may-install
	@$(done)

SUPPORTED := $(shell grep -v '^\#' tests/kernels/supported)
OLDEST := $(firstword $(SUPPORTED))
# With a tree of its own, and with the headers package alone, which suffices for modules in C.
check-oldest: tools
	@eval "$$(KERNEL=$(OLDEST) scripts/env)"; if [[ -e $$KDIR/.kimport ]]; then \
		$(MAKE) vm SUITE="imports" KERNEL=$(OLDEST) && \
		tests/host/link-headers $$STOCK $(OLDEST) $(BUILD)/headers && \
		for suites in "check load" "lio_modules relink"; do \
			$(MAKE) vm SUITE="$$suites" KERNEL=$(OLDEST) KDIR=$(BUILD)/headers \
				BUILD=$(BUILD)/of-headers KIMPORT_REUSE= || exit; done; else \
		echo "skipped: $(OLDEST) is not prepared; make setup KERNEL=$(OLDEST) does that"; fi
	@$(done)

# A new module, made from what is installed, without this checkout.
check-new: tools
	@rm -rf $(BUILD)/new && $(MAKE) -s install-share DESTDIR= PREFIX=$(BUILD)/new/prefix
	@install -D -t $(BUILD)/new/prefix/bin $(KIMPORT) $(BINARIES)/kimport-vm
	@$(IN_ROOT) tests/host/make-new $(KDIR) $(STOCK) $(BUILD)/new
	@$(done)

# The packages, in a clean system without this checkout.
check-deb: deb
	@root=$$(scripts/setup root trixie-user) && \
		tests/host/check-deb $$root $(CACHE) $(STOCK) $(KDIR) $(DEB) $(BUILD)/check-deb

check-fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz check
	@$(done)

SECONDS ?= 60
fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz $(SECONDS) $(TARGET)

# These are not part of `check`: they take minutes the first time, because they build or fetch
# kernels.
.PHONY: check-ways check-tree check-kernels check-compare
check-ways: tools
	@failed=; while read -r options; do \
		dir=$$(scripts/setup ways-kernel $$options) && echo "small $$options" && \
		mkdir -p $(BUILD)/ways-$${dir##*/} && tr ' ' ',' <<< "small $$options" > $(BUILD)/ways-$${dir##*/}/name && \
		$(MAKE) vm-ways WAYS_KERNEL="small $$options" BUILD=$(BUILD)/ways-$${dir##*/} \
			KDIR=$$dir/build STOCK=$$dir/install < /dev/null || \
		failed="$$failed [$$options]"; \
	done < <(tests/kernels/ways); [[ -z $$failed ]] || { echo "FAIL:$$failed"; exit 1; }

check-tree: tools $(BUILD)/signing_key.pem
	@tree=$$(scripts/setup tree-kernel builtin) && \
		$(call run-vm,$(call suites,tree_builtin),tree_builtin,--stock $$tree)
	@tree=$$(scripts/setup tree-kernel modules) && \
		$(IN_ROOT) tests/kernels/collect $(KIMPORT) $$tree $(BUILD) && \
		$(call run-vm,$(call suites,tree_modules tree_signed),tree_modules,--stock $$tree)

DEVICES ?= null_blk scsi_debug brd
.PHONY: check-conformance check-crash
check-conformance: tools $$(call needed,$$(call suites,conformance))
	@mkdir -p $(BUILD) && echo '$(DEVICES)' > $(BUILD)/devices && echo '$(FAMILIES)' > $(BUILD)/families
	@$(call run-vm,$(call suites,conformance),$@,--show --timeout 7200 \
		--file $(BUILD)/devices:/test/devices --file $(BUILD)/families:/test/families)

CRASHES ?= 20
CRASH := $(BUILD)/crash
check-crash: tools $$(call needed,$$(call suites,crash_write crash_check))
	@for round in $$(seq $(CRASHES)); do \
		rm -rf $(CRASH) && mkdir -p $(CRASH) && \
		if ((round % 2)); then echo ext4; else echo xfs; fi > $(CRASH)/type && \
		$(call run-vm,$(call suites,crash_write),crash-write,--kill-at 'crash now' $(CRASH_OPTIONS)) && \
		$(call run-vm,$(call suites,crash_check),crash-check,--show $(CRASH_OPTIONS)) || exit; \
	done
	@rm -r $(CRASH)
CRASH_OPTIONS = --disks $(CRASH) --file $(CRASH)/type:/test/type

# Damaged modules. SEED= repeats a run, FIRST= begins later in it. The kernel trusts the BTF of a
# module with .BTF.base, so these have none.
MUTATIONS ?= 10000
MUTATED := $(patsubst %,$(BUILD)/%.ko,guarded samples/hello_import/hello_import \
	$(addprefix tests/modules/,imports/import_cases lifetime/kimport_side_a lifetime/lifetime_load))
.PHONY: check-mutations vm-mutations
check-mutations: tools
	@$(call of-profile,$(or $(PROFILE),debug)) vm-mutations
vm-mutations: tools $$(call needed,$$(call suites,mutations)) \
		$(addprefix tests/modules/,imports lifetime) samples/hello_import $(BUILD)/guarded.ko
	@mkdir -p $(BUILD)/mutations
	@$(IN_ROOT) bash -euc 'cd $(BUILD)/mutations; for ko in $(MUTATED); do to=$${ko##*/}; \
		pahole -J --lang_exclude=rust --btf_base $(KDIR)/vmlinux --btf_encode_detached $$to.btf $$ko; \
		strip -g -R .BTF.base -o $$to $$ko; objcopy --update-section .BTF=$$to.btf $$to; done'
	@echo '$(or $(SEED),$(shell date +%s)) $(or $(FIRST),0) $(MUTATIONS)' > $(BUILD)/mutations/parameters
	@$(call run-vm,$(call suites,mutations),mutations,--show)

check-kernels: tools
	@tests/kernels/try $(SUPPORTED)

check-compare: tools samples/rust_iblock
	@kernels=$$(scripts/setup kernels) && \
		export KIMPORT_KERNELS="$$kernels" KIMPORT_IBLOCK=$(abspath $(IBLOCK)) && \
		$(CARGO) test -q --workspace --test debian_kernels -- --ignored
	@kernels=$$(scripts/setup kernels | sed 's/^/--kernel /') && rc=0 && \
		$(IN_ROOT) $(KIMPORT) compare --module $(IBLOCK) $$kernels --kernel $(STOCK) \
			--html $(BUILD)/kernels.html || rc=$$?; \
		[[ $$rc -le 1 ]] && echo $(BUILD)/kernels.html

# ---- Sources

RUST_KERNEL_SOURCES = $(shell git ls-files 'rust/kimport/*.rs' 'rust/guard/*.rs' 'rust/engine/*.rs' 'samples/*.rs' 'tests/*.rs')
SHELL_SOURCES = $(shell git ls-files scripts samples tests tools/vm/guest .ci | \
	xargs grep -lE '^\#!.*sh|shellcheck shell=')

.PHONY: rustfmt pre-commit clippy lint
rustfmt: setup
	@$(CARGO) fmt --all
	@$(IN_ROOT) rustfmt $(RUST_KERNEL_SOURCES)

pre-commit: setup
	@scripts/check-texts
	@$(IN_ROOT) shellcheck -x $(SHELL_SOURCES)
	@$(CARGO) fmt --all --check
	@$(IN_ROOT) rustfmt --check $(RUST_KERNEL_SOURCES)
	@$(CARGO) clippy -q --workspace --all-targets -- -D warnings

# A warning is an error (W=e), because a file that was checked is not checked again.
clippy: setup
	@mkdir -p $(BUILD)
	@$(MAKE) $(filter-out %/lio_core_new,$(MODULE_DIRS)) BUILD=$(BUILD)/clippy \
		KIMPORT_LINT=1 CLIPPY=1 W=1e > $(BUILD)/clippy.log 2>&1 || \
		{ cat $(BUILD)/clippy.log; exit 1; }
	@! grep -E 'warning[:[]' $(BUILD)/clippy.log

lint: pre-commit clippy
	@$(done)

# ---- Documentation, editors, installation

.PHONY: doc rust-analyzer man install clean
# cargo documents the host crates. The build of a module documents the kernel-side crate, with the
# kernel's flags and configuration.
doc: samples/hello_import
	@rm -rf $(BUILD)/doc && mkdir -p $(BUILD)/doc
	@RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' \
		$(CARGO) doc -q --workspace --no-deps --document-private-items
	@cp -r $(CARGO_TARGET_DIR)/doc $(BUILD)/doc/host
	@$(call make-in,doc/kernel,$(CRATE) samples/hello_import,$(MAKE) -j$(JOBS) -C $(KDIR) \
		M=$(CURDIR)/samples/hello_import MO=$(BUILD)/samples/hello_import \
		KIMPORT=$(KIMPORT) KIMPORT_DOC=$(BUILD)/doc/kernel) > $(BUILD)/doc.log 2>&1 || \
		{ cat $(BUILD)/doc.log; exit 1; }
	@$(MAKE) book
	@cp scripts/doc-index.html $(BUILD)/doc/index.html
	@cd $(BUILD)/doc && sed -n 's/.*href="\([^"]*\)".*/\1/p' index.html | xargs ls > /dev/null
	@echo $(BUILD)/doc/index.html
	@$(done)

# The book's source is a copy of the checkout, so that links between files are right in both.
.PHONY: book
book: setup
	@rm -rf $(BUILD)/book $(BUILD)/doc/book && mkdir -p $(BUILD)/book/src $(BUILD)/doc
	@git ls-files -z -- ':!*.html' | xargs -0 cp --parents -t $(BUILD)/book/src
	@cp docs/SUMMARY.md $(BUILD)/book/src && cp docs/book.toml $(BUILD)/book
	@root=$$(scripts/setup root trixie-doc) && scripts/in-root --root $$root -- \
		mdbook build $(BUILD)/book -d $(BUILD)/doc/book > $(BUILD)/book.log 2>&1 || \
		{ cat $(BUILD)/book.log; exit 1; }
	@scripts/check-links $(BUILD)/doc/book

# The kernel's generator describes the kernel's crates; kimport-rust-project adds the ones that were
# built here.
rust-analyzer: modules tools
	@$(call make-in,$@,scripts/Makefile.kimport,\
		$(MAKE) -s -C $(KDIR) M=$(CURDIR)/scripts MO=$(BUILD)/$@ $@)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-rust-project --root $(ROOT) \
		--kernel $(BUILD)/$@/rust-project.json --output $(AT)/build/$@/modules.json \
		$(MODULE_DIRS:%=$(BUILD:$(CURDIR)%=$(AT)%)/%)
	@sed -E 's#(^|[":=])$(AT)/#\1$(CURDIR)/#g' $(BUILD)/$@/modules.json > rust-project.json
	@echo $(CURDIR)/rust-project.json
	@$(done)

# Manual pages and completions have the paths that they have below PREFIX.
MAN := $(BUILD)/man/share
man: commands
	@rm -rf $(BUILD)/man
	@$(IN_ROOT) scripts/man $(KIMPORT) $(MAN)
	@echo '$(MAN): make install copies it, or try it with MANPATH=$(MAN)/man: man kimport'

# This uses the machine's own cargo: programs that the build root's cargo makes may not run here.
PREFIX ?= /usr/local
OWN_MODULES := $(if $(wildcard $(DESTDIR)/lib/modules/$(RELEASE)),$(filter rust/%,$(MODULE_DIRS)))
install: man $(OWN_MODULES) install-share
	@for tool in kimport vm; do CARGO_TARGET_DIR=$(BUILD)/install cargo install -q --locked \
		--no-track --force --path tools/$$tool --root $(DESTDIR)$(PREFIX); done
	@cp -r $(MAN) $(DESTDIR)$(PREFIX)/
ifneq ($(OWN_MODULES),)
	@install -D -m 644 -t $(DESTDIR)/lib/modules/$(RELEASE)/updates \
		$(foreach dir,$(OWN_MODULES),$(BUILD)/$(dir)/kimport_$(notdir $(dir)).ko)
	@depmod $(addprefix -b ,$(DESTDIR)) $(RELEASE)
endif

# Modules are built with the crate, the macro, and the files that a Kbuild includes.
SHARE := scripts/Makefile.kimport scripts/Makefile.relink scripts/runtime.lds rust tools/vm/guest
.PHONY: install-share
install-share:
	@git ls-files $(SHARE) > /dev/null && rm -rf $(DESTDIR)$(PREFIX)/share/kimport && mkdir -p $(DESTDIR)$(PREFIX)/share/kimport
	@git ls-files -z $(SHARE) | grep -zv '/tests/' | xargs -0 cp --parents -t $(DESTDIR)$(PREFIX)/share/kimport

# The version is that of a tag, or names the commit that it is built from.
DEB := $(BUILD)/deb
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
deb-version = $(if $(shell git tag --points-at HEAD v$(VERSION)),$(VERSION),$\
	$(VERSION)~git$(shell git log -1 --format=%cd.%h --date=format:%Y%m%d))$(if $(shell git status --porcelain),+changed)
.PHONY: deb
deb: setup
	@rm -rf $(DEB) && mkdir -p $(DEB)/source && git ls-files -z | xargs -0 cp -p --parents -t $(DEB)/source
	@printf '%s\n' 'kimport ($(deb-version)) trixie; urgency=medium' '' \
		'  * CHANGES.md has the changes.' '' "$$(git log -1 --format=' -- %an <%ae>  %cD')" \
		> $(DEB)/source/debian/changelog
	@root=$$(scripts/setup root trixie-deb) && cd $(DEB)/source && \
		$(CURDIR)/scripts/in-root --root $$root -- bash -euc 'MAKEFLAGS= dpkg-buildpackage -us -uc -b > ../log 2>&1 || \
		{ cat ../log; exit 1; }; lintian --fail-on error,warning ../*.changes'
	@rm -rf $(DEB)/source && ls $(DEB)/*.deb

# Installs without debug information, as distributions do.
# $(1): as DESTDIR  $(2): as SIGN
SAMPLES := $(IBLOCK) $(BUILD)/samples/lio_core_new/target_core_mod_new.ko
install-to = mkdir -p $(BUILD)/stripped && for ko in $(SAMPLES); do \
	out=$(BUILD)/stripped/$${ko\#\#*/}; $(IN_KERNEL_ROOT) strip -g -o $$out $$ko && \
	$(if $(2),$(IN_ROOT) $(KIMPORT) relink $$out --sign $(2) -o $$out &&) \
	install -D -m 644 -t $(1)/lib/modules/$(RELEASE)/updates $$out || exit; done

# With DESTDIR, depmod is left to the package.
SIGN ?=
.PHONY: install-modules may-install
install-modules: may-install commands samples/rust_iblock samples/lio_core_new
	@$(call install-to,$(DESTDIR),$(SIGN))
	@[[ -n '$(DESTDIR)' ]] || depmod $(RELEASE)

may-install:
	@[[ -n '$(SIGN)' ]] || ! grep -q '^CONFIG_MODULE_SIG_FORCE=y' $(KDIR)/.config || \
		{ echo 'this kernel only loads signed modules: SIGN="KEY.pem CERTIFICATE"' >&2; exit 2; }

# For suites.
.PHONY: installed
installed: commands samples/rust_iblock samples/lio_core_new $(BUILD)/signing_key.pem
	@$(call install-to,$(BUILD)/$@,$(BUILD)/signing_key.pem $(BUILD)/signing_key.x509)
	@cp -f $(BUILD)/$@/lib/modules/$(RELEASE)/updates/*.ko $(BUILD)/$@

clean:
	rm -rf $(BUILD)
