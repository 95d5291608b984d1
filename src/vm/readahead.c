/* SPDX-License-Identifier: MIT */
/*
 * Windows of readahead: see readahead.h.
 *
 * Different from Linux: the state is the inode's, not the open file's, since
 * direct_io requests do not always say which open file they come from; and
 * the window ahead is read before its reader is answered, by the same thread.
 */
#include "vm/readahead.h"

#include "mm/types.h"

static uint64_t round_up_pow2(uint64_t n)
{
	return n > 1 ? 1ull << fls64(n - 1) : 1;
}

/* The first window of a stream: four times what was asked for, or twice when that is much. */
static uint64_t window_first(uint64_t req, uint64_t most)
{
	uint64_t size = round_up_pow2(req);
	if (size <= most / 32)
		return size * 4;
	return size <= most / 4 ? size * 2 : most;
}

static uint64_t window_next(uint64_t size, uint64_t most)
{
	if (size < most / 16)
		return size * 4;
	return size <= most / 2 ? size * 2 : most;
}

static void stream_begin(struct file_readahead *ra, uint64_t index, uint64_t req, uint64_t most)
{
	ra->start = index;
	ra->size = window_first(req, most);
	ra->async_size = ra->size > req ? ra->size - req : ra->size;
}

static void stream_advance(struct file_readahead *ra, uint64_t start, uint64_t size, uint64_t most)
{
	ra->start = start;
	ra->size = window_next(size, most);
	ra->async_size = ra->size;
}

/* A mark of some other stream: its window ended where pages do. */
static bool stream_adopt(struct file_readahead *ra, uint64_t index, uint64_t req, uint64_t most,
			 const struct readahead_cached *cached)
{
	uint64_t ahead = cached->after(cached->ctx, index, most) + 1;
	if (ahead > most)
		return false;
	stream_advance(ra, index + ahead, ahead + req, most);
	return true;
}

/* Traces of a stream whose state is lost: pages before this one are cached, more than are asked for now. */
static bool stream_trace(struct file_readahead *ra, uint64_t index, uint64_t req, uint64_t most,
			 const struct readahead_cached *cached)
{
	uint64_t before = cached->before(cached->ctx, index, most);
	if (before <= req)
		return false;
	if (before >= index) /* from the start of the file: surely one */
		before *= 2;
	ra->start = index;
	ra->size = MIN(before + req, most);
	ra->async_size = 1;
	return true;
}

/* The window would be marked at its first page, which is being read just now: the next one is joined to it. */
static void stream_join(struct file_readahead *ra, uint64_t index, uint64_t most)
{
	if (index != ra->start || ra->size != ra->async_size)
		return;
	uint64_t more = window_next(ra->size, most);
	if (ra->size + more <= most) {
		ra->async_size = more;
		ra->size += more;
	} else {
		ra->size = most;
		ra->async_size = most / 2;
	}
}

static bool stream_is_sequential(const struct file_readahead *ra, uint64_t index)
{
	/* prev is 0 before the first read, which is as good as the page before the first one */
	return ra->prev && index - (ra->prev >> PAGE_SHIFT) <= 1;
}

/* False: a lone read, which leaves the window as it is. */
static bool stream_move(struct file_readahead *ra, uint64_t index, uint64_t req, bool marked,
			uint64_t most, const struct readahead_cached *cached)
{
	if (!index) {
		stream_begin(ra, index, req, most);
		return true;
	}
	if (index == ra->start + ra->size - ra->async_size || index == ra->start + ra->size) {
		stream_advance(ra, ra->start + ra->size, ra->size, most);
		return true;
	}
	if (marked)
		return stream_adopt(ra, index, req, most, cached);
	if (req > most || stream_is_sequential(ra, index)) {
		stream_begin(ra, index, req, most);
		return true;
	}
	return stream_trace(ra, index, req, most, cached);
}

/* What lies in the file; a mark stands so many pages before its end, if the window reaches so far. */
static struct readahead_plan plan_clip(uint64_t start, uint64_t size, uint64_t async_size, uint64_t end)
{
	struct readahead_plan plan = { .start = start, .mark = UINT64_MAX };
	if (start >= end)
		return plan;
	plan.size = MIN(size, end - start);
	if (async_size && async_size <= plan.size)
		plan.mark = start + plan.size - async_size;
	return plan;
}

struct readahead_plan readahead_next(struct file_readahead *ra, uint64_t index, uint64_t req,
				     bool marked, uint64_t end, const struct readahead_cached *cached)
{
	uint64_t most = READAHEAD_PAGES;
	if (req > most)
		most = MIN(req, READAHEAD_IO_PAGES);
	if (!stream_move(ra, index, req, marked, most, cached))
		return plan_clip(index, marked ? 0 : req, 0, end);
	stream_join(ra, index, most);
	return plan_clip(ra->start, ra->size, ra->async_size, end);
}
