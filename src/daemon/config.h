/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

/* A machine as its configuration file describes it (inih; ummfs.conf(5)). */

#include "base/log.h"
#include "mm/spec.h"
#include "region/region.h"

struct config_knob { /* one line of [vm] */
	char *name, *value;
	int line;
};

#define CONFIG_CACHE_KEYS 3

struct config_cache { /* one [cache NAME] */
	char *name;
	uint32_t size, align, flags; /* bytes; enum slab_flag */
	int line; /* of its section */
	int key_line[CONFIG_CACHE_KEYS]; /* size, align, flags; 0: not given */
};

struct config {
	char *path; /* of the file, or "built-in" */
	struct machine_spec spec;
	struct region_config region; /* backing= ; options on the command line override it */
	struct config_knob *knob;
	unsigned nr_knobs;
	struct config_cache *cache; /* as they stand in the file */
	unsigned nr_caches;
	bool oom_sigkill; /* a task that is killed takes its processes with it */
	char *source; /* of files/: an absolute path, "none", or NULL: not given */
	uint16_t dev_mem_mode; /* who may open dev/mem: 0600 by default */
};

/* 0, or -errno with "FILE:LINE: ..." in why. */
MUST_CHECK int config_read(struct config *c, const char *path, struct why *why);
MUST_CHECK int config_builtin(struct config *c, struct why *why); /* two nodes x 512 MiB, the machine of conf/builtin.conf */
void config_fini(struct config *c);

#endif
