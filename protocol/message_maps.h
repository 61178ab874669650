/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The maps of what the helper says (internal to protocol/). Each returns 0; or 1 with the fault, and its struct partly written. */

#include <msgpack/object.h>

#include "protocol/code.h"
#include "protocol/message.h"

/* The error of a response. An unknown code is PROTOCOL_CODE_NONE. */
int fault_unpack(const msgpack_object *map, struct fault *ret_unpacked, struct fault *ret_fault);

/* The map of `closing`: what was tried, as much as fits, is added to @closing. */
int closing_map_unpack(const msgpack_object *map, struct closing *closing, struct fault *ret_fault);

/* The result of `hello`. */
int hello_unpack(const msgpack_object *map, struct hello_result *ret_hello,
		 struct fault *ret_fault);

/* The result of `stats`, as many counters as fit. */
int stats_unpack(const msgpack_object *map, struct stats_result *ret_stats,
		 struct fault *ret_fault);
