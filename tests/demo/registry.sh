# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A registry on loopback. To be sourced; sets registry_host and registry_pid.

# Starts docker-registry on a free port, with its data below a directory: registry_start DIR
registry_start() {
    local directory=$1 tries
    mkdir -p "$directory"
    printf '%s\n' 'version: "0.1"' 'log: {level: info, accesslog: {disabled: true}}' \
        "storage: {filesystem: {rootdirectory: '$directory/data'}}" \
        'http: {addr: "127.0.0.1:0"}' >"$directory/config.yml"
    docker-registry serve "$directory/config.yml" >"$directory/log" 2>&1 &
    registry_pid=$!
    for ((tries = 0; tries < 500; tries++)); do
        registry_host=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$directory/log")
        if [ -n "$registry_host" ]; then
            return
        fi
        if ! kill -0 "$registry_pid" 2>/dev/null; then
            break
        fi
        sleep 0.02
    done
    cat "$directory/log" >&2
    return 1
}

registry_stop() {
    if [ -n "${registry_pid:-}" ]; then
        kill "$registry_pid" 2>/dev/null || true
        wait "$registry_pid" 2>/dev/null || true
        registry_pid=
    fi
}

# Pushes an OCI layout: registry_push LAYOUT NAME
registry_push() {
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$1:latest" \
        "docker://$registry_host/$2"
}
