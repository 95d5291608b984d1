/* SPDX-License-Identifier: MIT */
/* proc/swaps (mm/swapfile.c, 6.1): the heading alone while the machine has no swap. Tabs, as tools expect. */
#include "view/views.h"

void view_swaps(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)s;
	(void)arg;
	text_str(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}
