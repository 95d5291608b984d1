/* SPDX-License-Identifier: MIT */
/*
 * Reading a configuration file. inih knows the grammar of lines; what it does
 * not tell its handler (line numbers, the end of a value that goes on over
 * several lines, sections without a key) is seen by line_read(), which hands
 * it the lines. Entries are collected first and taken when the file is whole,
 * so their order in the file means nothing.
 *
 * The built-in machine is a text that goes through the same reader.
 */
#include "daemon/config.h"

#include "base/mem.h"
#include "daemon/config_caches.h"
#include "daemon/config_plan.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#define CONFIG_ENTRIES_MAX 16384u
#define BLANKS " \t\r\n\v\f"

/* conf/builtin.conf says the same with explanations; a test compares the two. */
static const char builtin_text[] = "[node 0]\n"
				   "memory = 512M\n"
				   "cpus = 0-1\n"
				   "distance = 10 20\n"
				   "[node 1]\n"
				   "memory = 512M\n"
				   "cpus = 2-3\n"
				   "distance = 20 10\n"
				   "[cache TCP]\n"
				   "size = 1984\n"
				   "align = 64\n"
				   "flags = hwcache_align\n";

struct config_reader {
	FILE *file;
	struct machine_plan *plan;
	int line; /* that was handed out last */
	char *raw; /* getline's */
	size_t raw_size;
	enum config_section section; /* that the lines are in */
	unsigned node;
	bool goes_on; /* the line continues the value before it */
	int error; /* first failure; nothing more is read */
	struct config_entry *entry;
	unsigned nr_entries;
};

/* What stands before an inline comment, as inih sees it: a semicolon after a blank. */
static size_t text_before_comment(const char *s)
{
	size_t n = 0;
	while (s[n] && !(s[n] == ';' && (!n || strchr(BLANKS, s[n - 1]))))
		n++;
	return n;
}

/* A line in square brackets opens a section, whether keys follow or not. */
static void section_see(struct config_reader *r, const char *s)
{
	char text[128];
	const char *end = strchr(s, ']');

	if (!end)
		return; /* inih will call it an error */
	snprintf(text, sizeof(text), "%.*s", (int)(end - s - 1), s + 1);
	r->error = config_section_open(r->plan, text, r->line, &r->section, &r->node);
}

/*
 * How a line is to be handed on. An indented "name = value" is not a
 * continuation, so its indent goes; what is one loses its comment, which inih
 * would take for a part of the value.
 */
static const char *line_see(struct config_reader *r, char *raw)
{
	char *s = raw + strspn(raw, BLANKS);

	r->goes_on = false;
	if (!*s || *s == ';' || *s == '#')
		return raw;
	if (*s == '[') {
		section_see(r, s);
		return s;
	}
	if (strcspn(s, "=:") < text_before_comment(s))
		return s;
	r->goes_on = s != raw;
	if (r->goes_on)
		s[text_before_comment(s)] = '\0';
	return raw;
}

/* fgets for inih. NULL ends the reading: at the end of the file, or after an error. */
static char *line_read(char *str, int size, void *stream)
{
	struct config_reader *r = stream;

	if (r->error)
		return NULL;
	ssize_t len = getline(&r->raw, &r->raw_size, r->file);
	if (len < 0)
		return NULL;
	r->line++;
	char *line = r->raw;
	if (r->line == 1 && !strncmp(line, "\xef\xbb\xbf", 3))
		line += 3; /* an editor's byte order mark */
	if (strlen(r->raw) != (size_t)len)
		r->error = plan_fail(r->plan, r->line, -EINVAL, "a NUL byte: this is not a text file");
	else if (len >= size)
		r->error = plan_fail(r->plan, r->line, -EINVAL,
				     "more than %d characters: let the value go on in an indented line below",
				     size - 2);
	if (r->error)
		return NULL;
	const char *seen = line_see(r, line);
	return r->error ? NULL : memcpy(str, seen, strlen(seen) + 1);
}

static int entry_extend(struct config_entry *e, const char *value)
{
	size_t len = strlen(e->value);
	char *longer = mem_realloc(e->value, len + strlen(value) + 2);
	if (!longer)
		return -ENOMEM;
	e->value = longer;
	if (len)
		longer[len++] = ' ';
	memcpy(longer + len, value, strlen(value) + 1);
	return 0;
}

