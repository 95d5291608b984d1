/* SPDX-License-Identifier: MIT */
/*
 * The tables are read back by a walker that shares nothing with what wrote
 * them, and says what a reader of a real machine's would: offsets and codes
 * are those of DMTF DSP0134.
 */
#include "support/small_machine.h"
#include "view/views.h"

#include <stdlib.h>

#define GIB 262144ul /* pages */
#define MIB 256ul
#define RECORDS_MAX 4096u

struct record {
	const uint8_t *p;
	unsigned type, len, handle;
	const char *string[8]; /* [0] is "none" */
	unsigned nr_strings;
};

struct tables {
	struct machine machine;
	struct text entry, dmi;
	struct record record[RECORDS_MAX];
	unsigned nr;
};

static uint64_t number(const struct record *r, unsigned at, unsigned bytes)
{
	uint64_t v = 0;
	assert_true(at + bytes <= r->len);
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | r->p[at + i];
	return v;
}

static const char *string(const struct record *r, unsigned at)
{
	unsigned n = (unsigned)number(r, at, 1);
	assert_true(n <= r->nr_strings);
	return r->string[n];
}

/* One record at p; the byte behind it. */
static const uint8_t *record_read(struct record *r, const uint8_t *p, const uint8_t *end)
{
	assert_true(end - p >= 6);
	*r = (struct record){ .p = p, .type = p[0], .len = p[1], .handle = p[2] | (unsigned)p[3] << 8 };
	r->string[0] = "none";
	assert_true(r->len >= 4 && p + r->len + 2 <= end);
	p += r->len;
	if (!p[0] && !p[1])
		return p + 2;
	while (*p) {
		assert_true(r->nr_strings < 7);
		r->string[++r->nr_strings] = (const char *)p;
		p = memchr(p, 0, (size_t)(end - p));
		assert_non_null(p);
		assert_true(++p < end);
	}
	return p + 1;
}

/* The shortest that SMBIOS 3.3 allows, per type. */
static unsigned least_len(unsigned type)
{
	static const struct {
		unsigned type, len;
	} least[] = { { 0, 0x1a },  { 1, 0x1b },  { 4, 0x30 },  { 16, 0x17 },
		      { 17, 0x5c }, { 19, 0x1f }, { 20, 0x23 }, { 127, 4 } };
	for (size_t i = 0; i < ARRAY_LEN(least); i++)
		if (least[i].type == type)
			return least[i].len;
	fail_msg("a record of type %u", type);
	return 0;
}

static void tables_walk(struct tables *t)
{
	const uint8_t *p = (const uint8_t *)t->dmi.buf, *end = p + t->dmi.len;
	while (p < end) {
		assert_true(t->nr < RECORDS_MAX);
		struct record *r = &t->record[t->nr++];
		p = record_read(r, p, end);
		assert_int_equal(r->len, least_len(r->type));
		for (unsigned i = 0; i + 1 < t->nr; i++)
			assert_int_not_equal(t->record[i].handle, r->handle);
		assert_int_equal(r->type == 127, p == end);
	}
	assert_int_equal(t->record[0].type, 0);
	assert_int_equal(t->record[1].type, 1);
}

static void entry_check(const struct tables *t)
{
	const struct record e = { .p = (const uint8_t *)t->entry.buf, .len = 24 };
	unsigned sum = 0;
	assert_int_equal(t->entry.len, 24);
	for (unsigned i = 0; i < 24; i++)
		sum += e.p[i];
	assert_int_equal(sum & 0xff, 0);
	assert_memory_equal(e.p, "_SM3_", 5);
	assert_int_equal(number(&e, 6, 1), 24);
	assert_int_equal(number(&e, 7, 1), 3);
	assert_int_equal(number(&e, 12, 4), t->dmi.len);
}

static const struct record *by_handle(const struct tables *t, uint64_t handle, unsigned type)
{
	for (unsigned i = 0; i < t->nr; i++)
		if (t->record[i].handle == handle) {
			assert_int_equal(t->record[i].type, type);
			return &t->record[i];
		}
	fail_msg("no record %lx", (unsigned long)handle);
	return NULL;
}

static const struct record *next_of(const struct tables *t, unsigned type, const struct record *after)
{
	for (const struct record *r = after ? after + 1 : t->record; r < t->record + t->nr; r++)
		if (r->type == type)
			return r;
	return NULL;
}

static unsigned count_of(const struct tables *t, unsigned type)
{
	unsigned n = 0;
	for (const struct record *r = NULL; (r = next_of(t, type, r));)
		n++;
	return n;
}

