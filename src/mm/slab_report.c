/* SPDX-License-Identifier: MIT */
/*
 * Reports in 6.1's words and layout, one record for each of its printk calls:
 *
 *   =====  BUG line  -----     what, in which cache
 *   range of damaged bytes     where it is bytes
 *   Allocated in, Freed in     with SLAB_STORE_USER
 *   Slab, page                 slab and frame
 *   Object                     and hex dumps of it and what is around it
 *
 * A report is written with a lock of its own held, so that lines of two do not
 * mix. Left out: call traces, which nobody has, and taint. Added: the line of
 * the page with its frame number, as 6.1's dump_page begins.
 */

#include "mm/slab_report.h"

#include "base/ring.h"
#include "mm/slab_debug.h"
#include "mm/slab_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define LEVEL_ERR 3u
#define LEVEL_INFO 6u
#define ROW_BYTES 16u
#define ASCII_COLUMN (ROW_BYTES * 3 + 1)
#define BYTES_BEFORE 16u

#define DIRECT_MAP_64 0xffff888000000000ull
#define DIRECT_MAP_32 0xc0000000ull
#define PAGE_ARRAY_64 0xffffea0000000000ull
#define PAGE_ARRAY_32 0xf6000000ull

/* Bits of page->flags in 6.1's x86 with several nodes; with 32 bits the zone alone. */
#define FLAG_SLAB (1ull << 9)
#define FLAG_HEAD (1ull << 16)
#define LASTCPUPID 0x1fffffull
#define LASTCPUPID_SHIFT 30
#define ZONE_SHIFT_64 51
#define NODE_SHIFT_64 54
#define ZONE_SHIFT_32 30

static uint64_t address_fit(const struct slabs *sl, uint64_t address)
{
	return sl->machine->bits == 64 ? address : (uint32_t)address;
}

uint64_t slab_report_address(const struct slabs *sl, const void *p)
{
	uint64_t offset = (uintptr_t)p - (uintptr_t)sl->source.base;
	return address_fit(sl, (sl->machine->bits == 64 ? DIRECT_MAP_64 : DIRECT_MAP_32) + offset);
}

static uint64_t page_address(const struct slabs *sl, const struct page *page)
{
	uint64_t pfn = page_pfn(sl->machine, page);
	return address_fit(sl, sl->machine->bits == 64 ? PAGE_ARRAY_64 + pfn * 64
						       : PAGE_ARRAY_32 + pfn * 32);
}

/* Two arguments for "%0*llx". */
#define HEX(sl, address) (int)((sl)->machine->bits / 4), (unsigned long long)(address)
#define OBJECT_HEX(s, p) HEX((s)->slabs, slab_report_address((s)->slabs, p))

static struct ring *log_of(const struct kmem_cache *s)
{
	return s->slabs->source.log;
}

static void report_lock(const struct kmem_cache *s)
{
	lock_take(&s->slabs->debug.report_lock);
}

static void report_unlock(const struct kmem_cache *s)
{
	lock_drop(&s->slabs->debug.report_lock);
}

/* ---- Parts ---- */

static void rule_print(const struct kmem_cache *s, char c, const char *end)
{
	char rule[78];
	memset(rule, c, sizeof(rule) - 1);
	rule[sizeof(rule) - 1] = '\0';
	ring_printf(log_of(s), LEVEL_ERR, "%s%s", rule, end);
}

static void bug_print(const struct kmem_cache *s, const char *what)
{
	rule_print(s, '=', "");
	ring_printf(log_of(s), LEVEL_ERR, "BUG %s (Not tainted): %s", s->name, what);
	rule_print(s, '-', "\n"); /* and an empty line */
}

static uint64_t page_flags(const struct machine *m, const struct page *slab)
{
	const struct zone *z = page_zone(m, slab);
	uint64_t flags = FLAG_SLAB | (slab->order ? FLAG_HEAD : 0);
	if (m->bits == 32)
		return flags | (uint64_t)z->type << ZONE_SHIFT_32;
	return flags | LASTCPUPID << LASTCPUPID_SHIFT | (uint64_t)z->type << ZONE_SHIFT_64 |
	       (uint64_t)z->node->id << NODE_SHIFT_64;
}

