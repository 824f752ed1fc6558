#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plugin.sh - what DevStack does for Magnum, phase by phase
#
# Sourced by stack.sh, unstack.sh and clean.sh as ``plugin.sh <mode> [<phase>]``.

# Save trace setting
_XTRACE_MAGNUM_PLUGIN=$(set +o | grep xtrace)
set +o xtrace

# shellcheck source=devstack/lib/magnum
source "$(dirname "${BASH_SOURCE[0]}")/lib/magnum"

if is_service_enabled magnum-api magnum-cond m-api m-cond; then
    case "$1 ${2:-}" in
        "stack install")
            echo_summary "Installing Magnum"
            cleanup_magnum
            install_magnum
            install_magnumclient
            add_magnum_guest_image
            ;;
        "stack post-config")
            echo_summary "Configuring Magnum"
            configure_magnum
            if is_service_enabled key; then
                create_magnum_accounts
                extend_token_expiration
            fi
            ;;
        "stack extra")
            echo_summary "Initializing Magnum"
            init_magnum
            magnum_register_image
            start_magnum
            if [[ "$MAGNUM_CONFIGURE_IPTABLES" != False ]]; then
                configure_iptables
            fi
            ;;
        "unstack "*)
            stop_magnum
            if [[ "$MAGNUM_CONFIGURE_IPTABLES" != False ]]; then
                unconfigure_iptables
            fi
            ;;
        "clean "*)
            cleanup_magnum
            unconfigure_magnum
            ;;
    esac
fi

# Restore xtrace
$_XTRACE_MAGNUM_PLUGIN
