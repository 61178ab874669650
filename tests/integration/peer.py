# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Connections as any user with any groups, and a helper with users of its own."""

import os
import socket

import rig
from client_from_specification import Closed


def connect(path, uid, gid=None, groups=()):
    """A connection to the helper at @path, which the kernel says is from that user and those groups."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    groups_before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups_before)
    return connection


def why_closed(client):
    """Reads the last words of a helper that closes: their code."""
    try:
        while True:
            client.receive()
    except Closed as closed:
        return closed.code


class Etc:
    """A folder for a helper to find in the place of /etc."""

    def __init__(self, **files):
        self.folder = rig.temporary_folder()
        for name, text in ({"passwd": "", "group": "root:x:0:\n"} | files).items():
            (self.folder / name).write_text(text)


class HelperWithEtc(rig.Helper):
    def __init__(self, namespace, etc, *arguments):
        self.etc = etc
        super().__init__(namespace, *arguments)

    def start(self):
        self.argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                     f'mount --bind {self.etc.folder} /etc && exec "$@"', "sh", *self.argv]
        super().start()