static uint64_t device_bytes(const struct record *r)
{
	uint64_t mib = number(r, 0x0c, 2);
	if (mib == 0x7fff)
		mib = number(r, 0x1c, 4);
	assert_int_equal(number(r, 0x3c, 8), mib << 20);
	return mib << 20;
}

/* [first, last] of a mapped address; ext: offset of the extended fields. */
static void address_read(const struct record *r, unsigned ext, uint64_t *first, uint64_t *last)
{
	uint64_t a = number(r, 4, 4), b = number(r, 8, 4);
	bool extended = a == 0xffffffff && b == 0xffffffff;
	*first = extended ? number(r, ext, 8) : a << 10;
	*last = extended ? number(r, ext + 8, 8) : (b << 10) + 1023;
	assert_true(*first < *last);
}

static void arrays_check(const struct tables *t)
{
	for (const struct record *a = NULL; (a = next_of(t, 16, a));) {
		uint64_t devices = 0, bytes = 0;
		for (const struct record *d = NULL; (d = next_of(t, 17, d));)
			if (by_handle(t, number(d, 4, 2), 16) == a) {
				devices++;
				bytes += device_bytes(d);
			}
		assert_int_equal(number(a, 0x0d, 2), devices);
		uint64_t kb = number(a, 7, 4);
		assert_int_equal(kb == 0x80000000 ? number(a, 0x0f, 8) : kb << 10, bytes);
	}
}

/* Devices tile each range of their array, none holds more than its size. */
static void addresses_check(const struct tables *t)
{
	static uint64_t held[65536];
	memset(held, 0, sizeof(held));
	for (const struct record *r = NULL; (r = next_of(t, 19, r));) {
		uint64_t first, last, at, from, to;
		address_read(r, 0x0f, &first, &last);
		at = first;
		for (const struct record *d = NULL; (d = next_of(t, 20, d));) {
			if (by_handle(t, number(d, 0x0e, 2), 19) != r)
				continue;
			const struct record *device = by_handle(t, number(d, 0x0c, 2), 17);
			assert_int_equal(number(device, 4, 2), number(r, 0x0c, 2));
			address_read(d, 0x13, &from, &to);
			assert_int_equal(from, at);
			at = to + 1;
			held[device->handle] += to + 1 - from;
			assert_true(held[device->handle] <= device_bytes(device));
		}
		assert_int_equal(at, last + 1);
	}
}

static struct tables *tables_of(struct machine_spec *spec)
{
	struct tables *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	small_boot(&t->machine, spec);
	const struct snapshot s = { .machine = &t->machine };
	text_init(&t->entry, 0);
	text_init(&t->dmi, 0);
	view_dmi_entry_point(&t->entry, &s, 0);
	view_dmi_table(&t->dmi, &s, 0);
	assert_int_equal(text_error(&t->dmi) | text_error(&t->entry), 0);
	tables_walk(t);
	entry_check(t);
	arrays_check(t);
	addresses_check(t);
	return t;
}

static void tables_end(struct tables *t)
{
	machine_shutdown(&t->machine);
	text_fini(&t->entry);
	text_fini(&t->dmi);
	free(t);
}

/* Like conf/xeon-2s.conf, with a PC's hole. */
static void spec_xeon(struct machine_spec *s)
{
	static const struct zone_shape shapes[] = {
		{ 0, 0, 1, 0x9f, 0 },
		{ 0, 0, 0x100, 4096, 0 },
		{ 0, 1, 4096, 3 * GIB, 0 },
		{ 0, 2, 4 * GIB, 65 * GIB, 0 },
		{ 1, 2, 65 * GIB, 129 * GIB, 0 },
	};
	small_spec(s, 2, 16);
	for (unsigned n = 0; n < 2; n++) { /* 0-7,16-23 and 8-15,24-31 */
		s->node[n].cpus.w[0] = 0x00ff00ffull << 8 * n;
		s->node[n].dimms = (struct dimm_spec){ 4, DIMM_DDR4, 2933, 16384 };
	}
	small_spec_zones(s, shapes, ARRAY_LEN(shapes));
}

