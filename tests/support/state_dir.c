/* SPDX-License-Identifier: MIT */
#include "support/state_dir.h"

#include "base/mem.h"
#include "mm/verify.h"
#include "vm/vm_slab.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_MAX ((size_t)1 << 20)

static void folders_make(const char *name)
{
	char dir[1024];
	snprintf(dir, sizeof(dir), "%s", name);
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(dir, 0755) && errno != EEXIST)
			fail_msg("mkdir %s: %s", dir, strerror(errno));
		*slash = '/';
	}
}

static void file_write(const char *name, const char *text)
{
	folders_make(name);
	FILE *f = fopen(name, "w");
	if (!f)
		fail_msg("%s: %s", name, strerror(errno));
	fputs(text, f);
	fclose(f);
}

static char *file_read(const char *name)
{
	FILE *f = fopen(name, "r");
	if (!f)
		fail_msg("%s: %s", name, strerror(errno));
	char *text = calloc(1, FILE_MAX);
	assert_non_null(text);
	text[fread(text, 1, FILE_MAX - 1, f)] = 0;
	fclose(f);
	return text;
}

/* nftw has no argument for its callback. */
static const char *copy_from, *copy_to;

static int copy_one(const char *name, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st, (void)ftw;
	char to[1024];
	if (what != FTW_F)
		return 0;
	snprintf(to, sizeof(to), "%s%s", copy_to, name + strlen(copy_from));
	char *text = file_read(name);
	file_write(to, text);
	free(text);
	return 0;
}

void state_dir_make(struct state_dir *d, const char *capture)
{
	const char *root = getenv("SRCDIR");
	char from[512];
	snprintf(d->path, sizeof(d->path), "/tmp/ummfs-state-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	if (!capture)
		return;
	snprintf(from, sizeof(from), "%s/tests/oracle/captures/%s", root ? root : ".", capture);
	copy_from = from;
	copy_to = d->path;
	assert_int_equal(nftw(from, copy_one, 16, FTW_PHYS), 0);
}

void state_dir_write(const struct state_dir *d, const char *path, const char *text)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", d->path, path);
	file_write(name, text);
}

char *state_dir_read(const struct state_dir *d, const char *path)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", d->path, path);
	return file_read(name);
}

static int remove_one(const char *name, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st, (void)what, (void)ftw;
	return remove(name);
}

void state_dir_drop(const struct state_dir *d, const char *path)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", d->path, path);
	assert_int_equal(nftw(name, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void state_dir_edit(const struct state_dir *d, const char *path, const char *from, const char *to)
{
	char name[1024];
	snprintf(name, sizeof(name), "%s/%s", d->path, path);
	char *text = file_read(name), *at = strstr(text, from), *result = NULL;
	if (!at)
		fail_msg("%s does not contain \"%s\"", name, from);
	assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) >= 0);
	file_write(name, result);
	free(result);
	free(text);
}

void state_dir_remove(struct state_dir *d)
{
	assert_int_equal(nftw(d->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

struct capture *state_capture(const struct state_dir *d)
{
	struct capture *c = mem_zalloc(sizeof(*c));
	assert_non_null(c);
	struct why why = { "" };
	assert_int_equal(input_open(&c->input, d->path, &why), 0);
	c->state = input_name(c->input);
	c->node = mem_zalloc(MM_NODES_MAX * sizeof(*c->node));
	assert_non_null(c->node);
	c->version = &kernel_versions[KERNEL_6_1];
	return c;
}

struct capture *state_read(const struct state_dir *d)
{
	struct capture *c = NULL;
	struct why why = { "" };
	if (import_read(&c, d->path, &why))
		fail_msg("%s", why.text);
	return c;
}

void state_refused(const struct state_dir *d, int error, const char *words)
{
	struct capture *c = NULL;
	struct why why = { "" };
	int got = import_read(&c, d->path, &why);
	if (got != error || !strstr(why.text, words))
		fail_msg("expected %d and \"%s\", got %d and \"%s\"", error, words, got, why.text);
	assert_null(c);
}

bool state_noted(const struct capture *c, enum cap_note_kind kind, const char *what)
{
	for (unsigned i = 0; i < c->nr_notes; i++)
		if (c->note[i].kind == kind && !strcmp(c->note[i].what, what))
			return true;
	return false;
}

/* ---- One file ---- */

static struct capture *reader_run(struct state_dir *d, const struct state_file *file, int error,
				  const char *words)
{
	struct why why = { "" };
	struct capture *c = state_capture(d);
	if (file->capture)
		assert_int_equal(cap_read_zoneinfo(c, &why), 0);
	int got = file->read(c, &why);
	if (got != error || !strstr(why.text, words))
		fail_msg("expected %d and \"%s\", got %d and \"%s\"", error, words, got, why.text);
	return c;
}

struct capture *state_file_read(struct state_dir *d, const struct state_file *file,
				const char *text, int error, const char *words)
{
	state_dir_make(d, file->capture);
	if (text)
		state_dir_write(d, file->path, text);
	return reader_run(d, file, error, words);
}

void state_file_done(struct state_dir *d, struct capture *c)
{
	import_free(c);
	state_dir_remove(d);
}

void state_file_refused(const struct state_file *file, const char *text, const char *words)
{
	struct state_dir d;
	state_file_done(&d, state_file_read(&d, file, text, -EINVAL, words));
}

void state_file_missing(const struct state_file *file)
{
	struct state_dir d;
	state_dir_make(&d, file->capture);
	state_dir_drop(&d, file->path);
	struct capture *c = reader_run(&d, file, 0, "");
	assert_true(state_noted(c, NOTE_MISSING, file->path));
	state_file_done(&d, c);
}

/* ---- Machines ---- */

void state_verify(struct state_vm *s)
{
	struct text t;
	text_init(&t, 0);
	if (mm_verify(&s->vm.machine, &t))
		fail_msg("%s", text_cstr(&t));
	text_fini(&t);
}

struct state_vm *state_boot(const struct state_dir *d)
{
	return state_boot_seed(d, 1);
}

struct state_vm *state_boot_seed(const struct state_dir *d, uint64_t seed)
{
	struct state_vm *s = calloc(1, sizeof(*s));
	const struct vm_config config = { .deterministic = true, .seed = seed, .no_caches = true };
	struct why why = { "" };
	assert_non_null(s);
	s->capture = state_read(d);
	if (import_spec(s->capture, &s->spec, &why) || vm_boot(&s->vm, &s->spec, &config, &why) ||
	    import_apply(s->capture, &s->vm, &why) || vm_slab_start(&s->vm))
		fail_msg("%s", why.text);
	state_verify(s);
	return s;
}

void state_end(struct state_vm *s)
{
	vm_shutdown(&s->vm);
	machine_spec_fini(&s->spec);
	import_free(s->capture);
	free(s);
}

char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 18);
	assert_non_null(text);
	if (!f)
		fail_msg("no %s", path);
	text[fread(text, 1, (1 << 18) - 1, f)] = '\0';
	fclose(f);
	return text;
}
