# SPDX-License-Identifier: Apache-2.0
"""What happens in stack.sh, unstack.sh and clean.sh."""

import pathlib
import re

import pytest

from tests.devstack.conftest import New
from tests.devstack.stack import ROOT, DevStack, ScriptFailed, read

URL = "http://192.0.2.7:9511"
ATOMIC = "https://fedorapeople.org/groups/magnum/fedora-21-atomic-5.qcow2"


def _everything(folder: pathlib.Path) -> set[str]:
    """Return the paths of all files and folders, save what stands for DevStack itself."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {path for path in found if path.partition("/")[0] not in {"room", "localrc"}}


class Test_install:  # noqa: N801 -- named after the phase
    def test_installs_the_checkout_of_the_plugin(self, new: New) -> None:
        machine = new()
        ran = machine.run("stack")
        assert ran.of("setup_develop") == [[f"{machine.folder}/opt/magnum"]]
        assert ran.of("git_clone") == []

    def test_name_of_the_package_is_found_as_devstack_looks_for_it(self) -> None:
        """It takes every such line of the file for one."""
        lines = (ROOT / "setup.cfg").read_text().splitlines()
        assert [line for line in lines if re.match("name.*=", line)] == ["name = magnum"]

    def test_clones_what_is_not_there(self, new: New) -> None:
        machine = new(MAGNUM_BRANCH="stable/x")
        (machine.folder / "opt" / "magnum").unlink()
        ran = machine.run("stack")
        clone = ["https://opendev.org/openstack/magnum.git", f"{machine.folder}/opt/magnum"]
        assert ran.of("git_clone") == [[*clone, "stable/x"]]

    def test_client_is_the_released_one(self, new: New) -> None:
        ran = new().run("stack")
        assert ran.of("pip_install_gr") == [["python-magnumclient"]]

    def test_client_is_from_git_when_asked_for(self, new: New) -> None:
        machine = new(LIBS_FROM_GIT="oslo.db,python-magnumclient", MAGNUMCLIENT_REPO="https://x/c")
        ran = machine.run("stack")
        client = f"{machine.folder}/opt/python-magnumclient"
        assert ran.of("git_clone") == [["https://x/c", client, "master"]]
        assert ran.of("setup_dev_lib") == [["python-magnumclient"]]
        assert ran.of("pip_install_gr") == []

    def test_says_that_heat_is_missing(self, today: New) -> None:
        (warning,) = today().run("stack").of("warn")
        assert "enable_plugin heat" in warning[0]

    def test_is_content_with_heats_plugin(self, today: New) -> None:
        assert today(DEVSTACK_PLUGINS="heat,magnum").run("stack").of("warn") == []

    def test_is_content_with_devstacks_own_heat(self, in_2015: New) -> None:
        assert in_2015().run("stack").of("warn") == []

    def test_removes_state_of_a_former_run(self, new: New) -> None:
        machine = new()
        for folder in (machine.state, machine.cache, machine.certificates):
            folder.mkdir(parents=True)
            (folder / "old").touch()
        machine.run("stack")
        for folder in (machine.state, machine.cache, machine.certificates):
            assert list(folder.iterdir()) == []


class Test_image:  # noqa: N801
    def test_is_fedoras_by_default_after_what_is_there_already(self, new: New) -> None:
        ran = new(IMAGE_URLS="https://x/cirros.img").run("stack")
        assert ran.of("upload_image") == [["https://x/cirros.img"], [ATOMIC]]

    def test_that_is_listed_already_is_uploaded_once(self, new: New) -> None:
        assert new(IMAGE_URLS=ATOMIC).run("stack").of("upload_image") == [[ATOMIC]]

    @pytest.mark.parametrize("variable", ["MAGNUM_GUEST_IMAGE_URL", "MANGUM_GUEST_IMAGE_URL"])
    @pytest.mark.parametrize(
        ("file", "name", "distro"),
        [
            ("fedora-21-atomic-5.qcow2", "fedora-21-atomic-5", "fedora-atomic"),
            ("Fedora-Atomic-27.x86_64.qcow2", "Fedora-Atomic-27.x86_64", "fedora-atomic"),
            ("ubuntu-14.04.3-mesos-0.25.0.qcow2", "ubuntu-14.04.3-mesos-0.25.0", "ubuntu"),
            ("coreos_production_image.img", "coreos_production_image", "coreos"),
            ("fedora-coreos-38-openstack.qcow2.xz", "fedora-coreos-38-openstack", "fedora-coreos"),
        ],
    )
    def test_is_for_the_driver_that_its_name_tells_of(
        self, in_2015: New, variable: str, file: str, name: str, distro: str
    ) -> None:
        ran = in_2015(**{variable: f"https://example.org/images/{file}"}).run("stack")
        command = ["image", "set", "--property", f"os_distro={distro}", name]
        assert command in ran.of("openstack")
        assert ran.of("warn") == []

    def test_is_told_by_its_folder_when_its_name_does_not(self, new: New) -> None:
        ran = new(MAGNUM_GUEST_IMAGE_URL="https://example.org/ubuntu/latest.qcow2").run("stack")
        assert ran.of("openstack")[-1][-2:] == ["os_distro=ubuntu", "latest"]

    def test_that_tells_nothing_gets_a_warning(self, new: New) -> None:
        ran = new(MAGNUM_GUEST_IMAGE_URL="https://example.org/x.qcow2").run("stack")
        assert ran.of("openstack") == []
        assert any("os_distro" in words[0] for words in ran.of("warn"))

    def test_that_could_not_be_uploaded_gets_a_warning(self, new: New) -> None:
        ran = new(MAGNUM_GUEST_IMAGE_URL="https://unreachable/atomic.qcow2").run("stack")
        assert ran.of("openstack") == [["image", "show", "atomic"]]
        assert any("MAGNUM_GUEST_IMAGE_URL" in words[0] for words in ran.of("warn"))

    def test_may_be_none(self, new: New) -> None:
        ran = new(MAGNUM_GUEST_IMAGE_URL="").run("stack")
        assert ran.of("upload_image") == ran.of("openstack") == []


class Test_accounts:  # noqa: N801
    def test_are_made(self, new: New) -> None:
        ran = new(REGION_NAME="Here").run("stack")
        assert ran.of("create_service_user") == [["magnum", "admin"]]
        description = "Magnum Container Service"
        types = ("container", "container-infra")
        assert ran.of("get_or_create_service") == [["magnum", kind, description] for kind in types]
        assert ran.of("get_or_create_endpoint") == [
            [f"id-of-service-{kind}", "Here", *[f"{URL}/v1"] * 3] for kind in types
        ]
        domain, admin = "id-of-domain-magnum", "id-of-user-trustee_domain_admin"
        assert [name for name, _ in ran.of("get_or_create_domain")] == ["magnum"]
        assert ran.of("get_or_create_user") == [["trustee_domain_admin", "secretservice", domain]]
        assert ran.of("get_or_add_user_domain_role") == [["admin", admin, domain]]

    def test_leave_a_catalogue_alone_that_is_a_file(self, new: New) -> None:
        ran = new(KEYSTONE_CATALOG_BACKEND="templated").run("stack")
        assert ran.of("get_or_create_service") == ran.of("get_or_create_endpoint") == []
        assert ran.of("create_service_user") == [["magnum", "admin"]]

    def test_are_somebody_elses_where_keystone_is_elsewhere(self, new: New) -> None:
        machine = new(ENABLED_SERVICES="mysql,rabbit")
        ran = machine.run("stack")
        names = {first for first, *_ in ran.calls}
        assert not {name for name in names if name.startswith(("create_", "get_or_"))}
        assert (machine.room / "keystone.conf").read_text() == ""
        assert machine.options["trust"] == {
            "trustee_domain_name": "magnum",
            "trustee_domain_admin_name": "trustee_domain_admin",
            "trustee_domain_admin_password": "secretservice",
        }


class Test_keystone:  # noqa: N801
    def test_lets_tokens_live_for_two_hours(self, new: New) -> None:
        machine = new()
        machine.run("stack")
        assert read(machine.room / "keystone.conf") == {"token": {"expiration": "7200"}}

    def test_is_restarted_once_where_it_runs_already(self, today: New) -> None:
        machine = today()
        (machine.room / "units").write_text("devstack@keystone\n")
        first, second = machine.run("stack"), machine.run("stack")
        assert first.of("restart_service") == [["devstack@keystone"]]
        assert first.of("curl")[0] == ["http://192.0.2.7/identity/v3/"]
        assert second.of("restart_service") == []

    def test_keeps_heats_policy_as_it_is(self, new: New) -> None:
        ran = new().run("stack")
        assert not [words for words in ran.calls if any("global_index" in word for word in words)]


class Test_start:  # noqa: N801
    def test_is_after_the_schema(self, new: New) -> None:
        machine = new()
        ran = machine.run("stack")
        config = str(machine.config / "magnum.conf")
        assert ran.of("recreate_database") == [["magnum", "utf8"]]
        assert ran.of("magnum-db-manage")[0] == ["--config-file", config, "upgrade"]
        order = [first for first, *_ in ran.calls]
        assert (
            order.index("recreate_database")
            < order.index("magnum-db-manage")
            < order.index("run_process")
        )
        programs = machine.local["PROGRAMS"]
        assert ran.of("run_process") == [
            ["magnum-api", f"{programs}/magnum-api --config-file {config}"],
            ["magnum-cond", f"{programs}/magnum-conductor --config-file {config}"],
        ]
        assert ran.of("curl") == [[f"{URL}/"]]
        assert machine.state.is_dir()
        assert machine.cache.is_dir()

    def test_fails_with_a_sentence_when_the_api_does_not_answer(self, new: New) -> None:
        with pytest.raises(ScriptFailed, match=f"magnum-api does not answer at {URL}/ after 1"):
            new(DEAF="True", SERVICE_TIMEOUT="1").run("stack")

    def test_behind_the_proxy_is_followed_by_the_proxys(self, new: New, age: str) -> None:
        machine = new(ENABLED_SERVICES="key,tls-proxy")
        ran = machine.run("stack")
        ends = ["*", "9511", "192.0.2.7", "19511"]
        assert ran.of("start_tls_proxy") == [ends if age == "2015" else ["magnum", *ends]]
        assert ran.of("curl") == [["https://192.0.2.7:9511/"]]
        urls = {word for words in ran.of("get_or_create_endpoint") for word in words[2:]}
        assert urls == {"https://192.0.2.7:9511/v1"}

    def test_with_uwsgi_refuses_a_folder_that_the_module_does_not_read(self, new: New) -> None:
        with pytest.raises(ScriptFailed, match="leave MAGNUM_CONF_DIR as it is"):
            new(MAGNUM_USE_UWSGI="True").run("stack")

    def test_with_uwsgi_is_of_the_application_at_the_same_port(self, new: New) -> None:
        machine = new(MAGNUM_USE_UWSGI="True")
        config = machine.folder / "uwsgi.ini"
        ran = machine.call(
            f"MAGNUM_CONF=/etc/magnum/magnum.conf MAGNUM_UWSGI_CONF={config}",
            "install_magnum",
            "_magnum_create_uwsgi_conf",
            "start_magnum_api",
        )
        uwsgi = read(config)["uwsgi"]
        assert uwsgi["module"] == "magnum.wsgi:application"
        assert uwsgi["http"] == "192.0.2.7:9511"
        assert "wsgi-file" not in uwsgi
        assert ran.of("pip_install") == [["uwsgi"]]
        command = f"{machine.local['PROGRAMS']}/uwsgi --procname-prefix magnum-api --ini {config}"
        assert ran.of("run_process") == [["magnum-api", command]]


class Test_iptables:  # noqa: N801
    OUT = "nat POSTROUTING -o eth7 -j MASQUERADE"

    @staticmethod
    def _accept(port: int) -> str:
        return f"filter INPUT -d 192.0.2.7 -p tcp --dport {port} -j ACCEPT"

    def test_lets_nodes_out_and_to_the_services_they_need(self, new: New, age: str) -> None:
        machine = new()
        machine.run("stack")
        ports = {"2015": (9511, 5000, 8004), "today": (9511, 80)}[age]
        assert machine.lines("rules") == [self.OUT, *map(self._accept, ports)]

    @pytest.mark.parametrize(
        ("keystone", "ports"),
        [
            ("https://192.0.2.7/identity", (9511, 443)),
            ("http://192.0.2.7:5001/v3", (9511, 5001, 8004)),
            ("http://[2001:db8::7]:5002", (9511, 5002, 8004)),
        ],
    )
    def test_knows_keystones_port(self, today: New, keystone: str, ports: tuple[int, ...]) -> None:
        machine = today(KEYSTONE_SERVICE_URI=keystone)
        machine.run("stack")
        assert machine.lines("rules")[1:] == [*map(self._accept, ports)]

    def test_leaves_the_rules_alone_when_told_so(self, new: New) -> None:
        machine = new(MAGNUM_CONFIGURE_IPTABLES="False")
        machine.run("stack")
        assert machine.lines("rules") == []
        (machine.room / "rules").write_text(self.OUT + "\n")
        machine.run("unstack")
        assert machine.lines("rules") == [self.OUT]

    def test_warns_when_no_interface_leads_out(self, new: New) -> None:
        machine = new(OFFLINE="True")
        ran = machine.run("stack")
        assert self.OUT not in machine.lines("rules")
        assert self._accept(9511) in machine.lines("rules")
        assert any("interface" in words[0] for words in ran.of("warn"))


def _state(machine: DevStack) -> dict[str, object]:
    return {
        "files": _everything(machine.folder),
        "options": machine.options,
        "keystone": read(machine.room / "keystone.conf"),
        **{name: machine.lines(name) for name in ("running", "rules", "enabled")},
    }


def test_stack_after_unstack_comes_to_the_same(new: New) -> None:
    machine = new()
    machine.run("stack")
    first = _state(machine)
    machine.run("unstack")
    assert machine.lines("running") == machine.lines("rules") == []
    machine.run("stack")
    assert _state(machine) == first


def test_stack_after_stack_adds_no_second_rule(new: New) -> None:
    machine = new()
    machine.run("stack")
    rules = machine.lines("rules")
    machine.run("stack")
    assert machine.lines("rules") == rules


def test_key_of_certificates_survives_unstack(new: New) -> None:
    machine = new()
    machine.run("stack")
    keys = machine.config / "certificates.keys"
    keys.write_text("the first one\n")
    machine.run("unstack")
    machine.run("stack")
    assert keys.read_text() == "the first one\n"


def test_clean_leaves_nothing_behind(new: New) -> None:
    machine = new()
    before = _everything(machine.folder)
    machine.run("stack")
    assert _everything(machine.folder) > before
    machine.run("unstack")
    machine.run("clean")
    left = {path for path in _everything(machine.folder) - before if "magnum" in path}
    assert left == set()


def test_clean_keeps_what_the_operator_put_beside_it(new: New) -> None:
    machine = new()
    machine.run("stack")
    (machine.config / "policy.yaml").touch()
    machine.run("clean")
    assert [path.name for path in machine.config.iterdir()] == ["policy.yaml"]


def test_clean_of_what_was_never_there_is_no_error(new: New) -> None:
    new().run("clean")


@pytest.mark.parametrize("name", ["policy.json", "api-paste.ini"])
def test_files_beside_magnum_conf_are_copied(new: New, name: str) -> None:
    machine = new()
    machine.run("stack")
    source = ROOT / "etc" / "magnum" / name
    assert (machine.config / name).read_text() == source.read_text()


def test_every_function_and_variable_of_2015_is_there() -> None:
    """Scripts of others call them, and local.conf files set them."""
    text = (ROOT / "devstack" / "lib" / "magnum").read_text()
    functions = (
        "configure_magnum create_magnum_accounts create_magnum_conf magnum_register_image "
        "install_magnum install_magnumclient init_magnum start_magnum_api start_magnum_conductor "
        "stop_magnum cleanup_magnum configure_iptables start_magnum"
    )
    for name in functions.split():
        assert f"\nfunction {name} {{\n" in text, name
    variables = (
        "MAGNUM_REPO MAGNUM_BRANCH MAGNUM_DIR MAGNUM_STATE_PATH MAGNUM_AUTH_CACHE_DIR "
        "MAGNUM_CONF_DIR MAGNUM_CONF MAGNUM_POLICY_JSON MAGNUM_API_PASTE MAGNUM_SERVICE_HOST "
        "MAGNUM_SERVICE_PORT MAGNUM_SERVICE_PORT_INT MAGNUM_SERVICE_PROTOCOL "
        "MAGNUM_CONFIGURE_IPTABLES MAGNUM_GUEST_IMAGE_URL MAGNUM_LOCAL_CERT_DIR "
        "MAGNUM_TRUSTEE_DOMAIN_ADMIN_PASSWORD"
    )
    for name in variables.split():
        assert f"\n{name}=" in text, name
