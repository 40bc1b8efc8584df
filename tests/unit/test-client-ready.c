/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>

#include "base-cleanup.h"
#include "client-ready.h"
#include "client-span.h"

#define DIGEST "sha256:26f6459ff117a5236a3686dd3e67c80025bb50aa902ddede407485578fa5899a"

static ClientLayer layers[] = {
        { (char *) "sha256:aa", true, LAYER_UNPACKED, 5, 5 },
        { (char *) "sha256:bb", true, LAYER_UNPACKED, 5, 5 },
        { (char *) "sha256:cc", false, LAYER_UNPACKED, 5, 5 },
};

static const ClientDetails chain = {
        .digest = (char *) DIGEST,
        .disk = (char *) "/srv/vm/layer-2.qcow2",
        .layers = layers,
        .n_layers = 3,
        .downloaded = UINT64_C(31772672),
        .files = 4323,
        .start_usec = 1000000,
        .end_usec = 7590000,
};

static void expect(const ClientReady *ready, size_t columns, const char *expected) {
        _cleanup_(freep) char *text = client_ready_format(ready, columns);

        assert_non_null(text);
        assert_string_equal(text, expected);
}

TEST(what_to_use_next_comes_first) {
        const ClientReady ready = { "docker://docker.io/library/debian:12", "/srv/vm", &chain };

        expect(&ready, 120,
               "/srv/vm/layer-2.qcow2 is ready: 3 layers, 30.3M downloaded, 4323 files, 6.5 s   "
               "debian@26f6459ff117");
        expect(&ready, 80,
               "/srv/vm/layer-2.qcow2 is ready: 3 layers, 30.3M downloaded, 4323 files, 6.5 s\n"
               "   debian@26f6459ff117");
}

TEST(programs_get_the_whole_digest_on_one_line) {
        const ClientReady ready = { "docker://debian", "/srv/vm", &chain };

        expect(&ready, 0,
               "/srv/vm/layer-2.qcow2 is ready: 3 layers, 30.3M downloaded, 4323 files, 6.5 s (" DIGEST
               ")");
}

TEST(image_in_the_cache_is_not_downloaded) {
        ClientDetails details = { .digest = (char *) DIGEST, .layers = layers, .n_layers = 2 };
        const ClientReady ready = { "oci:/srv/debian:12", "/srv/debian", &details };

        expect(&ready, 120, "/srv/debian is ready: 2 layers, from the cache   sha256:26f6459ff117");
}

TEST(tarball_has_neither_layers_nor_digest) {
        ClientDetails details = { .files = 1, .start_usec = 1, .end_usec = 61000001 };
        const ClientReady ready = { "/srv/root.tar", "/srv/\033root", &details };

        expect(&ready, 80, "/srv/?root is ready: 1 file, 1 min 1 s");
        expect(&(ClientReady){ "", "/srv/root", &DETAILS_NULL }, 80, "/srv/root is ready");
}

TEST(spans_are_told_as_precisely_as_they_matter) {
        char text[SPAN_TEXT_MAX];

        assert_string_equal(client_span_format(0, text), "0.0 s");
        assert_string_equal(client_span_format(9999999, text), "9.9 s");
        assert_string_equal(client_span_format(51900000, text), "51 s");
        assert_string_equal(client_span_format(UINT64_C(125) * 1000000, text), "2 min 5 s");
        assert_string_equal(client_span_format(UINT64_C(12000) * 1000000, text), "3 h 20 min");
        assert_string_equal(client_span_format_clock(31, text), "0:31");
        assert_string_equal(client_span_format_clock(3723, text), "1:02:03");
}