static void test_two_sockets(void **state)
{
	struct machine_spec s;
	const struct record *r = NULL;
	char want[64];

	(void)state;
	spec_xeon(&s);
	struct tables *t = tables_of(&s);
	for (unsigned socket = 0; socket < 2; socket++) {
		r = next_of(t, 4, r);
		snprintf(want, sizeof(want), "CPU%u", socket);
		assert_string_equal(string(r, 4), want);
		assert_int_equal(number(r, 0x18, 1), 0x41);
		assert_int_equal(number(r, 0x23, 1), 8);
		assert_int_equal(number(r, 0x24, 1), 8);
		assert_int_equal(number(r, 0x25, 1), 16);
		assert_int_equal(number(r, 0x2a, 2), 8);
		assert_int_equal(number(r, 0x2e, 2), 16);
		assert_int_equal(number(r, 0x26, 2), 0x1c); /* 64-bit, multi-core, threads */
	}
	assert_null(next_of(t, 4, r));
	assert_int_equal(count_of(t, 16), 2);
	assert_int_equal(count_of(t, 17), 8);
	assert_int_equal(count_of(t, 19), 3);
	assert_int_equal(count_of(t, 20), 4 + 1 + 4); /* the first DIMM of node 0 stands on both sides of the gap */
	r = NULL;
	for (unsigned i = 0; i < 8; i++) {
		r = next_of(t, 17, r);
		snprintf(want, sizeof(want), "CPU%u_DIMM_%c1", i / 4, 'A' + i % 4);
		assert_string_equal(string(r, 0x10), want);
		snprintf(want, sizeof(want), "NODE %u CHANNEL %u DIMM 0", i / 4, i % 4);
		assert_string_equal(string(r, 0x11), want);
		assert_string_equal(string(r, 0x17), "ummfs");
		assert_string_equal(string(r, 0x1a), "DDR4-2933-16G");
		assert_int_equal(device_bytes(r), 16ull << 30);
		assert_int_equal(number(r, 0x0c, 2), 16384);
		assert_int_equal(number(r, 0x12, 1), 0x1a);
		assert_int_equal(number(r, 0x15, 2), 2933);
		assert_int_equal(number(r, 0x20, 2), 2933);
	}
	tables_end(t);
}

/* 16 TiB in eight nodes: sizes and addresses past what the old fields can tell. */
static void test_large(void **state)
{
	struct machine_spec s;
	uint64_t first, last;

	(void)state;
	small_spec(&s, 8, 1);
	for (unsigned n = 0; n < 8; n++) {
		const struct zone_shape shape = { n, 2, MAX(2048 * GIB * n, 1024),
						  2048 * GIB * (n + 1) - (n == 7) * 1024, 0 };
		small_spec_zones(&s, &shape, 1);
	}
	struct tables *t = tables_of(&s);
	assert_int_equal(count_of(t, 17), 64);
	const struct record *r = next_of(t, 16, NULL);
	assert_int_equal(number(r, 7, 4), 0x80000000);
	assert_int_equal(number(r, 0x0f, 8), 2ull << 40);
	r = next_of(t, 17, NULL);
	assert_int_equal(number(r, 0x0c, 2), 0x7fff);
	assert_int_equal(number(r, 0x1c, 4), 262144);
	for (r = NULL; next_of(t, 19, r);)
		r = next_of(t, 19, r);
	address_read(r, 0x0f, &first, &last);
	assert_int_equal(first, 14ull << 40);
	assert_int_equal(last, (16ull << 40) - (4ull << 20) - 1);
	tables_end(t);
}

