/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_OWNED_H
#define DAEMON_IMPORT_OWNED_H

/* Memory in use that gets entries and an owner: pages of LRU lists, and the page tables of the imported task. */

#include "daemon/import_capture.h"
#include "daemon/import_layout.h"
#include "mm/machine.h"

/* After the zone's free memory and per-CPU lists. 0 or -ENOMEM. */
MUST_CHECK int import_owned_place(struct import_run *run, struct zone *z,
				  const struct cap_zone *from, struct layout *layout);

#endif
