/* SPDX-License-Identifier: MIT */
/*
 * The content of files in dev/hugepages (fs/hugetlbfs/inode.c, 6.1). What a
 * file has is an array of slots in rising order: a frame, or a promise; what
 * has no slot is a hole. Bytes lie in the frames, which are ours to write to
 * while they are a file's, and a client's who maps them.
 *
 * A frame is charged for and zeroed as a whole when its page is taken, for
 * nobody tells which bytes a mapping changes; it goes back to the host when
 * the page is given back to the pool.
 */
#include "vm/hugetlbfs_private.h"

#include "base/client.h"
#include "base/mem.h"
#include "vm/content_trim.h"
#include "vm/task_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CLAIM_PAGES 64u

static uint64_t huge_bytes(const struct huge_inode *i)
{
	return 1ull << huge_shift(i);
}

static struct cpu *cpu_of(const struct huge_inode *i)
{
	return huge_cpu(i->fs);
}

static char *slot_bytes(const struct huge_inode *i, const struct huge_slot *s)
{
	return region_frame(i->fs->vm->region, s->pfn);
}

/* ---- Slots. io held, alone by who changes them ---- */

/* The first one at index or behind it. */
static uint64_t slot_at(const struct huge_inode *i, uint64_t index)
{
	uint64_t low = 0, high = i->nr_slots;
	if (high && i->slot[high - 1].index < index) /* at the end, most of the time */
		return high;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		if (i->slot[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct huge_slot *slot_find(const struct huge_inode *i, uint64_t index)
{
	uint64_t at = slot_at(i, index);
	return at < i->nr_slots && i->slot[at].index == index ? &i->slot[at] : NULL;
}

int huge_slots_reserve(struct huge_inode *i, uint64_t more)
{
	uint64_t nr = i->nr_slots + more;
	if (nr <= i->cap_slots)
		return 0;
	uint64_t cap = MAX(nr, i->cap_slots + i->cap_slots / 2);
	struct huge_slot *slot = nr > HUGE_FILE_PAGES ? NULL : mem_realloc(i->slot, cap * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	i->slot = slot;
	i->cap_slots = cap;
	return 0;
}

static void slot_count(struct huge_inode *i, pfn_t pfn, int64_t by)
{
	uint64_t *count = pfn == HUGE_PROMISED ? &i->nr_promised : &i->nr_pages;
	WRITE_RELAXED(count, *count + (uint64_t)by);
}

void huge_slot_append(struct huge_inode *i, uint32_t index, pfn_t pfn)
{
	ASSERT(i->nr_slots < i->cap_slots);
	i->slot[i->nr_slots++] = (struct huge_slot){ index, pfn };
	slot_count(i, pfn, 1);
}

/* There is room, and no slot of this index. */
static void slot_insert(struct huge_inode *i, uint32_t index, pfn_t pfn)
{
	uint64_t at = slot_at(i, index);
	ASSERT(i->nr_slots < i->cap_slots);
	memmove(&i->slot[at + 1], &i->slot[at], (i->nr_slots - at) * sizeof(*i->slot));
	i->slot[at] = (struct huge_slot){ index, pfn };
	i->nr_slots++;
	slot_count(i, pfn, 1);
}

/* ---- Pages ---- */

/* The bytes of a page that was just taken: charged for and zero. 0 or -ENOMEM: more than the host may be asked for. */
static int page_clear(struct huge_inode *i, struct page *page, unsigned order)
{
	struct vm *vm = i->fs->vm;
	struct page *end = page + (1ul << order), *claim[CLAIM_PAGES];
	for (struct page *p = page; p < end;) {
		unsigned nr = 0;
		while (nr < CLAIM_PAGES && p < end)
			claim[nr++] = p++;
		int error = content_claim(vm, cpu_of(i), claim, nr);
		if (error)
			return error;
	}
	memset(region_frame(vm->region, page_pfn(&vm->machine, page)), 0, PAGE_SIZE << order);
	return 0;
}

/* Where the host takes no bytes back they stay, marked, and whoever gets the frames next makes them zero. */
static void page_leave(struct huge_inode *i, struct page *page)
{
	struct vm *vm = i->fs->vm;
	if (vm->region->backing != BACKING_HUGETLB)
		content_scrub(vm, page, huge_pool(i)->order);
	page->index = 0;
	page->private = 0;
}

static void page_give_back(struct huge_inode *i, struct page *page)
{
	page_leave(i, page);
	hugetlb_free(&i->fs->vm->policy, huge_pool(i), page);
}

/* A page of the pool, out of a promise or of what nobody was promised. 0 or -ENOSPC, and a promise is as it was. */
static int page_take(struct huge_inode *i, struct huge_place *w, uint32_t index, bool promised, pfn_t *pfn)
{
	struct vm *vm = i->fs->vm;
	struct hugetlb *pool = huge_pool(i);
	struct page *page = hugetlb_alloc(&vm->policy, pool, cpu_of(i), huge_place_policy(w), promised);
	if (!page)
		return -ENOSPC;
	page->owner = owner_handle(OWNER_HUGETLBFS, i->id);
	page->index = index;
	page->private = 0;
	*pfn = page_pfn(&vm->machine, page);
	if (!page_clear(i, page, pool->order))
		return 0;
	if (promised) {
		page_leave(i, page);
		hugetlb_restore(pool, page);
	} else {
		page_give_back(i, page);
	}
	return -ENOSPC;
}

/* There is a page at this index afterwards. 0, -ENOSPC, -ENOMEM. */
static int slot_fill(struct huge_inode *i, struct huge_place *w, uint32_t index)
{
	struct huge_slot *s = slot_find(i, index);
	pfn_t pfn;
	if (s && s->pfn != HUGE_PROMISED)
		return 0;
	int error = s ? 0 : huge_slots_reserve(i, 1);
	if (!error)
		error = page_take(i, w, index, s, &pfn);
	if (error)
		return error;
	if (s) {
		slot_count(i, HUGE_PROMISED, -1);
		slot_count(i, pfn, 1);
		s->pfn = pfn;
	} else {
		slot_insert(i, index, pfn);
	}
	return 0;
}

/* Pages and promises of [from, to) go. */
static void slots_drop(struct huge_inode *i, uint64_t from, uint64_t to)
{
	uint64_t first = slot_at(i, from), end = slot_at(i, to), promised = 0;
	if (first == end) /* there may not even be an array */
		return;
	for (uint64_t k = first; k < end; k++) {
		slot_count(i, i->slot[k].pfn, -1);
		if (i->slot[k].pfn == HUGE_PROMISED)
			promised++;
		else
			page_give_back(i, pfn_page(&i->fs->vm->machine, i->slot[k].pfn));
	}
	memmove(&i->slot[first], &i->slot[end], (i->nr_slots - end) * sizeof(*i->slot));
	i->nr_slots -= end - first;
	if (promised)
		hugetlb_unreserve(&i->fs->vm->policy, huge_pool(i), promised);
}

void huge_drop_all(struct huge_inode *i)
{
	pthread_rwlock_wrlock(&i->io);
	slots_drop(i, 0, HUGE_FILE_PAGES);
	pthread_rwlock_unlock(&i->io);
}

/* ---- Size ---- */

static void changed(struct huge_inode *i, unsigned stamps)
{
	lock_take(&i->fs->lock);
	huge_touch(i, stamps);
	lock_drop(&i->fs->lock);
}

/* Promises for the pages of [from, to), all of which are behind those that there are or are among them. */
static int slots_promise(struct huge_inode *i, struct huge_place *w, uint64_t from, uint64_t to)
{
	struct vm *vm = i->fs->vm;
	uint64_t nr = to - from - (slot_at(i, to) - slot_at(i, from));
	if (nr > vm->total_pages >> huge_pool(i)->order)
		return -ENOSPC;
	if (huge_slots_reserve(i, nr))
		return -ENOMEM;
	if (nr && hugetlb_reserve(&vm->policy, huge_pool(i), cpu_of(i), nr, huge_place_policy(w)))
		return -ENOSPC;
	for (uint64_t index = from; nr; index++)
		if (!slot_find(i, index)) {
			slot_insert(i, (uint32_t)index, HUGE_PROMISED);
			nr--;
		}
	return 0;
}

/* io held alone */
static int size_set(struct huge_inode *i, uint64_t size)
{
	struct huge_place place = { .vm = i->fs->vm };
	unsigned shift = huge_shift(i);
	uint64_t had = (i->size + huge_bytes(i) - 1) >> shift, pages = size >> shift;
	int error = pages > had ? slots_promise(i, &place, had, pages) : 0;
	huge_place_end(&place);
	if (error)
		return error;
	if (size < i->size)
		slots_drop(i, pages, HUGE_FILE_PAGES);
	WRITE_RELAXED(&i->size, size);
	return 0;
}

int huge_truncate(struct huge_inode *i, uint64_t size)
{
	if (huge_is_dir(i))
		return -EISDIR;
	if (!S_ISREG(i->attr.mode) || size & (huge_bytes(i) - 1))
		return -EINVAL;
	if (size >> huge_shift(i) > HUGE_FILE_PAGES)
		return -EFBIG;
	pthread_rwlock_wrlock(&i->io);
	int error = size_set(i, size);
	pthread_rwlock_unlock(&i->io);
	if (!error)
		changed(i, HUGE_MTIME | HUGE_CTIME);
	return error;
}

/* ---- fallocate ---- */

/* Bytes of [from, to), which lie in one page, become zero if it is there. */
static void part_zero(struct huge_inode *i, uint64_t from, uint64_t to)
{
	const struct huge_slot *s = slot_find(i, from >> huge_shift(i));
	if (from < to && s && s->pfn != HUGE_PROMISED)
		memset(slot_bytes(i, s) + (from & (huge_bytes(i) - 1)), 0, to - from);
}

/* As in 6.1 no time changes. */
static int punch(struct huge_inode *i, uint64_t offset, uint64_t len)
{
	uint64_t size = huge_bytes(i), end = MIN(offset + len, HUGE_FILE_PAGES << huge_shift(i));
	uint64_t first = (offset + size - 1) & ~(size - 1), last = end & ~(size - 1);
	pthread_rwlock_wrlock(&i->io);
	if (first > last) { /* all of it inside one page */
		part_zero(i, offset, MAX(offset, end));
	} else {
		part_zero(i, offset, first);
		part_zero(i, last, end);
		slots_drop(i, first >> huge_shift(i), last >> huge_shift(i));
	}
	pthread_rwlock_unlock(&i->io);
	return 0;
}

static int range_fill(struct huge_inode *i, uint64_t first, uint64_t end)
{
	struct huge_place place = { .vm = i->fs->vm };
	int error = 0;
	for (; first < end && !error; first++)
		error = client_interrupted() ? -EINTR : slot_fill(i, &place, (uint32_t)first);
	huge_place_end(&place);
	return error;
}

int huge_fallocate(struct huge_inode *i, int mode, uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len;
	if (!S_ISREG(i->attr.mode))
		return huge_is_dir(i) ? -EISDIR : -ENODEV;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return punch(i, offset, len);
	if (end < offset || end > HUGE_FILE_PAGES << huge_shift(i))
		return -EFBIG;
	pthread_rwlock_wrlock(&i->io);
	int error = range_fill(i, offset >> huge_shift(i), (end + huge_bytes(i) - 1) >> huge_shift(i));
	if (!error && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size)
		WRITE_RELAXED(&i->size, end);
	pthread_rwlock_unlock(&i->io);
	if (!error)
		changed(i, HUGE_CTIME);
	return error;
}

/* ---- Reading and writing ---- */

/* The slots of [first, end) that are there now: a bit for each, from first on. */
static uint64_t slots_there(const struct huge_inode *i, uint64_t first, uint64_t end)
{
	uint64_t there = 0;
	for (uint64_t index = first; index < end; index++)
		there |= (uint64_t)(slot_find(i, index) != NULL) << (index - first);
	return there;
}

static void slots_drop_but(struct huge_inode *i, uint64_t first, uint64_t end, uint64_t keep)
{
	for (uint64_t index = first; index < end; index++)
		if (!(keep >> (index - first) & 1))
			slots_drop(i, index, index + 1);
}

/* Pages for all of the range, or an error and no hole has become anything else. io held alone */
static int write_prepare(struct huge_inode *i, uint64_t first, uint64_t end)
{
	uint64_t there = slots_there(i, first, end);
	struct huge_place place = { .vm = i->fs->vm };
	int error = slots_promise(i, &place, first, end);
	if (error)
		return error;
	for (uint64_t index = first; index < end && !error; index++)
		error = slot_fill(i, &place, (uint32_t)index);
	huge_place_end(&place);
	if (error)
		slots_drop_but(i, first, end, there);
	return error;
}

static void bytes_copy(struct huge_inode *i, const char *buf, size_t len, uint64_t offset)
{
	while (len) {
		uint64_t start = offset & (huge_bytes(i) - 1);
		size_t piece = (size_t)MIN(len, huge_bytes(i) - start);
		memcpy(slot_bytes(i, slot_find(i, offset >> huge_shift(i))) + start, buf, piece);
		buf += piece;
		offset += piece;
		len -= piece;
	}
}

ssize_t huge_write(struct huge_inode *i, const char *buf, size_t len, uint64_t offset)
{
	unsigned shift = huge_shift(i);
	len = MIN(len, HUGE_IO_MAX);
	uint64_t end = offset + len;
	if (!len)
		return 0;
	if (end < offset || end > HUGE_FILE_PAGES << shift)
		return -EFBIG;
	uint64_t whole = (end + huge_bytes(i) - 1) & ~(huge_bytes(i) - 1);
	pthread_rwlock_wrlock(&i->io);
	int error = write_prepare(i, offset >> shift, whole >> shift);
	if (!error) {
		if (end > i->size)
			WRITE_RELAXED(&i->size, whole);
		bytes_copy(i, buf, len, offset);
	}
	pthread_rwlock_unlock(&i->io);
	if (!error)
		changed(i, HUGE_MTIME | HUGE_CTIME);
	return error ? error : (ssize_t)len;
}

static const char zeros[64 << 10]; /* what holes are read from */

static size_t read_piece(struct huge_read *r, uint64_t offset, size_t len)
{
	struct huge_inode *i = r->inode;
	const struct huge_slot *s = slot_find(i, offset >> huge_shift(i));
	uint64_t start = offset & (huge_bytes(i) - 1);
	bool hole = !s || s->pfn == HUGE_PROMISED;
	size_t piece = (size_t)MIN(len, hole ? MIN(sizeof(zeros), huge_bytes(i) - start)
					     : huge_bytes(i) - start);
	ASSERT(r->nr < HUGE_IOV_MAX);
	r->iov[r->nr++] =
		(struct iovec){ hole ? (void *)(uintptr_t)zeros : slot_bytes(i, s) + start, piece };
	return piece;
}

void huge_read_begin(struct huge_inode *i, size_t len, uint64_t offset, struct huge_read *r)
{
	r->inode = i;
	r->nr = 0;
	r->len = 0;
	pthread_rwlock_rdlock(&i->io);
	len = offset < i->size ? (size_t)MIN(MIN(len, HUGE_IO_MAX), i->size - offset) : 0;
	while (r->len < len)
		r->len += read_piece(r, offset + r->len, len - r->len);
}

void huge_read_end(struct huge_read *r)
{
	pthread_rwlock_unlock(&r->inode->io);
}

int huge_pfns(struct huge_inode *i, struct text *out)
{
	if (!S_ISREG(i->attr.mode))
		return -ENODATA;
	pthread_rwlock_rdlock(&i->io);
	uint64_t pages = (i->size + huge_bytes(i) - 1) >> huge_shift(i);
	for (uint64_t index = 0; index < pages && !text_error(out); index++) {
		const struct huge_slot *s = slot_find(i, index);
		if (index)
			text_char(out, ' ');
		if (s && s->pfn != HUGE_PROMISED)
			text_printf(out, "%u", s->pfn);
		else
			text_char(out, '-');
	}
	pthread_rwlock_unlock(&i->io);
	return text_error(out);
}

/* ---- For a state ---- */

const char *huge_content_page(const struct huge_inode *i, uint64_t frame)
{
	unsigned order = huge_pool(i)->order;
	const struct huge_slot *s = slot_find(i, frame >> order);
	if (!s || s->pfn == HUGE_PROMISED)
		return NULL;
	return slot_bytes(i, s) + ((frame & ((1ul << order) - 1)) << PAGE_SHIFT);
}

static bool frame_is_zero(const char *bytes)
{
	return !bytes || (!*bytes && !memcmp(bytes, bytes + 1, PAGE_SIZE - 1));
}

bool huge_content_next(const struct huge_inode *i, uint64_t from, uint64_t *start, uint64_t *end)
{
	unsigned order = huge_pool(i)->order;
	for (;;) { /* from page to page that is there, and through each */
		uint64_t at = slot_at(i, from >> order);
		if (at == i->nr_slots)
			return false;
		from = MAX(from, (uint64_t)i->slot[at].index << order);
		if (i->slot[at].pfn == HUGE_PROMISED)
			from = ((uint64_t)i->slot[at].index + 1) << order;
		else if (frame_is_zero(huge_content_page(i, from)))
			from++;
		else
			break;
	}
	*start = from;
	while (!frame_is_zero(huge_content_page(i, from)))
		from++;
	*end = from;
	return true;
}

bool huge_page_restored(struct huge_inode *i, struct page *page)
{
	struct vm *vm = i->fs->vm;
	uint64_t nr = 1ull << huge_pool(i)->order;
	if (!vm->region)
		return true;
	if (!content_charge_try(vm->region, nr))
		return false;
	WRITE_RELAXED(&vm->content_stays, true);
	for (struct page *p = page; p < page + nr; p++)
		p->flags |= PG_CONTENT;
	return true;
}

int huge_content_put(struct huge_inode *i, uint64_t offset, const char *bytes, size_t len)
{
	for (size_t done = 0, piece; done < len; done += piece) {
		uint64_t at = offset + done, start = at & (huge_bytes(i) - 1);
		const struct huge_slot *s = slot_find(i, at >> huge_shift(i));
		if (!s || s->pfn == HUGE_PROMISED)
			return -EINVAL;
		piece = (size_t)MIN(len - done, huge_bytes(i) - start);
		memcpy(slot_bytes(i, s) + start, bytes + done, piece);
	}
	return 0;
}
