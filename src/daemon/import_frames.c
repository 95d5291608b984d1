/* SPDX-License-Identifier: MIT */
/*
 * A state that ummfs wrote itself has ummfs/frames beside its proc and sys
 * files: then nothing is guessed, the machine is laid as the record says, task
 * by task and list by list. The proc and sys files are not needed for that;
 * they are the check: what the machine prints now has to be what stands there,
 * byte for byte, or the state is refused by the first line that differs.
 */
#include "daemon/import.h"

#include "base/mem.h"
#include "base/parse.h"
#include "daemon/import_capture.h"
#include "fs/state.h"
#include "vm/record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int import_frames_read(struct capture *c, struct why *why)
{
	size_t len;
	int error = input_read(c->input, STATE_FRAMES_PATH, &c->frames, &len, why);
	if (error)
		return error == -ENOENT ? 0 : error;
	if (memchr(c->frames, 0, len))
		return why_set(why, -EINVAL, "%s/" STATE_FRAMES_PATH ": not a text file", c->state);
	if (input_damage(c->input)) /* an archive from elsewhere may be used in part; this one is exact or nothing */
		return why_set(why, -EINVAL, "%s: a state of ummfs, but not all of it can be read: %s",
			       c->state, input_damage(c->input));
	return 0;
}

bool import_is_exact(const struct capture *c)
{
	return c->frames;
}

static void record_name(const struct capture *c, char *name, size_t size)
{
	snprintf(name, size, "%s/" STATE_FRAMES_PATH, c->state);
}

int import_frames_spec(struct capture *c, struct machine_spec *spec, struct why *why)
{
	char name[320];
	char *copy = mem_strdup(c->frames); /* the reader takes it apart */
	machine_spec_init(spec);
	record_name(c, name, sizeof(name));
	int error = copy ? record_spec(spec, copy, name, why) : -ENOMEM;
	mem_free(copy);
	if (error == -ENOMEM)
		why_set(why, error, "%s: not enough memory to import it", c->state);
	if (error)
		machine_spec_fini(spec);
	return error;
}

/* ---- Do the proc and sys files say the same? ---- */

static unsigned line_of_difference(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned line = 1;
	for (size_t i = 0; i < a_len && i < b_len && a[i] == b[i]; i++)
		line += a[i] == '\n';
	return line;
}

/* Views that are made of the machine's numbers; not a README, which may have been written by a newer program. */
static bool member_is_checked(const struct state_member *m)
{
	return S_ISREG(m->mode) && (!m->view || m->view->parts);
}

static int member_check(const struct capture *c, const struct state *s,
			const struct state_member *m, struct why *why)
{
	char *text;
	size_t len;
	int error = input_read(c->input, m->path, &text, &len, why);
	if (error)
		return error == -ENOENT ? 0 : error;
	if (len != m->len || memcmp(text, state_text(s, m), len))
		error = why_set(why, -EINVAL, "%s/%s:%u: " STATE_FRAMES_PATH " says otherwise", c->state,
				m->path, line_of_difference(text, len, state_text(s, m), m->len));
	mem_free(text);
	return error;
}

static int files_check(const struct capture *c, struct vm *vm, struct why *why)
{
	const struct fs_options o = { .uid = getuid(), .gid = getgid() };
	struct fs *fs = mem_zalloc(sizeof(*fs));
	struct state s;
	int error = fs ? fs_init(fs, vm, &o) : -ENOMEM;
	if (!error) {
		error = state_collect(&s, fs, 0);
		for (unsigned i = 0; i < s.nr && !error; i++)
			if (member_is_checked(&s.member[i]))
				error = member_check(c, &s, &s.member[i], why);
		state_fini(&s);
		fs_fini(fs);
	}
	mem_free(fs);
	return error;
}

/* ---- Content ---- */

struct content {
	struct capture *c;
	struct vm *vm;
	struct why *why;
};

/* A file of dev/hugepages: "hugepages/ID". */
static int huge_take(const struct content *to, const char *name, uint64_t offset, const char *bytes,
		     size_t len)
{
	uint64_t id;
	if (parse_u64(strchr(name, '/') + 1, &id) || record_huge_content(to->vm, id, offset, bytes, len))
		return why_set(to->why, -EINVAL, "%s/ummfs/%s: no such file, or a page that it does not have",
			       to->c->state, name);
	return 0;
}

static int content_take(void *ctx, const char *task, uint64_t offset, const char *bytes, size_t len)
{
	const struct content *to = ctx;
	if (strchr(task, '/'))
		return huge_take(to, task, offset, bytes, len);
	int error = record_content(to->vm, task, offset, bytes, len);
	if (error == -ENOMEM)
		why_set(to->why, error, "%s/tasks/%s/mem: more than -o limit= allows", to->c->state, task);
	else if (error)
		why_set(to->why, error, "%s/tasks/%s/mem: no such task, or past the end of its memory",
			to->c->state, task);
	return error;
}

int import_frames_apply(struct capture *c, struct vm *vm, struct why *why)
{
	struct content to = { c, vm, why };
	char name[320];
	char *copy = mem_strdup(c->frames);
	record_name(c, name, sizeof(name));
	int error = copy ? record_apply(vm, copy, name, why) : -ENOMEM;
	mem_free(copy);
	if (!error)
		error = files_check(c, vm, why);
	if (!error && vm->region)
		error = input_contents(c->input, content_take, &to, why);
	return error ? why_set(why, error, "%s: not enough memory to import it", c->state) : 0;
}

void import_frames_report(const struct capture *c, const struct machine *m, struct text *out)
{
	unsigned nodes = 0, zones = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		nodes += m->node[n].online;
	FOR_EACH_POPULATED_ZONE(z, m)
		zones++;
	text_printf(out, "%s: %u node%s, %u zone%s, %u CPU%s, %lu MiB; a state of ummfs: nothing missing, guessed or corrected\n",
		    c->state, nodes, nodes == 1 ? "" : "s", zones, zones == 1 ? "" : "s", m->nr_cpus_online,
		    m->nr_cpus_online == 1 ? "" : "s", m->managed_pages >> (20 - PAGE_SHIFT));
}
