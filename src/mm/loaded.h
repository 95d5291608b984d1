/* SPDX-License-Identifier: MIT */
#ifndef MM_LOADED_H
#define MM_LOADED_H

/*
 * Settings that an imported machine was loaded with and that nothing here
 * needs: numbers in slots, so that they are part of the machine and travel
 * with its state. What a slot is about, the table of knobs knows
 * (knob/knob_loaded.h). A machine that was configured has none.
 */

#include "base/defs.h"

#define LOADED_MAX 64u /* slots; part of the frame record's format */

struct loaded {
	uint64_t present; /* bit per slot: the machine was loaded with it; written at import only */
	int64_t value[LOADED_MAX]; /* relaxed */
};

static inline bool loaded_has(const struct loaded *l, unsigned slot)
{
	return l->present >> slot & 1;
}

#endif
