/* SPDX-License-Identifier: MIT */
#ifndef BASE_RING_H
#define BASE_RING_H

/*
 * The machine's log: numbered records in a bounded buffer, the oldest of which
 * make room for new ones (kernel/printk, 6.1). A reader keeps the number of
 * the record that it wants next, so any number of them follow independently
 * and none of them holds up a writer.
 */

#include "base/clock.h"
#include "base/lock.h"

struct text;

#define RING_BYTES (1u << 17) /* Debian's CONFIG_LOG_BUF_SHIFT */
#define RING_RECORD_BYTES 32u /* of text for each record that can be kept */
#define RING_TEXT_MAX 992u /* of one record; longer ones are cut */
#define RING_LEVEL_DEFAULT 4u /* of messages that name none */

/* Locks of rank RANK_LOG that are held together, in the order of taking. */
enum log_order { LOG_ORDER_LEAF, LOG_ORDER_REPORT, LOG_ORDER_READERS, LOG_ORDER_RING };

struct ring_record {
	uint64_t seq, usec;
	unsigned priority; /* facility * 8 + level */
	unsigned len;
	char text[RING_TEXT_MAX]; /* not NUL-terminated */
};

struct ring_slot {
	uint64_t at; /* of its text: bytes written before it since the start */
	uint64_t usec;
	uint16_t len, priority;
};

struct ring {
	const struct clock *clock;
	struct lock lock; /* guards the rest */
	char *text; /* nr_bytes, used round and round */
	uint64_t nr_bytes; /* power of two */
	struct ring_slot *slot; /* record seq is in slot seq % nr_slots */
	uint64_t nr_slots; /* power of two */
	uint64_t first, next; /* numbers of the records kept: [first, next) */
	uint64_t end; /* bytes of text ever written */
	void (*added)(void *ctx);
	void *added_ctx;
};

/* nr_bytes of text, a power of two and 2 * RING_TEXT_MAX or more. 0 or -ENOMEM. The clock outlives it. */
MUST_CHECK int ring_init(struct ring *r, const struct clock *clock, unsigned nr_bytes);
void ring_fini(struct ring *r);

/* Any bytes; those past RING_TEXT_MAX are left out. Any lock of a lower rank or order may be held. */
void ring_add(struct ring *r, unsigned priority, const char *text, size_t len);
/* A message of the kernel itself. */
void ring_printf(struct ring *r, unsigned level, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Record seq, or the first one after it that is still kept (see its number). false: it is not there yet. */
bool ring_read(struct ring *r, uint64_t seq, struct ring_record *out);
uint64_t ring_first(struct ring *r);
uint64_t ring_next(struct ring *r); /* number that the next record will get */

/* Called after each record, without the ring's lock. NULL: nobody; no other thread may be adding then. */
void ring_on_added(struct ring *r, void (*added)(void *ctx), void *ctx);

/* As a read of /dev/kmsg gives it: "PRIORITY,SEQ,USEC,-;text\n" with \xNN for what is not printable. */
void ring_record_print(struct text *t, const struct ring_record *record);

#endif
