# SPDX-License-Identifier: Apache-2.0
"""The API as api-paste.ini puts it together, which is the same as without the file."""

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import webtest
from oslo_config import cfg
from oslo_middleware import http_proxy_to_wsgi

from magnum.api import app, paste
from magnum.core.errors import Misconfigured
from tests.fakes.services import TokenGuard, World

SHIPPED = pathlib.Path(__file__).parents[3] / "etc" / "magnum" / "api-paste.ini"


@pytest.fixture
def build(
    world: World, conf: cfg.ConfigOpts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Any]:
    """Build the API with what is in the home directory for its configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".magnum").mkdir()
    return lambda: paste.build(world.services, conf, TokenGuard)


@pytest.fixture
def file(tmp_path: pathlib.Path, build: object) -> pathlib.Path:
    return pathlib.Path(shutil.copy(SHIPPED, tmp_path / ".magnum" / "api-paste.ini"))


def layers(application: Any) -> list[str]:
    """Return the types of an application's layers, from the outside in."""
    found, layer = [], application
    while layer is not None:
        found.append(f"{type(layer).__module__}.{getattr(layer, '__qualname__', type(layer))}")
        layer = inner(layer)
    return found


def inner(layer: Any) -> Any:
    """Return what a layer of the application wraps, None for the innermost."""
    for name in ("application", "_app", "app"):
        if callable(getattr(layer, name, None)):
            return getattr(layer, name)
    cells = getattr(layer, "__closure__", None) or ()
    names = getattr(getattr(layer, "__code__", None), "co_freevars", ())
    return dict(zip(names, cells, strict=True))["app"].cell_contents if "app" in names else None


def test_the_file_that_is_shipped_makes_the_pipeline_of_the_code(
    build: Callable[[], Any], file: pathlib.Path, world: World, conf: cfg.ConfigOpts
) -> None:
    # With all that stands aside when it is not wanted.
    conf.set_override("api_port", 9512, "metrics")
    conf.register_opts(http_proxy_to_wsgi.OPTS, "oslo_middleware")
    conf.set_override("enable_proxy_headers_parsing", True, "oslo_middleware")
    found = layers(build())
    assert len(found) > len(app.pipeline(TokenGuard))
    assert found == layers(app.build(world.services, conf, TokenGuard))


def test_without_a_file_it_is_the_pipeline_of_the_code(
    build: Callable[[], Any], world: World, conf: cfg.ConfigOpts
) -> None:
    assert layers(build()) == layers(app.build(world.services, conf, TokenGuard))


def test_it_serves(build: Callable[[], Any], file: pathlib.Path) -> None:
    api = webtest.TestApp(build(), extra_environ={"HTTP_X_AUTH_TOKEN": "alice:blue"})
    answer = api.get("/v1/bays")
    assert answer.json == {"bays": []}
    assert "x-openstack-request-id" in answer.headers


def test_middleware_of_an_operators_own_is_used(
    build: Callable[[], Any], file: pathlib.Path
) -> None:
    text = file.read_text().replace("    request_id\n", "    request_id\n    mine\n")
    text += f"\n[filter:mine]\npaste.filter_factory = {__name__}:greeting_factory\nword = hello\n"
    file.write_text(text)
    assert webtest.TestApp(build()).get("/v1/").headers["X-Greeting"] == "hello"


def greeting_factory(_global_conf: dict[str, str], word: str) -> Any:
    def wrap(application: Any) -> Any:
        def serve(environ: dict[str, Any], start_response: Any) -> Any:
            def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                return start_response(status, [*headers, ("X-Greeting", word)], *more)

            return application(environ, start)

        return serve

    return wrap


def test_a_file_of_another_name_is_found(
    build: Callable[[], Any], file: pathlib.Path, conf: cfg.ConfigOpts
) -> None:
    other = file.rename(file.with_name("another #1.ini"))
    other.write_text("[app:main]\nuse = egg:magnum#api\n")
    conf.set_override("api_paste_config", other.name, "api")
    assert not [layer for layer in layers(build()) if "Faults" in layer]


BROKEN = {
    "a factory of another release": (
        "egg:magnum#faults",
        "call:magnum.api.middleware.faults:make",
        "magnum.api.middleware",
    ),
    "an entry point that is not there": ("egg:magnum#faults", "egg:magnum#flaws", "flaws"),
    "a filter that is not defined": ("    faults\n", "    flaws\n", "flaws"),
    "an option that would not count": (
        "egg:magnum#cors",
        "egg:magnum#cors\nallowed_origin = *",
        "allowed_origin",
    ),
    "no file of this kind": ("[pipeline:main]", "pipeline", "no section headers"),
}


@pytest.mark.parametrize(("was", "becomes", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_work_is_named_with_what_to_do(
    build: Callable[[], Any], file: pathlib.Path, was: str, becomes: str, said: str
) -> None:
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, becomes))
    with pytest.raises(Misconfigured) as caught:
        build()
    assert str(file) in caught.value.message
    assert said in caught.value.message
    assert "replace it by etc/magnum/api-paste.ini" in caught.value.message
