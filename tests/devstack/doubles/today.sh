#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What DevStack of today has beyond functions.sh.

if [[ -z "$ENABLED_SERVICES" ]]; then
    ENABLED_SERVICES=key,mysql,rabbit,n-api,n-cpu,placement-api,g-api
    ENABLED_SERVICES+=,q-svc,ovn-controller,ovn-northd,ovs-vswitchd,ovsdb-server,q-ovn-agent
fi
export SERVICE_PROJECT_NAME=service SERVICE_DOMAIN_NAME=Default
MEMCACHE_SERVERS=${MEMCACHE_SERVERS-localhost:11211}
KEYSTONE_SERVICE_URI=${KEYSTONE_SERVICE_URI:-http://$HOST_IP/identity}
export DATABASE_BASE=${DATABASE_BASE:-mysql+pymysql://root:secretdatabase@127.0.0.1}

function define_plugin { record define_plugin "$@"; }

function get_transport_url { echo "rabbit://stackrabbit:$RABBIT_PASSWORD@$HOST_IP:5672/"; }

function iniset_rpc_backend {
    record iniset_rpc_backend "$@"
    iniset "$2" "${3:-DEFAULT}" transport_url "$(get_transport_url)"
}

function configure_keystone_authtoken_middleware {
    record configure_keystone_authtoken_middleware "$@"
    iniset "$1" "${3:-keystone_authtoken}" interface public
    iniset "$1" "${3:-keystone_authtoken}" memcached_servers "$MEMCACHE_SERVERS"
}

function setup_logging {
    iniset "$1" DEFAULT logging_debug_format_suffix '{{%(funcName)s %(pathname)s:%(lineno)d}}'
}

function write_uwsgi_config {
    record write_uwsgi_config "$@"
    iniset "$1" uwsgi module "$2"
    iniset "$1" uwsgi http "$4"
}

function start_tls_proxy { record start_tls_proxy "$1" "$2" "$3" "$4" "$5"; }
function restart_service { record restart_service "$@"; }
