#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Have the cluster's certificate authority sign a certificate for this node's service.
# The key is made here and never leaves the node.  Which node of its role this is, Magnum tells by the
# id of its port.
# Inputs: AUTH_URL MAGNUM_URL CLUSTER_UUID NODE_USER_ID NODE_PASSWORD NODE_PORT_ID NODE_IP
# Inputs: CERTIFICATE_NAME CERTIFICATE_USAGES
# Optional: NODE_PUBLIC_IP
# Programs: curl openssl
# Writes: /etc/docker/ca.crt /etc/docker/server.crt /etc/docker/server.key
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh
# shellcheck source=magnum/drivers/scripts/lib/json.sh
. /opt/magnum/lib/json.sh
# shellcheck source=magnum/drivers/scripts/lib/http.sh
. /opt/magnum/lib/http.sh

folder=/etc/docker

# is_good: the certificate that is there is this authority's, fits its key and lasts a day more.
is_good() {
    [ -s "$folder/server.key" ] && [ -s "$folder/server.crt" ] &&
        openssl verify -CAfile "$folder/ca.crt" "$folder/server.crt" &&
        openssl x509 -noout -checkend 86400 -in "$folder/server.crt" &&
        [ "$(openssl x509 -noout -pubkey -in "$folder/server.crt")" = \
            "$(openssl pkey -pubout -in "$folder/server.key")" ]
} > /dev/null 2>&1

# pem ANSWER FILE: write the certificate that an answer holds, checked.
pem() {
    json_string pem < "$1" > "$2.new" || fail "Magnum's answer holds no certificate"
    openssl x509 -noout -in "$2.new" || fail "what Magnum answered is no certificate"
    mv "$2.new" "$2"
}

mkdir -p "$folder"
work=$(mktemp -d /run/magnum/certificates.XXXXXX)
trap 'rm -rf "$work"' EXIT

HTTP_TOKEN=$(login "$AUTH_URL" "$NODE_USER_ID" "$NODE_PASSWORD" '"unscoped"')
http GET "$MAGNUM_URL/certificates/$CLUSTER_UUID" '' "$work/answer"
pem "$work/answer" "$folder/ca.crt"
if is_good; then
    exit 0
fi

addresses="IP:$NODE_IP,IP:127.0.0.1"
[ -z "$NODE_PUBLIC_IP" ] || addresses="$addresses,IP:$NODE_PUBLIC_IP"
# A file, because old versions of openssl take extensions in no other way.
cat > "$work/request.conf" << CONF
[req]
prompt = no
distinguished_name = subject
req_extensions = extensions
attributes = proof
[subject]
CN = $CERTIFICATE_NAME
[proof]
challengePassword = $NODE_PORT_ID
[extensions]
subjectAltName = $addresses
keyUsage = critical, digitalSignature
extendedKeyUsage = $CERTIFICATE_USAGES
CONF
openssl ecparam -name prime256v1 -genkey -noout -out "$folder/server.key"
openssl req -new -sha256 -config "$work/request.conf" -key "$folder/server.key" -out "$work/csr"

printf '{"bay_uuid": "%s", "csr": %s}' "$CLUSTER_UUID" "$(json_text < "$work/csr")" > "$work/body"
http POST "$MAGNUM_URL/certificates" "$work/body" "$work/answer"
pem "$work/answer" "$folder/server.crt"
is_good || fail "the certificate Magnum signed does not fit this node"
