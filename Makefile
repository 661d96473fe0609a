# SPDX-License-Identifier: GPL-2.0
#
# For people; the kernel's build reads the Kbuild files. `make help` lists the targets.
#
# Whatever is run here runs in the build root that `make setup` makes, and what is built goes to build/ and to the cache.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

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
export KIMPORT_BUILD := $(BUILD)
JOBS := $(shell nproc)

# What runs in the build root, with what tests and tools need to know.
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
# What cargo has built in the cache serves every checkout whose sources are the same: all are at one path, and are compared by
# their contents, not their times. That is an unstable option of cargo's.
AT := /kimport
AT_ONE_PATH := scripts/in-root --at $(AT) -- env RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_CHECKSUM_FRESHNESS=true
CARGO := $(AT_ONE_PATH) cargo
BINARIES := $(CARGO_TARGET_DIR)/debug
KIMPORT := $(BINARIES)/kimport
KIMPORT_VM := $(BINARIES)/kimport-vm

MODULE_DIRS := samples/hello_import samples/lio_core_new samples/rust_iblock tests/modules tests/lifetime tests/relink \
	tests/selftest tests/typed tests/upgraded

.PHONY: help setup update-kernel modules $(MODULE_DIRS) consumer tools demo bench check check-host check-cargo \
	check-fuzz check-tree check-ways check-kernels check-btf check-reuse fuzz lint clippy rustfmt rustfmtcheck doc rust-analyzer man install clean

help:
	@echo 'make demo            show the whole story in a VM: a SCSI disk served by a Rust backend from a core without exports'
	@echo 'make bench           count instructions: of calls, of each step of a resolution, and of what C macros do (two VMs)'
	@echo 'make check           what CI runs: check-host and check-vm (not check-ways, check-tree and check-kernels)'
	@echo
	@echo 'make setup           build root and kernel build tree (the other targets do it when needed)'
	@echo 'make modules         build the samples and test modules into build/'
	@echo 'make tools           build the host commands: kimport, kimport-vm, kimport-bench, kimport-rust-project'
	@echo 'make consumer        build the module of README.md, and another, outside of the checkout, into build/consumer'
	@echo 'make check-host      what needs no VM: check-cargo, lint, doc, rust-analyzer, check-btf, check-fuzz, check-reuse'
	@echo 'make check-vm        the suites in VMs, each a target of its own: $(VMS)'
	@echo 'make vm SUITE=...  one suite of tests/vm, with TEST=TEXT only its tests with TEXT in their names'
	@echo 'make check-cargo     the host crates'\'' tests, which want no module of this build'
	@echo 'make check-btf       whether every module that is built here has type information'
	@echo 'make check-reuse     whether what was built is built again when, and only when, what it is made of has changed'
	@echo 'make check-fuzz      each fuzz target for a second'
	@echo 'make check-ways      build the kernels of docs/ways.md and try each way to import on them (minutes each, once)'
	@echo 'make check-tree      build a small kernel that kimport is part of, built in and as modules, signed or not, and boot it (minutes, once)'
	@echo 'make check-kernels   compare and check on four of Debian'\''s kernels (fetches 360 MB, once); build/kernels.html'
	@echo 'make fuzz            fuzz everything that reads what others wrote; for SECONDS=60 each, or only TARGET=btf'
	@echo 'make lint            rustfmt, clippy on all crates (kernel-side with CLIPPY=1 W=1), shellcheck'
	@echo 'make rustfmt         format all Rust sources'
	@echo 'make doc             rustdoc of all crates into build/doc'
	@echo 'make man             manual pages and shell completions of kimport into build/'
	@echo 'make install         kimport with these, built by the cargo of this machine (PREFIX=/usr/local, DESTDIR=)'
	@echo 'make rust-analyzer   rust-project.json of the kernel-side crates, for editors'
	@echo 'make update-kernel   pin the newest stock kernel of the archive'
	@echo 'make clean           remove build/'
	@echo
	@echo 'KDIR=...             kernel build tree for the modules (now $(KDIR));'
	@echo '                     scripts/prepare-kernel makes one for any Debian kernel with CONFIG_RUST=y'
	@echo 'KIMPORT_CACHE=...    where set-up keeps what is expensive (now $(CACHE))'
	@echo 'KIMPORT_MIRROR=...   Debian mirror (default: from the apt configuration)'
	@echo 'KIMPORT_ACCEL=auto   let VMs use KVM where it works (now $(KIMPORT_ACCEL))'
	@echo 'KIMPORT_SEED=...     a number that chooses other functions for tests/typed and tests/bench to import'
	@echo 'CHECK_JOBS=...       how many things make check does side by side (now $(CHECK_JOBS))'

