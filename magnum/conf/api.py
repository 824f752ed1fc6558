# SPDX-License-Identifier: Apache-2.0
"""Options of the API process."""

from oslo_config import cfg

GROUP = "api"

OPTIONS = (
    cfg.HostAddressOpt("host", default="127.0.0.1", help="Address the API listens on."),
    cfg.PortOpt("port", default=9511, help="Port the API listens on."),
    cfg.BoolOpt(
        "enabled_ssl",
        default=False,
        help="Whether magnum-api itself does TLS, for which it needs ssl_cert_file and "
        "ssl_key_file.  Elsewhere the proxy before it does.",
    ),
    cfg.StrOpt(
        "ssl_cert_file",
        help="File of the certificate magnum-api presents, in PEM, those of intermediate "
        "authorities after it.",
    ),
    cfg.StrOpt("ssl_key_file", help="File of the key of that certificate, in PEM."),
    cfg.IntOpt(
        "workers",
        default=2,
        min=1,
        max=256,
        help="API worker processes.  Each serves [api] threads requests at a time.",
    ),
    cfg.IntOpt(
        "threads",
        default=8,
        min=1,
        max=256,
        help="Requests one worker process serves at a time.  Most of a request's time is spent "
        "waiting for the database and Keystone, so more threads than cores make sense.",
    ),
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=1,
        help="Most items one page of a list holds, whatever limit the caller asks for.",
    ),
    cfg.IntOpt(
        "max_body_size",
        default=524288,
        min=4096,
        help="Largest request body accepted, in bytes.  The largest one a client has reason to "
        "send is a certificate signing request of a few kilobytes.",
    ),
    cfg.FloatOpt(
        "checks_timeout",
        default=20.0,
        min=1,
        max=300,
        help="Seconds that the checks of what a baymodel names in the cloud may take, all of them "
        "together.  A service that has not answered by then is told of with a 503.  Shorter than "
        "the time-out of clients and proxies, so that the answer still reaches somebody.",
    ),
    cfg.StrOpt(
        "api_paste_config",
        default="api-paste.ini",
        help="File that puts the API together of its middleware, for PasteDeploy; looked for in "
        "the directories of the configuration.  Without the file the API is as "
        "etc/magnum/api-paste.ini has it.",
    ),
    cfg.StrOpt(
        "healthcheck_disable_file",
        default="/etc/magnum/healthcheck_disable",
        help="While this file exists /healthcheck answers 503, so that a load balancer takes "
        "this host out before maintenance.",
    ),
)
