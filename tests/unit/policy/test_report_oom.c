/* SPDX-License-Identifier: MIT */
/*
 * The report's own lines against a captured one of 6.1; the Mem-Info block in
 * between is the business of test_report_mem. Of 6.12 the table is written
 * after published reports, for no capture has one.
 */
#include "policy/oom.h"

#include "support/report_fixture.h"

static const struct zone_shape one_node[] = { { 0, 1, 0x1000, 0x2000, 0 } };

struct row {
	pid_t pid;
	uint64_t total_vm, anon, file, shmem, table_bytes;
	const char *name;
};

/* Some of those that were captured. What resident memory consists of is told of the victim only. */
static const struct row rows[] = {
	{ 144, 8497, 8332, 0, 0, 102400, "umm" },
	{ 270, 8497, 8205, 1, 126, 110592, "umm" },
	{ 361, 8497, 1798, 0, 0, 49152, "umm" },
	{ 362, 565, 1, 0, 0, 28672, "sleep" },
};

static void row_fill(struct oom_task *t, const struct row *r)
{
	*t = (struct oom_task){ .pid = r->pid,
				.total_vm = r->total_vm,
				.anon_pages = r->anon,
				.file_pages = r->file,
				.shmem_pages = r->shmem,
				.table_pages = r->table_bytes / PAGE_SIZE,
				.has_memory = true };
	snprintf(t->comm, sizeof(t->comm), "%s", r->name);
}

static bool row_next(void *ctx, uint32_t *id, struct oom_task *t)
{
	(void)ctx;
	if (*id == ARRAY_LEN(rows))
		return false;
	row_fill(t, &rows[(*id)++]);
	return true;
}

struct line {
	unsigned level;
	const char *text;
};

static void expect(struct fixture *f, uint64_t *seq, const struct line *line, unsigned nr)
{
	struct ring_record record;
	for (unsigned i = 0; i < nr; i++, (*seq)++) {
		char text[RING_TEXT_MAX + 1];
		assert_true(ring_read(&f->log, *seq, &record));
		memcpy(text, record.text, record.len);
		text[record.len] = '\0';
		assert_string_equal(text, line[i].text);
		assert_int_equal(record.priority, line[i].level);
	}
}

