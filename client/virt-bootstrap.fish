# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for virt-bootstrap(1)

# Prints the words before the cursor that are neither options nor their values.
function __virt_bootstrap_arguments
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case -f -u -p -H --format --username --password --root-password --uidmap --gidmap --idmap --platform \
                --size --digest --keep --keep-old --older-than --key --address --host
                set skip 1
            case '-*'
            case '*'
                printf '%s\n' $word
        end
    end
end

# Prints the options before the cursor that select the daemon.
function __virt_bootstrap_where
    set -l take 0
    for word in (commandline -opc)[2..]
        if test $take = 1
            set take 0
            printf '%s\n' $word
            continue
        end
        switch $word
            case --system --user --embedded '--address=*' '--host=*'
                printf '%s\n' $word
            case --address --host -H
                set take 1
                printf '%s\n' $word
        end
    end
end

# Whether the words are exactly $argv; an empty one means none.
function __virt_bootstrap_at
    set -l words (__virt_bootstrap_arguments)
    test "$words" = "$argv"
end

# Whether the words begin with $argv.
function __virt_bootstrap_after
    set -l words (__virt_bootstrap_arguments)
    string match -q -- "$argv*" "$words"
end

# Whether there is one word, a source: what comes is the destination.
function __virt_bootstrap_at_destination
    set -l words (__virt_bootstrap_arguments)
    test (count $words) = 1
    and not contains -- $words[1] list show attach watch cancel inspect list-tags verify cache monitor
end

function __virt_bootstrap_jobs
    virt-bootstrap --no-legend (__virt_bootstrap_where) list 2>/dev/null | string replace -r ' .*' ''
end

function __virt_bootstrap_cached
    for line in (virt-bootstrap --no-legend (__virt_bootstrap_where) cache list 2>/dev/null)
        set -l columns (string split -n ' ' -- $line)
        # The digest, if the name is not shown whole.
        switch $columns[1]
            case '(*'
            case '*…'
                printf '%s\n' $columns[2]
            case '*'
                printf '%s\n' $columns[1]
        end
    end
end

# The word at the cursor without its quotes, of which the last may still be open.
function __virt_bootstrap_token
    set -l token (commandline -ct)
    string unescape -- "$token"
    or string unescape -- "$token'"
    or string unescape -- "$token\""
end

# The paths that follow a prefix such as oci:, with it.
function __virt_bootstrap_paths
    set -l token (__virt_bootstrap_token)
    for prefix in $argv
        if string match -q -- "*$prefix*" $token
            set -l before (string replace -r -- "(.*$prefix).*" '$1' $token)
            set -l path (string replace -- $before '' $token)
            set -l shown (string replace -r -- '^--[a-z-]*=' '' $before)
            for found in (__fish_complete_path $path)
                printf '%s\n' $shown$found
            end
        end
    end
end

function __virt_bootstrap_sources
    printf '%s\t%s\n' docker:// 'a registry' file:/// 'a tarball' oci: 'an OCI image layout' \
        oci-archive: 'a tar archive of one' docker-archive: 'an archive of docker save' \
        dir: 'a directory of skopeo copy' virt-builder:// 'a template'
    __virt_bootstrap_paths oci: oci-archive: docker-archive: dir: file://
    __fish_complete_path (__virt_bootstrap_token)
end

function __virt_bootstrap_secrets
    printf '%s\t%s\n' file: 'the first line of a file'
    __virt_bootstrap_paths file:
end

complete -c virt-bootstrap -f

complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a list -d 'List the jobs'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a show -d 'Show a job'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a attach -d 'Follow a job to its end'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a watch -d 'Follow a job to its end'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a cancel -d 'Cancel jobs'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a inspect -d 'Show what would be fetched'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a list-tags -d 'List the tags of a repository'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a verify -d 'Tell whether an image is accepted'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a cache -d 'List or remove what is in the cache'
complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a monitor -d 'Print the events of all jobs'

complete -c virt-bootstrap -n '__virt_bootstrap_at ""' -a '(__virt_bootstrap_sources)'
complete -c virt-bootstrap -n '__virt_bootstrap_at inspect' -a '(__virt_bootstrap_sources)'
complete -c virt-bootstrap -n '__virt_bootstrap_at verify' -a '(__virt_bootstrap_sources)'
complete -c virt-bootstrap -n '__virt_bootstrap_at list-tags' -a docker:// -d 'A registry'
complete -c virt-bootstrap -n __virt_bootstrap_at_destination -a '(__fish_complete_directories)'

complete -c virt-bootstrap -n '__virt_bootstrap_at show' -a '(__virt_bootstrap_jobs)' -d Job
complete -c virt-bootstrap -n '__virt_bootstrap_at attach' -a '(__virt_bootstrap_jobs)' -d Job
complete -c virt-bootstrap -n '__virt_bootstrap_at watch' -a '(__virt_bootstrap_jobs)' -d Job
complete -c virt-bootstrap -n '__virt_bootstrap_after cancel' -a '(__virt_bootstrap_jobs)' -d Job

