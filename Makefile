# SPDX-License-Identifier: MIT
#
# Everyday:     make | make run | make stop | make check | make install
# One layer:    make unit-mm     build and run the unit tests of mm, with the layers below it only
#               make lib-mm      build base.a … mm.a and nothing above
#               make test T=tests/property/mm_random.c    one test, by its source
#               make check-mount [FLAVOUR=asan]           the mounted tests only
# Everything:   make check-asan check-tsan check-guards lint bench
#               make fuzz [FUZZ_SECONDS=60] [FUZZERS=knob]      libFuzzer; what it finds ends it
#
# FLAVOUR is release, debug, asan, tsan or (make fuzz) fuzz; each has its own folder below BUILD. Tests are debug
# unless FLAVOUR says otherwise. Sources are found by wildcard: a new file needs no line here.

LAYERS  := base region mm policy vm knob view fs daemon
BUILD   ?= build
FLAVOUR ?= release
PREFIX  ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config

# What one layer may link is what stands left of it, so a call upward does not even link.
O := $(BUILD)/$(FLAVOUR)
TEST_FLAVOUR := $(if $(filter file,$(origin FLAVOUR)),debug,$(FLAVOUR))
PROGRAM_DIR := $(if $(filter release,$(FLAVOUR)),$(BUILD),$(O))
SUBMAKE = $(MAKE) --no-print-directory

FLAGS_release := -O2 -g -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
FLAGS_debug   := -Og -g -DUMMFS_DEBUG
NO_GUESSES := $(if $(findstring clang,$(CC)),,-Wno-error=maybe-uninitialized)
FLAGS_asan    := -O1 -g -DUMMFS_DEBUG -fno-omit-frame-pointer $(NO_GUESSES) \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_fuzz    := -O1 -g -DUMMFS_DEBUG -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fno-omit-frame-pointer $(NO_GUESSES) -fsanitize=thread
ifndef FLAGS_$(FLAVOUR)
$(error FLAVOUR=$(FLAVOUR): use release, debug, asan, tsan or fuzz)
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wvla -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wno-format-nonliteral
WERROR   ?= -Werror
DEFINES  := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314
# Asked for once, when the first recipe needs it: make deps runs where pkg-config is still missing.
PKG_CFLAGS  = $(eval PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags fuse3 inih libarchive))$(PKG_CFLAGS)
PKG_LIBS    = $(eval PKG_LIBS := $(shell $(PKG_CONFIG) --libs fuse3 inih libarchive))$(PKG_LIBS)
TEST_CFLAGS = $(eval TEST_CFLAGS := -Itests $(shell $(PKG_CONFIG) --cflags cmocka))$(TEST_CFLAGS)
TEST_LIBS   = $(eval TEST_LIBS := $(shell $(PKG_CONFIG) --libs cmocka))$(TEST_LIBS)

COMPILE = $(CC) -std=gnu11 $(FLAGS_$(FLAVOUR)) $(WARNINGS) $(WERROR) -pthread -Isrc -Iinclude \
	$(DEFINES) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK    = $(CC) $(FLAGS_$(FLAVOUR)) -pthread $(CFLAGS) $(LDFLAGS) -Wl,--as-needed
LIBS    = $(PKG_LIBS) -lnuma -lpthread
SAY     = @printf '  %-5s %s\n'

.PHONY: all programs run stop check check-asan check-tsan check-mount check-guards bench lint format fuzz fuzzers \
	install uninstall deps deps-lint deps-bench deps-fuzz clean tests test unit lib unit-% lib-%
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

all: programs

# ---- Sources and what is made of them ----

