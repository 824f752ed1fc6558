# SPDX-License-Identifier: Apache-2.0
"""Options of containers and of the engines they run on."""

from oslo_config import cfg

GROUP = "docker"

OPTIONS = (
    cfg.FloatOpt(
        "call_timeout",
        default=8.0,
        min=1,
        max=55,
        help="Seconds within which a call about containers is answered, an engine that is silent "
        "included: after that a caller gets a 504 that says so.  Shorter than the ten seconds "
        "that old clients wait at least.",
    ),
    cfg.FloatOpt(
        "create_wait",
        default=8.0,
        min=0,
        max=55,
        help="Seconds that the creation of a container waits for its image before it answers with "
        "a container that is still being made.",
    ),
    cfg.IntOpt(
        "create_timeout",
        default=600,
        min=10,
        max=86400,
        help="Seconds after which a container that could not be made, because its image is still "
        "on its way or its engine is silent, is given up.",
    ),
    cfg.IntOpt(
        "connections",
        default=8,
        min=1,
        max=100,
        help="Calls that a conductor makes to one engine at a time.  Further ones wait for their "
        "turn, so that an engine that hangs keeps only so many threads.",
    ),
    cfg.IntOpt(
        "idle_seconds",
        default=300,
        min=1,
        help="Seconds after which connections that nobody used are closed.",
    ),
    cfg.IntOpt(
        "calls",
        default=48,
        min=4,
        max=1000,
        help="Calls about containers that a conductor answers at a time; further ones are refused "
        "at once.  Keep it below [DEFAULT] executor_thread_pool_size, so that other messages find "
        "a thread.",
    ),
    cfg.IntOpt(
        "creations",
        default=16,
        min=1,
        max=256,
        help="Containers that a conductor makes at a time.",
    ),
    cfg.IntOpt(
        "pulls",
        default=4,
        min=1,
        max=100,
        help="Images that a conductor has one engine get at a time.  Who needs an image that is "
        "on its way already waits for that one.",
    ),
    cfg.IntOpt(
        "stop_grace",
        default=10,
        min=0,
        max=60,
        help="Seconds that a container which is stopped or rebooted has to end by itself.  It has "
        "less where the whole call has (call_timeout).",
    ),
    cfg.IntOpt(
        "logs_tail",
        default=2000,
        min=1,
        max=1000000,
        help="Lines of a container's output that are shown, the newest.",
    ),
    cfg.IntOpt(
        "output_size",
        default=1024 * 1024,
        min=1024,
        max=16 * 1024 * 1024,
        help="Bytes that are shown of the output of a container (the newest), or of a command that "
        "was executed in one (the oldest).",
    ),
)
