/* SPDX-License-Identifier: MIT */
/*
 * Files of a captured state: read whole, handed out line by line with a line
 * number for messages. Where they come from is import_input's business.
 */
#include "daemon/import_capture.h"

#include "base/mem.h"
#include "base/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void empty_add(struct cap_empty *e, const char *path)
{
	if (!e)
		return;
	for (unsigned i = 0; i < MIN(e->nr, CAP_EMPTY_MAX); i++)
		if (!strcmp(e->path[i], path))
			return;
	if (e->nr < CAP_EMPTY_MAX)
		snprintf(e->path[e->nr], sizeof(e->path[0]), "%s", path);
	e->nr++;
}

void cap_note_empty(struct capture *c)
{
	const struct cap_empty *e = c->empty;
	for (unsigned i = 0; e && i < MIN(e->nr, CAP_EMPTY_MAX); i++) {
		const char *slash = strrchr(e->path[i], '/');
		cap_note(c, NOTE_CORRECTED, slash ? slash + 1 : e->path[i],
			 "%s: empty; taken as not there", e->path[i]);
	}
	if (e && e->nr > CAP_EMPTY_MAX)
		cap_note(c, NOTE_CORRECTED, "empty files", "%u more files are empty", e->nr - CAP_EMPTY_MAX);
}

int cap_open(struct cap_file *f, const struct capture *c, const char *path, struct why *why)
{
	memset(f, 0, sizeof(*f));
	if ((size_t)snprintf(f->path, sizeof(f->path), "%s/%s", c->state, path) >= sizeof(f->path))
		return why_set(why, -ENAMETOOLONG, "%s: the path is too long", c->state);
	size_t len = 0;
	int error = input_read(c->input, path, &f->text, &len, why);
	if (error)
		return error;
	if (!len) {
		cap_close(f);
		empty_add(c->empty, path);
		return -ENOENT;
	}
	if (memchr(f->text, 0, len)) {
		cap_close(f);
		return why_set(why, -EINVAL, "%s: not a text file", f->path);
	}
	f->next = f->text;
	return 0;
}

void cap_close(struct cap_file *f)
{
	mem_free(f->text);
	f->text = f->next = NULL;
}

char *cap_line(struct cap_file *f)
{
	char *line = f->next;
	if (!line || !*line)
		return NULL;
	f->line++;
	char *end = strchr(line, '\n');
	f->next = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	return line;
}

char *cap_word(char **rest)
{
	char *p = *rest + strspn(*rest, " \t\r");
	if (!*p)
		return NULL;
	char *end = p + strcspn(p, " \t\r");
	*rest = *end ? end + 1 : end;
	*end = 0;
	return p;
}

int cap_bad(const struct cap_file *f, struct why *why, const char *fmt, ...)
{
	char what[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return why_set(why, -EINVAL, "%s:%u: %s", f->path, f->line, what);
}

int cap_number(const struct cap_file *f, const char *word, const char *name, uint64_t *out, struct why *why)
{
	if (!word)
		return cap_bad(f, why, "a number is missing behind \"%s\"", name);
	if (parse_u64(word, out))
		return cap_bad(f, why, "\"%.40s\" behind \"%s\" is not a number", word, name);
	return 0;
}

int cap_first_line(const struct capture *c, const char *path, char *buf, size_t size, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, path, why);
	if (error)
		return error;
	const char *line = cap_line(&f);
	if (!line)
		line = "";
	size_t len = strlen(line);
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	if (len >= size)
		error = cap_bad(&f, why, "the line is too long");
	else
		snprintf(buf, size, "%.*s", (int)len, line);
	cap_close(&f);
	return error;
}

int cap_grow(void **array, unsigned *cap, unsigned nr, size_t element)
{
	if (nr < *cap)
		return 0;
	unsigned want = *cap ? *cap * 2 : 8;
	void *larger = mem_realloc(*array, want * element);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	*cap = want;
	return 0;
}

int pfn_ranges_add(struct pfn_ranges *r, uint64_t start, uint64_t end)
{
	if (start >= end)
		return 0;
	if (r->nr && r->r[r->nr - 1].end == start) {
		r->r[r->nr - 1].end = end;
		return 0;
	}
	if (cap_grow((void **)&r->r, &r->cap, r->nr, sizeof(*r->r)))
		return -ENOMEM;
	r->r[r->nr++] = (struct pfn_range){ start, end };
	return 0;
}

void pfn_ranges_fini(struct pfn_ranges *r)
{
	mem_free(r->r);
	memset(r, 0, sizeof(*r));
}

uint64_t pfn_ranges_pages(const struct pfn_ranges *r)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < r->nr; i++)
		pages += r->r[i].end - r->r[i].start;
	return pages;
}

/* Notes are for people: past a bound they are only counted. */
void cap_note(struct capture *c, enum cap_note_kind kind, const char *what, const char *fmt, ...)
{
	if (!c->note)
		c->note = mem_zalloc(CAP_NOTES_MAX * sizeof(*c->note));
	if (!c->note || c->nr_notes == CAP_NOTES_MAX) {
		c->notes_lost++;
		return;
	}
	struct cap_note *n = &c->note[c->nr_notes++];
	n->kind = kind;
	snprintf(n->what, sizeof(n->what), "%s", what);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
}
