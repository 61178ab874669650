/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Writes MessagePack messages, good and bad, as a test wants to read them. */

#include "protocol/buffer.h"

/* Packs @text into @buffer, replacing what it holds; a text that is not in this notation fails the program.
 *
 *     nil true false 17 -1 1.5    [1, 2]    {'key': 1}    'a str'    x7f000001 (a bin)
 *
 * A str or bin followed by ~N is repeated inside itself, an element followed by *N stands N times: 'x'~65, [x7f000001*2048].
 * Integers and texts take their shortest form, containers 16 bits of length. A map may hold a key twice. */
void notation_pack(const char *text, struct message_buffer *buffer);
