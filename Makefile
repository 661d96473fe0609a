# SPDX-License-Identifier: GPL-2.0
#
# For people; the kernel's build reads the Kbuild files. `make help` lists the targets.
#
# Programs run in the build root that `make setup` makes; what is built goes to build/ and to the
# cache.
#
#: make demo            the whole story in a VM: a disk served in Rust from a core without exports
#: make bench           count instructions of calls, resolutions, and what C macros do (two VMs)
#: make check           what CI runs: check-host and check-vm
#:
#: make setup           build root and kernel build tree (the other targets do it when needed)
#: make modules         build the samples and test modules into build/
#: make tools           build the host commands: @TOOLS@
#: make consumer        build README.md's module, and another, outside of the checkout
#: make check-vm        the suites in VMs, each VM a target of its own:
#:                      @VMS@
#: make vm SUITE=...    suites of tests/vm; with TEST=TEXT only tests with TEXT in their names
#: make check-host      what needs no VM: @HOST_CHECKS@
#: make check-cargo     the tests of the host crates, which want no module of this build
#: make check-btf       check that every module that is built here has type information
#: make check-reuse     check that what CI reuses is built again when its sources change
#: make check-fuzz      each fuzz target for a second
#: make check-ways      each way to import on the kernels of docs/ways.md (builds them, once)
#: make check-tree      boot a small kernel that kimport is part of (builds it, once)
#: make check-kernels   compare and check on four of Debian's kernels (fetches 360 MB, once)
#: make fuzz            fuzz the parsers of others' files; SECONDS=60 each, or only TARGET=btf
#: make lint            rustfmt, clippy on all crates (kernel-side with W=1), shellcheck
#: make rustfmt         format all Rust sources
#: make doc             rustdoc of all crates into build/doc
#: make man             manual pages and shell completions of kimport into build/
#: make install         kimport with these (PREFIX=/usr/local, DESTDIR=)
#: make rust-analyzer   rust-project.json of the kernel-side crates, for editors
#: make update-kernel   pin the newest stock kernel of the archive
#: make clean           remove build/
#:
#: KDIR=...             kernel build tree, as scripts/prepare-kernel makes one for any Debian kernel
#:                      with CONFIG_RUST=y (now @KDIR@)
#: KIMPORT_CACHE=...    where set-up keeps what is expensive (now @CACHE@)
#: KIMPORT_MIRROR=...   Debian mirror (default: from the apt configuration)
#: KIMPORT_ACCEL=auto   let VMs use KVM where it works (now @KIMPORT_ACCEL@)
#: KIMPORT_SEED=...     a number that chooses other functions for tests/typed and tests/bench
#: CHECK_JOBS=...       how many things make check does side by side (now @CHECK_JOBS@)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules

# ---- Where things are: scripts/env knows.

ENV := $(shell scripts/env | sed -n 's/^export \([A-Z_]*\)=\(.*\)/\1:=\2/p')
ifeq ($(ENV),)
$(error scripts/env failed)
endif
env-of = $(patsubst $(1):=%,%,$(filter $(1):=%,$(ENV)))

CACHE := $(call env-of,KIMPORT_CACHE)
ROOT := $(call env-of,ROOT)
STOCK := $(call env-of,STOCK)
RELEASE := $(call env-of,RELEASE)
PINNED_KDIR := $(call env-of,KDIR)
KDIR ?= $(PINNED_KDIR)

BUILD := $(CURDIR)/build
JOBS := $(shell nproc)

# What runs in the build root, with what tests and tools need to know.
export KIMPORT_BUILD := $(BUILD)
export KIMPORT_CACHE := $(CACHE)
export KIMPORT_STOCK := $(STOCK)
export KIMPORT_KDIR := $(KDIR)
export CARGO_TARGET_DIR := $(CACHE)/target
# A /dev/kvm that is there may yet not work (nested virtualisation); KIMPORT_ACCEL=auto tries it.
export KIMPORT_ACCEL ?= tcg
ifneq ($(KDIR),$(PINNED_KDIR))
export KIMPORT_BIND := $(KDIR)$(if $(KIMPORT_BIND),:$(KIMPORT_BIND))
endif
IN_ROOT := scripts/in-root --
# What cargo has built in the cache serves every checkout whose sources are the same: all are at one
# path, and are compared by their contents, not their times. That is an unstable option of cargo's.
AT := /kimport
AT_ONE_PATH := scripts/in-root --at $(AT) -- \
	env RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_CHECKSUM_FRESHNESS=true
