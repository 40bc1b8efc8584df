# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the benchmarks share; to be sourced. Sets $build, $work and $runs from the options
#
#     [-n RUNS] [-b BUILD_DIRECTORY] [-w WORK_DIRECTORY]
#
# WORK_DIRECTORY is by default a new one in /dev/shm that is removed at the end; a given one keeps the
# image for next time. It should be in a tmpfs, where a removal costs the next run nothing.
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$bench/../.." && pwd)
# shellcheck source=tests/demo/image.sh
. "$bench/../demo/image.sh"
# shellcheck source=tests/demo/registry.sh
. "$bench/../demo/registry.sh"

# Fixed lists, so that the image is the same for everyone on the same Debian. They are used by name.
# shellcheck disable=SC2034
{
    bench_base=(base-files bash coreutils libc6 libc-bin perl-base dpkg tar gzip findutils grep sed)
    bench_languages=(perl perl-modules-5.36 libperl5.36 python3.11-minimal libpython3.11-minimal
        libpython3.11-stdlib python3-django python3-sympy python3-numpy python3-pygments)
    bench_compilers=(gcc-12 cpp-12 g++-12 libstdc++-12-dev libgcc-12-dev libc6-dev linux-libc-dev
        libllvm14)
    bench_rest=(vim-runtime libboost1.74-dev openjdk-17-jre-headless)
}

bench_clean_up() {
    registry_stop
    rm -rf "$work/runs" "$work/registry"
    if [ -z "$keep" ]; then
        rm -rf "$work"
    fi
}

# Takes the script's own arguments, builds, and has everything removed when the script ends.
bench_start() {
    runs=3 build=$root/build-bench work= options=(--buildtype=release -Dtests=false)
    while getopts n:b:w: option; do
        case $option in
        n) runs=$OPTARG ;;
        b) build=$(realpath "$OPTARG") options=() ;;
        w) work=$OPTARG ;;
        *) exit 2 ;;
        esac
    done
    keep=$work
    if [ -z "$work" ]; then
        work=$(mktemp -d /dev/shm/virt-bootstrap-bench.XXXXXX)
    fi
    mkdir -p "$work"
    work=$(realpath "$work")
    registry_pid=
    trap bench_clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    "$bench/../install-packages" build demo bench
    "$bench/../build" "$build" "${options[@]}" >/dev/null
    export VIRTBOOTSTRAP_DAEMON=$build/daemon/service/virt-bootstrapd
    export VIRTBOOTSTRAP_WORKERS=$build/daemon/worker/steps
}

# The layout NAME in $work: a layer of the packages of each of the lists whose names follow.
bench_make_image() {
    local image=$1 list number=0 trees=()
    shift

    if [ ! -e "$work/$image/index.json" ]; then
        echo "Making the image"
        for list in "$@"; do
            local -n packages=$list
            number=$((number + 1))
            image_unpack_packages "$work/tree-$number" "$work/packages" "${packages[@]}"
            trees+=("$work/tree-$number")
        done
        find "${trees[@]}" | wc -l >"$work/$image.files"
        du -sm --total "${trees[@]}" | tail -n 1 | cut -f 1 >"$work/$image.size"
        image_make "$work/$image.new" "${trees[@]}"
        mv "$work/$image.new" "$work/$image"
        rm -rf "${trees[@]}" "$work/packages"
    fi
    printf '%s layers, %s files, %s MB, %s MB compressed, %s runs\n' "$#" \
        "$(cat "$work/$image.files")" "$(cat "$work/$image.size")" \
        "$(du -sm "$work/$image" | cut -f 1)" "$runs"
}

# Pushes it to a registry of our own; sets $reference.
bench_offer_image() {
    registry_start "$work/registry"
    registry_push "$work/$1" bench/image:latest
    # shellcheck disable=SC2034 # the scripts' own
    reference=$registry_host/bench/image:latest
}

# One run of the function run_NAME, which gets a directory that is removed afterwards.
bench_measure() {
    local directory=$work/runs/$1-$2 from to
    mkdir -p "$directory"
    from=$EPOCHREALTIME
    "run_$1" "$directory"
    to=$EPOCHREALTIME
    echo $(((${to/./} - ${from/./}) / 1000)) >>"$work/runs/$1.times"
    rm -rf "$directory"
}

bench_median() {
    sort -n "$work/runs/$1.times" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'
}

# Runs all functions in turn, and compares their medians with that of the first one.
bench_compare() {
    local i what first median
    for ((i = 0; i < runs; i++)); do
        for what in "$@"; do
            bench_measure "$what" "$i"
        done
    done

    first=$(bench_median "$1")
    for what in "$@"; do
        median=$(bench_median "$what")
        printf '%-16s median %6d ms, %d.%02d times %s; runs: %s\n' "${what//_/ }" "$median" \
            $((median / first)) $((median * 100 / first % 100)) "${1//_/ }" \
            "$(tr '\n' ' ' <"$work/runs/$what.times")"
    done
}