static const struct line captured_end[] = {
	{ 6, "Tasks state (memory values in pages):" },
	{ 6, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name" },
	{ 6, "[    144]     0   144     8497     8332   102400        0             0 umm" },
	{ 6, "[    270]     0   270     8497     8332   110592        0             0 umm" },
	{ 6, "[    361]     0   361     8497     1798    49152        0             0 umm" },
	{ 6, "[    362]     0   362      565        1    28672        0             0 sleep" },
	{ 6, "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,"
	     "task=umm,pid=270,uid=0" },
	{ 3, "Out of memory: Killed process 270 (umm) total-vm:33988kB, anon-rss:32820kB, file-rss:4kB, "
	     "shmem-rss:644kB, UID:0 pgtables:108kB oom_score_adj:0" },
};

static uint64_t line_find(struct fixture *f, const char *text)
{
	for (uint64_t seq = 0; seq < ring_next(&f->log); seq++)
		if (!strcmp(first_said(f, seq), text))
			return seq;
	fail_msg("no line \"%s\"", text);
	return 0;
}

static struct oom_request request_of(struct fixture *f)
{
	return (struct oom_request){
		&f->p, &f->m.cpu[0], GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_ZERO, 0, 3, NULL
	};
}

static void report_captured(struct fixture *f)
{
	struct oom_request r = request_of(f);
	struct oom_task victim;
	struct caller before = caller_set((struct caller){ .pid = 361, .name = "umm" });
	row_fill(&victim, &rows[1]);
	victim.shmem_pages = 161; /* the table's numbers were a little behind */
	report_oom(&r, 0, row_next, NULL, &victim, true);
	report_oom_kill(&r, "Out of memory", &victim);
	caller_set(before);
}

static void test_captured(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(1, 1, one_node, 1);
	static const struct line begin[] = {
		{ 4, "umm invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), "
		     "order=0, oom_score_adj=0" },
		{ 4, "CPU: 0 PID: 361 Comm: umm Not tainted 6.1.0-ummfs #1" },
		{ 4, "Mem-Info:" },
	};
	uint64_t seq = 0;
	report_captured(f);
	expect(f, &seq, begin, ARRAY_LEN(begin));
	seq = line_find(f, captured_end[0].text);
	assert_string_equal(first_said(f, seq - 1), "0 pages hwpoisoned");
	expect(f, &seq, captured_end, ARRAY_LEN(captured_end));
	assert_int_equal(seq, ring_next(&f->log));
	fixture_end(f);
}

static void test_6_12(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(1, 1, one_node, 1);
	static const struct line table[] = {
		{ 6, "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
		     "oom_score_adj name" },
		{ 6, "[    144]     0   144     8497     8332     8332        0         0   102400        0             0 umm" },
		{ 6, "[    270]     0   270     8497     8332     8205        1       126   110592        0             0 umm" },
	};
	f->m.version = &kernel_versions[KERNEL_6_12];
	report_captured(f);
	uint64_t seq = line_find(f, table[0].text);
	expect(f, &seq, table, ARRAY_LEN(table));
	fixture_end(f);
}

static void test_no_table(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(1, 1, one_node, 1);
	f->p.oom.dump_tasks = 0;
	report_captured(f);
	assert_null(strstr(first_said(f, ring_next(&f->log) - 3), "Tasks"));
	uint64_t seq = ring_next(&f->log) - 2;
	expect(f, &seq, captured_end + 6, 2);
	fixture_end(f);
}

/* Ten in five seconds; who is killed is always said. */
static void test_rate(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(1, 1, one_node, 1);
	for (unsigned i = 0; i < 10; i++)
		report_captured(f);
	uint64_t ten = ring_next(&f->log);
	for (unsigned i = 0; i < 3; i++)
		report_captured(f);
	assert_int_equal(ring_next(&f->log), ten + 3);
	clock_advance(&f->m.clock, 5000000001);
	report_captured(f);
	assert_string_equal(first_said(f, ten + 3), "oom_kill_process: 3 callbacks suppressed");
	fixture_end(f);
}

static void test_ends(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(1, 1, one_node, 1);
	struct oom_request r = request_of(f);
	static const struct line lines[] = {
		{ 4, "Out of memory and no killable processes..." },
		{ 0, "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled" },
		{ 0, "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled" },
	};
	uint64_t seq = 0;
	report_oom_nobody(&r);
	report_oom_panic(&r, 1);
	report_oom_panic(&r, 2);
	expect(f, &seq, lines, ARRAY_LEN(lines));
	fixture_end(f);
}

static const struct zone_shape three_nodes[] = { { 0, 2, 0x1000, 0x2000, 0 },
						 { 1, 2, 0x2000, 0x3000, 0 },
						 { 2, 2, 0x3000, 0x4000, 0 } };
static struct mempolicy bound_elsewhere;

static bool bound_next(void *ctx, uint32_t *id, struct oom_task *t)
{
	if (!row_next(ctx, id, t))
		return false;
	if (*id == 2)
		t->mempolicy = &bound_elsewhere;
	return true;
}

/* Only what a policy binds to is short: the report is of those nodes, and of those tasks whose end would help. */
static void test_memory_policy(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(3, 1, three_nodes, ARRAY_LEN(three_nodes));
	struct nodemask nodes = { { 2 } };
	struct oom_request r = request_of(f);
	struct oom_task victim;
	char all[65536] = "";
	assert_int_equal(mempolicy_parse(&bound_elsewhere, &f->p.numa, "bind:0,2"), 0);
	r.nodes = &nodes;
	row_fill(&victim, &rows[0]);
	report_oom(&r, 0, bound_next, NULL, &victim, true);
	for (uint64_t seq = 0; seq < ring_next(&f->log); seq++) {
		strcat(all, first_said(f, seq));
		strcat(all, "\n");
	}
	assert_non_null(strstr(all, "\noom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-2,"
				    "global_oom,task_memcg=/,task=umm,pid=144,uid=0\n"));
	assert_non_null(strstr(all, "\nNode 1 active_anon:"));
	assert_non_null(strstr(all, "\nNode 1 Normal free:"));
	assert_non_null(strstr(all, "\nNode 1 Normal: "));
	assert_null(strstr(all, "\nNode 0 "));
	assert_null(strstr(all, "\nNode 2 "));
	assert_non_null(strstr(all, "\n12288 pages RAM\n"));
	assert_non_null(strstr(all, "[    144] "));
	assert_null(strstr(all, "[    270] "));
	assert_non_null(strstr(all, "[    361] "));
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured), cmocka_unit_test(test_memory_policy),
		cmocka_unit_test(test_6_12),     cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_rate),     cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