CARGO := $(AT_ONE_PATH) cargo
BINARIES := $(CARGO_TARGET_DIR)/debug
KIMPORT := $(BINARIES)/kimport

MODULE_DIRS := $(addprefix samples/,hello_import lio_core_new rust_iblock) \
	$(addprefix tests/,modules lifetime relink selftest typed upgraded)

# Two things side by side at least: a VM has two CPUs, but waits much.
CHECK_JOBS ?= $(shell n=$$(nproc); echo $$((n > 2 ? n - 1 : 2)))

.PHONY: help
help:
	@sed -n 's/^#: \?//p' Makefile | \
		sed $(foreach name,TOOLS VMS HOST_CHECKS KDIR CACHE KIMPORT_ACCEL CHECK_JOBS,\
			-e 's|@$(name)@|$($(name))|')

.PHONY: setup update-kernel
setup:
	@scripts/setup

update-kernel:
	@scripts/setup update-kernel

# ---- Building

# Builds a directory. With KIMPORT_REUSE what was built of the same sources is not built again, also
# in another checkout.
# $(1): directory  $(2): what it is made of  $(3): command
make-in = $(if $(KIMPORT_REUSE),scripts/reuse $(KDIR) $(BUILD)/$(1) $(2) --,\
	mkdir -p $(BUILD)/$(1) && $(IN_ROOT)) $(3)
CRATE := rust/kimport rust/bindings rust/macros/src rust/types/src scripts/Makefile.kimport \
	scripts/Makefile.relink

# W=, CLIPPY= and the like reach the kernel's build in MAKEFLAGS. Warnings of objtool are errors.
# $(1): directory of sources  $(2): what else it is made of  $(3): directory to build in, if another
build-modules = $(call make-in,$(or $(3),$(1)),\
	$(if $(filter %/lio_core_new,$(1)),,$(CRATE)) $(1) $(2),$(MAKE) -j$(JOBS) -C $(KDIR) \
	M=$(CURDIR)/$(1) MO=$(BUILD)/$(or $(3),$(1)) KIMPORT=$(KIMPORT) CONFIG_OBJTOOL_WERROR=y)
# What all have in common the first makes.
SHARED = KIMPORT_SHARED=$(BUILD)/samples/hello_import/.kimport

.PHONY: modules $(MODULE_DIRS)
modules: $(MODULE_DIRS)

$(MODULE_DIRS): setup
	@$(call build-modules,$@,$(MADE_OF)) $(if $(filter samples/hello_import,$@),,$(SHARED))

$(filter-out samples/hello_import samples/lio_core_new,$(MODULE_DIRS)): samples/hello_import
tests/relink: tools
tests/relink: MADE_OF = $(KIMPORT)
# Functions of the stock kernel, chosen at random by a seed: the same ones until KIMPORT_SEED names
# another.
TYPED := $(BUILD)/tests/typed/prototypes.rs
TYPED_BENCH := $(BUILD)/tests/typed/bench.rs
$(TYPED): rust/types/examples/typed_module.rs rust/types/tests/support/prototypes.rs kernel.pin \
		$(if $(KIMPORT_SEED),FORCE) | tools
	@mkdir -p $(@D)
	@KIMPORT_SEED=$${KIMPORT_SEED:-20261122} $(AT_ONE_PATH) \
		$(BINARIES)/examples/typed_module $(@D)
FORCE:
tests/typed: $(TYPED)
tests/typed: MADE_OF = $(TYPED)

.PHONY: pointer tests/load consumer lio ways
# The test modules once more, bound through function pointers.
pointer: samples/hello_import
	@$(call build-modules,tests/modules,,$@) $(SHARED) kimport-calls=pointer

# Modules for `kimport load`: modpost warns of what nothing exports instead of giving up.
tests/load: setup
	@$(call build-modules,$@,tests/modules) KBUILD_MODPOST_WARN=1

# As in another repository: README's module, and one of several parts.
consumer: setup
	@$(call make-in,$@,$(CRATE) tests/modules tests/consumer README.md .rustfmt.toml,\
		tests/consumer/build $(KDIR) $(BUILD)/$@)

