/* SPDX-License-Identifier: MIT */
#ifndef KNOB_KNOB_H
#define KNOB_KNOB_H

/*
 * A knob is one row: where it stands in the tree, its mode, how it is parsed
 * and shown, its range, and what happens when it changes. The configuration
 * and the mount write through the same knob_write. Parsing, ranges and errno
 * are 6.1's (kernel/sysctl.c, fs/sysfs, mm/hugetlb.c).
 */

#include "base/text.h"
#include "vm/vm.h"

enum knob_scope { KNOB_ONCE, KNOB_NODE /* %u in the path is a node */ };
enum knob_style { KNOB_SYSCTL, KNOB_SYSFS };

struct knob {
	const char *path; /* "proc/sys/vm/min_free_kbytes"; see knob_path for the tokens in it */
	uint16_t mode; /* 0644, 0200, 0600, 0444 */
	uint8_t scope, style;
	/* the rest is for this layer: see knob_table.c */
	bool unlocked; /* the effect may take long and guards itself: written without knob_lock */
	bool action; /* writing does something and leaves no value behind */
	int (*show)(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
	ssize_t (*store)(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
	size_t offset; /* of the value in struct vm, or in struct hugetlb_node for KNOB_NODE */
	int32_t min, max; /* of an int; of an unsigned long min alone */
	uint8_t pool; /* whose value it is: 0 is the pool of the default size of huge pages, 1 that of the other */
	uint8_t nr; /* how many numbers; 0 and 1: one */
	int (*check)(int32_t value); /* what a range cannot say: 0 or -errno, nothing stored; NULL: any */
	int (*set)(struct vm *vm, unsigned arg, uint64_t value); /* instead of storing a number at offset */
	int (*set_pool)(const struct knob *k, struct vm *vm, unsigned arg,
			uint64_t value); /* the same for a pool of huge pages */
	void (*apply)(struct vm *vm); /* after a value was stored, changed or not; NULL: nothing to do */
	void (*after_read)(struct vm *vm); /* what reading the file does, beside its text; NULL: nothing, as it should be */
	const char *const *choice; /* the words that it may be, NULL behind the last; the value is the number of one */
	/* a write that takes no value because it is not the one at the start: what comes of it; NULL: it counts as taken */
	ssize_t (*pass)(const struct knob *k, struct vm *vm, size_t len);
	bool stream; /* of proc/sys, but read to its end piece by piece, and every write counts, wherever it is */
	uint8_t loaded; /* enum loaded_slot: only in the tree of a machine that was loaded with it; 0: in every tree */
	uint32_t kernels; /* set of kernels that have it; 0: all */
	bool (*shown)(const struct machine *m, unsigned arg); /* is it in the tree? NULL: always */
};

extern const struct knob knob_table[];
extern const unsigned nr_knobs;

/* Is the row in the tree of this machine? */
static inline bool knob_shown(const struct knob *k, const struct machine *m, unsigned arg)
{
	return kernels_have(k->kernels, m->version) && (!k->shown || k->shown(m, arg)) &&
	       (!k->loaded || loaded_has(&m->loaded, k->loaded));
}
/*
 * "min_free_kbytes" of proc/sys/vm, for [vm] of the configuration: only knobs that have a value and are in the
 * tree of every machine of some kernel. NULL: no such.
 */
const struct knob *knob_find(const char *name);
/*
 * Where the row stands on this machine: "%u" becomes arg (the node) and "%kB"
 * the size of its pool's huge pages ("2048kB"). Returns the length, or
 * -ENAMETOOLONG. 64 bytes more than the pattern are always enough.
 */
MUST_CHECK int knob_path(const struct knob *k, const struct machine *m, unsigned arg, char *buf, size_t len);
/* The text as a read from offset 0 gives it. 0 or -errno; -EACCES, of sysfs -EIO: can only be written. */
MUST_CHECK int knob_read(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
/* The same text without what reading does: safe while the machine is held (vm/hold.h). */
MUST_CHECK int knob_text(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
/*
 * One write at offset 0. Returns bytes taken as 6.1's write(2) would, or
 * -errno and nothing changed; -EACCES: can only be read. Takes knob_lock. The
 * caller is inside no CPU and holds no lock of a rank above RANK_KNOB.
 */
MUST_CHECK ssize_t knob_write(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			      size_t len);
/* A write that is not at offset 0, where that makes a difference (a sysctl without `stream`): as knob_write, nothing is stored. */
MUST_CHECK ssize_t knob_write_past(const struct knob *k, struct vm *vm, size_t len);
/* The same for a configuration: text that knob_write would leave a part of, or take no number from, is -EINVAL. */
MUST_CHECK int knob_set(const struct knob *k, struct vm *vm, unsigned arg, const char *text);

#endif
