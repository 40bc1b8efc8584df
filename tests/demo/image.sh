# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Makes container images from Debian packages, without any tool but Debian's base. To be sourced.

# Unpacks packages of this machine's Debian into a directory: image_unpack_packages DIR CACHE NAME...
image_unpack_packages() {
    local directory=$1 cache=$2 file
    shift 2
    mkdir -p "$directory" "$cache"
    if ! (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "$@"); then
        apt-get -qq -o DPkg::Lock::Timeout=300 update
        (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "$@")
    fi
    for name; do
        for file in "$cache/${name%%:*}"_*.deb; do
            dpkg-deb --fsys-tarfile "$file" | tar -x -p --numeric-owner -C "$directory"
        done
    done
}

# Puts a file into a layout's blobs; prints digest and size: image_add_blob LAYOUT FILE
image_add_blob() {
    local digest size
    digest=$(sha256sum "$2")
    digest=${digest%% *}
    size=$(stat -c %s "$2")
    mv "$2" "$1/blobs/sha256/$digest"
    printf '%s %s\n' "sha256:$digest" "$size"
}

# Writes an OCI layout with one gzip layer for each directory: image_make LAYOUT DIRECTORY...
image_make() {
    local layout=$1 directory digest size diff_id layers='' diff_ids=''
    shift
    mkdir -p "$layout/blobs/sha256"
    for directory; do
        tar -c --sort=name --numeric-owner --xattrs -C "$directory" . >"$layout/layer"
        diff_id=$(sha256sum "$layout/layer")
        gzip -n -6 "$layout/layer"
        read -r digest size < <(image_add_blob "$layout" "$layout/layer.gz")
        layers+=${layers:+,}
        layers+="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"$digest\",\"size\":$size}"
        diff_ids+="${diff_ids:+,}\"sha256:${diff_id%% *}\""
    done
    printf '{"architecture":"%s","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' \
        "$(dpkg --print-architecture)" "$diff_ids" >"$layout/config"
    read -r digest size < <(image_add_blob "$layout" "$layout/config")
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%s},"layers":[%s]}' \
        application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json \
        "$digest" "$size" "$layers" >"$layout/manifest"
    read -r digest size < <(image_add_blob "$layout" "$layout/manifest")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}' \
        application/vnd.oci.image.manifest.v1+json "$digest" "$size" >"$layout/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
}
