/* SPDX-License-Identifier: MIT */
#ifndef POLICY_MEMPOLICY_H
#define POLICY_MEMPOLICY_H

/*
 * On which nodes somebody's memory is placed (mm/mempolicy.c, 6.1). A policy
 * belongs to a task and is used with the task's change lock held.
 */

#include "mm/types.h"

struct cpu;
struct page;
struct policy;
struct text;

enum mempolicy_mode { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL };

struct mempolicy {
	uint8_t mode; /* enum mempolicy_mode */
	uint16_t il_prev; /* interleave: the node of the last page */
	struct nodemask nodes; /* of preferred one, of bind and interleave some; default and local: none */
};

/* As the kernel writes it, in numa_maps too: "default", "local", "prefer:1", "bind:0,2", "interleave:0-3". */
void mempolicy_print(struct text *t, const struct mempolicy *pol);

/* alloc_pages by a policy; NULL and MPOL_DEFAULT: near the CPU. Counts NUMA_INTERLEAVE_HIT. Inside c. */
struct page *alloc_pages_policy(struct policy *p, struct cpu *c, struct mempolicy *pol, gfp_t gfp, unsigned order);
/* The node whose zonelist a huge page comes from, and the nodes it may come from (NULL: any). Moves interleave on. 6.1: huge_node. */
int mempolicy_huge_node(struct policy *p, const struct cpu *c, struct mempolicy *pol, const struct nodemask **nodes);

#endif
