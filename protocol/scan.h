/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Bounds a message before msgpack-c sees it: msgpack-c allocates what a header claims. */

#include <stddef.h>

#include "protocol/code.h"

/* Walks the one MessagePack object in the @n_bytes at @bytes (borrowed) without allocating. Returns PROTOCOL_CODE_NONE, or the first
 * of these: TOO_LARGE (@bytes is not touched then: a datagram's true length may be passed with a buffer that holds less of it);
 * NOT_MSGPACK (empty, cut short, the byte 0xc1, more elements claimed by all containers together than the message has bytes);
 * TOO_DEEP (more than PROTOCOL_MAX_DEPTH containers, empty ones included); TRAILING_BYTES. Duplicate keys are for the reader of
 * each map. */
enum protocol_code message_scan(const void *bytes, size_t n_bytes);
