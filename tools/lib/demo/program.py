# SPDX-License-Identifier: Apache-2.0
"""The demo from beginning to end; `tools/demo` runs this file."""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo import kept
from demo.story import Story
from demo.terminal import DemoFailed, Terminal
from deployment import client, cloud, installation, processes, service, sessions
from minicloud import settings
from minicloud.real_nodes import ability, consoles
from minicloud.real_nodes.places import Places
from quality import environment

CLIENT = "2.1.0"
DATABASE = "magnum_demo"
NEWER_CLIENT = "3.6.0"
BANNER = f"""\
Magnum on a small OpenStack on this machine, seen through python-magnumclient {CLIENT} of 2016.

Keystone, Glance, Placement, Nova, Neutron, Heat, Barbican, MariaDB and RabbitMQ are real."""
REAL = """\
So are the nodes, though no virtual machine boots: each is a Debian in a container with systemd,
cloud-init, Docker and networks of its own, and runs what its server's user data says."""
PLAYED = """\
NO VIRTUAL MACHINE BOOTS: Nova runs its fake driver, and the nodes are played by a stand-in that
reads each server's user data, runs the node's certificate step for real, and signals to Heat.
Nodes that boot are not for this machine: {reason}."""
KEPT = """
All is left running.
  endpoint        {url}/v1
  configuration   {config}
  logs            {folder}
  work as demo    {exports}
                  {magnum} bay-list
  also            . {prefix}/openrc-admin
  stop it         tools/demo --stop; tools/minicloud down"""
FAILURES = (
    DemoFailed,
    client.ClientFailed,
    cloud.CloudFailed,
    environment.SetupFailed,
    processes.ServiceFailed,
    service.CommandFailed,
    sessions.Refused,
    OSError,
)


class Demo:
    """One run, and what it has started."""

    def __init__(self, prefix: Path, keep: bool) -> None:
        self._prefix = prefix
        self._keep = keep
        self._folder = environment.cache() / "demo"
        self._record = self._folder / "kept.json"
        self._terminal = Terminal()
        self._deployment: service.Deployment | None = None
        self._cloud_was_up = True

    def run(self) -> int:
        """Run it and return the exit code."""
        reason = ability.reason_against()
        nodes = PLAYED.format(reason=reason) if reason else REAL
        print(f"{BANNER}\n{nodes}", flush=True)
        failure: BaseException | None = None
        try:
            self._tell()
        except FAILURES as error:
            failure = error
        except KeyboardInterrupt:
            failure = DemoFailed("it was interrupted")
        if failure:
            self._show_consoles()
        kept_running = self._keep and not failure
        if not kept_running:
            self._clean_up(all_is_well=failure is None)
        status = self._close(failure)
        if kept_running:
            self._hand_over()
        return status

    def _tell(self) -> None:
        self._terminal.chapter("a cloud")
        self._cloud_was_up = cloud.is_up(self._prefix)
        mini = cloud.up(self._prefix, "--nodes")
        self._terminal.chapter("the service and a client, installed")
        programs = installation.service()
        self._magnum = installation.client(CLIENT)
        self._terminal.say(f"the service is in {programs}")
        newer = installation.client(NEWER_CLIENT)
        self._terminal.say(f"the client is {self._magnum}")
        self._start(mini, programs)
        folder, demo = self._folder / "story", mini.user("demo")
        Story(self._terminal, mini, demo, self._magnum, newer, folder).tell()

    def _start(self, mini: cloud.Cloud, programs: Path) -> None:
        self._terminal.chapter("the service, configured and started")
        self._folder.mkdir(parents=True, exist_ok=True)
        deployment = service.Deployment(mini, programs, self._folder, DATABASE)
        deployment.claim()
        deployment.configure()
        if kept.stop(self._record):
            self._terminal.say("stopped the service that an earlier `tools/demo --keep` left")
        self._terminal.say(f"wrote {deployment.config}")
        deployment.create_database()
        deployment.migrate()
        self._terminal.say(f"database {DATABASE} migrated: magnum-db-manage upgrade")
        self._deployment = deployment
        deployment.start_api()
        self._terminal.say(f"magnum-api answers at {deployment.url}")
        deployment.start_conductor()
        self._terminal.say("magnum-conductor has sent its first heartbeat")

    def _hand_over(self) -> None:
        assert self._deployment is not None
        mini, running = self._deployment.cloud, self._deployment.processes
        kept.record(self._record, [process.pid for process in running])
        for process in running:
            process.leave()
        demo = mini.user("demo")
        exports = f". {mini.prefix}/openrc-{demo.name}; export OS_TENANT_NAME={demo.project}"
        print(
            KEPT.format(
                url=mini.magnum_url,
                config=self._deployment.config,
                folder=self._folder,
                exports=exports,
                magnum=self._magnum,
                prefix=mini.prefix,
            )
        )

    def _clean_up(self, all_is_well: bool) -> None:
        if self._deployment:
            self._terminal.chapter("stopping what the demo started")
            self._deployment.stop()
            self._terminal.say("magnum-api and magnum-conductor are stopped")
            if all_is_well:
                self._deployment.drop_database()
        if not self._cloud_was_up:
            cloud.down(self._prefix)

    def _show_consoles(self) -> None:
        if self._deployment:
            print(consoles.ends(Places(settings.load(self._prefix))), flush=True)

    def _close(self, failure: BaseException | None) -> int:
        self._terminal.summary()
        if failure is None:
            print("\nThe demo is complete.")
            return 0
        print(f"\nThe demo FAILED: {failure}")
        print(f"Logs of the service: {self._folder}/*.log; of the cloud: {self._prefix}/log")
        return 1


def _terminate(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(number)


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="tools/demo", description=BANNER)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--keep", action="store_true", help="leave all running at the end")
    parser.add_argument("--stop", action="store_true", help="stop the service that --keep left")
    parser.add_argument("--prefix", default=str(cloud.DEFAULT_PREFIX), help="of the mini cloud")
    options = parser.parse_args()
    if options.stop:
        ended = kept.stop(environment.cache() / "demo" / "kept.json")
        print(f"stopped {len(ended)} processes")
        return 0
    signal.signal(signal.SIGTERM, _terminate)
    return Demo(Path(options.prefix).absolute(), options.keep).run()


if __name__ == "__main__":
    sys.exit(main())