/* The size from which the old field does not do: 32 GiB less 1 MiB. */
static void test_size_field(void **state)
{
	static const struct {
		uint32_t mib, old, extended;
	} rows[] = { { 32766, 32766, 0 }, { 32767, 0x7fff, 32767 }, { 32768, 0x7fff, 32768 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct zone_shape shape = { 0, 2, 1024, 1024 + GIB, 0 };
		struct machine_spec s;
		small_spec(&s, 1, 1);
		small_spec_zones(&s, &shape, 1);
		s.node[0].dimms = (struct dimm_spec){ 1, DIMM_DDR5, 5600, rows[i].mib };
		struct tables *t = tables_of(&s);
		const struct record *r = next_of(t, 17, NULL);
		assert_int_equal(number(r, 0x0c, 2), rows[i].old);
		assert_int_equal(number(r, 0x1c, 4), rows[i].extended);
		assert_int_equal(number(r, 0x12, 1), 0x22); /* DDR5 */
		tables_end(t);
	}
}

/* Two nodes of one socket: one processor, one array, channels that go on. */
static void test_shared_socket(void **state)
{
	static const struct zone_shape shapes[] = { { 0, 2, 1024, 1024 + GIB, 0 },
						    { 1, 2, 1024 + GIB, 1024 + 2 * GIB, 0 } };
	static const char *const locators[] = { "CPU3_DIMM_A1", "CPU3_DIMM_B1", "CPU3_DIMM_C1",
						"CPU3_DIMM_D1", "CPU3_DIMM_E1", "CPU3_DIMM_F1",
						"CPU3_DIMM_G1", "CPU3_DIMM_H1", "CPU3_DIMM_A2",
						"CPU3_DIMM_I1", "CPU3_DIMM_J1" };
	struct machine_spec s;
	const struct record *r = NULL;

	(void)state;
	small_spec(&s, 2, 4);
	small_spec_zones(&s, shapes, 2);
	s.node[0].socket = s.node[1].socket = 3;
	s.node[0].dimms = (struct dimm_spec){ 9, DIMM_DDR4, 3200, 128 };
	s.node[1].dimms = (struct dimm_spec){ 2, DIMM_DDR4, 3200, 512 };
	struct tables *t = tables_of(&s);
	assert_int_equal(count_of(t, 4), 1);
	assert_int_equal(count_of(t, 16), 1);
	assert_string_equal(string(next_of(t, 4, NULL), 4), "CPU3");
	assert_int_equal(number(next_of(t, 4, NULL), 0x25, 1), 8);
	for (size_t i = 0; i < ARRAY_LEN(locators); i++) {
		r = next_of(t, 17, r);
		assert_string_equal(string(r, 0x10), locators[i]);
	}
	assert_null(next_of(t, 17, r));
	tables_end(t);
}

/* A socket of CPUs alone, one of memory alone, and more CPUs than a byte counts. */
static void test_uneven(void **state)
{
	static const struct zone_shape shape = { 1, 2, 1024, 1024 + GIB, 0 };
	struct machine_spec s;

	(void)state;
	small_spec(&s, 2, 300);
	for (unsigned cpu = 300; cpu < 600; cpu++)
		s.node[1].cpus.w[cpu / 64] &= ~(1ull << cpu % 64);
	small_spec_zones(&s, &shape, 1);
	s.node[0].socket = 0;
	s.node[1].socket = 1;
	struct tables *t = tables_of(&s);
	const struct record *r = next_of(t, 4, NULL);
	assert_int_equal(number(r, 0x23, 1), 0xff);
	assert_int_equal(number(r, 0x2a, 2), 300);
	assert_int_equal(number(r, 0x2e, 2), 300);
	r = next_of(t, 4, r);
	assert_int_equal(number(r, 0x18, 1), 0); /* nothing in it */
	assert_int_equal(number(r, 0x25, 1), 0);
	assert_int_equal(count_of(t, 16), 1);
	assert_int_equal(next_of(t, 16, NULL)->handle, r->handle + 1);
	tables_end(t);
}

/* More ranges than there are handles: the table still is one, and every device is in it. */
static void test_too_many_ranges(void **state)
{
	const unsigned ranges = 30000;
	struct machine_spec s;

	(void)state;
	small_spec(&s, 2, 1);
	for (unsigned i = 0; i < ranges; i++) {
		const struct zone_shape shape = { 0, 2, 1024 + i * 1024ul, 1024 + i * 1024ul + 512, 0 };
		small_spec_zones(&s, &shape, 1);
	}
	const struct zone_shape shape = { 1, 2, 64 * 1024 * 1024, 64 * 1024 * 1024 + 1024, 0 };
	small_spec_zones(&s, &shape, 1);
	struct machine m;
	struct record r;
	struct text t;
	unsigned of_type[256] = { 0 };
	small_boot(&m, &s);
	text_init(&t, 0);
	const struct snapshot snap = { .machine = &m };
	view_dmi_table(&t, &snap, 0);
	assert_int_equal(text_error(&t), 0);
	const uint8_t *p = (const uint8_t *)t.buf, *end = p + t.len;
	for (unsigned next = 0; p < end; next++) {
		p = record_read(&r, p, end);
		assert_int_equal(r.handle, next);
		of_type[r.type]++;
	}
	assert_int_equal(r.type, 127);
	assert_int_equal(of_type[4], 2);
	assert_int_equal(of_type[17], m.node[0].dimms.nr + 1);
	assert_in_range(of_type[19], 20000, 25000);
	text_fini(&t);
	machine_shutdown(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_sockets), cmocka_unit_test(test_large),
		cmocka_unit_test(test_size_field),  cmocka_unit_test(test_shared_socket),
		cmocka_unit_test(test_uneven),      cmocka_unit_test(test_too_many_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
