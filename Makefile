# The front door. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
PYTHON := /usr/bin/python3
BUILD := build

# What Meson looks at: a change here (a new file, too) configures again.
CONFIGURED_BY := $(shell find meson.build meson_options.txt src tests examples bench man -name 'meson*' -type f) \
	examples/. bench/. man/.

.PHONY: all run test test-variant test-peers test-cross soak park bench fuzz install clean format help need-build

all: need-build $(BUILD)/build.ninja
	@ninja -C $(BUILD) -k 0 --quiet products >&2

need-build:
	@tools/need.sh build

$(BUILD)/build.ninja: $(CONFIGURED_BY) | need-build
	@echo 'wharf: configuring and building in $(BUILD)/' >&2
	@if [ -f $@ ]; then meson setup --reconfigure $(BUILD) > $(BUILD)/configure.log; \
	else mkdir -p $(BUILD) && meson setup $(BUILD) --prefix=$(PREFIX) > $(BUILD)/configure.log; fi \
	|| { cat $(BUILD)/configure.log; exit 1; }
	@cd $(BUILD) && ninja -t restat build.ninja

run: all
	@exec $(BUILD)/wharf serve --welcome

# T=name runs one test by its name.
test:
	@tools/need.sh build test
	@$(PYTHON) tools/run-tests $(if $(T),--only '$(T)') all

# V=gcc|clang|debug|asan|msan|tsan|valgrind: the unit tests of one variant.
test-variant:
	@tools/need.sh build test
	@$(PYTHON) tools/run-tests $(if $(T),--only '$(T)') $(or $(V),asan)

test-peers:
	@tools/need.sh build test peers
	@$(PYTHON) tools/run-tests $(if $(T),--only '$(T)') peers

# The library for another processor, its unit tests under an emulator.
test-cross:
	@tools/need.sh build test cross
	@$(PYTHON) tools/run-tests $(if $(T),--only '$(T)') aarch64

# Simulated programs under ever new seeds and faults, for FOR seconds (or 90m, 12h); one STORM only.
soak: all
	@tools/need.sh build test
	@ninja -C $(BUILD) --quiet tests/sim/soak >&2
	@$(BUILD)/tests/sim/soak $(or $(FOR),1h) $(STORM) < /dev/null

# A million parked tasks: about 4.5 GiB of memory.
park: all
	@$(BUILD)/bench/tasks --park $(or $(N),1000000) < /dev/null

bench: all
	@tools/need.sh bench
	@$(PYTHON) bench/run.py --build $(BUILD)

fuzz:
	@tools/need.sh build test
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(PYTHON) tools/run-tests $(if $(T),--only '$(T)') fuzz

install: all
	@meson configure $(BUILD) --prefix='$(PREFIX)'
	@ninja -C $(BUILD) products > $(BUILD)/install.log || { cat $(BUILD)/install.log; exit 1; }
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild --quiet
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

clean:
	rm -rf $(BUILD)

format:
	@tools/need.sh test
	@$(PYTHON) tools/check_format.py --fix

help:
	@echo 'make               build/wharf, build/libwharf.{so,a}, build/examples/*, build/bench/*'
	@echo 'make run           build, and serve the welcome page on http://localhost:8000'
	@echo 'make test          every test that needs no server daemon; T=name runs one'
	@echo 'make test-variant  unit tests alone; V=gcc, clang, debug, asan (default), msan, tsan, valgrind'
	@echo 'make test-peers    tests against nginx and friends (installs them, starts no service)'
	@echo 'make test-cross    unit tests for AArch64, under an emulator (installs a cross compiler)'
	@echo 'make soak          simulate under new seeds and faults for FOR=1h (90s, 10m, 12h), until one fails; STORM=name'
	@echo 'make park          park a million tasks and say what each costs; N=count'
	@echo 'make bench         measure against nginx and a bare epoll loop'
	@echo 'make fuzz          fuzz every parser for FUZZ_SECONDS (60) each; T=name fuzzes one'
	@echo 'make install       PREFIX=/usr/local DESTDIR='
	@echo 'make format        clang-format every C file'
	@echo 'make clean         remove build/'
