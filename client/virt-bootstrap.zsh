#compdef virt-bootstrap
# SPDX-License-Identifier: LGPL-2.1-or-later
# zsh completion for virt-bootstrap(1)

# The options on the command line that select the daemon.
_virt-bootstrap_where() {
    local option

    where=()
    for option in system user embedded; do
        (( $+opt_args[--$option] )) && where+=(--$option)
    done
    for option in address host; do
        (( $+opt_args[--$option] )) && where+=(--$option=${opt_args[--$option]//\\:/:})
    done
    (( $+opt_args[-H] )) && where+=(--host=$opt_args[-H])
}

_virt-bootstrap_jobs() {
    local -a where jobs

    _virt-bootstrap_where
    jobs=(${${(f)"$(virt-bootstrap --no-legend $where list 2>/dev/null)"}%% *})
    _wanted jobs expl job compadd -a - jobs
}

_virt-bootstrap_cached() {
    local -a where names columns
    local line

    _virt-bootstrap_where
    for line in ${(f)"$(virt-bootstrap --no-legend $where cache list 2>/dev/null)"}; do
        columns=(${=line})
        # The digest, if the name is not shown whole.
        case ${columns[1]} in
            '('*) ;;
            *…) names+=(${columns[2]}) ;;
            *) names+=(${columns[1]}) ;;
        esac
    done
    _wanted names expl 'image in the cache' compadd -a - names
}

_virt-bootstrap_secret() {
    if compset -P file:; then
        _files
    else
        _wanted selectors expl 'file with the password' compadd -S '' - file:
    fi
}

_virt-bootstrap_source() {
    if compset -P '(oci|dir):'; then
        _directories
    elif compset -P '(oci|docker)-archive:' || compset -P 'file://'; then
        _files
    elif [[ -prefix *: ]]; then
        _message 'name of an image'
    else
        _wanted schemes expl source compadd -S '' - \
            docker:// file:/// oci: oci-archive: docker-archive: dir: virt-builder://
        _files
    fi
}

_virt-bootstrap_command() {
    local -a commands=(
        'list:list the jobs'
        'show:show a job'
        'attach:follow a job to its end'
        'watch:follow a job to its end'
        'cancel:cancel jobs'
        'inspect:show what would be fetched'
        "list-tags:list the tags of a registry's repository"
        'verify:tell whether the signature policy, or a key, accepts an image'
        'cache:list, verify or remove what is in the cache'
        'monitor:print the events of all jobs'
    )

    _describe -t commands command commands
    _virt-bootstrap_source
}

_virt-bootstrap_cache() {
    local -a commands=(
        'list:list the images in the cache'
        'blobs:list the blobs in the cache'
        'verify:hash all blobs again, remove damaged ones'
        'remove:remove from the cache'
        'prune:remove what was used least recently'
    )

    _describe -t commands 'command of the cache' commands
}

# @words: the command, and what follows it.
_virt-bootstrap_argument() {
    case ${words[1]} in
        show | attach | watch)
            (( CURRENT == 2 )) && _virt-bootstrap_jobs
            ;;
        cancel)
            _virt-bootstrap_jobs
            ;;
        inspect | verify)
            (( CURRENT == 2 )) && _virt-bootstrap_source
            ;;
        list-tags)
            (( CURRENT == 2 )) && _wanted schemes expl repository compadd -S '' - docker://
            ;;
        cache)
            if (( CURRENT == 2 )); then
                _virt-bootstrap_cache
            elif [[ ${words[2]} == remove ]]; then
                _virt-bootstrap_cached
            fi
            ;;
        list | monitor) ;;
        *)
            (( CURRENT == 2 )) && _directories
            ;;
    esac
}

local curcontext=$curcontext context state line expl ret=1
local -A opt_args
local daemon='(-H --host --system --user --embedded --address)'

_arguments -C -S -s \
    '(-f --format)'{-f+,--format=}'[what to make]:format:(dir qcow2 raw)' \
    '--flatten[make one disk image of all layers]' \
    '--size=[virtual size of a disk image]:size:(5G 10G 20G)' \
    '--share-layers[let disk images share the layers that they have in common]' \
    '(--replace --in-place)--overwrite[merge the image into a directory that is not empty]' \
    '(--overwrite --in-place)--replace[exchange a directory for the new tree]' \
    '--keep-old=[with --replace, keep the old tree under this name]:name:' \
    '(--overwrite --replace)--in-place[fill an empty directory without replacing it]' \
    '--no-sync[sync nothing]' \
    '--keep-devices[keep owners and modes of device nodes]' \
    "--root-password=[root's password]:password:_virt-bootstrap_secret" \
    '*--uidmap=[map owners]:START\:TARGET\:COUNT:' \
    '*--gidmap=[map groups]:START\:TARGET\:COUNT:' \
    '*--idmap=[map owners and groups]:START\:TARGET\:COUNT:' \
    '--platform=[which image of an index]:platform:(linux/amd64 linux/arm64 linux/arm/v7 linux/ppc64le linux/riscv64 linux/s390x)' \
    '--digest=[fail unless the image is exactly this one]:digest:' \
    '--require-signed[fail unless the signature policy demands a signature]' \
    '(--no-cache)--offline[use only what is in the cache]' \
    '(--offline)--no-cache[keep nothing in the cache]' \
    '(-u --username)'{-u+,--username=}'[user name for the registry]:name:' \
    '(-p --password)'{-p+,--password=}'[password for the registry]:password:_virt-bootstrap_secret' \
    '--no-ask-password[never ask for a password or authorisation]' \
    '--not-secure[allow plain HTTP and unverified certificates]' \
    '--detach[print the job and return at once]' \
    '(--status-only)--json[print one JSON object per line]' \
    '(--json)--status-only[print only the status and the percentage]' \
    '(-q --quiet)'{-q,--quiet}'[print only warnings and errors]' \
    '(-d --debug)'{-d,--debug}'[also print debugging messages]' \
    '--no-legend[print listings without titles and totals]' \
    '--no-pager[use no pager]' \
    "$daemon--system[use the system bus]" \
    "$daemon--user[use the session bus]" \
    "$daemon--embedded[start a daemon that ends with this program]" \
    "$daemon--address=[use a D-Bus address]:address:" \
    "$daemon"{-H+,--host=}'[use the system bus of another host]:host:_hosts' \
    '--all[list: also jobs that the journal remembers]' \
    '--raw[inspect: print the exact bytes]' \
    '--config[inspect: print the configuration]' \
    '--no-tags[inspect: without the tags of the repository]' \
    '--key=[verify: the public key]:key:_files' \
    '--keep=[cache prune: how much may be left]:size:(5G 10G 20G)' \
    '--older-than=[cache prune: only what was not used for this long]:span:(7d 30d 90d)' \
    '--dry-run[cache prune: remove nothing, tell what would be]' \
    '--force[cache prune: also what chains of disk images need]' \
    '(- *)'{-h,--help}'[print a summary]' \
    '(- *)--version[print the version]' \
    '1: :_virt-bootstrap_command' \
    '*:: :_virt-bootstrap_argument' && ret=0

return ret
