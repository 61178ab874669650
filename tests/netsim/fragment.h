/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Packets in pieces, as a path of a small MTU makes them. */

#include "tests/netsim/packet.h"

/* How many fragments with @n_piece_bytes of payload each, a multiple of 8, @packet makes; 0 of what is no whole IP header. */
size_t fragment_count(const struct packet *packet, size_t n_piece_bytes);

/* Builds the one that is @number, from 0. All of a packet have the same @identification. */
void fragment_build(const struct packet *packet, size_t n_piece_bytes, size_t number,
		    uint32_t identification, struct packet *ret_fragment);
