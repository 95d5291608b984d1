/* SPDX-License-Identifier: MIT */
/*
 * Our own two sides of the loads in LOAD_FILE: inside_run, with one entry into the
 * CPU for the whole load, and entry_run, with one for each operation. Included
 * once, behind inside_take, inside_give, entry_take and entry_give, and with
 * the LOAD_CONTEXT and LOAD_CONTEXT_OF that LOAD_FILE asks for.
 */

#define LOAD(name) inside_##name
#define LOAD_TAKE inside_take
#define LOAD_GIVE inside_give
#include LOAD_FILE
#undef LOAD
#undef LOAD_TAKE
#undef LOAD_GIVE

#define LOAD(name) entry_##name
#define LOAD_TAKE entry_take
#define LOAD_GIVE entry_give
#include LOAD_FILE
