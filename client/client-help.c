/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "base-macro.h"
#include "client-help.h"
#include "client-intl.h"
#include "client-layout.h"
#include "client-pager.h"

/* One text per group, which client-layout.h lays out: translators need not care for the lines' lengths. */
static const char *const groups[] = {
        N_("virt-bootstrap [OPTION…] URI DEST\n"
           "virt-bootstrap [OPTION…] COMMAND …\n"
           "\n"
           "Set up a root file system for a container or a virtual machine in the directory DEST, "
           "or in the disk image DEST.qcow2 or DEST.raw, from the image that URI refers to.\n"),
        N_("Commands:\n"
           "  list [--all]                List the jobs; with --all also those that the journal remembers\n"
           "  show JOB                    Show a job\n"
           "  attach JOB, watch JOB       Follow a job to its end; Ctrl-C lets it go on\n"
           "  cancel JOB…                 Cancel jobs\n"
           "  inspect [--raw] [--config] [--no-tags] URI\n"
           "                              Show what would be fetched; with --json, --raw or --config\n"
           "                              like \"skopeo inspect\"\n"
           "  list-tags docker://NAME     List the tags of a registry's repository\n"
           "  verify URI [--key FILE]     Tell whether the signature policy, or a key, accepts an image\n"
           "  cache [list]                List the images in the cache\n"
           "  cache blobs                 List the blobs and shared disk images in the cache\n"
           "  cache verify                Hash all blobs in the cache again, remove damaged ones\n"
           "  cache remove NAME|DIGEST…   Remove images or blobs from the cache\n"
           "  cache prune [--keep SIZE] [--older-than SPAN] [--dry-run] [--force]\n"
           "                              Remove what was used least recently; with --force\n"
           "                              also what chains of disk images need\n"
           "  monitor                     Print the events of all jobs\n"),
        N_("Sources:\n"
           "  docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]   A registry\n"
           "  file:///PATH, PATH                           A tarball of a root file system\n"
           "  oci:PATH[:REF|:@N]                           An OCI image layout\n"
           "  oci-archive:PATH[:REF|:@N]                   A tar archive of one\n"
           "  docker-archive:PATH[:REF|:@N]                An archive written by \"docker save\"\n"
           "  dir:PATH                                     A directory written by \"skopeo copy\"\n"
           "  virt-builder://TEMPLATE                      A virt-builder template\n"
           "The PATH of an archive may be - for standard input.\n"),
        N_("Output:\n"
           "  -f, --format FORMAT         dir (default), qcow2 (a chain of disk images), or raw (one); "
           "a DEST that ends in .qcow2, .raw or .img is one disk image\n"
           "      --flatten               Make one qcow2 disk image instead of a chain\n"
           "      --size SIZE             Virtual size of a disk image, default 5G\n"
           "      --share-layers          Let disk images share the layers that they have in common\n"
           "      --overwrite             Merge the image into a directory that is not empty\n"
           "      --replace               Exchange it for the new tree, and remove the old one\n"
           "      --keep-old NAME         With --replace, keep the old one under this name\n"
           "      --in-place              Fill an empty directory without replacing it\n"
           "      --no-sync               Sync nothing: a power failure may damage the result\n"
           "      --keep-devices          Keep owners and modes of device nodes in a directory\n"
           "      --root-password SELECTOR\n"
           "                              Set root's password to the first line of file:PATH\n"
           "      --uidmap START:TARGET:COUNT\n"
           "      --gidmap START:TARGET:COUNT\n"
           "      --idmap START:TARGET:COUNT\n"
           "                              Map owners, groups, or both; may be repeated\n"),
        N_("Image:\n"
           "      --platform OS/ARCH[/VARIANT]\n"
           "                              Which image of an index, default this machine's\n"
           "      --digest DIGEST         Fail unless the image is exactly this one\n"
           "      --require-signed        Fail unless the signature policy demands a signature\n"
           "      --offline               Use only what is in the cache\n"
           "      --no-cache              Keep nothing in the cache\n"
           "  -u, --username NAME         User name for the registry\n"
           "  -p, --password SELECTOR     Password for the registry: file:PATH; default: ask for it\n"
           "      --no-ask-password       Never ask for a password or authorisation\n"
           "      --not-secure            Allow plain HTTP and unverified certificates\n"),
        N_("Display:\n"
           "      --detach                Print the job and return at once\n"
           "      --json                  Print one JSON object per line to standard output\n"
           "      --status-only           Print only \"Status: …, Progress: NN.NN%\" to standard output\n"
           "  -q, --quiet                 Print only warnings and errors\n"
           "  -d, --debug                 Also print debugging messages\n"
           "      --no-legend             Print listings without titles and totals\n"
           "      --no-pager              Do not show long output in a pager\n"),
        N_("Connection to the daemon (default: the system bus for root, the session bus for others; "
           "without a daemon there, an embedded one):\n"
           "      --system                Use the system bus\n"
           "      --user                  Use the session bus\n"
           "      --embedded              Start a daemon that ends with this program\n"
           "      --address ADDRESS       Use a D-Bus address\n"
           "  -H, --host HOST             Use the system bus of another host, by ssh\n"),
        N_("  -h, --help                  This text\n"
           "      --version               The version\n"
           "\n"
           "Exit status: 0 done, 1 failed, 2 wrong usage, 130 cancelled.\n"
           "See virt-bootstrap(1).\n"),
};

void client_help_print(const ClientOptions *options) {
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;

        client_pager_open(options, &pager);
        for (size_t i = 0; i < N_ELEMENTS(groups); i++) {
                (void) fputs(i > 0 ? "\n" : "", stdout);
                client_layout_print(_(groups[i]), stdout);
        }
}
