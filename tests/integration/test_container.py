# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
"""Pings from containers: with nothing but the folder of the host's helper, and with a helper of their own beside them."""

import re
import subprocess

import rig
import yaml
from containers import FOLDER, HELPER_IMAGE, HELPER_RIGHTS, NO_RIGHTS, bubblewrap, engine

HERE, HERE6 = "127.0.0.1", "::1"
THERE = "10.66.0.1"  # an address of the helper's network namespace alone
MAX_IMAGE_BYTES = 2_000_000
NO_HELPER = 4        # the exit code
WATCHED = "192.0.2.1" # in pod.yaml


class Container(rig.Case):
    def helper_with_address(self):
        namespace = self.namespace()
        namespace.add_addresses("lo", f"{THERE}/32")
        return self.helper(namespace)

    def clients_of(self, helper):
        """The uids of those whom the helper has served, after the rig that looked whether it listens."""
        helper.stop()
        return re.findall(r"session_closed number=\d+ uid=(\d+)", helper.log())[1:]

    def run_in(self, argv, timeout=60):
        return subprocess.run(argv, env=rig.environment(), capture_output=True, text=True, timeout=timeout)


class Bubblewrap(Container):
    def multiping(self, folder, *arguments, **options):
        return self.run_in(bubblewrap(folder, [str(rig.program("multiping")), *arguments], **options))

    def test_everything_is_its_own(self):
        helper = self.helper_with_address()
        show = "cd /proc/self/ns && readlink user mnt pid net && cat /proc/self/status"
        done = self.run_in(bubblewrap(helper.folder, ["/bin/sh", "-c", show]))
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = self.run_in(["/bin/sh", "-c", show]).stdout.splitlines()
        for outside, inside in list(zip(ours, done.stdout.splitlines()))[:4]:
            self.assertNotEqual(outside, inside)
        self.assertIn("CapEff:\t" + "0" * 16, done.stdout)

    def test_user_pings_from_the_helpers_network(self):
        helper = self.helper_with_address()
        self.assert_alive(self.multiping(helper.folder, HERE, HERE6, THERE), [HERE, HERE6, THERE])

    def test_root_of_a_container_is_the_user_who_started_it(self):
        helper = self.helper_with_address()
        self.assert_alive(self.multiping(helper.folder, THERE, uid=0), [THERE])
        self.assertEqual(self.clients_of(helper), [str(rig.ALICE)])

    def test_without_a_helper_says_so(self):
        done = self.multiping(rig.temporary_folder(), HERE)
        self.assertEqual((done.returncode, done.stdout), (NO_HELPER, ""))
        self.assertIn(f"{FOLDER}/multiping.sock", done.stderr)


class Engine(Container):
    def setUp(self):
        self.podman = engine()

    def multiping(self, folder, *arguments, **options):
        return self.podman.try_to(*self.podman.client(folder, *arguments, **options))

    def helper_container(self, folder, name):
        self.podman.do("run", "--detach", f"--name={name}", *HELPER_RIGHTS, f"--volume={folder}:{FOLDER}", HELPER_IMAGE)
        self.addCleanup(self.podman.remove, name)
        self.podman.wait_for_log(name, "event=started")
        return self.podman.process_id(name)

    def play(self, text, *options, host=None):
        path = rig.temporary_folder() / "pod.yaml"
        path.write_text(text)
        self.podman.do("play", "kube", *options, path, host=host)
        self.addCleanup(self.podman.do, "pod", "rm", "--all", "--force", "--time=1")


