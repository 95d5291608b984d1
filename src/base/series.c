/* SPDX-License-Identifier: MIT */
/* Series of numbers: greedy on writing, one term at a time on reading, so neither end holds them all. */
#include "base/series.h"

#include <errno.h>
#include <string.h>

static void term_write(struct series_out *s)
{
	const struct series_term *t = &s->term;
	if (s->any)
		text_char(s->text, ',');
	s->any = true;
	text_i64(s->text, (int64_t)t->first);
	if (t->nr == 1)
		return;
	bool falls = t->step >> 63;
	text_char(s->text, falls ? '-' : '+');
	text_u64(s->text, falls ? 0 - t->step : t->step);
	text_char(s->text, 'x');
	text_u64(s->text, t->nr);
}

/* A pair of numbers that have nothing to do with each other is two terms. */
static void pair_split(struct series_out *s)
{
	struct series_term *t = &s->term;
	uint64_t second = t->first + t->step;
	t->nr = 1;
	term_write(s);
	*t = (struct series_term){ .first = second, .nr = 1 };
}

void series_put(struct series_out *s, uint64_t v)
{
	struct series_term *t = &s->term;
	if (t->nr > 1 && v != t->first + t->step * t->nr) {
		if (t->nr == 2) {
			pair_split(s);
		} else {
			term_write(s);
			t->nr = 0;
		}
	}
	if (!t->nr)
		t->first = v;
	else if (t->nr == 1)
		t->step = v - t->first;
	t->nr++;
}

void series_end(struct series_out *s)
{
	if (s->term.nr == 2)
		pair_split(s);
	if (s->term.nr)
		term_write(s);
	s->term.nr = 0;
}

/* Decimal digits at *p, which moves behind them. */
static bool digits(const char **p, uint64_t *out)
{
	const char *from = *p;
	uint64_t v = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (unsigned)(**p - '0'), &v))
			return false;
	*out = v;
	return *p > from;
}

static bool term_read(const char **p, struct series_term *t)
{
	*t = (struct series_term){ .nr = 1 };
	bool negative = **p == '-';
	*p += negative;
	if (!digits(p, &t->first))
		return false;
	if (negative)
		t->first = 0 - t->first;
	char sign = **p;
	if (sign == '+' || sign == '-') {
		(*p)++;
		if (!digits(p, &t->step) || **p != 'x')
			return false;
		(*p)++;
		if (!digits(p, &t->nr) || !t->nr)
			return false;
		if (sign == '-')
			t->step = 0 - t->step;
	}
	if (**p == ',' && (*p)[1])
		(*p)++;
	else if (**p)
		return false;
	return true;
}

int series_get(struct series_in *s, uint64_t *out)
{
	struct series_term *t = &s->term;
	if (!t->nr) {
		if (!*s->next)
			return 0;
		if (!term_read(&s->next, t))
			return -EINVAL;
	}
	*out = t->first;
	t->first += t->step;
	t->nr--;
	return 1;
}