# The modules for the rows of docs/ways.md that are for one kernel, which KDIR, STOCK and BUILD fit.
WAYS_KERNEL ?= stock
ways: tools
	@$(call make-in,$@,$(CRATE) tests/ways $(KIMPORT),\
		tests/ways/build $(KDIR) $(BUILD)/$@ $(KIMPORT))
	@echo '$(WAYS_KERNEL)' > $(BUILD)/$@/kernel

# Every module of the distribution that needs the LIO core, relinked to the one without exports.
STOCK_MODULES := $(STOCK)/usr/lib/modules/$(RELEASE)
lio: tools
	@$(IN_ROOT) tests/lio/relink $(KIMPORT) $(STOCK_MODULES) $(KDIR)/Module.symvers $(BUILD)/$@

.PHONY: tools
TOOLS := kimport kimport-vm kimport-bench kimport-rust-project
tools: setup
	@$(CARGO) build -q --workspace $(addprefix --bin ,$(TOOLS)) --examples

# Modules that are made of others.
DERIVED := not_gpl not_gpl_relinked provider_without_btf provider_livepatch
$(DERIVED:%=$(BUILD)/%.ko): tests/modules
$(BUILD)/provider_upgraded.ko: tests/upgraded
$(BUILD)/signed.ko: $(BUILD)/signing_key.pem
$(BUILD)/%.ko: tools
	@mkdir -p $(@D)
	@$(IN_ROOT) tests/derive $@ $(KIMPORT) $(STOCK_MODULES) $(KDIR)/Module.symvers

$(BUILD)/signing_key.pem: | setup
	@mkdir -p $(BUILD)
	@$(IN_ROOT) openssl req -x509 -new -nodes -batch -subj '/CN=kimport test' -newkey rsa:2048 \
		-keyout $@ -out $(@:.pem=.x509) 2> /dev/null

# ---- Running

# A suite says at its top what it needs of its VM, and `kimport-vm` reads that. These are the
# targets that make the modules for suites: directories of the build, and modules that lie in it.
needed = $(sort $(foreach module,$(if $(1),$(shell sed -n 's/^# kimport-vm: module //p' $(1))),\
	$(if $(findstring /,$(module)),$(patsubst %/,%,$(dir $(module))),$(BUILD)/$(module).ko)))
.SECONDEXPANSION:

suites = $(1:%=tests/vm/%.sh)

# $(1): suites  $(2): name of the log  $(3): options
# Suites get addresses in clear: they are compared with /proc/kallsyms.
# Some tests say nothing for a minute on a busy host.
run-vm = $(IN_ROOT) $(BINARIES)/kimport-vm run --append no_hash_pointers --hang-timeout 150 \
	$(addprefix --suite ,$(1)) --log $(BUILD)/$(2).log $(3)

.PHONY: demo
demo: tools $$(call needed,$$(call suites,demo))
	@$(call run-vm,$(call suites,demo),$@,--show)

# Some suites, and some of their tests.
.PHONY: vm
vm: tools $$(call needed,$$(call suites,$$(SUITE)))
	@$(if $(SUITE),,$(error SUITE=NAME... names suites of tests/vm))
	@$(call run-vm,$(call suites,$(SUITE)),vm,--show $(if $(TEST),--test '$(TEST)'))

# A target for each VM, so that they can run side by side, and the suites that it runs.
# The longest first.
VMS := vm-iblock vm-load vm-imports vm-lifetime vm-lio vm-ways vm-lio-modules vm-pointer
vm-iblock.suites := rust_iblock_parity rust_iblock rust_iblock_new
vm-load.suites := check load
vm-imports.suites := selftest diagnostics imports typed relink
vm-lifetime.suites := lifetime unbound
vm-lio.suites := samples demo signed
vm-ways.suites := ways
vm-lio-modules.suites := lio_modules relinked_rust
vm-pointer.suites := imports unbound

.PHONY: check-vm $(VMS)
check-vm: $(VMS)

$(VMS): tools $$(call needed,$$(call suites,$$($$@.suites)))
	@$(call run-vm,$(call suites,$($@.suites)),$(@:vm-%=%),$(VM_OPTIONS))

