/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One message being packed, of at most PROTOCOL_MAX_MESSAGE_BYTES. */

#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

struct message_buffer {
	size_t n_bytes;
	uint8_t bytes[PROTOCOL_MAX_MESSAGE_BYTES];
};
