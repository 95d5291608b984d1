/* SPDX-License-Identifier: MIT */
#include "view/label.h"

#define NAME_BLANKS "            " /* twelve: %-12s */
#define LABEL(s)                                                                                   \
	{                                                                                          \
		.text = "      " s " " NAME_BLANKS,                                                \
		.indented = LABEL_INDENT + MAX(sizeof(s) - 1, sizeof(NAME_BLANKS) - 1) + 1,        \
		.name = sizeof(s),                                                                 \
	}

#define ITEM(id, s) [id] = LABEL(s),
#define SOME_ITEM(id, s, ...) [id] = LABEL(s),
const struct label zone_label[NR_ZONE_STATS] = { ZONE_STATS(ITEM, SOME_ITEM) };
const struct label node_label[NR_NODE_STATS] = { NODE_STATS(ITEM, SOME_ITEM, SOME_ITEM) };

#define NUMA_ITEM(id, s, numastat) [id] = LABEL(s),
#define NUMASTAT_ITEM(id, s, numastat) [id] = LABEL(numastat),
const struct label numa_label[NR_NUMA_STATS] = { NUMA_STATS(NUMA_ITEM) };
const struct label numastat_label[NR_NUMA_STATS] = { NUMA_STATS(NUMASTAT_ITEM) };

#define KIND_ITEM(id, kind, s) [id##_FIRST + kind] = LABEL(s),
#define KIND_ITEMS(id, s)                                                                          \
	KIND_ITEM(id, ZONE_DMA, s "_dma")                                                          \
	KIND_ITEM(id, ZONE_DMA32, s "_dma32")                                                      \
	KIND_ITEM(id, ZONE_NORMAL, s "_normal")                                                    \
	KIND_ITEM(id, ZONE_HIGHMEM, s "_high")                                                     \
	KIND_ITEM(id, ZONE_MOVABLE, s "_movable")                                                  \
	KIND_ITEM(id, ZONE_DEVICE, s "_device")
const struct label event_label[NR_VM_EVENTS] = { VM_EVENTS(ITEM, KIND_ITEMS, ITEM, ITEM, SOME_ITEM) };
