/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

/*
 * The files of a real machine below tests/oracle, and a snapshot filled with
 * their numbers, so that a view can be asked to print them again. Only the
 * shape and the snapshot are made: no machine boots here.
 */

#include "mm/machine.h"
#include "vm/snapshot.h"

struct golden {
	char dir[512];
	struct machine machine;
	struct snapshot snap;
};

/* name: "captures/6.1.0-50-amd64-T3". Shape and numbers of proc/zoneinfo. Fails the test when a file is missing or odd. */
void golden_open(struct golden *g, const char *name);
void golden_close(struct golden *g);

/* A whole file; NULL: there is none. free() it. */
char *golden_read(const struct golden *g, const char *path);

/* Numbers of another file into the snapshot; false: the capture does not have it. */
bool golden_fill_buddyinfo(struct golden *g); /* all blocks as Movable */
bool golden_fill_pagetypeinfo(struct golden *g); /* ">100000" as a little more */
bool golden_fill_vmstat(struct golden *g); /* machine-wide values, on the first zone and node; events */
bool golden_fill_node(struct golden *g, unsigned nid); /* of nodeN/vmstat, on the node's first zone */
bool golden_fill_node_hugetlb(struct golden *g, unsigned nid); /* of nodeN/hugepages */
bool golden_fill_numastat(struct golden *g, unsigned nid); /* of nodeN/numastat, on the node's first zone */
bool golden_fill_hugetlb(struct golden *g); /* of meminfo, with what is committed */
bool golden_fill_facts(struct golden *g); /* of meminfo: what nothing moves */

typedef void golden_render(struct text *t, const struct snapshot *s, unsigned arg);
/* Render and compare with the file, byte for byte; the first line that differs is the message. */
void golden_compare(const struct golden *g, const char *path, golden_render *render, unsigned arg);
void golden_compare_text(const struct golden *g, const char *path, const char *expected,
			 golden_render *render, unsigned arg);

/* Every boot capture, oldest kernel first. */
extern const char *const golden_captures[];
extern const unsigned golden_nr_captures;

#endif