static void page_print(const struct slabs *sl, const struct page *page)
{
	ring_printf(sl->source.log, LEVEL_ERR,
		    "page:%0*llx refcount:1 mapcount:0 mapping:%0*llx index:0x0 pfn:%#llx",
		    HEX(sl, page_address(sl, page)), HEX(sl, 0),
		    (unsigned long long)page_pfn(sl->machine, page));
}

/* The free object at i or after it; its address, 0: none. */
static uint64_t free_object_from(const struct kmem_cache *s, struct page *slab, unsigned i)
{
	const uint64_t *bits = slab_free_bits(s, slab);
	for (; i < slab_objects(s, slab); i++)
		if (bits[i / 64] >> i % 64 & 1)
			return slab_report_address(s->slabs, slab_object(s, slab, i));
	return 0;
}

static void slab_print(const struct kmem_cache *s, struct page *slab)
{
	const struct slabs *sl = s->slabs;
	const struct machine *m = sl->machine;
	const struct zone *z = page_zone(m, slab);
	unsigned objects = slab_objects(s, slab);
	char where[64];

	if (m->bits == 64)
		snprintf(where, sizeof(where), "node=%u|zone=%u|lastcpupid=%#llx", z->node->id,
			 z->type, LASTCPUPID);
	else
		snprintf(where, sizeof(where), "zone=%u", z->type);
	ring_printf(sl->source.log, LEVEL_ERR,
		    "Slab 0x%0*llx objects=%u used=%u fp=0x%0*llx flags=%#llx(slab|%s%s)",
		    HEX(sl, page_address(sl, slab)), objects, objects - slab_nr_free(slab),
		    HEX(sl, free_object_from(s, slab, 0)), (unsigned long long)page_flags(m, slab),
		    slab->order ? "head|" : "", where);
	page_print(sl, slab);
}

static void hex_row_print(const struct kmem_cache *s, unsigned level, const char *label,
			  const uint8_t *p, size_t n)
{
	char row[ASCII_COLUMN + ROW_BYTES + 1];
	memset(row, ' ', sizeof(row));
	for (size_t i = 0; i < n; i++) {
		char pair[3];
		snprintf(pair, sizeof(pair), "%02x", p[i]);
		memcpy(row + i * 3, pair, 2);
		row[ASCII_COLUMN + i] = p[i] < 128 && isprint(p[i]) ? (char)p[i] : '.';
	}
	row[ASCII_COLUMN + n] = '\0';
	ring_printf(log_of(s), level, "%s%0*llx: %s", label, OBJECT_HEX(s, p), row);
}

static void bytes_print(const struct kmem_cache *s, unsigned level, const char *label,
			const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += ROW_BYTES)
		hex_row_print(s, level, label, p + i, MIN(n - i, (size_t)ROW_BYTES));
}

static void track_print(const struct kmem_cache *s, const void *object, enum slab_track_kind kind,
			const char *what)
{
	struct slab_track track;
	if (!slab_track_read(s, object, kind, &track))
		return;
	ring_printf(log_of(s), LEVEL_ERR, "%s age=%llu cpu=%u pid=%d", what,
		    (unsigned long long)(slab_ticks(s->slabs) - track.ticks), track.cpu, track.pid);
}

/* The object and what lies before and behind it. */
static void surroundings_print(const struct kmem_cache *s, const struct page *slab, const uint8_t *object)
{
	const struct slab_layout *l = &s->layout;
	uint32_t info = slab_debug_info_end(s), room = l->size - l->red_left_pad;
	bool zones = s->flags & SLAB_RED_ZONE;

	if (zones)
		bytes_print(s, LEVEL_ERR, "Redzone  ", object - l->red_left_pad, l->red_left_pad);
	else if (object > (const uint8_t *)slab_address(s->slabs, slab) + BYTES_BEFORE)
		bytes_print(s, LEVEL_ERR, "Bytes b4 ", object - BYTES_BEFORE, BYTES_BEFORE);
	bytes_print(s, LEVEL_ERR, "Object   ", object, MIN((size_t)l->object_size, (size_t)PAGE_SIZE));
	if (zones)
		bytes_print(s, LEVEL_ERR, "Redzone  ", object + l->object_size, l->inuse - l->object_size);
	if (info < room)
		bytes_print(s, LEVEL_ERR, "Padding  ", object + info, room - info);
}

