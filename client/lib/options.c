/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Two steps: first the caller's structure, which may be shorter or longer than the one known here,
 * then what it says. */

#include <errno.h>
#include <string.h>

#include "client/lib/address.h"
#include "client/lib/options.h"

/* How long the structure was when it was first published: none may be shorter. */
enum { CONFIG_FIRST_BYTES = offsetof(struct multiping_config, fwmark) + sizeof(uint32_t) };

void multiping_config_init(struct multiping_config *config) {
	*config = (struct multiping_config){
		.struct_bytes = sizeof *config,
		.family = AF_UNSPEC,
		.probe_timeout_us = 10000000,
		.helper_wait_us = 10000000,
		.size_bytes = PROTOCOL_DEFAULT_DATA_BYTES,
	};
}

int options_read(const struct multiping_config *config, struct multiping_config *ret_config) {
	const unsigned char *bytes = (const unsigned char *)config;
	struct multiping_config read;
	size_t n_bytes;

	multiping_config_init(&read);
	if (config) {
		n_bytes = config->struct_bytes;
		if (n_bytes < CONFIG_FIRST_BYTES) {
			return -EINVAL;
		}
		for (size_t i = sizeof read; i < n_bytes; ++i) {
			if (bytes[i] != 0) {
				return -E2BIG;
			}
		}
		memcpy(&read, config, n_bytes < sizeof read ? n_bytes : sizeof read);
	}
	*ret_config = read;
	return 0;
}

static bool config_in_range(const struct multiping_config *config) {
	return (config->family == AF_UNSPEC || config->family == AF_INET ||
		config->family == AF_INET6 || config->family == MULTIPING_FAMILY_SYSTEM) &&
	       config->probe_timeout_us >= PROTOCOL_MIN_TIMEOUT_US &&
	       config->probe_timeout_us <= PROTOCOL_MAX_TIMEOUT_US && config->interval_us >= 0 &&
	       config->interval_us <= PROTOCOL_MAX_INTERVAL_US && config->helper_wait_us >= -1 &&
	       config->helper_wait_us <= INT64_MAX / 2000 &&
	       config->size_bytes <= PROTOCOL_MAX_DATA_BYTES && config->pattern >= -1 &&
	       config->pattern <= 255 && config->dont_fragment <= 1;
}

/* The source decides the family, so that no request mixes it with targets of the other. */
static int options_parse_source(const char *source, struct options *options) {
	struct address address;

	if (address_parse(source, options->family, &address) != 0) {
		return -EINVAL;
	}
	options->family = IN6_IS_ADDR_V4MAPPED(&address.ip) ? AF_INET : AF_INET6;
	options->lookup_family = options->family;
	options->ping.source = address.ip;
	options->ping.options |= PING_OPTION_SOURCE;
	return 0;
}

static int options_parse_interface(const char *interface, struct options *options) {
	options->ping.interface = address_parse_interface(interface, &options->interface_is_name);
	options->ping.options |= PING_OPTION_INTERFACE;
	return options->ping.interface == 0 ? -ENODEV : 0;
}

int options_parse(const struct multiping_config *config, struct options *ret_options) {
	bool is_system = config->family == MULTIPING_FAMILY_SYSTEM;
	struct options options = {.family = is_system ? AF_UNSPEC : config->family,
				  .lookup_family = config->family,
				  .helper_wait_us = config->helper_wait_us};
	struct request_ping *ping = &options.ping;
	int r;

	if (!config_in_range(config)) {
		return -EINVAL;
	}
	request_ping_init(ping);
	ping->timeout_us = (uint32_t)config->probe_timeout_us;
	ping->interval_us = (uint32_t)config->interval_us;
	ping->size_bytes = config->size_bytes;
	ping->pattern = config->pattern;
	ping->ttl = config->ttl;
	ping->tos = config->tos;
	ping->dont_fragment = config->dont_fragment;
	ping->fwmark = config->fwmark;
	ping->options = (config->ttl ? PING_OPTION_TTL : 0U) |
			(config->tos ? PING_OPTION_TOS : 0U) |
			(config->dont_fragment ? PING_OPTION_DONT_FRAGMENT : 0U) |
			(config->fwmark ? PING_OPTION_FWMARK : 0U);
	r = config->source ? options_parse_source(config->source, &options) : 0;
	if (r == 0 && config->interface) {
		r = options_parse_interface(config->interface, &options);
	}
	if (r == 0) {
		*ret_options = options;
	}
	return r;
}
