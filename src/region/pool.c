/* SPDX-License-Identifier: MIT */
/*
 * A record holds one line for each pool: "HUGE_PAGE_BYTES NODE PAGES BASE".
 * It is written before the pool is touched, with the size that the pool had
 * (BASE); a raise that was cut short then shows in the difference. Once all
 * is had the record is written again with BASE "-", and PAGES is the truth.
 */
#include "region/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define POOL_RAISES_MAX 256
#define POOL_TRIES 3

struct pool_raised {
	struct host_pool pool;
	uint64_t pages;
	uint64_t base;
	bool done; /* base is of no use any more */
};

int pool_dir(const char *state_dir, char dir[POOL_RECORD_BYTES])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int n;

	if (state_dir)
		n = snprintf(dir, POOL_RECORD_BYTES, "%s", state_dir);
	else if (!geteuid())
		n = snprintf(dir, POOL_RECORD_BYTES, "/run/ummfs");
	else if (runtime && *runtime)
		n = snprintf(dir, POOL_RECORD_BYTES, "%s/ummfs", runtime);
	else
		return -ENOENT;
	return n < POOL_RECORD_BYTES / 2 ? 0 : -ENAMETOOLONG;
}

/* Take the turn to resize pools; returns a descriptor to close, or -errno. */
static int pool_lock(const char *dir)
{
	char path[POOL_RECORD_BYTES + 16];

	snprintf(path, sizeof(path), "%s/pool.lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		int error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* number: tells the regions of one process apart. */
static void record_name(const char *dir, unsigned number, char record[POOL_RECORD_BYTES])
{
	uint64_t pid = (uint64_t)getpid();
	snprintf(record, POOL_RECORD_BYTES, "%.*s/pool.%lu.%lu.%u", POOL_RECORD_BYTES / 2, dir,
		 (unsigned long)pid, (unsigned long)host_process_start(pid), number);
}

/* Replace the record in one step: a reader sees the old or the new one. */
static int record_write(const char *record, const struct pool_raised *raised, size_t nr)
{
	char fresh[POOL_RECORD_BYTES + 8];

	snprintf(fresh, sizeof(fresh), "%s.new", record);
	FILE *f = fopen(fresh, "we");
	if (!f)
		return -errno;
	for (size_t i = 0; i < nr; i++) {
		fprintf(f, "%lu %d %lu ", (unsigned long)raised[i].pool.huge_page_bytes,
			raised[i].pool.node, (unsigned long)raised[i].pages);
		if (raised[i].done)
			fputs("-\n", f);
		else
			fprintf(f, "%lu\n", (unsigned long)raised[i].base);
	}
	int error = ferror(f) ? -EIO : 0;
	if (fclose(f) && !error)
		error = -errno;
	if (!error && rename(fresh, record))
		error = -errno;
	if (error)
		unlink(fresh);
	return error;
}

static bool record_line(const char *line, struct pool_raised *out)
{
	unsigned long bytes, pages;
	char base[32];
	int node;

	if (sscanf(line, "%lu %d %lu %31s", &bytes, &node, &pages, base) != 4)
		return false;
	*out = (struct pool_raised){ { bytes, node }, pages, strtoull(base, NULL, 10), !strcmp(base, "-") };
	return true;
}

/* Returns pages given back, or -errno when the host does not let us. */
static int64_t raised_give_back(const struct pool_raised *raised)
{
	struct host_pool_pages now;
	int error = host_pool_read(&raised->pool, &now);
	if (error)
		return error;
	uint64_t pages = raised->pages;
	if (!raised->done)
		pages = MIN(pages, now.total - MIN(raised->base, now.total));
	pages = MIN(pages, now.total);
	if (!pages)
		return 0;
	error = host_pool_resize(&raised->pool, now.total - pages);
	return error ? error : (int64_t)pages;
}

/* With the lock held. A record that cannot be settled stays for somebody who may. */
static uint64_t record_settle(const char *record)
{
	struct pool_raised raised;
	char line[128];
	uint64_t given = 0;
	bool failed = false;

	FILE *f = fopen(record, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!record_line(line, &raised))
			continue;
		int64_t pages = raised_give_back(&raised);
		failed |= pages < 0;
		given += (uint64_t)MAX(pages, 0);
	}
	fclose(f);
	if (failed)
		log_warning("%s: the host's huge pages named there could not be given back: %s", record,
			    "start ummfs as root once, or lower nr_hugepages by hand and remove the file");
	else
		unlink(record);
	return given;
}

static void record_dir(const char *record, char dir[POOL_RECORD_BYTES])
{
	snprintf(dir, POOL_RECORD_BYTES, "%s", record);
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
}

uint64_t pool_settle(const char *record)
{
	char dir[POOL_RECORD_BYTES];

	record_dir(record, dir);
	int lock = pool_lock(dir);
	uint64_t given = record_settle(record);
	if (lock >= 0)
		close(lock);
	return given;
}

void pool_adopt(char record[POOL_RECORD_BYTES])
{
	char dir[POOL_RECORD_BYTES], own[POOL_RECORD_BYTES];

	if (!record[0])
		return;
	record_dir(record, dir);
	record_name(dir, (unsigned)strtoul(strrchr(record, '.') + 1, NULL, 10), own);
	if (!strcmp(own, record))
		return;
	if (rename(record, own))
		log_warning("%s: cannot be renamed to %s: %s", record, own, strerror(errno));
	else
		memcpy(record, own, sizeof(own));
}

/* Is this directory entry a record whose process is gone? */
static bool record_orphaned(const char *name)
{
	unsigned long pid, start;
	int end = 0;

	if (sscanf(name, "pool.%lu.%lu.%*u%n", &pid, &start, &end) != 2 || !end || name[end])
		return false;
	return host_process_start(pid) != start;
}

uint64_t pool_recover(const char *state_dir)
{
	char dir[POOL_RECORD_BYTES], record[POOL_RECORD_BYTES + NAME_MAX + 1];
	uint64_t given = 0;

	if (pool_dir(state_dir, dir))
		return 0;
	DIR *d = opendir(dir);
	if (!d)
		return 0;
	int lock = -1;
	for (struct dirent *e; (e = readdir(d));) {
		if (!record_orphaned(e->d_name))
			continue;
		if (lock < 0)
			lock = pool_lock(dir);
		snprintf(record, sizeof(record), "%s/%s", dir, e->d_name);
		given += record_settle(record);
	}
	closedir(d);
	if (lock >= 0)
		close(lock);
	return given;
}

int pool_short(const struct pool_need *need, const struct host_pool_pages *have, struct why *why)
{
	char path[128], node[32] = "";
	unsigned long wanted = (unsigned long)(have->total + need->pages - have->available);

	host_pool_path(&need->pool, path);
	if (need->pool.node == HOST_NODE_ANY && need->pool.huge_page_bytes == 2ul << 20)
		snprintf(path, sizeof(path), "/proc/sys/vm/nr_hugepages");
	if (need->pool.node != HOST_NODE_ANY)
		snprintf(node, sizeof(node), " on host node %d", need->pool.node);
	return why_set(why, -ENOSPC,
		       "backing=hugetlb needs %lu huge pages of %lu MiB%s and the host has %lu free: "
		       "echo %lu > %s, or use -o reserve or -o backing=thp",
		       (unsigned long)need->pages, (unsigned long)(need->pool.huge_page_bytes >> 20),
		       node, (unsigned long)have->available, wanted, path);
}

/* What of one need is missing; pages is 0 when nothing is. */
static int raise_plan(const struct pool_need *need, struct pool_raised *raised, struct why *why)
{
	struct host_pool_pages have;

	*raised = (struct pool_raised){ .pool = need->pool };
	int error = host_pool_read(&need->pool, &have);
	if (error)
		return why_set(why, error, "the host has no pool of %lu MiB huge pages: use -o backing=thp",
			       (unsigned long)(need->pool.huge_page_bytes >> 20));
	raised->pages = need->pages - MIN(need->pages, have.available);
	raised->base = have.total;
	return 0;
}

/* The kernel gives what it can find at once; asking again lets its compaction go on where it stopped. */
static int raise_one(const struct pool_raised *raised, struct why *why)
{
	struct host_pool_pages now = { raised->base, 0 };
	uint64_t want = raised->base + raised->pages;
	char path[128];

	host_pool_path(&raised->pool, path);
	for (unsigned try = 0; try < POOL_TRIES && now.total < want; try++) {
		int error = host_pool_resize(&raised->pool, want);
		if (!error)
			error = host_pool_read(&raised->pool, &now);
		if (error)
			return why_set(why, error,
				       "-o reserve cannot write %lu to %s: %s: run as root, let root write it, "
				       "or use -o backing=thp",
				       (unsigned long)want, path, strerror(-error));
	}
	if (now.total >= want)
		return 0;
	return why_set(
		why, -ENOSPC,
		"-o reserve got %lu of the %lu huge pages of %lu MiB that are missing and gave them back: "
		"the host's free memory is too small or in pieces; use a smaller machine or -o backing=thp",
		(unsigned long)(now.total - MIN(raised->base, now.total)),
		(unsigned long)raised->pages, (unsigned long)(raised->pool.huge_page_bytes >> 20));
}

static int record_update(const char *record, const struct pool_raised *raised, size_t nr, struct why *why)
{
	int error = record_write(record, raised, nr);
	return error ? why_set(why, error, "%s: cannot be written: %s", record, strerror(-error)) : 0;
}

/*
 * With the lock held, need after need, for a raise on one node is also one of
 * the whole host: record the size before it, raise, record that it is done.
 */
static int raise_all(const char *record, const struct pool_need *need, size_t nr_needs,
		     uint64_t *added, struct why *why)
{
	struct pool_raised raised[POOL_RAISES_MAX];
	size_t nr = 0;
	int error = 0;

	for (size_t i = 0; i < nr_needs && !error; i++) {
		error = raise_plan(&need[i], &raised[nr], why);
		if (error || !raised[nr].pages)
			continue;
		error = record_update(record, raised, nr + 1, why);
		if (!error)
			error = raise_one(&raised[nr], why);
		if (error)
			break;
		raised[nr].done = true;
		*added += raised[nr++].pages;
	}
	return error || !nr ? error : record_update(record, raised, nr, why);
}

int pool_raise(const char *state_dir, const struct pool_need *need, size_t nr_needs,
	       char record[POOL_RECORD_BYTES], uint64_t *added, struct why *why)
{
	static unsigned next_number;
	char dir[POOL_RECORD_BYTES];

	ASSERT(nr_needs <= POOL_RAISES_MAX);
	record[0] = '\0';
	*added = 0;
	int error = pool_dir(state_dir, dir);
	if (error)
		return why_set(why, error,
			       "-o reserve has nowhere to record what it takes: run as root, "
			       "set XDG_RUNTIME_DIR, or use -o backing=thp");
	mkdir(dir, 0755); /* one that exists is fine; any other failure shows when the lock is taken */
	int lock = pool_lock(dir);
	if (lock < 0)
		return why_set(why, lock, "%s: cannot hold the record that -o reserve needs: %s",
			       dir, strerror(-lock));
	record_name(dir, __atomic_fetch_add(&next_number, 1, __ATOMIC_RELAXED), record);
	error = raise_all(record, need, nr_needs, added, why);
	if (error)
		record_settle(record);
	if (error || !*added)
		record[0] = '\0';
	if (error)
		*added = 0;
	close(lock);
	return error;
}
