/* SPDX-License-Identifier: MIT */
#include "view/smbios.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(const struct text *t, const char *want, size_t len)
{
	assert_int_equal(t->len, len);
	assert_memory_equal(t->buf, want, len);
}

static void test_fields_and_strings(void **state)
{
	static const char want[] = "\x11\x12\x00\x00\x01\x02\x34\x12\x78\x56\x34\x12"
				   "\x00\x00\x00\x00\x00\x80"
				   "DIMM 7\0other\0";
	struct smbios s = { 0 };
	struct smbios_record r;
	struct text t;

	(void)state;
	text_init(&t, 0);
	s.text = &t;
	assert_int_equal(smbios_begin(&s, &r, 17, 18), 0);
	smbios_string(&r, 4, "DIMM %d", 7);
	smbios_string(&r, 5, "other");
	smbios_u16(&r, 6, 0x1234);
	smbios_u32(&r, 8, 0x12345678);
	smbios_u64(&r, 10, 0x8000000000005678ull);
	smbios_u16(&r, 10, 0x1234); /* a later one wins */
	smbios_end(&s, &r);
	expect(&t, want, sizeof(want));
	assert_int_equal(s.bytes, t.len);
	text_fini(&t);
}

static void test_without_strings(void **state)
{
	struct smbios s = { 0 };
	struct smbios_record r;
	struct text t;

	(void)state;
	text_init(&t, 0);
	s = (struct smbios){ .text = &t, .next_handle = 0x1ff };
	assert_int_equal(smbios_begin(&s, &r, 127, 4), 0x1ff);
	smbios_end(&s, &r);
	assert_int_equal(smbios_begin(&s, &r, 127, 4), 0x200);
	smbios_end(&s, &r);
	expect(&t, "\x7f\x04\xff\x01\0\0\x7f\x04\x00\x02\0\0", 12);
	text_fini(&t);
}

static void test_only_counted(void **state)
{
	struct smbios s = { 0 };
	struct smbios_record r;

	(void)state;
	smbios_begin(&s, &r, 0, 0x1a);
	smbios_string(&r, 4, "abc");
	smbios_end(&s, &r);
	assert_int_equal(s.bytes, 0x1a + 4 + 1);
}

static void test_entry_point(void **state)
{
	struct text t;
	uint8_t sum = 0;

	(void)state;
	text_init(&t, 0);
	smbios_entry_point(&t, 0x01020304, 0xf0000);
	assert_int_equal(t.len, 24);
	for (size_t i = 0; i < t.len; i++)
		sum = (uint8_t)(sum + (uint8_t)t.buf[i]);
	assert_int_equal(sum, 0);
	assert_memory_equal(t.buf, "_SM3_", 5);
	assert_memory_equal(t.buf + 6,
			    "\x18\x03\x03\x00\x01\x00\x04\x03\x02\x01\x00\x00\x0f\x00\x00\x00\x00\x00",
			    18);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_and_strings),
		cmocka_unit_test(test_without_strings),
		cmocka_unit_test(test_only_counted),
		cmocka_unit_test(test_entry_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