static void object_print(const struct kmem_cache *s, struct page *slab, const void *object)
{
	const struct slabs *sl = s->slabs;
	unsigned i = slab_index(s, slab, object);
	bool is_free = i < slab_objects(s, slab) && (slab_free_bits(s, slab)[i / 64] >> i % 64 & 1);

	track_print(s, object, SLAB_TRACK_ALLOC, "Allocated in kmem_cache_alloc");
	track_print(s, object, SLAB_TRACK_FREE, "Freed in kmem_cache_free");
	slab_print(s, slab);
	ring_printf(sl->source.log, LEVEL_ERR, "Object 0x%0*llx @offset=%llu fp=0x%0*llx\n",
		    OBJECT_HEX(s, object),
		    (unsigned long long)((uintptr_t)object - (uintptr_t)slab_address(sl, slab)),
		    HEX(sl, is_free ? free_object_from(s, slab, i + 1) : 0));
	if (slab_debug_readable(s, slab))
		surroundings_print(s, slab, object);
}

/* ---- Reports ---- */

/* About a slab, or (NULL) about what the cache counts. */
static void report_printf(const struct kmem_cache *s, struct page *slab, const char *fmt, va_list args)
{
	char what[256];
	if (!log_of(s))
		return;
	vsnprintf(what, sizeof(what), fmt, args);
	if (!slab) {
		ring_printf(log_of(s), LEVEL_ERR, "SLUB %s: %s", s->name, what);
		return;
	}
	report_lock(s);
	bug_print(s, what);
	slab_print(s, slab);
	report_unlock(s);
}

void slab_report_slab(const struct kmem_cache *s, struct page *slab, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	report_printf(s, slab, fmt, args);
	va_end(args);
}

void slab_report_books(const struct kmem_cache *s, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	report_printf(s, NULL, fmt, args);
	va_end(args);
}

void slab_report_object(const struct kmem_cache *s, struct page *slab, const void *object, const char *what)
{
	if (!log_of(s))
		return;
	report_lock(s);
	bug_print(s, what);
	object_print(s, slab, object);
	report_unlock(s);
}

static void padding_print(const struct kmem_cache *s, struct page *slab, const uint8_t *fault,
			  const uint8_t *end)
{
	const uint8_t *start = slab_address(s->slabs, slab);
	uint32_t used = slab_objects(s, slab) * s->layout.size;
	char what[128];

	snprintf(what, sizeof(what), "Padding overwritten. 0x%0*llx-0x%0*llx @offset=%llu",
		 OBJECT_HEX(s, fault), OBJECT_HEX(s, end - 1), (unsigned long long)(fault - start));
	bug_print(s, what);
	slab_print(s, slab);
	bytes_print(s, LEVEL_ERR, "Padding ", start + used, (PAGE_SIZE << slab->order) - used);
}

static void overwritten_print(const struct kmem_cache *s, struct page *slab, const void *object,
			      const char *what, const uint8_t *fault, const uint8_t *end, uint8_t value)
{
	char text[64];
	snprintf(text, sizeof(text), "%s overwritten", what);
	bug_print(s, text);
	ring_printf(log_of(s), LEVEL_ERR, "0x%0*llx-0x%0*llx @offset=%llu. First byte 0x%x instead of 0x%x",
		    OBJECT_HEX(s, fault), OBJECT_HEX(s, end - 1),
		    (unsigned long long)(fault - (const uint8_t *)slab_address(s->slabs, slab)),
		    fault[0], value);
	object_print(s, slab, object);
}

void slab_report_bytes(const struct kmem_cache *s, struct page *slab, const void *object,
		       const char *what, const uint8_t *fault, const uint8_t *end, uint8_t value)
{
	if (!log_of(s))
		return;
	report_lock(s);
	if (object)
		overwritten_print(s, slab, object, what, fault, end, value);
	else
		padding_print(s, slab, fault, end);
	report_unlock(s);
}

