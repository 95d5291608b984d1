/* SPDX-License-Identifier: MIT */
#include "base/fault.h"

uint32_t fault_armed;

static struct {
	int64_t left; /* visits until the failing one; <= 0: it is past */
	bool fired;
} sites[FAULT_SITES];

void fault_arm(enum fault_site site, uint64_t nth)
{
	uint32_t bit = 1u << site;
	ASSERT(site < FAULT_SITES && nth <= INT64_MAX);

	__atomic_fetch_and(&fault_armed, ~bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sites[site].left, (int64_t)nth, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sites[site].fired, false, __ATOMIC_SEQ_CST);
	if (nth)
		__atomic_fetch_or(&fault_armed, bit, __ATOMIC_SEQ_CST);
}

bool fault_fired(enum fault_site site)
{
	return __atomic_load_n(&sites[site].fired, __ATOMIC_SEQ_CST);
}

bool fault_visit(enum fault_site site)
{
	if (__atomic_sub_fetch(&sites[site].left, 1, __ATOMIC_SEQ_CST) != 0)
		return false;
	__atomic_fetch_and(&fault_armed, ~(1u << site), __ATOMIC_SEQ_CST);
	__atomic_store_n(&sites[site].fired, true, __ATOMIC_SEQ_CST);
	return true;
}