vm-pointer: pointer
vm-pointer: VM_OPTIONS = --instead tests/modules=pointer --file tests/vm/pointer.calls:/test/calls

# What is measured counts the time-stamp counter's ticks, which are instructions here. Not in
# `check`: tests are not timed.
BENCH_CPUS := 1 4
BENCH_LOGS := $(BENCH_CPUS:%=$(BUILD)/bench-%.log)
.PHONY: bench tests/bench bench-pointer $(BENCH_LOGS)
tests/bench: $(TYPED) samples/hello_import
	@$(call build-modules,$@,$(TYPED_BENCH)) $(SHARED) blocks=$(TYPED_BENCH)

bench-pointer: $(TYPED) samples/hello_import
	@$(call build-modules,tests/bench,$(TYPED_BENCH),$@) $(SHARED) blocks=$(TYPED_BENCH) \
		kimport-calls=pointer

$(BENCH_LOGS): $(BUILD)/bench-%.log: tests/bench bench-pointer tools
	@$(call run-vm,tests/bench/bench.sh,bench-$*,--smp $*)

bench: $(BENCH_LOGS)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-bench $(BENCH_LOGS) --json $(BUILD)/bench.json
	@echo $(BUILD)/bench.json

# ---- Checking

.PHONY: check check-host check-cargo check-btf check-reuse check-fuzz fuzz
check: setup
	@$(MAKE) -j$(CHECK_JOBS) --output-sync=target check-vm check-host

# The longest first.
HOST_CHECKS := check-cargo lint check-fuzz doc rust-analyzer check-btf check-reuse
check-host: $(HOST_CHECKS)

check-cargo: setup
	@KIMPORT_BINDINGS=$(CURDIR)/rust/macros/tests/ui/support/bindings.rs \
		$(CARGO) test --workspace

# Every module, in C or in Rust, has type information that was made on the stock kernel's.
check-btf: modules
	@$(IN_ROOT) tests/check-btf $(MODULE_DIRS:%=$(BUILD)/%)

check-reuse: setup
	@tests/reuse/check $(KDIR) $(BUILD)/reuse

# Each fuzz target for a second, and for as long as one likes.
check-fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz check

SECONDS ?= 60
fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz $(SECONDS) $(TARGET)