objects = $(patsubst %.c,$(O)/%.o,$(filter-out %/main.c,$(wildcard src/$(1)/*.c)))
below :=
$(foreach l,$(LAYERS),$(eval below := $(O)/$(l).a $(below))$(eval ARCHIVES_$(l) := $(below)))
ARCHIVES_run := $(O)/run.a $(ARCHIVES_base)
ARCHIVES := $(foreach l,$(LAYERS) run,$(O)/$(l).a)

PROGRAMS := $(if $(wildcard src/daemon/main.c),$(PROGRAM_DIR)/ummfs) \
	$(if $(wildcard src/run/*.c),$(PROGRAM_DIR)/ummfs-run)

UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
OTHER_SRC := $(wildcard tests/property/*.c tests/oracle/*.c)
TEST_SRC  := $(UNIT_SRC) $(OTHER_SRC)
# Each fuzz target is a test, too: replay.c gives it the inputs of its corpus, once each.
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
TEST_BIN  := $(TEST_SRC:%.c=$(O)/%) $(FUZZ_SRC:%.c=$(O)/%)
# A unit test links up to the layer of its folder; another test up to the highest layer its name
# mentions (mm_random.c: mm), or everything when it mentions none.
words_of = $(subst _, ,$(basename $(notdir $(1))))
layer_of = $(if $(filter tests/unit/%,$(1)),$(word 3,$(subst /, ,$(1))),$(or \
	$(lastword $(foreach l,$(LAYERS),$(filter $(l),$(call words_of,$(1))))),$(lastword $(LAYERS))))

define archive_rule
$(O)/$(1).a: $(call objects,$(1)) $(wildcard src/$(1)/.)
endef
$(foreach l,$(LAYERS) run,$(eval $(call archive_rule,$(l))))

# tests/support/*.c: helpers shared by tests.
$(O)/support.a: $(patsubst %.c,$(O)/%.o,$(wildcard tests/support/*.c)) $(wildcard tests/support/.)

define test_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(O)/support.a $(ARCHIVES_$(call layer_of,$(1)))
endef
$(foreach t,$(TEST_SRC),$(eval $(call test_rule,$(t))))

# tests/fuzz: what is shared; libFuzzer brings a main of its own.
FUZZ_SHARED := $(O)/tests/fuzz/fuzz.o $(if $(filter fuzz,$(FLAVOUR)),,$(O)/tests/fuzz/replay.o)
$(FUZZ_SRC:%.c=$(O)/%): %: %.o $(FUZZ_SHARED) $(ARCHIVES_daemon)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(SAY) CC $@
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(O)/tests/%.o: tests/%.c Makefile
	@mkdir -p $(@D)
	$(SAY) CC $@
	@$(COMPILE) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

# An archive is made anew, for a removed source must not leave its object behind.
$(ARCHIVES) $(O)/support.a:
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $(filter %.o,$^)

$(TEST_BIN):
	$(SAY) LINK $@
	@$(LINK) $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(PROGRAM_DIR)/ummfs: $(O)/src/daemon/main.o $(ARCHIVES_daemon)
	$(SAY) LINK $@
	@$(LINK) -o $@ $^ $(LIBS)

$(PROGRAM_DIR)/ummfs-run: $(patsubst %.c,$(O)/%.o,$(wildcard src/run/main.c)) $(ARCHIVES_run)
	$(SAY) LINK $@
	@$(LINK) -o $@ $^ $(LIBS)

-include $(wildcard $(O)/src/*/*.d $(O)/tests/*/*.d $(O)/tests/*/*/*.d)

programs: $(PROGRAMS)
tests: $(TEST_BIN)

# ---- Tests ----

# Words before each test program: TSan of gcc 12 cannot place its shadow when the host spreads
# mappings over more than 28 random bits.
WRAPPER_tsan = $(shell setarch -R true 2>/dev/null && echo setarch -R)
# Out of memory is an answer that tests ask for; a sanitizer must not end the program instead.
SANITIZER_OPTIONS := ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1 \
	UBSAN_OPTIONS=print_stacktrace=1 \
	TSAN_OPTIONS=allocator_may_return_null=1:second_deadlock_stack=1
program_dir = $(abspath $(if $(filter release,$(1)),$(BUILD),$(BUILD)/$(1)))
# $(call run_tests,FLAVOUR): what tests/run.sh and each test find in their environment.
run_tests = BUILD=$(BUILD) SRCDIR=$(CURDIR) UMMFS=$(call program_dir,$(1))/ummfs \
	UMMFS_BIN=$(call program_dir,$(1))/ummfs UMMFS_RUN=$(call program_dir,$(1))/ummfs-run \
	TEST_WRAPPER="$(WRAPPER_$(1))" $(SANITIZER_OPTIONS) sh tests/run.sh
test_bins = $(patsubst %.c,$(BUILD)/$(1)/%,$(TEST_SRC) $(FUZZ_SRC))
BUILD_ALL = $(SUBMAKE) -k $(if $(filter -j%,$(MAKEFLAGS)),,-O -j$(shell nproc))

MOUNT_TESTS  := $(sort $(wildcard tests/mount/test_*.sh))
STRESS_TESTS := $(sort $(wildcard tests/mount/stress_*.sh))
GUARD_TESTS  := $(wildcard tests/guards/run.sh)

# What does not build is a failure of its own; the rest is still run.
check: deps
	@broken=; \
	$(BUILD_ALL) FLAVOUR=release programs || broken=release; \
	$(BUILD_ALL) FLAVOUR=debug programs tests || broken="$$broken debug"; \
	$(call run_tests,release) -b "$$broken" $(call test_bins,debug) $(MOUNT_TESTS) $(GUARD_TESTS)

check-asan check-tsan: check-%: deps
	@broken=; \
	$(BUILD_ALL) FLAVOUR=$* programs tests || broken=$*; \
	$(call run_tests,$*) -b "$$broken" $(call test_bins,$*) $(STRESS_TESTS)

check-mount: deps
	@$(BUILD_ALL) programs
	@$(call run_tests,$(FLAVOUR)) $(MOUNT_TESTS) $(STRESS_TESTS)

check-guards:
	@$(call run_tests,$(FLAVOUR)) $(GUARD_TESTS)

# Peers that are not installed (make deps-bench) are the script's to name and skip: dpdk pulls in much.
bench: deps
	@$(BUILD_ALL) FLAVOUR=release programs
	@$(if $(wildcard tests/bench/run.sh),BUILD=$(BUILD) SRCDIR=$(CURDIR) \
		UMMFS=$(call program_dir,release)/ummfs sh tests/bench/run.sh,echo "no benchmark yet")

# One layer, one test.
lib: $(ARCHIVES_$(LAYER))
unit: $(filter $(O)/tests/unit/$(LAYER)/%,$(TEST_BIN))
	@$(call run_tests,$(FLAVOUR)) $^
lib-%:
	@$(SUBMAKE) FLAVOUR=$(TEST_FLAVOUR) LAYER=$* lib
unit-%:
	@$(SUBMAKE) FLAVOUR=$(TEST_FLAVOUR) LAYER=$* unit
test:
	@$(SUBMAKE) FLAVOUR=$(TEST_FLAVOUR) $(BUILD)/$(TEST_FLAVOUR)/$(T:.c=)
	@$(SANITIZER_OPTIONS) $(WRAPPER_$(TEST_FLAVOUR)) $(BUILD)/$(TEST_FLAVOUR)/$(T:.c=)

# ---- Fuzzing ----

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
fuzzers: $(filter $(O)/tests/fuzz/fuzz_%,$(TEST_BIN))
# New inputs gather in BUILD/fuzz/corpus/NAME; one that ends the program is written there as NAME-crash-….
fuzz_work = $(BUILD)/fuzz/corpus
fuzz: deps-fuzz
	@$(SUBMAKE) -j$(shell nproc) CC=clang FLAVOUR=fuzz fuzzers
	@for t in $(FUZZERS); do \
		mkdir -p $(fuzz_work)/$$t && echo "fuzz $$t: $(FUZZ_SECONDS) s" && \
		$(SANITIZER_OPTIONS) $(BUILD)/fuzz/tests/fuzz/fuzz_$$t -max_total_time=$(FUZZ_SECONDS) -timeout=20 \
			-rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix=$(fuzz_work)/$$t- \
			$(fuzz_work)/$$t tests/fuzz/corpus/$$t 2>$(fuzz_work)/$$t.log || \
		{ tail -n 40 $(fuzz_work)/$$t.log; echo "FAIL     fuzz $$t: $(fuzz_work)/$$t.log"; exit 1; }; \
		grep -E 'stat::(number_of|average)' $(fuzz_work)/$$t.log; \
	done

# ---- A walk through a mounted machine ----

walk = BUILD=$(BUILD) SRCDIR=$(CURDIR) UMMFS=$(call program_dir,$(FLAVOUR))/ummfs \
	UMMFS_RUN=$(call program_dir,$(FLAVOUR))/ummfs-run sh tests/mount/walk.sh
run: deps
	@$(SUBMAKE) all
	@$(walk)
stop:
	@$(walk) stop

# ---- Lint ----

LINTS := layers sizes headers format cppcheck tidy analyzer man
lint:
	@status=0; for lint in $(LINTS); do \
		if CC="$(CC)" HEADER_CFLAGS="-std=gnu11 $(DEFINES) $(PKG_CFLAGS)" sh tests/guards/$$lint.sh; \
		then echo "ok       lint $$lint"; else echo "FAIL     lint $$lint"; status=1; fi; \
	done; exit $$status

format:
	clang-format -i $(wildcard src/*/*.[ch] include/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])

# ---- Install ----

INSTALL ?= install
ROOT := $(DESTDIR)$(PREFIX)
MANUALS := $(wildcard man/*.[1-8])
CONFIGS := $(wildcard conf/*.conf)
COMPLETIONS := $(wildcard conf/bash-completion/*)

# mount -t fuse.ummfs looks for mount.fuse.ummfs in sbin.
install: all
	$(INSTALL) -d $(ROOT)/bin $(ROOT)/sbin
	$(INSTALL) -m 755 $(PROGRAMS) conf/ummfs-capture $(ROOT)/bin
	ln -sf ../bin/ummfs $(ROOT)/sbin/mount.fuse.ummfs
	$(foreach m,$(MANUALS),$(INSTALL) -D -m 644 $(m) $(ROOT)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m));)
	$(foreach c,$(CONFIGS),$(INSTALL) -D -m 644 $(c) $(ROOT)/share/doc/ummfs/$(notdir $(c));)
	$(foreach c,$(COMPLETIONS),$(INSTALL) -D -m 644 $(c) $(ROOT)/share/bash-completion/completions/$(notdir $(c));)

uninstall:
	rm -f $(ROOT)/bin/ummfs $(ROOT)/bin/ummfs-run $(ROOT)/bin/ummfs-capture $(ROOT)/sbin/mount.fuse.ummfs
	rm -f $(foreach m,$(MANUALS),$(ROOT)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
	rm -f $(foreach c,$(COMPLETIONS),$(ROOT)/share/bash-completion/completions/$(notdir $(c)))
	rm -rf $(ROOT)/share/doc/ummfs

clean:
	rm -rf $(BUILD)

# ---- Debian packages ----

DEPS       := gcc libc6-dev pkg-config libfuse3-dev fuse3 libnuma-dev libinih-dev libarchive-dev libcmocka-dev \
	numactl procps util-linux python3 xz-utils bzip2 git rsync sqlite3 attr libhugetlbfs-bin dpdk
DEPS_LINT  := clang clang-tidy clang-format cppcheck mandoc
# clang only recommends the libraries of its sanitizers.
DEPS_FUZZ  := clang libclang-rt-14-dev
DEPS_BENCH := libdpdk-dev valgrind libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4

# Silent when nothing is missing. Root installs; anyone else is told the one line to run.
define want_packages
@if ! command -v dpkg-query >/dev/null; then \
	echo "make $@: this is not Debian; needed are the likes of: $(1)" >&2; exit 0; \
fi; \
installed=" $$(dpkg-query -W -f='$${db:Status-Status}=$${Package} ' $(1) 2>/dev/null)"; missing=; \
for p in $(1); do \
	case "$$installed" in *" installed=$$p "*) ;; *) missing="$$missing $$p" ;; esac; \
done; \
[ -n "$$missing" ] || exit 0; \
if [ "$$(id -u)" -ne 0 ]; then \
	echo "Missing packages. Run: sudo apt-get install --no-install-recommends$$missing" >&2; exit 1; \
fi; \
export DEBIAN_FRONTEND=noninteractive; \
apt-get update && apt-get install -y --no-install-recommends $$missing
endef

deps:
	$(call want_packages,$(DEPS))
deps-lint:
	$(call want_packages,$(DEPS_LINT))
deps-fuzz:
	$(call want_packages,$(DEPS) $(DEPS_FUZZ))
deps-bench:
	$(call want_packages,$(DEPS_BENCH))
