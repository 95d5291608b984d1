/* SPDX-License-Identifier: MIT */
#include "support/fake_host.h"

#include "region/host.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/ummfs-host-XXXXXX";

int fake_host_setup(void **state)
{
	strcpy(root, "/tmp/ummfs-host-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	host_root = root;
	*state = root;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fake_host_teardown(void **state)
{
	(void)state;
	host_root = "";
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void full_path(char full[512], const char *path)
{
	snprintf(full, 512, "%s%s", root, path);
}

void fake_file(const char *path, const char *text)
{
	char full[512];
	full_path(full, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

const char *fake_read(const char *path)
{
	static char text[256];
	char full[512];
	full_path(full, path);
	FILE *f = fopen(full, "r");
	if (!f)
		return "(none)";
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

void fake_pool(int node, unsigned kilobytes, unsigned total, unsigned nr_free, unsigned promised)
{
	static const char *const name[] = { "nr_hugepages", "free_hugepages", "resv_hugepages" };
	const unsigned value[] = { total, nr_free, promised };
	char path[256], text[32];

	for (unsigned i = 0; i < (node < 0 ? 3u : 2u); i++) {
		if (node < 0)
			snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%ukB/%s",
				 kilobytes, name[i]);
		else
			snprintf(path, sizeof(path),
				 "/sys/devices/system/node/node%d/hugepages/hugepages-%ukB/%s",
				 node, kilobytes, name[i]);
		snprintf(text, sizeof(text), "%u\n", value[i]);
		fake_file(path, text);
	}
}