class HostsHelper(Engine):
    def test_container_without_any_right_pings(self):
        helper = self.helper_with_address()
        self.assert_alive(self.multiping(helper.folder, HERE, HERE6, THERE), [HERE, HERE6, THERE])

    def test_container_of_an_ordinary_user_pings(self):
        helper = self.helper_with_address()
        done = self.multiping(helper.folder, THERE, options=(*NO_RIGHTS, "--user=65532:65532"))
        self.assert_alive(done, [THERE])
        self.assertEqual(self.clients_of(helper), ["65532"])

    def test_container_has_its_own_network(self):
        # or the others would show nothing: a helper in a container does not know that address
        folder = rig.temporary_folder()
        self.helper_container(folder, "alone")
        done = self.multiping(folder, "-t", "200", "-r", "0", HERE, THERE)
        self.assertEqual(done.stdout.splitlines()[0], f"{HERE} is alive")
        self.assertIn(f"{THERE} is unreachable", done.stdout)

    def test_container_without_the_folder_is_told(self):
        done = self.multiping(rig.temporary_folder(), HERE)
        self.assertEqual((done.returncode, done.stdout), (NO_HELPER, ""))
        self.assertIn(f"{FOLDER}/multiping.sock", done.stderr)

    def helper_with_realm(self, more=""):
        """The namespace's helper, and the folder of its realm for containers."""
        folder = rig.temporary_folder()
        return self.helper(self.namespace(), f"{rig.UNLIMITED}[listener container]\npath = {folder}/multiping.sock\n{more}"), folder

    def test_container_in_a_realm_cannot_ping_the_host(self):
        _, folder = self.helper_with_realm()
        done = self.multiping(folder, HERE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("denied", done.stderr)
        self.assertNotIn("alive", done.stdout)

    def test_container_in_a_realm_that_allows_it_pings_the_host(self):
        _, folder = self.helper_with_realm("allow = 127.0.0.0/8\n")
        self.assert_alive(self.multiping(folder, HERE), [HERE])

    def test_container_goes_on_with_the_next_helper(self):
        # which makes another socket: the container has the folder
        namespace = self.namespace()
        folder = rig.temporary_folder()
        path = folder / "multiping.sock"

        def start():
            process = namespace.popen([rig.program("multiping-helper"), "--listen", path], stderr=subprocess.PIPE)
            self.addCleanup(process.communicate)
            self.addCleanup(process.terminate)
            while "event=started" not in process.stderr.readline():
                self.assertIsNone(process.poll())
            return process

        first = start()
        client = self.podman.popen(*self.podman.client(folder, "-c", "30", "-p", "100", "-t", "5000", HERE),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdout.readline()
        first.kill()
        first.wait()
        path.unlink()
        start()
        out, err = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, out + err)
        self.assertIn("= 30/30/0%", err)


class HelperInAContainer(Engine):
    def test_image_holds_the_helper_alone(self):
        size = int(self.podman.do("image", "inspect", "--format={{.Size}}", HELPER_IMAGE))
        self.assertLess(size, MAX_IMAGE_BYTES)
        name = self.podman.do("create", HELPER_IMAGE)
        self.addCleanup(self.podman.remove, name)
        tar = subprocess.run(self.podman.command("export", name), env=self.podman.environment, check=True,
                             capture_output=True).stdout
        listed = subprocess.run(["tar", "--list"], input=tar, check=True, capture_output=True).stdout
        self.assertEqual(listed.split(), [b"multiping-helper"])

    def test_beside_its_client_pings_from_its_own_network(self):
        folder = rig.temporary_folder()
        pid = self.helper_container(folder, "sidecar")
        status = rig.status(pid)
        self.assertEqual((status["CapPrm"], status["NoNewPrivs"], status["Seccomp"]), ("0" * 16, "1", "2"))
        self.assertNotIn("0", status["Uid"].split())
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "address", "add", f"{THERE}/32", "dev", "lo"], check=True)
        self.assert_alive(self.multiping(folder, HERE, THERE), [HERE, THERE])
        self.assert_alive(self.multiping(folder, THERE, options=("--network=container:sidecar", *NO_RIGHTS[1:])), [THERE])


class Kubernetes(Engine):
    """The files of helper/container, as podman understands them. It gives a new volume to whoever mounts it first, and knows no
    DaemonSet: so the folders are the host's, and of the DaemonSet its pod is taken."""

    def text(self, name):
        return next(rig.installed().glob(f"share/doc/**/container/{name}")).read_text()

    def on_host(self, text, folder):
        return (text.replace("{path: /run/multiping", f"{{path: {folder}")
                .replace("emptyDir: {medium: Memory, sizeLimit: 1Mi}", f"hostPath: {{path: {folder}, type: Directory}}"))

    def test_sidecar(self):
        folder = rig.temporary_folder()
        self.play(self.on_host(self.text("sidecar.yaml"), folder), "--network=none")
        self.podman.wait_for_log("multiping-sidecar-client", f"{HERE} : [2], 64 bytes")
        self.assertTrue((folder / "multiping.sock").is_socket())

    def play_daemon_set(self, folder, host):
        configuration, node = yaml.safe_load_all(self.on_host(self.text("daemonset.yaml"), folder))
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": node["spec"]["template"]["spec"]}
        self.play(yaml.safe_dump_all([configuration, pod]), host=host)
        self.podman.wait_for_log("node-helper", "event=started")

    def test_daemon_set_and_pod(self):
        folder = rig.temporary_folder()
        node, other = self.linked_namespaces()
        self.play_daemon_set(folder, node)
        self.play(self.on_host(self.text("pod.yaml"), folder).replace(WATCHED, "10.77.0.2"), "--network=none")
        self.podman.wait_for_log("multiping-client-client", "10.77.0.2 : [2], 64 bytes")
        for own in (HERE, "10.77.0.1"):
            self.assertIn("denied", self.multiping(folder / "container", own).stderr)


if __name__ == "__main__":
    rig.main()
