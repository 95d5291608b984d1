/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CONFIG_CACHES_H
#define DAEMON_CONFIG_CACHES_H

/* [cache NAME] of the configuration: slab caches that the machine has from the start. */

#include "daemon/config.h"

struct vm;
struct machine_plan;
struct config_entry;

/* The section of that name, opened on that line or before. 0 and *index, -EINVAL, -ENOMEM. */
MUST_CHECK int config_cache_open(struct machine_plan *p, const char *name, int line, unsigned *index);
MUST_CHECK int config_take_cache(struct machine_plan *p, const struct config_entry *e); /* one entry of one */
/* All sections are read: what they say moves into the configuration. 0 or -EINVAL. */
MUST_CHECK int config_caches_done(struct machine_plan *p, struct config *c);
void config_caches_free(struct config_cache *cache, unsigned nr);

/* Make them. One that the machine's kernel has already made gets this shape. 0, or -errno with why set. */
MUST_CHECK int config_caches_apply(const struct config *c, struct vm *vm, struct why *why);

#endif
