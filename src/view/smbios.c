/* SPDX-License-Identifier: MIT */
/*
 * Writing SMBIOS (DMTF DSP0134, 3.3). A record is put together in a buffer of
 * fixed size and written whole, so that its strings can be named while fields
 * are set. Nothing is allocated: a table may be rendered, or only counted,
 * because the entry point says how long the table is.
 */
#include "view/smbios.h"

#include <string.h>

static void smbios_write(struct smbios *s, const void *p, size_t n)
{
	if (s->text)
		text_bytes(s->text, p, n);
	s->bytes += n;
}

static void put_le(uint8_t *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

static void field_put(struct smbios_record *r, unsigned at, uint64_t v, unsigned bytes)
{
	ASSERT(at + bytes <= r->len);
	put_le(r->field + at, v, bytes);
}

void smbios_u8(struct smbios_record *r, unsigned at, uint8_t v)
{
	field_put(r, at, v, 1);
}

void smbios_u16(struct smbios_record *r, unsigned at, uint16_t v)
{
	field_put(r, at, v, 2);
}

void smbios_u32(struct smbios_record *r, unsigned at, uint32_t v)
{
	field_put(r, at, v, 4);
}

void smbios_u64(struct smbios_record *r, unsigned at, uint64_t v)
{
	field_put(r, at, v, 8);
}

void smbios_string(struct smbios_record *r, unsigned at, const char *fmt, ...)
{
	size_t room = sizeof(r->string) - r->string_len;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(r->string + r->string_len, room, fmt, args);
	va_end(args);
	ASSERT(n > 0 && (size_t)n < room);
	r->string_len += (size_t)n + 1;
	smbios_u8(r, at, (uint8_t)++r->nr_strings);
}

uint16_t smbios_begin(struct smbios *s, struct smbios_record *r, uint8_t type, unsigned len)
{
	uint16_t handle = s->next_handle++;

	ASSERT(len <= SMBIOS_RECORD_MAX && handle < SMBIOS_NO_HANDLE);
	memset(r, 0, sizeof(*r));
	r->len = len;
	smbios_u8(r, 0, type);
	smbios_u8(r, 1, (uint8_t)len);
	smbios_u16(r, 2, handle);
	return handle;
}

/* The strings end with an empty one; a record without any has two NULs all the same. */
void smbios_end(struct smbios *s, const struct smbios_record *r)
{
	smbios_write(s, r->field, r->len);
	smbios_write(s, r->string, r->string_len);
	smbios_write(s, "\0", r->nr_strings ? 1 : 2);
}

void smbios_entry_point(struct text *t, uint32_t table_bytes, uint64_t address)
{
	uint8_t e[SMBIOS_ENTRY_BYTES] = { '_', 'S', 'M', '3', '_' }, sum = 0;

	e[0x06] = sizeof(e);
	e[0x07] = SMBIOS_MAJOR;
	e[0x08] = SMBIOS_MINOR;
	e[0x0a] = 1; /* revision of the entry point */
	put_le(e + 0x0c, table_bytes, 4);
	put_le(e + 0x10, address, 8);
	for (size_t i = 0; i < sizeof(e); i++)
		sum = (uint8_t)(sum + e[i]);
	e[0x05] = (uint8_t)-sum; /* all bytes add up to 0 */
	text_bytes(t, e, sizeof(e));
}
