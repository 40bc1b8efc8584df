/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "oci-manifest.h"

void oci_manifest_done(OciManifest *manifest) {
        oci_descriptor_done(&manifest->config);
        for (size_t i = 0; i < manifest->n_layers; i++)
                oci_descriptor_done(&manifest->layers[i]);
        free(manifest->layers);
        *manifest = (OciManifest){ 0 };
}
