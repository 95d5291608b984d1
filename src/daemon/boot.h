/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_BOOT_H
#define DAEMON_BOOT_H

/* From a source (configuration, state, or the built-in machine) to a booted vm. Used by the mount, --check and --dump. */

#include "base/text.h"
#include "daemon/config.h"
#include "daemon/import.h"

struct boot_options {
	const char *config; /* -c FILE, or NULL */
	const char *from; /* --from STATE, or NULL */
	bool has_backing, has_limit, has_reserve;
	struct region_config region; /* from -o; fields count when has_* says so */
	bool no_region; /* --check, --dump: no memory behind the frames */
	bool strict; /* a state that has to be corrected is refused */
	const char *slab_debug; /* -o slab_debug=, see mm/slab_debug.h; NULL: not given */
	bool deterministic;
	uint64_t seed;
	const char *source; /* -o source=: of files/, see vm_config; NULL: not given */
};

struct booted {
	struct vm vm;
	struct region region;
	bool has_vm, has_region;
	uint16_t dev_mem_mode;
	struct text report; /* of import, or one line about the configuration */
};

/* 0, or -errno with why set. Neither -c nor --from: /etc/ummfs.conf if it exists, else built in. */
MUST_CHECK int boot_machine(struct booted *b, const struct boot_options *o, struct why *why);
void boot_fini(struct booted *b);
/* SIGHUP: read [vm] again and write its knobs. 0, or -errno with why set: knobs before the bad line are written. */
MUST_CHECK int boot_reload(struct vm *vm, const struct boot_options *o, struct why *why);

#endif
