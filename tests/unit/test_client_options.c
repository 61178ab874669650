/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's config: every range at its edges, and structures of other lengths. */

#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "client/lib/options.h"

static int parse(struct multiping_config config) {
	struct options options;

	return options_parse(&config, &options);
}

static struct multiping_config defaults(void) {
	struct multiping_config config;

	multiping_config_init(&config);
	return config;
}

#define ASSERT_RANGE(field, low, high)                                                             \
	do {                                                                                       \
		struct multiping_config tried = defaults();                                        \
                                                                                                   \
		tried.field = (low);                                                               \
		assert_int_equal(parse(tried), 0);                                                 \
		tried.field = (low)-1;                                                             \
		assert_int_equal(parse(tried), -EINVAL);                                           \
		tried.field = (high);                                                              \
		assert_int_equal(parse(tried), 0);                                                 \
		tried.field = (high) + 1;                                                          \
		assert_int_equal(parse(tried), -EINVAL);                                           \
	} while (0)

static void options_numbers_outside_their_range_are_refused(void **state) {
	struct multiping_config config = defaults();

	ASSERT_RANGE(probe_timeout_us, 1000, 60000000);
	ASSERT_RANGE(interval_us, 0, 60000000);
	ASSERT_RANGE(pattern, -1, 255);
	config.size_bytes = 65507;
	assert_int_equal(parse(config), 0);
	config.size_bytes = 65508;
	assert_int_equal(parse(config), -EINVAL);
	config = defaults();
	config.helper_wait_us = -2;
	assert_int_equal(parse(config), -EINVAL);
	config = defaults();
	config.family = AF_UNIX;
	assert_int_equal(parse(config), -EINVAL);
}

static void options_only_what_was_given_is_asked(void **state) {
	struct multiping_config config = defaults();
	struct options options;

	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.ping.options, 0);
	config.ttl = 1;
	config.tos = 2;
	config.dont_fragment = 1;
	config.fwmark = 3;
	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.ping.options, PING_OPTION_TTL | PING_OPTION_TOS |
						       PING_OPTION_DONT_FRAGMENT |
						       PING_OPTION_FWMARK);
}

static void options_source_decides_the_family(void **state) {
	struct multiping_config config = defaults();
	struct options options;

	config.source = "::1";
	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.family, AF_INET6);
	config.source = "127.0.0.1";
	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.family, AF_INET);
	config.family = AF_INET6;
	assert_int_equal(parse(config), -EINVAL);
	config.source = "localhost";
	assert_int_equal(parse(config), -EINVAL);
}

static void options_interface_is_a_name_here_or_a_number_there(void **state) {
	struct multiping_config config = defaults();
	struct options options;

	config.interface = "lo";
	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.ping.interface, if_nametoindex("lo"));
	assert_true(options.interface_is_name);
	config.interface = "4711";
	assert_int_equal(options_parse(&config, &options), 0);
	assert_int_equal(options.ping.interface, 4711);
	assert_false(options.interface_is_name);
	config.interface = "no-such";
	assert_int_equal(parse(config), -ENODEV);
	config.interface = "0";
	assert_int_equal(parse(config), -ENODEV);
}

static void options_of_other_lengths_are_read(void **state) {
	struct {
		struct multiping_config config;
		uint64_t later;
	} longer = {.config = defaults()};
	struct multiping_config read;

	longer.config.struct_bytes = sizeof longer;
	longer.config.ttl = 7;
	assert_int_equal(options_read(&longer.config, &read), 0);
	assert_int_equal(read.ttl, 7);
	longer.later = 1; /* a field that this library does not know is in use */
	assert_int_equal(options_read(&longer.config, &read), -E2BIG);
	longer.config.struct_bytes = sizeof longer.config - 8;
	assert_int_equal(options_read(&longer.config, &read), -EINVAL);
	longer.config.struct_bytes = 0;
	assert_int_equal(options_read(&longer.config, &read), -EINVAL);
	assert_int_equal(options_read(NULL, &read), 0);
	assert_int_equal(read.probe_timeout_us, 10000000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_numbers_outside_their_range_are_refused),
		cmocka_unit_test(options_only_what_was_given_is_asked),
		cmocka_unit_test(options_source_decides_the_family),
		cmocka_unit_test(options_interface_is_a_name_here_or_a_number_there),
		cmocka_unit_test(options_of_other_lengths_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
