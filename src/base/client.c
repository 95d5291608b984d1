/* SPDX-License-Identifier: MIT */
/* Who waits for an answer: see client.h. It is given once. */

#include "base/client.h"

static _Thread_local struct client *current;

struct client *client_set(struct client *c)
{
	struct client *before = current;
	current = c;
	return before;
}

void client_outcome(ssize_t refused, ssize_t granted)
{
	if (!current)
		return;
	current->refused = refused;
	current->granted = granted;
}

void client_fails(int error)
{
	if (current)
		current->granted = current->refused < 0 ? error : current->refused;
}

bool client_interrupted(void)
{
	return current && !current->answered && current->interrupted(current);
}

bool client_answered(void)
{
	return current && current->answered;
}

static void client_tell(ssize_t result)
{
	if (!current || current->answered || !current->answer)
		return;
	current->answered = true;
	current->answer(current, result);
}

void client_refuse(void)
{
	if (current)
		client_tell(current->refused);
}

void client_grant(void)
{
	if (current)
		client_tell(current->granted);
}
