/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of the addresses of a namespace, and what it might say to a helper that has missed some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/host_addresses.h"
#include "helper/realm.h"
#include "tests/unit/network.h"

static struct host_addresses host;

static int set_up(void **state) {
	return host_addresses_open(&host);
}

static int tear_down(void **state) {
	free(host.rules);
	return close(DESCRIPTOR_ROUTES);
}

/* The length of the prefix that covers @text; -1: it is not the host's. */
static int length_of(const char *text) {
	const struct destination_rule *rule;
	struct in6_addr given;

	assert_int_equal(inet_pton(AF_INET6, text, &given), 1);
	rule = destination_rule_find(host.rules, host.n_rules, &given);
	return rule != NULL ? rule->length : -1;
}

static void read_all(void) {
	for (int i = 0; i < 1000 && (i < 10 || !host.is_current); i++) {
		host_addresses_read(&host);
		if (i >= 10) {
			(void)usleep(10000);
		}
	}
	assert_true(host.is_current);
}

/* The kernel adds and removes some routes of an address by and by: reads until @text has this @length. */
static void expect_length(const char *text, int length) {
	for (int i = 0; i < 1000 && length_of(text) != length; i++) {
		(void)usleep(10000);
		host_addresses_read(&host);
	}
	assert_int_equal(length_of(text), length);
}

static void host_addresses_are_known_after_both_families(void **state) {
	assert_false(host.is_current);
	read_all();
	assert_int_equal(length_of("::ffff:10.9.0.1"), 128);
	assert_int_equal(length_of("fd00:9::1"), 128);
	assert_int_equal(length_of("fd00:1::77"), 64); /* a whole prefix on lo */
	assert_int_equal(length_of("::ffff:10.9.0.2"), -1);
	assert_int_equal(length_of("fd00:9::2"), -1);
	assert_int_equal(length_of("::ffff:127.0.0.1"), -1);    /* of which realms have a rule */
	assert_int_equal(length_of("::ffff:10.9.255.255"), -1); /* a broadcast address */
}

static void host_addresses_change(void **state) {
	read_all();
	network_command("ip address add 10.20.0.1/24 dev lo");
	network_command("ip address add fd00:20::1/64 dev lo nodad");
	read_all();
	expect_length("::ffff:10.20.0.1", 128);
	expect_length("fd00:20::1", 128);
	network_command("ip address delete 10.20.0.1/24 dev lo");
	network_command("ip address delete fd00:20::1/64 dev lo");
	read_all();
	expect_length("::ffff:10.20.0.1", -1);
	expect_length("fd00:20::1", -1);
}

static void host_addresses_change_while_all_are_told_is_not_lost(void **state) {
	network_command("ip address add 10.20.0.2/32 dev lo"); /* behind the first answer */
	read_all();
	expect_length("::ffff:10.20.0.2", 128);
	network_command("ip address delete 10.20.0.2/32 dev lo");
	read_all();
	expect_length("::ffff:10.20.0.2", -1);
}

static void host_addresses_lost_news_are_asked_for(void **state) {
	read_all();
	network_command(
		"sh -c 'for i in $(seq 3000); do "
		"echo address add 10.30.$((i / 250)).$((i % 250))/32 dev lo; done | ip -batch -'");
	host_addresses_read(&host);
	while (host.is_current && length_of("::ffff:10.30.12.0") < 0) {
		host_addresses_read(&host);
	}
	assert_false(host.is_current); /* realms wait */
	read_all();
	assert_int_equal(length_of("::ffff:10.30.0.1"), 128);
	assert_int_equal(length_of("::ffff:10.30.12.0"), 128);
	network_command("sh -c 'for i in $(seq 3000); do "
			"echo address delete 10.30.$((i / 250)).$((i % 250))/32 dev lo; done | ip "
			"-batch -'");
	host_addresses_read(&host);
	read_all();
	assert_int_equal(length_of("::ffff:10.30.0.1"), -1);
}

