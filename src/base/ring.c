/* SPDX-License-Identifier: MIT */
/*
 * Records are descriptors in slots and text in a circle of bytes; positions in
 * the circle only ever grow and are taken modulo its size. Adding drops the
 * oldest records until there is a slot and room. Nothing is allocated after
 * the start, so a message about memory that ran out gets through.
 */

#include "base/ring.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int ring_init(struct ring *r, const struct clock *clock, unsigned nr_bytes)
{
	ASSERT(!(nr_bytes & (nr_bytes - 1)) && nr_bytes >= 2 * RING_TEXT_MAX);
	*r = (struct ring){ .clock = clock, .nr_bytes = nr_bytes, .nr_slots = nr_bytes / RING_RECORD_BYTES };
	r->text = mem_zalloc(r->nr_bytes);
	r->slot = mem_zalloc(r->nr_slots * sizeof(*r->slot));
	if (!r->text || !r->slot) {
		mem_free(r->text);
		mem_free(r->slot);
		return -ENOMEM;
	}
	lock_init(&r->lock, RANK_LOG, LOG_ORDER_RING);
	return 0;
}

void ring_fini(struct ring *r)
{
	mem_free(r->text);
	mem_free(r->slot);
	lock_fini(&r->lock);
}

static struct ring_slot *slot_of(const struct ring *r, uint64_t seq)
{
	return &r->slot[seq & (r->nr_slots - 1)];
}

/* Bytes of the circle that are in use. */
static uint64_t bytes_used(const struct ring *r)
{
	return r->first == r->next ? 0 : r->end - slot_of(r, r->first)->at;
}

static void room_make(struct ring *r, size_t len)
{
	while (r->next - r->first == r->nr_slots || bytes_used(r) + len > r->nr_bytes)
		r->first++;
}

/* The bytes at a position, in the two pieces that the end of the circle makes of them. */
static void circle_write(struct ring *r, uint64_t at, const char *text, size_t len)
{
	size_t from = at & (r->nr_bytes - 1), ahead = MIN(len, r->nr_bytes - from);
	memcpy(r->text + from, text, ahead);
	memcpy(r->text, text + ahead, len - ahead);
}

static void circle_read(const struct ring *r, uint64_t at, char *text, size_t len)
{
	size_t from = at & (r->nr_bytes - 1), ahead = MIN(len, r->nr_bytes - from);
	memcpy(text, r->text + from, ahead);
	memcpy(text + ahead, r->text, len - ahead);
}

void ring_add(struct ring *r, unsigned priority, const char *text, size_t len)
{
	len = MIN(len, (size_t)RING_TEXT_MAX);
	lock_take(&r->lock);
	room_make(r, len);
	*slot_of(r, r->next++) = (struct ring_slot){ .at = r->end,
						     .usec = clock_now_ns(r->clock) / 1000,
						     .len = (uint16_t)len,
						     .priority = (uint16_t)priority };
	circle_write(r, r->end, text, len);
	r->end += len;
	void (*added)(void *) = r->added;
	void *ctx = r->added_ctx;
	lock_drop(&r->lock);
	if (added)
		added(ctx);
}

void ring_printf(struct ring *r, unsigned level, const char *fmt, ...)
{
	char line[RING_TEXT_MAX + 1];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	ASSERT(n >= 0);
	ring_add(r, level, line, (size_t)n);
}

bool ring_read(struct ring *r, uint64_t seq, struct ring_record *out)
{
	lock_take(&r->lock);
	seq = MAX(seq, r->first);
	bool there = seq < r->next;
	if (there) {
		const struct ring_slot *slot = slot_of(r, seq);
		out->seq = seq;
		out->usec = slot->usec;
		out->priority = slot->priority;
		out->len = slot->len;
		circle_read(r, slot->at, out->text, slot->len);
	}
	lock_drop(&r->lock);
	return there;
}

uint64_t ring_first(struct ring *r)
{
	lock_take(&r->lock);
	uint64_t seq = r->first;
	lock_drop(&r->lock);
	return seq;
}

uint64_t ring_next(struct ring *r)
{
	lock_take(&r->lock);
	uint64_t seq = r->next;
	lock_drop(&r->lock);
	return seq;
}

void ring_on_added(struct ring *r, void (*added)(void *ctx), void *ctx)
{
	lock_take(&r->lock);
	r->added = added;
	r->added_ctx = ctx;
	lock_drop(&r->lock);
}

static bool printable(unsigned char c)
{
	return c >= ' ' && c < 127 && c != '\\';
}

void ring_record_print(struct text *t, const struct ring_record *record)
{
	text_printf(t, "%u,%llu,%llu,-;", record->priority, (unsigned long long)record->seq,
		    (unsigned long long)record->usec);
	for (unsigned i = 0; i < record->len; i++) {
		unsigned char c = (unsigned char)record->text[i];
		if (printable(c))
			text_char(t, (char)c);
		else
			text_printf(t, "\\x%02x", c);
	}
	text_char(t, '\n');
}
