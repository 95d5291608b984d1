/* SPDX-License-Identifier: MIT */
/*
 * Memory policies (mm/mempolicy.c, 6.1): from which node's zonelist a request
 * is served, and which nodes it is kept to.
 *
 *   default, local   the node of the CPU; any other when that one is full
 *   preferred        the node that is named; any other when that one is full
 *   bind             the CPU's own zonelist, of which the nodes named count
 *   interleave       a node named, in turn or by the place in a mapping; any
 *                    other when that one is full
 *
 * Binding is only for memory of the machine's highest type: a request that has
 * to have lower memory takes it where it is. Nodes whose memory is all Movable
 * bind requests for movable memory.
 *
 * Who uses a policy holds a lock of its owner's; `mode` and `nodes` are read
 * here without as well (mempolicy_in_domain), so they are stored relaxed.
 * Different from Linux: no static or relative nodes, no second choice of
 * several preferred ones; cpusets, against which those are relative, do not exist.
 */

#include "policy/mempolicy.h"

#include "base/parse.h"
#include "base/text.h"
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

static const char *const mode_name[] = {
	[MPOL_DEFAULT] = "default",       [MPOL_PREFERRED] = "prefer", [MPOL_BIND] = "bind",
	[MPOL_INTERLEAVE] = "interleave", [MPOL_LOCAL] = "local",
};

/* ---- Sets of nodes ---- */

static bool nodes_meet(const struct nodemask *a, const struct nodemask *b)
{
	uint64_t both = 0;
	for (unsigned i = 0; i < ARRAY_LEN(a->w); i++)
		both |= READ_RELAXED(&a->w[i]) & READ_RELAXED(&b->w[i]);
	return both;
}

static bool nodes_none(const struct nodemask *nodes)
{
	return nodemask_next(nodes, 0) == MM_NODES_MAX;
}

/* The member behind `after`, and behind the last the first. Not empty. 6.1: next_node_in. */
static unsigned nodes_next_in_turn(const struct nodemask *nodes, unsigned after)
{
	unsigned next = nodemask_next(nodes, MIN(after + 1, MM_NODES_MAX));
	return next < MM_NODES_MAX ? next : nodemask_next(nodes, 0);
}

/* 6.1: offset_il_node. */
static unsigned nodes_at(const struct nodemask *nodes, uint64_t offset)
{
	unsigned nid = nodemask_next(nodes, 0);
	for (uint64_t left = offset % nodemask_weight(nodes); left; left--)
		nid = nodemask_next(nodes, nid + 1);
	return nid;
}

void numa_nodes_init(struct numa_nodes *n, const struct machine *m)
{
	*n = (struct numa_nodes){ .bound_type = 0 };
	FOR_EACH_POPULATED_ZONE(z, m) {
		nodemask_set(&n->memory, z->node->id);
		if (z->kind == ZONE_MOVABLE)
			continue;
		nodemask_set(&n->general, z->node->id);
		n->bound_type = MAX(n->bound_type, z->type);
	}
}

/* ---- Making one ---- */

static void nodes_store(struct mempolicy *pol, enum mempolicy_mode mode, const struct nodemask *nodes)
{
	WRITE_RELAXED(&pol->mode, (uint8_t)mode);
	for (unsigned i = 0; i < ARRAY_LEN(nodes->w); i++)
		WRITE_RELAXED(&pol->nodes.w[i], nodes->w[i]);
	WRITE_RELAXED(&pol->il_prev, (uint16_t)(MM_NODES_MAX - 1));
}

int mempolicy_make(struct mempolicy *pol, const struct numa_nodes *n, enum mempolicy_mode mode,
		   const struct nodemask *nodes)
{
	struct nodemask left = { { 0 } };
	if (mode == MPOL_DEFAULT || mode == MPOL_LOCAL) {
		if (!nodes_none(nodes))
			return -EINVAL;
		nodes_store(pol, mode, &left);
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_LEN(left.w); i++)
		left.w[i] = nodes->w[i] & n->memory.w[i];
	if (nodes_none(&left))
		return -EINVAL;
	if (mode == MPOL_PREFERRED) {
		unsigned first = nodemask_next(&left, 0);
		left = (struct nodemask){ { 0 } };
		nodemask_set(&left, first);
	}
	nodes_store(pol, mode, &left);
	return 0;
}

bool mempolicy_valid(const struct mempolicy *pol, const struct numa_nodes *n)
{
	struct mempolicy made;
	return !mempolicy_make(&made, n, (enum mempolicy_mode)pol->mode, &pol->nodes) &&
	       !memcmp(&made.nodes, &pol->nodes, sizeof(made.nodes));
}

/* The list behind the colon. Numbers that no kernel has nodes for are no list; those that this one could have count as without memory. */
static int list_parse(const char *list, struct nodemask *out)
{
	enum { KERNEL_NODES = 1024 }; /* MAX_NUMNODES of distribution kernels */
	struct mask mask;
	if (!*list || parse_list(list, &mask) || mask_next(&mask, KERNEL_NODES) < MASK_BITS)
		return -EINVAL;
	MASK_FOR_EACH(nid, &mask)
		if (nid < MM_NODES_MAX)
			nodemask_set(out, nid);
	return 0;
}

