/* SPDX-License-Identifier: MIT */
/*
 * A fuzz target without libFuzzer: fuzz_NAME [FILE|DIR]... gives each file to
 * the target once. Without arguments: its corpus, below $SRCDIR (or here).
 * An input that ends the process is named in the line before.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_BYTES_MOST ((size_t)16 << 20)

static unsigned nr_inputs;

static int file_replay(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || (size_t)st.st_size > INPUT_BYTES_MOST) {
		fprintf(stderr, "%s: %s\n", path, fd < 0 ? strerror(errno) : "too large for an input");
		if (fd >= 0)
			close(fd);
		return 1;
	}
	uint8_t *bytes = malloc((size_t)st.st_size + 1);
	ssize_t len = bytes ? read(fd, bytes, (size_t)st.st_size) : -1;
	close(fd);
	if (len == st.st_size) {
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(bytes, (size_t)len);
		nr_inputs++;
	}
	free(bytes);
	return len != st.st_size;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int path_replay(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, visible, alphasort), failed = 0;
	if (n < 0)
		return file_replay(path);
	for (int i = 0; i < n; i++) {
		char name[4096];
		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		failed |= file_replay(name);
		free(entry[i]);
	}
	free(entry);
	return failed;
}

static int corpus_replay(const char *program)
{
	const char *root = getenv("SRCDIR"), *name = strrchr(program, '/');
	char path[4096];
	name = name ? name + 1 : program;
	if (!strncmp(name, "fuzz_", 5))
		name += 5;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", root ? root : ".", name);
	return path_replay(path);
}

int main(int argc, char **argv)
{
	int failed = argc > 1 ? 0 : corpus_replay(argv[0]);
	for (int i = 1; i < argc; i++)
		failed |= path_replay(argv[i]);
	if (!nr_inputs)
		fprintf(stderr, "no inputs\n");
	printf("[  PASSED  ] %u test(s).\n", nr_inputs);
	return failed || !nr_inputs;
}
