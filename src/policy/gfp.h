/* SPDX-License-Identifier: MIT */
#ifndef POLICY_GFP_H
#define POLICY_GFP_H

/* What request flags mean: highest zone, migrate type, how far below the marks (mm/page_alloc.c, include/linux/gfp.h, 6.1). */

#include "mm/machine.h"

struct text;

/* Index of the highest zone type that the flags allow on this machine. */
unsigned gfp_zone_type(const struct machine *m, gfp_t gfp);
enum migratetype gfp_migratetype(gfp_t gfp);

/*
 * The flags by which a kernel knows such a request. Bits and their values are
 * the same in 5.10, 6.1 and 6.12, but for what GFP_ATOMIC and GFP_NOWAIT stand for.
 */
gfp_t gfp_of_kernel(const struct kernel_version *v, gfp_t gfp);

/* "GFP_KERNEL", "GFP_ATOMIC|__GFP_ZERO", ...; returns 0 or -EINVAL. Contradicting zone flags are -EINVAL. */
MUST_CHECK int gfp_parse(const char *s, gfp_t *out);
/* The shortest such text, as 6.1's %pGg prints it. */
void gfp_print(struct text *t, gfp_t gfp);

#endif