/* As the kernel puts them into the table of a VRF, and as a transparent proxy catches everything. */
static void host_addresses_of_every_table_are_known(void **state) {
	network_command("ip route add local 10.40.0.1/32 dev lo table 100 proto kernel");
	network_command("ip -6 route add local fd00:40::1/128 dev lo table 1000 proto kernel");
	network_command("ip route add local default dev lo table 101");
	network_command("ip -6 route add local default dev lo table 101");
	read_all();
	expect_length("::ffff:10.40.0.1", 128);
	expect_length("fd00:40::1", 128);
	network_command("ip route add local 10.40.0.2/32 dev lo table 1000 proto kernel");
	network_command("ip route add local 10.40.0.0/24 dev lo table 102");
	network_command("ip route delete local 10.40.0.1/32 dev lo table 100");
	expect_length("::ffff:10.40.0.2", 128);
	expect_length("::ffff:10.40.0.1", -1);
	assert_int_equal(length_of("::ffff:10.50.0.1"), -1);
	assert_int_equal(length_of("fd00:50::1"), -1);
	network_command("ip route flush table 1000");
	network_command("ip -6 route flush table 1000");
	read_all();
	expect_length("fd00:40::1", -1);
}

/* --- messages that the kernel does not send --- */

/* Reads @n_bytes of @message in the place of the kernel's. */
static void read_message(const void *message, size_t n_bytes) {
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_int_equal(send(fds[0], message, n_bytes, 0), n_bytes);
	assert_int_equal(dup2(fds[1], DESCRIPTOR_ROUTES), DESCRIPTOR_ROUTES);
	(void)close(fds[1]);
	host_addresses_read(&host);
	(void)close(fds[0]);
}

struct route_message {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr attribute;
	uint8_t address[16];
};

static struct route_message route_message(void) {
	return (struct route_message){
		.header = {.nlmsg_len = sizeof(struct route_message),
			   .nlmsg_type = RTM_NEWROUTE,
			   .nlmsg_flags = NLM_F_MULTI},
		.route = {.rtm_family = AF_INET6,
			  .rtm_dst_len = 128,
			  .rtm_table = RT_TABLE_LOCAL,
			  .rtm_type = RTN_LOCAL},
		.attribute = {.rta_len = RTA_LENGTH(16), .rta_type = RTA_DST},
		.address = {0xfd, 0, 0, 0x99, [15] = 1},
	};
}

static void host_addresses_answers_to_no_question_are_passed_over(void **state) {
	struct route_message message = route_message();

	host.asked = 1; /* IPv4: an old kernel tells what it likes, and tells it again */
	read_message(&message, sizeof message);
	assert_int_equal(host.n_rules, 0);
}

static void host_addresses_message_cut_anywhere_is_harmless(void **state) {
	struct route_message message = route_message();

	host.asked = 2;
	for (size_t n_bytes = 0; n_bytes < sizeof message; n_bytes++) {
		read_message(&message, n_bytes);
		assert_int_equal(host.n_rules, 0);
	}
	read_message(&message, sizeof message);
	assert_int_equal(length_of("fd00:99::1"), 128);
}

static void host_addresses_route_of_another_kind_is_passed_over(void **state) {
	struct route_message messages[6];

	for (size_t i = 0; i < 6; i++) {
		messages[i] = route_message();
	}
	messages[0].route.rtm_table = RT_TABLE_MAIN;
	messages[1].route.rtm_type = RTN_BROADCAST;
	messages[2].route.rtm_family = AF_UNIX;
	messages[3].route.rtm_dst_len = 129;
	messages[4].header.nlmsg_len = sizeof(struct nlmsghdr);
	messages[5].header.nlmsg_len = 4096; /* more than there is */
	host.asked = 2;
	for (size_t i = 0; i < 6; i++) {
		read_message(&messages[i], sizeof messages[i]);
		assert_int_equal(host.n_rules, 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(host_addresses_are_known_after_both_families),
		TEST(host_addresses_change),
		TEST(host_addresses_change_while_all_are_told_is_not_lost),
		TEST(host_addresses_lost_news_are_asked_for),
		TEST(host_addresses_of_every_table_are_known),
		TEST(host_addresses_answers_to_no_question_are_passed_over),
		TEST(host_addresses_message_cut_anywhere_is_harmless),
		TEST(host_addresses_route_of_another_kind_is_passed_over),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	(void)network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
