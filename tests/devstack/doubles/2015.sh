#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What DevStack of 2015 has beyond functions.sh, or has otherwise.

if [[ -z "$ENABLED_SERVICES" ]]; then
    ENABLED_SERVICES=key,mysql,rabbit,n-api,n-cpu,n-net,g-api,g-reg
fi
export SERVICE_TENANT_NAME=service
KEYSTONE_AUTH_URI=http://$HOST_IP:5000
export DATABASE_BASE=${DATABASE_BASE:-mysql://root:secretdatabase@127.0.0.1}

function iniset_rpc_backend {
    record iniset_rpc_backend "$@"
    iniset "$2" oslo_messaging_rabbit rabbit_userid stackrabbit
    iniset "$2" oslo_messaging_rabbit rabbit_password "$RABBIT_PASSWORD"
    iniset "$2" oslo_messaging_rabbit rabbit_hosts "$HOST_IP"
}

function configure_auth_token_middleware {
    record configure_auth_token_middleware "$@"
    iniset "$1" keystone_authtoken auth_plugin password
    iniset "$1" keystone_authtoken auth_uri "$KEYSTONE_AUTH_URI"
    iniset "$1" keystone_authtoken identity_uri "http://$HOST_IP:35357"
    iniset "$1" keystone_authtoken project_name "$SERVICE_TENANT_NAME"
    iniset "$1" keystone_authtoken signing_dir "$3"
}

function write_uwsgi_config {
    record write_uwsgi_config "$@"
    iniset "$1" uwsgi wsgi-file "$2"
    iniset "$1" uwsgi http "$4"
}

function start_tls_proxy { record start_tls_proxy "$1" "$2" "$3" "$4"; }