setup:
	@scripts/setup

update-kernel:
	@scripts/setup update-kernel

# ---- Building

modules: $(MODULE_DIRS)

tests/relink: tools

# What is built of the same sources already is not built again, also in another checkout.
# $(1): directory  $(2): what it is made of  $(3): command
reuse = scripts/reuse $(KDIR) $(BUILD)/$(1) $(2) -- $(3)
CRATE := rust/kimport rust/bindings rust/macros/src rust/types/src scripts/Makefile.kimport scripts/Makefile.relink

# W=, CLIPPY= and the like reach the kernel's build through MAKEFLAGS. A warning of objtool is an error.
# What all have in common the first makes.
# $(1): directory of sources  $(2): what else it is made of  $(3): directory to build in, if it is another
build-modules = $(call reuse,$(or $(3),$(1)),$(if $(filter samples/lio_core_new,$(1)),,$(CRATE)) $(1) $(2),\
	$(MAKE) -j$(JOBS) -C $(KDIR) M=$(CURDIR)/$(1) MO=$(BUILD)/$(or $(3),$(1)) KIMPORT=$(KIMPORT) CONFIG_OBJTOOL_WERROR=y)
SHARED = KIMPORT_SHARED=$(BUILD)/samples/hello_import/.kimport
$(MODULE_DIRS): setup
	@$(call build-modules,$@,$(MADE_OF)) $(if $(filter samples/hello_import,$@),,$(SHARED))
$(filter-out samples/hello_import samples/lio_core_new,$(MODULE_DIRS)): samples/hello_import
tests/relink: MADE_OF = $(KIMPORT)
tests/typed: MADE_OF = $(TYPED)

# Functions of the stock kernel, chosen at random by a seed: the same ones until KIMPORT_SEED names another.
TYPED := $(BUILD)/tests/typed/prototypes.rs
TYPED_BENCH := $(BUILD)/tests/typed/bench.rs
tests/typed: $(TYPED)
$(TYPED): rust/types/examples/typed_module.rs rust/types/tests/support/prototypes.rs kernel.pin \
		$(if $(KIMPORT_SEED),FORCE) | tools
	@mkdir -p $(@D)
	@KIMPORT_SEED=$${KIMPORT_SEED:-20261122} $(AT_ONE_PATH) $(BINARIES)/examples/typed_module $(@D)
FORCE:

# The test modules once more, bound through function pointers.
pointer: samples/hello_import
	@$(call build-modules,tests/modules,,pointer) $(SHARED) kimport-calls=pointer

# Modules for `kimport load`: modpost warns of what nothing exports instead of giving up.
tests/load: setup
	@$(call build-modules,$@,tests/modules) KBUILD_MODPOST_WARN=1

# Every module, in C or in Rust, has type information that was made on the stock kernel's.
check-btf: modules
	@without=$$($(IN_ROOT) readelf -SW $$(find $(MODULE_DIRS:%=$(BUILD)/%) -name '*.ko') | awk '/^File: / { file = $$2; files[file] } \
		/ \.BTF / { delete files[file] } END { for (file in files) print file ": no BTF" }') && [[ -z $$without ]] || \
		{ echo "$$without"; exit 1; }

check-reuse: setup
	@tests/reuse/check $(KDIR) $(BUILD)/reuse

# As in another repository: README's module, and one of several parts.
consumer: setup
	@$(call reuse,consumer,$(CRATE) tests/modules tests/consumer README.md .rustfmt.toml,\
		tests/consumer/build $(KDIR) $(BUILD)/consumer)

TOOLS := kimport kimport-vm kimport-bench kimport-rust-project
tools: setup
	@$(CARGO) build -q --workspace $(addprefix --bin ,$(TOOLS)) --examples