void slab_report_fix(const struct kmem_cache *s, const char *text)
{
	if (log_of(s))
		ring_printf(log_of(s), LEVEL_ERR, "FIX %s: %s", s->name, text);
}

void slab_report_restored(const struct kmem_cache *s, const char *what, const uint8_t *from,
			  const uint8_t *end, uint8_t value)
{
	if (log_of(s))
		ring_printf(log_of(s), LEVEL_ERR, "FIX %s: Restoring %s 0x%0*llx-0x%0*llx=0x%x",
			    s->name, what, OBJECT_HEX(s, from), OBJECT_HEX(s, end - 1), value);
}

void slab_report_not_freed(const struct kmem_cache *s, const void *object)
{
	if (log_of(s))
		ring_printf(log_of(s), LEVEL_ERR, "FIX %s: Object at 0x%0*llx not freed", s->name,
			    OBJECT_HEX(s, object));
}

void slab_report_trace(const struct kmem_cache *s, struct page *slab, const void *object, bool alloc)
{
	if (!log_of(s))
		return;
	report_lock(s);
	ring_printf(log_of(s), LEVEL_INFO, "TRACE %s %s 0x%0*llx inuse=%u fp=0x%0*llx", s->name,
		    alloc ? "alloc" : "free", OBJECT_HEX(s, object),
		    slab_objects(s, slab) - slab_nr_free(slab),
		    HEX(s->slabs, free_object_from(s, slab, 0)));
	if (!alloc && slab_debug_readable(s, slab))
		bytes_print(s, LEVEL_INFO, "Object ", object, s->layout.object_size);
	report_unlock(s);
}

/* ---- What cannot be freed ---- */

/* The head of the block in use that a frame belongs to; NULL: none, or no entry tells. */
static const struct page *block_head(const struct machine *m, uint64_t frame)
{
	for (unsigned order = 0; frame < m->end_pfn && order <= MM_ORDER_MAX; order++) {
		const struct page *head = pfn_page(m, (pfn_t)(frame & ~((1ull << order) - 1)));
		if (READ_RELAXED(&head->state) == PAGE_USED && READ_RELAXED(&head->order) >= order)
			return head;
	}
	return NULL;
}

/* Whose is it, then? An object in use keeps its cache. */
static void stranger_print(const struct kmem_cache *s, const void *object)
{
	const struct slabs *sl = s->slabs;
	uint64_t frame = ((uintptr_t)object - (uintptr_t)sl->source.base) >> PAGE_SHIFT;
	const struct page *head = block_head(sl->machine, frame);
	uint32_t owner = head ? READ_RELAXED(&head->owner) : 0;
	const struct kmem_cache *other = NULL;
	char what[2 * CACHE_NAME_MAX + 64];

	if (owner_kind(owner) == OWNER_SLAB && owner_id(owner) < READ_RELAXED(&sl->nr_slots))
		other = READ_RELAXED(&sl->cache[owner_id(owner)]);
	if (other)
		snprintf(what, sizeof(what), "Wrong slab cache. %s but object is from %s", s->name,
			 other->name);
	else
		snprintf(what, sizeof(what), "Attempt to free object(0x%0*llx) outside of slab",
			 OBJECT_HEX(s, object));
	bug_print(s, what);
	if (head)
		page_print(sl, head);
}

static void victim_print(const struct kmem_cache *s, struct page *slab, const void *object,
			 enum slab_fault what)
{
	char text[64];
	if (what == SLAB_DOUBLE_FREE) {
		bug_print(s, "Object already free");
		object_print(s, slab, object);
		return;
	}
	snprintf(text, sizeof(text), "Invalid object pointer 0x%0*llx", OBJECT_HEX(s, object));
	bug_print(s, text);
	slab_print(s, slab);
}

void slab_report_free(const struct kmem_cache *s, const struct page *slab, const void *object,
		      enum slab_fault what)
{
	if (!log_of(s))
		return;
	report_lock(s);
	if (slab)
		victim_print(s, pfn_page(s->slabs->machine, page_pfn(s->slabs->machine, slab)),
			     object, what);
	else
		stranger_print(s, object);
	report_unlock(s);
	slab_report_not_freed(s, object);
}
