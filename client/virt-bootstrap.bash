# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for virt-bootstrap(1)

_virt_bootstrap_jobs() {
    virt-bootstrap --no-legend "$@" list 2>/dev/null | while read -r job _; do
        printf '%s\n' "$job"
    done
}

# The images in the cache by name, or by digest if the name is not shown whole.
_virt_bootstrap_images() {
    virt-bootstrap --no-legend "$@" cache list 2>/dev/null | while read -r name digest _; do
        case $name in
            '('*) ;;
            *…) printf '%s\n' "$digest" ;;
            *) printf '%s\n' "$name" ;;
        esac
    done
}

# Offers those of the lines in $1 that begin with $cur, quoted: a daemon of another user or host may have named them.
# compgen -W would expand them, and so run what is in $().
_virt_bootstrap_offer() {
    local word

    while IFS= read -r word; do
        [[ $word ]] || continue
        printf -v word %q "$word"
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done <<<"$1"
    __ltrim_colon_completions "$cur"
}

# Sets arguments to the words that are not options, and where to the options that select the daemon.
_virt_bootstrap_split() {
    local i word

    for ((i = 1; i < cword; i++)); do
        word=${words[i]}
        case $word in
            --system | --user | --embedded | --address=* | --host=*)
                where+=("$word")
                ;;
            -H | --address | --host)
                where+=("$word" "${words[++i]}")
                ;;
            -f | -u | -p | --format | --username | --password | --root-password | --uidmap | --gidmap | --idmap | \
                --platform | --size | --digest | --keep | --keep-old | --older-than | --key)
                ((i++))
                ;;
            -*) ;;
            *)
                arguments+=("$word")
                ;;
        esac
    done
}

# Completes $2, the value of the option $1; fails if that has none.
_virt_bootstrap_value() {
    local value=$2

    case $1 in
        -f | --format)
            mapfile -t COMPREPLY < <(compgen -W 'dir qcow2 raw' -- "$value")
            ;;
        -p | --password | --root-password)
            if [[ $value == file:* ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "${value#file:}")
                COMPREPLY=("${COMPREPLY[@]/#/file:}")
                compopt -o filenames
                __ltrim_colon_completions "$value"
            else
                mapfile -t COMPREPLY < <(compgen -W 'file:' -- "$value")
                compopt -o nospace
            fi
            ;;
        --key)
            mapfile -t COMPREPLY < <(compgen -f -- "$value")
            compopt -o filenames
            ;;
        --size | --keep)
            mapfile -t COMPREPLY < <(compgen -W '5G 10G 20G' -- "$value")
            ;;
        --older-than)
            mapfile -t COMPREPLY < <(compgen -W '7d 30d 90d' -- "$value")
            ;;
        --platform)
            mapfile -t COMPREPLY < <(
                compgen -W 'linux/amd64 linux/arm64 linux/arm/v7 linux/ppc64le linux/riscv64 linux/s390x' -- "$value"
            )
            ;;
        -H | --host)
            mapfile -t COMPREPLY < <(compgen -A hostname -- "$value")
            ;;
        --address)
            mapfile -t COMPREPLY < <(compgen -W 'unix:path=' -- "$value")
            compopt -o nospace
            __ltrim_colon_completions "$value"
            ;;
        -u | --username | --uidmap | --gidmap | --idmap | --digest | --keep-old) ;;
        *)
            return 1
            ;;
    esac
}

# Completes a source: a scheme, or the path after a scheme that has one. The words in $@ are offered as well.
_virt_bootstrap_source() {
    local scheme='' action=-f

    case $cur in
        oci:* | dir:*)
            scheme=${cur%%:*}:
            action=-d
            ;;
        oci-archive:* | docker-archive:*)
            scheme=${cur%%:*}:
            ;;
        file:///*)
            scheme=file://
            ;;
        *)
            mapfile -t COMPREPLY < <(
                compgen -W "$* docker:// file:/// oci: oci-archive: docker-archive: dir: virt-builder://" -- "$cur"
            )
            compopt -o default
            case ${COMPREPLY[*]} in
                *[:/]) compopt -o nospace ;;
            esac
            __ltrim_colon_completions "$cur"
            return
            ;;
    esac

    mapfile -t COMPREPLY < <(compgen "$action" -- "${cur#"$scheme"}")
    COMPREPLY=("${COMPREPLY[@]/#/$scheme}")
    compopt -o filenames
    __ltrim_colon_completions "$cur"
}

_virt_bootstrap_argument() {
    case "${arguments[*]}" in
        '')
            _virt_bootstrap_source list show attach watch cancel inspect list-tags verify cache monitor
            ;;
        cache)
            mapfile -t COMPREPLY < <(compgen -W 'list blobs verify remove prune' -- "$cur")
            ;;
        show | attach | watch | cancel | cancel\ *)
            _virt_bootstrap_offer "$(_virt_bootstrap_jobs "${where[@]}")"
            ;;
        cache\ remove*)
            _virt_bootstrap_offer "$(_virt_bootstrap_images "${where[@]}")"
            ;;
        list | show\ * | attach\ * | watch\ * | list-tags\ * | inspect\ * | verify\ * | monitor | cache\ *) ;;
        inspect | verify)
            _virt_bootstrap_source
            ;;
        list-tags)
            mapfile -t COMPREPLY < <(compgen -W 'docker://' -- "$cur")
            compopt -o nospace
            __ltrim_colon_completions "$cur"
            ;;
        *)
            mapfile -t COMPREPLY < <(compgen -d -- "$cur"; compgen -f -X '!*.@(qcow2|raw|img)' -- "$cur")
            compopt -o filenames
            ;;
    esac
}

_virt_bootstrap() {
    local cur prev words cword
    local -a arguments=() where=()

    _get_comp_words_by_ref -n := cur prev words cword
    # What follows an "=" is a word of its own to readline.
    if [[ $cur == --*=* ]]; then
        _virt_bootstrap_value "${cur%%=*}" "${cur#*=}"
        return
    fi
    _virt_bootstrap_value "$prev" "$cur" && return

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(
            compgen -W '
                --format --flatten --size --share-layers --overwrite --replace --keep-old --in-place --no-sync --keep-devices
                --root-password --uidmap --gidmap --idmap
                --platform --digest --require-signed --offline --no-cache --username --password --no-ask-password
                --not-secure
                --detach --json --status-only --quiet --debug --no-legend --no-pager
                --system --user --embedded --address --host
                --all --raw --config --no-tags --key --keep --older-than --dry-run --force
                --help --version' -- "$cur"
        )
        return
    fi

    _virt_bootstrap_split
    _virt_bootstrap_argument
}

complete -F _virt_bootstrap virt-bootstrap