# Debian's own front end, made to link against the core that exports nothing.
TCM_LOOP := $(STOCK)/usr/lib/modules/$(RELEASE)/kernel/drivers/target/loopback/tcm_loop.ko.xz
$(BUILD)/tcm_loop_new.ko: tools
	@mkdir -p $(BUILD)
	@$(IN_ROOT) $(KIMPORT) relink $(TCM_LOOP) --from target_core_mod_new=target_core_mod \
		--symvers $(KDIR)/Module.symvers --name tcm_loop_new -o $@

# Every module of the distribution that needs the LIO core, likewise.
.PHONY: lio
lio: tools
	@$(IN_ROOT) tests/lio/relink $(KIMPORT) $(STOCK)/usr/lib/modules/$(RELEASE) $(KDIR)/Module.symvers $(BUILD)/lio

# A driver in Rust, whose symbols of the kernel image become livepatch symbols of the same.
RUST_PHY := $(STOCK)/usr/lib/modules/$(RELEASE)/kernel/drivers/net/phy/ax88796b_rust.ko.xz
$(BUILD)/ax88796b_rust.ko: tools
	@mkdir -p $(BUILD)
	@$(IN_ROOT) $(KIMPORT) relink $(RUST_PHY) --from vmlinux=vmlinux --symvers $(KDIR)/Module.symvers -o $@

# ---- Running

# What a suite needs of its VM is said at its top, which `kimport-vm` reads; these are the targets that make the modules for the
# suites $(1): directories of the build, and what lies in it.
needed = $(sort $(foreach module,$(if $(1),$(shell sed -n 's/^# kimport-vm: module //p' $(1))),\
	$(if $(findstring /,$(module)),$(patsubst %/,%,$(dir $(module))),$(BUILD)/$(module).ko)))
suites = $(1:%=tests/vm/%.sh)

# $(1): suites  $(2): name of the log  $(3): options
# Suites get addresses in clear: they are compared with /proc/kallsyms.
# Some tests say nothing for a minute on a busy host.
run-vm = $(IN_ROOT) $(KIMPORT_VM) run --append no_hash_pointers --hang-timeout 150 $(addprefix --suite ,$(1)) \
	--log $(BUILD)/$(2).log $(3)

.SECONDEXPANSION:

demo: tools $$(call needed,$$(call suites,demo))
	@$(call run-vm,$(call suites,demo),$@,--show)

# What is measured counts the time-stamp counter's ticks, which are instructions here. Not in `check`: tests are not timed.
BENCH_CPUS := 1 4
BENCH_LOGS := $(BENCH_CPUS:%=$(BUILD)/bench-%.log)
.PHONY: tests/bench bench-pointer $(BENCH_LOGS)
tests/bench: $(TYPED) samples/hello_import
	@$(call build-modules,$@,$(TYPED_BENCH)) $(SHARED) blocks=$(TYPED_BENCH)

bench-pointer: $(TYPED) samples/hello_import
	@$(call build-modules,tests/bench,$(TYPED_BENCH),$@) $(SHARED) blocks=$(TYPED_BENCH) kimport-calls=pointer

$(BENCH_LOGS): $(BUILD)/bench-%.log: tests/bench bench-pointer tools
	@$(call run-vm,tests/bench/bench.sh,bench-$*,--smp $*)

bench: $(BENCH_LOGS)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-bench $(BENCH_LOGS) --json $(BUILD)/bench.json
	@echo $(BUILD)/bench.json

# Two things side by side at least: a VM has two CPUs, but waits much.
CHECK_JOBS ?= $(shell n=$$(nproc); echo $$((n > 2 ? n - 1 : 2)))
check: setup
	@$(MAKE) -j$(CHECK_JOBS) --output-sync=target check-vm check-host

# The longest first.
check-host: check-cargo lint check-fuzz doc rust-analyzer check-btf check-reuse

check-cargo: setup
	@KIMPORT_BINDINGS=$(CURDIR)/rust/macros/tests/ui/support/bindings.rs $(CARGO) test --workspace

# Each fuzz target for a second, and for as long as one likes.
check-fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz check

SECONDS ?= 60
fuzz: setup
	@$(AT_ONE_PATH) scripts/fuzz $(SECONDS) $(TARGET)

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
.PHONY: check-vm vm $(VMS) pointer ways tests/load
check-vm: $(VMS)

$(VMS): tools $$(call needed,$$(call suites,$$($$@.suites)))
	@$(call run-vm,$(call suites,$($@.suites)),$(@:vm-%=%),$(VM_OPTIONS))

