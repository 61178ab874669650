/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/forge.h"

#include <arpa/inet.h>
#include <string.h>

#include "helper/prober_private.h"
#include "tests/unit/network.h"

struct echo forge_echo(const struct prober *prober, uint32_t slot) {
	const struct probe *probe = &prober->table.probes[slot];
	bool is_free = probe->state == PROBE_FREE;
	struct echo echo = {
		.identifier = icmp_sockets_identifier(prober->sockets, probe->family,
						      !is_free && probe->ping->dont_fragment,
						      probe->key >> 16),
		.sequence = (uint16_t)probe->key,
		.secret = probe_secret(&prober->table, probe),
	};

	if (probe->family == FAMILY_IPV4) {
		memcpy(echo.destination, probe->destination.s6_addr + 12, 4);
	} else {
		memcpy(echo.destination, &probe->destination, 16);
	}
	return echo;
}

struct echo forge_wrong(const struct echo *echo, enum forgery forgery) {
	struct echo other = *echo;

	switch (forgery) {
	case FORGERY_SECRET:
		other.secret = 0;
		break;
	case FORGERY_LAST_SECRET_BYTE:
		((uint8_t *)&other.secret)[7] ^= 1;
		break;
	case FORGERY_SOURCE:
		other.destination[3] ^= 1;
		break;
	case N_FORGERIES:
		break;
	}
	return other;
}

/* The header of a packet from @source to us. */
static void add_header_to_us(struct packet *packet, enum family family, const uint8_t *source) {
	uint8_t ours[16];

	if (family == FAMILY_IPV4) {
		(void)inet_pton(AF_INET, NETWORK_IPV4, ours);
		(void)packet_add_ipv4(packet, 5, source, ours);
	} else {
		(void)inet_pton(AF_INET6, NETWORK_IPV6, ours);
		(void)packet_add_ipv6(packet, source, ours);
	}
}

void forge_reply(int tun, const struct prober *prober, uint32_t slot, const struct echo *echo,
		 size_t n_data) {
	enum family family = prober->table.probes[slot].family;
	struct packet packet = {0};

	add_header_to_us(&packet, family, echo->destination);
	(void)packet_add_echo(&packet, family == FAMILY_IPV4 ? 0 : 129, echo, n_data);
	packet_finish(&packet);
	packet_write(tun, &packet);
}

void forge_error(int tun, const struct prober *prober, uint32_t slot, const struct echo *echo,
		 size_t n_data, uint8_t type, uint8_t code) {
	enum family family = prober->table.probes[slot].family;
	const uint8_t header[8] = {type, code, [6] = 0x05, [7] = 0xdc};
	uint8_t router[16], ours[16];
	struct packet packet = {0};
	uint8_t *icmp;

	if (family == FAMILY_IPV4) {
		(void)inet_pton(AF_INET, "10.9.0.254", router);
		(void)inet_pton(AF_INET, NETWORK_IPV4, ours);
	} else {
		(void)inet_pton(AF_INET6, "fd00:9::fe", router);
		(void)inet_pton(AF_INET6, NETWORK_IPV6, ours);
	}
	add_header_to_us(&packet, family, router);
	icmp = packet_add(&packet, header, sizeof header);
	if (family == FAMILY_IPV4) {
		(void)packet_add_ipv4(&packet, 5, ours, echo->destination);
	} else {
		(void)packet_add_ipv6(&packet, ours, echo->destination);
	}
	(void)packet_add_echo(&packet, family == FAMILY_IPV4 ? 8 : 128, echo, n_data);
	packet_set_checksum(icmp, packet.n_bytes - (size_t)(icmp - packet.bytes));
	packet_finish(&packet);
	packet_write(tun, &packet);
}
