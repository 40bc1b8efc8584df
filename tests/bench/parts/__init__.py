# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/bench/bench is made of. Python's standard library, and what the integration tests have."""
