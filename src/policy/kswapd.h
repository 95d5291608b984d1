/* SPDX-License-Identifier: MIT */
#ifndef POLICY_KSWAPD_H
#define POLICY_KSWAPD_H

/* One kswapd for each node with memory (mm/vmscan.c, 6.1). Waking it is in policy.h. */

#include "policy/policy.h"

#define KSWAPD_FAILURES_MOST 16 /* runs in a row that freed nothing: the node is hopeless */

void kswapd_init(struct kswapd *k, struct policy *p, struct node *n);
MUST_CHECK int kswapd_start(struct kswapd *k); /* its thread; 0 or -errno */
/* Is it reclaiming just now? Relaxed. 6.1: kswapd_is_running. */
static inline bool kswapd_busy(const struct kswapd *k)
{
	return READ_RELAXED(&k->busy);
}
void kswapd_fini(struct kswapd *k); /* joins the thread if there is one */

#endif
