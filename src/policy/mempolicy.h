/* SPDX-License-Identifier: MIT */
#ifndef POLICY_MEMPOLICY_H
#define POLICY_MEMPOLICY_H

/*
 * On which nodes somebody's memory is placed (mm/mempolicy.c, 6.1). A policy
 * belongs to a task and is used with the task's change lock held.
 */

#include "mm/types.h"

struct cpu;
struct machine;
struct page;
struct policy;
struct text;

enum mempolicy_mode { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL };

struct mempolicy {
	uint8_t mode; /* enum mempolicy_mode */
	uint16_t il_prev; /* interleave: the node of the last page */
	struct nodemask nodes; /* of preferred one, of bind and interleave some; default and local: none */
};

/* Which nodes policies are about; fixed at boot. */
struct numa_nodes {
	struct nodemask memory; /* have any; 6.1: N_MEMORY */
	struct nodemask general; /* have some that is not Movable; 6.1: N_HIGH_MEMORY */
	uint8_t bound_type; /* binding counts for requests of this highest zone type and those above; 6.1: policy_zone */
};
void numa_nodes_init(struct numa_nodes *n, const struct machine *m);

/*
 * A policy of some nodes, as set_mempolicy takes it: those without memory are left out, and of the rest a preferred one is
 * the lowest. 0, or -EINVAL: no node is left, or there are some where there may be none. Interleaving begins anew.
 */
MUST_CHECK int mempolicy_make(struct mempolicy *pol, const struct numa_nodes *n,
			      enum mempolicy_mode mode, const struct nodemask *nodes);
/* "default", "local", "prefer:1" or "preferred:1", "bind:0,2", "interleave:0-3". 0 or -EINVAL. */
MUST_CHECK int mempolicy_parse(struct mempolicy *pol, const struct numa_nodes *n, const char *word);
/* Could mempolicy_make have made it? */
bool mempolicy_valid(const struct mempolicy *pol, const struct numa_nodes *n);
/* The nodes that such a request is kept to; NULL: none. 6.1: policy_nodemask, apply_policy_zone. */
const struct nodemask *mempolicy_bound(const struct policy *p, const struct mempolicy *pol, gfp_t gfp);
/* Does a page of this node lie as the policy wants it, seen from c? What mbind with MPOL_MF_MOVE leaves where it is. */
bool mempolicy_is_met(const struct mempolicy *pol, const struct cpu *c, unsigned nid);
/* May memory of an OOM-killed holder of this policy be on one of these nodes? 6.1: mempolicy_in_oom_domain. Needs no lock. */
bool mempolicy_in_domain(const struct mempolicy *pol, const struct nodemask *nodes);

/* As the kernel writes it, in numa_maps too: "default", "local", "prefer:1", "bind:0,2", "interleave:0-3". */
void mempolicy_print(struct text *t, const struct mempolicy *pol);

/* alloc_pages by a policy; NULL and MPOL_DEFAULT: near the CPU. Counts NUMA_INTERLEAVE_HIT. Inside c. */
struct page *alloc_pages_policy(struct policy *p, struct cpu *c, struct mempolicy *pol, gfp_t gfp,
				unsigned order);
/* The same for page `offset` of a mapping: interleaving goes by it and not by turns. 6.1: vma_alloc_folio. Order 0. */
struct page *alloc_page_at(struct policy *p, struct cpu *c, const struct mempolicy *pol, gfp_t gfp,
			   uint64_t offset);
/* The node whose zonelist a huge page comes from, and the nodes it may come from (NULL: any). Moves interleave on. 6.1: huge_node. */
int mempolicy_huge_node(struct policy *p, const struct cpu *c, struct mempolicy *pol,
			const struct nodemask **nodes);

#endif