static int mode_parse(const char *word, size_t len, enum mempolicy_mode *mode)
{
	static const char spec_word[] = "preferred"; /* what set_mempolicy's manual calls it */
	if (len == sizeof(spec_word) - 1 && !memcmp(word, spec_word, len)) {
		*mode = MPOL_PREFERRED;
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_LEN(mode_name); i++)
		if (strlen(mode_name[i]) == len && !memcmp(word, mode_name[i], len)) {
			*mode = (enum mempolicy_mode)i;
			return 0;
		}
	return -EINVAL;
}

int mempolicy_parse(struct mempolicy *pol, const struct numa_nodes *n, const char *word)
{
	struct nodemask nodes = { { 0 } };
	enum mempolicy_mode mode;
	size_t len = strcspn(word, ":");
	bool has_list = word[len];
	int error = mode_parse(word, len, &mode);
	if (!error && has_list == (mode == MPOL_DEFAULT || mode == MPOL_LOCAL))
		error = -EINVAL;
	if (!error && has_list)
		error = list_parse(word + len + 1, &nodes);
	return error ? error : mempolicy_make(pol, n, mode, &nodes);
}

/* ---- Showing one ---- */

void mempolicy_print(struct text *t, const struct mempolicy *pol)
{
	text_str(t, mode_name[pol->mode]);
	if (nodes_none(&pol->nodes))
		return;
	text_char(t, ':');
	report_nodes(t, &pol->nodes);
}

/* ---- Where a request goes ---- */

static bool is_local(const struct mempolicy *pol)
{
	return !pol || pol->mode == MPOL_DEFAULT || pol->mode == MPOL_LOCAL;
}

/* Whose zonelist: -1 is the CPU's own node. 6.1: policy_node. */
static int list_node(const struct mempolicy *pol)
{
	return pol->mode == MPOL_PREFERRED ? (int)nodemask_next(&pol->nodes, 0) : -1;
}

const struct nodemask *mempolicy_bound(const struct policy *p, const struct mempolicy *pol, gfp_t gfp)
{
	if (pol->mode != MPOL_BIND)
		return NULL;
	unsigned type = p->zone_type[gfp & GFP_PLACE_BITS], least = p->numa.bound_type;
	if (!nodes_meet(&pol->nodes, &p->numa.general))
		least = p->zone_type[GFP_HIGHUSER_MOVABLE & GFP_PLACE_BITS];
	return type >= least ? &pol->nodes : NULL;
}

static unsigned take_turn(struct mempolicy *pol)
{
	unsigned nid = nodes_next_in_turn(&pol->nodes, READ_RELAXED(&pol->il_prev));
	WRITE_RELAXED(&pol->il_prev, (uint16_t)nid);
	return nid;
}

/* 6.1: alloc_page_interleave. */
static struct page *alloc_interleaved(struct policy *p, struct cpu *c, unsigned nid, gfp_t gfp, unsigned order)
{
	struct page *page = alloc_request(p, c, (int)nid, gfp, order);
	if (!page || !READ_RELAXED(&p->machine->tune.numa_stat))
		return page;
	const struct zone *z = page_zone(p->machine, page);
	if (z->node->id == nid)
		counter_add(&c->zone[z->id].numa[NUMA_INTERLEAVE_HIT], 1);
	return page;
}

struct page *alloc_pages_policy(struct policy *p, struct cpu *c, struct mempolicy *pol, gfp_t gfp,
				unsigned order)
{
	if (LIKELY(is_local(pol)) || (gfp & __GFP_THISNODE))
		return alloc_pages(p, c, -1, gfp, order);
	if (pol->mode == MPOL_INTERLEAVE)
		return alloc_interleaved(p, c, take_turn(pol), gfp, order);
	return alloc_request_nodes(p, c, list_node(pol), mempolicy_bound(p, pol, gfp), gfp, order);
}

struct page *alloc_page_at(struct policy *p, struct cpu *c, const struct mempolicy *pol, gfp_t gfp,
			   uint64_t offset)
{
	if (LIKELY(is_local(pol)))
		return alloc_page(p, c, gfp);
	if (pol->mode == MPOL_INTERLEAVE)
		return alloc_interleaved(p, c, nodes_at(&pol->nodes, offset), gfp, 0);
	return alloc_request_nodes(p, c, list_node(pol), mempolicy_bound(p, pol, gfp), gfp, 0);
}

int mempolicy_huge_node(struct policy *p, const struct cpu *c, struct mempolicy *pol,
			const struct nodemask **nodes)
{
	*nodes = NULL;
	if (is_local(pol))
		return (int)c->node->id;
	if (pol->mode == MPOL_INTERLEAVE)
		return (int)take_turn(pol);
	*nodes = mempolicy_bound(p, pol, GFP_HIGHUSER_MOVABLE);
	int nid = list_node(pol);
	return nid < 0 ? (int)c->node->id : nid;
}

/* ---- Judging where a page lies ---- */

bool mempolicy_is_met(const struct mempolicy *pol, const struct cpu *c, unsigned nid)
{
	return is_local(pol) ? nid == c->node->id : nodemask_has(&pol->nodes, nid);
}

bool mempolicy_in_domain(const struct mempolicy *pol, const struct nodemask *nodes)
{
	return !nodes || READ_RELAXED(&pol->mode) != MPOL_BIND || nodes_meet(&pol->nodes, nodes);
}
