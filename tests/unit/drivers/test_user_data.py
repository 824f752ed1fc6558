# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest

from magnum.drivers import user_data


@pytest.mark.parametrize(
    "value",
    ["plain", "it's", "$HOME `id` $(id)", 'a "b" \\ c', "two\nlines", "", "%%NODE_PASSWORD%%", "ü"],
)
def test_env_file_gives_a_shell_the_very_value(tmp_path, value):
    file = tmp_path / "env"
    file.write_text(user_data.env_file({"A": value, "B": "end"}))
    script = f'. {file}; printf "%s|%s" "$A" "$B"'
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"{value}|end"


def test_every_step_has_one_script():
    scripts = user_data.step_scripts()
    assert scripts["swarm_init"] == "swarm/swarm_init.sh"
    assert not {"run-steps", "signal", "json"} & set(scripts)


def test_a_step_of_another_package_is_found_by_its_path():
    own = {"motd": "magnum.drivers:scripts/lib/json.sh"}
    config = user_data.node_config(("motd",), {}, None, own)
    files = {file.path: file for file in config.files}
    assert "json_string" in files["/opt/magnum/bin/motd.sh"].content
    assert files["/opt/magnum/bin/motd.sh"].mode == 0o755
    assert files["/etc/magnum/steps"].content == "motd\n"
