/* SPDX-License-Identifier: MIT */
/*
 * A configuration file: config_read takes it or says why not; what it takes
 * boots when it is small, and then every count is right and every view prints.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#define PAGES_MOST ((uint64_t)1 << 20) /* of a machine that is worth the time to boot */
#define CPUS_MOST 64u

/* Both the frames and where they end: a table grows with each. */
static bool machine_small(const struct machine_spec *s)
{
	uint64_t end = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned z = 0; z < MM_ZONE_TYPES_MAX; z++)
			end = MAX(end, s->node[n].zone[z].start_pfn + s->node[n].zone[z].spanned);
	return end <= PAGES_MOST && s->nr_cpu_ids <= CPUS_MOST;
}

/* Only [vm] can still be wrong. */
static void machine_try(const char *path)
{
	const struct boot_options o = { .config = path, .no_region = true, .deterministic = true, .seed = 1 };
	struct why why = { "" };
	struct booted b;

	if (boot_machine(&b, &o, &why)) {
		FUZZ_REQUIRE(*why.text, "refused without a reason");
		return;
	}
	fuzz_verify(&b.vm);
	fuzz_views(&b.vm);
	boot_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file f;
	struct config c;
	struct why why = { "" };

	fuzz_file_make(&f, data, len);
	int error = config_read(&c, f.path, &why);
	if (error) {
		FUZZ_REQUIRE(error == -EINVAL || error == -ENOMEM, "error %d", error);
		FUZZ_REQUIRE(*why.text && !strchr(why.text, '\n'), "not one line: '%s'", why.text);
	} else {
		bool small = machine_small(&c.spec);
		config_fini(&c);
		if (small)
			machine_try(f.path);
	}
	fuzz_file_end(&f);
	return 0;
}
