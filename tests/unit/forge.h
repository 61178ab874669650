/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Replies and ICMP errors to the probes of a prober, which arrive from the far end of a TUN device: with the secret that only the
 * prober knows, or with another. */

#include "helper/prober.h"
#include "tests/unit/packets.h"

/* What the request of a slot's probe holds. */
struct echo forge_echo(const struct prober *prober, uint32_t slot);

/* What somebody gets wrong who does not know the secret, or is not the one who was asked. */
enum forgery { FORGERY_SECRET, FORGERY_LAST_SECRET_BYTE, FORGERY_SOURCE, N_FORGERIES };

struct echo forge_wrong(const struct echo *echo, enum forgery forgery);

/* Lets a reply arrive which holds @echo, and comes from its destination; @tun: network_open_tun(). */
void forge_reply(int tun, const struct prober *prober, uint32_t slot, const struct echo *echo,
		 size_t n_data);

/* Lets an ICMP error arrive from 10.9.0.254 or fd00:9::fe which quotes @echo and @n_data bytes of its data. */
void forge_error(int tun, const struct prober *prober, uint32_t slot, const struct echo *echo,
		 size_t n_data, uint8_t type, uint8_t code);
