/* SPDX-License-Identifier: MIT */
#include "fuzz/fuzz.h"

#include "mm/verify.h"
#include "view/view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void fuzz_file_make(struct fuzz_file *f, const void *bytes, size_t len)
{
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_REQUIRE(f->fd >= 0 && write(f->fd, bytes, len) == (ssize_t)len, "no file in memory");
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

void fuzz_file_end(struct fuzz_file *f)
{
	close(f->fd);
}

void fuzz_boot(struct booted *b, uint64_t limit_bytes)
{
	static const char text[] = "[machine]\nthp = never\n"
				   "[node 0]\nmemory = 36M\ncpus = 0-1\n"
				   "[node 1]\nmemory = 28M\ncpus = 2-3\n";
	struct fuzz_file f;
	struct why why = { "" };

	fuzz_file_make(&f, text, strlen(text));
	const struct boot_options o = {
		.config = f.path,
		.has_backing = true,
		.has_limit = true,
		.region = { .backing = BACKING_SPARSE, .limit_bytes = limit_bytes, .state_dir = "/dev/null" },
		.no_region = !limit_bytes,
		.deterministic = true,
		.seed = 1,
	};
	FUZZ_REQUIRE(!boot_machine(b, &o, &why), "boot: %s", why.text);
	fuzz_file_end(&f);
}

void fuzz_verify(struct vm *vm)
{
	struct text findings;
	text_init(&findings, 0);
	FUZZ_REQUIRE(!mm_verify(&vm->machine, &findings), "mm_verify: %s", text_cstr(&findings));
	text_fini(&findings);
}

static void view_print(const struct view *v, const struct snapshot *s, unsigned arg)
{
	struct text t;
	if (v->shown && !v->shown(s->machine, arg))
		return;
	text_init(&t, 0);
	v->render(&t, s, arg);
	FUZZ_REQUIRE(!text_error(&t), "%s of %u: error %d", v->path, arg, text_error(&t));
	text_fini(&t);
}

void fuzz_views(struct vm *vm)
{
	const struct machine *m = &vm->machine;
	struct snapshot s;

	FUZZ_REQUIRE(!snapshot_init(&s, m), "no memory for a snapshot");
	snapshot_fill(&s, vm, SNAP_ALL);
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		if (v->scope == VIEW_ONCE)
			view_print(v, &s, 0);
		for (unsigned n = 0; v->scope == VIEW_NODE && n < m->nr_nodes; n++)
			if (m->node[n].online)
				view_print(v, &s, n);
		for (unsigned c = 0; v->scope == VIEW_CPU && c < m->nr_cpu_ids; c++)
			if (m->cpu[c].online)
				view_print(v, &s, c);
	}
	snapshot_fini(&s);
}

bool fuzz_piece(struct fuzz_pieces *p, const char **bytes, size_t *len)
{
	if (p->next == p->end)
		return false;
	const uint8_t *cut = memchr(p->next, 0xff, (size_t)(p->end - p->next));
	*bytes = (const char *)p->next;
	*len = (size_t)((cut ? cut : p->end) - p->next);
	p->next = cut ? cut + 1 : p->end;
	return true;
}