complete -c virt-bootstrap -n '__virt_bootstrap_at cache' -a list -d 'List the images in the cache'
complete -c virt-bootstrap -n '__virt_bootstrap_at cache' -a blobs -d 'List the blobs in the cache'
complete -c virt-bootstrap -n '__virt_bootstrap_at cache' -a verify -d 'Hash all blobs again'
complete -c virt-bootstrap -n '__virt_bootstrap_at cache' -a remove -d 'Remove from the cache'
complete -c virt-bootstrap -n '__virt_bootstrap_at cache' -a prune -d 'Remove what was used least recently'
complete -c virt-bootstrap -n '__virt_bootstrap_after cache remove' -a '(__virt_bootstrap_cached)' -d 'In the cache'

complete -c virt-bootstrap -s f -l format -x -a 'dir qcow2 raw' -d 'What to make'
complete -c virt-bootstrap -l flatten -d 'Make one disk image of all layers'
complete -c virt-bootstrap -l size -x -a '5G 10G 20G' -d 'Virtual size of a disk image'
complete -c virt-bootstrap -l share-layers -d 'Let disk images share their common layers'
complete -c virt-bootstrap -l overwrite -d 'Merge the image into a directory'
complete -c virt-bootstrap -l replace -d 'Exchange a directory for the new tree'
complete -c virt-bootstrap -l keep-old -x -d 'With --replace, keep the old tree under this name'
complete -c virt-bootstrap -l in-place -d 'Fill an empty directory without replacing it'
complete -c virt-bootstrap -l no-sync -d 'Sync nothing'
complete -c virt-bootstrap -l keep-devices -d 'Keep owners and modes of device nodes'
complete -c virt-bootstrap -l root-password -x -a '(__virt_bootstrap_secrets)' -d 'Root\'s password'
complete -c virt-bootstrap -l uidmap -x -d 'Map owners, START:TARGET:COUNT'
complete -c virt-bootstrap -l gidmap -x -d 'Map groups, START:TARGET:COUNT'
complete -c virt-bootstrap -l idmap -x -d 'Map owners and groups, START:TARGET:COUNT'
complete -c virt-bootstrap -l platform -x -d 'Which image of an index' \
    -a 'linux/amd64 linux/arm64 linux/arm/v7 linux/ppc64le linux/riscv64 linux/s390x'
complete -c virt-bootstrap -l digest -x -d 'Fail unless the image is exactly this one'
complete -c virt-bootstrap -l require-signed -d 'Fail unless the policy demands a signature'
complete -c virt-bootstrap -l offline -d 'Use only what is in the cache'
complete -c virt-bootstrap -l no-cache -d 'Keep nothing in the cache'
complete -c virt-bootstrap -s u -l username -x -d 'User name for the registry'
complete -c virt-bootstrap -s p -l password -x -a '(__virt_bootstrap_secrets)' -d 'Password for the registry'
complete -c virt-bootstrap -l no-ask-password -d 'Never ask for a password or authorisation'
complete -c virt-bootstrap -l not-secure -d 'Allow plain HTTP and unverified certificates'
complete -c virt-bootstrap -l detach -d 'Print the job and return at once'
complete -c virt-bootstrap -l json -d 'Print one JSON object per line'
complete -c virt-bootstrap -l status-only -d 'Print only the status and the percentage'
complete -c virt-bootstrap -s q -l quiet -d 'Print only warnings and errors'
complete -c virt-bootstrap -s d -l debug -d 'Also print debugging messages'
complete -c virt-bootstrap -l no-legend -d 'Print listings without titles and totals'
complete -c virt-bootstrap -l no-pager -d 'Use no pager'
complete -c virt-bootstrap -l system -d 'Use the system bus'
complete -c virt-bootstrap -l user -d 'Use the session bus'
complete -c virt-bootstrap -l embedded -d 'Start a daemon that ends with this program'
complete -c virt-bootstrap -l address -x -d 'Use a D-Bus address'
complete -c virt-bootstrap -s H -l host -x -a '(__fish_print_hostnames)' -d 'Use the system bus of another host'
complete -c virt-bootstrap -l all -d 'list: also jobs that the journal remembers'
complete -c virt-bootstrap -l raw -d 'inspect: print the exact bytes'
complete -c virt-bootstrap -l config -d 'inspect: print the configuration'
complete -c virt-bootstrap -l no-tags -d 'inspect: without the tags of the repository'
complete -c virt-bootstrap -l key -r -F -d 'verify: the public key'
complete -c virt-bootstrap -l keep -x -a '5G 10G 20G' -d 'cache prune: how much may be left'
complete -c virt-bootstrap -l older-than -x -a '7d 30d 90d' -d 'cache prune: only what was not used for this long'
complete -c virt-bootstrap -l dry-run -d 'cache prune: remove nothing, tell what would be'
complete -c virt-bootstrap -l force -d 'cache prune: also what chains of disk images need'
complete -c virt-bootstrap -s h -l help -d 'Print a summary'
complete -c virt-bootstrap -l version -d 'Print the version'
