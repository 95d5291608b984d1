/* SPDX-License-Identifier: MIT */
/*
 * Readers of the machine's log.
 *
 * The host keeps a file position for what it takes to be a regular file, and
 * tells of SEEK_DATA only. A read at offset 0 after bytes have been read means
 * that the reader went back to the start; a question for the file's size
 * through the descriptor, that it went to the end. Other seeks cannot be told
 * from reading on, and are taken for it.
 *
 * Interrupts come from libfuse with the request's lock held and reach a request
 * that may just be getting its answer. So the callback is given no pointer to
 * what waits but looks for it, under k->lock: whoever takes a wait off the list
 * answers it.
 */

#include "fs/kmsg.h"

#include "base/caller.h"
#include "base/mem.h"
#include "base/ratelimit.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES (4 * RING_TEXT_MAX + 64) /* every byte as \xNN, and the numbers in front */
#define WRITES_INTERVAL_NS (5 * 1000000000ull) /* 6.1: printk.devkmsg=ratelimit */
#define WRITES_BURST 10
#define FACILITY_USER 1u
#define LEVEL_BITS 3u

struct kmsg_reader {
	struct kmsg_reader *next, **link; /* on k->readers */
	uint64_t seq; /* record wanted next */
	off_t bytes; /* read since the start or a seek */
	struct ratelimit writes;
	char writer[CALLER_COMM]; /* who was last refused by it */
	struct fuse_pollhandle *poll; /* to be told of the next record */
};

struct kmsg_wait {
	struct kmsg_wait *next;
	struct kmsg_reader *reader;
	fuse_req_t req;
	size_t size;
};

struct line {
	size_t len;
	char text[LINE_BYTES];
};

static struct kmsg_reader *reader_of(const struct fuse_file_info *fi)
{
	return (struct kmsg_reader *)(uintptr_t)fi->fh;
}

/* ---- One record. lock held ---- */

/* 0 and the line, -EAGAIN at the end, -EPIPE when records were lost, -EINVAL when it is too long: then it is lost, too. */
static int reader_take(struct kmsg *k, struct kmsg_reader *reader, size_t size, struct line *line)
{
	struct ring_record record;
	struct text t;

	if (!ring_read(k->ring, reader->seq, &record))
		return -EAGAIN;
	if (record.seq != reader->seq) {
		reader->seq = record.seq;
		return -EPIPE;
	}
	reader->seq++;
	text_init_over(&t, line->text, sizeof(line->text));
	ring_record_print(&t, &record);
	ASSERT(!text_error(&t));
	if (t.len > size)
		return -EINVAL;
	line->len = t.len;
	reader->bytes += (off_t)t.len;
	return 0;
}

static void read_answer(fuse_req_t req, int err, const struct line *line)
{
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_buf(req, line->text, line->len);
}

/* ---- Those who wait. lock held ---- */

static void wait_add(struct kmsg *k, struct kmsg_wait *wait)
{
	wait->next = NULL;
	*k->last = wait;
	k->last = &wait->next;
}

/* Take *link off the list. */
static struct kmsg_wait *wait_del(struct kmsg *k, struct kmsg_wait **link)
{
	struct kmsg_wait *wait = *link;

	*link = wait->next;
	if (k->last == &wait->next)
		k->last = link;
	return wait;
}

static void waits_answer(struct kmsg *k)
{
	struct line line;

	for (struct kmsg_wait **link = &k->first; *link;) {
		int err = reader_take(k, (*link)->reader, (*link)->size, &line);
		if (err == -EAGAIN) {
			link = &(*link)->next;
			continue;
		}
		struct kmsg_wait *wait = wait_del(k, link);
		read_answer(wait->req, err, &line);
		mem_free(wait);
	}
}

static void poll_forget(struct kmsg_reader *reader)
{
	if (reader->poll)
		fuse_pollhandle_destroy(reader->poll);
	reader->poll = NULL;
}

static void polls_notify(struct kmsg *k)
{
	for (struct kmsg_reader *r = k->readers; r; r = r->next) {
		if (r->poll)
			fuse_lowlevel_notify_poll(r->poll);
		poll_forget(r);
	}
}