# Not in `check`: what takes minutes the first time, as kernels are built or fetched.
.PHONY: check-ways check-tree check-kernels
# The other kernels of docs/ways.md.
check-ways: tools
	@failed=; while read -r options; do \
		dir=$$(scripts/setup ways-kernel $$options) && echo "small $$options" && \
		$(MAKE) vm-ways WAYS_KERNEL="small $$options" BUILD=$(BUILD)/ways-$${dir##*/} \
			KDIR=$$dir/build STOCK=$$dir/install < /dev/null || \
		failed="$$failed [$$options]"; \
	done < <(tests/ways/kernels); [[ -z $$failed ]] || { echo "FAIL:$$failed"; exit 1; }

# A kernel that this checkout is part of.
check-tree: tools $(BUILD)/signing_key.pem
	@tree=$$(scripts/setup tree-kernel builtin) && \
		$(call run-vm,$(call suites,tree_builtin),tree_builtin,--stock $$tree)
	@tree=$$(scripts/setup tree-kernel modules) && \
		$(IN_ROOT) tests/kernel/collect $(KIMPORT) $$tree $(BUILD) && \
		$(call run-vm,$(call suites,tree_modules tree_signed),tree_modules,--stock $$tree)

# Debian's 6.1, 6.12, 7.2 and 7.3, all as the archive has them.
IBLOCK := $(BUILD)/samples/rust_iblock/rust_iblock.ko
check-kernels: tools samples/rust_iblock
	@kernels=$$(scripts/setup kernels) && export KIMPORT_KERNELS="$$kernels" && \
		$(CARGO) test -q --workspace --test debian_kernels -- --ignored
	@kernels=$$(scripts/setup kernels | sed 's/^/--kernel /') && rc=0 && \
		$(IN_ROOT) $(KIMPORT) compare --module $(IBLOCK) $$kernels --kernel $(STOCK) \
			--html $(BUILD)/kernels.html || rc=$$?; \
		[[ $$rc -le 1 ]] && echo $(BUILD)/kernels.html

# ---- Sources

RUST_KERNEL_SOURCES = $(shell git ls-files 'rust/kimport/*.rs' 'samples/*.rs' \
	$(patsubst %,'tests/%/*.rs',modules lifetime relink selftest typed bench ways))
SHELL_SOURCES = $(shell git ls-files scripts tests tools/vm/guest .ci | \
	xargs grep -lE '^\#!.*sh|shellcheck shell=')

.PHONY: rustfmt rustfmtcheck clippy lint
rustfmt: setup
	@$(CARGO) fmt --all
	@$(IN_ROOT) rustfmt $(RUST_KERNEL_SOURCES)

rustfmtcheck: setup
	@$(CARGO) fmt --all --check
	@$(IN_ROOT) rustfmt --check $(RUST_KERNEL_SOURCES)

# A warning is an error (W=e), as a file that was checked is not checked again.
clippy: setup
	@$(CARGO) clippy -q --workspace --all-targets -- -D warnings
	@mkdir -p $(BUILD)
	@$(MAKE) $(filter-out %/lio_core_new,$(MODULE_DIRS)) tests/bench BUILD=$(BUILD)/clippy \
		KIMPORT_LINT=1 CLIPPY=1 W=1e > $(BUILD)/clippy.log 2>&1 || \
		{ cat $(BUILD)/clippy.log; exit 1; }
	@! grep -E 'warning[:[]' $(BUILD)/clippy.log

lint: rustfmtcheck clippy
	@$(IN_ROOT) shellcheck -x $(SHELL_SOURCES)

# ---- For people who read and write them

.PHONY: doc rust-analyzer man install clean
# The host crates by cargo; the kernel-side crate by the build of a module, with the kernel's flags
# and configuration.
doc: samples/hello_import
	@rm -rf $(BUILD)/doc && mkdir -p $(BUILD)/doc
	@RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' \
		$(CARGO) doc -q --workspace --no-deps --document-private-items
	@cp -r $(CARGO_TARGET_DIR)/doc $(BUILD)/doc/host
	@$(call make-in,doc/kernel,$(CRATE) samples/hello_import,$(MAKE) -j$(JOBS) -C $(KDIR) \
		M=$(CURDIR)/samples/hello_import MO=$(BUILD)/samples/hello_import \
		KIMPORT=$(KIMPORT) KIMPORT_DOC=$(BUILD)/doc/kernel) > $(BUILD)/doc.log 2>&1 || \
		{ cat $(BUILD)/doc.log; exit 1; }
	@cp scripts/doc-index.html $(BUILD)/doc/index.html
	@cd $(BUILD)/doc && sed -n 's/.*href="\([^"]*\)".*/\1/p' index.html | xargs ls > /dev/null
	@echo $(BUILD)/doc/index.html

# The kernel's generator knows the kernel's crates; what was built here is added to that.
rust-analyzer: modules tools
	@$(call make-in,$@,scripts/Makefile.kimport,\
		$(MAKE) -s -C $(KDIR) M=$(CURDIR)/scripts MO=$(BUILD)/$@ $@)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-rust-project --root $(ROOT) \
		--kernel $(BUILD)/$@/rust-project.json --output $(AT)/build/$@/modules.json \
		$(MODULE_DIRS:%=$(BUILD:$(CURDIR)%=$(AT)%)/%)
	@sed -E 's#(^|[":=])$(AT)/#\1$(CURDIR)/#g' $(BUILD)/$@/modules.json > rust-project.json
	@echo $(CURDIR)/rust-project.json

# Manual pages and completions lie as below a prefix.
MAN := $(BUILD)/man/share
man: tools
	@rm -rf $(BUILD)/man
	@$(IN_ROOT) scripts/man $(KIMPORT) $(MAN)
	@echo '$(MAN): make install copies it, or try it with MANPATH=$(MAN)/man: man kimport'

# Not the build root's cargo: its programs may not run on this system.
PREFIX ?= /usr/local
install: man
	@CARGO_TARGET_DIR=$(BUILD)/install cargo install -q --locked --no-track --force \
		--path tools/kimport --root $(DESTDIR)$(PREFIX)
	@cp -r $(MAN) $(DESTDIR)$(PREFIX)/

clean:
	rm -rf $(BUILD)