vm-pointer: pointer
vm-pointer: VM_OPTIONS = --instead tests/modules=pointer --file tests/vm/pointer.calls:/test/calls

# Some suites, and some of their tests.
vm: tools $$(if $$(SUITE),,$$(error SUITE=NAME... names suites of tests/vm)) $$(call needed,$$(call suites,$$(SUITE)))
	@$(call run-vm,$(call suites,$(SUITE)),vm,--show $(if $(TEST),--test '$(TEST)'))

# The importing module under a licence that is not GPL-compatible.
$(BUILD)/not_gpl.ko: tests/modules
	@LC_ALL=C sed 's/license=GPL\x00/license=BSD\x00/' $(BUILD)/tests/modules/import_cases.ko > $@

# The same, with the exports for GPL-compatible modules that it uses as livepatch symbols: the loader gives these to any module.
# What `relink` adds to have it refused by kernels without livepatch is such an export, too.
$(BUILD)/not_gpl_relinked.ko: tests/modules tools
	@gpl_only=$$($(IN_ROOT) nm -u $(BUILD)/tests/modules/import_cases.ko | \
		awk 'NR == FNR { if ($$4 ~ /GPL/) gpl[$$2]; next } $$2 in gpl { print $$2 }' $(KDIR)/Module.symvers - | paste -sd,) && \
		$(IN_ROOT) $(KIMPORT) relink $(BUILD)/tests/modules/import_cases.ko --from vmlinux:$$gpl_only -o $(@:.ko=.gpl.ko) > /dev/null
	@$(IN_ROOT) objcopy --weaken-symbol=klp_enable_patch $(@:.ko=.gpl.ko)
	@LC_ALL=C sed 's/license=GPL\x00/license=BSD\x00/' $(@:.ko=.gpl.ko) > $@

$(BUILD)/provider_without_btf.ko: tests/modules
	@$(IN_ROOT) objcopy --remove-section .BTF $(BUILD)/tests/modules/kimport_test_provider.ko $@

# The provider as a livepatch module, which keeps its whole symbol table, under another name.
$(BUILD)/provider_livepatch.ko: tests/modules tools
	@$(IN_ROOT) objcopy --dump-section .modinfo=$@.modinfo $(BUILD)/tests/modules/kimport_test_provider.ko $@.in
	@printf 'livepatch=Y\0' >> $@.modinfo
	@$(IN_ROOT) objcopy --update-section .modinfo=$@.modinfo $@.in
	@$(IN_ROOT) $(KIMPORT) relink $@.in --from vmlinux:msleep --name provider_livepatch -o $@

# Another module of the same name.
$(BUILD)/provider_upgraded.ko: tests/upgraded
	@cp $(BUILD)/tests/upgraded/kimport_test_provider.ko $@

# A module of the distribution, relinked, signed with a key that the kernel does not know and not signed.
DUMMY := $(STOCK)/usr/lib/modules/$(RELEASE)/kernel/drivers/net/dummy.ko.xz
$(BUILD)/signing_key.pem: | setup
	@mkdir -p $(BUILD)
	@$(IN_ROOT) openssl req -x509 -new -nodes -batch -subj '/CN=kimport test' -newkey rsa:2048 -keyout $@ -out $(@:.pem=.x509) 2> /dev/null
$(BUILD)/signed.ko: tools $(BUILD)/signing_key.pem
	@$(IN_ROOT) $(KIMPORT) relink $(DUMMY) --from vmlinux:ether_setup --name signed -o $@ \
		--sign $(BUILD)/signing_key.pem $(BUILD)/signing_key.x509
$(BUILD)/unsigned.ko: tools
	@mkdir -p $(BUILD)
	@$(IN_ROOT) $(KIMPORT) relink $(DUMMY) --from vmlinux:ether_setup --name unsigned -o $@

# The same module, changed so that the kernel's loader refuses it: each for a reason of its own.
$(BUILD)/refused_not.ko: | setup
	@mkdir -p $(BUILD)
	@$(IN_ROOT) xz -dc $(DUMMY) > $@
	@$(IN_ROOT) objcopy $@
$(BUILD)/refused_namespace.ko: $(BUILD)/refused_not.ko
	@$(IN_ROOT) objcopy --redefine-sym ether_setup=write_ibpb $< $@