/* A record was added. Of the shape of ring->added. */
static void kmsg_added(void *ctx)
{
	struct kmsg *k = ctx;

	lock_take(&k->lock);
	waits_answer(k);
	polls_notify(k);
	lock_drop(&k->lock);
}

static void wait_interrupted(fuse_req_t req, void *ctx)
{
	struct kmsg *k = ctx;
	struct kmsg_wait **link = &k->first;

	lock_take(&k->lock);
	while (*link && (*link)->req != req)
		link = &(*link)->next;
	struct kmsg_wait *wait = *link ? wait_del(k, link) : NULL;
	lock_drop(&k->lock);
	if (!wait)
		return; /* not waiting yet, or being answered */
	mem_free(wait);
	fuse_reply_err(req, EINTR);
}

/* ---- Reading ---- */

/* 0: the request waits and is somebody else's now. */
static int wait_begin(struct kmsg *k, struct kmsg_wait *wait)
{
	if (fuse_req_interrupted(wait->req))
		return -EINTR;
	if (k->stopped)
		return -ENODEV;
	wait_add(k, wait);
	return 0;
}

/* 1: waits. */
static int read_or_wait(struct kmsg *k, struct kmsg_wait *wait, off_t offset, bool may_wait,
			struct line *line)
{
	struct kmsg_reader *reader = wait->reader;

	if (!offset && reader->bytes) {
		reader->bytes = 0;
		reader->seq = ring_first(k->ring);
	}
	int err = reader_take(k, reader, wait->size, line);
	if (err != -EAGAIN || !may_wait)
		return err;
	err = wait_begin(k, wait);
	return err ? err : 1;
}

void kmsg_op_read(struct kmsg *k, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct line line;
	struct kmsg_wait *wait = mem_zalloc(sizeof(*wait));

	if (!wait) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	*wait = (struct kmsg_wait){ .reader = reader_of(fi), .req = req, .size = size };
	bool may_wait = !(fi->flags & O_NONBLOCK);
	if (may_wait) /* before it can be answered: afterwards the request may be gone */
		fuse_req_interrupt_func(req, wait_interrupted, k);
	lock_take(&k->lock);
	int err = read_or_wait(k, wait, offset, may_wait, &line);
	lock_drop(&k->lock);
	if (err == 1)
		return;
	mem_free(wait);
	read_answer(req, err, &line);
}

static void reader_seek(struct kmsg *k, struct kmsg_reader *reader, uint64_t seq)
{
	lock_take(&k->lock);
	reader->bytes = 0;
	reader->seq = seq;
	lock_drop(&k->lock);
}

void kmsg_seek_end(struct kmsg *k, struct fuse_file_info *fi)
{
	reader_seek(k, reader_of(fi), ring_next(k->ring));
}

/* The data begins behind what was cleared last; nothing ever is. */
void kmsg_op_lseek(struct kmsg *k, fuse_req_t req, off_t offset, int whence, struct fuse_file_info *fi)
{
	if (offset || whence != SEEK_DATA) {
		fuse_reply_err(req, offset ? ESPIPE : EINVAL);
		return;
	}
	reader_seek(k, reader_of(fi), ring_first(k->ring));
	fuse_reply_lseek(req, 0);
}

/* ---- Writing ---- */

/* "<14>text": facility and level of the text. What has none, or facility 0, which is the kernel's, is the user's. */
static unsigned priority_parse(const char **text, size_t *len)
{
	unsigned priority = 0, facility;
	size_t i = 1;

	if (!*len || **text != '<')
		return FACILITY_USER << LEVEL_BITS | RING_LEVEL_DEFAULT;
	for (; i < *len && (*text)[i] >= '0' && (*text)[i] <= '9'; i++)
		priority = priority * 10 + (unsigned)((*text)[i] - '0');
	if (i == *len || (*text)[i] != '>')
		return FACILITY_USER << LEVEL_BITS | RING_LEVEL_DEFAULT;
	*text += i + 1;
	*len -= i + 1;
	facility = priority >> LEVEL_BITS & 0xff;
	return (facility ? facility : FACILITY_USER) << LEVEL_BITS |
	       (priority & ((1u << LEVEL_BITS) - 1));
}