static int entry_add(struct config_reader *r, const char *name, const char *value)
{
	if (r->nr_entries == CONFIG_ENTRIES_MAX)
		return plan_fail(r->plan, r->line, -EINVAL, "more than %u keys", CONFIG_ENTRIES_MAX);
	struct config_entry *grown = mem_realloc(r->entry, (r->nr_entries + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->entry = grown;
	struct config_entry *e = &grown[r->nr_entries++];
	*e = (struct config_entry){ r->section, r->node, mem_strdup(name), mem_strdup(value), r->line };
	return e->name && e->value ? 0 : -ENOMEM;
}

/* inih's handler: 1 goes on. */
#if INI_HANDLER_LINENO
static int entry_see(void *user, const char *section, const char *name, const char *value, int lineno)
#else
static int entry_see(void *user, const char *section, const char *name, const char *value)
#endif
{
	struct config_reader *r = user;
#if INI_HANDLER_LINENO
	(void)lineno;
#endif
	(void)section; /* cut off after 50 characters; r->section is what it means */
	if (r->error || !name)
		return !r->error;
	if (r->goes_on && r->nr_entries)
		r->error = entry_extend(&r->entry[r->nr_entries - 1], value);
	else if (r->section == SECTION_NONE)
		r->error = plan_fail(r->plan, r->line, -EINVAL,
				     "%s: stands before the first section, [machine]", name);
	else
		r->error = entry_add(r, name, value);
	return !r->error;
}

static int reader_run(struct config_reader *r)
{
	errno = 0;
	int line = ini_parse_stream(line_read, r, entry_see, r);
	if (ferror(r->file))
		return plan_fail(r->plan, 0, errno ? -errno : -EIO, "cannot be read: %s", strerror(errno));
	if (r->error == -ENOMEM)
		return plan_fail(r->plan, r->line, -ENOMEM, "no memory to read it");
	if (line > 0 && !(r->error && line >= r->line)) {
		r->plan->why->text[0] = '\0'; /* inih found an earlier one than we did */
		return plan_fail(r->plan, line, -EINVAL, "neither [section] nor key = value");
	}
	return r->error;
}

static void reader_fini(struct config_reader *r)
{
	for (unsigned i = 0; i < r->nr_entries; i++) {
		mem_free(r->entry[i].name);
		mem_free(r->entry[i].value);
	}
	mem_free(r->entry);
	free(r->raw); /* getline's, not ours */
}

static int knob_add(struct machine_plan *p, struct config *c, const struct config_entry *e)
{
	for (unsigned i = 0; i < c->nr_knobs; i++)
		if (!strcmp(c->knob[i].name, e->name))
			return plan_fail(p, e->line, -EINVAL, "%s: stands in line %d already",
					 e->name, c->knob[i].line);
	struct config_knob *grown = mem_realloc(c->knob, (c->nr_knobs + 1) * sizeof(*grown));
	if (!grown)
		return plan_fail(p, e->line, -ENOMEM, "no memory");
	c->knob = grown;
	struct config_knob *k = &grown[c->nr_knobs++];
	*k = (struct config_knob){ mem_strdup(e->name), mem_strdup(e->value), e->line };
	return k->name && k->value ? 0 : plan_fail(p, e->line, -ENOMEM, "no memory");
}

static int entries_take(struct config_reader *r, struct config *c)
{
	int error = 0;
	for (unsigned i = 0; i < r->nr_entries && !error; i++) {
		const struct config_entry *e = &r->entry[i];
		error = e->section == SECTION_VM ? knob_add(r->plan, c, e) : config_take(r->plan, c, e);
	}
	return error;
}

static int config_parse(struct config *c, FILE *file, struct why *why)
{
	struct config_reader r = { .file = file, .plan = plan_create(c->path, why) };
	if (!r.plan)
		return -ENOMEM;
	int error = reader_run(&r);
	if (!error)
		error = entries_take(&r, c);
	if (!error)
		error = config_lay_out(r.plan, &c->spec);
	if (!error)
		error = config_cut_zones(r.plan, &c->spec);
	if (!error)
		error = config_caches_done(r.plan, c);
	reader_fini(&r);
	plan_destroy(r.plan);
	return error;
}

/* Takes over `file`, which may be NULL with errno saying why. */
static int config_load(struct config *c, const char *path, FILE *file, struct why *why)
{
	int error = file ? 0 : -errno;

	*c = (struct config){ .path = mem_strdup(path), .dev_mem_mode = 0600 };
	machine_spec_init(&c->spec);
	if (error)
		why_set(why, error, "%s: cannot be read: %s", path, strerror(-error));
	else if (!c->path)
		error = why_set(why, -ENOMEM, "%s: no memory to read it", path);
	else
		error = config_parse(c, file, why);
	if (file)
		fclose(file);
	if (error)
		config_fini(c);
	return error;
}

int config_read(struct config *c, const char *path, struct why *why)
{
	return config_load(c, path, fopen(path, "re"), why);
}

int config_builtin(struct config *c, struct why *why)
{
	return config_load(c, "built-in",
			   fmemopen((void *)(uintptr_t)builtin_text, strlen(builtin_text), "r"), why);
}

void config_fini(struct config *c)
{
	for (unsigned i = 0; i < c->nr_knobs; i++) {
		mem_free(c->knob[i].name);
		mem_free(c->knob[i].value);
	}
	mem_free(c->knob);
	config_caches_free(c->cache, c->nr_caches);
	mem_free(c->path);
	mem_free(c->source);
	machine_spec_fini(&c->spec);
	*c = (struct config){ 0 };
}