$(BUILD)/refused_licence.ko: $(BUILD)/refused_not.ko
	@LC_ALL=C sed 's/license=GPL\x00/license=BSD\x00/' $< > $@
$(BUILD)/refused_release.ko: $(BUILD)/refused_not.ko
	@LC_ALL=C sed 's/vermagic=[0-9]/vermagic=X/' $< > $@
$(BUILD)/refused_architecture.ko: $(BUILD)/refused_not.ko
	@cp $< $@ && printf '\267\0' | dd of=$@ bs=1 seek=18 conv=notrunc status=none
$(BUILD)/refused_stripped.ko: $(BUILD)/refused_not.ko
	@$(IN_ROOT) objcopy --strip-all $< $@

# The rows of docs/ways.md for one kernel; KDIR, STOCK and BUILD have to fit it.
WAYS_KERNEL ?= stock
ways: tools
	@$(call reuse,ways,$(CRATE) tests/ways $(KIMPORT),tests/ways/build $(KDIR) $(BUILD)/ways $(KIMPORT))
	@echo '$(WAYS_KERNEL)' > $(BUILD)/ways/kernel

# The other kernels of docs/ways.md: not in `check`, as building them takes long the first time.
check-ways: tools
	@failed=; while read -r options; do \
		dir=$$(scripts/setup ways-kernel $$options) && echo "small $$options" && \
		$(MAKE) vm-ways WAYS_KERNEL="small $$options" KDIR=$$dir/build STOCK=$$dir/install BUILD=$(BUILD)/ways-$${dir##*/} \
			< /dev/null || failed="$$failed [$$options]"; \
	done < <(tests/ways/kernels); [[ -z $$failed ]] || { echo "FAIL:$$failed"; exit 1; }

# A kernel that this checkout is part of: not in `check`, as building the kernel takes some minutes the first time.
TREE_MODULES := samples/hello_import/hello_import samples/rust_iblock/rust_iblock tests/selftest/kimport_selftest
in-tree = --module $$tree/lib/modules/*/kernel/drivers/kimport/$(1).ko
# hello_import, signed with a key; the first is the kernel's own.
sign-in-tree = $(IN_ROOT) $(KIMPORT) relink $$tree/lib/modules/*/kernel/drivers/kimport/samples/hello_import/hello_import.ko --sign $(2).pem $(2).x509 -o $(BUILD)/$(1).ko

check-tree: tools $(BUILD)/signing_key.pem
	@tree=$$(scripts/setup tree-kernel builtin) && $(call run-vm,$(call suites,tree_builtin),tree_builtin,--stock $$tree)
	@tree=$$(scripts/setup tree-kernel modules) && \
	$(call sign-in-tree,trusted,$${tree%/*}/build/certs/signing_key) && $(call sign-in-tree,unknown,$(BUILD)/signing_key) && \
	LC_ALL=C sed 's/license=GPL\x00/license=GPl\x00/' $(BUILD)/trusted.ko > $(BUILD)/changed.ko && \
	$(call run-vm,$(call suites,tree_modules tree_signed),tree_modules,--stock $$tree \
		$(foreach module,$(TREE_MODULES),$(call in-tree,$(module))))

# Debian's 6.1, 6.12, 7.2 and 7.3, all as the archive has them: not in `check`, as three of them are fetched for nothing else.
IBLOCK := $(BUILD)/samples/rust_iblock/rust_iblock.ko
check-kernels: tools samples/rust_iblock
	@kernels=$$(scripts/setup kernels) && export KIMPORT_KERNELS="$$kernels" && $(CARGO) test -q --workspace --test debian_kernels -- --ignored
	@kernels=$$(scripts/setup kernels | sed 's/^/--kernel /') && rc=0 && $(IN_ROOT) $(KIMPORT) compare --module $(IBLOCK) $$kernels \
		--kernel $(STOCK) --html $(BUILD)/kernels.html || rc=$$?; [[ $$rc -le 1 ]] && echo $(BUILD)/kernels.html

# ---- Sources

RUST_KERNEL_SOURCES = $(shell git ls-files 'rust/kimport/*.rs' 'samples/*.rs' $(patsubst %,'tests/%/*.rs',modules lifetime relink selftest \
	typed bench ways))
SHELL_SOURCES = $(shell git ls-files scripts tests tools/vm/guest .ci | xargs grep -lE '^\#!.*sh|shellcheck shell=')

rustfmt: setup
	@$(CARGO) fmt --all
	@$(IN_ROOT) rustfmt $(RUST_KERNEL_SOURCES)

rustfmtcheck: setup
	@$(CARGO) fmt --all --check
	@$(IN_ROOT) rustfmt --check $(RUST_KERNEL_SOURCES)

clippy: setup
	@$(CARGO) clippy -q --workspace --all-targets -- -D warnings
	@mkdir -p $(BUILD)
	@$(MAKE) $(filter-out samples/lio_core_new,$(MODULE_DIRS)) tests/bench BUILD=$(BUILD)/clippy KIMPORT_LINT=1 CLIPPY=1 W=1 > $(BUILD)/clippy.log 2>&1 || \
		{ cat $(BUILD)/clippy.log; exit 1; }
	@! grep -E 'warning[:[]' $(BUILD)/clippy.log

lint: rustfmtcheck clippy
	@$(IN_ROOT) shellcheck -x $(SHELL_SOURCES)

# ---- For people who read and write them

# The host crates by cargo; the kernel-side crate by the build of a module, with the kernel's flags and configuration.
doc: samples/hello_import
	@rm -rf $(BUILD)/doc && mkdir -p $(BUILD)/doc
	@RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc -q --workspace --no-deps --document-private-items
	@cp -r $(CARGO_TARGET_DIR)/doc $(BUILD)/doc/host
	@$(call reuse,doc/kernel,$(CRATE) samples/hello_import,$(MAKE) -j$(JOBS) -C $(KDIR) M=$(CURDIR)/samples/hello_import \
		MO=$(BUILD)/samples/hello_import KIMPORT=$(KIMPORT) KIMPORT_DOC=$(BUILD)/doc/kernel) > $(BUILD)/doc.log 2>&1 || { cat $(BUILD)/doc.log; exit 1; }
	@cp scripts/doc-index.html $(BUILD)/doc/index.html
	@cd $(BUILD)/doc && sed -n 's/.*href="\([^"]*\)".*/\1/p' index.html | xargs ls > /dev/null
	@echo $(BUILD)/doc/index.html

# The kernel's generator knows the kernel's crates; what was built here is added to that.
rust-analyzer: modules tools
	@$(call reuse,rust-analyzer,scripts/Makefile.kimport,$(MAKE) -s -C $(KDIR) M=$(CURDIR)/scripts MO=$(BUILD)/rust-analyzer rust-analyzer)
	@$(AT_ONE_PATH) $(BINARIES)/kimport-rust-project --kernel $(BUILD)/rust-analyzer/rust-project.json --root $(ROOT) \
		--output $(AT)/build/rust-analyzer/modules.json $(MODULE_DIRS:%=$(BUILD:$(CURDIR)%=$(AT)%)/%)
	@sed -E 's#(^|[":=])$(AT)/#\1$(CURDIR)/#g' $(BUILD)/rust-analyzer/modules.json > rust-project.json
	@echo $(CURDIR)/rust-project.json

# Manual pages and completions lie as below a prefix.
MAN := $(BUILD)/man/share
man: tools
	@rm -rf $(BUILD)/man && mkdir -p $(MAN)/bash-completion/completions $(MAN)/zsh/site-functions $(MAN)/fish/vendor_completions.d
	@$(IN_ROOT) $(KIMPORT) man $(MAN)/man/man1 > /dev/null
	@$(IN_ROOT) $(KIMPORT) completions bash > $(MAN)/bash-completion/completions/kimport
	@$(IN_ROOT) $(KIMPORT) completions zsh > $(MAN)/zsh/site-functions/_kimport
	@$(IN_ROOT) $(KIMPORT) completions fish > $(MAN)/fish/vendor_completions.d/kimport.fish
	@echo '$(MAN): make install copies it, or try it with MANPATH=$(MAN)/man: man kimport'

# Not the build root's cargo: its programs may not run on this system.
PREFIX ?= /usr/local
install: man
	@CARGO_TARGET_DIR=$(BUILD)/install cargo install -q --locked --no-track --force --path tools/kimport --root $(DESTDIR)$(PREFIX)
	@cp -r $(MAN) $(DESTDIR)$(PREFIX)/

clean:
	rm -rf $(BUILD)