static bool write_passes(struct kmsg *k, struct kmsg_reader *reader)
{
	lock_take(&k->lock);
	bool passes = ratelimit_pass(&reader->writes, clock_now_ns(k->ring->clock), NULL);
	if (!passes)
		caller_comm(reader->writer);
	lock_drop(&k->lock);
	return passes;
}

void kmsg_op_write(struct kmsg *k, fuse_req_t req, const char *buf, size_t size, struct fuse_file_info *fi)
{
	size_t len = strnlen(buf, size);

	if (size > RING_TEXT_MAX) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (write_passes(k, reader_of(fi))) {
		unsigned priority = priority_parse(&buf, &len);
		len -= len && buf[len - 1] == '\n';
		ring_add(k->ring, priority, buf, len);
	}
	fuse_reply_write(req, size);
}

/* ---- Open files ---- */

void kmsg_op_open(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kmsg_reader *reader = mem_zalloc(sizeof(*reader));

	if (!reader) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	ratelimit_init(&reader->writes, WRITES_INTERVAL_NS, WRITES_BURST);
	lock_take(&k->lock);
	reader->seq = ring_first(k->ring);
	reader->next = k->readers;
	reader->link = &k->readers;
	if (k->readers)
		k->readers->link = &reader->next;
	k->readers = reader;
	lock_drop(&k->lock);
	fi->fh = (uintptr_t)reader;
	fi->direct_io = 1;
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will close it */
		kmsg_op_release(k, NULL, fi);
}

static void reader_del(struct kmsg_reader *reader)
{
	*reader->link = reader->next;
	if (reader->next)
		reader->next->link = reader->link;
	poll_forget(reader);
}

/* Who wrote too much learns of it at the end. */
void kmsg_op_release(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi)
{
	struct kmsg_reader *reader = reader_of(fi);

	lock_take(&k->lock);
	reader_del(reader);
	lock_drop(&k->lock);
	unsigned missed = ratelimit_missed(&reader->writes);
	if (missed)
		ring_printf(k->ring, RING_LEVEL_DEFAULT,
			    "%s: %u output lines suppressed due to ratelimiting", reader->writer, missed);
	mem_free(reader);
	if (req)
		fuse_reply_err(req, 0);
}

void kmsg_op_poll(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct kmsg_reader *reader = reader_of(fi);
	struct ring_record record;
	unsigned events = 0;

	lock_take(&k->lock);
	if (ring_read(k->ring, reader->seq, &record)) {
		events = POLLIN | POLLRDNORM;
		if (record.seq != reader->seq)
			events |= POLLERR | POLLPRI;
	}
	if (ph) {
		poll_forget(reader);
		reader->poll = ph;
	}
	lock_drop(&k->lock);
	fuse_reply_poll(req, events);
}

/* ---- All of it ---- */

void kmsg_init(struct kmsg *k, struct ring *ring, uint64_t ino)
{
	*k = (struct kmsg){ .ring = ring, .ino = ino };
	k->last = &k->first;
	lock_init(&k->lock, RANK_LOG, LOG_ORDER_READERS);
	ring_on_added(ring, kmsg_added, k);
}

void kmsg_stop(struct kmsg *k)
{
	lock_take(&k->lock);
	k->stopped = true;
	while (k->first) {
		struct kmsg_wait *wait = wait_del(k, &k->first);
		fuse_reply_err(wait->req, ENODEV);
		mem_free(wait);
	}
	lock_drop(&k->lock);
}

void kmsg_fini(struct kmsg *k)
{
	ring_on_added(k->ring, NULL, NULL);
	while (k->first)
		mem_free(wait_del(k, &k->first));
	for (struct kmsg_reader *r; (r = k->readers); mem_free(r))
		reader_del(r);
	lock_fini(&k->lock);
}
